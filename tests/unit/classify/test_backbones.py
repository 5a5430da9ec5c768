"""The networks: what they are fed, where they are cut, which weights they take."""

import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from gpu import as_on_a_gpu, asking
from safetensors.torch import save_file
from torch import nn
from torchvision import models

from facegap.assets import backbone_weights, manifest
from facegap.classify import backbones
from facegap.classify.backbones import BACKBONES, network, preprocess
from facegap.classify.cutting import cut, trainable
from facegap.classify.pretrained import fetch_timm
from facegap.errors import AssetError, DataError, TrainingError
from facegap.settings.classify import Backbone
from facegap.settings.operations import Operations

CPU = torch.device("cpu")
COMMIT = "0" * 40
OFFLINE, ONLINE = Operations(offline=True), Operations()


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


@pytest.mark.parametrize("name", sorted(BACKBONES))
def test_as_on_a_gpu_the_features_are_the_same_but_for_rounding(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Channels last, and products of bfloat16, whose numbers have three digits."""
    plain = net(name)
    exact = plain.pooled(plain.boundary(faces(4), CPU))
    asked = as_on_a_gpu(monkeypatch, backbones)
    fast = net(name)
    found = fast.pooled(fast.boundary(faces(4), CPU))
    assert asked == asking(backbones)
    weights = [each for each in fast.body.parameters() if each.dim() == 4]
    assert all(each.is_contiguous(memory_format=torch.channels_last) for each in weights)
    assert found.dtype == torch.float32
    assert not torch.equal(found, exact)
    assert (found - exact).norm() < 0.05 * exact.norm()


def test_faces_of_another_size_are_scaled() -> None:
    assert preprocess(faces(3, 50), BACKBONES["resnet50"], 32, CPU).shape == (3, 3, 32, 32)


def test_the_assets_have_the_weights_of_every_backbone() -> None:
    assert backbone_weights().keys() == BACKBONES.keys()


@pytest.mark.parametrize(
    ("name", "file"),
    [
        (models.ResNet50_Weights.IMAGENET1K_V1, backbone_weights()["resnet50"]),
        (models.ResNet50_Weights.IMAGENET1K_V2, "resnet50-11ad3fa6.pth"),
        (models.VGG16_Weights.IMAGENET1K_V1, backbone_weights()["vgg16"]),
        (models.VGG19_Weights.IMAGENET1K_V1, backbone_weights()["vgg19"]),
    ],
)
def test_imagenet_weights_are_the_version_that_torchvision_publishes(name: Any, file: str) -> None:
    """The default is the first, of the paper's time; a file's name has its digest's beginning."""
    entry = manifest()[file]
    assert entry["sources"] == [{"url": name.url}]
    digest, size = file.removesuffix(".pth").split("-")[1], name.meta["_file_size"]
    assert entry["sha256"].startswith(digest)
    assert len(entry["sha256"]) == 64
    assert entry["size"] / 2**20 == pytest.approx(size, abs=0.01)


def test_the_last_five_layers_are_five_three_or_one() -> None:
    """Of the three countings of VGG16, by torchvision's own list of its layers."""
    with torch.device("meta"):
        whole = models.vgg16()
    body = [part for part in whole.features if not isinstance(part, torch.nn.ReLU)]
    convolutions = [isinstance(part, torch.nn.Conv2d) for part in body]
    dense = [part for part in whole.classifier if isinstance(part, torch.nn.Linear)]
    weighted, keras = sum(convolutions) + len(dense), 1 + len(body)  # with its input layer
    own_head = 4  # dense layers, 64, 64, 64 and 1
    assert (weighted, keras, sum(convolutions) + own_head) == (16, 19, 17)
    assert [round(5 / count, 2) for count in (weighted, keras, 17)] == [0.31, 0.26, 0.29]
    counted = {"weight layers": 5, "keras": sum(convolutions[-5:]), "with the head": 5 - own_head}
    assert list(counted.values()) == [5, 3, 1]
    names = [f"{k}.weight" for k, part in enumerate(whole.features) if hasattr(part, "weight")]
    for layers in counted.values():
        found = network("vgg16", size=32, layers=layers, weights=None, seed=1, device=CPU)
        unfrozen = trainable(found.tail)
        last = [dict(whole.features.named_parameters())[name] for name in names[-layers:]]
        weights = [tensor for name, tensor in unfrozen.items() if name.endswith("weight")]
        assert [tensor.shape for tensor in weights] == [tensor.shape for tensor in last]


@pytest.mark.parametrize("name", list(BACKBONES))
def test_trunk_and_tail_are_the_whole_network(name: str) -> None:
    found = net(name)
    with torch.no_grad():
        pooled = found.tail(*found.unpacked(found.boundary(faces(), CPU)))
        again = net(name, layers=1)  # the same weights, cut elsewhere
        other = again.tail(*again.unpacked(again.boundary(faces(), CPU)))
    torch.testing.assert_close(pooled, other, rtol=1e-4, atol=1e-5)
    assert pooled.shape == (2, {"resnet50": 2048}.get(name, 512))
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
    images = torch.randn(1, 3, 32, 32)
    trunk, tail = cut(body, 5, images)
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


def as_keras(state: dict[str, torch.Tensor], path: Path) -> None:
    """The same network as Keras releases it: kernels (h, w, in, out), of BGR."""
    with h5py.File(path, "w") as file:
        for name, tensor in state.items():
            layer, kind = name.split(".")
            first = tensor.flip(1) if name == "conv1_1.weight" else tensor
            array = first.permute(2, 3, 1, 0) if kind == "weight" else first
            kind = {"weight": "W", "bias": "b"}[kind]
            file[f"{layer}/{layer}/{layer}_{kind}_1:0"] = array.numpy()
        file.create_group("pool1")


@pytest.mark.parametrize("layout", ["vgg_face_dag.pth", "vggface_tf_notop_vgg16.h5"])
def test_vggfaces_published_files_give_what_an_independent_pass_gives_layer_by_layer(
    tmp_path: Path, layout: str
) -> None:
    state = vggface_file(tmp_path / "vgg_face_dag.pth")
    as_keras(state, tmp_path / "vggface_tf_notop_vgg16.h5")
    found = net("vggface", weights=tmp_path / layout)
    seen: list[torch.Tensor] = []
    for module in found.body.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda _m, _i, maps: seen.append(maps.clone()))
    with torch.no_grad():
        boundary = found.unpacked(found.boundary(faces(), CPU))
        pooled = found.tail(*boundary)
    # straight: RGB less the means, as the torch file's first layer takes it
    means = torch.tensor([129.1863, 104.7624, 93.5940]).view(3, 1, 1)
    x = torch.from_numpy(faces()).permute(0, 3, 1, 2).float() - means
    names = [key.removesuffix(".weight") for key in state if key.endswith("weight")]
    for name, ours in zip(names, seen, strict=True):
        if name == "conv4_2":
            torch.testing.assert_close(boundary[0], x, rtol=1e-4, atol=1e-4)
        x = torch.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], padding=1)
        torch.testing.assert_close(ours, x, rtol=1e-4, atol=1e-3)
        x = torch.relu(x)
        if name in ("conv1_2", "conv2_2", "conv3_3", "conv4_3", "conv5_3"):
            x = torch.max_pool2d(x, 2)
    torch.testing.assert_close(pooled, x.mean((2, 3)), rtol=1e-4, atol=1e-4)


def test_a_keras_file_that_points_out_of_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(64 * 4))
    with h5py.File(tmp_path / "x.h5", "w") as file:
        outside = [(str(tmp_path / "secret"), 0, 256)]
        file.create_dataset("conv1_1/conv1_1_b_1:0", (64,), "f4", external=outside)
    with pytest.raises(DataError, match=r"x\.h5.*conv1_1_b_1:0 is no array of numbers within"):
        net("vggface", weights=tmp_path / "x.h5")


@pytest.mark.parametrize("name", ["resnet10t", "vit_tiny_patch16_224"])
def test_any_model_of_timm_is_cut_and_is_whole_again(name: str) -> None:
    size = 32
    found, again = net(name, layers=5), net(name, layers=1)
    with torch.no_grad():
        pooled = found.pooled(found.boundary(faces(3), CPU))
        other = again.pooled(again.boundary(faces(3), CPU))
        straight = found.body(preprocess(faces(3), found.backbone, size, CPU))
    torch.testing.assert_close(pooled, straight, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(pooled, other, rtol=1e-4, atol=1e-5)
    assert len({place.rsplit(".", 1)[0] for place in trainable(found.tail)}) == 5
    assert found.digest == net(name).digest != again.digest


def test_timms_published_weights_are_loaded_by_name(tmp_path: Path) -> None:
    import timm

    model = timm.create_model("resnet10t")  # with its classifier, as it is published
    save_file(model.state_dict(), tmp_path / "resnet10t.safetensors")
    found = net("resnet10t", weights=tmp_path / "resnet10t.safetensors")
    image = preprocess(faces(), found.backbone, 32, CPU)
    with torch.no_grad():
        expected = model.eval().forward_head(model.forward_features(image), pre_logits=True)
        pooled = found.pooled(found.boundary(faces(), CPU))
    torch.testing.assert_close(pooled, expected, rtol=1e-4, atol=1e-5)


def test_a_name_that_is_no_network_is_refused() -> None:
    with pytest.raises(TrainingError, match="resnet51 is neither resnet50"):
        net("resnet51")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[bytes]:
    """A local stand-in for Hugging Face with one file; the client's own code does the rest."""
    content = b"weights of a model"
    etag = hashlib.sha256(content).hexdigest()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            model = "/timm/resnet10t.c3_in1k/resolve/{}/model.safetensors"
            there = self.path in (model.format("main"), model.format(COMMIT))
            self.send_response(200 if there else 404)
            self.send_header("ETag", f'"{etag}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Content-Length", str(len(content) if there else 0))
            self.end_headers()

        def do_GET(self) -> None:
            self.do_HEAD()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    from huggingface_hub import constants

    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.file_download.constants", constants)
    yield content
    server.shutdown()
    server.server_close()


def fetch(
    weights: Path, model: str = "resnet10t.c3_in1k", operations: Operations = ONLINE, **pinned: str
) -> None:
    settings = Backbone(weights="pretrained", **pinned)
    fetch_timm(weights=weights, settings=settings, model=model, operations=operations)


def test_timms_weights_can_be_pinned(
    hub: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a pin the log has the one to set; another file or commit is refused."""
    caplog.set_level("INFO")
    weights, sha256 = tmp_path / "x.safetensors", hashlib.sha256(hub).hexdigest()
    fetch(weights)
    assert f"{{weights: pretrained, revision: {COMMIT}, sha256: {sha256}}}" in caplog.text
    weights.unlink()
    fetch(weights, revision=COMMIT, sha256=sha256)
    assert weights.read_bytes() == hub
    weights.unlink()
    with pytest.raises(AssetError, match=rf"sha256 is {sha256}, and not {'1' * 64}"):
        fetch(weights, sha256="1" * 64)
    with pytest.raises(AssetError, match="could not be had"):
        fetch(weights, revision="2" * 40)
    assert not weights.exists()


def test_a_cached_file_that_is_not_what_the_hub_named_is_refused(
    hub: bytes, tmp_path: Path
) -> None:
    weights = tmp_path / "x.safetensors"
    fetch(weights)
    weights.unlink()
    cached = next((tmp_path / "hub").rglob("model.safetensors")).resolve()
    cached.write_bytes(hub[::-1])
    with pytest.raises(AssetError, match=r"it is damaged or was exchanged; delete .*blobs"):
        fetch(weights, operations=OFFLINE)
    assert not weights.exists()


def test_timms_weights_are_fetched_once_and_whole(hub: bytes, tmp_path: Path) -> None:
    weights = tmp_path / "timm/x.safetensors"
    with pytest.raises(AssetError, match=r"resnet10t.* could not be had"):
        fetch(weights, operations=OFFLINE)
    for offline in (False, True):  # then it is in the client's cache
        operations = Operations(offline=offline)
        fetch(weights, operations=operations)
        assert weights.read_bytes() == hub
        weights.unlink()


def test_weights_that_cannot_be_had_say_what_to_do(hub: bytes, tmp_path: Path) -> None:
    message = r"resnet18.* could not be had .*classify\.grid\.backbones"
    with pytest.raises(AssetError, match=message):
        fetch(tmp_path / "x.safetensors", "resnet18.a1_in1k")
    assert not (tmp_path / "x.safetensors").exists()


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


@pytest.mark.parametrize("name", ["resnet50", "vgg16"])
def test_the_head_sees_the_mean_of_the_last_maps_over_their_places(name: str) -> None:
    found = network(name, size=96, layers=1, weights=None, seed=1, device=CPU)
    with torch.no_grad():
        maps = found.body(preprocess(faces(), found.backbone, 96, CPU))
        pooled = found.pooled(found.boundary(faces(), CPU))
    assert maps.shape[2:] == (3, 3), "several places"
    torch.testing.assert_close(pooled, maps.mean((2, 3)), rtol=1e-4, atol=1e-5)
