"""StarGAN's training: five discriminator steps to a generator step in the paper. Paper 3.3.

The random numbers of step k come from a generator named by k, so the step's number is all that a
resumed training needs of the data's order, the flips and the mixing.
"""

import hashlib
import json
import logging
import resource
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from facegap import seeds
from facegap.attributes import Labels, read_labels
from facegap.code import digests
from facegap.crops import Crops
from facegap.errors import DataError, TrainingError
from facegap.network import on_gpu, settle
from facegap.pixels import as_input
from facegap.progress import Pace
from facegap.resume import Resume, warned
from facegap.settings.operations import Operations
from facegap.settings.synthesise import Attributes
from facegap.settings.synthesise import Training as Settings
from facegap.synthesise.losses import (
    DISCRIMINATOR_TERMS,
    GENERATOR_TERMS,
    Batch,
    discriminator_loss,
    discriminator_terms,
    generator_loss,
    generator_terms,
)
from facegap.synthesise.networks import Discriminator, Generator
from facegap.synthesise.trained import save_generator
from facegap.synthesise.translation import Samples, read_samples
from facegap.tables.base import read_table
from facegap.tables.synthesise import ROLES

log = logging.getLogger(__name__)
TERMS = (*DISCRIMINATOR_TERMS, *GENERATOR_TERMS)
POINTS = 1000  # of a curve, at most
PARTS = ("generator", "discriminator", "generator_optimiser", "discriminator_optimiser")
LOWERED = 1000  # steps from one lowering of the rate to the next, in the published code
EXPLODED = 1e6  # a loss beyond it is no training


@dataclass(frozen=True)
class Setup:
    """All that the weights depend on beside the faces."""

    settings: Settings
    attributes: tuple[str, ...]
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
    """A training at `step`."""

    generator: Generator
    discriminator: Discriminator
    generator_optimiser: torch.optim.Optimizer
    discriminator_optimiser: torch.optim.Optimizer
    step: int = 0
    recent: list[Tensor] = field(default_factory=list)  # terms (7,) of steps not yet in a curve
    points: int = 0  # of the curves


@dataclass(frozen=True)
class Records:
    """What is written on the way: scalars for TensorBoard, and checkpoints to look at."""

    board: SummaryWriter
    checkpoints: Path
    samples: Samples
    operations: Operations  # when to save


def train_stargan(
    *,
    roles: Path,
    faces: Path,
    crops: list[Path],
    generator: Path,
    attributes: Attributes,
    settings: Settings,
    share: float,
    operations: Operations,
    threads: int,
    seed: int,
) -> None:
    """Train on faces whose role is train (ROLES), a `share` of them outside; write the generator.

    The state is saved every `save_seconds` and `save_steps` of `operations`, and at SIGTERM and
    SIGURG, beside the generator; a later call with the same settings and faces goes on from there.
    Every `save_steps` the generator and a sheet of the same few faces go to the folder
    `checkpoints` beside it; the losses' curves are in the folder `tensorboard`. Raises
    `TrainingError` when a loss is not finite or explodes, naming step and term, or when there are
    fewer faces than a batch.
    """
    setup = Setup(settings, tuple(attributes.names), threads, seed)
    device = settle(threads, which=seed)
    _set_precision(settings, device)
    own = read_faces(roles, faces, crops, attributes, share)
    checkpoints, curves = (generator.parent / name for name in ("checkpoints", "tensorboard"))
    resume = Resume(generator.with_name("training.resume"), digest(setup, own))
    samples = read_samples(roles, faces, own.crops, attributes)
    with resume.alone():
        training = begin(setup, own, device)
        if state := resume.load():
            with resume.taken_up():
                restore(training, state)
            log.info("resumed at step %d", training.step)
        else:
            for old in (checkpoints, curves):
                shutil.rmtree(old, ignore_errors=True)
        with SummaryWriter(str(curves), purge_step=training.step + 1) as board:
            records = Records(board, checkpoints, samples, operations)
            run(training, setup, own, resume, records, device)
        save_generator(training.generator, attributes.names, generator)
        resume.remove()
    log.info("peak memory %s", _peak_memory(device))


def read_faces(
    roles: Path, faces: Path, crops: list[Path], attributes: Attributes, share: float
) -> Faces:
    """The faces to train on, of which a `share` is outside.

    Of pairs the first have their outside face. They stand in the order of the pairs, so that
    trainings of one seed differ in nothing but in which face of a pair they are shown.
    """
    table = trained_on(read_table(roles, ROLES), share)
    labels = read_labels(faces, table["face_id"], attributes.names)
    return Faces(Crops(crops), table["row"].to_numpy(), labels)


def trained_on(roles: pd.DataFrame, share: float) -> pd.DataFrame:
    """The rows of `roles` (ROLES) that train, in the order of the pairs if there are pairs."""
    training = roles[roles["role"] == "train"]
    if training["pair"].isna().all():
        return training
    pair = training["pair"].astype(int)
    replaced = pair < round(share * training["pair"].nunique())
    return training[replaced == (training["side"] == "outside")].sort_values("pair")


def begin(setup: Setup, faces: Faces, device: torch.device) -> Training:
    """Networks and optimisers before the first step."""
    settings, count = setup.settings, len(setup.attributes)
    if len(faces.rows) < settings.batch:
        raise TrainingError(
            f"synthesise.training.batch: {settings.batch} faces, but there are only"
            f" {len(faces.rows)} to train on"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seeds.number(setup.seed, "stargan_weights"))
        generator = Generator(count, settings.generator.channels, settings.generator.blocks)
        given = settings.discriminator
        discriminator = Discriminator(count, faces.crops.size, given.channels, given.layers)
    for network in (generator, discriminator):
        network.to(device)
        if on_gpu(device):
            network.to(memory_format=torch.channels_last)
            if settings.gpu.compile:
                network.compile()
    return Training(
        generator, discriminator, _adam(generator, settings), _adam(discriminator, settings)
    )


def run(
    training: Training,
    setup: Setup,
    faces: Faces,
    resume: Resume,
    records: Records,
    device: torch.device,
) -> None:
    """Every step that is left, with a state saved by time, by step and at a warning."""
    settings, operations = setup.settings, records.operations
    every = settings.discriminator_steps
    every *= max(1, settings.iterations // (POINTS * settings.discriminator_steps))
    pace = Pace(settings.iterations, training.step)
    saved = time.monotonic()
    with warned() as warnings:
        while training.step < settings.iterations:
            advance(training, setup, batch_at(training.step, setup, faces, device))
            if pace.due():
                log.info("step %d: %s", training.step, pace.words(training.step))
            if training.step % every == 0 or training.step == settings.iterations:
                _add_point(training, setup, records.board)
            due = training.step % operations.save_steps == 0
            waited = time.monotonic() - saved >= operations.save_seconds
            if due or warnings.came() or waited:
                _checked(training, settings)  # a state with a loss that is no number is of no use
                records.board.flush()  # what a resumed training does not add again
                resume.save(state_of(training))
                if due:
                    _write_checkpoint(training, setup, records, device)
                saved = time.monotonic()
                log.info("state saved at step %d", training.step)
                warnings.saved()


def advance(training: Training, setup: Setup, batch: Batch) -> None:
    """One discriminator step, and every so many a generator step on the same translations."""
    training.step += 1
    settings = setup.settings
    both = training.step % settings.discriminator_steps == 0
    rate = rate_at(training.step - 1, settings)
    half = settings.gpu.precision == "bfloat16"
    lowered = partial(torch.autocast, batch.faces.device.type, torch.bfloat16, enabled=half)
    with lowered(), torch.set_grad_enabled(both):
        fakes = training.generator(batch.faces, batch.wanted).float()
    with lowered():
        terms = discriminator_terms(training.discriminator, batch, fakes)
        loss = discriminator_loss(terms, settings.weights)
    _descend(training.discriminator_optimiser, loss, rate)
    if both:
        with _frozen(training.discriminator):
            with lowered():
                terms |= generator_terms(training.generator, training.discriminator, batch, fakes)
                loss = generator_loss(terms, settings.weights)
            _descend(training.generator_optimiser, loss, rate)
    nothing = fakes.new_tensor(float("nan"))
    training.recent.append(torch.stack([terms.get(name, nothing).detach() for name in TERMS]))


def rate_at(step: int, settings: Settings) -> float:
    """The learning rate of a step (from 0): level, then falling linearly, to zero or hardly.

    As written it falls to zero with the last step. The published code (solver.py of
    yunjey/stargan) means to, but takes a step's part off once every 1,000 steps.
    """
    falling = max(settings.decay * settings.iterations, 1.0)
    if settings.schedule == "published code":
        level = settings.iterations - falling
        parts = max(step // LOWERED - int(level // LOWERED), 0)
        return settings.rate * (1 - parts / falling)
    return settings.rate * min(1.0, (settings.iterations - step) / falling)


def batch_at(step: int, setup: Setup, faces: Faces, device: torch.device) -> Batch:
    """What step `step` (from 0) gets: the faces in a new random order each epoch, half mirrored.

    The attributes to translate to are the batch's own in another order.
    """
    size = setup.settings.batch
    epoch, place = divmod(step, len(faces.rows) // size)
    order = _order(setup.seed, epoch, len(faces.rows))[place * size : (place + 1) * size]
    rng = seeds.generator(setup.seed, "stargan_step", step=step)
    images = faces.crops.take(faces.rows[order])
    mirrored = rng.random(size) < 0.5
    images[mirrored] = images[mirrored, :, ::-1]
    labels = torch.from_numpy(faces.labels[order]).to(device)
    wanted = torch.from_numpy(faces.labels[order[rng.permutation(size)]]).to(device)
    mix = torch.from_numpy(rng.random((size, 1, 1, 1), dtype=np.float32)).to(device)
    return Batch(as_input(images, device), labels, wanted, mix)


def state_of(training: Training) -> dict[str, Any]:
    """All that the steps to come, and the curves, depend on."""
    parts = {name: getattr(training, name).state_dict() for name in PARTS}
    recent = [terms.cpu() for terms in training.recent]
    return {**parts, "step": training.step, "recent": recent, "points": training.points}


def restore(training: Training, state: Mapping[str, Any]) -> None:
    """Put a training where `state_of` left it."""
    training.step, training.points = state["step"], state["points"]
    device = next(training.generator.parameters()).device
    training.recent = [terms.to(device) for terms in state["recent"]]
    for name in PARTS:
        getattr(training, name).load_state_dict(state[name])


def digest(setup: Setup, faces: Faces) -> str:
    """Differs for whatever would train to other weights: code, settings, labels, every pixel."""
    about = [setup.settings.model_dump(mode="json"), *setup.attributes, setup.threads, setup.seed]
    about += digests(["synthesise.training"])
    hashed = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    hashed.update(faces.labels.tobytes())
    for start in range(0, len(faces.rows), 1024):
        hashed.update(faces.crops.take(faces.rows[start : start + 1024]).tobytes())
    return hashed.hexdigest()


@lru_cache(maxsize=2)
def _order(seed: int, epoch: int, count: int) -> NDArray[np.int64]:
    return seeds.generator(seed, "stargan_epoch", epoch=epoch).permutation(count)


def _adam(network: nn.Module, settings: Settings) -> torch.optim.Optimizer:
    first, second = settings.betas
    return torch.optim.Adam(network.parameters(), settings.rate, (first, second), fused=True)


def _descend(optimiser: torch.optim.Optimizer, loss: Tensor, rate: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = rate
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    optimiser.zero_grad()  # at once: the other network's step has no use for their memory


@contextmanager
def _frozen(discriminator: Discriminator) -> Iterator[None]:
    """No gradients for the discriminator's weights, which the generator's step does not need."""
    discriminator.requires_grad_(False)
    try:
        yield
    finally:
        discriminator.requires_grad_(True)


def _add_point(training: Training, setup: Setup, board: SummaryWriter) -> None:
    """The latest steps' mean terms, as a point of each curve."""
    settings = setup.settings
    values = _checked(training, settings)
    has = ~np.isnan(values)
    sums, counts = np.where(has, values, 0).sum(0), has.sum(0)
    means = [float(total / n) if n else float("nan") for total, n in zip(sums, counts, strict=True)]
    for name, value in zip(TERMS, means, strict=True):
        board.add_scalar(name, value, training.step)
    board.add_scalar("rate", rate_at(training.step - 1, settings), training.step)
    training.recent.clear()
    training.points += 1
    if training.points % 10 == 0:
        named = ", ".join(f"{name} {value:.3f}" for name, value in zip(TERMS, means, strict=True))
        log.info("step %d of %d: %s", training.step, settings.iterations, named)


def _checked(training: Training, settings: Settings) -> NDArray[np.float64]:
    """The latest steps' terms (steps, 7); NaN where no generator step was taken.

    All at once, since reading a number off a GPU is slow; `TrainingError` names the first bad one.
    """
    if not training.recent:
        return np.empty((0, len(TERMS)))
    values = torch.stack(training.recent).cpu().double().numpy()
    for step, terms in enumerate(values, training.step - len(values) + 1):
        taken = TERMS if step % settings.discriminator_steps == 0 else DISCRIMINATOR_TERMS
        for name, value in zip(taken, terms, strict=False):
            if not abs(value) < EXPLODED:
                raise TrainingError(
                    f"step {step}: the loss {name} is {value:.3g}; the last good state is kept."
                    " Lower synthesise.training.rate, or raise synthesise.training.weights.penalty."
                )
    return values


def _write_checkpoint(
    training: Training, setup: Setup, records: Records, device: torch.device
) -> None:
    """The generator as it is, and what it makes of the same few faces each time."""
    step = f"step-{training.step:07}"
    try:
        path = records.checkpoints / f"{step}.safetensors"
        save_generator(training.generator, setup.attributes, path)
        records.samples.write(training.generator, path.with_suffix(".png"), device)
    except DataError as error:  # a full disk costs a checkpoint, not the training
        log.error("no checkpoint at step %d, the training goes on: %s", training.step, error)


def _set_precision(settings: Settings, device: torch.device) -> None:
    """Whether a GPU may round the factors of products to ten bits (TF32)."""
    if on_gpu(device):
        coarse = settings.gpu.precision == "tf32"
        torch.set_float32_matmul_precision("high" if coarse else "highest")
        torch.backends.cudnn.allow_tf32 = coarse


def _peak_memory(device: torch.device) -> str:
    unit = 2**30 if sys.platform == "darwin" else 2**20  # getrusage counts bytes there, else KiB
    words = f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit:.2f} GiB"
    if on_gpu(device):
        words += f", of the GPU's {torch.cuda.max_memory_allocated(device) / 2**30:.2f} GiB"
    return words
