"""A user's images and a CSV of what is known of them."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from facegap.acquire.readers.alike import refuse_look_alikes
from facegap.acquire.readers.parts import (
    NO_IMAGE,
    OLDEST,
    UNREAD,
    Collection,
    images_in,
    numbers,
    refuse_ours,
    rejected_row,
)
from facegap.errors import DataError, listed, shown
from facegap.spreadsheets import as_flags, read_csv
from facegap.tables.acquire import GENDERS, OURS

KNOWN = ("path", "subject_id", "age", "gender", "race_raw")


def read(images: Path, texts: Sequence[Path]) -> Collection:
    """A user's images and a CSV: `path`, and any of subject_id, age, gender, race_raw, and others.

    Columns of other names are binary attributes (0, 1 or empty), or words without a number among
    them. Rows whose image is missing, and images without a row, are rejected.
    """
    (labels,) = texts
    table = _csv(labels)
    for name in KNOWN[1:]:
        table[name] = table.get(name)
    years = f"0 to {OLDEST} years or nothing"
    table["age"] = numbers(table, "age", labels, lambda age: 0 <= age <= OLDEST, years)
    unknown = table["gender"].dropna()[lambda gender: ~gender.isin(GENDERS)]
    if len(unknown):
        raise DataError(
            f"{labels}, row {unknown.index[0]}: gender is {shown(unknown.iloc[0])},"
            f" allowed are {', '.join(GENDERS)} or nothing"
        )
    for name in table.columns.difference(list(KNOWN)):
        table[name] = as_flags(table[name])
        if pd.to_numeric(table[name], errors="coerce").notna().any() or table[name].isna().all():
            allowed = "0, 1 or nothing (numbers that are a group's name need a word: type 4)"
            values = numbers(table, name, labels, lambda value: value in (0, 1), allowed)
            table[name] = values.astype("Int8")
    paths, others = images_in(images)
    there, named = set(paths), set(table["path"])
    unread = [path for path, reason in others.items() if reason != NO_IMAGE]
    missing = table["path"][~table["path"].isin({*paths, *others})]
    nameless = sorted({*paths, *unread} - named)
    refuse_look_alikes(list(missing), nameless, len(table), labels, images)
    rejected = [rejected_row(path, reason) for path, reason in others.items() if reason != NO_IMAGE]
    rejected += [
        rejected_row(
            path, UNREAD if path in others else f"a row of {Path(labels).name}, but no such image"
        )
        for path in table["path"][~table["path"].isin(there)]
    ]
    rejected += [
        rejected_row(path, f"no row in {Path(labels).name}") for path in sorted(there - named)
    ]
    table = table[table["path"].isin(there)]
    return Collection(table, rejected, images.name, "the user's")


def _csv(path: str | Path) -> pd.DataFrame:
    table = read_csv(path)
    if "path" not in table:
        raise DataError(f"{path}: needs a column path; it has {listed(table.columns)}")
    for row in table.index[table["path"].isna()]:
        raise DataError(f"{path}, row {row}: no path; fill it in, or remove the row")
    for row in table.index[table["path"].duplicated()]:
        raise DataError(f"{path}, row {row}: {shown(table['path'][row])} has two rows")
    refuse_ours(table.columns, OURS, path)
    return table
