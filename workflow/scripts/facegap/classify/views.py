"""Random views of a face, so that the domains come closer together. Paper 2.2, Figure 2."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional

from facegap import tables
from facegap.crops import Crops
from facegap.files import whole
from facegap.seeds import generator

GRID = 4  # a patch is a quarter of the view's side


def augmented(
    face: NDArray[np.uint8], rng: np.random.Generator, settings: Mapping[str, Any]
) -> NDArray[np.uint8]:
    """A random view of `face` (h, w, 3): zoomed, sheared, mirrored, two patches exchanged.

    `settings` is the config's classify.augmentation: `zoom` is the largest share by which the
    face grows or shrinks, `shear` the largest angle in degrees along either axis, `flip` whether
    half of the views are mirrored, `shuffle` the chance of an exchange. What comes in from outside
    mirrors the face at its edge. Each view takes as many draws, whatever the settings.
    """
    scale = 1 + settings["zoom"] * rng.uniform(-1, 1)
    angles = settings["shear"] * rng.uniform(-1, 1, 2)
    mirrored, exchanged = rng.random() < 0.5, rng.random() < settings["shuffle"]
    patches = rng.choice(GRID * GRID, 2, replace=False)
    sides = [size // 3 for size in (face.shape[1], face.shape[0])]
    view = functional.affine(
        functional.pad(torch.from_numpy(face).permute(2, 0, 1), sides, padding_mode="reflect"),
        angle=0.0,
        translate=[0, 0],
        scale=float(scale),
        shear=angles.tolist(),
        interpolation=InterpolationMode.BILINEAR,
    )
    view = functional.center_crop(view, list(face.shape[:2]))
    if settings["flip"] and mirrored:
        view = functional.horizontal_flip(view)
    pixels: NDArray[np.uint8] = view.permute(1, 2, 0).numpy().copy()
    return _exchanged(pixels, *patches) if exchanged else pixels


def _exchanged(view: NDArray[np.uint8], one: int, other: int) -> NDArray[np.uint8]:
    """`view` with two patches of its grid, numbered by row, in each other's place."""
    height, width = view.shape[0] // GRID, view.shape[1] // GRID
    places = [
        (slice(i // GRID * height, (i // GRID + 1) * height), slice(j, j + width))
        for i in (one, other)
        for j in [i % GRID * width]
    ]
    swapped = view.copy()
    swapped[places[0]], swapped[places[1]] = view[places[1]], view[places[0]]
    return swapped


def stream(seed: int, dataset: str, face_id: str, number: int) -> np.random.Generator:
    """The randomness of one view of one face, whichever other faces there are."""
    return generator(seed, "classify", "view", dataset, face_id, number)


def sample_views(
    *,
    aligned: Mapping[str, str | Path],
    plain: Mapping[str, Sequence[str | Path]],
    crop: Mapping[str, Sequence[str | Path]],
    samples: str | Path,
    augmentation: Mapping[str, Any],
    seed: int,
    faces: int = 3,
    views: int = 3,
) -> None:
    """Write examples of what the networks see, for Figure 2: `faces` of each data set.

    `aligned` (ALIGNED) and the shards of the two crops are by data set. The arrays of `samples`
    (npz): `face_id`, `dataset` (n,) text; `plain` and `crop` uint8 (n, h, w, 3); `views` uint8
    (n, views, h, w, 3), the first of them those that training saw.
    """
    kept: dict[str, list[NDArray[np.generic]]] = {}
    for dataset, table in aligned.items():
        ids = tables.read(table, tables.ALIGNED)["face_id"].to_numpy(str)
        rng = generator(seed, "classify", "samples", dataset)
        rows = np.sort(rng.choice(len(ids), min(faces, len(ids)), replace=False))
        before, after = Crops(plain[dataset]).take(rows), Crops(crop[dataset]).take(rows)
        made = [
            [
                augmented(face, stream(seed, dataset, face_id, k + 1), augmentation)
                for k in range(views)
            ]
            for face_id, face in zip(ids[rows], after, strict=True)
        ]
        of_dataset = {
            "face_id": ids[rows],
            "dataset": np.full(len(rows), dataset),
            "plain": before,
            "crop": after,
            "views": np.array(made),
        }
        for name, array in of_dataset.items():
            kept.setdefault(name, []).append(array)
    with whole(samples) as temporary:
        arrays = {name: np.concatenate(parts) for name, parts in kept.items()}
        np.savez(temporary, allow_pickle=False, **arrays)
