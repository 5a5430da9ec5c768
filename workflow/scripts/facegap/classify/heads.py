"""The paper's multi-layer perceptron, for any number of repeats in one tensor program.

All parameters have the repeats as their first dimension, and a batched product trains them side
by side, each with its own initialisation, order and dropout: the same numbers as one after
another, in fewer and larger steps. Paper 2.1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from facegap.settings.classify import Head as HeadSettings


@dataclass(frozen=True)
class Head:
    """One perceptron a repeat, its output a logit; `shift` and `scale` are fixed."""

    weights: list[Tensor]  # (repeats, inputs, outputs)
    biases: list[Tensor]  # (repeats, 1, outputs)
    shift: Tensor  # (features,), or (repeats, 1, features): of each repeat its own
    scale: Tensor
    activations: str  # relu, or relu-then-sigmoid
    dropout: float

    def __call__(self, features: Tensor, masks: Sequence[Tensor] | None = None) -> Tensor:
        """Logits (repeats, n) of `features` (n, width) or (repeats, n, width).

        `masks` are those of dropout, one a hidden layer; None for evaluation.
        """
        state = (features - self.shift) / self.scale
        state = state.expand(len(self.weights[0]), *state.shape[-2:])
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            state = torch.baddbmm(bias, state, weight)
            if i < len(self.weights) - 1:
                smooth = i > 0 and self.activations == "relu-then-sigmoid"
                state = torch.sigmoid(state) if smooth else torch.relu(state)
                if masks is not None:
                    state = state * masks[i]
        return state[..., 0]

    def masks(self, rngs: Sequence[torch.Generator], faces: int) -> list[Tensor]:
        """Dropout's masks of one step, each repeat from its own generator (of the CPU)."""
        widths = [weight.shape[2] for weight in self.weights[:-1]]
        drawn = torch.stack([torch.rand(faces, sum(widths), generator=rng) for rng in rngs])
        alive = (drawn >= self.dropout).float() / (1 - self.dropout)
        return list(torch.split(alive.to(self.shift.device), widths, 2))

    def parameters(self) -> list[Tensor]:
        """What is trained."""
        return [*self.weights, *self.biases]

    def of_repeat(self, repeat: int) -> "Head":
        """A copy of one repeat's perceptron, ready to be trained on."""

        def copied(tensors: Sequence[Tensor]) -> list[Tensor]:
            return [tensor[repeat : repeat + 1].detach().clone() for tensor in tensors]

        fixed = (self.shift, self.scale)
        if self.shift.dim() == 3:
            fixed = (self.shift[repeat : repeat + 1], self.scale[repeat : repeat + 1])
        return Head(
            copied(self.weights), copied(self.biases), *fixed, self.activations, self.dropout
        )


def new_head(
    features: Tensor,
    rngs: Sequence[torch.Generator],
    settings: HeadSettings,
    standardise: bool,
) -> Head:
    """New perceptrons, one for each of `rngs`, for the training part's `features` (n, width).

    Glorot's uniform initialisation, zero biases. With
    `standardise` each feature is brought to mean 0 and variance 1 on `features`, once for all.
    """
    shift, scale = torch.zeros_like(features[0]), torch.ones_like(features[0])
    if standardise:
        shift, scale = standards(features)
    sizes = list(pairwise([features.shape[1], *settings.hidden, 1]))
    weights = [
        torch.stack([_glorot(size, rng) for rng in rngs]).to(features.device) for size in sizes
    ]
    biases = [weight.new_zeros(len(rngs), 1, weight.shape[2]) for weight in weights]
    return Head(weights, biases, shift, scale, settings.activations, settings.dropout)


def standards(features: Tensor) -> tuple[Tensor, Tensor]:
    """The mean of each of `features` (n, width), and its spread, or 1 where it never changes."""
    spread = features.std(0, correction=0)
    varies = spread > 1e-6 * spread.max()  # a feature that never changes says nothing
    return features.mean(0), torch.where(varies, spread, torch.ones_like(spread))


def _glorot(size: tuple[int, int], rng: torch.Generator) -> Tensor:
    return nn.init.xavier_uniform_(torch.empty(size), generator=rng)


def losses(logits: Tensor, inside: Tensor) -> Tensor:
    """Mean binary cross-entropy of each repeat (repeats,), of logits and labels (repeats, n)."""
    inside = inside.expand_as(logits)
    entropy = functional.binary_cross_entropy_with_logits(logits, inside, reduction="none")
    return entropy.mean(1)
