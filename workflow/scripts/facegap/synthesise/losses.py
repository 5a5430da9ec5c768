"""StarGAN's losses (Choi et al. 2018, equations 1 to 7; solver.py of yunjey/stargan).

The adversarial loss of WGAN-GP (Gulrajani et al. 2017), the attributes' binary cross-entropy summed
over attributes and averaged over faces, and the cycle's mean absolute difference.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812, torch's own name
from torch import Tensor

from facegap.settings.synthesise import LossWeights
from facegap.synthesise.networks import Discriminator, Generator

Terms = dict[str, Tensor]  # scalars by name
DISCRIMINATOR_TERMS = (
    "discriminator_real",
    "discriminator_fake",
    "discriminator_classification",
    "discriminator_penalty",
)
GENERATOR_TERMS = ("generator_fake", "generator_classification", "generator_reconstruction")


@dataclass(frozen=True)
class Batch:
    """What one step gets: faces (n, 3, s, s) in -1..1, labels (n, a) 0 or 1."""

    faces: Tensor
    labels: Tensor
    wanted: Tensor  # the labels to translate to
    mix: Tensor  # (n, 1, 1, 1), 0 to 1: share of the real face where the penalty is measured


def discriminator_terms(discriminator: Discriminator, batch: Batch, fakes: Tensor) -> Terms:
    """The discriminator's losses on a batch and its translations `fakes`, which get no gradient."""
    fakes = fakes.detach()
    count = len(fakes)
    realness, logits = discriminator(torch.cat([batch.faces, fakes]))
    between = batch.mix * batch.faces + (1 - batch.mix) * fakes
    steepness = discriminator.slope(between).flatten(1).norm(dim=1)
    return {
        "discriminator_real": -realness[:count].mean(),
        "discriminator_fake": realness[count:].mean(),
        "discriminator_classification": _classification(logits[:count], batch.labels),
        "discriminator_penalty": ((steepness - 1) ** 2).mean(),
    }


def generator_terms(
    generator: Generator, discriminator: Discriminator, batch: Batch, fakes: Tensor
) -> Terms:
    """The generator's losses; `fakes` are its translations of the batch, with their gradient."""
    realness, logits = discriminator(fakes)
    back = generator(fakes, batch.labels)
    return {
        "generator_fake": -realness.mean(),
        "generator_classification": _classification(logits, batch.wanted),
        "generator_reconstruction": (batch.faces - back).abs().mean(),
    }


def discriminator_loss(terms: Terms, weights: LossWeights) -> Tensor:
    """What the discriminator minimises."""
    return (
        terms["discriminator_real"]
        + terms["discriminator_fake"]
        + weights.classification * terms["discriminator_classification"]
        + weights.penalty * terms["discriminator_penalty"]
    )


def generator_loss(terms: Terms, weights: LossWeights) -> Tensor:
    """What the generator minimises."""
    return (
        terms["generator_fake"]
        + weights.classification * terms["generator_classification"]
        + weights.reconstruction * terms["generator_reconstruction"]
    )


def _classification(logits: Tensor, labels: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, labels, reduction="sum") / len(labels)
