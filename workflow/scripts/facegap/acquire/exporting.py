"""Faces for a user's model: `facegap export faces`."""

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facegap.acquire.places import places
from facegap.assets import ASSETS, manifest
from facegap.crops import Crops
from facegap.decoding import ImageError
from facegap.errors import ConfigError, DataError, listed
from facegap.exported import exported_name
from facegap.files import whole
from facegap.images import open_images
from facegap.people.commands import results_of
from facegap.settings.load import read_study
from facegap.settings.study import Study
from facegap.tables.acquire import FACES, REJECTED
from facegap.tables.align import ALIGNED
from facegap.tables.base import read_table
from facegap.tables.synthesise import TRANSLATIONS

ORIGINAL = "original"
LIST, CHANGES = "faces.csv", "changes.csv"
TARGET = "target"  # the data set that editors change faces of


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments of `facegap export`."""
    kinds = parser.add_subparsers(required=True, metavar="what")
    faces = kinds.add_parser("faces", help="test faces as PNG files under names that say nothing")
    faces.add_argument("--config", type=Path, required=True)
    faces.add_argument("--to", type=Path, required=True, help="a new or empty folder")
    faces.add_argument("--dataset", help="if the study has several")
    faces.add_argument("--crop", default="none", help="none, ears-chin, ... (align), or original")
    faces.add_argument(
        "--changes",
        action="store_true",
        help="for an editor: the faces that are measured, and changes.csv, what to make of them",
    )
    faces.set_defaults(
        command=lambda given: (
            export_changes(read_study(given.config), given.to)
            if given.changes
            else export_faces(
                read_study(given.config), given.to, crop=given.crop, dataset=given.dataset
            )
        )
    )


def export_faces(study: Study, folder: Path, *, crop: str, dataset: str | None = None) -> None:
    """Write the test faces of a data set as <name>.png into `folder`, and their list, faces.csv.

    Faces that were aligned, by their `crop`, or all by their original picture, written anew without
    metadata. The names and the list say nothing of a face. Raises `DataError` where the study has
    no such crop or has not aligned its faces, and where the folder has files.
    """
    name = _dataset(study, dataset)
    table = read_table(results_of(study, f"acquire/{name}/faces.parquet", "align"), FACES)
    tested = table.loc[table["split"] == "test", ["face_id", "path"]]
    _require_empty(folder)
    if crop not in (ORIGINAL, *study.align.crops.written()):
        known = listed([*study.align.crops.written(), ORIGINAL])
        raise ConfigError(f"--crop {crop}: align.crops has no such crop; there are {known}")
    pictures = (
        _originals(study, name, tested) if crop == ORIGINAL else _crops(study, name, tested, crop)
    )
    rows = _write(study, name, pictures, folder)
    print(f"{folder}: {len(rows)} of {len(tested)} test faces of {name}, and {LIST}")
    if crop != ORIGINAL:
        lost = read_table(results_of(study, f"align/{name}/rejected.csv", "align"), REJECTED)
        reasons = lost.loc[lost["face_id"].isin(tested["face_id"]), "reason"].value_counts()
        for reason, count in reasons.sort_index().items():
            print(f"left out: {count} × {reason}")


def export_changes(study: Study, folder: Path) -> None:
    """Write the faces that an editor is measured on as <name>.png, and `changes.csv`.

    Of each face, which attribute is to be changed to which value, and a name for the file of it:
    with the images, renamed translations.csv, it is what the study reads.
    """
    place = results_of(study, "synthesise/changes.parquet", "plan_changes")
    changes = read_table(place, TRANSLATIONS)
    _require_empty(folder)
    faces = changes[["face_id"]].drop_duplicates()
    _write(study, TARGET, _crops(study, TARGET, faces, "centre"), folder)
    made = changes[changes["kind"] == "translation"]
    names = [exported_name(TARGET, face, study.seed) for face in made["face_id"]]
    table = made[["attribute", "value"]].assign(face=names)
    files = (
        table["face"] + "-" + table["attribute"].str.replace(r"[^\w-]", "_", regex=True) + ".png"
    )
    ordered = table.assign(file=files)[["face", "attribute", "value", "file"]]
    with whole(folder / CHANGES) as temporary:
        ordered.sort_values(["face", "attribute"]).to_csv(temporary, index=False)
    print(f"{folder}: {len(faces)} faces of {TARGET}, and {CHANGES}: {len(made)} changes of them")


def _require_empty(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise DataError(f"{folder}: has files already; name a new folder")


def _write(
    study: Study, name: str, pictures: Iterator[tuple[str, NDArray[np.uint8]]], folder: Path
) -> list[tuple[str, str]]:
    """Write the pictures of faces under their exported names, and the list of them."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for face_id, picture in pictures:
        exported = exported_name(name, face_id, study.seed)
        _, encoded = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        (folder / f"{exported}.png").write_bytes(encoded.tobytes())
        rows.append((exported, f"{exported}.png"))
    with whole(folder / LIST) as temporary, temporary.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([("face", "file"), *sorted(rows)])
    return rows


def _dataset(study: Study, given: str | None) -> str:
    known = list(study.datasets)
    name = given or (known[0] if len(known) == 1 else "target")
    if name not in known:
        raise ConfigError(f"--dataset {name}: there is no such data set; there are {listed(known)}")
    return name


def _crops(
    study: Study, name: str, tested: pd.DataFrame, crop: str
) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    place = f"align/{name}"
    aligned = read_table(results_of(study, f"{place}/faces.parquet", "align"), ALIGNED)
    shards = range(study.align.shards)
    paths = [results_of(study, f"{place}/{crop}/shard-{k}.npy", "align") for k in shards]
    crops = Crops(paths)
    own = aligned[aligned["face_id"].isin(tested["face_id"])]
    for face_id, row in zip(own["face_id"], own["row"].to_numpy(), strict=True):
        yield str(face_id), crops.take(row)[0]


def _originals(
    study: Study, name: str, tested: pd.DataFrame
) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    place = places(study, manifest())[name].images
    for sign, folder in (
        ("<results>", Path(study.results, study.study)),
        (ASSETS.rstrip("/"), Path(study.results, "assets")),
    ):
        place = place.replace(sign, str(folder))
    with open_images(place, study.align.max_pixels) as images:
        for face_id, path in tested.itertuples(index=False):
            try:
                yield str(face_id), images.read(str(path))
            except ImageError as error:
                print(f"left out: {error}")
