"""Generator and discriminator are the published ones: their layers, parameters and outputs."""

import pytest
import torch
from gpu import as_on_a_gpu, asking
from torch import Tensor, nn

from facegap.synthesise import networks
from facegap.synthesise.networks import Discriminator, Generator


def norm(channels: int) -> nn.Module:
    return nn.InstanceNorm2d(channels, affine=True, track_running_stats=True)


class PublishedBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        first, second = (nn.Conv2d(width, width, 3, 1, 1, bias=False) for _ in range(2))
        self.main = nn.Sequential(first, norm(width), nn.ReLU(), second, norm(width))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.main(x)


class PublishedGenerator(nn.Module):
    """Written down from the paper's Table 4, with nothing made faster."""

    def __init__(self, labels: int, width: int, blocks: int) -> None:
        super().__init__()
        parts: list[nn.Module] = [nn.Conv2d(3 + labels, width, 7, 1, 3, bias=False)]
        parts += [norm(width), nn.ReLU()]
        for w in (width, 2 * width):
            parts += [nn.Conv2d(w, 2 * w, 4, 2, 1, bias=False), norm(2 * w), nn.ReLU()]
        parts += [PublishedBlock(4 * width) for _ in range(blocks)]
        for w in (4 * width, 2 * width):
            parts += [nn.ConvTranspose2d(w, w // 2, 4, 2, 1, bias=False), norm(w // 2), nn.ReLU()]
        self.main = nn.Sequential(*parts, nn.Conv2d(width, 3, 7, 1, 3, bias=False), nn.Tanh())

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        planes = c[:, :, None, None].repeat(1, 1, x.shape[2], x.shape[3])
        return self.main(torch.cat([x, planes], 1))


class PublishedDiscriminator(nn.Module):
    """Written down from the paper's Table 5."""

    def __init__(self, labels: int, size: int, width: int, layers: int) -> None:
        super().__init__()
        parts: list[nn.Module] = [nn.Conv2d(3, width, 4, 2, 1), nn.LeakyReLU(0.01)]
        for _ in range(1, layers):
            parts += [nn.Conv2d(width, 2 * width, 4, 2, 1), nn.LeakyReLU(0.01)]
            width *= 2
        self.main = nn.Sequential(*parts)
        self.source = nn.Conv2d(width, 1, 3, 1, 1, bias=False)
        self.labels = nn.Conv2d(width, labels, size // 2**layers, bias=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.main(x)
        return self.source(h), self.labels(h).flatten(1)


def copy_weights(ours: nn.Module, published: nn.Module) -> None:
    """Ours into the published network: the parameters come in the same order."""
    pairs = zip(ours.parameters(), published.parameters(), strict=True)
    with torch.no_grad():
        for one, other in pairs:
            other.copy_(one)


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_at_full_size_the_networks_have_the_published_parameters() -> None:
    with torch.device("meta"):
        generator, discriminator = Generator(5, 64, 6), Discriminator(5, 128, 64, 6)
        published = PublishedGenerator(5, 64, 6), PublishedDiscriminator(5, 128, 64, 6)
    assert [p.shape for p in generator.parameters()] == [p.shape for p in published[0].parameters()]
    assert [p.shape for p in discriminator.parameters()] == [
        p.shape for p in published[1].parameters()
    ]
    assert count(generator) == 8_430_528
    assert count(discriminator) == 44_762_048


@pytest.mark.parametrize("size", [16, 36])
def test_the_generator_computes_what_the_published_one_does(size: int) -> None:
    torch.manual_seed(1)
    ours, published = Generator(3, 8, 2), PublishedGenerator(3, 8, 2)
    for name, parameter in ours.named_parameters():
        if name.endswith("bias"):
            nn.init.normal_(parameter)
    copy_weights(ours, published)
    faces, wanted = torch.rand(4, 3, size, size) * 2 - 1, torch.randint(0, 2, (4, 3)).float()
    made = ours(faces, wanted)
    assert made.shape == faces.shape
    torch.testing.assert_close(made, published(faces, wanted), rtol=1e-4, atol=1e-5)


def test_the_discriminator_computes_what_the_published_one_does() -> None:
    torch.manual_seed(1)
    ours, published = Discriminator(3, 32, 8, 3), PublishedDiscriminator(3, 32, 8, 3)
    copy_weights(ours, published)
    faces = torch.rand(4, 3, 32, 32) * 2 - 1
    realness, logits = ours(faces)
    assert realness.shape == (4, 1, 4, 4)
    assert logits.shape == (4, 3)
    for one, other in zip((realness, logits), published(faces), strict=True):
        torch.testing.assert_close(one, other)


def test_as_on_a_gpu_the_discriminator_computes_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(1)
    discriminator, faces = Discriminator(3, 32, 8, 3), torch.rand(4, 3, 32, 32) * 2 - 1
    exact = [*discriminator(faces), discriminator.slope(faces)]
    asked = as_on_a_gpu(monkeypatch, networks)
    for one, other in zip(exact, [*discriminator(faces), discriminator.slope(faces)], strict=True):
        torch.testing.assert_close(one, other)
    assert asked == asking(networks)


def test_the_slope_is_the_gradient_of_the_realness() -> None:
    torch.manual_seed(2)
    discriminator = Discriminator(2, 32, 4, 3).double()
    faces = torch.randn(3, 3, 32, 32, dtype=torch.double, requires_grad=True)
    (gradient,) = torch.autograd.grad(discriminator(faces)[0].sum(), faces)
    torch.testing.assert_close(discriminator.slope(faces), gradient)


def test_labels_reach_every_pixel_and_the_border_is_as_padded() -> None:
    """A generator that differs from the published one only near the border would be a bug."""
    torch.manual_seed(3)
    ours, published = Generator(2, 4, 0), PublishedGenerator(2, 4, 0)
    copy_weights(ours, published)
    black = torch.zeros(2, 3, 16, 16)
    wanted = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    torch.testing.assert_close(ours(black, wanted), published(black, wanted), rtol=1e-4, atol=1e-5)
    assert (ours(black, wanted)[0] - ours(black, wanted)[1]).abs().amin((0, 1, 2)).max() > 0
