"""A trained generator as a file, and as a function on images."""

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save

from facegap.files import whole
from facegap.synthesise.networks import Generator
from facegap.tensors import reading


def save_generator(generator: Generator, attributes: Sequence[str], path: Path) -> None:
    """Write the weights, with what it takes to build the network again."""
    about = {
        "attributes": list(attributes),
        "channels": generator.enter.out_channels,
        "blocks": generator.blocks,
    }
    weights = {name: w.detach().cpu().contiguous() for name, w in generator.state_dict().items()}
    with whole(path) as temporary:  # one key: the order of several would change from run to run
        metadata = {"generator": json.dumps(about, sort_keys=True)}
        temporary.write_bytes(save(weights, metadata))


def load_generator(path: Path, device: torch.device) -> tuple[Generator, list[str]]:
    """The generator, and its attributes in their order; a `DataError` names a damaged file."""
    with reading(path, "a generator"):
        with safe_open(path, framework="pt") as file:
            about = json.loads(file.metadata()["generator"])
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        generator = Generator(len(about["attributes"]), about["channels"], about["blocks"])
        generator.load_state_dict(weights)
    return generator.to(device).requires_grad_(False), about["attributes"]
