"""The selected model, loaded again: for the pseudo-labels, and for what it looks at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from facegap.classify.backbones import Network, network
from facegap.classify.features import stored
from facegap.classify.plans import Candidates, Preprocessed
from facegap.classify.weights import Model, restore
from facegap.crops import apart
from facegap.files import read_json
from facegap.settings.classify import Features, Head


@dataclass(frozen=True)
class Selected:
    """A network with every repeat's trained tail and head, and how its faces are preprocessed."""

    preprocessing: str
    net: Network
    repeats: Sequence[Model]

    @torch.no_grad()
    def probabilities(
        self, pictures: NDArray[np.uint8], cache: np.dtype[np.floating], device: torch.device
    ) -> NDArray[np.float64]:
        """Of inside, (repeats, n), for crops (n, s, s, 3); rounded to `cache` as in training."""
        rounded = stored(self.net.boundary(pictures, device), cache)
        boundary = torch.from_numpy(rounded).to(device).float()
        logits = [perceptron(self.net.pooled(boundary, tail)) for tail, perceptron in self.repeats]
        found: NDArray[np.float64] = torch.sigmoid(torch.cat(logits).cpu().double()).numpy()
        return found


def candidate_network(
    name: str,
    weights: Sequence[Path],
    *,
    candidates: Candidates,
    extraction: Features,
    seed: int,
    device: torch.device,
) -> Network:
    """The network of the candidate `name`, untrained; `weights` are of the pretrained ones."""
    return network(
        name,
        size=candidates.backbones[name].input_size,
        layers=extraction.unfrozen_layers,
        weights=candidates.weights_of(name, weights),
        seed=seed,
        device=device,
    )


def selected_model(
    selected: Path,
    trainings: Sequence[Path],
    weights: Sequence[Path],
    *,
    candidates: Candidates,
    head: Head,
    extraction: Features,
    seed: int,
    device: torch.device,
) -> Selected:
    """The model that `selected` names, out of the folders of the candidates' `trainings`.

    `weights` are the files of the pretrained candidates. Raises `DataError` where its own weights
    do not fit.
    """
    choice = read_json(selected)
    folder = {path.name: path for path in trainings}[choice["folder"]]
    net = candidate_network(
        choice["backbone"],
        weights,
        candidates=candidates,
        extraction=extraction,
        seed=seed,
        device=device,
    )
    pair = f"{choice['head_optimiser']}-{choice['fine_tuning_optimiser']}"
    repeats = restore(folder / f"{pair}.safetensors", net, head, device)
    return Selected(choice["preprocessing"], net, repeats)


def of_crop(
    shards: Sequence[Path], made: Mapping[str, Preprocessed], preprocessing: str
) -> list[Path]:
    """The shards of a preprocessing's crop, where `shards` has those of each crop in turn."""
    names = list(dict.fromkeys(each.crop for each in made.values()))
    return apart(shards, len(names))[names.index(made[preprocessing].crop)]
