"""A part of the grid against a plain loop that runs the backbone on every image in every epoch.

VGG16 and ResNet50, two pairs of optimisers, five repeats, the same faces and seeds on the CPU,
heads and fine-tuning apart. The grid's head training is run whole. The plain loop's time is linear
in epochs and runs, so it is taken over the first epochs of a few runs and multiplied; test
accuracies are compared after as many epochs. Fine-tuning is compared epoch by epoch, with what
arithmetic allows, by torch's flop counter. All in one thread, and ratios are of CPU time, so that
other programs on the machine decide nothing. Last, the memory of 20,000 faces at 200 x 200.

python benchmarks/classify_grid.py
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from documented.marks import MACHINE
from numpy.typing import NDArray
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from facegap.classify import backbones, cutting, features, heads, training
from facegap.settings.classify import Head

SIZE, TRAIN, TEST, BATCH = 64, 128, 64, 64  # large enough that the backbone's work counts
EPOCHS, REPEATS, PAIRS = 30, 5, (("adam", "adam"), ("rmsprop", "sgd"))
PLAIN_EPOCHS, PLAIN_RUNS = 8, 3  # of the plain loop
FINE_EPOCHS, FINE_ROUNDS = 2, 5  # by turns; the medians count
HEAD = Head()
RATES = {"adam": 0.001, "rmsprop": 0.001, "sgd": 1e-6}  # sgd fine-tunes
CPU = torch.device("cpu")


def faces(count: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Noisy discs of two brightnesses and shapes: something to learn, drawn in no time."""
    rng = np.random.default_rng(seed)
    inside = np.arange(count) % 2 == 0
    y, x = np.mgrid[:SIZE, :SIZE] / SIZE - 0.5
    wide = np.where(inside, 1.0, 1.25) + rng.normal(0, 0.12, count)
    disc = (x**2)[None] * wide[:, None, None] ** 2 + (y**2)[None] < 0.12
    pixels = 90 + 70 * disc[..., None] * rng.uniform(0.7, 1.0, (count, 1, 1, 3))
    pixels = pixels + rng.normal(0, 18, pixels.shape)
    return pixels.clip(0, 255).astype(np.uint8), inside


def cache(
    net: backbones.Network, pictures: NDArray[np.uint8], inside: NDArray[np.bool_], folder: Path
) -> features.Cached:
    """The features as the stage writes and reads them."""
    table = pd.DataFrame({"face_id": np.arange(len(inside)).astype(str), "inside": inside})
    table["split"] = np.where(np.arange(len(inside)) < TRAIN, "train", "test")
    table = table.assign(copy=0, row=np.arange(len(inside)))
    folder.mkdir()
    batches = (pictures[i : i + features.BATCH] for i in range(0, len(inside), features.BATCH))
    features._run(net, batches, len(inside), folder, np.dtype("float32"), CPU)
    boundary, pooled = (features.Stored(folder / name) for name in features.FILES[1:])
    return features.Cached(table, boundary, pooled[np.arange(len(inside))])


def chances(seeds: Sequence[int]) -> list[training.Randomness]:
    """The same randomness for both ways."""
    return [
        training.Randomness(np.random.default_rng(s), torch.Generator().manual_seed(s))
        for s in seeds
    ]


def plan(optimiser: str, epochs: int) -> training.Schedule:
    """Of head training and of fine-tuning alike."""
    return training.Schedule(epochs, BATCH, optimiser, RATES[optimiser], 0.9)


def batched(data: features.Cached, epochs: int) -> tuple[heads.Head, NDArray[np.float64]]:
    """All heads of all pairs at once."""
    randomness = chances([s for _ in PAIRS for s in range(REPEATS)])
    pooled = torch.from_numpy(data.pooled[:TRAIN])
    head = heads.new_head(pooled, [chance.masks for chance in randomness], HEAD, True)
    names = [f"{pair[0]}-{k}" for pair in PAIRS for k in range(REPEATS)]
    plans = [plan(optimiser, epochs) for optimiser, _ in PAIRS]
    return head, training.train_heads(head, data, randomness, plans, names)


def one_by_one(data: features.Cached, epochs: int) -> list[tuple[heads.Head, NDArray[np.float64]]]:
    """Each head by itself, on the same seeds."""
    found = []
    for optimiser, _ in PAIRS:
        for seed in range(REPEATS):
            chance = chances([seed])
            pooled = torch.from_numpy(data.pooled[:TRAIN])
            head = heads.new_head(pooled, [chance[0].masks], HEAD, True)
            losses = training.train_heads(head, data, chance, [plan(optimiser, epochs)], ["alone"])
            found.append((head, losses))
    return found


class Plain:
    """The straightforward model: pixels in, a logit out, the whole body run every time."""

    def __init__(self, net: backbones.Network, data: features.Cached, seed: int) -> None:
        """A head of its own with the same first weights, and an ordinary torch module."""
        self.net, chance = net, chances([seed])[0]
        head = heads.new_head(torch.from_numpy(data.pooled[:TRAIN]), [chance.masks], HEAD, True)
        self.shift, self.scale = head.shift, head.scale
        layers: list[nn.Module] = []
        for weight, bias in zip(head.weights, head.biases, strict=True):
            linear = nn.Linear(weight.shape[1], weight.shape[2])
            linear.weight.data, linear.bias.data = weight[0].T.clone(), bias[0, 0].clone()
            layers += [linear, nn.ReLU(), nn.Dropout(0.5)]
        self.mlp = nn.Sequential(*layers[:-2])
        self.tail = deepcopy(net.tail)

    def __call__(self, pictures: NDArray[np.uint8]) -> torch.Tensor:
        """Logits (n,)."""
        images = backbones.preprocess(pictures, self.net.backbone, SIZE, CPU)
        with torch.no_grad():
            state = self.net.trunk(images)
        return self.mlp((self.tail(*state) - self.shift) / self.scale)[:, 0]

    def train(
        self, pictures: NDArray[np.uint8], inside: NDArray[np.bool_], way: tuple[str, int, bool]
    ) -> None:
        """Epochs over the training faces, with an optimiser; the tail too, or the head alone."""
        optimiser, epochs, fine = way
        weights = list(self.mlp.parameters())
        if fine:
            tail = cutting.trainable(self.tail).values()
            for weight in tail:
                weight.requires_grad_()
            weights += tail
        steps = training.optimiser_of(weights, plan(optimiser, epochs))
        self.mlp.train()
        rng = np.random.default_rng(0)
        labels = torch.from_numpy(inside.astype(np.float32))
        for _ in range(epochs):
            for rows in np.array_split(rng.permutation(TRAIN), TRAIN // BATCH):
                steps.zero_grad()
                loss = nn.functional.binary_cross_entropy_with_logits(
                    self(pictures[rows]), labels[rows]
                )
                loss.backward()
                steps.step()
        self.mlp.eval()

    @torch.no_grad()
    def accuracy(self, pictures: NDArray[np.uint8], inside: NDArray[np.bool_]) -> float:
        """On the test faces."""
        logits = torch.cat([self(pictures[i : i + 32]) for i in range(TRAIN, len(inside), 32)])
        return float(((logits >= 0).numpy() == inside[TRAIN:]).mean())


class Took(NamedTuple):
    """Seconds by the clock, and of CPU, which other programs do not lengthen: ratios are of it."""

    wall: float
    cpu: float


def timed(work: Callable[..., Any], *arguments: Any) -> tuple[Took, Any]:
    """How long it takes, and what comes of it."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = work(*arguments)
    return Took(time.perf_counter() - wall, time.process_time() - cpu), found


def flops(model: Plain, pictures: NDArray[np.uint8], whole: bool) -> int:
    """Operations of one fine-tuning step on these faces, with the trunk or without."""
    labels = torch.zeros(len(pictures))
    boundary = model.net.boundary(pictures, CPU)
    with FlopCounterMode(display=False) as counter:
        pooled = model.tail(*model.net.unpacked(boundary))
        logits = model.mlp((pooled - model.shift) / model.scale)[:, 0]
        nn.functional.binary_cross_entropy_with_logits(logits, labels).backward()
    tail = counter.get_total_flops()
    with FlopCounterMode(display=False) as counter:
        model.net.boundary(pictures, CPU)
    return tail + (counter.get_total_flops() if whole else 0)


def measure(name: str, folder: Path) -> dict[str, float]:
    """All figures of one backbone."""
    net = backbones.network(name, size=SIZE, layers=5, weights=None, seed=1, device=CPU)
    pictures, inside = faces(TRAIN + TEST, 0)
    net.pooled(net.boundary(pictures[:32], CPU))  # warm
    extracting, data = timed(cache, net, pictures, inside, folder)
    together, (head, _) = timed(batched, data, EPOCHS)
    singly, alone = timed(one_by_one, data, EPOCHS)
    apart = [
        (float((a[k] - b[0]).norm() / b[0].norm()), float((a[k] - b[0]).abs().max()))
        for k, (single, _) in enumerate(alone)
        for a, b in zip(head.parameters(), single.parameters(), strict=True)
    ]
    rows = data.rows("test")[:, 0]
    short, _ = batched(data, PLAIN_EPOCHS)
    right = (training.head_logits(short, data, rows) >= 0) == (data.inside(rows) == 1)
    ours = right.mean(1)[:REPEATS]
    plain, theirs = np.zeros(2), []
    for seed in range(PLAIN_RUNS):
        model = Plain(net, data, seed)
        plain += timed(model.train, pictures, inside, ("adam", PLAIN_EPOCHS, False))[0]
        theirs.append(model.accuracy(pictures, inside))
    naive = Took(*(plain / (PLAIN_EPOCHS * PLAIN_RUNS) * EPOCHS * len(PAIRS) * REPEATS))
    cached = Took(*np.add(extracting, together))
    fine, rounds = plan("sgd", FINE_EPOCHS), []
    for _ in range(FINE_ROUNDS):
        single, tail, model = head.of_repeat(0), deepcopy(net.tail), Plain(net, data, 0)
        took, _ = timed(training.fine_tune, net, tail, single, data, chances([0])[0], fine, name)
        plainly, _ = timed(model.train, pictures, inside, ("sgd", FINE_EPOCHS, True))
        rounds.append((took, plainly))
    ours_fine, theirs_fine = (Took(*times) for times in np.median(rounds, axis=0) / FINE_EPOCHS)
    batch = pictures[:BATCH]
    whole, part = flops(model, batch, True), flops(model, batch, False)
    limit, found = whole / part, theirs_fine.cpu / ours_fine.cpu
    times = {
        "naive_head": naive,
        "cached_head": cached,
        "one_by_one": singly,
        "batched": together,
        "naive_fine_tuned_epoch": theirs_fine,
        "cached_fine_tuned_epoch": ours_fine,
    }
    return {
        **{f"{of}_wall_s": took.wall for of, took in times.items()},
        **{f"{of}_cpu_s": took.cpu for of, took in times.items()},
        "head_ratio": naive.cpu / cached.cpu,
        "batched_differs_by": max(relative for relative, _ in apart),  # of a tensor's norm
        "batched_weight_differs_by": max(largest for _, largest in apart),
        "naive_accuracy": float(np.mean(theirs)),
        "naive_accuracy_sd": float(np.std(theirs, ddof=1)),
        "cached_accuracy": float(np.mean(ours)),
        "cached_accuracy_sd": float(np.std(ours, ddof=1)),
        "fine_tuned_ratio": found,
        "fine_tuned_limit": limit,
        "share_of_saving": (1 - 1 / found) / (1 - 1 / limit),
    }


def memory() -> None:
    """Print the peak memory, in GiB, of 20,000 faces at 200 x 200 through VGG16.

    Extraction is the same work for every batch, so it is run on a few; head training and
    fine-tuning see arrays of 20,000 rows (of the boundary a sparse file: mostly holes on the disk).
    """
    net = backbones.network("vgg16", size=200, layers=5, weights=None, seed=1, device=CPU)
    rng = np.random.default_rng(0)
    count = 20_000
    with tempfile.TemporaryDirectory() as folder:
        pictures = rng.integers(0, 256, (2 * features.BATCH, 200, 200, 3), dtype=np.uint8)
        batches = (pictures[i : i + features.BATCH] for i in (0, features.BATCH))
        place = Path(folder) / "few"
        place.mkdir()
        features._run(net, batches, len(pictures), place, np.dtype("float16"), CPU)
        path = Path(folder) / "boundary.npy"
        np.lib.format.open_memmap(path, "w+", np.float16, (count, net.width))
        table = pd.DataFrame({"face_id": np.arange(count).astype(str), "split": "train"})
        table = table.assign(copy=0, row=0, inside=np.arange(count) % 2 == 0)
        pooled = rng.normal(size=(count, 512)).astype(np.float32)
        data = features.Cached(table, features.Stored(path), pooled)
        randomness = chances([s for _ in PAIRS for s in range(REPEATS)])
        masks = [chance.masks for chance in randomness]
        head = heads.new_head(torch.from_numpy(pooled), masks, HEAD, True)
        plans = [training.Schedule(1, 128, name, 0.001, 0.9) for name, _ in PAIRS]
        training.train_heads(head, data, randomness, plans, [str(k) for k in range(len(masks))])
        few = table.index < 4 * 128  # steps are alike: four of them
        rows = features.Cached(table[few], data.boundary, pooled)
        fine = training.Schedule(1, 128, "adam", 1e-6, 0.9)
        training.fine_tune(
            net, deepcopy(net.tail), head.of_repeat(0), rows, randomness[0], fine, "memory"
        )
        training.fine_tuned_logits(net, net.tail, head.of_repeat(0), data, np.arange(512))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)


def main() -> None:
    """Print every figure."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        found = {name: measure(name, Path(folder) / name) for name in ("vgg16", "resnet50")}
    run = [sys.executable, __file__, "memory"]
    peak = float(subprocess.run(run, capture_output=True, text=True, check=True).stdout)
    print(f"{'':<28}" + "".join(f"{name:>14}" for name in found))
    for key in found["vgg16"]:
        print(f"{key:<28}" + "".join(f"{figures[key]:>14.6g}" for figures in found.values()))
    print(f"{'peak_memory_gib':<28}{peak:>14.3g}")
    totals = {
        name: sum(figures[name] for figures in found.values())
        for name in (
            "naive_head_wall_s",
            "cached_head_wall_s",
            "naive_head_cpu_s",
            "cached_head_cpu_s",
        )
    }
    result = {
        "name": "classify_grid",
        "ratio": totals["naive_head_cpu_s"] / totals["cached_head_cpu_s"],
        **totals,
        "units": "s",
        **{
            key: {name: figures[key] for name, figures in found.items()}
            for key in ("fine_tuned_ratio", "fine_tuned_limit", "share_of_saving")
        },
        "batched_differs_by": max(figures["batched_differs_by"] for figures in found.values()),
        "backbones": found,
        "peak_memory_gib": peak,
        "machine": MACHINE,
        "versions": {name: version(name) for name in ("torch", "torchvision", "numpy")},
    }
    print(json.dumps(result))


if __name__ == "__main__":
    if sys.argv[1:] == ["memory"]:
        memory()
    else:
        main()
