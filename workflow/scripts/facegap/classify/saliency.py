"""What the selected model looks at: integrated gradients (Sundararajan et al. 2017)."""

import logging
from pathlib import Path

import numpy as np
import torch
from captum.attr import IntegratedGradients
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from facegap.classify.backbones import Backbone, preprocess
from facegap.classify.plans import Candidates
from facegap.classify.selected import Selected, of_crop, selected_model
from facegap.crops import Crops, apart
from facegap.files import whole
from facegap.network import settle
from facegap.progress import paced
from facegap.seeds import generator
from facegap.settings.classify import Features, Head
from facegap.tables.align import ALIGNED
from facegap.tables.annotate import LABELS
from facegap.tables.base import SIDES, read_table

log = logging.getLogger(__name__)
STEPS = 32  # of the path from a grey face
PIXELS = 8 * 224**2  # that are in the network at once
FACES = 4  # of each data set


class _Whole(nn.Module):
    """Trunk, tail and head of each repeat; the mean of their logits, of faces as they are fed."""

    def __init__(self, model: Selected) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        state = self.model.net.trunk(images)
        logits = [perceptron(tail(*state))[0] for tail, perceptron in self.model.repeats]
        return torch.stack(logits).mean(0)


def explain_model(
    *,
    selected: Path,
    trainings: list[Path],
    aligned: list[Path],
    labels: list[Path],
    shards: list[Path],
    weights: list[Path],
    saliency: Path,
    candidates: Candidates,
    head: Head,
    extraction: Features,
    datasets: list[str],
    threads: int,
    seed: int,
) -> None:
    """Write what each pixel of a few labelled faces of each data set speaks for.

    `aligned` (ALIGNED) and `labels` (LABELS) are in the order of `datasets`, `shards` those of
    each data set, of each of the candidates' crops in turn. The arrays of `saliency` (npz):
    `face_id`, `dataset`, `side` (n,) text; `face` uint8 (n, size, size, 3); `saliency` float32
    (n, size, size), the integrated gradient of the mean logit of all repeats, summed over the
    channels and averaged over each pixel's 3 x 3 neighbours: positive speaks for inside.
    """
    device = settle(threads)
    model = selected_model(
        *(selected, trainings, weights),
        candidates=candidates,
        head=head,
        extraction=extraction,
        seed=seed,
        device=device,
    )
    of_dataset = apart(shards, len(datasets))
    found: dict[str, list[NDArray[np.generic]]] = {}
    each = list(zip(datasets, aligned, labels, of_dataset, strict=True))
    for dataset, table, sides, mine in paced(each, "data sets", log):
        known = read_table(table, ALIGNED).merge(read_table(sides, LABELS).dropna(subset="side"))
        rng = generator(seed, "saliency_faces", dataset=dataset)
        chosen = [
            rng.permutation(known.index[known["side"] == side])[: FACES // 2] for side in SIDES
        ]
        entries = known.loc[np.concatenate(chosen)]
        own = of_crop(list(mine), candidates.preprocessings, model.preprocessing)
        arrays = {
            "face_id": entries["face_id"].to_numpy(str),
            "dataset": np.full(len(entries), dataset),
            "side": entries["side"].to_numpy(str),
            **_explained(model, Crops(own).take(entries["row"]), device),
        }
        for name, array in arrays.items():
            found.setdefault(name, []).append(array)
    with whole(saliency) as temporary:
        joined = {name: np.concatenate(parts) for name, parts in found.items()}
        np.savez(temporary, allow_pickle=False, **joined)


def _explained(
    model: Selected, pictures: NDArray[np.uint8], device: torch.device
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
    shown = (fed.flip(1) if net.backbone.bgr else fed) * std + mean
    face = shown.round().clamp(0, 255).permute(0, 2, 3, 1).to(torch.uint8)
    return {
        "face": face.cpu().numpy(),
        "saliency": smooth.detach().cpu().numpy().astype(np.float32),
    }


def _scale(backbone: Backbone) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return backbone.mean, backbone.std
