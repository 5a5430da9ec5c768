"""StarGAN's training: five critic steps to a generator step in the paper. Paper 3.3.

Every random choice of step k is drawn from a generator named by k, so the step's number is all
that there is to remember of the data's order, the flips and the mixing.
"""

import hashlib
import json
import logging
import resource
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from facegap import seeds, tables
from facegap.crops import Crops
from facegap.errors import DataError, TrainingError
from facegap.files import whole
from facegap.network import settle
from facegap.progress import Pace
from facegap.resume import Resume, warned
from facegap.synthesise.attributes import Labels, read_labels
from facegap.synthesise.losses import (
    CRITIC_TERMS,
    GENERATOR_TERMS,
    Batch,
    Weights,
    critic_loss,
    critic_terms,
    generator_loss,
    generator_terms,
)
from facegap.synthesise.networks import Critic, Generator
from facegap.synthesise.pixels import as_input
from facegap.synthesise.trained import save_generator
from facegap.synthesise.translation import Samples, read_samples

log = logging.getLogger(__name__)
TERMS = (*CRITIC_TERMS, *GENERATOR_TERMS)
CURVE = 1000  # rows at most in losses.csv
EXPLODED = 1e6  # a loss beyond it is no training


@dataclass(frozen=True)
class Settings:
    """All that the weights depend on beside the faces."""

    attributes: tuple[str, ...]
    generator_channels: int
    generator_blocks: int
    critic_channels: int
    critic_layers: int
    weights: Weights
    iterations: int  # critic steps
    critic_steps: int  # to a generator step
    batch: int
    rate: float
    betas: tuple[float, float]
    decay: float  # last share of the iterations, over which the rate falls to zero
    precision: str  # float32, tf32 or bfloat16
    threads: int
    seed: int


@dataclass(frozen=True)
class Faces:
    """The faces to train on: rows (n,) of `crops`, and their labels, float32 (n, a)."""

    crops: Crops
    rows: NDArray[np.int64]
    labels: Labels


@dataclass
class Training:
    """A training at `step`, and what it has written down."""

    generator: Generator
    critic: Critic
    generator_optimiser: torch.optim.Optimizer
    critic_optimiser: torch.optim.Optimizer
    step: int = 0
    recent: list[Tensor] = field(default_factory=list)  # terms (7,) of the latest steps
    curve: list[list[float]] = field(default_factory=list)  # step and mean terms before them


@dataclass(frozen=True)
class Records:
    """What is written down on the way: scalars for TensorBoard, and checkpoints to look at."""

    board: SummaryWriter
    checkpoints: Path
    samples: Samples
    steps: int  # between two checkpoints


def train_stargan(
    cast_parquet: str | Path,
    faces_parquet: str | Path,
    crop_shards: Sequence[str | Path],
    generator_safetensors: str | Path,
    losses_csv: str | Path,
    tensorboard: str | Path,
    *,
    attributes: Sequence[str],
    exclusive: Sequence[Sequence[str]],
    generator: Mapping[str, int],
    critic: Mapping[str, int],
    weights: Mapping[str, float],
    iterations: int,
    critic_steps: int,
    batch: int,
    rate: float,
    betas: Sequence[float],
    decay: float,
    save_seconds: float,
    save_steps: int,
    gpu: Mapping[str, Any],
    threads: int,
    seed: int,
) -> None:
    """Train on the faces whose role is train (CAST); write the generator and its loss curve.

    The state is saved every `save_seconds` and `save_steps`, and at SIGTERM and SIGURG, beside
    the generator, and taken up from there by a later call with the same settings and faces. Every
    `save_steps` the generator and a sheet of the same few faces go to the folder `checkpoints`
    beside it, and the losses' curves to the folder `tensorboard`. `gpu` has `precision` (float32,
    tf32 or bfloat16) and `compile`. Raises `TrainingError` when a loss is not finite or explodes,
    naming step and term, or when there are fewer faces than a batch.
    """
    settings = Settings(
        attributes=tuple(attributes),
        generator_channels=generator["channels"],
        generator_blocks=generator["blocks"],
        critic_channels=critic["channels"],
        critic_layers=critic["layers"],
        weights=Weights(**weights),
        iterations=iterations,
        critic_steps=critic_steps,
        batch=batch,
        rate=rate,
        betas=(betas[0], betas[1]),
        decay=decay,
        precision=gpu["precision"],
        threads=threads,
        seed=seed,
    )
    device = settle(threads, which=seed)
    _set_precision(settings, device)
    faces = read_faces(cast_parquet, faces_parquet, crop_shards, attributes)
    folder = Path(generator_safetensors).parent
    resume = Resume(folder / "training.resume", digest(settings, faces))
    samples = read_samples(cast_parquet, faces_parquet, faces.crops, attributes, exclusive)
    with resume.alone():
        training = begin(settings, faces, device, compiled=gpu["compile"])
        checkpoints = folder / "checkpoints"
        if state := resume.load():
            restore(training, state)
            log.info("resumed at step %d", training.step)
        else:
            for old in (checkpoints, Path(tensorboard)):
                shutil.rmtree(old, ignore_errors=True)
        with SummaryWriter(str(tensorboard), purge_step=training.step + 1) as board:
            records = Records(board, checkpoints, samples, save_steps)
            run(training, settings, faces, resume, records, save_seconds, device)
        save_generator(training.generator, attributes, generator_safetensors)
        _write_curve(training, losses_csv)
        resume.remove()
    log.info("peak memory %s", _peak_memory(device))


def read_faces(
    cast_parquet: str | Path,
    faces_parquet: str | Path,
    crop_shards: Sequence[str | Path],
    attributes: Sequence[str],
) -> Faces:
    """The faces to train on."""
    cast = tables.read(cast_parquet, tables.CAST)
    cast = cast[cast["role"] == "train"]
    labels = read_labels(faces_parquet, cast["face_id"], attributes)
    return Faces(Crops(crop_shards), cast["row"].to_numpy(), labels)


def begin(
    settings: Settings, faces: Faces, device: torch.device, *, compiled: bool = False
) -> Training:
    """Networks and optimisers before the first step."""
    if len(faces.rows) < settings.batch:
        raise TrainingError(
            f"synthesise.batch: {settings.batch} faces, but there are only {len(faces.rows)} to"
            " train on"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seeds.number(settings.seed, "synthesise", "weights"))
        count = len(settings.attributes)
        generator = Generator(count, settings.generator_channels, settings.generator_blocks)
        critic = Critic(count, faces.crops.size, settings.critic_channels, settings.critic_layers)
    for network in (generator, critic):
        network.to(device)
        if device.type == "cuda":
            network.to(memory_format=torch.channels_last)
            if compiled:
                network.compile()
    return Training(generator, critic, _adam(generator, settings), _adam(critic, settings))


def run(
    training: Training,
    settings: Settings,
    faces: Faces,
    resume: Resume,
    records: Records,
    save_seconds: float,
    device: torch.device,
) -> None:
    """Every step that is left, with a state saved by time, by step and at a warning."""
    every = settings.critic_steps
    every *= max(1, settings.iterations // (CURVE * settings.critic_steps))
    pace = Pace(settings.iterations, training.step)
    saved = time.monotonic()
    with warned() as warnings:
        while training.step < settings.iterations:
            advance(training, settings, batch_at(training.step, settings, faces, device))
            if pace.due():
                log.info("step %d: %s", training.step, pace.words(training.step))
            if training.step % every == 0 or training.step == settings.iterations:
                _note(training, settings, records.board)
            due = training.step % records.steps == 0
            if due or warnings.came() or time.monotonic() - saved >= save_seconds:
                _checked(training, settings)  # a state with a loss that is no number is of no use
                resume.save(state_of(training))
                if due:
                    _check_point(training, settings, records, device)
                saved = time.monotonic()
                log.info("state saved at step %d", training.step)


def advance(training: Training, settings: Settings, batch: Batch) -> None:
    """One critic step, and every `critic_steps` a generator step on the same translations."""
    training.step += 1
    both = training.step % settings.critic_steps == 0
    rate = rate_at(training.step - 1, settings)
    half = settings.precision == "bfloat16"
    lowered = partial(torch.autocast, batch.faces.device.type, torch.bfloat16, enabled=half)
    with lowered(), torch.set_grad_enabled(both):
        fakes = training.generator(batch.faces, batch.wanted).float()
    with lowered():
        terms = critic_terms(training.critic, batch, fakes)
        loss = critic_loss(terms, settings.weights)
    _descend(training.critic_optimiser, loss, rate)
    if both:
        with _frozen(training.critic):
            with lowered():
                terms |= generator_terms(training.generator, training.critic, batch, fakes)
                loss = generator_loss(terms, settings.weights)
            _descend(training.generator_optimiser, loss, rate)
    nothing = fakes.new_tensor(float("nan"))
    training.recent.append(torch.stack([terms.get(name, nothing).detach() for name in TERMS]))


def rate_at(step: int, settings: Settings) -> float:
    """The learning rate of a step (from 0): level, then falling linearly to zero."""
    falling = max(settings.decay * settings.iterations, 1.0)
    return settings.rate * min(1.0, (settings.iterations - step) / falling)


def batch_at(step: int, settings: Settings, faces: Faces, device: torch.device) -> Batch:
    """What step `step` (from 0) sees: the faces in a new random order each epoch, half mirrored.

    The attributes to translate to are the batch's own in another order.
    """
    size = settings.batch
    epoch, place = divmod(step, len(faces.rows) // size)
    order = _order(settings.seed, epoch, len(faces.rows))[place * size : (place + 1) * size]
    rng = seeds.generator(settings.seed, "synthesise", "step", step)
    images = faces.crops.take(faces.rows[order])
    mirrored = rng.random(size) < 0.5
    images[mirrored] = images[mirrored, :, ::-1]
    labels = torch.from_numpy(faces.labels[order]).to(device)
    wanted = torch.from_numpy(faces.labels[order[rng.permutation(size)]]).to(device)
    mix = torch.from_numpy(rng.random((size, 1, 1, 1), dtype=np.float32)).to(device)
    return Batch(as_input(images, device), labels, wanted, mix)


def state_of(training: Training) -> dict[str, Any]:
    """All that the steps to come depend on, and the loss curve so far."""
    return {
        "step": training.step,
        "generator": training.generator.state_dict(),
        "critic": training.critic.state_dict(),
        "generator_optimiser": training.generator_optimiser.state_dict(),
        "critic_optimiser": training.critic_optimiser.state_dict(),
        "recent": [terms.cpu() for terms in training.recent],
        "curve": training.curve,
    }


def restore(training: Training, state: Mapping[str, Any]) -> None:
    """Put a training where `state_of` left it."""
    training.step, training.curve = state["step"], [list(row) for row in state["curve"]]
    device = next(training.generator.parameters()).device
    training.recent = [terms.to(device) for terms in state["recent"]]
    for name in ("generator", "critic", "generator_optimiser", "critic_optimiser"):
        getattr(training, name).load_state_dict(state[name])


def digest(settings: Settings, faces: Faces) -> str:
    """Tells apart whatever would train to other weights: settings, labels and every pixel."""
    told = hashlib.sha256(json.dumps(asdict(settings), sort_keys=True).encode())
    told.update(faces.labels.tobytes())
    for start in range(0, len(faces.rows), 1024):
        told.update(faces.crops.take(faces.rows[start : start + 1024]).tobytes())
    return told.hexdigest()


@lru_cache(maxsize=2)
def _order(seed: int, epoch: int, count: int) -> NDArray[np.int64]:
    return seeds.generator(seed, "synthesise", "epoch", epoch).permutation(count)


def _adam(network: nn.Module, settings: Settings) -> torch.optim.Optimizer:
    return torch.optim.Adam(network.parameters(), settings.rate, settings.betas, fused=True)


def _descend(optimiser: torch.optim.Optimizer, loss: Tensor, rate: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = rate
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    optimiser.zero_grad()  # at once: the other network's step has no use for their memory


@contextmanager
def _frozen(critic: Critic) -> Iterator[None]:
    """No gradients for the critic's weights, which the generator's step does not need."""
    critic.requires_grad_(False)
    try:
        yield
    finally:
        critic.requires_grad_(True)


def _note(training: Training, settings: Settings, board: SummaryWriter) -> None:
    """The latest steps' mean terms, as a row of the curve."""
    values = _checked(training, settings)
    has = ~np.isnan(values)
    sums, counts = np.where(has, values, 0).sum(0), has.sum(0)
    row = [float(total / n) if n else float("nan") for total, n in zip(sums, counts, strict=True)]
    training.curve.append([float(training.step), *row])
    for name, value in zip(TERMS, row, strict=True):
        board.add_scalar(name, value, training.step)
    board.add_scalar("rate", rate_at(training.step - 1, settings), training.step)
    training.recent.clear()
    if len(training.curve) % 10 == 0:
        named = ", ".join(f"{name} {value:.3f}" for name, value in zip(TERMS, row, strict=True))
        log.info("step %d of %d: %s", training.step, settings.iterations, named)


def _checked(training: Training, settings: Settings) -> NDArray[np.float64]:
    """The latest steps' terms (steps, 7); NaN where no generator step was taken.

    They are looked at together, a GPU being slow to tell; `TrainingError` names the first bad one.
    """
    if not training.recent:
        return np.empty((0, len(TERMS)))
    values = torch.stack(training.recent).cpu().double().numpy()
    for step, terms in enumerate(values, training.step - len(values) + 1):
        taken = TERMS if step % settings.critic_steps == 0 else CRITIC_TERMS
        for name, value in zip(taken, terms, strict=False):
            if not abs(value) < EXPLODED:
                raise TrainingError(
                    f"step {step}: the loss {name} is {value:.3g}; the last good state is kept."
                    " Lower synthesise.rate, or raise synthesise.weights.penalty."
                )
    return values


def _check_point(
    training: Training, settings: Settings, records: Records, device: torch.device
) -> None:
    """The generator as it is, and what it makes of the same few faces each time."""
    stem = records.checkpoints / f"step-{training.step:07}"
    try:
        save_generator(training.generator, settings.attributes, f"{stem}.safetensors")
        records.samples.draw(training.generator, f"{stem}.png", device)
    except DataError as error:  # a full disk costs a checkpoint, not the training
        log.error("no checkpoint at step %d, the training goes on: %s", training.step, error)


def _set_precision(settings: Settings, device: torch.device) -> None:
    """Whether a GPU may round the factors of products to ten bits (TF32)."""
    if device.type == "cuda":
        coarse = settings.precision == "tf32"
        torch.set_float32_matmul_precision("high" if coarse else "highest")
        torch.backends.cudnn.allow_tf32 = coarse


def _peak_memory(device: torch.device) -> str:
    unit = 2**30 if sys.platform == "darwin" else 2**20  # getrusage tells bytes there, KiB else
    told = f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit:.2f} GiB"
    if device.type == "cuda":
        told += f", of the GPU's {torch.cuda.max_memory_allocated(device) / 2**30:.2f} GiB"
    return told


def _write_curve(training: Training, losses_csv: str | Path) -> None:
    curve = pd.DataFrame(training.curve, columns=["step", *TERMS]).astype({"step": int})
    with whole(losses_csv) as temporary:
        curve.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")
