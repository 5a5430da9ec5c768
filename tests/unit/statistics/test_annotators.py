"""Dawid and Skene's model: a published example, errors that are known, and what tells none."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from facegap.statistics.annotators import LEAST, dawid_skene, errors

# Dawid and Skene (1979), table 1: 45 patients, whom observer 1 classed three times, 2 to 5 once
PATIENTS = """
111 1 1 1 1|333 4 3 3 4|112 2 1 2 2|222 3 1 2 1|222 3 2 2 2|222 3 3 2 2|122 2 1 1 1|333 3 4 3 3|
222 2 2 2 3|232 2 2 2 3|444 4 4 4 4|222 3 3 4 3|111 1 1 1 1|222 3 2 1 2|121 1 1 1 1|111 2 1 1 1|
111 1 1 1 1|111 1 1 1 1|222 2 2 2 1|222 1 3 2 2|222 2 2 2 2|222 2 2 2 1|222 3 2 2 2|221 2 2 2 2|
111 1 1 1 1|111 1 1 1 1|232 2 2 2 2|111 1 1 1 1|111 1 1 1 1|112 1 1 2 1|111 1 1 1 1|333 3 2 3 3|
111 1 1 1 1|222 2 2 2 2|222 3 2 3 2|433 4 3 4 3|221 2 2 3 2|232 3 2 3 3|333 3 4 3 2|111 1 1 1 1|
111 1 1 1 1|121 2 1 1 1|232 2 2 2 2|121 1 1 1 1|222 2 2 2 2
""".replace("\n", "")


def drawn(
    rng: np.random.Generator, faces: int, error: tuple[float, ...], share: float = 0.5
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.str_]]:
    """Answers, truth and persons, who have two faces each."""
    truth = (rng.random(faces) < share).astype(int)
    wrong = rng.random((faces, len(error))) < np.array(error)
    persons = np.array([f"p{k // 2}" for k in range(faces)])
    return np.where(wrong, 1 - truth[:, None], truth[:, None]), truth, persons


def test_the_published_example() -> None:
    counts = np.zeros((45, 5, 4))
    for patient, row in enumerate(PATIENTS.split("|")):
        for observer, words in enumerate(row.split()):
            for word in words:
                counts[patient, observer, int(word) - 1] += 1
    found = dawid_skene(counts, np.ones(45))
    np.testing.assert_allclose(found.shares, [0.40, 0.42, 0.11, 0.07], atol=0.005)
    np.testing.assert_allclose(
        found.confusion[0],
        [[0.89, 0.11, 0, 0], [0.07, 0.88, 0.05, 0], [0, 0.34, 0.66, 0], [0, 0, 0.56, 0.44]],
        atol=0.005,
    )


def test_errors_of_careful_and_careless_annotators_are_told_apart() -> None:
    error = (0.05, 0.1, 0.3)
    answers, _, persons = drawn(np.random.default_rng(1), 4000, error)
    found = errors(answers, persons, 0.95)
    for both, true in zip(found, error, strict=True):
        for side in both:
            assert side.low < true < side.high
            assert side.high - side.low < 0.1


def test_answers_that_are_missing_change_no_estimate_but_its_interval() -> None:
    rng = np.random.default_rng(3)
    answers, _, persons = drawn(rng, 6000, (0.05, 0.1, 0.2, 0.1))
    missing = np.argsort(rng.random(answers.shape), axis=1) == 0  # three of four answer
    some = errors(np.where(missing, -1, answers), persons, 0.95)
    for both, true in zip(some, (0.05, 0.1, 0.2, 0.1), strict=True):
        for side in both:
            assert abs(side.estimate - true) < 0.03


def test_two_annotators_tell_nothing_unless_faces_are_known() -> None:
    answers, truth, persons = drawn(np.random.default_rng(5), 2000, (0.1, 0.2))
    with pytest.raises(ValueError, match="2 annotators tell nobody's errors"):
        errors(answers, persons, 0.95)
    known = np.where(np.arange(2000) < 800, truth, -1)
    found = errors(answers, persons, 0.95, known)
    for both, true in zip(found, (0.1, 0.2), strict=True):
        for side in both:
            assert side.low < true < side.high


def test_of_faces_that_are_all_known_errors_are_shares() -> None:
    answers, truth, persons = drawn(np.random.default_rng(6), 500, (0.1, 0.2))
    found = errors(answers, persons, 0.95, truth)
    for annotator, both in enumerate(found):
        for kind, side in enumerate(both):
            wrong = answers[truth == kind, annotator] != kind
            assert side.estimate == pytest.approx(wrong.mean())


def test_who_makes_next_to_no_errors_has_no_interval() -> None:
    answers, _, persons = drawn(np.random.default_rng(7), 400, (0.0, 0.1, 0.1))
    (inside, outside), *_ = errors(answers, persons, 0.95)
    for side in (inside, outside):
        assert side.estimate * 200 < LEAST
        assert np.isnan([side.low, side.high]).all()


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_the_order_of_faces_and_annotators_changes_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    answers, _, _ = drawn(rng, 60, (0.1, 0.2, 0.3))
    counts = np.stack([answers == kind for kind in (0, 1)], axis=2).astype(float)
    found = dawid_skene(counts, np.ones(60))
    rows, columns = rng.permutation(60), rng.permutation(3)
    again = dawid_skene(counts[rows][:, columns], np.ones(60))
    np.testing.assert_allclose(again.confusion, found.confusion[columns], atol=1e-5)
    weighted = dawid_skene(counts, np.full(60, 3.0))
    np.testing.assert_allclose(weighted.confusion, found.confusion, atol=1e-5)
