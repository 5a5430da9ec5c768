"""Metrics and their differences: scikit-learn's values, true variances, intervals that cover."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.metrics import balanced_accuracy_score, brier_score_loss, roc_auc_score

from facegap.statistics.performance import (
    METRICS,
    PERSONS,
    TRAININGS,
    Answers,
    Measured,
    accuracy,
    added,
    auroc,
    balanced_accuracy,
    clustered,
    gap,
    interval_of,
    log_odds,
    negated,
    on_logits,
    paired,
    scaled,
    sided_gap,
    two_sided_p,
)

Metric = Callable[[Answers], Measured]
SPREAD, NOISE, TRAINED = 1.0, 1.0, 0.3  # standard deviations: of persons, pictures, trainings


def some(
    rng: np.random.Generator,
    persons: int,
    level: float,
    trainings: NDArray[np.float64],
    difficulty: NDArray[np.float64] | None = None,
) -> Answers:
    """Answers of trainings that differ, on one to three pictures of each person, 70% inside."""
    person = np.repeat(np.arange(persons), rng.choice([1, 2, 3], persons))
    inside = (rng.random(persons) < 0.7)[person]
    own = rng.normal(0, SPREAD, persons) if difficulty is None else difficulty
    score = level + own[person] + rng.normal(0, NOISE, len(person))
    scores = score + trainings[:, None] + rng.normal(0, 0.5, (len(trainings), len(person)))
    return Answers(inside, person, 1 / (1 + np.exp(-np.where(inside, scores, -scores))))


def truth(level: float) -> float:
    """The share that is right, over persons, pictures and trainings."""
    spread = (SPREAD**2 + NOISE**2 + 0.25 + TRAINED**2) ** 0.5
    return float(norm.cdf(level / spread))


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 10)), min_size=4, max_size=30),
    st.integers(1, 4),
)
def test_metrics_are_those_of_scikit_learn(faces: list[tuple[bool, int]], trainings: int) -> None:
    inside = np.array([face[0] for face in faces])
    if inside.min() == inside.max():
        return
    probability = np.array([face[1] for face in faces]) / 10
    answers = Answers(inside, np.arange(len(inside)), np.tile(probability, (trainings, 1)))
    expected = {
        "accuracy": np.mean((probability >= 0.5) == inside),
        "balanced accuracy": balanced_accuracy_score(inside, probability >= 0.5),
        "AUROC": roc_auc_score(inside, probability),
        "Brier score": brier_score_loss(inside, probability),
    }
    measured = {name: metric(answers) for name, metric in METRICS.items()}
    assert {name: each.estimate for name, each in measured.items()} == pytest.approx(expected)
    for name, each in measured.items():
        assert each.trainings[0] == pytest.approx([expected[name]] * trainings)
        assert interval_of(paired(each, each), 0.95).interval.estimate == 0


@pytest.mark.parametrize("name", list(METRICS))
def test_the_variance_over_persons_is_that_of_resampled_persons(name: str) -> None:
    rng = np.random.default_rng(1)
    answers = some(rng, 200, 1.0, np.zeros(1))
    error = interval_of(METRICS[name](answers), 0.95).error
    values = []
    for _ in range(800):
        sample = rng.integers(0, 200, 200)
        rows = np.concatenate([np.flatnonzero(answers.person == person) for person in sample])
        again = Answers(answers.inside[rows], rows, answers.probability[:, rows])
        values.append(METRICS[name](again).estimate)
    assert error == pytest.approx(np.std(values), rel=0.12)


def test_the_variance_of_an_auroc_is_delongs() -> None:
    rng = np.random.default_rng(2)
    inside = rng.random(400) < 0.4
    probability = norm.cdf(rng.normal(0, 1, 400) + inside)
    one, other = probability[inside], probability[~inside]
    above = (one[:, None] > other) + 0.5 * (one[:, None] == other)
    expected = above.mean(1).var(ddof=1) / len(one) + above.mean(0).var(ddof=1) / len(other)
    answers = Answers(inside, np.arange(400), probability[None])
    assert interval_of(auroc(answers), 0.95).error == pytest.approx(expected**0.5, rel=0.02)


def test_what_differs_between_trainings_is_in_the_interval() -> None:
    rng = np.random.default_rng(3)
    alike = some(rng, 80, 1.0, np.zeros(1))
    same = Answers(alike.inside, alike.person, np.tile(alike.probability, (5, 1)))
    one, five = (interval_of(accuracy(each), 0.95) for each in (alike, same))
    assert one.interval == pytest.approx(five.interval), "repeats that agree narrow nothing"
    assert (one.method, five.method) == (PERSONS, TRAININGS)
    different = some(rng, 80, 1.0, np.array([-1.5, -0.7, 0, 0.7, 1.5]))
    assert interval_of(accuracy(different), 0.95).error > 1.5 * five.error


def test_where_every_answer_is_right_the_interval_still_has_a_width() -> None:
    inside = np.arange(40) % 2 == 0
    answers = Answers(inside, np.arange(40), np.tile(inside.astype(float), (3, 1)))
    for metric in (accuracy, balanced_accuracy, sided_gap):
        assert interval_of(metric(answers), 0.95).error > 0
    assert np.isnan(interval_of(auroc(answers), 0.95).interval.low), "of which nothing is known"
    assert interval_of(paired(accuracy(answers), accuracy(answers)), 0.95).error > 0


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("metric", [accuracy, balanced_accuracy])
def test_where_nothing_was_seen_the_interval_reaches_as_far_as_could_have_been_missed(
    metric: Metric, shared: bool
) -> None:
    """If answers are as often wrong as at its lower end, few samples have no wrong one.

    Both pictures of a person are taken to be wrong together, where each person has two.
    """
    inside = np.repeat([True, False], 33)
    person = np.tile(np.arange(33), 2) if shared else np.arange(66)
    for right in (True, False):
        measured = metric(Answers(inside, person, (inside == right).astype(float)[None]))
        found = interval_of(clustered(measured), 0.95).interval
        missed = 1 - found.low if right else found.high
        assert (1 - missed) ** (33 if shared else 66) <= (0.08 if shared else 0.05)
        assert found.estimate == right


@pytest.mark.parametrize("wrong", [0, 1, 5])
def test_a_group_without_an_error_may_be_the_worse_by_what_it_alone_leaves_open(wrong: int) -> None:
    others = np.arange(267) >= wrong
    few, many = (
        accuracy(Answers(np.ones(n, bool), first + np.arange(n), right[None].astype(float)))
        for first, n, right in ((0, 33, np.ones(33)), (33, 267, others))
    )
    found = interval_of(clustered(gap(few, many)), 0.95)
    assert (1 + found.interval.low - wrong / 267) ** 33 <= 0.05
    assert found.error > interval_of(few, 0.95).error


def test_an_error_more_never_says_more_of_a_share() -> None:
    errors = [
        interval_of(accuracy(Answers(np.ones(40, bool), np.arange(40), right[None])), 0.95).error
        for right in ((np.arange(40) >= wrong).astype(float) for wrong in range(10))
    ]
    assert errors == sorted(errors)


def test_two_models_vary_as_if_one_were_wrong_of_one_person_at_the_least() -> None:
    inside = np.arange(40) % 2 == 0
    certain = np.where(inside, 0.9, 0.1)[None]
    right = Answers(inside, np.arange(40), certain)
    wrong_in_one = certain.copy()
    wrong_in_one[0, 0] = 0.1
    one = Answers(inside, np.arange(40), wrong_in_one)
    errors = [
        interval_of(of(accuracy(right), accuracy(other)), 0.95).error
        for of in (gap, paired)
        for other in (right, one)
    ]
    assert errors[0] == errors[1] == pytest.approx(2**0.5 * 1.96 / (40 + 1.96**2))
    each = 1 / (40 * 39) ** 0.5
    assert errors[2] == pytest.approx(each)
    assert errors[3] == pytest.approx(each, rel=0.02)


def test_an_interval_on_logits_lies_within_0_and_1_and_is_the_plain_one_in_the_middle() -> None:
    rng = np.random.default_rng(6)
    high = interval_of(auroc(some(rng, 60, 2.5, np.zeros(1))), 0.95)
    ends = on_logits(high, 0.95).interval
    assert ends.estimate == high.interval.estimate
    assert 0 < ends.low < ends.estimate < ends.high < 1
    assert ends.estimate - ends.low > ends.high - ends.estimate, "there is more room below"
    middle = interval_of(auroc(some(rng, 2000, 0.0, np.zeros(1))), 0.95)
    assert on_logits(middle, 0.95).interval == pytest.approx(middle.interval, abs=1e-3)
    nothing = middle._replace(error=float("nan"))
    assert on_logits(nothing, 0.95) is nothing


def test_the_sides_gap_is_sensitivity_less_specificity() -> None:
    inside = np.array([True] * 10 + [False] * 10)
    probability = np.r_[np.full(9, 0.9), 0.1, np.full(6, 0.1), np.full(4, 0.9)]
    measured = sided_gap(Answers(inside, np.arange(20), probability[None]))
    assert measured.estimate == pytest.approx(0.9 - 0.6)


def test_one_person_gives_no_interval_and_the_other_sign_mirrors_one() -> None:
    answers = some(np.random.default_rng(4), 60, 1.0, np.zeros(3))
    estimate, mirrored = (
        interval_of(each, 0.95) for each in (accuracy(answers), negated(accuracy(answers)))
    )
    assert mirrored.interval.low == pytest.approx(-estimate.interval.high)
    alone = Answers(answers.inside, np.zeros_like(answers.person), answers.probability)
    assert np.isnan(interval_of(accuracy(alone), 0.95).interval.low)


@pytest.mark.parametrize(("source", "target"), [(1.0, 1.0), (2.5, 1.0)])
@pytest.mark.parametrize("metric", [balanced_accuracy, accuracy])
def test_intervals_of_gap_and_loss_cover_the_truth(
    source: float, target: float, metric: Metric
) -> None:
    """Of 300 studies each; a share below 0.92 has a chance of 1 in 50 at a coverage of 0.95."""
    rng, covered, found = np.random.default_rng(5), np.zeros(2), np.zeros(2)
    true = truth(source) - truth(target)
    for _ in range(300):
        own, theirs = rng.normal(0, TRAINED, (2, 3))
        difficulty = rng.normal(0, SPREAD, 95)
        state = rng.bit_generator.state
        transferred = some(rng, 95, target, own, difficulty)
        rng.bit_generator.state = state  # the benchmark answers on the same pictures
        benchmark = some(rng, 95, source, theirs, difficulty)
        measured = (
            gap(metric(some(rng, 60, source, own)), metric(transferred)),
            paired(metric(benchmark), metric(transferred)),
        )
        for k, each in enumerate(measured):
            estimate = interval_of(each, 0.95)
            covered[k] += estimate.interval.low <= true <= estimate.interval.high
            found[k] += two_sided_p(estimate) < 0.05
    assert (covered / 300 >= 0.92).all()
    assert (covered / 300 <= 0.99).all()
    if source == target:
        assert (found / 300 <= 0.08).all()
    else:
        assert (found / 300 >= 0.9).all()


def paired_pictures(rng: np.random.Generator, persons: int, trainings: int) -> Answers:
    """Two pictures of each person, one inside and one outside, that are as hard as the person."""
    person = np.repeat(np.arange(persons), 2)
    inside = np.tile([True, False], persons)
    score = 0.8 + 1.5 * rng.normal(size=persons)[person] + 0.3 * rng.normal(size=2 * persons)
    scores = score + 0.3 * rng.normal(size=(trainings, 2 * persons))
    return Answers(inside, person, 1 / (1 + np.exp(-np.where(inside, scores, -scores))))


@pytest.mark.parametrize("metric", [balanced_accuracy, sided_gap])
def test_persons_in_two_strata_are_counted_once(metric: Metric) -> None:
    found = [metric(paired_pictures(np.random.default_rng(k), 100, 1)) for k in range(1500)]
    together = [interval_of(clustered(each), 0.95) for each in found]
    values = np.array([each.interval.estimate for each in together])
    assert values == pytest.approx([each.estimate for each in found])
    assert np.mean([each.error for each in together]) == pytest.approx(values.std(), rel=0.06)
    apart = np.mean([interval_of(each, 0.95).error for each in found])
    assert abs(apart / values.std() - 1) > 0.2, "as if the two pictures had nothing to do"


def test_strata_of_different_persons_stay_as_they_are() -> None:
    rng = np.random.default_rng(1)
    person = np.arange(80)
    answers = Answers(person % 2 == 0, person, rng.random((2, 80)))
    measured = balanced_accuracy(answers)
    assert clustered(measured) is measured


def test_independent_sets_add_their_variances() -> None:
    rng = np.random.default_rng(1)
    one, other = (some(rng, 100, 1.0, rng.normal(0, 0.5, 4)) for _ in range(2))
    apart = replace(other, person=other.person + 1000)
    parts = [balanced_accuracy(one), balanced_accuracy(apart)]
    mean = scaled(added(*parts), 0.5)
    assert mean.estimate == pytest.approx(np.mean([each.estimate for each in parts]))
    alone = [interval_of(each, 0.95).error for each in parts]
    assert interval_of(mean, 0.95).error == pytest.approx(np.hypot(*alone) / 2)


def test_log_odds_are_haldanes_and_finite_at_the_ends() -> None:
    rng = np.random.default_rng(1)
    answers = some(rng, 300, 1.0, rng.normal(0, 0.2, 3))
    measured, faces = balanced_accuracy(answers), len(answers.person)
    smoothed = (measured.estimate * faces + 0.5) / (faces + 1)
    odds = interval_of(log_odds(measured), 0.95)
    assert odds.interval.estimate == pytest.approx(np.log(smoothed / (1 - smoothed)))
    error = interval_of(measured, 0.95).error
    assert odds.error == pytest.approx(error / (smoothed * (1 - smoothed)), rel=0.02)
    person = np.arange(60)
    sure = Answers(person % 2 == 0, person, np.tile(person % 2 == 0, (3, 1)).astype(float))
    certain = interval_of(log_odds(balanced_accuracy(sure)), 0.95)
    assert certain.interval.estimate == pytest.approx(np.log(60.5 / 0.5))
    assert certain.error**2 == pytest.approx(2, rel=0.1)


@pytest.mark.parametrize("share", [0.8, 1.0])
def test_of_two_log_odds_the_surer_one_does_not_decide(share: float) -> None:
    """The difference of a head and another varies alike in either order."""
    rng = np.random.default_rng(1)
    person = np.arange(80)
    inside = person % 2 == 0
    one, other = (
        np.where((rng.random((3, 80)) < chance) == inside, 0.9, 0.1) for chance in (share, 0.7)
    )
    measured = [log_odds(balanced_accuracy(Answers(inside, person, p))) for p in (one, other)]
    ahead, behind = (interval_of(paired(*pair), 0.95) for pair in (measured, measured[::-1]))
    assert ahead.error == pytest.approx(behind.error)
    assert ahead.interval.estimate == pytest.approx(-behind.interval.estimate)


@pytest.mark.parametrize("certain", [False, True])
@pytest.mark.parametrize("metric", [balanced_accuracy, sided_gap])
def test_one_stratum_is_as_sure_as_the_strata_it_is_made_of(metric: Metric, certain: bool) -> None:
    """One picture more, of a person of the other stratum, hardly changes what is known."""
    rng = np.random.default_rng(1)
    inside = np.arange(120) % 3 == 0
    probability = np.where(certain | (rng.random((4, 120)) < 0.8), inside, ~inside).astype(float)
    person = np.arange(120)
    shared = person.copy()
    shared[0] = 1  # one is inside, the other is not
    found = [metric(Answers(inside, who, probability)) for who in (person, shared)]
    difference = [gap(each, scaled(each, 0.0)) for each in found]
    apart, together = (interval_of(clustered(each), 0.95) for each in difference)
    assert clustered(difference[1]) is not difference[1]
    assert together.error == pytest.approx(apart.error, rel=0.05)
    assert together.freedom == pytest.approx(apart.freedom, rel=0.1)
