"""The four networks of paper 2.1, each cut where its frozen part ends.

A network's body (without its own classifier) is cut in front of its N-th last weight layer, by
running order: the `trunk` is frozen, the `tail` ends in a global average pooling. Whatever the
trunk leaves to the tail is the boundary. Before ResNet50's fifth last convolution (the second of
the block before the last) these are two tensors, the branch and the identity beside it.
"""

import pickle
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, fx, nn
from torch.nn.functional import interpolate
from torchvision import models

from facegap.errors import DataError, TrainingError
from facegap.seeds import number

IMAGENET_MEAN = (0.485 * 255, 0.456 * 255, 0.406 * 255)
IMAGENET_STD = (0.229 * 255, 0.224 * 255, 0.225 * 255)
WEIGHTED = (nn.Conv2d, nn.Linear)


@dataclass(frozen=True)
class Backbone:
    """A network's body, what it is fed, and how the file of its weights is laid out."""

    build: Callable[[], nn.Module]
    named: Callable[[nn.Module], dict[str, str]]  # the body's names to the file's
    others: tuple[str, ...]  # the file's further names begin so: the network's own classifier
    mean: tuple[float, float, float] = IMAGENET_MEAN  # of RGB, in the range 0 to 255
    std: tuple[float, float, float] = IMAGENET_STD
    bgr: bool = False  # the body is fed BGR
    mirrored: bool = False  # the file's first layer is fed the other order of channels
    spread: float = 1.0  # of what the body is fed, for random weights


@dataclass(frozen=True)
class Network:
    """A backbone in two parts; `shapes` are those of the boundary's tensors, of one face."""

    backbone: Backbone
    trunk: nn.Module
    tail: nn.Module
    size: int
    shapes: tuple[tuple[int, ...], ...] = field(default=())

    @property
    def width(self) -> int:
        """How many numbers a face has at the boundary."""
        return sum(int(np.prod(shape)) for shape in self.shapes)

    @torch.no_grad()
    def boundary(self, faces: NDArray[np.uint8], device: torch.device) -> Tensor:
        """What the trunk says of `faces` (n, h, w, 3) RGB: float32 (n, width)."""
        state = self.trunk(preprocess(faces, self.backbone, self.size, device))
        return torch.cat([part.flatten(1) for part in state], 1)

    def unpacked(self, boundary: Tensor) -> list[Tensor]:
        """The tail's arguments out of `boundary` (n, width)."""
        parts = torch.split(boundary, [int(np.prod(shape)) for shape in self.shapes], 1)
        return [part.reshape(-1, *shape) for part, shape in zip(parts, self.shapes, strict=True)]


def _vgg(make: Callable[[], models.VGG]) -> nn.Module:
    body: nn.Module = make().features
    return body


def _resnet50() -> nn.Module:
    network = models.resnet50()
    del network.avgpool, network.fc
    return nn.Sequential(OrderedDict(network.named_children()))


def _prefixed(body: nn.Module, prefix: str) -> dict[str, str]:
    return {name: prefix + name for name in body.state_dict()}


def _of_vggface(body: nn.Module) -> dict[str, str]:
    """Names of the published file: conv<block>_<number>."""
    blocks = ((1, 2), (2, 2), (3, 3), (4, 3), (5, 3))
    layers = [f"conv{block}_{i + 1}" for block, count in blocks for i in range(count)]
    names = list(body.state_dict())
    return {
        name: f"{layer}.{name.rsplit('.', 1)[1]}"
        for layer, pair in zip(layers, zip(names[::2], names[1::2], strict=True), strict=True)
        for name in pair
    }


_VGG = partial(_prefixed, prefix="features.")
BACKBONES: Mapping[str, Backbone] = {
    "resnet50": Backbone(_resnet50, partial(_prefixed, prefix=""), ("fc.",)),
    "vgg16": Backbone(partial(_vgg, models.vgg16), _VGG, ("classifier.",)),
    "vgg19": Backbone(partial(_vgg, models.vgg19), _VGG, ("classifier.",)),
    # Parkhi et al. 2015. The network is fed BGR, less the means, as in its Caffe and Keras
    # releases; the torch file comes from the MatConvNet release, whose first layer takes RGB.
    "vggface": Backbone(
        partial(_vgg, models.vgg16),
        _of_vggface,
        ("fc6.", "fc7.", "fc8."),
        mean=(129.1863, 104.7624, 93.5940),
        std=(1.0, 1.0, 1.0),
        bgr=True,
        mirrored=True,
        spread=57.0,
    ),
}


def preprocess(
    faces: NDArray[np.uint8], backbone: Backbone, size: int, device: torch.device
) -> Tensor:
    """`faces` (n, h, w, 3) RGB as the backbone is fed them: float32 (n, 3, size, size)."""
    images = torch.from_numpy(faces).to(device).permute(0, 3, 1, 2).float()
    if images.shape[2:] != (size, size):
        images = interpolate(images, (size, size), mode="bilinear", antialias=True)
    mean = torch.tensor(backbone.mean, device=device).view(3, 1, 1)
    std = torch.tensor(backbone.std, device=device).view(3, 1, 1)
    images = (images - mean) / std
    return images.flip(1) if backbone.bgr else images


def network(
    name: str,
    *,
    size: int,
    layers: int,
    weights: str | Path | None,
    seed: int,
    device: torch.device,
) -> Network:
    """The backbone called `name`, frozen, in evaluation mode, cut before its last `layers`.

    `weights` is the file of the published weights; None for random ones, the same for the same
    `seed`. Raises `DataError` where the file is not this network's, and `TrainingError` where
    the body has fewer weight layers.
    """
    backbone = BACKBONES[name]
    with torch.device("meta"):
        body = backbone.build()
    body.to_empty(device="cpu")
    if weights is None:
        _initialise(body, backbone, number(seed, "classify", "weights", name))
    else:
        _load(body, backbone, Path(weights))
    trunk, tail = cut(body.eval().requires_grad_(False).to(device), layers)
    with torch.no_grad():
        state = trunk(torch.zeros(1, 3, size, size, device=device))
    return Network(backbone, trunk, tail, size, tuple(tuple(part.shape[1:]) for part in state))


class _Pooled(nn.Module):
    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, images: Tensor) -> Tensor:
        maps: Tensor = self.body(images)
        return maps.mean((2, 3))


def cut(body: nn.Module, layers: int) -> tuple[nn.Module, nn.Module]:
    """The part of `body` before its last `layers` weight layers, and the rest with the pooling.

    The first gives the tuple of tensors that the second takes, whatever the graph between them.
    """
    whole = fx.symbolic_trace(_Pooled(body)).eval()
    nodes = list(whole.graph.nodes)
    weighted = [node for node in nodes if isinstance(_module(whole, node), WEIGHTED)]
    if layers > len(weighted):
        raise TrainingError(
            f"classify.fine_tune.layers: {layers}, but the body has {len(weighted)} weight layers"
        )
    at = nodes.index(weighted[-layers])
    before, after = nodes[:at], nodes[at:]
    live = [node for node in before if set(node.users) & set(after)]
    return _part(whole, [], before, live), _part(whole, live, after, None)


def _module(whole: fx.GraphModule, node: fx.Node) -> nn.Module | None:
    return whole.get_submodule(str(node.target)) if node.op == "call_module" else None


def _part(
    whole: fx.GraphModule, given: list[fx.Node], nodes: list[fx.Node], left: list[fx.Node] | None
) -> fx.GraphModule:
    """The `nodes` as a module of their own, fed `given`, whose result is `left`, or their own."""
    graph = fx.Graph()
    copies = {node: graph.placeholder(node.name) for node in given}
    for node in nodes:
        copies[node] = graph.node_copy(node, copies.__getitem__)
    if left is not None:
        graph.output(tuple(copies[node] for node in left))
    return fx.GraphModule(whole, graph).eval()


def trainable(tail: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters of the tail's weight layers, by name.

    Batch normalisation keeps its statistics and its scales: it is no weight layer, and batches
    of a small set would spoil the statistics.
    """
    return {
        f"{place}.{name}": parameter
        for place, module in tail.named_modules()
        if isinstance(module, WEIGHTED)
        for name, parameter in module.named_parameters()
    }


def _initialise(body: nn.Module, backbone: Backbone, seed: int) -> None:
    """He et al. 2015 for ReLU, scaled for what the body is fed; residual branches are damped.

    Without trained statistics nothing else would keep the sum of the residual blocks in range
    (as in Zhang et al. 2019, "Fixup").
    """
    rng = torch.Generator().manual_seed(seed)
    convolutions = [module for module in body.modules() if isinstance(module, nn.Conv2d)]
    for convolution in convolutions:
        nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu", generator=rng)
        if convolution.bias is not None:
            nn.init.zeros_(convolution.bias)
    with torch.no_grad():
        convolutions[0].weight /= backbone.spread
    for module in body.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
    blocks = [module for module in body.modules() if isinstance(module, models.resnet.Bottleneck)]
    for block in blocks:
        nn.init.constant_(block.bn3.weight, len(blocks) ** -0.5)


def _load(body: nn.Module, backbone: Backbone, path: Path) -> None:
    """Fill the body with the weights at `path`, by name and shape; nothing in the file is run."""
    found = _read(path)
    names = {
        name: theirs
        for name, theirs in backbone.named(body).items()
        if not name.endswith("num_batches_tracked")
    }
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
        if name not in names.values()
        and not name.startswith(backbone.others)
        and not name.endswith("num_batches_tracked")
    ]
    if wrong or strange:
        first = wrong[0] if wrong else f"{strange[0]} has no place"
        raise DataError(
            f"{path}: not the weights of this network: {first}"
            f" ({len(wrong) + len(strange)} such layers); get the file named in config/assets.yaml"
        )
    state = {name: found[theirs].float() for name, theirs in names.items()}
    if backbone.mirrored:
        first_layer = next(iter(names))
        state[first_layer] = state[first_layer].flip(1)
    body.load_state_dict(state, strict=False)


def _read(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            found = load_file(path)
        else:
            found = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError, SafetensorError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{path}: not readable as a file of weights alone: {reason}") from error
    if not isinstance(found, dict) or not all(isinstance(v, Tensor) for v in found.values()):
        raise DataError(f"{path}: a table of named weights is needed, this is something else")
    return found
