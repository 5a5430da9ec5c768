"""The kept cell of the grid, loaded again: for the proposals, and for what it looks at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from facegap.classify import backbones
from facegap.classify.weights import Model, restore
from facegap.files import read_json


@dataclass(frozen=True)
class Kept:
    """A network with every repeat's trained tail and head, and the view it is fed."""

    view: str
    net: backbones.Network
    repeats: Sequence[Model]


def kept_model(
    kept: str | Path,
    cells: Sequence[str | Path],
    weights_files: Mapping[str, str | Path],
    *,
    head: Mapping[str, Any],
    sizes: Mapping[str, int],
    layers: int,
    seed: int,
    device: torch.device,
) -> Kept:
    """The model that `kept` names, out of the folders of the `cells` that could be kept.

    `head` is the config's classify.head. Raises `DataError` where its weights do not fit.
    """
    chosen = read_json(kept)
    folder = {Path(cell).name: Path(cell) for cell in cells}[chosen["cell"]]
    name = chosen["backbone"]
    net = backbones.network(
        name,
        size=sizes[name],
        layers=layers,
        weights=weights_files.get(name),
        seed=seed,
        device=device,
    )
    pair = f"{chosen['tune_optimiser']}-{chosen['fine_tune_optimiser']}"
    repeats = restore(folder / f"{pair}.safetensors", net, head, device)
    return Kept(chosen["view"], net, repeats)


def of_crop(shards: Sequence[str | Path], crops: Mapping[str, str], view: str) -> list[str | Path]:
    """The shards of the view's crop, where `shards` has those of each crop, one after another."""
    names = list(dict.fromkeys(crops.values()))
    parts = np.array_split(np.array(shards, dtype=object), len(names))
    return list(parts[names.index(crops[view])])
