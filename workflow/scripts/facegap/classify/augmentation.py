"""Augmented copies of a face, so that the domains come closer together. Paper 2.2, Figure 2."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from facegap.crops import Crops, apart
from facegap.files import whole
from facegap.seeds import generator
from facegap.settings.classify import Augmentation
from facegap.tables.align import ALIGNED
from facegap.tables.base import read_table

GRID = 4  # a patch is a quarter of the copy's size
SAMPLES = 3  # faces of each data set, and augmented copies of each, in Figure 2


def augmented(
    face: NDArray[np.uint8], rng: np.random.Generator, settings: Augmentation
) -> NDArray[np.uint8]:
    """A random copy of `face` (h, w, 3): zoomed, sheared, mirrored, two patches exchanged.

    `zoom` is the largest share by which the face grows or shrinks, `shear` the largest angle in
    degrees along either axis, `flip` whether half of the copies are mirrored, `shuffle` the
    probability of an exchange. What comes in from outside mirrors the face at its edge. Each copy
    takes as many random numbers, whatever the settings.
    """
    # not before it is needed: it loads torch's compiler, 2 s
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms.v2 import functional

    scale = 1 + settings.zoom * rng.uniform(-1, 1)
    angles = settings.shear * rng.uniform(-1, 1, 2)
    mirrored, exchanged = rng.random() < 0.5, rng.random() < settings.shuffle
    patches = rng.choice(GRID * GRID, 2, replace=False)
    border = [size // 3 for size in (face.shape[1], face.shape[0])]
    copy = functional.affine(
        functional.pad(torch.from_numpy(face).permute(2, 0, 1), border, padding_mode="reflect"),
        angle=0.0,
        translate=[0, 0],
        scale=float(scale),
        shear=angles.tolist(),
        interpolation=InterpolationMode.BILINEAR,
    )
    copy = functional.center_crop(copy, list(face.shape[:2]))
    if settings.flip and mirrored:
        copy = functional.horizontal_flip(copy)
    pixels: NDArray[np.uint8] = copy.permute(1, 2, 0).numpy().copy()
    return _exchanged(pixels, *patches) if exchanged else pixels


def _exchanged(copy: NDArray[np.uint8], one: int, other: int) -> NDArray[np.uint8]:
    """`copy` with two patches of its grid, numbered by row, in each other's place."""
    height, width = copy.shape[0] // GRID, copy.shape[1] // GRID
    places = [
        (slice(i // GRID * height, (i // GRID + 1) * height), slice(j, j + width))
        for i in (one, other)
        for j in [i % GRID * width]
    ]
    swapped = copy.copy()
    swapped[places[0]], swapped[places[1]] = copy[places[1]], copy[places[0]]
    return swapped


def augmented_copy(
    face: NDArray[np.uint8],
    seed: int,
    dataset: str,
    face_id: str,
    copy: int,
    settings: Augmentation,
) -> NDArray[np.uint8]:
    """The cached copy number `copy` of a face, the same whichever other faces there are."""
    rng = generator(seed, "augmented_copy", dataset=dataset, face_id=face_id, copy=copy)
    return augmented(face, rng, settings)


def sample_preprocessing(
    *,
    aligned: list[Path],
    plain: list[Path],
    crop: list[Path],
    samples: Path,
    datasets: list[str],
    settings: Augmentation,
    seed: int,
) -> None:
    """Write examples of what the networks see, for Figure 2: a few faces of each data set.

    `aligned` (ALIGNED) are in the order of `datasets`; `plain` and `crop` are the shards of these
    crops, of one data set after another. The arrays of `samples` (npz): `face_id`, `dataset` (n,)
    text; `plain` and `crop` uint8 (n, h, w, 3); `copies` uint8 (n, copies, h, w, 3), the first of
    them those that training saw.
    """
    found: dict[str, list[NDArray[np.generic]]] = {}
    shards = (apart(paths, len(datasets)) for paths in (plain, crop))
    for dataset, table, before, after in zip(datasets, aligned, *shards, strict=True):
        ids = read_table(table, ALIGNED)["face_id"].to_numpy(str)
        rng = generator(seed, "preprocessing_samples", dataset=dataset)
        rows = np.sort(rng.choice(len(ids), min(SAMPLES, len(ids)), replace=False))
        cropped = Crops(after).take(rows)
        copies = [
            [augmented_copy(face, seed, dataset, face_id, k + 1, settings) for k in range(SAMPLES)]
            for face_id, face in zip(ids[rows], cropped, strict=True)
        ]
        of_dataset = {
            "face_id": ids[rows],
            "dataset": np.full(len(rows), dataset),
            "plain": Crops(before).take(rows),
            "crop": cropped,
            "copies": np.array(copies),
        }
        for name, array in of_dataset.items():
            found.setdefault(name, []).append(array)
    with whole(samples) as temporary:
        arrays = {name: np.concatenate(parts) for name, parts in found.items()}
        np.savez(temporary, allow_pickle=False, **arrays)
