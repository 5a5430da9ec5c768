"""What a backbone says of each labelled face, computed once: training reads it, epoch by epoch.

Two arrays a view and data set. `boundary.npy` is what the frozen trunk leaves to the tail,
`pooled.npy` what the untrained tail makes of it; row i of both is row i of the table of entries.
Fine-tuning starts from the boundary, so that the trunk is never run twice, and tuning from the
pooled features, so that the tail is not run either. Augmented runs see `views` random views of
each training face, cached; test faces are always as they are.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.lib import format as npy
from numpy.typing import NDArray

from facegap import tables
from facegap.classify import backbones
from facegap.classify.views import augmented, stream
from facegap.crops import Crops
from facegap.errors import DataError, TrainingError
from facegap.files import read_json, whole, write_json
from facegap.network import settle
from facegap.progress import paced

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
class Features:
    """A data set's entries with their arrays; of `boundary` rows are read as they are asked for."""

    entries: pd.DataFrame
    boundary: Stored | NDArray[np.floating]
    pooled: NDArray[np.float32]

    def rows(self, split: str) -> NDArray[np.int64]:
        """The rows of one part, a row a face, a column a view: (faces, views)."""
        part = self.entries[self.entries["split"] == split]
        views = part["view"].nunique()
        if part["view"].value_counts().nunique() > 1:
            raise DataError(f"{split}: not every face has {views} views; extract them again")
        return part.index.to_numpy(np.int64).reshape(-1, max(views, 1))

    def inside(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """The label of each of `rows`, of any shape: 1 inside, 0 outside."""
        return self.entries["inside"].to_numpy(np.float32)[rows]


def features(folder: str | Path) -> Features:
    """The cached features in `folder`; a `DataError` names a file that does not fit the others."""
    entries, boundary, pooled = (Path(folder) / name for name in FILES)
    table = tables.read(entries, tables.ENTRIES)
    arrays = [Stored(boundary), Stored(pooled)]
    for path, array in zip((boundary, pooled), arrays, strict=True):
        if len(array) != len(table):
            raise DataError(f"{path}: {array.shape}, but {entries} has {len(table)} rows")
    return Features(table, arrays[0], arrays[1][np.arange(len(table))].astype(np.float32))


def check(folder: str | Path, view: str, net: backbones.Network, made: Mapping[str, Any]) -> None:
    """Raise `DataError` unless `view` in `folder` was made by `net`, and as `made` says.

    `made` is the view's crop and augmentation. A cache of another network, weights, side, cut,
    crop or augmentation is refused by its digest.
    """
    about = read_json(Path(folder) / ABOUT)
    theirs = about["views"].get(view)
    if about["network"] != net.digest or theirs != made:
        what = "network, weights, side or cut" if theirs == made else f"crop or views ({theirs})"
        raise DataError(f"{folder}: {view} is of another {what}; run extract_features again")


def extract_features(
    *,
    faces: Sequence[str | Path],
    labels: Sequence[str | Path],
    aligned: Sequence[str | Path],
    datasets: Sequence[str],
    shards: Sequence[str | Path],
    crops: Sequence[str],
    weights: str | Path | None,
    features: str | Path,
    views: Mapping[str, Mapping[str, Any]],
    parts: Mapping[str, Mapping[str, Sequence[str]]],
    backbone: str,
    size: int,
    layers: int,
    cache: str,
    threads: int,
    seed: int,
) -> None:
    """Write one backbone's features of the labelled faces, in <view>/<data set> of a folder.

    `faces` (FACES), `labels` (LABELS), `aligned` (ALIGNED) are in the order of `datasets`;
    `shards` are those of each data set's `crops`, one crop after another. `views` are the crop and
    the augmentation (None: faces as they are) of each view; `parts` says which parts of each data
    set a view needs. `cache` is the type of the boundary, float16 or float32. Raises
    `TrainingError` where a part has no labelled face, or a value is beyond float16.
    """
    device = settle(threads)
    net = backbones.network(
        backbone, size=size, layers=layers, weights=weights, seed=seed, device=device
    )
    places = [(dataset, crop) for dataset in datasets for crop in crops]
    pixels = {
        place: Crops(list(paths))
        for place, paths in zip(places, np.array_split(np.array(shards), len(places)), strict=True)
    }
    with whole(features) as temporary:
        for view, made in views.items():
            for dataset, known, told, there in zip(datasets, faces, labels, aligned, strict=True):
                augmentation = made["augmentation"]
                several = augmentation["views"] if augmentation else 0
                table = entries(known, told, there, parts[view][dataset], several)
                log.info("%s, %s: %d entries of %s", view, dataset, len(table), backbone)
                folder = temporary / view / dataset
                folder.mkdir(parents=True)
                pictures = _pictures(
                    table, pixels[dataset, made["crop"]], dataset, augmentation, seed
                )
                _run(net, pictures, len(table), folder, np.dtype(cache), device)
                tables.write(table, folder / FILES[0], tables.ENTRIES)
        about = {"network": net.digest, "views": {name: dict(made) for name, made in views.items()}}
        write_json(about, temporary / ABOUT)


def entries(
    faces: str | Path,
    labels: str | Path,
    aligned: str | Path,
    parts: Sequence[str],
    views: int,
) -> pd.DataFrame:
    """The faces with a crop and a label in `parts` of the split (ENTRIES), and their crop's `row`.

    In the order of the crops, the `views` of a training face one after another; a test face, and
    each face where `views` is 0, is as it is. Contentious faces have no label. Raises
    `TrainingError` where a part is empty.
    """
    table = tables.read(aligned, tables.ALIGNED)[["face_id"]]
    table["row"] = np.arange(len(table))
    known = tables.read(labels, tables.LABELS)[["face_id", "side"]].dropna()
    split = tables.read(faces, tables.FACES)[["face_id", "split"]]
    table = table.merge(known, on="face_id").merge(split, on="face_id")
    table["inside"] = table["side"] == "inside"
    pieces = []
    for part in parts:
        piece = table.loc[table["split"] == part, ["face_id", "split", "inside", "row"]]
        if not len(piece):
            raise TrainingError(f"{labels}: no face of the part {part} has a crop and a label")
        several = part == "train" and views > 0
        piece = piece.loc[piece.index.repeat(views if several else 1)]
        numbers = np.tile(np.arange(1, views + 1), len(piece) // views) if several else 0
        pieces.append(piece.assign(view=numbers))
    return pd.concat(pieces, ignore_index=True)


def stored(boundary: torch.Tensor, cache: np.dtype[Any]) -> NDArray[np.floating]:
    """`boundary` as the cache holds it; a `TrainingError` where it is beyond the cache's type."""
    kept: NDArray[np.floating] = boundary.cpu().numpy().astype(cache)
    if not np.isfinite(kept).all():
        raise TrainingError(
            f"activations of up to {float(boundary.abs().max()):g} do not fit {cache}; set"
            " classify.cache: float32"
        )
    return kept


def _pictures(
    table: pd.DataFrame,
    crops: Crops,
    dataset: str,
    augmentation: Mapping[str, Any] | None,
    seed: int,
) -> Iterator[NDArray[np.uint8]]:
    """The entries' faces or views (n, h, w, 3), BATCH at a time."""
    for start in paced(range(0, len(table), BATCH), f"batches of {BATCH}", log):
        batch = table.iloc[start : start + BATCH]
        faces = crops.take(batch["row"])
        for i, (face_id, view) in enumerate(zip(batch["face_id"], batch["view"], strict=True)):
            if view and augmentation:
                faces[i] = augmented(faces[i], stream(seed, dataset, face_id, view), augmentation)
        yield faces


@torch.no_grad()
def _run(
    net: backbones.Network,
    pictures: Iterator[NDArray[np.uint8]],
    count: int,
    folder: Path,
    cache: np.dtype[Any],
    device: torch.device,
) -> None:
    """Write both arrays for `count` pictures; the tail sees what the cache keeps of the trunk."""
    pooled = []
    with (folder / FILES[1]).open("wb") as file:
        shape = {"descr": npy.dtype_to_descr(cache), "fortran_order": False}
        npy.write_array_header_1_0(file, {**shape, "shape": (count, net.width)})
        for faces in pictures:
            kept = stored(net.boundary(faces, device), cache)
            file.write(kept.data)
            pooled.append(net.pooled(torch.from_numpy(kept).to(device).float()).cpu().numpy())
    np.save(folder / FILES[2], np.concatenate(pooled))
