"""What the measuring networks are worth is measured, and attribute transfer corrected by it."""

import numpy as np
import pytest
from numpy.typing import NDArray

from facegap.measure.gaps import realism, realism_gap
from facegap.measure.recognition import (
    FEW,
    Recognised,
    Translated,
    corrected,
    identity_rows,
    recognition_rows,
)

ATTRIBUTES = ["Dark", "Fair"]


def seen_by(
    labels: NDArray[np.bool_], sensitivity: float, specificity: float, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """What a classifier of these errors sees."""
    return rng.random(labels.shape) < np.where(labels, sensitivity, 1 - specificity)


def real_faces(
    rng: np.random.Generator, persons: int, sensitivity: float, specificity: float
) -> Recognised:
    """Of persons with four pictures each, who share their attributes."""
    labels = np.repeat(rng.random((persons, 2)) < 0.5, 4, axis=0)
    identity = rng.normal(size=(4 * persons, 3))
    identity /= np.linalg.norm(identity, axis=1, keepdims=True)
    seen = seen_by(labels, sensitivity, specificity, rng)
    return Recognised(np.repeat(np.arange(persons), 4), labels, seen, identity)


def translations(
    rng: np.random.Generator,
    real: Recognised,
    share: float,
    sensitivity: float,
    specificity: float,
    seeds: int = 3,
) -> Translated:
    """Both attributes of each face changed, of which `share` truly show what was wanted."""
    persons, attribute = np.repeat(real.persons, 2), np.tile([0, 1], len(real.persons))
    set_to = ~real.labels.reshape(-1)
    able = np.clip(share + rng.normal(0, 0.1, len(np.unique(persons))), 0, 1)
    shows = rng.random((seeds, len(persons))) < able[persons]
    has = shows == set_to
    seen = seen_by(has, sensitivity, specificity, rng)
    return Translated(persons, attribute, set_to, (seen == set_to).astype(float))


def test_sensitivity_and_specificity_are_shares_of_either_value() -> None:
    rng = np.random.default_rng(0)
    real = real_faces(rng, 30, 0.8, 0.9)
    rows = {
        (row["metric"], row["attribute"]): row
        for row in recognition_rows(real, ATTRIBUTES, "inside", 0.95)
    }
    assert len(rows) == 6
    for metric, having in (("sensitivity", real.labels), ("specificity", ~real.labels)):
        right = real.seen == real.labels
        assert rows[metric, None]["estimate"] == pytest.approx(right[having].mean())
        for k, name in enumerate(ATTRIBUTES):
            row = rows[metric, name]
            assert row["estimate"] == pytest.approx(right[having[:, k], k].mean())
            assert row["faces"] == having[:, k].sum()
            assert row["low"] < row["estimate"] < row["high"]
            assert row["group"] == "side: inside"


def test_an_attribute_of_few_faces_has_no_rate_of_its_own() -> None:
    rng = np.random.default_rng(0)
    real = real_faces(rng, 30, 0.8, 0.9)
    real.labels[:, 1] = False
    real.labels[: FEW - 1, 1] = True
    found = {
        (row["metric"], row["attribute"])
        for row in recognition_rows(real, ATTRIBUTES, "inside", 0.95)
    }
    assert ("sensitivity", "Fair") not in found
    assert ("specificity", "Fair") in found


def test_without_errors_the_corrected_transfer_is_the_observed() -> None:
    rng = np.random.default_rng(1)
    real = real_faces(rng, 20, 1, 1)
    made = translations(rng, real, 0.6, 1, 1)
    both = corrected(real, made)
    assert both is not None
    assert both[0].values.mean(1) == pytest.approx(made.shown.mean(1))
    assert both[1] == pytest.approx(made.shown.mean(0))
    assert (both[0].faces, both[0].persons) == (160, 20)


def test_the_correction_is_that_of_rogan_and_gladen() -> None:
    """By hand, of one attribute, set and unset: their formula with either's own rates."""
    rng = np.random.default_rng(2)
    real = real_faces(rng, 40, 0.7, 0.9)
    made = translations(rng, real, 0.6, 0.7, 0.9)
    only = made.attribute == 0
    made = Translated(
        *(x[only] for x in (made.persons, made.attribute, made.set_to)), made.shown[:, only]
    )
    yes, seen = real.labels[:, 0], real.seen[:, 0]
    sensitivity, specificity = seen[yes].mean(), (~seen[~yes]).mean()
    parts = []
    for set_to, true, false in (
        (True, sensitivity, specificity),
        (False, specificity, sensitivity),
    ):
        observed = made.shown[:, made.set_to == set_to].mean()
        share = (observed + false - 1) / (true + false - 1)
        parts.append((share, (made.set_to == set_to).sum()))
    expected = sum(share * n for share, n in parts) / len(made.persons)
    both = corrected(real, made)
    assert both is not None
    assert both[0].values.mean() == pytest.approx(expected)


def test_a_classifier_that_sees_one_side_worse_makes_no_gap() -> None:
    """Raw, its errors look like the generator's; corrected, the interval covers truth and zero."""
    covered, raw, missed, studies = 0, 0, 0, 150
    rng = np.random.default_rng(3)
    for _ in range(studies):
        pair = []
        for sensitivity, specificity in ((0.95, 0.95), (0.75, 0.8)):
            real = real_faces(rng, 20, sensitivity, specificity)
            made = translations(rng, real, 0.7, sensitivity, specificity)
            both = corrected(real, made)
            assert both is not None
            observed = made.shown.mean()
            pair.append((both[0], observed))
        gap = realism_gap(pair[0][0], pair[1][0], 0.95)
        raw += pair[1][1] - pair[0][1] < -0.03
        covered += gap["low"] < 0 < gap["high"]
        own = realism("corrected attribute transfer", pair[1][0], 0.95)
        missed += not own["low"] <= 0.7 <= own["high"]
    assert raw > 0.8 * studies, "the raw gap is the classifier's"
    assert covered >= 0.9 * studies
    assert missed <= 0.1 * studies


def test_the_interval_carries_the_doubt_about_the_classifier() -> None:
    """With few real faces it is wider than with many, on as many translations."""
    rng = np.random.default_rng(4)
    many = real_faces(rng, 20, 0.8, 0.9)
    made = translations(rng, many, 0.7, 0.8, 0.9)
    errors = []
    for pictures in (4, 1):
        some = np.arange(len(many.persons)) % 4 < pictures
        real = Recognised(*(x[some] for x in (many.persons, many.labels, many.seen, many.identity)))
        both = corrected(real, made)
        assert both is not None
        errors.append(realism("corrected attribute transfer", both[0], 0.95)["standard_error"])
    assert errors[1] > 1.15 * errors[0]


def test_what_is_no_better_than_chance_corrects_nothing() -> None:
    rng = np.random.default_rng(5)
    real = real_faces(rng, 20, 0.5, 0.5)
    assert corrected(real, translations(rng, real, 0.7, 0.5, 0.5)) is None


def test_cosines_of_real_persons_are_means_over_their_pairs() -> None:
    rng = np.random.default_rng(6)
    real = real_faces(rng, 8, 1, 1)
    persons = real.persons.copy()
    persons[0] = 99  # with one picture, none to compare with
    real = Recognised(persons, real.labels, real.seen, real.identity)
    rows = {row["metric"]: row for row in identity_rows(real, "outside", rng, 0.95)}
    cosines = real.identity @ real.identity.T
    same, apart = [], []
    for one in np.unique(persons):
        own = cosines[np.ix_(persons == one, persons == one)]
        if len(own) > 1:
            same.append(own[~np.eye(len(own), dtype=bool)].mean())
        apart += [
            cosines[np.ix_(persons == one, persons == two)].mean()
            for two in np.unique(persons)
            if two != one
        ]
    assert rows["same person"]["estimate"] == pytest.approx(np.mean(same))
    assert rows["same person"]["persons"] == 8
    assert rows["different persons"]["estimate"] == pytest.approx(np.mean(apart))
    for row in rows.values():
        assert row["low"] < row["estimate"] < row["high"]
        assert row["group"] == "side: outside"


def test_where_nobody_has_two_pictures_only_different_persons_are_compared() -> None:
    rng = np.random.default_rng(7)
    real = real_faces(rng, 8, 1, 1)
    real = Recognised(np.arange(32), real.labels, real.seen, real.identity)
    assert [row["metric"] for row in identity_rows(real, "inside", rng, 0.95)] == [
        "different persons"
    ]
