"""Losses and gradients equal those of a straight implementation, term by term."""

import copy

import pytest
import torch
from torch import Tensor, nn

from facegap.settings.synthesise import LossWeights
from facegap.synthesise.losses import (
    Batch,
    discriminator_loss,
    discriminator_terms,
    generator_loss,
    generator_terms,
)
from facegap.synthesise.networks import Discriminator, Generator

WEIGHTS = LossWeights(penalty=10, reconstruction=10, classification=1)


def straight_discriminator_loss(
    discriminator: nn.Module, batch: Batch, fakes: Tensor
) -> dict[str, Tensor]:
    """Three passes of the discriminator, and the penalty by differentiating twice."""
    realness, logits = discriminator(batch.faces)
    probability = torch.sigmoid(logits)
    entropy = -(
        batch.labels * probability.log() + (1 - batch.labels) * (1 - probability).log()
    ).sum()
    mixed = (batch.mix * batch.faces + (1 - batch.mix) * fakes.detach()).requires_grad_()
    between, _ = discriminator(mixed)
    (slope,) = torch.autograd.grad(between, mixed, torch.ones_like(between), create_graph=True)
    length = slope.view(len(slope), -1).pow(2).sum(1).sqrt()
    return {
        "discriminator_real": -realness.mean(),
        "discriminator_fake": discriminator(fakes.detach())[0].mean(),
        "discriminator_classification": entropy / len(logits),
        "discriminator_penalty": (length - 1).pow(2).mean(),
    }


def straight_generator_loss(
    generator: nn.Module, discriminator: nn.Module, batch: Batch
) -> dict[str, Tensor]:
    fakes = generator(batch.faces, batch.wanted)
    realness, logits = discriminator(fakes)
    probability = torch.sigmoid(logits)
    entropy = -(
        batch.wanted * probability.log() + (1 - batch.wanted) * (1 - probability).log()
    ).sum()
    back = generator(fakes, batch.labels)
    return {
        "generator_fake": -realness.mean(),
        "generator_classification": entropy / len(logits),
        "generator_reconstruction": torch.mean(torch.abs(batch.faces - back)),
    }


def nets_and_batch(seed: int) -> tuple[Generator, Discriminator, Batch]:
    torch.manual_seed(seed)
    labels = torch.randint(0, 2, (6, 3)).float()
    faces = torch.rand(6, 3, 32, 32) * 2 - 1
    batch = Batch(faces, labels, labels[torch.randperm(6)], torch.rand(6, 1, 1, 1))
    return Generator(3, 8, 1), Discriminator(3, 32, 8, 3), batch


def gradients(network: nn.Module) -> list[Tensor]:
    return [p.grad if p.grad is not None else torch.zeros_like(p) for p in network.parameters()]


def assert_alike(ours: list[Tensor], theirs: list[Tensor]) -> None:
    """Equal to 1e-4 of the largest element of each tensor."""
    for one, other in zip(ours, theirs, strict=True):
        assert (one - other).abs().max() <= 1e-4 * other.abs().max() + 1e-9


@pytest.mark.parametrize("seed", range(3))
def test_the_discriminators_losses_and_gradients_are_the_straight_ones(seed: int) -> None:
    generator, discriminator, batch = nets_and_batch(seed)
    twin = copy.deepcopy(discriminator)
    fakes = generator(batch.faces, batch.wanted)
    ours = discriminator_terms(discriminator, batch, fakes)
    theirs = straight_discriminator_loss(twin, batch, fakes)
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        torch.testing.assert_close(value, theirs[name], rtol=1e-4, atol=1e-6)
    discriminator_loss(ours, WEIGHTS).backward()
    total = (
        theirs["discriminator_real"]
        + theirs["discriminator_fake"]
        + theirs["discriminator_classification"]
    )
    (total + 10 * theirs["discriminator_penalty"]).backward()
    assert_alike(gradients(discriminator), gradients(twin))
    assert all(p.grad is None for p in generator.parameters()), (
        "the discriminator's step moves it alone"
    )


@pytest.mark.parametrize("seed", range(3))
def test_the_generators_losses_and_gradients_are_the_straight_ones(seed: int) -> None:
    generator, discriminator, batch = nets_and_batch(seed)
    twin = copy.deepcopy(generator)
    ours = generator_terms(generator, discriminator, batch, generator(batch.faces, batch.wanted))
    theirs = straight_generator_loss(twin, discriminator, batch)
    for name, value in ours.items():
        torch.testing.assert_close(value, theirs[name], rtol=1e-4, atol=1e-6)
    generator_loss(ours, WEIGHTS).backward()
    total = theirs["generator_fake"] + theirs["generator_classification"]
    (total + 10 * theirs["generator_reconstruction"]).backward()
    assert_alike(gradients(generator), gradients(twin))


def test_the_penalty_is_nothing_where_the_slope_is_one() -> None:
    _, discriminator, batch = nets_and_batch(0)
    one = Batch(batch.faces[:1], batch.labels[:1], batch.wanted[:1], batch.mix[:1])
    fakes = torch.zeros_like(one.faces)
    between = one.mix * one.faces
    length = discriminator.slope(between).norm()
    with torch.no_grad():
        discriminator.realness.weight /= length
    assert discriminator_terms(discriminator, one, fakes)["discriminator_penalty"] < 1e-9
    with torch.no_grad():
        discriminator.realness.weight *= 3
    penalty = discriminator_terms(discriminator, one, fakes)["discriminator_penalty"]
    torch.testing.assert_close(penalty, torch.tensor(4.0), rtol=1e-4, atol=0)
