"""Tuning the head on pooled features, and fine-tuning tail and head from the boundary.

Both see each training face once an epoch, in an order of the repeat's own, in one of its cached
views. Nothing here knows of cells or files.
"""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from facegap.classify.backbones import Network, trainable
from facegap.classify.features import Features
from facegap.classify.heads import Head, losses
from facegap.errors import TrainingError

EVALUATED = 256  # faces at once


@dataclass(frozen=True)
class Schedule:
    """How one part of a training goes."""

    epochs: int
    batch: int
    optimiser: str
    rate: float
    momentum: float  # of SGD

    @classmethod
    def of(cls, part: Mapping[str, Any], optimiser: str, momentum: float) -> "Schedule":
        """What the config's classify.tune or classify.fine_tune asks for."""
        return cls(part["epochs"], part["batch"], optimiser, part["rates"][optimiser], momentum)


@dataclass(frozen=True)
class Randomness:
    """The order of one repeat's faces, and all else that is drawn in its training."""

    order: np.random.Generator
    draws: torch.Generator


def optimiser_of(parameters: Sequence[Tensor], schedule: Schedule) -> torch.optim.Optimizer:
    """The optimiser of `schedule`; each works element by element, so repeats stay apart."""
    rate = schedule.rate
    if schedule.optimiser == "adam":
        return torch.optim.Adam(parameters, rate, fused=True)
    if schedule.optimiser == "sgd":
        return torch.optim.SGD(parameters, rate, schedule.momentum, fused=True)
    return torch.optim.RMSprop(parameters, rate)


def check(features: Features, name: str, batch: int) -> None:
    """Raise `TrainingError` where the training part cannot be learnt from."""
    rows = features.rows("train")
    inside = features.inside(rows[:, 0])
    if inside.min() == inside.max():
        side = "inside" if inside.min() else "outside"
        raise TrainingError(
            f"{name}: all {len(rows)} training faces are {side}; both sides of the boundary are"
            " needed (more faces, or another split or seed)"
        )
    if batch > len(rows):
        raise TrainingError(
            f"{name}: a batch of {batch}, but {len(rows)} training faces; lower"
            " classify.tune.batch and classify.fine_tune.batch"
        )


def tune(
    head: Head,
    features: Features,
    randomness: Sequence[Randomness],
    schedule: Schedule,
    names: Sequence[str],
) -> NDArray[np.float64]:
    """Train every repeat of `head` in place; the training loss (epochs, repeats)."""
    device = head.shift.device
    rows, pooled = features.rows("train"), torch.from_numpy(features.pooled).to(device)
    draws = [repeat.draws for repeat in randomness]

    def loss_of(batch: NDArray[np.int64]) -> Tensor:
        inside = torch.from_numpy(features.inside(batch)).to(device)
        chosen = pooled[torch.from_numpy(batch).to(device)]
        return losses(head(chosen, head.masks(draws, batch.shape[1])), inside)

    return _epochs(rows, loss_of, head.parameters(), randomness, schedule, names)


def fine_tune(
    net: Network,
    head: Head,
    features: Features,
    randomness: Randomness,
    schedule: Schedule,
    name: str,
) -> tuple[nn.Module, NDArray[np.float64]]:
    """Train a copy of the tail, and one repeat's `head` in place; the tail, the losses (epochs, 1).

    The trunk is not run: its activations are read, a batch at a time.
    """
    device = head.shift.device
    tail = deepcopy(net.tail)
    unfrozen = [parameter.requires_grad_() for parameter in trainable(tail).values()]

    def loss_of(batch: NDArray[np.int64]) -> Tensor:
        inside = torch.from_numpy(features.inside(batch)).to(device)
        pooled = tail(*net.unpacked(_boundary(features, batch[0], device)))
        return losses(head(pooled, head.masks([randomness.draws], batch.shape[1])), inside)

    parameters = [*unfrozen, *head.parameters()]
    found = _epochs(features.rows("train"), loss_of, parameters, [randomness], schedule, [name])
    return tail, found


def _epochs(
    rows: NDArray[np.int64],
    loss_of: Callable[[NDArray[np.int64]], Tensor],
    parameters: Sequence[Tensor],
    randomness: Sequence[Randomness],
    schedule: Schedule,
    names: Sequence[str],
) -> NDArray[np.float64]:
    """Step down the sum of the repeats' losses, whose gradients do not mix."""
    for parameter in parameters:
        parameter.requires_grad_()
    optimiser = optimiser_of(parameters, schedule)
    found = np.zeros((schedule.epochs, len(randomness)))
    for epoch in range(schedule.epochs):
        order = np.stack([_shuffled(rows, repeat.order) for repeat in randomness])
        for start in range(0, order.shape[1], schedule.batch):
            batch = order[:, start : start + schedule.batch]
            optimiser.zero_grad()
            loss = loss_of(batch)
            loss.sum().backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            found[epoch] += loss.detach().cpu().numpy() * batch.shape[1] / order.shape[1]
        if not np.isfinite(found[epoch]).all():
            lost = names[int(np.argmin(np.isfinite(found[epoch])))]
            raise TrainingError(
                f"{lost}: the loss is {found[epoch].min()} in epoch {epoch + 1}; lower the rate of"
                f" {schedule.optimiser}"
            )
    for parameter in parameters:
        parameter.requires_grad_(False)
    return found


def _shuffled(rows: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Each face once, in a random order, in a random one of its views: (faces,)."""
    views = rng.integers(0, rows.shape[1], len(rows))
    return rng.permutation(rows[np.arange(len(rows)), views])


def _boundary(features: Features, rows: NDArray[np.int64], device: torch.device) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(features.boundary[rows])).to(device).float()


@torch.no_grad()
def tuned_logits(head: Head, features: Features, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """What each repeat of the tuned head says of `rows`: (repeats, n)."""
    logits: NDArray[np.float32] = (
        head(torch.from_numpy(features.pooled[rows]).to(head.shift.device)).cpu().numpy()
    )
    return logits


@torch.no_grad()
def fine_tuned_logits(
    net: Network, tail: nn.Module, head: Head, features: Features, rows: NDArray[np.int64]
) -> NDArray[np.float32]:
    """What one repeat's tail and head say of `rows`: (n,)."""
    device = head.shift.device
    parts = [
        head(tail(*net.unpacked(_boundary(features, rows[i : i + EVALUATED], device))))[0]
        for i in range(0, len(rows), EVALUATED)
    ]
    logits: NDArray[np.float32] = torch.cat(parts).cpu().numpy()
    return logits


def epochs_to_convergence(losses: NDArray[np.float64], tolerance: float) -> int:
    """The first epoch from which the loss (epochs,) stays within `tolerance` of its lowest."""
    above = np.flatnonzero(losses > losses.min() * (1 + tolerance))
    return int(above[-1]) + 2 if len(above) else 1
