"""sheets.html: translations to browse, face by face, in one page that needs no other file."""

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd
from PIL import Image

from facegap.files import whole
from facegap.synthesise.sheet import KINDS, row_of_images
from facegap.tables.base import DOMAINS, SIDES, read_table
from facegap.tables.measure import SCORES
from facegap.tables.synthesise import TRANSLATIONS

TEMPLATE = Path(__file__).with_name("sheets.html.j2")
EACH = 8  # faces of each rank, seed and side
TILE = 96  # pixels of a face on the page


def browse_sheets(
    *,
    arrays: list[Path],
    translations: list[Path],
    scores: Path,
    page: Path,
    seeds: list[int],
    attributes: list[str],
    sides: dict[str, str],
) -> None:
    """Write the page: of each seed and side the best, middle and worst faces by SCORES.

    `arrays` (uint8 (n, s, s, 3) RGB) and `translations` (TRANSLATIONS) have a file for each of
    `seeds`; `sides` are the sides' names.
    """
    titles = [*KINDS, *attributes]
    scored = read_table(scores, SCORES)
    faces: list[dict[str, Any]] = []
    for which, array, path in zip(seeds, arrays, translations, strict=True):
        table, images = read_table(path, TRANSLATIONS), np.load(array, mmap_mode="r")
        own = table.merge(scored[scored["seed"] == which].drop(columns="seed"), on="row")
        for domain, side in zip(DOMAINS, SIDES, strict=True):
            for face in _ranked(own[own["domain"] == domain]):
                of_face = table[table["face_id"] == face["face_id"]]
                picture = _embedded(row_of_images(of_face, attributes, images), len(titles))
                faces.append({**face, "seed": which, "side": sides[side], "image": picture})
    _render(page, faces, titles)


def _render(page: Path, faces: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    filters = {
        name: list(dict.fromkeys(face[name] for face in faces if face[name]))
        for name in ("seed", "side", "rank", "control")
    }
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    text = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        faces=faces, filters=filters, columns=columns, each=EACH, width=TILE * len(columns)
    )
    with whole(page) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _embedded(row: Image.Image, count: int) -> str:
    """A row of `count` images as an address that holds them."""
    row = row.resize((TILE * count, TILE * count * row.height // row.width))
    file = io.BytesIO()
    row.save(file, "JPEG", quality=90)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


def _ranked(own: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """The best, middle and worst faces of `own` (TRANSLATIONS and SCORES), each once."""
    faces = own.groupby("face_id").agg(
        {"shown": "mean", "identity": "mean", "control": "first", "face_id": "first"}
    )
    faces = faces.sort_values("shown", ascending=False, kind="stable")
    count = len(faces)
    middle = max((count - EACH) // 2, min(EACH, count))
    for rank, start, end in (
        ("best", 0, min(EACH, count)),
        ("median", middle, min(middle + EACH, count)),
        ("worst", max(count - EACH, middle + EACH), count),
    ):
        for face in faces.iloc[start:end].to_dict("records"):
            about = {str(name): value for name, value in face.items()}
            yield {**about, "rank": rank, "control": face["control"] or ""}
