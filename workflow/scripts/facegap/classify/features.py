"""What a backbone says of each labelled face, computed once: training reads it, epoch by epoch.

Two arrays a data set, backbone and view. `boundary.npy` is what the frozen trunk leaves to the
tail, `pooled.npy` what the untrained tail makes of it; row i of both is row i of the table of
entries. Fine-tuning starts from the boundary, so that the trunk is never run twice, and tuning
from the pooled features, so that the tail is not run either. Augmented runs see `views` random
views of each training face, cached; test faces are always as they are.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from facegap import tables
from facegap.classify import backbones
from facegap.classify.views import augmented, stream
from facegap.crops import Crops
from facegap.errors import DataError, TrainingError
from facegap.files import whole
from facegap.network import settle

log = logging.getLogger(__name__)
BATCH = 32  # faces in memory at once
FILES = ("entries.parquet", "boundary.npy", "pooled.npy")


@dataclass(frozen=True)
class Features:
    """A data set's entries with their arrays; `boundary` is mapped, not read."""

    entries: pd.DataFrame
    boundary: NDArray[np.floating]
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
    arrays = []
    for path in (boundary, pooled):
        try:
            arrays.append(np.load(path, mmap_mode="r", allow_pickle=False))
        except (OSError, ValueError, EOFError) as error:
            raise DataError(f"{path}: not readable as an array: {error}") from error
        if arrays[-1].ndim != 2 or len(arrays[-1]) != len(table):
            raise DataError(f"{path}: {arrays[-1].shape}, but {entries} has {len(table)} rows")
    return Features(table, arrays[0], np.array(arrays[1]))


def extract_features(
    *,
    faces: Sequence[str | Path],
    labels: Sequence[str | Path],
    aligned: Sequence[str | Path],
    shards: Mapping[str, Sequence[str | Path]],
    weights: str | Path | None,
    folders: Sequence[str | Path],
    parts: Mapping[str, Sequence[str]],
    backbone: str,
    augmentation: Mapping[str, Any] | None,
    size: int,
    layers: int,
    cache: str,
    threads: int,
    seed: int,
) -> None:
    """Write the features of one backbone and view of the labelled faces of each data set.

    `faces` (FACES), `labels` (LABELS), `aligned` (ALIGNED) and `folders` are in the order of
    `shards`, the crops by data set; `parts` says which parts of each are needed. Training faces
    get `augmentation["views"]` random views, or are as they are where `augmentation` is None.
    `cache` is the type of the boundary, float16 or float32. Raises `TrainingError` where a part
    has no labelled face, or a value is beyond float16.
    """
    device = settle(threads)
    net = backbones.network(
        backbone, size=size, layers=layers, weights=weights, seed=seed, device=device
    )
    views = augmentation["views"] if augmentation else 0
    places = zip(shards, faces, labels, aligned, folders, strict=True)
    for dataset, of_faces, of_labels, of_crops, folder in places:
        table = entries(of_faces, of_labels, of_crops, parts[dataset], views)
        log.info("%s: %d entries of %s", dataset, len(table), backbone)
        pictures = _pictures(table, Crops(shards[dataset]), dataset, augmentation, seed)
        with whole(folder) as temporary:
            temporary.mkdir()
            _run(net, pictures, len(table), temporary, np.dtype(cache), device)
            tables.write(table.drop(columns="row"), temporary / FILES[0], tables.ENTRIES)


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
    settings = {key: value for key, value in (augmentation or {}).items() if key != "views"}
    for start in range(0, len(table), BATCH):
        batch = table.iloc[start : start + BATCH]
        faces = crops.take(batch["row"])
        for i, (face_id, view) in enumerate(zip(batch["face_id"], batch["view"], strict=True)):
            if view:
                faces[i] = augmented(faces[i], stream(seed, dataset, face_id, view), **settings)
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
    boundary = open_memmap(folder / FILES[1], "w+", cache, (count, net.width))
    pooled, done = [], 0
    for faces in pictures:
        kept = stored(net.boundary(faces, device), cache)
        boundary[done : done + len(kept)] = kept
        state = net.unpacked(torch.from_numpy(kept).to(device).float())
        pooled.append(net.tail(*state).cpu().numpy())
        done += len(kept)
    boundary.flush()
    np.save(folder / FILES[2], np.concatenate(pooled))
