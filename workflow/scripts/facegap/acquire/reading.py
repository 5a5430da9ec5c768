"""A data set's files as one table of faces; lists of what is rejected or there twice."""

import hashlib
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import pandas as pd

from facegap.acquire.readers.parts import Collection, reasons, stem
from facegap.acquire.splits import Sampling, choose, split_table
from facegap.errors import DataError
from facegap.images import ImageError, open_images
from facegap.seeds import generator
from facegap.tables.acquire import DUPLICATES, FACES, REJECTED
from facegap.tables.base import write_table

NOT_LABELS = ("path", "face_id", "split", "official_landmarks")
NO_REJECTED: dict[str, list[str]] = {"path": [], "face_id": [], "reason": []}


def read_faces(
    *,
    images: Path,
    texts: list[Path],
    faces: Path,
    rejected: Path,
    duplicates: Path,
    reader: str,
    sampling: Sampling,
    dataset: str,
    seed: int,
) -> None:
    """Sample the faces to use and their split, and write the tables.

    `reader` is the module of facegap.acquire.readers for the kind; `texts` are the kind's files of
    labels. Images of the same bytes are listed, and go to one part of the split as one person's do.
    Raises `DataError` where not one image has labels, or files do not belong together.
    """
    module = import_module(f"facegap.acquire.readers.{reader}")
    collection: Collection = module.read(images, texts)
    table, others = collection.faces, collection.rejected
    if table.empty:
        raise DataError(f"data set {dataset}: not one image with labels{reasons(others)}")
    table = table.sort_values("path", ignore_index=True)
    table["face_id"] = table["path"].map(stem)
    twice = table["face_id"].duplicated(keep=False)
    table.loc[twice, "face_id"] = table.loc[twice, "path"]
    rng = generator(seed, "sampled_faces", dataset=dataset)
    table = table[choose(table["subject_id"], sampling.faces, rng)].reset_index(drop=True)
    same = _same_bytes(table["path"], images)
    rng = generator(seed, "split", dataset=dataset)
    alike = table.assign(subject_id=_persons(table["subject_id"], same))
    table["split"] = split_table(alike, sampling.split, rng, faces)
    write_table(pd.DataFrame(others or NO_REJECTED), rejected, REJECTED)
    write_table(_duplicates(table, same), duplicates, DUPLICATES)
    about = {"source": collection.source, "licence": collection.licence}
    write_table(table, faces, FACES, about)


def _same_bytes(paths: pd.Series, images: Path) -> list[list[int]]:
    """The rows of `paths` whose files hold the same bytes, two and more of them, in order."""
    rows: dict[bytes, list[int]] = {}
    with open_images(images) as source:
        for row, path in enumerate(paths):
            try:
                digest = hashlib.blake2b(source.contents(path), digest_size=16).digest()
            except ImageError:
                continue  # listed where the image is decoded
            rows.setdefault(digest, []).append(row)
    return [same for same in rows.values() if len(same) > 1]


def _persons(subjects: pd.Series, same: Sequence[Sequence[int]]) -> pd.Series:
    """Who is on each face for the split: those with an image in common are taken for one person."""
    persons = subjects.astype(object)
    for rows in same:
        known = list(dict.fromkeys(persons[list(rows)].dropna()))
        one = known[0] if known else f"\0{rows[0]}"
        persons[list(rows)] = one
        if known[1:]:
            persons[persons.isin(known[1:])] = one
    return persons


def _duplicates(table: pd.DataFrame, same: Sequence[Sequence[int]]) -> pd.DataFrame:
    labels = table.drop(columns=[name for name in NOT_LABELS if name in table])
    rows = []
    for group in same:
        values = labels.iloc[list(group)].nunique(dropna=False)
        differs = "+".join(str(name) for name in values.index[values > 1]) or None
        first = table["face_id"][group[0]]
        rows += [(table["path"][k], table["face_id"][k], first, differs) for k in group]
    return pd.DataFrame(rows, columns=list(DUPLICATES.columns))
