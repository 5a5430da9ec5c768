"""The estimator of realism on simulated translators whose damage is known."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from facegap.measure.gaps import (
    Scores,
    adjusted,
    central,
    image_scores,
    null_gaps,
    random_halves,
    realism,
    realism_gap,
)
from facegap.statistics.multiplicity import holm

SEEDS, PERSONS, FACES, STUDIES = 5, 18, 3, 600
OUTSIDE = 0.1  # what translations outside lose, where they do


def domain(rng: np.random.Generator, damage: float, of_seeds: NDArray[np.float64]) -> Scores:
    """Scores of a translator: persons come out well or badly, by all its seeds and by each."""
    person = np.repeat(np.arange(PERSONS), FACES)
    able = rng.normal(0.7, 0.08, PERSONS) + rng.normal(0, 0.05, (SEEDS, PERSONS))
    values = able[:, person] + of_seeds[:, None] + rng.normal(0, 0.1, (SEEDS, len(person)))
    return image_scores(values - damage, person, np.arange(len(person)))


def studies(damage: float, seed: int) -> Iterator[dict[str, Any]]:
    """The gap of each simulated study; its seeds differ in either domain and in the gap."""
    rng = np.random.default_rng(seed)
    for _ in range(STUDIES):
        common, apart = rng.normal(0, 0.05, SEEDS), rng.normal(0, 0.03, SEEDS)
        inside, outside = domain(rng, 0, common), domain(rng, damage, common + apart)
        yield realism_gap(inside, outside, 0.95)


def test_the_interval_covers_a_known_gap_as_often_as_it_says() -> None:
    gaps = list(studies(OUTSIDE, 1))
    assert 0.93 <= np.mean([gap["low"] < -OUTSIDE < gap["high"] for gap in gaps]) <= 0.975
    assert np.mean([gap["estimate"] for gap in gaps]) == pytest.approx(-OUTSIDE, abs=0.005)


def test_of_translators_without_a_gap_few_are_called_worse() -> None:
    """About 5% of 600: 3% and 7.5% are more than two standard deviations away."""
    assert 0.025 <= np.mean([gap["p"] < 0.05 for gap in studies(0, 2)]) <= 0.075


def test_the_smallest_detectable_gap_is_found_8_times_of_10() -> None:
    size = float(np.mean([gap["smallest_detectable_effect"] for gap in studies(0, 3)]))
    assert 0.73 <= np.mean([gap["p"] < 0.05 for gap in studies(size, 4)]) <= 0.87


def test_persons_and_seeds_both_count() -> None:
    """Images taken as independent, or one seed as all, would find gaps where there are none."""
    rng = np.random.default_rng(5)
    wrong: dict[str, list[bool]] = {"images": [], "one seed": []}
    for _ in range(300):
        common, apart = rng.normal(0, 0.05, SEEDS), rng.normal(0, 0.1, SEEDS)
        pair = [domain(rng, 0, common), domain(rng, 0, common + apart)]
        images = [stats.ttest_ind(*(of.values.mean(0) for of in pair), equal_var=False).pvalue]
        alone = realism_gap(
            *(image_scores(of.values[:1], of.person, of.person) for of in pair), 0.95
        )
        wrong["images"].append(images[0] < 0.05)
        wrong["one seed"].append(alone["p"] < 0.05)
        assert alone["method"] == "persons"
    assert min(map(np.mean, wrong.values())) > 0.15


def test_one_picture_a_person_and_one_seed_is_the_test_of_welch() -> None:
    rng = np.random.default_rng(6)
    one, two = rng.normal(0, 1, 12), rng.normal(0.5, 3, 30)
    pair = [image_scores(x, np.arange(len(x)), np.arange(len(x))) for x in (one, two)]
    gap = realism_gap(*pair, 0.9)
    expected = stats.ttest_ind(two, one, equal_var=False)
    assert gap["p"] == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval(0.9)
    assert (gap["low"], gap["high"]) == pytest.approx((interval.low, interval.high))
    mean = realism("x", pair[0], 0.9)
    assert mean["standard_error"] == pytest.approx(stats.sem(one))


def test_what_never_varies_or_is_of_one_person_has_no_interval() -> None:
    alone = image_scores(np.array([[0.1, 0.4]]), [0, 0], [0, 1])
    always = image_scores(np.ones((2, 12)), np.arange(12) // 2, np.arange(12))
    for same in (alone, always):
        gap = realism_gap(same, same, 0.95)
        assert (gap["estimate"], gap["low"], gap["high"], gap.get("p")) == (0, None, None, None)
        assert np.isnan(realism("attribute transfer", same, 0.95)["low"])


def test_the_mean_of_a_domain_is_cut_at_its_bounds() -> None:
    rng = np.random.default_rng(8)
    high = image_scores(1.05 + rng.normal(0, 0.1, (1, 20)), np.arange(20), np.arange(20))
    mean = realism("corrected attribute transfer", high, 0.95)
    assert (mean["estimate"], mean["high"]) == (1, 1)
    assert 0.9 < mean["low"] < 1.05


def test_the_gaps_between_halves_are_those_of_two_lists_of_persons() -> None:
    rng = np.random.default_rng(7)
    person = rng.integers(0, 9, 60)
    of = image_scores(rng.normal(size=(3, 60)), person, np.arange(60))
    halves = random_halves(9, 200, rng)
    assert set(halves.sum(1)) == {4}, "as many persons in every first half"
    assert (halves.mean(0) > 0.25).all(), "nobody is always in one half"
    gaps = null_gaps(of, halves)
    for half, gap in zip(halves[:20], gaps, strict=False):
        first = np.isin(of.person, np.flatnonzero(half))
        expected = of.values[:, ~first].mean() - of.values[:, first].mean()
        assert gap == pytest.approx(expected)
    shown = central(gaps, 0.95)
    assert np.mean((gaps >= shown["low"]) & (gaps <= shown["high"])) == pytest.approx(
        0.95, abs=0.01
    )
    assert set(shown) == {"estimate", "low", "high"}, "a control without p"


def test_each_family_is_adjusted_alone() -> None:
    rows: list[dict[str, Any]] = [
        {"family": family, "p": p}
        for family, p in (("a", 0.01), ("b", 0.02), ("a", 0.03), ("a", None), ("b", 0.9))
    ]
    found = {(row["family"], row["p"]): row["adjusted_p"] for row in adjusted(rows)}
    assert [found["a", 0.01], found["a", 0.03]] == list(holm([0.01, 0.03]))
    assert found["b", 0.02] == 0.04
    assert found["a", None] is None
