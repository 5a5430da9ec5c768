"""Published weights, read by name and shape from a file of tensors; nothing in the file is run.

Three layouts: torch's (.pth, read as tensors alone), safetensors, and Keras' HDF5 (.h5).
"""

import hashlib
import logging
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from facegap.errors import AssetError, DataError, listed
from facegap.files import whole
from facegap.settings.classify import Backbone
from facegap.settings.operations import Operations
from facegap.tensors import load, load_safetensors, reading

log = logging.getLogger(__name__)

KERAS = (".h5", ".hdf5")
WHAT = "a file of weights alone"
Shape = tuple[int, ...]


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
    names = {ours: theirs for ours, theirs in names.items() if not _counts(ours)}
    own = body.state_dict()
    shapes = {theirs: tuple(own[name].shape) for name, theirs in names.items()}
    found = _without_prefix(read(path, shapes), shapes)
    wrong = [
        f"{name} {_described(found[name]) if name in found else 'is missing'} (needed: {shape})"
        for name, shape in shapes.items()
        if name not in found or found[name].shape != shape or not _plain(found[name])
    ]
    strange = [
        name
        for name in found
        if name not in shapes and not name.startswith(tuple(others)) and not _counts(name)
    ]
    if wrong or strange:
        first = wrong[0] if wrong else f"{strange[0][:80]} has no place"
        raise DataError(
            f"{path}: not the weights of this network: {first}"
            f" ({len(wrong) + len(strange)} such layers); get the file named in config/assets.yaml"
        )
    state = {name: found[theirs].float() for name, theirs in names.items()}
    if lost := [names[name] for name, value in state.items() if not bool(value.isfinite().all())]:
        raise DataError(
            f"{path}: the weights of {listed(lost, 3)} have numbers that are not finite (NaN or"
            " infinite, as after a training that failed); get the file anew"
        )
    if mirrored and path.suffix.lower() not in KERAS:
        first_layer = next(iter(names))
        state[first_layer] = state[first_layer].flip(1)
    body.load_state_dict(state, strict=False)


def _without_prefix(found: dict[str, Tensor], needed: Mapping[str, Shape]) -> dict[str, Tensor]:
    """`found` without what a wrapper put before every name (module., _orig_mod., model.)."""
    ends = {(name, own) for name in found for own in needed if name.endswith(own)}
    prefixes = {"", *(name.removesuffix(own) for name, own in ends)}
    best = max(sorted(prefixes), key=lambda before: sum(before + name in found for name in needed))
    return {name.removeprefix(best): value for name, value in found.items()}


def _plain(value: Tensor) -> bool:
    """Whether its numbers can be copied: floating point, dense, and in the file."""
    return value.is_floating_point() and value.layout is torch.strided and not value.is_meta


def _described(value: Tensor) -> str:
    dense = value.is_floating_point() and value.layout is torch.strided
    return f"{tuple(value.shape)}" + ("" if dense else f" of {value.dtype}, {value.layout}")


def fetch_timm(*, weights: Path, settings: Backbone, model: str, operations: Operations) -> None:
    """Write the published weights of timm's `model`, a safetensors file of Hugging Face's.

    The hub's client keeps it in its own cache, which alone is looked in when `operations.offline`;
    HF_ENDPOINT names a mirror. Raises `AssetError` where it cannot be had, and where its sha256 is
    not that of `settings`, or not the one that the hub itself names.
    """
    import timm
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    published = timm.get_pretrained_cfg(model)
    if published is None or not published.hf_hub_id:
        raise AssetError(
            f"classify.grid.backbones: timm has no published weights of {model}; use random"
        )
    place = f"{published.hf_hub_id}: model.safetensors ({published.license or 'licence not said'})"
    try:
        found = Path(
            hf_hub_download(
                published.hf_hub_id,
                "model.safetensors",
                revision=settings.revision,
                local_files_only=operations.offline,
            )
        )
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise AssetError(
            f"{place} could not be had from Hugging Face: {error}; or get it by hand and name it in"
            f" classify.grid.backbones.{model}.weights"
        ) from error
    with found.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    named = found.resolve().name  # the client calls a large file by the sha256 that the hub names
    wanted = settings.sha256 or (named if len(named) == len(digest) else digest)
    if digest != wanted:
        raise AssetError(
            f"{place}: its sha256 is {digest}, and not {wanted}: it is damaged or was exchanged;"
            f" delete {found.resolve()} and fetch it again, or look at"
            f" classify.grid.backbones.{model}.sha256"
        )
    pinned = f"{{weights: pretrained, revision: {found.parent.name}, sha256: {digest}}}"
    log.info("%s; to have this very file again: %s: %s", place, model, pinned)
    with whole(weights) as temporary:
        shutil.copyfile(found, temporary)


def read(path: Path, needed: Mapping[str, Shape] | None = None) -> dict[str, Tensor]:
    """The named tensors of a .safetensors, .h5 or torch file; a `DataError` where it is none.

    Of an HDF5 file, whose header may claim any size, only arrays of the shapes that are `needed`
    are read: others have their shape and no numbers (device meta).
    """
    if path.suffix.lower() == ".safetensors":
        return load_safetensors(path, WHAT)
    if path.suffix.lower() in KERAS:
        with reading(path, WHAT):
            return _keras(path, needed or {})
    with reading(path, WHAT), path.open("rb") as file:
        return _table(load(file, path, WHAT), path)


def _table(found: Any, path: Path) -> dict[str, Tensor]:
    """The table of weights in what torch read, or in a checkpoint beside epochs and optimisers."""
    if _is_table(found):
        return dict(found)
    parts = found if isinstance(found, Mapping) else {}
    tables = {str(name): value for name, value in parts.items() if _is_table(value)}
    if "state_dict" in tables or len(tables) == 1:
        return dict(tables.get("state_dict") or next(iter(tables.values())))
    raise DataError(
        f"{path}: a table of named weights is needed, this holds"
        f" {', '.join(sorted(tables)) or 'something else'}; save one alone, as"
        " torch.save(model.state_dict(), path) does"
    )


def _is_table(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and len(value) > 0
        and all(
            isinstance(k, str) and isinstance(v, Tensor) and not v.is_nested
            for k, v in value.items()
        )
    )


def _keras(path: Path, needed: Mapping[str, Shape]) -> dict[str, Tensor]:
    """Keras' layers as torch names and lays them out: <layer>.weight (out, in, ...), <layer>.bias.

    What a model was saved with beside its weights (its optimiser) is not looked at.
    """
    import h5py  # not needed but here

    found: dict[str, Tensor] = {}
    with h5py.File(path, "r") as file:
        for place, item in _arrays(file):
            name, shape, axes = _as_torch(place, item.shape or ())
            if needed.get(name) != shape:
                if item.dtype.kind == "f":  # a layer of another network; not, say, a counter
                    found.setdefault(name, torch.empty(shape, device="meta"))
                continue
            if fault := _fault(item):
                raise DataError(f"{path}: {place} {fault}; save the model's weights anew")
            array = np.asarray(item[()], dtype=np.float32).transpose(axes)
            found[name] = torch.from_numpy(array.copy())
    return found


def _arrays(file: Any) -> Iterator[tuple[str, Any]]:
    """The data sets of a model's weights, by place.

    Links out of the file are not followed: h5py visits hard links alone.
    """
    import h5py

    places: list[str] = []
    file.visit(places.append)
    inside = "model_weights/" if "model_weights" in places else ""
    for place in places:
        if place.startswith(inside) and not place.startswith("optimizer"):
            item = file[place]
            if isinstance(item, h5py.Dataset):
                yield place, item


def _as_torch(place: str, shape: Shape) -> tuple[str, Shape, tuple[int, ...]]:
    """The name, the shape and the order of axes that torch has for Keras' array at `place`.

    Kernels are (h, w, in, out) or (in, out); the layer is the group that the array lies in.
    """
    layer = place.split("/")[-2] if "/" in place else place
    if len(shape) == 1:
        return f"{layer}.bias", shape, (0,)
    axes = (3, 2, 0, 1) if len(shape) == 4 else tuple(reversed(range(len(shape))))
    return f"{layer}.weight", tuple(shape[axis] for axis in axes), axes


def _fault(item: Any) -> str | None:
    """Why an array of a needed name and shape is not read; what it unpacks to must be bounded."""
    if item.external or item.is_virtual or item.shape is None or item.dtype.kind != "f":
        return "is no array of numbers within the file"
    if item.id.get_create_plist().get_nfilters():
        return "is compressed"
    if item.chunks and np.prod(item.chunks, dtype=float) > item.size:
        return "is stored in pieces larger than itself"
    return None


def _counts(name: str) -> bool:
    return name.endswith("num_batches_tracked")
