"""Tuning the heads on pooled features, and fine-tuning tail and head from the boundary.

Both see each training face once an epoch, in an order of the repeat's own, in one of its cached
views. Nothing here knows of cells or files.
"""

from collections.abc import Callable, Mapping, Sequence
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
Seen = Callable[[NDArray[np.int64], int], Tensor]  # boundary (n, width) of rows (n,) in an epoch


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


class DivergedError(TrainingError):
    """A loss is not finite; the parameters are those of the last epoch in which all were."""

    def __init__(self, message: str, which: int) -> None:
        """What happened, and the number of the repeat that it happened to."""
        super().__init__(message)
        self.which = which


def optimiser_of(parameters: Sequence[Tensor], schedule: Schedule) -> torch.optim.Optimizer:
    """The optimiser of `schedule`; each works element by element, so repeats stay apart."""
    rate = schedule.rate
    if schedule.optimiser == "adam":
        return torch.optim.Adam(parameters, rate, fused=True)
    if schedule.optimiser == "sgd":
        return torch.optim.SGD(parameters, rate, schedule.momentum, fused=True)
    return torch.optim.RMSprop(parameters, rate)


class _Optimisers:
    """One optimiser a schedule, each of its own equal share of the parameters' first dimension."""

    def __init__(self, parameters: Sequence[Tensor], schedules: Sequence[Schedule]) -> None:
        self._parameters = parameters
        self._shares = [
            [part.detach().chunk(len(schedules))[k] for part in parameters]
            if len(schedules) > 1
            else list(parameters)
            for k in range(len(schedules))
        ]
        self._each = [
            optimiser_of(share, schedule)
            for share, schedule in zip(self._shares, schedules, strict=True)
        ]

    def step(self, loss: Tensor) -> None:
        """One step of each down `loss`; the shares are views, so nothing is copied."""
        for parameter in self._parameters:
            parameter.grad = None
        loss.backward()  # type: ignore[no-untyped-call]
        for k, (share, optimiser) in enumerate(zip(self._shares, self._each, strict=True)):
            for part, parameter in zip(share, self._parameters, strict=True):
                if part is not parameter and parameter.grad is not None:
                    part.grad = parameter.grad.chunk(len(self._shares))[k]
            optimiser.step()


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
    schedules: Sequence[Schedule],
    names: Sequence[str],
) -> NDArray[np.float64]:
    """Train every perceptron of `head` in place, all side by side; the loss (epochs, repeats).

    The repeats of the first of `schedules` come first. They differ in optimiser and rate alone.
    """
    device = head.shift.device
    rows, pooled = features.rows("train"), torch.from_numpy(features.pooled).to(device)
    draws = [repeat.draws for repeat in randomness]

    def loss_of(batch: NDArray[np.int64], epoch: int) -> Tensor:
        inside = torch.from_numpy(features.inside(batch)).to(device)
        chosen = pooled[torch.from_numpy(batch).to(device)]
        return losses(head(chosen, head.masks(draws, batch.shape[1])), inside)

    return _epochs(rows, loss_of, head.parameters(), randomness, schedules, names)


def fine_tune(
    net: Network,
    tail: nn.Module,
    head: Head,
    features: Features,
    randomness: Randomness,
    schedule: Schedule,
    name: str,
    fresh: Seen | None = None,
) -> NDArray[np.float64]:
    """Train a copy of the net's `tail`, and one repeat's `head`, in place; the loss (epochs, 1).

    The trunk is not run: its activations are read, a batch at a time. With `fresh` they are what
    it says of rows in an epoch: views that no other epoch sees.
    """
    device = head.shift.device
    unfrozen = [parameter.requires_grad_() for parameter in trainable(tail).values()]

    def loss_of(batch: NDArray[np.int64], epoch: int) -> Tensor:
        inside = torch.from_numpy(features.inside(batch)).to(device)
        seen = fresh(batch[0], epoch) if fresh else _boundary(features, batch[0], device)
        masks = head.masks([randomness.draws], batch.shape[1])
        return losses(head(net.pooled(seen, tail), masks), inside)

    parameters = [*unfrozen, *head.parameters()]
    return _epochs(features.rows("train"), loss_of, parameters, [randomness], [schedule], [name])


def _epochs(
    rows: NDArray[np.int64],
    loss_of: Callable[[NDArray[np.int64], int], Tensor],
    parameters: Sequence[Tensor],
    randomness: Sequence[Randomness],
    schedules: Sequence[Schedule],
    names: Sequence[str],
) -> NDArray[np.float64]:
    """Step down the sum of the repeats' losses, whose gradients do not mix."""
    optimisers = _Optimisers(parameters, schedules)
    for parameter in parameters:
        parameter.requires_grad_()
    plan = schedules[0]
    found = np.zeros((plan.epochs, len(randomness)))
    for epoch in range(plan.epochs):
        good = [parameter.detach().clone() for parameter in parameters]
        order = np.stack([_shuffled(rows, repeat.order) for repeat in randomness])
        for start in range(0, order.shape[1], plan.batch):
            batch = order[:, start : start + plan.batch]
            loss = loss_of(batch, epoch)
            optimisers.step(loss.sum())
            found[epoch] += loss.detach().cpu().numpy() * batch.shape[1] / order.shape[1]
        if not np.isfinite(found[epoch]).all():
            _restore(parameters, good)
            lost = int(np.argmin(np.isfinite(found[epoch])))
            optimiser = schedules[lost * len(schedules) // len(names)].optimiser
            raise DivergedError(
                f"{names[lost]}: the loss is {found[epoch, lost]} in epoch {epoch + 1}; lower the"
                f" rate of {optimiser}",
                lost,
            )
    for parameter in parameters:
        parameter.requires_grad_(False)
    return found


@torch.no_grad()
def _restore(parameters: Sequence[Tensor], good: Sequence[Tensor]) -> None:
    for parameter, kept in zip(parameters, good, strict=True):
        parameter.requires_grad_(False).copy_(kept)


def _shuffled(rows: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Each face once, in a random order, in a random one of its views: (faces,)."""
    views = rng.integers(0, rows.shape[1], len(rows))
    return rng.permutation(rows[np.arange(len(rows)), views])


def _boundary(features: Features, rows: NDArray[np.int64], device: torch.device) -> Tensor:
    return torch.from_numpy(features.boundary[rows]).to(device).float()


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
        head(net.pooled(_boundary(features, rows[i : i + EVALUATED], device), tail))[0]
        for i in range(0, len(rows), EVALUATED)
    ]
    logits: NDArray[np.float32] = torch.cat(parts).cpu().numpy()
    return logits


def epochs_to_convergence(losses: NDArray[np.float64], tolerance: float) -> int:
    """The first epoch from which the loss (epochs,) stays within `tolerance` of its lowest."""
    above = np.flatnonzero(losses > losses.min() * (1 + tolerance))
    return int(above[-1]) + 2 if len(above) else 1
