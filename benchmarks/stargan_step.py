"""StarGAN's training step against a loop that is written as the published code does it.

python benchmarks/stargan_step.py [--reference DIR] [--batches 16 4] [--rounds 2]

Both at 128x128, 64 channels, five discriminator steps to a generator step, data loading included,
each in processes of its own, in turn. The reference decodes a JPEG and resizes with Pillow for
every face, generates with gradients in discriminator steps and passes through the discriminator
three times; with `--reference` its networks are those of DIR/model.py, a clone of
github.com/yunjey/stargan.
"""

import argparse
import importlib.util
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812, torch's own custom
from documented.marks import MACHINE
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry
from torchvision import transforms

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow/scripts"))

from PIL import Image

from facegap.crops import Crops
from facegap.network import settle
from facegap.settings.synthesise import Gpu
from facegap.settings.synthesise import Training as Settings
from facegap.synthesise.losses import Batch
from facegap.synthesise.training import (
    TERMS,
    Faces,
    Setup,
    Training,
    advance,
    batch_at,
    begin,
)

FACES, ATTRIBUTES, SIZE, BOX = 64, 5, 128, 178
CPU = torch.device("cpu")
FLOAT32 = Gpu(precision="float32", compile=False)
CYCLE = 5  # discriminator steps to a generator step: one cycle is what is timed
THREADS = 1  # the settings' default; several wait for each other by spinning, which is CPU time


def setup(batch: int, gpu: Gpu = FLOAT32) -> Setup:
    """The published settings."""
    settings = Settings(batch=batch, discriminator_steps=CYCLE, gpu=gpu)
    names = tuple(f"attribute {k}" for k in range(ATTRIBUTES))
    return Setup(settings, names, THREADS, seed=1)


class ReferenceGenerator(nn.Module):
    """Table 4 of Choi et al. 2018, layer by layer."""

    def __init__(self, width: int, labels: int, blocks: int) -> None:
        """`width` channels in the first layer."""
        super().__init__()

        def norm(channels: int) -> nn.Module:
            return nn.InstanceNorm2d(channels, affine=True, track_running_stats=True)

        parts: list[nn.Module] = [nn.Conv2d(3 + labels, width, 7, 1, 3, bias=False), norm(width)]
        parts += [nn.ReLU(inplace=True)]
        for w in (width, 2 * width):
            parts += [nn.Conv2d(w, 2 * w, 4, 2, 1, bias=False), norm(2 * w), nn.ReLU(inplace=True)]
        wide = 4 * width
        for _ in range(blocks):
            block = [nn.Conv2d(wide, wide, 3, 1, 1, bias=False), norm(wide), nn.ReLU(inplace=True)]
            block += [nn.Conv2d(wide, wide, 3, 1, 1, bias=False), norm(wide)]
            parts.append(_Beside(nn.Sequential(*block)))
        for w in (wide, wide // 2):
            parts += [nn.ConvTranspose2d(w, w // 2, 4, 2, 1, bias=False), norm(w // 2)]
            parts += [nn.ReLU(inplace=True)]
        self.main = nn.Sequential(*parts, nn.Conv2d(width, 3, 7, 1, 3, bias=False), nn.Tanh())

    def forward(self, faces: Tensor, wanted: Tensor) -> Tensor:
        """Labels as planes beside the colours."""
        planes = wanted[:, :, None, None].repeat(1, 1, *faces.shape[2:])
        return self.main(torch.cat([faces, planes], 1))


class _Beside(nn.Module):
    def __init__(self, main: nn.Module) -> None:
        super().__init__()
        self.main = main

    def forward(self, hidden: Tensor) -> Tensor:
        return hidden + self.main(hidden)


class ReferenceDiscriminator(nn.Module):
    """Table 5 of Choi et al. 2018, layer by layer."""

    def __init__(self, size: int, width: int, labels: int, layers: int) -> None:
        """`width` channels in the first of `layers`."""
        super().__init__()
        parts: list[nn.Module] = [nn.Conv2d(3, width, 4, 2, 1), nn.LeakyReLU(0.01)]
        for _ in range(1, layers):
            parts += [nn.Conv2d(width, 2 * width, 4, 2, 1), nn.LeakyReLU(0.01)]
            width *= 2
        self.main = nn.Sequential(*parts)
        self.real = nn.Conv2d(width, 1, 3, 1, 1, bias=False)
        self.labels = nn.Conv2d(width, labels, size // 2**layers, bias=False)

    def forward(self, faces: Tensor) -> tuple[Tensor, Tensor]:
        """Realness of patches, and logits."""
        hidden = self.main(faces)
        return self.real(hidden), self.labels(hidden).flatten(1)


class Reference:
    """The published loop: its networks, optimisers, loader and iteration."""

    def __init__(
        self, folder: Path, batch: int, published: str | None, device: torch.device = CPU
    ) -> None:
        """Faces are the JPEG files in `folder`."""
        torch.manual_seed(1)
        if published:
            code = _module(Path(published) / "model.py")
            self.generator: nn.Module = code.Generator(64, ATTRIBUTES, 6)
            self.discriminator: nn.Module = code.Discriminator(SIZE, 64, ATTRIBUTES, 6)
        else:
            self.generator = ReferenceGenerator(64, ATTRIBUTES, 6)
            self.discriminator = ReferenceDiscriminator(SIZE, 64, ATTRIBUTES, 6)
        self.device = device
        self.optimisers = [
            torch.optim.Adam(network.to(device).parameters(), 1e-4, (0.5, 0.999))
            for network in (self.generator, self.discriminator)
        ]
        self.step, self.batch = 0, batch
        self.paths = sorted(folder.glob("*.jpg"))
        self.labels = _labels()
        self.transform = transforms.Compose(
            [
                transforms.RandomHorizontalFlip(),
                transforms.CenterCrop(BOX),
                transforms.Resize(SIZE),
                transforms.ToTensor(),
                transforms.Normalize([0.5] * 3, [0.5] * 3),
            ]
        )

    def load(self) -> Batch:
        """Decode, crop, resize and normalise a batch."""
        chosen = torch.randperm(len(self.paths))[: self.batch].tolist()
        faces = torch.stack([self.transform(Image.open(self.paths[k])) for k in chosen])
        return self.sent(faces, torch.from_numpy(self.labels[chosen]))

    def sent(self, faces: Tensor, labels: Tensor) -> Batch:
        """A batch on the device, with labels to translate to."""
        wanted = labels[torch.randperm(len(labels))]
        parts = (faces, labels, wanted, torch.rand(len(labels), 1, 1, 1))
        return Batch(*(part.to(self.device) for part in parts))

    def iterate(self, batch: Batch) -> dict[str, float]:
        """One iteration; its losses."""
        self.step += 1
        real, logits = self.discriminator(batch.faces)
        fakes = self.generator(batch.faces, batch.wanted)
        judged, _ = self.discriminator(fakes.detach())
        mixed = batch.mix * batch.faces.data + (1 - batch.mix) * fakes.data
        terms = {
            "discriminator_real": -real.mean(),
            "discriminator_fake": judged.mean(),
            "discriminator_classification": _entropy(logits, batch.labels),
            "discriminator_penalty": self.penalty(mixed.requires_grad_()),
        }
        self.descend(1, sum(terms.values()) + 9 * terms["discriminator_penalty"])
        if self.step % CYCLE == 0:
            fakes = self.generator(batch.faces, batch.wanted)
            judged, logits = self.discriminator(fakes)
            back = self.generator(fakes, batch.labels)
            made = {
                "generator_fake": -judged.mean(),
                "generator_classification": _entropy(logits, batch.wanted),
                "generator_reconstruction": (batch.faces - back).abs().mean(),
            }
            self.descend(0, sum(made.values()) + 9 * made["generator_reconstruction"])
            terms |= made
        return {name: float(value.detach()) for name, value in terms.items()}

    def penalty(self, mixed: Tensor) -> Tensor:
        """The gradient penalty, by differentiating twice."""
        judged, _ = self.discriminator(mixed)
        (slope,) = torch.autograd.grad(
            judged, mixed, torch.ones_like(judged), retain_graph=True, create_graph=True
        )
        return ((slope.flatten(1).pow(2).sum(1).sqrt() - 1) ** 2).mean()

    def descend(self, which: int, loss: Any) -> None:
        """One step of the optimiser, after the gradients of both are cleared."""
        for optimiser in self.optimisers:
            optimiser.zero_grad()
        loss.backward()
        self.optimisers[which].step()


class Ours:
    """facegap's loop, on crops that the stage align has left."""

    def __init__(
        self,
        folder: Path,
        batch: int,
        published: str | None,
        device: torch.device = CPU,
        gpu: Gpu = FLOAT32,
    ) -> None:
        """Faces are the array in `folder`."""
        del published
        settle(THREADS)
        self.setup, self.device = setup(batch, gpu), device
        crops = Crops([folder / "crops.npy"])
        self.faces = Faces(crops, np.arange(len(crops)), _labels())
        self.training: Training = begin(self.setup, self.faces, self.device)

    def load(self) -> Batch:
        """The batch of the next step."""
        return batch_at(self.training.step, self.setup, self.faces, self.device)

    def iterate(self, batch: Batch) -> dict[str, float]:
        """One iteration; its losses."""
        advance(self.training, self.setup, batch)
        found = dict(zip(TERMS, self.training.recent.pop().tolist(), strict=True))
        return {name: value for name, value in found.items() if value == value}


def _entropy(logits: Tensor, labels: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, labels, reduction="sum") / len(logits)


def _labels() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 2, (FACES, ATTRIBUTES)).astype(np.float32)


def _module(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("published_model", path)
    if spec is None or spec.loader is None or not path.is_file():
        sys.exit(f"{path}: there is no such file; --reference takes a clone of yunjey/stargan")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


LOOPS: dict[str, Callable[..., Any]] = {"reference": Reference, "ours": Ours}


def timed(name: str, folder: Path, batch: int, published: str | None) -> dict[str, float]:
    """Seconds an iteration over one cycle after a first one, of loading and of CPU; memory, GiB.

    CPU time tells the two loops apart on a machine that others use as well.
    """
    torch.set_num_threads(THREADS)
    loop = LOOPS[name](folder, batch, published)
    loop.iterate(loop.load())  # the first allocates
    loading, start, busy = 0.0, time.perf_counter(), time.process_time()
    for _ in range(CYCLE):  # one of them is a generator's step, whichever
        began = time.perf_counter()
        loaded = loop.load()
        loading += time.perf_counter() - began
        loop.iterate(loaded)
    seconds = (time.perf_counter() - start) / CYCLE
    busy = (time.process_time() - busy) / CYCLE
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"seconds": seconds, "loading": loading / CYCLE, "cpu": busy, "memory": peak}


def compared(folder: Path, published: str | None, device: torch.device = CPU) -> float:
    """The largest relative difference of a loss on equal weights and batches, over a cycle.

    The weights are made equal before each step: Adam's first steps have the size of the rate
    whatever the gradient's, so that rounding alone drives two trainings apart.
    """
    torch.set_num_threads(THREADS)
    reference, ours = Reference(folder, 2, published, device), Ours(folder, 2, None, device)
    pairs = (
        (reference.generator, ours.training.generator),
        (reference.discriminator, ours.training.discriminator),
    )
    apart = 0.0
    for _ in range(CYCLE):
        with torch.no_grad():
            for theirs, own in pairs:
                for one, other in zip(theirs.parameters(), own.parameters(), strict=True):
                    one.copy_(other)
        batch = ours.load()
        found, expected = ours.iterate(batch), reference.iterate(batch)
        assert found.keys() == expected.keys()
        # the generator's come after the discriminator's own step, and lie near zero
        same = [
            key for key in expected if key not in ("generator_fake", "generator_classification")
        ]
        apart = max(apart, *(abs(found[k] / expected[k] - 1) for k in same))
    return apart


class Counter(TorchDispatchMode):
    """Counts arithmetic; torch's own counter cannot differentiate twice."""

    total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation and count its multiplications and additions."""
        result = func(*args, **(kwargs or {}))
        count = flop_registry.get(func._overloadpacket)
        if count:
            self.total += count(*args, **(kwargs or {}), out_val=result)
        return result


def counted(name: str, folder: Path, published: str | None) -> float:
    """GFLOP an iteration and face, as torch counts them, over a cycle."""
    loop = LOOPS[name](folder, 1, published)
    with Counter() as counter:
        for _ in range(CYCLE):
            loop.iterate(loop.load())
    return counter.total / CYCLE / 1e9


def product_rate() -> float:
    """GFLOP a second of a product of two matrices, the best of some."""
    torch.set_num_threads(THREADS)
    matrix, best = torch.rand(2048, 2048), float("inf")
    for _ in range(8):
        start = time.perf_counter()
        matrix @ matrix
        best = min(best, time.perf_counter() - start)
    return 2 * 2048**3 / best / 1e9


def draw(folder: Path) -> None:
    """Faces of noise and smooth colour: JPEG files as CelebA's, and their crops as align's."""
    rng, crops = np.random.default_rng(1), []
    for k in range(FACES):
        rough = Image.fromarray(rng.integers(0, 256, (27, 22, 3), dtype=np.uint8))
        picture = rough.resize((178, 218), Image.Resampling.BICUBIC)
        picture.save(folder / f"{k:03}.jpg", quality=92)
        box = picture.crop((0, 20, BOX, 20 + BOX)).resize((SIZE, SIZE), Image.Resampling.BILINEAR)
        crops.append(np.asarray(box))
    np.save(folder / "crops.npy", np.stack(crops))


def alone(task: Callable[..., Any], *arguments: Any) -> Any:
    """The result of `task` in a fresh process, so that memory and threads are its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(task, *arguments).result()


def main() -> None:
    """Measure, print a table, and the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reference", help="a clone of github.com/yunjey/stargan")
    parser.add_argument("--batches", type=int, nargs="+", default=[16, 4])
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw(folder)
        apart = alone(compared, folder, given.reference)
        work = {loop: alone(counted, loop, folder, given.reference) for loop in LOOPS}
        rate = alone(product_rate)
        found: dict[tuple[int, str], list[dict[str, float]]] = {}
        for batch in given.batches:
            for _ in range(given.rounds):
                for loop in LOOPS:
                    measured = alone(timed, loop, folder, batch, given.reference)
                    found.setdefault((batch, loop), []).append(measured)
    report(found, given.batches, work, rate, apart)


def report(
    found: dict[tuple[int, str], list[dict[str, float]]],
    batches: list[int],
    work: dict[str, float],
    rate: float,
    apart: float,
) -> None:
    """A table for people and, last, one JSON object."""
    rows = {}
    print("batch loop       s/iteration  loading   CPU s    GiB  GFLOP/s")
    for batch in batches:
        for loop in LOOPS:
            runs = found[batch, loop]
            best = min(runs, key=lambda run: run["cpu"])
            peak = max(run["memory"] for run in runs)
            reached = work["reference"] * batch / best["seconds"]
            rows[batch, loop] = {**best, "memory": peak, "share": reached / rate}
            loading = best["loading"] / best["seconds"]
            print(f"{batch:>5} {loop:<10}{best['seconds']:>12.3f}{loading:>9.2%}", end="")
            print(f"{best['cpu']:>8.2f}{peak:>7.2f}{reached:>9.0f}")
        reference, ours = (rows[batch, loop] for loop in LOOPS)
        wall, busy = (reference[key] / ours[key] for key in ("seconds", "cpu"))
        print(f"{batch:>5} ratio of CPU time {busy:.2f}, by the clock {wall:.2f}")
    print(f"product of matrices: {rate:.0f} GFLOP/s")
    print(f"GFLOP of work a face and iteration, by torch's count: {work}")
    print(f"largest relative difference of a loss on equal batches: {apart:.1e}")
    first = batches[0]
    figures = {
        "name": "stargan_step",
        "ratio": rows[first, "reference"]["cpu"] / rows[first, "ours"]["cpu"],
        "reference": 1 / rows[first, "reference"]["seconds"],
        "ours": 1 / rows[first, "ours"]["seconds"],
        "units": "iterations/s",
        "batch": first,
        "by_batch": {
            str(batch): {
                "ratio": rows[batch, "reference"]["cpu"] / rows[batch, "ours"]["cpu"],
                **{loop: rows[batch, loop] for loop in LOOPS},
            }
            for batch in batches
        },
        "product_gflops": rate,
        "work_gflop_a_face": work,
        "losses_apart": apart,
        "machine": MACHINE,
        "versions": {name: version(name) for name in ("torch", "torchvision", "numpy", "pillow")},
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
