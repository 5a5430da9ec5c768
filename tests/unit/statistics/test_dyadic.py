"""The error of rates over trials of two persons: by hand, the plain way, and in simulations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegap.statistics.dyadic import NOBODY, Spread, Trials, spread

PERSONS, KINDS = 8, 3


def trials(seed: int, count: int) -> Trials:
    """Random ones of two different persons; those of the last kind are of one alone."""
    rng = np.random.default_rng(seed)
    one = rng.integers(0, PERSONS, count)
    other = (one + rng.integers(1, PERSONS, count)) % PERSONS
    kind = rng.integers(0, KINDS, count)
    other[kind == KINDS - 1] = NOBODY
    return Trials(one, other, kind, rng.random(count) < 0.3)


def plain(given_trials: Trials, gradient: list[float]) -> float:
    """The variance by a loop over every two trials that share a person."""
    kinds = range(KINDS)
    own = [np.flatnonzero(given_trials.kind == kind) for kind in kinds]
    rate = [given_trials.hit[rows].mean() if len(rows) else 0.0 for rows in own]
    alike = [0.0] * KINDS
    for kind, rows in enumerate(own):
        for person in range(PERSONS):
            both = (given_trials.one[rows], given_trials.other[rows])
            alike[kind] += sum((ends == person).sum() for ends in both) ** 2 / len(rows) ** 2
    factor = [1 / (1 - min(share, 0.5)) for share in alike]
    value = [
        (hit - rate[kind]) * gradient[kind] * factor[kind] ** 0.5
        for hit, kind in zip(given_trials.hit, given_trials.kind, strict=True)
    ]
    persons = [
        {int(one), int(other)} - {NOBODY}
        for one, other in zip(given_trials.one, given_trials.other, strict=True)
    ]
    variance = least = 0.0
    for i, a in enumerate(value):
        for j, b in enumerate(value):
            if persons[i] & persons[j]:
                pair = len(persons[i]) == 2 and persons[i] == persons[j]
                same = pair and given_trials.kind[i] == given_trials.kind[j]
                # two of the same two persons in different kinds have both in common
                variance += a * b * (1 if same else len(persons[i] & persons[j]))
                least += a * b * same
    return max(variance, least)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10_000),
    st.integers(20, 60),
    st.lists(st.floats(-2, 2, allow_subnormal=False), min_size=3, max_size=3),
)
def test_it_is_the_sum_over_every_two_trials_that_share_a_person(
    seed: int, count: int, gradient: list[float]
) -> None:
    some = trials(seed, count)
    if len(np.unique(some.kind)) < KINDS:
        return
    error, _ = spread(some, PERSONS, KINDS).error(np.array(gradient))
    assert error**2 == pytest.approx(plain(some, gradient), rel=1e-9, abs=1e-9)


def test_one_trial_of_each_two_persons_is_the_binomial() -> None:
    hit = np.arange(400) < 40
    apart = Trials(np.arange(400), np.arange(400) + 400, np.zeros(400, dtype=np.int64), hit)
    error, freedom = spread(apart, 800, 1).error(np.ones(1))
    assert error**2 == pytest.approx(400 * 0.1 * 0.9, rel=0.01)
    assert 50 < freedom < 800


def test_of_persons_alone_it_is_the_error_of_a_mean() -> None:
    rng = np.random.default_rng(1)
    hit = rng.random(50) < 0.4
    alone = Trials(np.arange(50), np.full(50, NOBODY), np.zeros(50, dtype=np.int64), hit)
    error, _ = spread(alone, 50, 1).error(np.ones(1) / 50)
    assert error == pytest.approx(hit.std(ddof=1) / 50**0.5)


def test_the_effective_number_of_persons_is_kishs() -> None:
    kind = np.array([0, 0, 0, 1])
    some = Trials(np.array([0, 0, 0, 3]), np.array([1, 2, 3, 4]), kind, kind == 0)
    found = spread(some, 5, 2)
    assert found.persons(np.array([True, False])) == pytest.approx(6**2 / (9 + 1 + 1 + 1))
    assert found.persons(np.array([False, True])) == pytest.approx(2)
    assert found.persons(np.array([True, True])) == pytest.approx(8**2 / (9 + 1 + 1 + 4 + 1))


@pytest.mark.parametrize(("persons", "pairs"), [(40, 780), (300, 400)])
def test_the_error_is_that_of_simulated_studies(persons: int, pairs: int) -> None:
    """Everybody has a tendency to be in a hit: with every pair of few, and few pairs of many."""
    rates, errors = [], []
    for study in range(300):
        rng = np.random.default_rng(study)
        tendency = rng.gamma(2, 0.15, persons)
        one, other = np.triu_indices(persons, 1)
        chosen = rng.permutation(len(one))[:pairs]
        one, other = one[chosen], other[chosen]
        hit = rng.random(pairs) < np.minimum(tendency[one] * tendency[other], 1)
        found: Spread = spread(Trials(one, other, 0 * one, hit), persons, 1)
        rates.append(hit.mean())
        errors.append(found.error(np.ones(1) / pairs)[0])
    assert np.mean(np.square(errors)) ** 0.5 == pytest.approx(np.std(rates), rel=0.12)
