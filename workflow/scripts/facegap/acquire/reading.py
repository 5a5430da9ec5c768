"""A data set's files as one table of faces, with what each file and picture is like; its split."""

import hashlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path

import pandas as pd

from facegap.acquire import duplicates as twice
from facegap.acquire.looks import looks
from facegap.acquire.readers.parts import Collection, reasons, stem
from facegap.acquire.splits import choose, split_table
from facegap.apart import apart
from facegap.decoding import ImageError
from facegap.errors import DataError
from facegap.images import open_images
from facegap.seeds import generator
from facegap.settings.acquire import Duplicates, Split
from facegap.tables.acquire import DUPLICATES, FACES, REJECTED, SAMPLED
from facegap.tables.base import metadata, read_table, write_table

NO_REJECTED: dict[str, list[str]] = {"path": [], "face_id": [], "reason": []}
SEEN = ["file_digest", "look", "mirrored_look"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Amount:
    """How many faces of a data set are used; None: all."""

    faces: int | None


def read_faces(
    *,
    images: Path,
    texts: list[Path],
    sampled: Path,
    rejected: Path,
    reader: str,
    amount: Amount,
    dataset: str,
    seed: int,
) -> None:
    """Sample the faces to use, and write them with the digests of their files and their looks.

    `reader` is the module of facegap.acquire.readers for the kind; `texts` are the kind's files of
    labels. Raises `DataError` where not one image has labels, or files do not belong together.
    """
    module = import_module(f"facegap.acquire.readers.{reader}")
    collection: Collection = module.read(images, texts)
    table, others = collection.faces, collection.rejected
    if table.empty:
        raise DataError(f"data set {dataset}: not one image with labels{reasons(others)}")
    table = table.sort_values("path", ignore_index=True)
    table["face_id"] = table["path"].map(stem)
    several = table["face_id"].duplicated(keep=False)
    table.loc[several, "face_id"] = table.loc[several, "path"]
    rng = generator(seed, "sampled_faces", dataset=dataset)
    table = table[choose(table["subject_id"], amount.faces, rng)].reset_index(drop=True)
    table[SEEN] = _seen(table["path"], images)
    write_table(pd.DataFrame(others or NO_REJECTED), rejected, REJECTED)
    about = {"source": collection.source, "licence": collection.licence, "dataset": dataset}
    write_table(table, sampled, SAMPLED, about)


def _seen(paths: pd.Series, images: Path) -> pd.DataFrame:
    """Of each image: the digest of its file, its look and that of its mirror image, in hex."""
    nothing = (None, None, None)  # of an image that cannot be read, which aligning it lists
    rows = apart(partial(_looked_at, images=images), list(paths), lambda path, reason: nothing)
    return pd.DataFrame(list(rows), columns=SEEN, index=paths.index, dtype=object)


def _looked_at(paths: Sequence[str], *, images: Path) -> Iterator[tuple[str | None, ...]]:
    with open_images(images) as source:
        for path in paths:
            try:
                data = source.contents(path)
            except ImageError:
                yield None, None, None
                continue
            digest = hashlib.blake2b(data, digest_size=16).hexdigest()
            found = looks(data, path)
            yield digest, *([look.hex() for look in found] if found else (None, None))


def split_dataset(
    *,
    sampled: Path,
    earlier: list[Path],
    faces: Path,
    duplicates: Path,
    split: Split,
    settings: Duplicates,
    dataset: str,
    seed: int,
) -> None:
    """Split the faces `sampled` (SAMPLED), and list those whose picture is there twice.

    Persons with a picture in common go to one part, as one person does. `earlier` are the sampled
    faces of the data sets before this one, the source first: a person of whom one of these has a
    picture too is in neither part, if the settings say so.
    """
    table = read_table(sampled, SAMPLED)
    own = twice.looks_of(table)
    within = twice.pairs_within(own, settings.distance)
    lists = [twice.listed(table, table, dataset, within)]
    alike = table.assign(subject_id=twice.persons(table["subject_id"], within))
    shared = set[str]()
    for path in earlier:
        others, name = read_table(path, SAMPLED), metadata(path)["dataset"]
        across = twice.pairs_across(own, twice.looks_of(others), settings.distance)
        lists.append(twice.listed(table, others, name, across))
        shared |= set(alike["subject_id"].iloc[across["row"].unique()])
    free = ~alike["subject_id"].isin(shared) if settings.leave_out else pd.Series(True, alike.index)
    if not free.any():
        raise DataError(
            f"{faces}: none of its {len(table)} faces is left, since an earlier data set has a"
            " picture of each person; name other images, or set acquire.duplicates.leave_out:"
            " false"
        )
    if not free.all():
        log.info("%d faces rest: an earlier data set has a picture of their person", (~free).sum())
    rng = generator(seed, "split", dataset=dataset)
    parts = split_table(alike[free].reset_index(drop=True), split, rng, faces)
    table["split"] = "rest"
    table.loc[free, "split"] = parts.to_numpy()
    found = pd.concat(lists, ignore_index=True)
    write_table(found, duplicates, DUPLICATES)
    about = {name: value for name, value in metadata(sampled).items() if name != "dataset"}
    about |= twice.counts(found, dataset, int((~free).sum()))
    write_table(table.drop(columns=SEEN), faces, FACES, about)
