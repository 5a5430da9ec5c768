"""StarGAN's generator and discriminator (Choi et al. 2018; model.py of yunjey/stargan on GitHub).

The published code's instance norms track running statistics but never use them, since it never
leaves training mode; so ours track none. A group norm with a group a channel is the same function,
and three times as fast on the CPU.
"""

from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812, torch's own custom
from torch import Tensor, nn

from facegap.network import on_gpu

LEAK = 0.01  # slope of the discriminator's leaky ReLU below zero
SMALL = 8  # pixels of a plane up to which the CPU halves it by a product of matrices


class Generator(nn.Module):
    """A face and the attributes to give it, to the face with them."""

    def __init__(self, attributes: int, channels: int, blocks: int) -> None:
        """`channels` of the first layer, `blocks` residual blocks; 64 and 6 in the paper."""
        super().__init__()
        self.blocks = blocks
        self.enter = nn.Conv2d(3 + attributes, channels, 7, padding=3, bias=False)
        layers: list[nn.Module] = [_norm(channels), nn.ReLU(inplace=True)]
        for _ in range(2):
            down = nn.Conv2d(channels, 2 * channels, 4, stride=2, padding=1, bias=False)
            channels *= 2
            layers += [down, _norm(channels), nn.ReLU(inplace=True)]
        layers += [_Residual(channels) for _ in range(blocks)]
        for _ in range(2):
            up = nn.ConvTranspose2d(channels, channels // 2, 4, stride=2, padding=1, bias=False)
            channels //= 2
            layers += [up, _norm(channels), nn.ReLU(inplace=True)]
        self.body = nn.Sequential(*layers)
        self.leave = nn.Conv2d(channels, 3, 7, padding=3, bias=False)

    def forward(self, faces: Tensor, wanted: Tensor) -> Tensor:
        """Faces (n, 3, s, s) in -1..1, s a multiple of 4, with the attributes `wanted` (n, a)."""
        entered = F.conv2d(faces, self.enter.weight[:, :3], padding=3)
        entered = entered + _of_planes(wanted, self.enter.weight[:, 3:], faces.shape[-1])
        return torch.tanh(_to_few_channels(self.body(entered), self.leave.weight))


class Discriminator(nn.Module):
    """A face to how real each patch of it is, and to its attributes."""

    def __init__(self, attributes: int, size: int, channels: int, layers: int) -> None:
        """`channels` of the first of `layers` halving layers; 64 and 6 at size 128 in the paper."""
        super().__init__()
        widths = [3, *(channels << k for k in range(layers))]
        self.halve = nn.ModuleList(
            nn.Conv2d(i, o, 4, stride=2, padding=1) for i, o in pairwise(widths)
        )
        self.realness = nn.Conv2d(widths[-1], 1, 3, padding=1, bias=False)
        self.classify = nn.Conv2d(widths[-1], attributes, size >> layers, bias=False)

    def forward(self, faces: Tensor) -> tuple[Tensor, Tensor]:
        """Of faces (n, 3, s, s): realness (n, 1, p, p) of p by p patches, and logits (n, a)."""
        hidden = self._hidden(faces)[-1]
        return self.realness(hidden), self.classify(hidden).flatten(1)

    def slope(self, faces: Tensor) -> Tensor:
        """Gradient of the patches' summed realness by `faces`, (n, 3, s, s).

        It can be differentiated by the weights, not by the faces. A leaky ReLU is straight on
        either side of zero, so with its slopes taken as given the gradient is a chain of linear
        maps: the same value and derivative as automatic differentiation twice over, which would
        go through the forward pass once more for second derivatives that are all zero.
        """
        with torch.no_grad():
            slopes = [torch.where(hidden > 0, 1.0, LEAK) for hidden in self._hidden(faces)]
        patches = faces.new_ones(len(faces), 1, *slopes[-1].shape[2:])
        back = F.conv_transpose2d(patches, self.realness.weight, padding=1)
        weights = [weight for name, weight in self.halve.named_parameters() if "weight" in name]
        for weight, slope in zip(reversed(weights), reversed(slopes), strict=True):
            back = _doubled(back * slope, weight)
        return back

    def _hidden(self, faces: Tensor) -> list[Tensor]:
        """The output of every halving layer."""
        outputs = []
        for layer in self.halve:
            faces = F.leaky_relu(_halved(faces, *layer.parameters()), LEAK, inplace=True)
            outputs.append(faces)
        return outputs


class _Residual(nn.Module):
    """Two convolutions beside a straight path."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            _norm(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            _norm(channels),
        )

    def forward(self, hidden: Tensor) -> Tensor:
        added: Tensor = self.main(hidden)
        return hidden + added


def _halved(hidden: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The convolution of `hidden` (n, c, s, s) with `weight` (d, c, 4, 4) that halves s.

    Where a plane is small and the weights are many, a convolution on the CPU spends its time on
    bringing the weights into an order of its own: there the product of matrices is several times
    as fast. The sums are the same.
    """
    if hidden.shape[-1] > SMALL or on_gpu(hidden.device):
        return F.conv2d(hidden, weight, bias, stride=2, padding=1)
    count, half = len(hidden), hidden.shape[-1] // 2
    patches = F.unfold(hidden, 4, padding=1, stride=2).transpose(1, 2).flatten(0, 1)
    halved = torch.addmm(bias, patches, weight.flatten(1).T)
    return halved.view(count, half, half, -1).permute(0, 3, 1, 2)


def _doubled(hidden: Tensor, weight: Tensor) -> Tensor:
    """The transpose of `_halved` without its bias: (n, d, s, s) to (n, c, 2 s, 2 s)."""
    size = 2 * hidden.shape[-1]
    if size > SMALL or on_gpu(hidden.device):
        return F.conv_transpose2d(hidden, weight, stride=2, padding=1)
    rows = hidden.permute(0, 2, 3, 1).flatten(0, 2)
    patches = (rows @ weight.flatten(1)).view(len(hidden), -1, weight[0].numel()).transpose(1, 2)
    return F.fold(patches, (size, size), 4, padding=1, stride=2)


def _norm(channels: int) -> nn.GroupNorm:
    """Instance norm with a scale and a shift a channel."""
    return nn.GroupNorm(channels, channels)


def _of_planes(wanted: Tensor, weight: Tensor, size: int) -> Tensor:
    """What a convolution with `weight` (c, a, k, k) makes of planes filled with `wanted` (n, a).

    (n, c, s, s) of `size` s. Away from the border it is one number, so it is worked out on planes
    of k by k, which hold every case of being near to a border, and then spread out.
    """
    kernel = weight.shape[-1]
    cases = F.conv2d(
        weight.new_ones(1, 1, kernel, kernel), weight.flatten(0, 1)[:, None], padding=kernel // 2
    )
    cases = cases.view(*weight.shape)
    place = torch.arange(size, device=weight.device)
    case = place.clamp(max=kernel // 2) + (place - (size - 1 - kernel // 2)).clamp(min=0)
    spread = F.one_hot(case, kernel).to(weight.dtype)
    return spread @ torch.einsum("na,cakl->nckl", wanted, cases) @ spread.T


def _to_few_channels(hidden: Tensor, weight: Tensor) -> Tensor:
    """The convolution of `hidden` (n, c, s, s), s even, with `weight` (3, c, k, k), k odd, padded.

    The four pixels of each 2 by 2 square are four outputs of one convolution with stride 2: three
    channels alone would leave most of a vector unit idle. The sums are the same.
    """
    squares = [F.pad(weight, (x, 1 - x, y, 1 - y)) for y in (0, 1) for x in (0, 1)]
    outputs = F.conv2d(
        hidden, torch.stack(squares, 1).flatten(0, 1), stride=2, padding=weight.shape[-1] // 2
    )
    return F.pixel_shuffle(outputs, 2)
