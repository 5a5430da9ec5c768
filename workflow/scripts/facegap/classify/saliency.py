"""What the kept model looks at: integrated gradients (Sundararajan et al. 2017) on a few faces."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from captum.attr import IntegratedGradients
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from facegap import tables
from facegap.classify.backbones import preprocess
from facegap.classify.kept import Kept, kept_model, of_crop
from facegap.crops import Crops
from facegap.files import whole
from facegap.network import settle
from facegap.progress import paced
from facegap.seeds import generator

log = logging.getLogger(__name__)
STEPS = 32  # of the path from a grey face
PIXELS = 8 * 224**2  # that are in the network at once


class _Whole(nn.Module):
    """Trunk, tail and head of each repeat; the mean of their logits, of faces as they are fed."""

    def __init__(self, model: Kept) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        state = self.model.net.trunk(images)
        logits = [perceptron(tail(*state))[0] for tail, perceptron in self.model.repeats]
        return torch.stack(logits).mean(0)


def explain_model(
    *,
    kept: str | Path,
    cells: Sequence[str | Path],
    aligned: Mapping[str, str | Path],
    labels: Mapping[str, str | Path],
    shards: Sequence[str | Path],
    crops: Mapping[str, str],
    weights_files: Mapping[str, str | Path],
    saliency: str | Path,
    head: Mapping[str, Any],
    sizes: Mapping[str, int],
    layers: int,
    threads: int,
    seed: int,
    faces: int = 4,
) -> None:
    """Write what each pixel of `faces` labelled faces of each data set says for inside.

    `shards` are those of each data set, of each crop in turn. The arrays of `saliency` (npz):
    `face_id`, `dataset`, `side` (n,) text; `face` uint8 (n, size, size, 3); `saliency` float32
    (n, size, size), the integrated gradient of the mean logit of all repeats, summed over the
    channels and averaged over each pixel's 3 x 3 neighbours: positive speaks for inside.
    """
    device = settle(threads)
    model = kept_model(
        kept, cells, weights_files, head=head, sizes=sizes, layers=layers, seed=seed, device=device
    )
    of_dataset = np.array_split(np.array(shards, dtype=object), len(aligned))
    found: dict[str, list[NDArray[np.generic]]] = {}
    each = list(zip(aligned.items(), of_dataset, strict=True))
    for (dataset, table), mine in paced(each, "data sets", log):
        ids = tables.read(table, tables.ALIGNED)[["face_id"]].reset_index(names="row")
        known = ids.merge(tables.read(labels[dataset], tables.LABELS).dropna(subset="side"))
        rng = generator(seed, "classify", "saliency", dataset)
        chosen = [
            rng.permutation(known.index[known["side"] == side])[: faces // 2]
            for side in tables.SIDES
        ]
        entries = known.loc[np.concatenate(chosen)]
        pictures = Crops(of_crop(list(mine), crops, model.view)).take(entries["row"])
        arrays = {
            "face_id": entries["face_id"].to_numpy(str),
            "dataset": np.full(len(entries), dataset),
            "side": entries["side"].to_numpy(str),
            **_explained(model, pictures, device),
        }
        for name, array in arrays.items():
            found.setdefault(name, []).append(array)
    with whole(saliency) as temporary:
        kept_arrays = {name: np.concatenate(parts) for name, parts in found.items()}
        np.savez(temporary, allow_pickle=False, **kept_arrays)


def _explained(
    model: Kept, pictures: NDArray[np.uint8], device: torch.device
) -> dict[str, NDArray[np.generic]]:
    """The faces as the network sees them, and the integrated gradients from a grey face."""
    net = model.net
    fed = preprocess(pictures, net.backbone, net.size, device)
    grey = preprocess(np.full_like(pictures[:1], 128), net.backbone, net.size, device)
    gradients = IntegratedGradients(_Whole(model)).attribute(
        fed,
        grey.expand_as(fed),
        n_steps=STEPS,
        internal_batch_size=max(len(fed), PIXELS // net.size**2),
    )
    smooth = avg_pool2d(gradients.float().sum(1, keepdim=True), 3, stride=1, padding=1)[:, 0]
    mean, std = (torch.tensor(x, device=device).view(3, 1, 1) for x in _scale(net.backbone))
    seen = (fed.flip(1) if net.backbone.bgr else fed) * std + mean
    face = seen.round().clamp(0, 255).permute(0, 2, 3, 1).to(torch.uint8)
    return {
        "face": face.cpu().numpy(),
        "saliency": smooth.detach().cpu().numpy().astype(np.float32),
    }


def _scale(backbone: Any) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return backbone.mean, backbone.std
