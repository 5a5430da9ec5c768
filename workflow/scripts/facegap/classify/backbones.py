"""The networks: the paper's four (2.1) and any of timm's, each cut where its frozen part ends.

A network's body (without its own classifier) is cut in front of its N-th last weight layer, by
running order: the `trunk` is frozen, the `tail` ends in the pooled features. Whatever the trunk
leaves to the tail is the boundary. Before ResNet50's fifth last convolution (the second of the
block before the last) these are two tensors, the branch and the identity beside it.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import interpolate

from facegap.classify.cutting import Leaves, cut
from facegap.classify.pretrained import load_weights
from facegap.errors import FacegapError, TrainingError
from facegap.network import on_gpu
from facegap.seeds import number

IMAGENET_MEAN = (0.485 * 255, 0.456 * 255, 0.406 * 255)
IMAGENET_STD = (0.229 * 255, 0.224 * 255, 0.225 * 255)


@dataclass(frozen=True)
class Backbone:
    """A network's body, what it is fed, and how the file of its weights is laid out."""

    build: Callable[[int, int | None], nn.Module]  # of a size in pixels; random by seed, or empty
    named: Callable[[nn.Module], dict[str, str]]  # the body's names to the file's
    others: tuple[str, ...]  # the file's further names begin so: the network's own classifier
    mean: tuple[float, ...] = IMAGENET_MEAN  # of RGB, in the range 0 to 255
    std: tuple[float, ...] = IMAGENET_STD
    bgr: bool = False  # the body is fed BGR
    mirrored: bool = False  # the torch file's first layer is fed the other order of channels
    pooled: bool = False  # the body ends in pooled features, not in maps
    leaves: Leaves = ((), ())


@dataclass(frozen=True)
class Network:
    """A backbone in two parts; `shapes` are those of the boundary's tensors, of one face.

    The first axis counts a tensor's rows of one face: windows and heads are rows of their own.
    """

    name: str
    backbone: Backbone
    body: nn.Module
    trunk: nn.Module
    tail: nn.Module
    size: int
    layers: int
    shapes: tuple[tuple[int, ...], ...] = field(default=())

    @property
    def width(self) -> int:
        """How many numbers a face has at the boundary."""
        return sum(int(np.prod(shape)) for shape in self.shapes)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all that the features depend on: every weight, the size, and the cut."""
        found = hashlib.sha256(f"{self.name} {self.size} {self.layers}".encode())
        for name, tensor in self.body.state_dict().items():
            found.update(name.encode())
            found.update(np.ascontiguousarray(tensor.cpu().numpy()).data)
        return found.hexdigest()

    @torch.no_grad()
    def boundary(self, faces: NDArray[np.uint8], device: torch.device) -> Tensor:
        """The trunk's activations of `faces` (n, h, w, 3) RGB: float32 (n, width)."""
        with mixed(device):
            state = self.trunk(preprocess(faces, self.backbone, self.size, device))
        return torch.cat([part.reshape(len(faces), -1).float() for part in state], 1)

    def unpacked(self, boundary: Tensor) -> list[Tensor]:
        """The tail's arguments out of `boundary` (n, width)."""
        parts = torch.split(boundary, [int(np.prod(shape)) for shape in self.shapes], 1)
        each = zip(parts, self.shapes, strict=True)
        return [part.reshape(-1, *shape[1:]) for part, shape in each]

    def pooled(self, boundary: Tensor, tail: nn.Module | None = None) -> Tensor:
        """What the tail, or a trained copy of it, makes of `boundary`: float32 (n, features)."""
        with mixed(boundary.device):
            found: Tensor = (tail or self.tail)(*self.unpacked(boundary))
        return found.float()


def mixed(device: torch.device) -> torch.autocast:
    """bfloat16 products on a GPU; nothing on a CPU, where they are slower."""
    return torch.autocast(device.type, torch.bfloat16, enabled=on_gpu(device))


def _torchvision(network: str, name: str, spread: float, size: int, seed: int | None) -> nn.Module:
    """A body of torchvision's; `spread` is that of what it is fed, for random weights."""
    from torchvision import models  # not before it is needed: it loads torch's compiler, 2 s

    with torch.device("meta"):  # torchvision's own initialisation would be overwritten
        parts = OrderedDict(models.get_model(network).named_children())
        maps = OrderedDict((k, part) for k, part in parts.items() if k not in ("avgpool", "fc"))
        body = parts["features"] if "features" in parts else nn.Sequential(maps)
    body = body.to_empty(device="cpu")
    if seed is not None:
        _initialise(body, spread, number(seed, "random_weights", backbone=name))
    return body


def _timm(name: str, size: int, seed: int | None) -> nn.Module:
    """A body of timm's, with its own initialisation; models of one size are built for `size`."""
    import timm

    settings = timm.get_pretrained_cfg(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(number(seed or 0, "random_weights", backbone=name))
        more: dict[str, Any] = {}
        if settings is not None and settings.fixed_input_size:
            more["img_size"] = size
        body: nn.Module = timm.create_model(name, num_classes=0, **more)
    return body


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
    "resnet50": Backbone(
        partial(_torchvision, "resnet50", "resnet50", 1.0),
        partial(_prefixed, prefix=""),
        ("fc.",),
    ),
    "vgg16": Backbone(partial(_torchvision, "vgg16", "vgg16", 1.0), _VGG, ("classifier.",)),
    "vgg19": Backbone(partial(_torchvision, "vgg19", "vgg19", 1.0), _VGG, ("classifier.",)),
    # Parkhi et al. 2015. The network is fed BGR, less the means, as in its Caffe and Keras
    # releases; the torch file comes from the MatConvNet release, whose first layer takes RGB.
    "vggface": Backbone(
        partial(_torchvision, "vgg16", "vggface", 57.0),
        _of_vggface,
        ("fc6.", "fc7.", "fc8."),
        mean=(129.1863, 104.7624, 93.5940),
        std=(1.0, 1.0, 1.0),
        bgr=True,
        mirrored=True,
    ),
}


def backbone_of(name: str) -> Backbone:
    """The backbone called `name`: one of the paper's four, or a model of timm's.

    Raises `TrainingError` where it is neither.
    """
    if name in BACKBONES:
        return BACKBONES[name]
    import timm  # not before it is needed: it takes seconds
    from timm.models._features_fx import get_notrace_functions, get_notrace_modules

    if not timm.is_model(name):
        raise TrainingError(
            f"classify.grid.backbones: {name} is neither {', '.join(BACKBONES)} nor a model of timm"
            " (timm.list_models() names them)"
        )
    settings: Any = timm.get_pretrained_cfg(name)
    classifier = settings.classifier or ()
    return Backbone(
        partial(_timm, name),
        partial(_prefixed, prefix=""),
        tuple(f"{part}." for part in ([classifier] if isinstance(classifier, str) else classifier)),
        mean=tuple(255 * value for value in settings.mean),
        std=tuple(255 * value for value in settings.std),
        pooled=True,
        leaves=(
            tuple(get_notrace_modules()),  # type: ignore[no-untyped-call]
            tuple(get_notrace_functions()),  # type: ignore[no-untyped-call]
        ),
    )


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
    the body has fewer weight layers, cannot be cut there, or there is no such network.
    """
    backbone = backbone_of(name)
    with _possible(name, f"cannot be built for {size} pixels; give it an input_size of its own"):
        body = backbone.build(size, seed if weights is None else None)
    if weights is not None:
        load_weights(body, backbone.named(body), Path(weights), backbone.others, backbone.mirrored)
    body = body.eval().requires_grad_(False).to(device)
    if on_gpu(device):
        body = body.to(memory_format=torch.channels_last)
    noise = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    images = noise.to(device)
    where = (
        f"cannot be cut before its last {layers} weight layers at {size} pixels; give it another"
        " input_size, or name another model"
    )
    with _possible(name, where), torch.no_grad():
        trunk, tail = cut(body, layers, images, pooled=backbone.pooled, leaves=backbone.leaves)
        both, first = trunk(images), trunk(images[:1])
        if not all(map(_of_one_face, both, first)):
            raise ValueError("what crosses the cut is not of one face at a time")
    shapes = tuple((len(part), *part.shape[1:]) for part in first)
    return Network(name, backbone, body, trunk, tail, size, layers, shapes)


@contextmanager
def _possible(name: str, words: str) -> Iterator[None]:
    """Whatever the code of a network raises while it is built and cut, as a `TrainingError`."""
    try:
        yield
    except FacegapError:
        raise
    except Exception as error:  # several hundred networks of many authors raise what they will
        reason = (str(error).strip().splitlines() or [""])[0]
        raise TrainingError(
            f"classify.grid.backbones: {name} {words} ({type(error).__name__}: {reason})"
        ) from error


def _of_one_face(both: Tensor, first: Tensor) -> bool:
    """Whether the rows of two faces are those of the first, and as many of the second."""
    if both.dim() == 0 or len(both) != 2 * len(first):
        return False
    spread = float(first.float().std()) if first.numel() > 1 else 1.0
    return torch.allclose(both[: len(first)].float(), first.float(), 1e-2, 1e-2 * spread + 1e-6)


def _initialise(body: nn.Module, spread: float, seed: int) -> None:
    """He et al. 2015 for ReLU, scaled for the spread of the input; residual branches are damped.

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
        convolutions[0].weight /= spread
    for module in body.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
    last = [part for name, part in body.named_modules() if name.endswith(".bn3")]  # of a block
    for part in last:
        assert isinstance(part, nn.BatchNorm2d)
        nn.init.constant_(part.weight, len(last) ** -0.5)
