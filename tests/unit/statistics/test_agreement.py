"""Agreement beyond chance, against worked examples and other people's code."""

from itertools import permutations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, confusion_matrix
from statsmodels.stats.inter_rater import fleiss_kappa

from facegap.statistics.agreement import alpha, coincidences, fleiss, kappa


def alpha_of(counts: np.ndarray) -> float:
    return float(alpha(coincidences(counts).sum(0)))


def slow_alpha(counts: np.ndarray) -> float:
    """1 - observed / expected disagreement, over pairs of values one by one."""
    units = [[k for k, n in enumerate(row) for _ in range(int(n))] for row in counts]
    units = [unit for unit in units if len(unit) > 1]
    values = [value for unit in units for value in unit]
    within = [sum(a != b for a, b in permutations(unit, 2)) / (len(unit) - 1) for unit in units]
    expected = sum(a != b for a, b in permutations(values, 2)) / (len(values) - 1)
    return 1 - sum(within) / expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [  # Krippendorff 2011, Computing Krippendorff's Alpha-Reliability: examples A, B and C
        (["0100000010", "1110010000"], 0.095),
        (["aabbdcccedda", "babbbccceddd"], 0.692),
        (["123321412...", "1233224125.3", ".3332342251.", "12332441251."], 0.743),
    ],
)
def test_alpha_against_the_published_examples(values: list[str], expected: float) -> None:
    words = sorted({word for row in values for word in row if word != "."})
    given = np.array([list(row) for row in values]).T
    counts = np.stack([(given == word).sum(1) for word in words], axis=1)
    assert alpha_of(counts) == pytest.approx(expected, abs=0.0005)


def test_kappa_against_a_table_computed_by_hand() -> None:
    # Cohen's two raters: observed 0.7, expected 0.5
    assert kappa(np.array([[20, 5], [10, 15]])) == pytest.approx(0.4)
    assert kappa(np.array([[[5, 0], [0, 5]], [[0, 5], [5, 0]]])).tolist() == [1, -1]


def test_alpha_is_the_slow_ones_whatever_is_missing() -> None:
    rng = np.random.default_rng(0)
    for categories in (2, 3, 5):
        counts = rng.integers(0, 3, (30, categories))
        assert alpha_of(counts) == pytest.approx(slow_alpha(counts))
    assert alpha_of(np.array([[2, 0], [0, 2]])) == 1
    assert np.isnan(alpha_of(np.array([[2, 0], [2, 0]])))
    both = np.stack([coincidences(rng.integers(0, 3, (30, 3))).sum(0) for _ in range(4)])
    assert alpha(both).shape == (4,)


def test_kappa_is_sklearns() -> None:
    rng = np.random.default_rng(1)
    one = rng.integers(0, 3, 200)
    two = np.where(rng.random(200) < 0.6, one, rng.integers(0, 3, 200))
    tables = np.stack([confusion_matrix(one, two), confusion_matrix(one, one)])
    assert kappa(tables) == pytest.approx([cohen_kappa_score(one, two), 1])
    assert np.isnan(kappa(np.array([[9, 0], [0, 0]])))


def test_fleiss_kappa_is_statsmodels() -> None:
    counts = np.random.default_rng(2).multinomial(5, [0.5, 0.3, 0.2], 40)
    assert fleiss(counts) == pytest.approx(fleiss_kappa(counts))
    assert fleiss(np.array([[3, 0], [0, 3]])) == 1
    assert np.isnan(fleiss(np.array([[3, 0], [3, 0]])))
