"""Whatever comes from outside with bytes changed: read as it is, or refused in one sentence."""

import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from human import opened, study
from PIL import Image
from reliability import Reliability

from facegap.acquire.archives import unpack_images
from facegap.answers import read_answers
from facegap.decoding import ImageError, decoded
from facegap.errors import FacegapError
from facegap.images import open_images
from facegap.people.comparing.answers import ROUND, read_database
from facegap.people.engine import closing
from facegap.settings.annotate import Person
from facegap.settings.load import read_study
from facegap.spreadsheets import read_csv

RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 255, (40, 30, 3), dtype=np.uint8)
FACES = [f"{k:04}" for k in range(8)]
KNOWN = pd.DataFrame({"face_id": FACES, "path": [f"people/{face}.jpg" for face in FACES]})
TASKS = [
    {
        "id": k,
        "data": {"image": f"/data/upload/1/{face}.jpg"},
        "annotations": [
            {
                "completed_by": {"id": 1},
                "result": [{"from_name": "side", "value": {"choices": ["inside"]}}],
            }
        ],
    }
    for k, face in enumerate(FACES)
]
CONFIG = (Path(__file__).parents[3] / "config/config.yaml").read_bytes()


@dataclass(frozen=True)
class Kind:
    """What comes: how a sound file of it is made, and how it is read."""

    name: str
    file: str
    make: Callable[[Path], object]
    read: Callable[[Path], object]
    share: float = 1.0  # of the changes that are tried, where one takes long


def picture(kind: str) -> Kind:
    def make(path: Path) -> None:
        Image.fromarray(NOISE).save(path, kind)

    return Kind(f"{kind} pictures", "a", make, lambda path: decoded(path.read_bytes(), "a", 10**6))


def packed(kind: str) -> Kind:
    def make(path: Path) -> None:
        with tarfile.open(path, f"w:{kind}") as archive:  # type: ignore[call-overload]
            for face in FACES:
                info = tarfile.TarInfo(f"people/{face}.jpg")
                info.size = 700
                archive.addfile(info, io.BytesIO(RNG.bytes(700)))

    def read(path: Path) -> None:
        images = path.with_name("images.zip")
        try:
            unpack_images(archives=[path], images=images)
        finally:
            images.unlink(missing_ok=True)

    name = f"tar.{kind}".removesuffix(".")
    return Kind(f"{name} archives", f"a.{name}", make, read)


def zipped(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for face in FACES:
            file = io.BytesIO()
            Image.fromarray(NOISE).save(file, "PNG")
            archive.writestr(f"people/{face}.png", file.getvalue())


def look(path: Path) -> None:
    """Read every picture of an archive, as a shard does: a bad one does not end the others."""
    with open_images(path) as images:
        for name in images.names():
            try:
                images.read(name)
            except ImageError:
                continue


def answers(words: bool) -> Kind:
    file = "a.json" if words else "a.csv"
    person = Person(answers=file, face="image") if words else Person(answers=file)

    def make(path: Path) -> None:
        rows = "".join(f"{face},inside,0,no\n" for face in FACES)
        path.write_text(json.dumps(TASKS) if words else "face_id,side,showing,tentative\n" + rows)

    name = "exports of Label Studio" if words else "answers as CSV"
    return Kind(name, file, make, lambda path: read_answers(path, person, KNOWN))


def database(path: Path) -> None:
    place = path.with_name("pairs")
    place.mkdir()
    one = opened(study(place, pairs=4, familiarity=1), path)
    one.invite()
    with closing(one.engine, ROUND):
        pass
    one.engine.dispose()


KINDS = [
    *(picture(kind) for kind in ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF")),
    *(packed(kind) for kind in ("", "gz", "xz")),
    Kind("zip archives of pictures", "a.zip", zipped, look),
    answers(words=True),
    answers(words=False),
    Kind("tables as CSV", "a.csv", lambda path: KNOWN.to_csv(path, index=False), read_csv),
    Kind("configurations", "a.yaml", lambda path: path.write_bytes(CONFIG), read_study, 0.3),
    Kind("databases of answers", "a.sqlite", database, read_database, 0.3),
]


def changed(content: bytes, rng: np.random.Generator) -> bytes:
    """`content` with one to five changes: bytes set, parts cut out, repeated, moved, or put in."""
    for _ in range(rng.integers(1, 6)):
        at, end = sorted(int(x) for x in rng.integers(0, max(len(content), 1), 2))
        end = min(end, at + int(rng.choice([1, 4, 64, 4096])))
        part = content[at:end]
        put = [bytes(rng.integers(0, 256, len(part), dtype=np.uint8)), b"", part + part, part[::-1]]
        content = content[:at] + put[rng.integers(4)] + content[end:]
        if rng.random() < 0.1:
            content = content[: int(rng.integers(len(content) + 1))]
    return content


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("count", [60, pytest.param(500, marks=pytest.mark.long)])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name.replace(" ", "-"))
def test_what_is_damaged_is_read_or_refused(
    kind: Kind, count: int, tmp_path: Path, reliability: Reliability
) -> None:
    path = tmp_path / "inside" / kind.file
    path.parent.mkdir()
    kind.make(path)
    sound, rng, messages = path.read_bytes(), np.random.default_rng(count), list[str]()
    kind.read(path)
    there = sorted(each.name for each in path.parent.iterdir())
    tried = round(count * kind.share)
    for _ in range(tried):
        path.write_bytes(changed(sound, rng))
        try:
            kind.read(path)
        except FacegapError as error:
            messages.append(str(error))
    assert messages
    assert max(map(len, messages)) < 2000
    assert sorted(each.name for each in path.parent.iterdir()) == there
    assert [each.name for each in tmp_path.iterdir()] == ["inside"], "nothing leads out"
    if count > 60:
        reliability.hostile(
            f"{kind.name} with bytes changed",
            f"{tried:,}",
            f"refuses {len(messages):,} in a sentence, reads the others as they are",
            "0",
        )
