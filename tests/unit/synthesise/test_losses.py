"""Losses and gradients equal those of a straight implementation, term by term."""

import copy

import pytest
import torch
from torch import Tensor, nn

from facegap.synthesise.losses import (
    Batch,
    Weights,
    critic_loss,
    critic_terms,
    generator_loss,
    generator_terms,
)
from facegap.synthesise.networks import Critic, Generator

WEIGHTS = Weights(penalty=10, reconstruction=10, classification=1)


def straight_critic_loss(critic: nn.Module, batch: Batch, fakes: Tensor) -> dict[str, Tensor]:
    """Three passes of the critic, and the penalty by differentiating twice."""
    realness, logits = critic(batch.faces)
    probability = torch.sigmoid(logits)
    entropy = -(
        batch.labels * probability.log() + (1 - batch.labels) * (1 - probability).log()
    ).sum()
    mixed = (batch.mix * batch.faces + (1 - batch.mix) * fakes.detach()).requires_grad_()
    between, _ = critic(mixed)
    (slope,) = torch.autograd.grad(between, mixed, torch.ones_like(between), create_graph=True)
    length = slope.view(len(slope), -1).pow(2).sum(1).sqrt()
    return {
        "critic_real": -realness.mean(),
        "critic_fake": critic(fakes.detach())[0].mean(),
        "critic_classification": entropy / len(logits),
        "critic_penalty": (length - 1).pow(2).mean(),
    }


def straight_generator_loss(
    generator: nn.Module, critic: nn.Module, batch: Batch
) -> dict[str, Tensor]:
    fakes = generator(batch.faces, batch.wanted)
    realness, logits = critic(fakes)
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


def nets_and_batch(seed: int) -> tuple[Generator, Critic, Batch]:
    torch.manual_seed(seed)
    labels = torch.randint(0, 2, (6, 3)).float()
    faces = torch.rand(6, 3, 32, 32) * 2 - 1
    batch = Batch(faces, labels, labels[torch.randperm(6)], torch.rand(6, 1, 1, 1))
    return Generator(3, 8, 1), Critic(3, 32, 8, 3), batch


def gradients(network: nn.Module) -> list[Tensor]:
    return [p.grad if p.grad is not None else torch.zeros_like(p) for p in network.parameters()]


def assert_alike(ours: list[Tensor], theirs: list[Tensor]) -> None:
    """Equal to 1e-4 of the largest element of each tensor."""
    for one, other in zip(ours, theirs, strict=True):
        assert (one - other).abs().max() <= 1e-4 * other.abs().max() + 1e-9


@pytest.mark.parametrize("seed", range(3))
def test_the_critics_losses_and_gradients_are_the_straight_ones(seed: int) -> None:
    generator, critic, batch = nets_and_batch(seed)
    twin = copy.deepcopy(critic)
    fakes = generator(batch.faces, batch.wanted)
    ours = critic_terms(critic, batch, fakes)
    theirs = straight_critic_loss(twin, batch, fakes)
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        torch.testing.assert_close(value, theirs[name], rtol=1e-4, atol=1e-6)
    critic_loss(ours, WEIGHTS).backward()
    total = theirs["critic_real"] + theirs["critic_fake"] + theirs["critic_classification"]
    (total + 10 * theirs["critic_penalty"]).backward()
    assert_alike(gradients(critic), gradients(twin))
    assert all(p.grad is None for p in generator.parameters()), "the critic's step moves it alone"


@pytest.mark.parametrize("seed", range(3))
def test_the_generators_losses_and_gradients_are_the_straight_ones(seed: int) -> None:
    generator, critic, batch = nets_and_batch(seed)
    twin = copy.deepcopy(generator)
    ours = generator_terms(generator, critic, batch, generator(batch.faces, batch.wanted))
    theirs = straight_generator_loss(twin, critic, batch)
    for name, value in ours.items():
        torch.testing.assert_close(value, theirs[name], rtol=1e-4, atol=1e-6)
    generator_loss(ours, WEIGHTS).backward()
    total = theirs["generator_fake"] + theirs["generator_classification"]
    (total + 10 * theirs["generator_reconstruction"]).backward()
    assert_alike(gradients(generator), gradients(twin))


def test_the_penalty_is_nothing_where_the_slope_is_one() -> None:
    _, critic, batch = nets_and_batch(0)
    one = Batch(batch.faces[:1], batch.labels[:1], batch.wanted[:1], batch.mix[:1])
    fakes = torch.zeros_like(one.faces)
    between = one.mix * one.faces
    length = critic.slope(between).norm()
    with torch.no_grad():
        critic.realness.weight /= length
    assert critic_terms(critic, one, fakes)["critic_penalty"] < 1e-9
    with torch.no_grad():
        critic.realness.weight *= 3
    penalty = critic_terms(critic, one, fakes)["critic_penalty"]
    torch.testing.assert_close(penalty, torch.tensor(4.0), rtol=1e-4, atol=0)
