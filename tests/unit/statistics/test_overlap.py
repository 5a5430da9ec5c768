"""Two groups made alike: what is known of them has the same means, and nobody counts too much."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from facegap.statistics.overlap import effective_share, overlap_weights


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10_000),
    st.floats(0, 1, allow_subnormal=False),
    st.integers(1, 4),
    st.integers(60, 200),
)
def test_the_means_are_alike_and_weights_are_chances(
    seed: int, shift: float, columns: int, first: int
) -> None:
    rng = np.random.default_rng(seed)
    other = np.repeat([False, True], [first, 150])
    known = rng.normal(0, 1, (len(other), columns)) * 10 + 3
    known[other, 0] += 10 * shift
    (weights,) = overlap_weights(known, other, np.ones((1, len(other))))
    assert ((weights > 0) & (weights < 1)).all()
    apart = [np.average(known[group], axis=0, weights=weights[group]) for group in (~other, other)]
    before = known[other].mean(0) - known[~other].mean(0)
    left = np.abs(apart[1] - apart[0]) / known.std(0)
    assert (left <= 0.03 + 0.1 * np.abs(before) / known.std(0)).all(), "but for the small penalty"


def test_the_chances_are_those_of_a_logistic_regression() -> None:
    rng = np.random.default_rng(1)
    other = rng.random(300) < 0.3
    known = rng.normal(0, 1, (300, 3)) + other[:, None]
    counts = rng.integers(0, 3, (2, 300)).astype(float)
    found = overlap_weights(known, other, counts)
    scaled = (known - known.mean(0)) / known.std(0)
    for count, weights in zip(counts, found, strict=True):
        each = count * np.where(other, 1 / count[other].sum(), 1 / count[~other].sum()) * 150
        fit = LogisticRegression(C=1.0, tol=1e-8, max_iter=1000).fit(scaled, other, each)
        chance = fit.predict_proba(scaled)[:, 1]
        assert weights == pytest.approx(np.where(other, 1 - chance, chance), abs=1e-4)


def test_without_overlap_hardly_anybody_is_left() -> None:
    rng = np.random.default_rng(2)
    other = np.repeat([False, True], 200)
    for shift, least, most in ((0.0, 0.9, 1.0), (2.0, 0.3, 0.7), (4.0, 0.0, 0.2), (20, 0.0, 0.1)):
        known = rng.normal(0, 1, (400, 1)) + shift * other[:, None]
        (weights,) = overlap_weights(known, other, np.ones((1, 400)))
        assert least <= effective_share(weights[other]) <= most


def test_what_is_constant_or_unknown_does_nothing() -> None:
    other = np.repeat([False, True], 10)
    for known in (np.ones((20, 2)), np.empty((20, 0))):
        assert overlap_weights(known, other, np.ones((3, 20))) == pytest.approx(0.5)


def test_effective_share_is_kishs() -> None:
    assert effective_share(np.full(7, 0.5)) == pytest.approx(1)
    assert effective_share(np.array([1.0, 1.0, 0.0, 0.0])) == pytest.approx(0.5)
    assert effective_share(np.full(7, 0.05)) == pytest.approx(0.1), "all alike, and hardly there"
