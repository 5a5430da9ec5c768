"""FairFace: images, and one or two CSVs."""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import pandas as pd

from facegap.acquire.readers.alike import refuse_look_alikes
from facegap.acquire.readers.parts import (
    Collection,
    by_name,
    images_in,
    refuse_duplicates,
    rejected_row,
    rejected_rows,
)
from facegap.errors import DataError, shown
from facegap.spreadsheets import read_csv

FAIRFACE_RACES = (
    *("White", "Black", "East Asian", "Southeast Asian", "Indian"),
    *("Middle Eastern", "Latino_Hispanic"),
)


def read(images: Path, texts: Sequence[Path]) -> Collection:
    """FairFace from its images (zip, or the folder with train/ and val/) and its one or two CSVs.

    Ages come as ranges of years (`20-29`, `more than 70`); age is the middle of the range, and its
    lower end where it has no upper one. Persons are not known.
    """
    table = pd.concat([_fairface_labels(path) for path in texts], ignore_index=True)
    refuse_duplicates(pd.Index(table["path"]), texts[0])
    paths, others = images_in(images)
    found = by_name(paths, _below_part, images)
    missing = table["path"][~table["path"].isin(found)]
    unnamed = sorted(set(found) - set(table["path"]))
    refuse_look_alikes(list(missing), unnamed, len(table), texts[0], images)
    rejected = rejected_rows(others)
    rejected += [rejected_row(path, "a row of FairFace's labels, but no image") for path in missing]
    rejected += [rejected_row(found[name], "no row in FairFace's labels") for name in unnamed]
    table = table[table["path"].isin(found)]
    table["path"] = table["path"].map(found)
    return Collection(table, rejected, "FairFace", "CC BY 4.0")


def _below_part(path: str) -> str:
    """`train/1.jpg` of a path in whatever folder, as the labels name it."""
    return "/".join(PurePosixPath(path).parts[-2:])


def _fairface_labels(path: str | Path) -> pd.DataFrame:
    table = read_csv(path)
    missing = [name for name in ("file", "age", "gender", "race") if name not in table]
    if missing:
        raise DataError(f"{path}: not FairFace's: no column {', '.join(missing)}")
    for row in table.index[table["file"].isna()]:
        raise DataError(f"{path}, row {row}: no file; fill it in, or remove the row")
    for name, allowed in (("gender", ("Male", "Female")), ("race", FAIRFACE_RACES)):
        for row in table.index[~table[name].isin(allowed)]:
            raise DataError(
                f"{path}, row {row}: {name} is {shown(table[name][row])}, allowed are"
                f" {', '.join(allowed)}"
            )
    ages = table["age"].map(_middle_of)
    for row in table.index[ages.isna()]:
        age = shown(table["age"][row])
        raise DataError(f"{path}, row {row}: age is {age}, no range of years")
    return pd.DataFrame(
        {
            "path": table["file"],
            "subject_id": None,
            "age": ages,
            "gender": table["gender"].str.lower(),
            "race_raw": table["race"],
        }
    )


def _middle_of(words: object) -> float | None:
    """The middle of a range of years; spreadsheets make a date of 3-9, which is no range."""
    if found := re.fullmatch(r"(\d{1,2})-(\d{1,2})", str(words)):
        return (int(found[1]) + int(found[2]) + 1) / 2
    found = re.fullmatch(r"more than (\d{1,3})", str(words))
    return float(found[1]) if found else None
