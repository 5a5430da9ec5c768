"""Published weights, read by name and shape from a file of tensors; nothing in the file is run.

Three layouts: torch's (.pth, read as tensors alone), safetensors, and Keras' HDF5 (.h5).
"""

import logging
import pickle
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from facegap.errors import AssetError, DataError
from facegap.files import whole
from facegap.settings.operations import Operations

log = logging.getLogger(__name__)

KERAS = (".h5", ".hdf5")
LARGEST = 2**30  # numbers in one layer of an HDF5 file; its header may claim any size


def load_weights(
    body: nn.Module,
    names: Mapping[str, str],
    path: Path,
    others: Sequence[str],
    mirrored: bool,
) -> None:
    """Fill the body with the weights at `path`, checked layer by layer.

    `names` are the body's to the file's; further names in the file may begin with `others`. With
    `mirrored` the first layer of the file takes the channels in the other order; Keras files take
    them as the body does. Raises `DataError` naming the first layer that does not fit.
    """
    found = read(path)
    names = {ours: theirs for ours, theirs in names.items() if not _counts(ours)}
    own = body.state_dict()
    wrong = [
        f"{theirs} {tuple(found[theirs].shape) if theirs in found else 'is missing'}"
        f" (needed: {tuple(own[name].shape)})"
        for name, theirs in names.items()
        if theirs not in found or found[theirs].shape != own[name].shape
    ]
    strange = [
        name
        for name in found
        if name not in names.values() and not name.startswith(tuple(others)) and not _counts(name)
    ]
    if wrong or strange:
        first = wrong[0] if wrong else f"{strange[0]} has no place"
        raise DataError(
            f"{path}: not the weights of this network: {first}"
            f" ({len(wrong) + len(strange)} such layers); get the file named in config/assets.yaml"
        )
    state = {name: found[theirs].float() for name, theirs in names.items()}
    if mirrored and path.suffix not in KERAS:
        first_layer = next(iter(names))
        state[first_layer] = state[first_layer].flip(1)
    body.load_state_dict(state, strict=False)


def fetch_timm(*, weights: Path, model: str, operations: Operations) -> None:
    """Write the published weights of timm's `model`, a safetensors file of Hugging Face's.

    The hub's client checks its length and keeps it in its own cache, which alone is looked in when
    `operations.offline`; HF_ENDPOINT names a mirror. Raises `AssetError` where it cannot be had.
    """
    import timm
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    settings = timm.get_pretrained_cfg(model)
    if settings is None or not settings.hf_hub_id:
        raise AssetError(
            f"classify.grid.backbones: timm has no published weights of {model}; use random"
        )
    place = f"{settings.hf_hub_id}: model.safetensors ({settings.license or 'licence not said'})"
    try:
        found = hf_hub_download(
            settings.hf_hub_id, "model.safetensors", local_files_only=operations.offline
        )
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise AssetError(
            f"{place} could not be had from Hugging Face: {error}; or get it by hand and name it in"
            f" classify.grid.backbones.{model}.weights"
        ) from error
    log.info("%s", place)
    with whole(weights) as temporary:
        shutil.copyfile(found, temporary)


def _counts(name: str) -> bool:
    return name.endswith("num_batches_tracked")


def read(path: Path) -> dict[str, Tensor]:
    """The named tensors of a .safetensors, .h5 or torch file; a `DataError` where it is none."""
    try:
        if path.suffix == ".safetensors":
            found = load_file(path)
        elif path.suffix in KERAS:
            found = _keras(path)
        else:
            found = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError, SafetensorError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"{path}: not readable as a file of weights alone: {reason}") from error
    if not isinstance(found, dict) or not all(isinstance(v, Tensor) for v in found.values()):
        raise DataError(f"{path}: a table of named weights is needed, this is something else")
    return found


def _keras(path: Path) -> dict[str, Tensor]:
    """Keras' layers as torch names and lays them out: <layer>.weight (out, in, ...), <layer>.bias.

    Links out of the file are not followed: h5py visits hard links alone, and datasets that keep
    their numbers in another file are refused.
    """
    import h5py  # not needed but here

    found: dict[str, Tensor] = {}

    def visit(name: str, item: object) -> None:
        if not isinstance(item, h5py.Dataset):
            return
        if item.external or item.is_virtual or item.size > LARGEST or item.dtype.kind != "f":
            raise OSError(f"{name} is no array of numbers within the file")
        array = np.asarray(item[()], dtype=np.float32)
        layer = name.removeprefix("model_weights/").split("/")[0]
        if array.ndim == 1:
            found[f"{layer}.bias"] = torch.from_numpy(array)
        else:  # (h, w, in, out) or (in, out)
            axes = (3, 2, 0, 1) if array.ndim == 4 else tuple(reversed(range(array.ndim)))
            found[f"{layer}.weight"] = torch.from_numpy(array.transpose(axes).copy())

    with h5py.File(path, "r") as file:
        file.visititems(visit)
    return found
