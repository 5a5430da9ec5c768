"""A small human study of drawn faces, as the rule pair_outputs would leave it; who takes part."""

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import yaml
from fastapi.testclient import TestClient
from PIL import Image
from sqlalchemy import Engine

from facegap.judge.pairs import pair_outputs
from facegap.people.comparing.answers import ROUND
from facegap.people.comparing.sheet import Sheet, read_sheet
from facegap.people.comparing.site import site
from facegap.people.engine import closing, invite, open_study, seat_people
from facegap.people.web.guard import Limits
from facegap.settings.judge import Design
from facegap.tables.base import write_table
from facegap.tables.synthesise import TRANSLATIONS

ROOT = Path(__file__).parents[2]
DESIGN: dict[str, Any] = {
    "participants": 2,
    "pairs": 20,
    "overlap": False,
    "attention": 0.1,
    "repeats": 0.1,
    "training": 2,
    "familiarity": 3,
    "criteria": False,
    "break_every": 8,
}
DRAWN = {"kind": "drawn", "faces": 20, "split": {"train": 0.5, "test": 0.5}, "labels": "own"}
STUDY = "human"
SIZE = 128
FAST = Limits(known=(1e6, 10**6), strangers=(1e6, 10**6))
STEP = 131  # from face to face on the sheet


def configure(folder: Path, **judge: Any) -> Path:
    """Write the configuration of the study in `folder`, and where it is."""
    config = folder / "config.yaml"
    given = {
        "study": STUDY,
        "boundary": "group",
        "sides": {"inside": "Round", "outside": "Long"},
        "results": str(folder / "results"),
        "data_root": str(folder / "data"),
        "datasets": {"source": DRAWN, "target": DRAWN},
        "judge": judge,
    }
    config.write_text(yaml.safe_dump(given))
    return config


def study(
    folder: Path, persons: int = 12, pictures: int = 2, seed: int = 5, **changed: Any
) -> Path:
    """The study's configuration, and its results: pairs, persons, sheet, images and keys.

    The folder of the results, which has them in its folder judge.
    """
    configure(folder)
    table = pd.DataFrame(
        [
            (f"{domain}{control}{person}", picture, domain, control, attribute, value)
            for domain in ("in-domain", "out-domain")
            for control in ("male", "female")
            for person in range(persons)
            for picture in range(pictures)
            for attribute, value in ((None, pd.NA), ("Young", 1), ("Bangs", 1), ("Bald", 0))
        ],
        columns=["subject_id", "picture", "domain", "control", "attribute", "value"],
    )
    table = table.assign(
        row=range(len(table)),
        face_id=table["subject_id"] + "-" + table["picture"].astype(str),
        kind=np.where(table["attribute"].isna(), "original", "translation"),
    )
    synthesised, results = folder / "synthesise", folder / "results" / STUDY
    translations, array = synthesised / "t.parquet", synthesised / "t.npy"
    write_table(table[list(TRANSLATIONS.columns)], translations, TRANSLATIONS)
    np.save(array, _pictures(table))
    names = ("pairs", "persons", "key", "persons_key")
    secret = f"comparisons/{STUDY}.secret"
    (folder / "data" / secret).parent.mkdir(parents=True)
    (folder / "data" / secret).write_text(f"{seed:064x}\n")  # the same study in every test
    pair_outputs(
        translations=[translations],
        arrays=[array],
        sheet=results / "judge/sheet.json",
        images=results / "judge/images.zip",
        **{name: results / f"judge/{name}.parquet" for name in names},
        seeds={"inside": [1]},
        settings=Design(**{**DESIGN, **changed}),
        secret=secret,
        seed=seed,
        data_root=folder / "data",
    )
    return results


def _pictures(table: pd.DataFrame) -> np.ndarray:
    """Cuts of the sheet of drawn faces, a tint for each attribute: uint8 (n, s, s, 3)."""
    sheet = np.asarray(Image.open(ROOT / "docs/drawn-faces.jpg").convert("RGB"))
    high, wide = (length // STEP for length in sheet.shape[:2])
    faces = pd.factorize(table["face_id"])[0] % (high * wide)
    tint = {"Young": (1, 0.9, 0.8), "Bangs": (0.8, 0.9, 1), "Bald": (0.9, 1, 0.85)}
    images = np.empty((len(table), SIZE, SIZE, 3), np.uint8)
    for i, (face, attribute) in enumerate(zip(faces, table["attribute"], strict=True)):
        y, x = face // wide * STEP, face % wide * STEP
        images[i] = sheet[y : y + SIZE, x : x + SIZE] * np.array(tint.get(attribute, (1, 1, 1)))
    return images


@dataclass(frozen=True)
class Opened:
    """A study that is served: its sheet, and the database of its answers."""

    config: Path
    sheet: Sheet
    engine: Engine

    def invite(self, again: Iterable[str] = ()) -> dict[str, str]:
        """New tokens by participant, as the command invite gives them."""
        people = {name: plan.items for name, plan in self.sheet.plans.items()}
        seat_people(self.engine, ROUND, people)
        return {seat.name: token for seat, token in invite(self.engine, again)}

    def asking_for_criteria(self) -> "Opened":
        """The study, with a sheet that asks for the criteria too."""
        return replace(self, sheet=replace(self.sheet, criteria=True))


def opened(results: Path, database: str | Path) -> Opened:
    """The study in `results`, with its answers in `database`."""
    sheet = read_sheet(results / "judge")
    config = results.parents[1] / "config.yaml"
    return Opened(config, sheet, open_study(database, ROUND, sheet.subject))


@dataclass
class Participant:
    """Someone with a link (`root`) and no scripts."""

    client: httpx.Client | TestClient
    root: str

    def see(self) -> str:
        """The page that the link opens, past a break."""
        return self.client.get(self.root, params={"on": "1"}).text

    def post(self, where: str, **fields: str) -> int:
        """Send a form; the status of the answer."""
        return self.client.post(self.root + where, data=fields, follow_redirects=False).status_code

    def pair(self) -> str | None:
        """The pair that is asked now, if one is."""
        found = re.search(r"/answer/(\w+)", self.see())
        return found[1] if found else None

    def begin(self) -> None:
        """Consent, and go on to the pairs."""
        assert self.post("consent", agree="yes") == self.post("start", x="") == 303

    def answer_all(self) -> list[str]:
        """Answer pairs until there are no more; those asked, in their order."""
        asked = []
        while pair := self.pair():
            assert self.post(f"answer/{pair}", choice="left", seconds="1.5") == 303
            asked.append(pair)
        return asked

    def recognise(self, known: str = "yes") -> int:
        """Say of every person at the end whether they are known."""
        names = re.findall(r'name="(\w+)" value="yes"', self.see())
        return self.post("persons", **dict.fromkeys(names, known))


class Labelling(TestClient):
    """A client of the labelling pages, who knows the code of each face."""

    codes: Mapping[str, str]


def close(engine: Engine, of_round: str) -> None:
    """Close a round, as the commands do it."""
    with closing(engine, of_round):
        pass


def participant(study: Opened, token: str) -> Participant:
    """The holder of `token`, at an application of their own."""
    app = site(study.engine, study.sheet, consent="Text.\n\nMore.", limits=FAST)
    return Participant(TestClient(app), f"/s/{token}/")


def command(*arguments: str | Path, pages: str = "judge") -> list[str]:
    """The command line of `facegap judge`, or of `facegap annotate`."""
    return [sys.executable, "-m", "facegap.cli", pages, *map(str, arguments)]


class Server:
    """`facegap judge serve`, or annotate, as a process of its own, on a port that stays."""

    def __init__(
        self, config: Path, database: str | Path, *options: str, pages: str = "judge"
    ) -> None:
        """Serve the study of a configuration."""
        self.pages = pages
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.of = ("--config", config, "--database", database)
        self.options: tuple[str | Path, ...] = options
        if pages == "judge":
            consent = config.with_name("consent.txt")
            consent.write_text("You look at pictures.")
            self.options = ("--consent", consent, *options)
        self.start()

    def command(self, name: str, *arguments: str | Path) -> list[str]:
        """The command line of one of its commands."""
        return command(name, *self.of, *arguments, pages=self.pages)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.process = subprocess.Popen(
            self.command("serve", "--port", str(self.port), *self.options),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(900):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert self.process.poll() is None, "the server ended"
                time.sleep(0.1)
        raise AssertionError("the server does not answer")

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def invite(self) -> list[str]:
        """Everybody's link."""
        printed = subprocess.run(
            self.command("invite", "--url", f"http://127.0.0.1:{self.port}"),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        return [line.split("\t")[2] for line in printed.splitlines()]
