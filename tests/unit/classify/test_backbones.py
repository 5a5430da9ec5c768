"""The four networks: what they are fed, where they are cut, which weights they take."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision import models

from facegap.classify.backbones import BACKBONES, cut, network, preprocess, trainable
from facegap.errors import DataError, TrainingError

CPU = torch.device("cpu")


def net(name: str, layers: int = 5, weights: Path | None = None, seed: int = 1):
    return network(name, size=32, layers=layers, weights=weights, seed=seed, device=CPU)


def faces(n: int = 2, size: int = 32) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, size, size, 3), dtype=np.uint8)


def test_imagenets_networks_are_fed_standardised_rgb() -> None:
    grey = np.full((1, 32, 32, 3), 128, np.uint8)
    fed = preprocess(grey, BACKBONES["vgg16"], 32, CPU)
    expected = [(128 / 255 - m) / s for m, s in ((0.485, 0.229), (0.456, 0.224), (0.406, 0.225))]
    assert fed[0, :, 0, 0].tolist() == pytest.approx(expected, abs=1e-5)


def test_vggface_is_fed_bgr_less_its_means() -> None:
    red = np.zeros((1, 32, 32, 3), np.uint8)
    red[..., 0] = 255
    fed = preprocess(red, BACKBONES["vggface"], 32, CPU)
    expected = [0 - 93.5940, 0 - 104.7624, 255 - 129.1863]
    assert fed[0, :, 5, 5].tolist() == pytest.approx(expected, abs=1e-4)


def test_faces_of_another_size_are_scaled() -> None:
    assert preprocess(faces(3, 50), BACKBONES["resnet50"], 32, CPU).shape == (3, 3, 32, 32)


@pytest.mark.parametrize("name", list(BACKBONES))
def test_trunk_and_tail_are_the_whole_network(name: str) -> None:
    found = net(name)
    with torch.no_grad():
        pooled = found.tail(*found.unpacked(found.boundary(faces(), CPU)))
        again = net(name, layers=1)  # the same weights, cut elsewhere
        other = again.tail(*again.unpacked(again.boundary(faces(), CPU)))
    torch.testing.assert_close(pooled, other, rtol=1e-4, atol=1e-5)
    assert pooled.shape == (2, 2048 if name == "resnet50" else 512)
    assert pooled.std(0).max() > 0, "two faces are not the same to it"
    assert pooled.isfinite().all()


@pytest.mark.parametrize("name", list(BACKBONES))
def test_five_weight_layers_are_trained_and_no_other(name: str) -> None:
    unfrozen = trainable(net(name).tail)
    layers = {place.rsplit(".", 1)[0] for place in unfrozen}
    assert len(layers) == 5
    if name == "resnet50":
        expected = {
            *("body.layer4.1.conv2", "body.layer4.1.conv3"),
            *(f"body.layer4.2.conv{k}" for k in (1, 2, 3)),
        }
        assert layers == expected
    assert sum(p.numel() for p in unfrozen.values()) > 4_000_000


def test_the_cut_agrees_with_torchvisions_own_layers() -> None:
    body = models.vgg16(weights=None).features.eval()
    trunk, tail = cut(body, 5)
    images = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(trunk(images)[0], body[:19](images))
        torch.testing.assert_close(tail(body[:19](images)), body(images).mean((2, 3)))
    assert isinstance(body[19], nn.Conv2d), "the fifth last convolution is the tail's first"


def test_the_seed_is_the_weights() -> None:
    first, same, other = (net("vgg16", seed=seed).boundary(faces(), CPU) for seed in (1, 1, 2))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    assert not torch.equal(first, net("vggface").boundary(faces(), CPU))


def test_more_layers_than_there_are() -> None:
    with pytest.raises(TrainingError, match="13 weight layers"):
        net("vgg16", layers=14)


def vggface_file(path: Path) -> dict[str, torch.Tensor]:
    """Weights as Parkhi et al.'s torch release names them."""
    rng = torch.Generator().manual_seed(0)
    widths = [(3, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 256)]
    widths += [(256, 512), *[(512, 512)] * 5]
    names = [
        f"conv{b}_{i}" for b, n in ((1, 2), (2, 2), (3, 3), (4, 3), (5, 3)) for i in range(1, n + 1)
    ]
    state = {}
    for name, (before, after) in zip(names, widths, strict=True):
        state[f"{name}.weight"] = torch.randn(after, before, 3, 3, generator=rng) * 0.02
        state[f"{name}.bias"] = torch.randn(after, generator=rng) * 0.1
    torch.save({**state, "fc8.bias": torch.zeros(2622)}, path)
    return state


def test_vggfaces_published_file_gives_the_layers_an_independent_pass_gives(tmp_path: Path) -> None:
    state = vggface_file(tmp_path / "vgg_face_dag.pth")
    found = net("vggface", weights=tmp_path / "vgg_face_dag.pth")
    with torch.no_grad():
        boundary = found.unpacked(found.boundary(faces(), CPU))
        pooled = found.tail(*boundary)
    # straight: RGB less the means, as the file's first layer takes it
    means = torch.tensor([129.1863, 104.7624, 93.5940]).view(3, 1, 1)
    x = torch.from_numpy(faces()).permute(0, 3, 1, 2).float() - means
    for name in [key.removesuffix(".weight") for key in state if key.endswith("weight")]:
        if name == "conv4_2":
            torch.testing.assert_close(boundary[0], x, rtol=1e-4, atol=1e-4)
        x = torch.relu(torch.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], padding=1))
        if name in ("conv1_2", "conv2_2", "conv3_3", "conv4_3", "conv5_3"):
            x = torch.max_pool2d(x, 2)
    torch.testing.assert_close(pooled, x.mean((2, 3)), rtol=1e-4, atol=1e-4)


class Evil:
    """What a pickle may do that a table of weights never needs."""

    def __reduce__(self):
        return (print, ("run",))


@pytest.mark.parametrize("kind", ["pickle", "other network", "missing layer", "text", "list"])
def test_a_file_that_is_not_this_networks_weights_is_refused(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "vgg16.pth"
    if kind == "pickle":
        torch.save({"features.0.weight": Evil()}, path)
    elif kind == "other network":
        torch.save(models.resnet18().state_dict(), path)
    elif kind == "missing layer":
        state = models.vgg16().features.state_dict()
        state = {f"features.{name}": value for name, value in state.items() if name != "28.bias"}
        torch.save(state, path)
    elif kind == "list":
        torch.save([torch.zeros(3)], path)
    else:
        path.write_text("<html>quota exceeded</html>")
    with pytest.raises(DataError, match=r"vgg16\.pth"):
        net("vgg16", weights=path)
    assert "run" not in capsys.readouterr().out


def test_safetensors_are_read_too(tmp_path: Path) -> None:
    body = models.vgg16(weights=None).features
    state = {f"features.{name}": value for name, value in body.state_dict().items()}
    save_file(state, tmp_path / "vgg16.safetensors")
    found = net("vgg16", weights=tmp_path / "vgg16.safetensors")
    image = preprocess(faces(), BACKBONES["vgg16"], 32, CPU)
    with torch.no_grad():
        pooled = found.tail(*found.unpacked(found.boundary(faces(), CPU)))
        torch.testing.assert_close(pooled, body.eval()(image).mean((2, 3)), rtol=1e-4, atol=1e-5)
