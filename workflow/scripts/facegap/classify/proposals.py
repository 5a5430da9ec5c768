"""What the kept model says of every face of the target, for the partition to weigh."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from facegap import tables
from facegap.classify.features import BATCH, stored
from facegap.classify.kept import kept_model, of_crop
from facegap.crops import Crops
from facegap.errors import DataError
from facegap.network import settle
from facegap.progress import paced

log = logging.getLogger(__name__)


@torch.no_grad()
def propose_sides(
    *,
    kept: str | Path,
    cells: Sequence[str | Path],
    aligned: str | Path,
    shards: Sequence[str | Path],
    crops: Mapping[str, str],
    weights_files: Mapping[str, str | Path],
    proposals: str | Path,
    head: Mapping[str, Any],
    sizes: Mapping[str, int],
    layers: int,
    cache: str,
    threads: int,
    seed: int,
) -> None:
    """Write the probability of inside (PROPOSALS) of every aligned face, the mean over repeats.

    The trunk is run once over the crops and each repeat's tail on what it leaves, so nothing of
    the target's size is cached. `cells` are the folders of the cells that could be kept, `kept`
    says which is; `crops` names the crop of each view, and `shards` are those of each crop, one
    crop after another. Weights and sizes are by backbone.
    """
    device = settle(threads)
    model = kept_model(
        kept, cells, weights_files, head=head, sizes=sizes, layers=layers, seed=seed, device=device
    )
    faces = tables.read(aligned, tables.ALIGNED)["face_id"]
    pixels = Crops(of_crop(shards, crops, model.view))
    if len(faces) != len(pixels):
        raise DataError(f"{aligned}: {len(faces)} faces, but {len(pixels)} crops; align again")
    means = []
    for start in paced(range(0, len(pixels), BATCH), f"batches of {BATCH}", log):
        pictures = pixels.take(np.arange(start, min(start + BATCH, len(pixels))))
        kept_as = stored(model.net.boundary(pictures, device), np.dtype(cache))
        boundary = torch.from_numpy(kept_as).to(device).float()
        pooled = [
            (model.net.pooled(boundary, tail), perceptron) for tail, perceptron in model.repeats
        ]
        said = torch.cat([perceptron(features) for features, perceptron in pooled])
        means.append(torch.sigmoid(said.cpu().double()).mean(0).numpy())
    table = faces.to_frame().assign(probability=np.concatenate(means))
    tables.write(table, proposals, tables.PROPOSALS)
    log.info("%d faces, %s", len(table), model.net.name)
