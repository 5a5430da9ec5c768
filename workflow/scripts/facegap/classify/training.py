"""Training the heads on pooled features, and fine-tuning tail and head from the boundary.

Both see each training face once an epoch, in an order of the repeat's own, in one of its cached
copies. A training that is to be resumed saves its state when it is done, and when its process is
warned of the end, after the epoch that it is in. Nothing here knows of configurations.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from facegap.classify.backbones import Network
from facegap.classify.cutting import trainable
from facegap.classify.features import Cached
from facegap.classify.heads import Head, losses
from facegap.errors import TrainingError
from facegap.network import one_thread
from facegap.progress import Pace
from facegap.resume import Resume, Warnings
from facegap.settings.classify import FineTuning, HeadTraining, Training

log = logging.getLogger(__name__)
EVALUATED = 256  # faces at once
SIDE = 2  # epochs on either side of the one whose loss is smoothed
LATEST = 5  # epochs in which a loss that has converged hardly falls
KERAS_EPSILON = 1e-7  # in Keras outside of the root, as in torch; TensorFlow 1 had RMSprop's inside
ROUNDING = 1e-9  # of a loss, as a share
Fresh = Callable[[NDArray[np.int64], int], Tensor]  # boundary (n, width) of rows (n,) in an epoch


@dataclass(frozen=True)
class Schedule:
    """How one part of a training goes."""

    epochs: int
    batch: int
    optimiser: str
    rate: float
    momentum: float  # of SGD
    library: str = "torch"  # whose further numbers Adam and RMSprop have

    @classmethod
    def of(cls, part: HeadTraining | FineTuning, optimiser: str, settings: Training) -> "Schedule":
        """As the settings say, with the rate of one optimiser."""
        rate = float(getattr(part.rates, optimiser))
        more = settings.momentum, settings.optimisers
        return cls(part.epochs, part.batch, optimiser, rate, *more)


@dataclass(frozen=True)
class Randomness:
    """The order of one repeat's faces, and the masks of dropout in its training."""

    order: np.random.Generator
    masks: torch.Generator


@dataclass(frozen=True)
class Saving:
    """Where a training's state is saved, and whether its process was warned of the end."""

    resume: Resume
    warnings: Warnings
    short: float = 0.0  # seconds; a training that took less is done again rather than saved


class DivergedError(TrainingError):
    """A loss is not finite; the parameters are those of the last epoch in which all were."""

    def __init__(self, message: str, which: int) -> None:
        """What happened, and the number of the repeat that it happened to."""
        super().__init__(message)
        self.which = which


def optimiser_of(parameters: Sequence[Tensor], schedule: Schedule) -> torch.optim.Optimizer:
    """The optimiser of `schedule`; each works element by element, so repeats stay apart."""
    rate, keras = schedule.rate, schedule.library == "keras"
    if schedule.optimiser == "adam":
        return (_KerasAdam if keras else torch.optim.Adam)(parameters, rate, fused=True)
    if schedule.optimiser == "sgd":
        return torch.optim.SGD(parameters, rate, schedule.momentum, fused=True)
    if keras:
        return torch.optim.RMSprop(parameters, rate, alpha=0.9, eps=KERAS_EPSILON)
    return torch.optim.RMSprop(parameters, rate)


class _KerasAdam(torch.optim.Adam):
    """Adam as Keras 2 has it: m / (√v + ε) and not m / (√v̂ + ε), v̂ the unbiased v.

    Kingma and Ba (2015, end of section 2) give both. v̂ is v / (1 - β₂ᵗ), so in step t Keras' ε is
    torch's with ε / √(1 - β₂ᵗ).
    """

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """One step, with the epsilon that it has in that step."""
        for group in self.param_groups:
            states = (self.state[part] for part in group["params"] if part.grad is not None)
            taken = next((int(state["step"]) for state in states if state), 0)
            group["eps"] = KERAS_EPSILON / (1 - group["betas"][1] ** (taken + 1)) ** 0.5
        return super().step(closure)


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

    def state(self) -> list[dict[str, Any]]:
        """What the steps to come depend on."""
        return [optimiser.state_dict() for optimiser in self._each]

    def restore(self, state: Sequence[dict[str, Any]]) -> None:
        """Put each where `state` left it."""
        for optimiser, its in zip(self._each, state, strict=True):
            optimiser.load_state_dict(its)


def check_training(features: Cached, name: str, batch: int) -> None:
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
            " classify.training.head_training.batch and fine_tuning.batch"
        )


def train_heads(
    head: Head,
    features: Cached,
    randomness: Sequence[Randomness],
    schedules: Sequence[Schedule],
    names: Sequence[str],
    saving: Saving | None = None,
    rows: NDArray[np.int64] | None = None,
) -> NDArray[np.float64]:
    """Train every perceptron of `head` in place, all side by side; the loss (epochs, repeats).

    The repeats of the first of `schedules` come first. They differ in optimiser and rate alone.
    All train on the training part, or each on its own of `rows` (repeats, faces, copies). A state
    that `saving` has is taken up. In one thread: the heads are small.
    """
    device = head.shift.device
    rows = features.rows("train") if rows is None else rows
    pooled = torch.from_numpy(features.pooled).to(device)
    generators = [repeat.masks for repeat in randomness]

    def loss_of(batch: NDArray[np.int64], epoch: int) -> Tensor:
        inside = torch.from_numpy(features.inside(batch)).to(device)
        chosen = pooled[torch.from_numpy(batch).to(device)]
        return losses(head(chosen, head.masks(generators, batch.shape[1])), inside)

    with one_thread():
        return _epochs(rows, loss_of, head.parameters(), randomness, schedules, names, saving)


def fine_tune(
    net: Network,
    tail: nn.Module,
    head: Head,
    features: Cached,
    randomness: Randomness,
    schedule: Schedule,
    name: str,
    fresh: Fresh | None = None,
    saving: Saving | None = None,
) -> NDArray[np.float64]:
    """Train a copy of the net's `tail`, and one repeat's `head`, in place; the loss (epochs, 1).

    The trunk is not run: its activations are read, a batch at a time. With `fresh` they are those
    of copies that no other epoch sees. A state that `saving` has is taken up.
    """
    device = head.shift.device
    unfrozen = [parameter.requires_grad_() for parameter in trainable(tail).values()]

    def loss_of(batch: NDArray[np.int64], epoch: int) -> Tensor:
        inside = torch.from_numpy(features.inside(batch)).to(device)
        own = fresh(batch[0], epoch) if fresh else _boundary(features, batch[0], device)
        masks = head.masks([randomness.masks], batch.shape[1])
        return losses(head(net.pooled(own, tail), masks), inside)

    rows, parameters = features.rows("train"), [*unfrozen, *head.parameters()]
    return _epochs(rows, loss_of, parameters, [randomness], [schedule], [name], saving)


def _epochs(
    rows: NDArray[np.int64],
    loss_of: Callable[[NDArray[np.int64], int], Tensor],
    parameters: Sequence[Tensor],
    randomness: Sequence[Randomness],
    schedules: Sequence[Schedule],
    names: Sequence[str],
    saving: Saving | None,
) -> NDArray[np.float64]:
    """Step down the sum of the repeats' losses, whose gradients do not mix.

    `rows` (faces, copies) are those of all repeats, or (repeats, faces, copies) those of each.
    """
    each = np.broadcast_to(rows, (len(randomness), *rows.shape[-2:]))
    optimisers = _Optimisers(parameters, schedules)
    plan = schedules[0]
    found = np.zeros((plan.epochs, len(randomness)))
    first = 0
    if saving and (state := saving.resume.load()):
        with saving.resume.taken_up():
            first = _take_up(state, parameters, optimisers, randomness, found)
        log.info("%s: resumed after epoch %d of %d", ", ".join(names), first, plan.epochs)
    for parameter in parameters:
        parameter.requires_grad_()
    steps = len(range(0, each.shape[1], plan.batch))
    orders = [repeat.order for repeat in randomness]
    pace, began = Pace(plan.epochs * steps, first * steps), time.monotonic()
    for epoch in range(first, plan.epochs):
        good = [parameter.detach().clone() for parameter in parameters]
        order = np.stack([_shuffled(*one) for one in zip(each, orders, strict=True)])
        for start in range(0, order.shape[1], plan.batch):
            batch = order[:, start : start + plan.batch]
            loss = loss_of(batch, epoch)
            optimisers.step(loss.sum())
            found[epoch] += loss.detach().cpu().numpy() * batch.shape[1] / order.shape[1]
            if pace.due():
                step = epoch * steps + start // plan.batch + 1
                log.info("%s: step %d: %s", names[0], step, pace.words(step))
        if not np.isfinite(found[epoch]).all():
            _restore(parameters, good)
            lost = int(np.argmin(np.isfinite(found[epoch])))
            optimiser = schedules[lost * len(schedules) // len(names)].optimiser
            raise DivergedError(
                f"{names[lost]}: the loss is {found[epoch, lost]} in epoch {epoch + 1}; lower the"
                f" rate of {optimiser}",
                lost,
            )
        done = epoch + 1 == plan.epochs
        long = saving and time.monotonic() - began >= saving.short
        if saving and ((done and long) or saving.warnings.came()):
            going_on = [] if done else optimisers.state()
            saving.resume.save(_state(epoch + 1, parameters, going_on, randomness, found))
            saving.warnings.saved()
    for parameter in parameters:
        parameter.requires_grad_(False)
        parameter.grad = None  # as large as the weights, and never read again
    return found


def _state(
    epochs: int,
    parameters: Sequence[Tensor],
    optimisers: Sequence[dict[str, Any]],
    randomness: Sequence[Randomness],
    found: NDArray[np.float64],
) -> dict[str, Any]:
    """All that the epochs after the first `epochs` depend on, and the losses so far."""
    return {
        "epochs": epochs,
        "parameters": [parameter.detach() for parameter in parameters],
        "optimisers": optimisers,
        "orders": [repeat.order.bit_generator.state for repeat in randomness],
        "masks": [repeat.masks.get_state() for repeat in randomness],
        "losses": torch.from_numpy(found),
    }


def _take_up(
    state: Mapping[str, Any],
    parameters: Sequence[Tensor],
    optimisers: _Optimisers,
    randomness: Sequence[Randomness],
    found: NDArray[np.float64],
) -> int:
    """Put a training where `_state` left it; the number of epochs that are done."""
    _restore(parameters, state["parameters"])
    if state["optimisers"]:  # large, and of no use once all epochs are done
        optimisers.restore(state["optimisers"])
    for repeat, order, masks in zip(randomness, state["orders"], state["masks"], strict=True):
        repeat.order.bit_generator.state = order
        repeat.masks.set_state(masks)
    found[:] = state["losses"].numpy()
    return int(state["epochs"])


@torch.no_grad()
def _restore(parameters: Sequence[Tensor], good: Sequence[Tensor]) -> None:
    for parameter, before in zip(parameters, good, strict=True):
        parameter.requires_grad_(False).copy_(before)


def _shuffled(rows: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Each face once, in a random order, in a random one of its copies: (faces,)."""
    copies = rng.integers(0, rows.shape[1], len(rows))
    return rng.permutation(rows[np.arange(len(rows)), copies])


def _boundary(features: Cached, rows: NDArray[np.int64], device: torch.device) -> Tensor:
    return torch.from_numpy(features.boundary[rows]).to(device).float()


@torch.no_grad()
def head_logits(head: Head, features: Cached, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """The logits of `rows` of each repeat of the trained head: (repeats, n)."""
    pooled = torch.from_numpy(features.pooled[rows]).to(head.shift.device)
    with one_thread():
        logits: NDArray[np.float32] = head(pooled).cpu().numpy()
    return logits


@torch.no_grad()
def fine_tuned_logits(
    net: Network, tail: nn.Module, head: Head, features: Cached, rows: NDArray[np.int64]
) -> NDArray[np.float32]:
    """The logits of `rows` of one repeat's tail and head: (n,)."""
    device = head.shift.device
    parts = [
        head(net.pooled(_boundary(features, rows[i : i + EVALUATED], device), tail))[0]
        for i in range(0, len(rows), EVALUATED)
    ]
    logits: NDArray[np.float32] = torch.cat(parts).cpu().numpy()
    return logits


def epochs_to_convergence(losses: NDArray[np.float64], tolerance: float) -> int | None:
    """The first epoch by which the smoothed loss (epochs,) has come nearly all of its way down.

    The way is from the first value to the lowest; nearly all but a share of `tolerance` of it.
    Smoothed is a centred mean of five epochs, of fewer and as many on either side at the ends, so
    that a line stays a line. None where the loss still falls by more than that share within the
    last five epochs: it has not converged. A loss that never falls has no way to go: 1.
    """
    smooth = _smoothed(losses)
    way = smooth[0] - smooth.min()
    if way <= ROUNDING * np.abs(losses).max():
        return 1
    near = (tolerance + ROUNDING) * way
    if smooth[-1 - min(LATEST, len(smooth) - 1)] - smooth[-1] > near:
        return None
    return int(np.argmax(smooth <= smooth.min() + near)) + 1


def _smoothed(losses: NDArray[np.float64]) -> NDArray[np.float64]:
    epochs = len(losses)
    sides = [min(SIDE, k, epochs - 1 - k) for k in range(epochs)]
    means = [losses[k - side : k + side + 1].mean() for k, side in enumerate(sides)]
    return np.array(means)
