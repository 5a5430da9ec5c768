"""What participants are asked: the files of the rule pair_outputs, without the key.

Nothing here reads the key: which image is of which side is not known to page or database.
"""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from facegap.errors import DataError
from facegap.files import read_json
from facegap.participants import list_of
from facegap.people.engine import Item
from facegap.tables.base import read_table
from facegap.tables.judge import PAIRS, PERSONS


@dataclass(frozen=True)
class Pair:
    """One pair as the page shows it."""

    pair_id: str
    training: bool
    attribute: str | None  # none: both are untouched originals
    value: int | None
    images: tuple[str, str]  # left, right
    originals: tuple[str, str]
    expected: str | None = None  # of an attention pair: the choice of who looks


@dataclass(frozen=True)
class Plan:
    """What one participant is asked, in order, and the images that they may see."""

    pairs: tuple[Pair, ...]
    persons: tuple[tuple[str, str], ...]  # id and image
    images: frozenset[str]

    @property
    def attention(self) -> dict[str, str]:
        """The choice of who looks, by the pair_id of each attention pair."""
        return {pair.pair_id: pair.expected for pair in self.pairs if pair.expected}

    @property
    def items(self) -> list[Item]:
        """The pairs, and then the persons."""
        pairs = [Item(pair.pair_id, 0, "pair") for pair in self.pairs]
        return pairs + [Item(person, 0, "person") for person, _ in self.persons]


@dataclass(frozen=True)
class Sheet:
    """A study of pairs: what each participant is asked, and the images."""

    subject: str  # digest of the pairs
    criteria: bool
    break_every: int
    for_people: bool  # blinded by a secret, not by the seed
    plans: Mapping[str, Plan]  # by list, which has the name of the first who gets it
    archive: zipfile.ZipFile
    sized: bool = False  # whether the page notes how large a picture is on the screen

    def plan(self, participant: str) -> Plan:
        """What a participant is asked: several may have the same list."""
        return self.plans[list_of(participant)]

    def png(self, image: str) -> bytes:
        """The image of a blinded id, as PNG."""
        return self.archive.read(f"{image}.png")


def read_sheet(folder: Path) -> Sheet:
    """The study in `folder` (results/<study>/judge); a `DataError` names a file that is missing."""
    about = _about(folder / "sheet.json")
    pairs = read_table(folder / "pairs.parquet", PAIRS)
    persons = read_table(folder / "persons.parquet", PERSONS)
    plans, archive = _plans(pairs, persons), _archive(folder / "images.zip")
    there = set(archive.namelist())
    shown = [image for plan in plans.values() for image in plan.images]
    if lost := [image for image in shown if f"{image}.png" not in there]:
        raise DataError(
            f"{archive.filename}: {len(lost)} of the images that participants are shown are not in"
            " it; copy the folder anew, whole, from where the pairs were made"
        )
    return Sheet(
        subject=about["pairs"],
        criteria=about["criteria"],
        break_every=about["break_every"],
        for_people=about.get("for_people", False),
        plans=plans,
        archive=archive,
    )


def _about(path: Path) -> Mapping[str, Any]:
    about = read_json(path)
    kinds = {"pairs": str, "criteria": bool, "break_every": int}
    if not isinstance(about, dict) or any(
        not isinstance(about.get(key), kind) for key, kind in kinds.items()
    ):
        raise DataError(
            f"{path}: not as the rule pair_outputs writes it (it has {', '.join(kinds)}); copy it"
            " anew from where the pairs were made"
        )
    return about


def _archive(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path}: not readable: {error}; copy it anew from where the pairs were made"
        ) from error


def _plans(pairs: pd.DataFrame, persons: pd.DataFrame) -> dict[str, Plan]:
    plans = {}
    asked = dict(list(persons.groupby("participant")))
    for name, part in pairs.sort_values("position").groupby("participant", sort=False):
        shown = tuple(
            Pair(
                row["pair_id"],
                row["training"],
                None if pd.isna(row["attribute"]) else str(row["attribute"]),
                None if pd.isna(row["value"]) else int(row["value"]),
                (row["left_image"], row["right_image"]),
                (row["left_original"], row["right_original"]),
                None if pd.isna(row["expected"]) else str(row["expected"]),
            )
            for row in part.to_dict("records")
        )
        theirs = asked.get(name, persons[:0]).sort_values("position")
        known = tuple(zip(theirs["person_id"], theirs["image"], strict=True))
        images = frozenset(
            [*(i for pair in shown for i in (*pair.images, *pair.originals)), *theirs["image"]]
        )
        plans[str(name)] = Plan(shown, known, images)
    return dict(sorted(plans.items(), key=lambda item: (len(item[0]), item[0])))
