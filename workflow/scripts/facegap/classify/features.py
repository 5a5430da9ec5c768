"""Cached features: what a backbone's frozen part makes of every face, computed once.

Fine-tuning begins from the activations at the boundary, so the trunk is not run again, and head
training from the pooled features, so that the tail is not run either. Augmented runs see several
augmented copies of each training face, cached; test faces are always as they are.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.lib import format as npy
from numpy.typing import NDArray

from facegap.classify.augmentation import augmented_copy
from facegap.classify.backbones import Network, network
from facegap.classify.plans import Extraction, Preprocessed
from facegap.crops import Crops, apart
from facegap.errors import DataError, TrainingError
from facegap.files import read_json, whole, write_json
from facegap.network import settle
from facegap.parts import VALIDATION, halves, persons_of, validated
from facegap.progress import paced
from facegap.settings.classify import Augmentation, Features
from facegap.tables.acquire import FACES
from facegap.tables.align import ALIGNED
from facegap.tables.annotate import LABELS
from facegap.tables.base import read_table, write_table
from facegap.tables.classify import ENTRIES

log = logging.getLogger(__name__)
BATCH = 32  # faces in memory at once
FILES = ("entries.parquet", "boundary.npy", "pooled.npy")
ABOUT = "about.json"


class Stored:
    """A matrix in a .npy file, read a few rows at a time.

    Not mapped: pages of a map stay resident, and a large set's activations are tens of gigabytes.
    """

    def __init__(self, path: Path) -> None:
        """Check the file; a `DataError` names one that is no matrix of numbers, or cut short."""
        try:
            mapped = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise DataError(f"{path}: not readable as an array: {error}") from error
        if mapped.ndim != 2 or mapped.dtype.kind != "f":
            raise DataError(f"{path}: {mapped.dtype} {mapped.shape} is no matrix of numbers")
        self.shape: tuple[int, int] = mapped.shape
        self.dtype = mapped.dtype
        self._offset = int(mapped.offset)
        self._file = path.open("rb", buffering=0)

    def __len__(self) -> int:
        """How many rows there are."""
        return self.shape[0]

    def __getitem__(self, rows: NDArray[np.int64]) -> NDArray[np.floating]:
        """The `rows` (n,), in that order: (n, width)."""
        taken = np.empty((len(rows), self.shape[1]), self.dtype)
        size = taken.itemsize * self.shape[1]
        for place, row in zip(taken, rows.tolist(), strict=True):
            self._file.seek(self._offset + row * size)
            self._file.readinto(place.data)
        return taken


@dataclass(frozen=True)
class Cached:
    """A data set's entries with their arrays; of `boundary` rows are read as they are asked for."""

    entries: pd.DataFrame
    boundary: Stored | NDArray[np.floating]
    pooled: NDArray[np.float32]

    def rows(self, split: str) -> NDArray[np.int64]:
        """The rows of one part, a row a face, a column a copy: (faces, copies)."""
        part = self.entries[self.entries["split"] == split]
        copies = part["copy"].nunique()
        if part["copy"].value_counts().nunique() > 1:
            raise DataError(f"{split}: not every face has {copies} copies; extract them again")
        return part.index.to_numpy(np.int64).reshape(-1, max(copies, 1))

    def of_parts(self, parts: Sequence[str]) -> NDArray[np.int64]:
        """The rows (n,) of the faces of several `parts` that are as they are."""
        return self.entries.index[self.entries["split"].isin(parts)].to_numpy(np.int64)

    def inside(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """The label of each of `rows`, of any shape: 1 inside, 0 outside."""
        return self.entries["inside"].to_numpy(np.float32)[rows]


def read_features(folder: str | Path) -> Cached:
    """The cached features in `folder`; a `DataError` names a file that does not fit the others."""
    entries, boundary, pooled = (Path(folder) / name for name in FILES)
    table = read_table(entries, ENTRIES)
    arrays = [Stored(boundary), Stored(pooled)]
    for path, array in zip((boundary, pooled), arrays, strict=True):
        if len(array) != len(table):
            raise DataError(f"{path}: {array.shape}, but {entries} has {len(table)} rows")
    return Cached(table, arrays[0], arrays[1][np.arange(len(table))].astype(np.float32))


def check(folder: str | Path, preprocessing: str, net: Network, made: Preprocessed) -> None:
    """Raise `DataError` unless the features in `folder` are of `net`, preprocessed as in `made`.

    A cache of another network, weights, size, cut, crop or augmentation is refused by its digest.
    """
    about = read_json(Path(folder) / ABOUT)
    theirs = about["preprocessings"].get(preprocessing)
    if about["network"] != net.digest or theirs != _plain(made):
        what = "network, weights, size or cut"
        if theirs != _plain(made):
            what = f"crop or augmentation ({theirs})"
        raise DataError(
            f"{folder}: {preprocessing} is of another {what}; run extract_features again"
        )


def _plain(made: Preprocessed) -> dict[str, Any]:
    """For JSON."""
    transforms = made.augmentation
    return {"crop": made.crop, "augmentation": transforms and transforms.model_dump(mode="json")}


def extract_features(
    *,
    faces: list[Path],
    labels: list[Path],
    aligned: list[Path],
    shards: list[Path],
    weights: Path | None,
    features: Path,
    datasets: list[str],
    crops: tuple[str, ...],
    plan: Extraction,
    settings: Features,
    backbone: str,
    validation: float,
    contentious: str,
    threads: int,
    seed: int,
) -> None:
    """Write one backbone's features of the labelled faces, in <preprocessing>/<data set>.

    `faces` (FACES), `labels` (LABELS), `aligned` (ALIGNED) are in the order of `datasets`;
    `shards` are those of each data set's `crops`, one crop after another. Raises `TrainingError`
    where a part has no labelled face, or a value is beyond float16.
    """
    device = settle(threads)
    net = network(
        backbone,
        size=plan.input_size,
        layers=settings.unfrozen_layers,
        weights=weights,
        seed=seed,
        device=device,
    )
    places = [(dataset, crop) for dataset in datasets for crop in crops]
    of_place = apart(shards, len(places))
    pixels = {place: Crops(own) for place, own in zip(places, of_place, strict=True)}
    known = list(zip(datasets, faces, labels, aligned, strict=True))
    cache = np.dtype(settings.cache)
    with whole(features) as temporary:
        for preprocessing, made in plan.preprocessings.items():
            for dataset, table_of, labels_of, aligned_of in known:
                parts = plan.parts[preprocessing][dataset]
                copies = made.augmentation.copies if made.augmentation else 0
                table = entries(
                    parted(dataset, read_table(table_of, FACES), validation, seed),
                    read_table(labels_of, LABELS),
                    read_table(aligned_of, ALIGNED),
                    parts,
                    copies,
                    contentious=contentious,
                    place=labels_of,
                )
                log.info("%s, %s: %d entries of %s", preprocessing, dataset, len(table), backbone)
                (folder := temporary / preprocessing / dataset).mkdir(parents=True)
                images = pixels[dataset, made.crop]
                pictures = _pictures(table, images, dataset, made.augmentation, seed)
                _run(net, pictures, len(table), folder, cache, device)
                write_table(table, folder / FILES[0], ENTRIES)
        about = {name: _plain(made) for name, made in plan.preprocessings.items()}
        write_json({"network": net.digest, "preprocessings": about}, temporary / ABOUT)


def parted(dataset: str, faces: pd.DataFrame, validation: float, seed: int) -> pd.DataFrame:
    """Of `faces` (FACES) the id, the `person`, the `part`, and whether a training may see it.

    The source's training part gives a share to validation. That of another data set is two halves,
    by which models of the source are selected and calibrated, and which its own models train on.
    """
    source = dataset == "source"
    part = validated(faces, validation, seed) if source else halves(faces, dataset, seed)
    trains = (faces["split"] == "train") & (part != VALIDATION)
    return faces[["face_id"]].assign(person=persons_of(faces), part=part, trains=trains)


def entries(
    faces: pd.DataFrame,
    labels: pd.DataFrame,
    aligned: pd.DataFrame,
    parts: Sequence[str],
    copies: int,
    *,
    contentious: str,
    place: str | Path,
) -> pd.DataFrame:
    """The faces (of `parted`) with a crop and a label in `parts` (ENTRIES), and their crop's `row`.

    In the order of the crops, the `copies` of a training face one after another; the face of
    another part, and each face where `copies` is 0, is as it is. A contentious face has the side
    `contentious`, and only tests. Raises `TrainingError` where training or test part is empty.
    """
    known = labels[["face_id", "side", "provenance"]]
    known = known.assign(agreed=known["side"].notna())
    placed = (known["provenance"] == "contentious") & (contentious != "left out")
    known["side"] = known["side"].where(known["agreed"] | ~placed, contentious)
    table = aligned.merge(known.dropna(subset="side"), on="face_id").merge(faces, on="face_id")
    table["inside"] = table["side"] == "inside"
    columns = ["face_id", "person", "inside", "agreed", "row"]
    pieces = []
    for part in parts:
        taken = table["trains"] if part == "train" else table["part"] == part
        piece = table.loc[taken & (table["agreed"] | (part == "test")), columns]
        if part in ("train", "test") and not piece["agreed"].any():
            own = faces[faces["trains"] if part == "train" else faces["part"] == part]
            raise TrainingError(f"{place}: {_nothing_of(part, own['face_id'], labels, aligned)}")
        several = part == "train" and copies > 0
        piece = piece.loc[piece.index.repeat(copies if several else 1)]
        numbers = np.tile(np.arange(1, copies + 1), len(piece) // copies) if several else 0
        pieces.append(piece.assign(split=part, copy=numbers))
    return pd.concat(pieces, ignore_index=True)[list(ENTRIES.columns)]


def _nothing_of(
    part: str, faces: "pd.Series[str]", labels: pd.DataFrame, aligned: pd.DataFrame
) -> str:
    """Why none of a part's `faces` (ids) can be used."""
    agreed = labels.loc[labels["side"].notna(), "face_id"]
    return (
        f"no face of the part {part} has a crop and an agreed side: of {len(faces)} faces"
        f" {faces.isin(aligned['face_id']).sum()} have a crop, {faces.isin(agreed).sum()} an agreed"
        " side; use more faces, or another split"
    )


def stored(boundary: torch.Tensor, cache: np.dtype[Any]) -> NDArray[np.floating]:
    """`boundary` as the cache holds it; a `TrainingError` where it is beyond the cache's type."""
    cached: NDArray[np.floating] = boundary.cpu().numpy().astype(cache)
    if not np.isfinite(cached).all():
        raise TrainingError(
            f"activations of up to {float(boundary.abs().max()):g} do not fit {cache}; set"
            " classify.features.cache: float32"
        )
    return cached


def _pictures(
    table: pd.DataFrame,
    crops: Crops,
    dataset: str,
    augmentation: Augmentation | None,
    seed: int,
) -> Iterator[NDArray[np.uint8]]:
    """The entries' faces or augmented copies (n, h, w, 3), BATCH at a time."""
    for start in paced(range(0, len(table), BATCH), f"batches of {BATCH}", log):
        batch = table.iloc[start : start + BATCH]
        faces = crops.take(batch["row"])
        for i, (face_id, copy) in enumerate(zip(batch["face_id"], batch["copy"], strict=True)):
            if copy and augmentation:
                faces[i] = augmented_copy(faces[i], seed, dataset, face_id, copy, augmentation)
        yield faces


@torch.no_grad()
def passed(
    net: Network,
    pictures: Iterable[NDArray[np.uint8]],
    cache: np.dtype[Any],
    device: torch.device,
) -> Iterator[tuple[NDArray[np.floating], NDArray[np.float32]]]:
    """Of each batch what the cache keeps of the trunk, and what the tail makes of that."""
    for faces in pictures:
        cached = stored(net.boundary(faces, device), cache)
        yield cached, net.pooled(torch.from_numpy(cached).to(device).float()).cpu().numpy()


def _run(
    net: Network,
    pictures: Iterator[NDArray[np.uint8]],
    count: int,
    folder: Path,
    cache: np.dtype[Any],
    device: torch.device,
) -> None:
    """Write both arrays for `count` pictures."""
    pooled = []
    with (folder / FILES[1]).open("wb") as file:
        shape = {"descr": npy.dtype_to_descr(cache), "fortran_order": False}
        npy.write_array_header_1_0(file, {**shape, "shape": (count, net.width)})
        for cached, features in passed(net, pictures, cache, device):
            file.write(cached.data)
            pooled.append(features)
    np.save(folder / FILES[2], np.concatenate(pooled))
