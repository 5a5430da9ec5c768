"""Trained tails and heads as safetensors, for the pseudo-labels of one study and nothing else."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from facegap.classify.backbones import Network
from facegap.classify.cutting import trainable
from facegap.classify.heads import Head
from facegap.classify.notice import NOTICE
from facegap.files import whole
from facegap.settings.classify import Head as HeadSettings
from facegap.tensors import reading

Model = tuple[nn.Module, Head]  # one repeat's tail and head


def save(models: Sequence[Model], path: str | Path) -> None:
    """Write the trained tensors of every repeat to `path`, with the notice in its metadata.

    Safetensors alone: a file that cannot run anything, whose header says what must not be done.
    """
    tensors = {"shift": models[0][1].shift, "scale": models[0][1].scale}
    for repeat, (tail, head) in enumerate(models):
        for name, parameter in trainable(tail).items():
            tensors[f"{repeat}.tail.{name}"] = parameter.detach()
        for layer, (weight, bias) in enumerate(zip(head.weights, head.biases, strict=True)):
            tensors[f"{repeat}.head.{layer}.weight"] = weight.detach()
            tensors[f"{repeat}.head.{layer}.bias"] = bias.detach()
    stored = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
    with whole(path) as temporary:
        save_file(stored, temporary, {"notice": NOTICE})


def restore(
    path: str | Path, net: Network, settings: HeadSettings, device: torch.device
) -> list[Model]:
    """The models that were saved at `path`.

    Raises `DataError` where the file is damaged or of another network.
    """
    with reading(path, "the weights of this model"):
        found = {name: tensor.to(device) for name, tensor in load_file(path).items()}
        numbers = (name.split(".")[0] for name in found)
        repeats = 1 + max(int(number) for number in numbers if number.isdigit())
        return [_model(found, repeat, net, settings) for repeat in range(repeats)]


def _model(found: Mapping[str, Tensor], repeat: int, net: Network, settings: HeadSettings) -> Model:
    tail = deepcopy(net.tail)
    with torch.no_grad():
        for name, parameter in trainable(tail).items():
            parameter.copy_(found[f"{repeat}.tail.{name}"])
    layers = range(len(settings.hidden) + 1)
    return tail, Head(
        [found[f"{repeat}.head.{layer}.weight"] for layer in layers],
        [found[f"{repeat}.head.{layer}.bias"] for layer in layers],
        *(found["shift"], found["scale"], settings.activations, settings.dropout),
    )
