"""What the kept model says of every face of the target, for the partition to weigh."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from facegap import tables
from facegap.classify import backbones
from facegap.classify.features import BATCH, stored
from facegap.classify.weights import restore
from facegap.crops import Crops
from facegap.errors import DataError
from facegap.files import read_json
from facegap.network import settle

log = logging.getLogger(__name__)


@torch.no_grad()
def propose_sides(
    *,
    kept: str | Path,
    cells: Sequence[str | Path],
    aligned: str | Path,
    shards: Sequence[str | Path],
    weights_files: Mapping[str, str | Path],
    proposals: str | Path,
    head: Mapping[str, Any],
    size: int,
    layers: int,
    cache: str,
    threads: int,
    seed: int,
) -> None:
    """Write the probability of inside (PROPOSALS) of every aligned face, the mean over repeats.

    The trunk is run once over the crops and each repeat's tail on what it leaves, so nothing of
    the target's size is cached. `cells` are the folders of the cells that could be kept, `kept`
    says which is.
    """
    device = settle(threads)
    chosen = read_json(kept)
    folder = {Path(cell).name: Path(cell) for cell in cells}[chosen["cell"]]
    name = chosen["backbone"]
    net = backbones.network(
        name,
        size=size,
        layers=layers,
        weights=weights_files.get(name),
        seed=seed,
        device=device,
    )
    models = restore(folder / "weights.safetensors", net, head, device)
    faces, crops = tables.read(aligned, tables.ALIGNED)["face_id"], Crops(shards)
    if len(faces) != len(crops):
        raise DataError(f"{aligned}: {len(faces)} faces, but {len(crops)} crops; align again")
    means = []
    for start in range(0, len(crops), BATCH):
        pictures = crops.take(np.arange(start, min(start + BATCH, len(crops))))
        boundary = torch.from_numpy(stored(net.boundary(pictures, device), np.dtype(cache)))
        state = net.unpacked(boundary.to(device).float())
        said = torch.cat([perceptron(tail(*state)) for tail, perceptron in models])
        means.append(torch.sigmoid(said.cpu().double()).mean(0).numpy())
    table = faces.to_frame().assign(probability=np.concatenate(means))
    tables.write(table, proposals, tables.PROPOSALS)
    log.info("%d faces, %s", len(table), chosen["cell"])
