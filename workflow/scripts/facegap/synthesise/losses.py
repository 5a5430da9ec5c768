"""StarGAN's losses (Choi et al. 2018, equations 1 to 7; solver.py of yunjey/stargan).

WGAN-GP's critic (Gulrajani et al. 2017), the attributes' binary cross-entropy summed over
attributes and averaged over faces, and the cycle's mean absolute difference.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812, torch's own custom
from torch import Tensor

from facegap.synthesise.networks import Critic, Generator

Terms = dict[str, Tensor]  # scalars by name
CRITIC_TERMS = ("critic_real", "critic_fake", "critic_classification", "critic_penalty")
GENERATOR_TERMS = ("generator_fake", "generator_classification", "generator_reconstruction")


@dataclass(frozen=True)
class Weights:
    """How much each loss counts beside the adversarial one; 10, 10 and 1 in the paper."""

    penalty: float
    reconstruction: float
    classification: float


@dataclass(frozen=True)
class Batch:
    """What one step sees: faces (n, 3, s, s) in -1..1, labels (n, a) 0 or 1."""

    faces: Tensor
    labels: Tensor
    wanted: Tensor  # the labels to translate to
    mix: Tensor  # (n, 1, 1, 1), 0 to 1: share of the real face where the penalty is measured


def critic_terms(critic: Critic, batch: Batch, fakes: Tensor) -> Terms:
    """The critic's losses on a batch and its translations `fakes`, which get no gradient."""
    fakes = fakes.detach()
    count = len(fakes)
    realness, logits = critic(torch.cat([batch.faces, fakes]))
    between = batch.mix * batch.faces + (1 - batch.mix) * fakes
    steepness = critic.slope(between).flatten(1).norm(dim=1)
    return {
        "critic_real": -realness[:count].mean(),
        "critic_fake": realness[count:].mean(),
        "critic_classification": _classification(logits[:count], batch.labels),
        "critic_penalty": ((steepness - 1) ** 2).mean(),
    }


def generator_terms(generator: Generator, critic: Critic, batch: Batch, fakes: Tensor) -> Terms:
    """The generator's losses; `fakes` are its translations of the batch, with their gradient."""
    realness, logits = critic(fakes)
    back = generator(fakes, batch.labels)
    return {
        "generator_fake": -realness.mean(),
        "generator_classification": _classification(logits, batch.wanted),
        "generator_reconstruction": (batch.faces - back).abs().mean(),
    }


def critic_loss(terms: Terms, weights: Weights) -> Tensor:
    """What the critic minimises."""
    return (
        terms["critic_real"]
        + terms["critic_fake"]
        + weights.classification * terms["critic_classification"]
        + weights.penalty * terms["critic_penalty"]
    )


def generator_loss(terms: Terms, weights: Weights) -> Tensor:
    """What the generator minimises."""
    return (
        terms["generator_fake"]
        + weights.classification * terms["generator_classification"]
        + weights.reconstruction * terms["generator_reconstruction"]
    )


def _classification(logits: Tensor, labels: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, labels, reduction="sum") / len(labels)
