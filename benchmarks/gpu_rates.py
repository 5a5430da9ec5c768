"""StarGAN's steps, the backbones and the hours of config/paper.yaml on a GPU, in ten minutes.

    python benchmarks/gpu_rates.py [--reference DIR] [--seconds 5]

The published loop (stargan_step.py) against ours at 128x128, batch 16, five discriminator steps to
a generator step: in float32, TF32 and bfloat16, with and without compiling; the published one with
its loader, and with its batches at hand. Then what might pay, one by one: copies from pinned
memory, kernels that may differ from run to run, two seeds on one card. Whether losses and a resumed
training stay within rounding. Images a second of extraction and of fine-tuning. Every line is
printed as it is measured, so that a run that is cut short leaves what it has.

With `--device cpu` it tries itself, on a machine without a GPU, a few steps of each.
"""

import argparse
import io
import itertools
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from copy import deepcopy
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from documented.marks import MACHINE
from numpy.typing import NDArray
from PIL import Image
from stargan_step import (
    CYCLE,
    FACES,
    Ours,
    Reference,
    alone,
    compared,
    counted,
    draw,
    setup,
)
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from facegap.classify import backbones, features, grid, heads
from facegap.classify import training as classifiers
from facegap.crops import Crops
from facegap.network import settle
from facegap.settings.classify import Head
from facegap.settings.load import read_study
from facegap.settings.synthesise import Gpu
from facegap.synthesise import training as stargan
from facegap.synthesise.losses import Batch

PAPER = read_study(Path(__file__).parents[1] / "config/paper.yaml")
SIDE = 8192  # of the square matrices whose product says what a card can do
TF32 = Gpu(precision="tf32", compile=True)  # the settings' default


@dataclass(frozen=True)
class Card:
    """Where to measure, and for how long each."""

    device: torch.device
    seconds: float
    batch: int
    published: str | None

    @property
    def is_gpu(self) -> bool:
        """Whether there is anything to wait for."""
        return self.device.type == "cuda"

    def wait(self) -> None:
        """Until all that was asked for is done."""
        if self.is_gpu:
            torch.cuda.synchronize()

    @property
    def name(self) -> str:
        """The card's, as its driver has it."""
        return torch.cuda.get_device_name(self.device) if self.is_gpu else "no GPU"


def rounded(precision: str) -> None:
    """Whether products may round their factors to ten bits (TF32)."""
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    torch.backends.cudnn.allow_tf32 = precision == "tf32"


class Files(Dataset[tuple[Tensor, Tensor]]):
    """The reference's files, over and over: an epoch of 64 faces would mostly start its loader."""

    def __init__(self, reference: Reference) -> None:
        """Its paths, labels and transform."""
        self.paths, self.labels = reference.paths, torch.from_numpy(reference.labels)
        self.transform = reference.transform

    def __len__(self) -> int:
        """Enough."""
        return 10**6

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """One face and its labels."""
        face = index % len(self.paths)
        return self.transform(Image.open(self.paths[face])), self.labels[face]


class Published(Reference):
    """The published loop with its loader: one process, as by its defaults, and cudnn's tuning."""

    def __init__(self, folder: Path, card: Card, gpu: Gpu) -> None:
        """Faces are the JPEG files in `folder`."""
        super().__init__(folder, card.batch, card.published, card.device)
        rounded(gpu.precision)
        torch.backends.cudnn.benchmark = True
        loader = DataLoader(Files(self), card.batch, shuffle=True, num_workers=1)
        self.batches = iter(loader)

    def load(self) -> Batch:
        """The next that the loader has."""
        faces, labels = next(self.batches)
        return self.sent(faces, labels)


class AtHand(Reference):
    """The published loop without loading."""

    def __init__(self, folder: Path, card: Card, gpu: Gpu) -> None:
        """One batch for all steps."""
        super().__init__(folder, card.batch, card.published, card.device)
        rounded(gpu.precision)
        torch.backends.cudnn.benchmark = True
        self.only = super().load()

    def load(self) -> Batch:
        """The same each time."""
        return self.only


class OnCard(Ours):
    """facegap's loop as a job runs it."""

    def __init__(self, folder: Path, card: Card, gpu: Gpu) -> None:
        """Faces are the array in `folder`."""
        super().__init__(folder, card.batch, None, card.device, gpu)
        stargan._set_precision(self.setup.settings, card.device)

    def iterate(self, batch: Batch) -> dict[str, float]:
        """One iteration; its losses stay where they are, as between the points of a curve."""
        stargan.advance(self.training, self.setup, batch)
        if len(self.training.recent) == 200:
            stargan._checked(self.training, self.setup.settings)
            self.training.recent.clear()
        return {}


class Pinned(OnCard):
    """Faces go to the card from pinned memory, for which the loop need not wait."""

    def __init__(self, folder: Path, card: Card, gpu: Gpu) -> None:
        """Another way to send them."""
        super().__init__(folder, card, gpu)
        pinned = card.is_gpu

        def as_input(images: NDArray[np.uint8], device: torch.device) -> Tensor:
            faces = torch.from_numpy(images)
            sent = (faces.pin_memory() if pinned else faces).to(device, non_blocking=True)
            pixels = sent.permute(0, 3, 1, 2)
            return pixels.to(torch.float32, memory_format=torch.contiguous_format).div_(127.5) - 1

        vars(stargan)["as_input"] = as_input  # where `batch_at` looks for it


class Free(OnCard):
    """Kernels of which cudnn takes the fastest, which may differ from run to run."""

    def __init__(self, folder: Path, card: Card, gpu: Gpu) -> None:
        """After `settle`, which forbids them."""
        super().__init__(folder, card, gpu)
        torch.use_deterministic_algorithms(False)
        torch.set_deterministic_debug_mode("default")
        torch.backends.cudnn.deterministic = False
        torch.backends.cudnn.benchmark = True


PRECISIONS = ("float32", "tf32", "bfloat16")
LOOPS: list[tuple[str, Callable[..., Any], Gpu]] = [
    *(
        (f"published, {precision}", Published, Gpu(precision=precision, compile=False))
        for precision in ("float32", "tf32")
    ),
    ("published, tf32, no loading", AtHand, TF32),
    *(
        (
            f"ours, {precision}{', compiled' if compiled else ''}",
            OnCard,
            Gpu(precision=precision, compile=compiled),
        )
        for precision in PRECISIONS
        for compiled in (False, True)
    ),
    ("default, pinned", Pinned, TF32),
    ("default, any kernels", Free, TF32),
]


def product_rates(card: Card) -> dict[str, float]:
    """TFLOP a second of a product of two square matrices, the best of some, by precision."""
    side, found = SIDE if card.is_gpu else SIDE // 16, {}
    for precision in PRECISIONS:
        rounded(precision)
        kind = torch.bfloat16 if precision == "bfloat16" else torch.float32
        matrix, best = torch.rand(side, side, device=card.device).to(kind), float("inf")
        for _ in range(8):
            card.wait()
            start = time.perf_counter()
            matrix @ matrix
            card.wait()
            best = min(best, time.perf_counter() - start)
        found[precision] = 2 * side**3 / best / 1e12
    return found


def timed(which: int, folder: Path, card: Card) -> dict[str, float]:
    """Of one loop: seconds of the first cycles, then iterations a second, and memory.

    `loading` and `asking` are what the loop itself spends on a batch and on a step, in milliseconds
    an iteration: while their sum is less than an iteration takes, the card never waits for it.
    """
    _, loop_of, gpu = LOOPS[which]
    began = time.perf_counter()
    loop = loop_of(folder, card, gpu)
    for _ in range(2 * CYCLE if card.is_gpu else 1):
        loop.iterate(loop.load())
    card.wait()
    first, steps, loading, asking = time.perf_counter() - began, 0, 0.0, 0.0
    start = time.perf_counter()
    while time.perf_counter() - start < card.seconds:
        for _ in range(CYCLE):
            before = time.perf_counter()
            batch = loop.load()
            between = time.perf_counter()
            loop.iterate(batch)
            loading += between - before
            asking += time.perf_counter() - between
        steps += CYCLE
        if steps % (20 * CYCLE) == 0:
            card.wait()
    card.wait()
    seconds = (time.perf_counter() - start) / steps
    memory = torch.cuda.max_memory_allocated() / 2**30 if card.is_gpu else float("nan")
    spent = {"loading": 1000 * loading / steps, "asking": 1000 * asking / steps}
    return {"rate": 1 / seconds, "first": first, "memory": memory, **spent}


def resumed(folder: Path, card: Card) -> float:
    """How far apart weights are after two cycles, run through or resumed in between, at most."""
    rounded("float32")
    settle(1)
    own, crops = setup(card.batch), Crops([folder / "crops.npy"])
    labels = np.random.default_rng(1).integers(0, 2, (FACES, 5)).astype(np.float32)
    faces = stargan.Faces(crops, np.arange(len(crops)), labels)

    def steps(training: stargan.Training, until: int) -> stargan.Training:
        while training.step < until:
            batch = stargan.batch_at(training.step, own, faces, card.device)
            stargan.advance(training, own, batch)
        return training

    through = steps(stargan.begin(own, faces, card.device), 2 * CYCLE)
    saved = io.BytesIO()
    torch.save(stargan.state_of(steps(stargan.begin(own, faces, card.device), CYCLE)), saved)
    saved.seek(0)
    again = stargan.begin(own, faces, card.device)
    stargan.restore(again, torch.load(saved, weights_only=True))
    steps(again, 2 * CYCLE)
    pairs = zip(through.generator.parameters(), again.generator.parameters(), strict=True)
    return max(float((one - other).detach().abs().max()) for one, other in pairs)


def side_by_side(folder: Path, card: Card, seeds: int) -> float:
    """Iterations a second of several trainings on the card at once, together."""
    which = next(k for k, (name, *_) in enumerate(LOOPS) if name == "ours, tf32, compiled")
    with ProcessPoolExecutor(seeds, mp_context=get_context("spawn")) as pool:
        runs = [pool.submit(timed, which, folder, card) for _ in range(seeds)]
        return sum(run.result()["rate"] for run in runs)


def images_a_second(name: str, card: Card) -> dict[str, float]:
    """Of extraction and of fine-tuning of a backbone, at config/paper.yaml's settings."""
    settings = PAPER.classify
    size, layers = settings.features.input_size, settings.features.unfrozen_layers
    device = card.device
    settle(1)
    net = backbones.network(name, size=size, layers=layers, weights=None, seed=1, device=device)
    rng = np.random.default_rng(1)
    pictures = rng.integers(0, 256, (features.BATCH, size, size, 3), dtype=np.uint8)
    cache = np.dtype(settings.features.cache)

    def batches(count: int) -> Iterator[NDArray[np.uint8]]:
        return itertools.repeat(pictures, count)

    rows = list(features.passed(net, batches(2), cache, device))
    card.wait()
    start, seen = time.perf_counter(), 0
    while time.perf_counter() - start < card.seconds:
        seen += sum(len(cached) for cached, _ in features.passed(net, batches(4), cache, device))
    found = {"extraction": seen / (time.perf_counter() - start)}

    plan = settings.training.fine_tuning
    count = plan.batch * (8 if card.is_gpu else 1)
    boundary, pooled = (
        np.resize(np.concatenate([row[k] for row in rows]), (count, rows[0][k].shape[1]))
        for k in (0, 1)
    )
    table = pd.DataFrame({"face_id": np.arange(count).astype(str), "split": "train", "copy": 0})
    table = table.assign(row=np.arange(count), inside=np.arange(count) % 2 == 0)
    data = features.Cached(table, boundary, pooled.astype(np.float32))
    masks = [torch.Generator().manual_seed(1)]
    head = heads.new_head(torch.from_numpy(data.pooled).to(device), masks, Head(), True)
    chance = classifiers.Randomness(np.random.default_rng(1), masks[0])
    schedule = classifiers.Schedule(1, plan.batch, "adam", 1e-6, 0.9)
    tail, seen = deepcopy(net.tail), 0
    if card.is_gpu:
        classifiers.fine_tune(net, tail, head, data, chance, schedule, "first")
    start = time.perf_counter()
    while time.perf_counter() - start < card.seconds:
        classifiers.fine_tune(net, tail, head, data, chance, schedule, "timed")
        seen += count
    return {**found, "fine-tuning": seen / (time.perf_counter() - start)}


def hours(rate: float, images: dict[str, dict[str, float]]) -> dict[str, float]:
    """Of what in config/paper.yaml takes longest, if nothing but the card were waited for.

    Fine-tuning: every configuration of the grid and repeat, on the 15,807 faces that train of the
    paper's 19,759 (`selection.validation` keeps the others); VGG19 and VGGFace taken for VGG16.
    """
    settings = PAPER.classify
    faces = 19_759 * (1 - settings.selection.validation)
    slow, fast = images["vgg16"]["fine-tuning"], images["resnet50"]["fine-tuning"]
    each = faces * settings.training.fine_tuning.epochs * settings.training.repeats / 3600
    of_grid = sum(
        len(training["optimiser_pairs"]) * each / (fast if name == "resnet50" else slow)
        for name, trainings in grid.trainings(settings).items()
        for training in trainings.values()
    )
    steps = PAPER.synthesise.training.iterations
    one, seeds = steps / rate / 3600, len(PAPER.synthesise.seeds)
    return {
        "one StarGAN": one,
        f"{seeds} seeds": seeds * one,
        "fine-tuning of the grid": of_grid,
    }


def measured_loops(folder: Path, card: Card) -> dict[str, dict[str, float]]:
    """Every loop, printed as it comes."""
    rates = alone(product_rates, card)
    words = ", ".join(f"{name} {rate:.1f}" for name, rate in rates.items())
    print(f"TFLOP/s of a product of square matrices: {words}\n", flush=True)
    work = alone(counted, "reference", folder, card.published)
    print(
        f"{'batch of ' + str(card.batch):<30}iterations/s  share  GiB  first s  loading  asking ms"
    )
    found = {}
    for which, (name, _, gpu) in enumerate(LOOPS):
        if gpu.precision == "bfloat16" and not card.is_gpu:
            continue  # a minute a step, where the processor has no such numbers
        found[name] = one = alone(timed, which, folder, card)
        one["share"] = work * card.batch * one["rate"] / 1000 / rates[gpu.precision]
        print(f"{name:<30}{one['rate']:>12.1f}{one['share']:>7.1%}{one['memory']:>5.1f}", end="")
        print(f"{one['first']:>9.1f}{one['loading']:>9.2f}{one['asking']:>11.2f}", flush=True)
    return found


def main() -> None:
    """Measure, and print the tables and, last, one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reference", help="a clone of github.com/yunjey/stargan")
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    given = parser.parse_args()
    if given.device == "cuda" and not torch.cuda.is_available():
        print("no GPU in sight: nothing measured")
        print(json.dumps({"name": "gpu_rates", "machine": MACHINE}))
        return
    batch = 16 if given.device == "cuda" else 2
    card = Card(torch.device(given.device), given.seconds, batch, given.reference)
    print(f"{card.name}, torch {torch.__version__}\n")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw(folder)
        loops = measured_loops(folder, card)
        together = side_by_side(folder, card, 2)
        print(f"{'default, two seeds at once':<30}{together:>12.1f}\n", flush=True)
        apart = alone(compared, folder, given.reference, card.device)
        print(f"largest relative difference of a loss on equal batches: {apart:.1e}", flush=True)
        back = alone(resumed, folder, card)
        print(f"largest difference of a weight after a resumption: {back:.1e}\n", flush=True)
    images = {}
    for name in ("vgg16", "resnet50"):
        images[name] = alone(images_a_second, name, card)
        words = ", ".join(f"{what} {rate:.0f}" for what, rate in images[name].items())
        print(f"{name}, images a second: {words}", flush=True)
    default = loops["ours, tf32, compiled"]["rate"]
    print("\nhours of config/paper.yaml on this card, were nothing else waited for:")
    for what, spent in hours(default, images).items():
        print(f"{what:<30}{spent:>12.1f}")
    figures = {
        "name": "gpu_rates",
        "ratio": default / loops["published, tf32"]["rate"],
        "units": "iterations/s",
        "loops": loops,
        "two_seeds": together,
        "losses_apart": apart,
        "resumed_apart": back,
        "images": images,
        "machine": f"{card.name}, {MACHINE}",
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
