"""Head training and fine-tuning: as the straight way, by seed, and stopped by bad input."""

import json
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from facegap.classify import backbones, cutting, heads, training
from facegap.classify.augmentation import augmented
from facegap.classify.configurations import Job, _fresh, train_configurations
from facegap.classify.cutting import trainable
from facegap.classify.features import Cached, read_features
from facegap.classify.plans import Preprocessed, TrainingPlan
from facegap.classify.training import Randomness, Schedule
from facegap.classify.weights import restore
from facegap.configurations import Configuration
from facegap.crops import Crops
from facegap.errors import DataError, TrainingError
from facegap.settings.classify import Augmentation, Features, Head, Training
from facegap.tables.base import read_table, write_table
from facegap.tables.classify import CURVES, ENTRIES, PREDICTIONS, RUNS

CPU = torch.device("cpu")
HEAD = Head(hidden=[16, 16, 16])
SETTINGS: dict[str, Any] = {
    "head": HEAD.model_dump(),
    "head_training": {"epochs": 12, "batch": 16, "rates": {"adam": 0.01}},
    "fine_tuning": {"epochs": 1, "batch": 16, "rates": {"adam": 1e-6}},
    "standardise": True,
    "repeats": 2,
}


def randomness(seed: int) -> Randomness:
    return Randomness(np.random.default_rng(seed), torch.Generator().manual_seed(seed))


def cached(width: int = 8, train: int = 48, test: int = 32, copies: int = 1) -> Cached:
    """Two classes that the first feature tells apart."""
    rng = np.random.default_rng(0)
    rows = []
    for split, count in (("train", train), ("test", test)):
        for face in range(count):
            several = range(1, copies + 1) if split == "train" and copies > 1 else [0]
            rows += [(f"{split}{face}", split, copy, face % 2 == 0) for copy in several]
    table = pd.DataFrame(rows, columns=["face_id", "split", "copy", "inside"])
    table["row"] = pd.factorize(table["face_id"])[0]
    table = table.assign(person=table["face_id"], agreed=True)
    pooled = rng.normal(size=(len(table), width)).astype(np.float32)
    pooled[:, 0] += np.where(table["inside"], 3, -3)
    return Cached(table, pooled.copy(), pooled)


def trained_heads(
    seeds: list[int], data: Cached, optimiser: str = "adam", epochs: int = 12
) -> tuple[heads.Head, np.ndarray]:
    chances = [randomness(seed) for seed in seeds]
    rows = data.rows("train").ravel()
    head = heads.new_head(
        torch.from_numpy(data.pooled[rows]), [c.masks for c in chances], HEAD, True
    )
    plan = Schedule(epochs, 16, optimiser, 0.01, 0.9)
    return head, training.train_heads(head, data, chances, [plan], [str(seed) for seed in seeds])


@pytest.mark.parametrize("optimiser", ["adam", "sgd", "rmsprop"])
def test_repeats_side_by_side_are_the_repeats_one_by_one(optimiser: str) -> None:
    data = cached()
    together, losses = trained_heads([1, 2, 3], data, optimiser)
    for i, seed in enumerate((1, 2, 3)):
        alone, own = trained_heads([seed], data, optimiser)
        np.testing.assert_allclose(losses[:, i], own[:, 0], rtol=1e-5)
        for many, one in zip(together.parameters(), alone.parameters(), strict=True):
            torch.testing.assert_close(many[i], one[0], rtol=1e-5, atol=1e-5)


def test_optimisers_side_by_side_are_the_optimisers_one_by_one() -> None:
    data, optimisers, seeds = cached(), ["adam", "sgd", "rmsprop"], [1, 2]
    chances = [randomness(seed) for _ in optimisers for seed in seeds]
    pooled = torch.from_numpy(data.pooled[data.rows("train").ravel()])
    together = heads.new_head(pooled, [chance.masks for chance in chances], HEAD, True)
    plans = [Schedule(12, 16, optimiser, 0.01, 0.9) for optimiser in optimisers]
    losses = training.train_heads(together, data, chances, plans, [str(k) for k in range(6)])
    for k, optimiser in enumerate(optimisers):
        alone, own = trained_heads(seeds, data, optimiser)
        np.testing.assert_allclose(losses[:, 2 * k : 2 * k + 2], own, rtol=1e-5)
        for many, one in zip(together.parameters(), alone.parameters(), strict=True):
            torch.testing.assert_close(many[2 * k : 2 * k + 2], one, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("threads", [1, 2])
def test_heads_take_one_thread_and_leave_as_many_as_there_were(
    threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[int] = set()
    original, before, data = heads.losses, torch.get_num_threads(), cached()

    def losses(logits: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
        seen.add(torch.get_num_threads())
        return original(logits, inside)

    monkeypatch.setattr(training, "losses", losses)
    torch.set_num_threads(threads)
    try:
        head, _ = trained_heads([1], data)
        monkeypatch.setattr(
            heads.Head, "__call__", lambda *_: torch.tensor([[torch.get_num_threads()]])
        )
        assert training.head_logits(head, data, data.rows("test")[:, 0]) == 1
        assert seen == {1}
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


def test_heads_have_the_same_bytes_whatever_the_threads() -> None:
    data, before = cached(512, 256), torch.get_num_threads()
    found = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            head, losses = trained_heads([1, 2, 3], data, epochs=3)
            found.append((head, losses, training.head_logits(head, data, data.rows("test")[:, 0])))
    finally:
        torch.set_num_threads(before)
    (one, *ones), (two, *twos) = found
    for first, second in zip(ones, twos, strict=True):
        assert np.array_equal(first, second)
    for first, second in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.equal(first, second)


def keras(name: str, gradients: np.ndarray, rate: float, momentum: float) -> np.ndarray:
    """Parameters (steps, n) from 0 on, by the updates of keras/optimizers.py, 2.2.4, in numpy."""
    parameters, path = np.zeros(gradients.shape[1]), []
    m, v = np.zeros_like(parameters), np.zeros_like(parameters)
    for t, gradient in enumerate(gradients, 1):
        if name == "sgd":
            m = momentum * m - rate * gradient
            parameters = parameters + m
        elif name == "rmsprop":
            v = 0.9 * v + (1 - 0.9) * gradient**2
            parameters = parameters - rate * gradient / (np.sqrt(v) + 1e-7)
        else:
            m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
            now = rate * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
            parameters = parameters - now * m / (np.sqrt(v) + 1e-7)
        path.append(parameters)
    return np.array(path)


@pytest.mark.parametrize("name", ["adam", "sgd", "rmsprop"])
def test_the_optimisers_of_keras_are_its_formulas(name: str) -> None:
    rng = np.random.default_rng(0)
    sizes = np.array([1.0, 1e-4, 1e-6, 1e-7])  # the last are where epsilon counts
    gradients = rng.normal(size=(30, 4)) * sizes
    expected = keras(name, gradients, 0.01, 0.0)
    paths = {}
    for library in ("keras", "torch"):
        parameter = torch.zeros(4, dtype=torch.float64)
        schedule = Schedule(1, 1, name, 0.01, 0.0, library)
        optimiser, path = training.optimiser_of([parameter], schedule), []
        for gradient in gradients:
            parameter.grad = torch.from_numpy(gradient)
            optimiser.step()
            path.append(parameter.numpy().copy())
        paths[library] = np.array(path)
    np.testing.assert_allclose(paths["keras"], expected, rtol=1e-9)
    apart = np.abs(paths["torch"] - expected).max(0) / np.abs(expected).max(0)
    assert (apart.max() > 0.05) == (name != "sgd"), "else the setting would change nothing"


def test_keras_adam_goes_on_from_a_state_as_it_would_have() -> None:
    gradients = torch.from_numpy(np.random.default_rng(0).normal(size=(8, 3)) * 1e-7)
    whole, first, rest = (torch.zeros(3, dtype=torch.float64) for _ in range(3))
    schedule = Schedule(1, 1, "adam", 0.01, 0.0, "keras")

    def steps(parameter: torch.Tensor, optimiser: torch.optim.Optimizer, part: slice) -> None:
        for gradient in gradients[part]:
            parameter.grad = gradient.clone()
            optimiser.step()

    steps(whole, training.optimiser_of([whole], schedule), slice(0, 8))
    before = training.optimiser_of([first], schedule)
    steps(first, before, slice(0, 3))
    rest.copy_(first)
    after = training.optimiser_of([rest], schedule)
    after.load_state_dict(before.state_dict())
    steps(rest, after, slice(3, 8))
    assert torch.equal(whole, rest)


def test_what_can_be_told_apart_is_learnt() -> None:
    data = cached()
    head, losses = trained_heads([1, 2], data, epochs=60)
    rows = data.rows("test")[:, 0]
    right = (training.head_logits(head, data, rows) > 0) == (data.inside(rows) == 1)
    assert right.mean() > 0.95
    assert (losses[-1] < 0.5 * losses[0]).all()


def test_the_batched_head_is_an_ordinary_perceptron() -> None:
    head, _ = trained_heads([5], cached())
    layers: list[torch.nn.Module] = []
    for weight, bias in zip(head.weights, head.biases, strict=True):
        linear = torch.nn.Linear(weight.shape[1], weight.shape[2])
        linear.weight.data, linear.bias.data = weight[0].T.clone(), bias[0, 0].clone()
        layers += [linear, torch.nn.ReLU()]
    plain = torch.nn.Sequential(*layers[:-1])
    x = torch.randn(7, 8)
    with torch.no_grad():
        torch.testing.assert_close(head(x)[0], plain((x - head.shift) / head.scale)[:, 0])


def test_dropout_keeps_the_mean_and_drops_its_share() -> None:
    head, _ = trained_heads([5], cached())
    masks = torch.cat(head.masks([torch.Generator().manual_seed(0)], 2000), 2)
    assert masks.mean().item() == pytest.approx(1, abs=0.02)
    assert (masks == 0).float().mean().item() == pytest.approx(0.5, abs=0.01)


def test_a_step_from_the_cache_is_a_step_of_the_whole_network() -> None:
    net = backbones.network("vgg16", size=32, layers=5, weights=None, seed=1, device=CPU)
    faces = np.random.default_rng(1).integers(0, 256, (8, 32, 32, 3), dtype=np.uint8)
    with torch.no_grad():
        boundary = net.boundary(faces, CPU)
        pooled = net.tail(*net.unpacked(boundary)).numpy()
    table = pd.DataFrame({"face_id": [str(k) for k in range(8)], "split": "train", "copy": 0})
    table["inside"] = [k % 2 == 0 for k in range(8)]
    table["row"] = range(8)
    data = Cached(table, boundary.numpy(), pooled)
    first = randomness(3)
    head = heads.new_head(torch.from_numpy(pooled), [first.masks], HEAD, True)
    straight = head.of_repeat(0)
    plan = Schedule(1, 8, "sgd", 1e-4, 0.9)
    tail = deepcopy(net.tail)
    training.fine_tune(net, tail, head.of_repeat(0), data, randomness(3), plan, "x")
    # straight: all of the network, one batch, gradients of its last five layers
    again = backbones.network("vgg16", size=32, layers=5, weights=None, seed=1, device=CPU)
    unfrozen = cutting.trainable(again.tail)
    parameters = [*unfrozen.values(), *straight.parameters()]
    for parameter in parameters:
        parameter.requires_grad_()
    same = randomness(3)
    order = same.order.integers(0, 1, 8), same.order.permutation(np.arange(8))
    logits = straight(
        again.tail(*again.trunk(backbones.preprocess(faces[order[1]], net.backbone, 32, CPU))),
        straight.masks([same.masks], 8),
    )
    inside = torch.from_numpy(data.inside(order[1]))
    heads.losses(logits, inside).sum().backward()
    for name, parameter in unfrozen.items():
        stepped = parameter.detach() - 1e-4 * parameter.grad
        torch.testing.assert_close(
            cutting.trainable(tail)[name].detach(), stepped, rtol=1e-4, atol=1e-6
        )
    assert all(weight.grad is None for weight in cutting.trainable(tail).values()), "memory"


MADE = Preprocessed("none", None)
FRESH = Augmentation(copies=2, fresh=True, shuffle=0.5)
STILL = {"zoom": 0.0, "shear": 0.0, "flip": False, "shuffle": 0.0}


def folder_of(path: Path, data: Cached, net: backbones.Network) -> Path:
    """Cached features as the stage writes them, with a boundary that fits the network."""
    path.mkdir(parents=True)
    rng = np.random.default_rng(2)
    boundary = rng.normal(size=(len(data.entries), net.width)).astype(np.float16)
    np.save(path / "boundary.npy", np.abs(boundary))
    np.save(path / "pooled.npy", data.pooled)
    write_table(data.entries, path / "entries.parquet", ENTRIES)
    return path


@pytest.fixture(scope="module")
def net() -> backbones.Network:
    return backbones.network("vgg16", size=32, layers=5, weights=None, seed=1, device=CPU)


def trained(
    folder: Path, net: backbones.Network, data: Cached, settings: dict[str, Any], **more: Any
) -> Path:
    made = more.pop("made", MADE)
    if not (folder / "features").exists():
        for name in ("source", "target", "third"):
            folder_of(folder / "features/plain" / name, data, net)
        plain = {"crop": made.crop, "augmentation": None}
        if made.augmentation:
            plain["augmentation"] = made.augmentation.model_dump(mode="json")
        about = {"network": net.digest, "preprocessings": {"plain": plain}}
        (folder / "features/about.json").write_text(json.dumps(about))
    arguments: dict[str, Any] = {
        "features": folder / "features",
        "weights": None,
        "crops": [],
        "configurations": folder / f"trained{len(list(folder.glob('trained?')))}",
        "plan": TrainingPlan(32, made, [("adam", "adam")], True),
        "extraction": Features(input_size=32),
        "settings": Training.model_validate(settings),
        "datasets": ["source", "target", "third"],
        "backbone": "vgg16",
        "preprocessing": "plain",
        "threads": 1,
        "seed": 1,
    }
    train_configurations(**(arguments | more))
    return folder


def test_a_training_is_the_same_bytes_twice(tmp_path: Path, net: backbones.Network) -> None:
    data = cached(512, 32, 8)
    for _ in range(2):
        trained(tmp_path, net, data, SETTINGS)
    one, two = (tmp_path / f"trained{k}" for k in range(2))
    for path in sorted(one.iterdir()):
        assert path.read_bytes() == (two / path.name).read_bytes(), path.name
    runs = read_table(one / "runs.parquet", RUNS)
    assert runs.groupby("stage")["repeat"].nunique().to_dict() == {"head": 2, "fine-tuned": 2}
    predictions = read_table(one / "predictions.parquet", PREDICTIONS)
    assert len(predictions) == 4 * 3 * 8
    curves = read_table(one / "curves.parquet", CURVES)
    last = curves.groupby("run", sort=False)["loss"].last()
    assert last[runs["run"]].to_numpy() == pytest.approx(runs["training_loss"].to_numpy())
    epochs = dict(zip(runs["run"], runs["stage"].map({"head": 12, "fine-tuned": 1}), strict=True))
    assert curves.groupby("run")["epoch"].max().to_dict() == epochs
    first = runs.iloc[0]
    own = predictions[(predictions[["model", "repeat"]] == first[["model", "repeat"]]).all(axis=1)]
    own = own[own["dataset"] == "target"]
    accuracy = ((own["probability"] >= 0.5) == (own["label"] == "inside")).mean()
    assert accuracy == pytest.approx(first["target_accuracy"])


def test_a_loss_that_is_lost_names_run_and_epoch_and_leaves_the_last_good_state(
    tmp_path: Path, net: backbones.Network
) -> None:
    rates = {"epochs": 3, "rates": {"adam": 1e30}}
    settings = {**SETTINGS, "fine_tuning": {**SETTINGS["fine_tuning"], **rates}}
    message = r"vgg16, plain, adam/adam on source, fine-tuned, repeat 0: .* epoch \d.*adam"
    with pytest.raises(TrainingError, match=message):
        trained(tmp_path, net, cached(512, 32, 8), settings)
    left = sorted(path.name for path in tmp_path.glob("trained*"))
    assert left == ["trained0.last-good.safetensors", "trained0.resume"]
    assert [path.name for path in tmp_path.glob("trained0.resume/*.resume")] == ["heads.resume"]
    good = restore(tmp_path / "trained0.last-good.safetensors", net, HEAD, CPU)
    parameters = [*trainable(good[0][0]).values(), *good[0][1].parameters()]
    assert all(bool(parameter.isfinite().all()) for parameter in parameters)


def test_of_many_heads_the_one_that_is_lost_is_named() -> None:
    data = cached()
    chances = [randomness(seed) for seed in (1, 2, 1, 2)]
    pooled = torch.from_numpy(data.pooled[:48])
    head = heads.new_head(pooled, [chance.masks for chance in chances], HEAD, True)
    plans = [Schedule(9, 16, "adam", 0.01, 0.9), Schedule(9, 16, "sgd", 1e30, 0.9)]
    names = ["adam-0", "adam-1", "sgd-0", "sgd-1"]
    with pytest.raises(training.DivergedError, match=r"sgd-\d: .* epoch \d.*rate of sgd"):
        training.train_heads(head, data, chances, plans, names)
    assert all(bool(parameter.isfinite().all()) for parameter in head.parameters())


@pytest.mark.parametrize("of", ["network", "crop"])
def test_features_of_another_network_or_crop_are_refused_by_their_digest(
    tmp_path: Path, net: backbones.Network, of: str
) -> None:
    data = cached(512, 32, 8)
    trained(tmp_path, net, data, SETTINGS)
    cropped = TrainingPlan(32, Preprocessed("ears-chin", None), [("adam", "adam")], True)
    more = {"seed": 2} if of == "network" else {"plan": cropped}
    with pytest.raises(DataError, match=r"features: plain is of another .*run extract_features"):
        trained(tmp_path, net, data, SETTINGS, **more)


def test_fresh_copies_are_the_trunk_on_pixels_and_other_ones_each_epoch(
    tmp_path: Path, net: backbones.Network
) -> None:
    data = cached(512, 32, 8)
    pixels = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), dtype=np.uint8)
    np.save(tmp_path / "shard.npy", pixels)
    configuration = Configuration("vgg16", "augmented", "adam", "adam")
    fresh = (Crops([tmp_path / "shard.npy"]), FRESH)
    settings = Training.model_validate(SETTINGS)
    sets = {"source": data}
    job = Job([configuration], "source", "full", sets, net, settings, fresh, 1, CPU, tmp_path)
    names = job.names(configuration, 0)
    activations = _fresh(job, names)
    rows = np.array([3, 1])
    first, same, later = activations(rows, 0), activations(rows, 0), activations(rows, 1)
    assert torch.equal(first, same)
    assert not torch.equal(first, later)
    job = replace(job, fresh=(fresh[0], Augmentation(fresh=True, **STILL)))
    as_they_are = _fresh(job, names)(rows, 0)
    torch.testing.assert_close(as_they_are, net.boundary(pixels[rows], CPU))
    made = Preprocessed("none", FRESH)
    plan = TrainingPlan(32, made, [("adam", "adam")], True)
    trained(tmp_path, net, data, SETTINGS, made=made, plan=plan, crops=[tmp_path / "shard.npy"])
    assert (tmp_path / "trained0/runs.parquet").is_file()


def test_one_side_alone_and_too_large_a_batch_are_refused() -> None:
    data = cached()
    with pytest.raises(TrainingError, match="a batch of 64, but 48 training faces"):
        training.check_training(data, "vgg16", 64)
    data.entries["inside"] = True
    with pytest.raises(TrainingError, match="all 48 training faces are inside"):
        training.check_training(data, "vgg16", 16)


def test_features_of_another_set_are_refused(tmp_path: Path, net: backbones.Network) -> None:
    folder = folder_of(tmp_path / "x", cached(512, 32, 8), net)
    np.save(folder / "pooled.npy", np.zeros((3, 512), np.float32))
    with pytest.raises(DataError, match=r"pooled\.npy: \(3, 512\), but .*40 rows"):
        read_features(folder)
    (folder / "boundary.npy").write_bytes(b"half")
    with pytest.raises(DataError, match=r"boundary\.npy: not readable"):
        read_features(folder)


def test_each_face_is_seen_once_an_epoch_in_one_of_its_copies() -> None:
    data = cached(copies=3)
    rows = data.rows("train")
    assert rows.shape == (48, 3)
    order = training._shuffled(rows, np.random.default_rng(0))
    assert sorted(data.entries["face_id"][order]) == sorted({f"train{k}" for k in range(48)})
    assert set(data.entries["copy"][order]) == {1, 2, 3}


def test_copies_are_by_seed_and_settings_change_nothing_else() -> None:
    face = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    still = Augmentation(**STILL)
    assert np.array_equal(augmented(face, np.random.default_rng(1), still), face)
    lively = Augmentation(shuffle=0.5)
    one, two, other = (augmented(face, np.random.default_rng(s), lively) for s in (1, 1, 2))
    assert one.shape == face.shape
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_a_flip_is_a_mirror_and_an_exchange_moves_two_patches() -> None:
    face = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    flips = [
        np.array_equal(
            augmented(face, np.random.default_rng(s), Augmentation(**(STILL | {"flip": True}))),
            face[:, ::-1],
        )
        for s in range(40)
    ]
    assert 8 < sum(flips) < 32
    exchange = Augmentation(**(STILL | {"shuffle": 1.0}))
    swapped = augmented(face, np.random.default_rng(1), exchange)
    patches = (swapped != face).any(2).reshape(4, 10, 4, 10).any((1, 3))
    assert patches.sum() == 2
    assert np.array_equal(np.sort(swapped, axis=None), np.sort(face, axis=None))


def test_a_schedule_is_as_the_settings_say() -> None:
    part = {"epochs": 7, "batch": 5, "rates": {"sgd": 0.03}}
    settings = Training.model_validate(
        {"fine_tuning": part, "momentum": 0.25, "optimisers": "keras"}
    )
    expected = Schedule(7, 5, "sgd", 0.03, 0.25, "keras")
    assert Schedule.of(settings.fine_tuning, "sgd", settings) == expected
