"""Splits: whole persons, by seed, to the face where that can be."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facegap.acquire.splits import choose, split_faces
from facegap.errors import DataError

people = st.lists(st.one_of(st.none(), st.integers(0, 12).map(str)), min_size=1, max_size=60)


def split(subjects: list[str | None], train: float, test: float, seed: int = 0) -> pd.Series:
    column = pd.Series(subjects, dtype="str")
    return split_faces(column, {"train": train, "test": test}, np.random.default_rng(seed))


@given(people, st.data())
def test_nobody_is_in_two_parts_and_no_part_is_too_large(
    subjects: list[str | None], data: st.DataObject
) -> None:
    train = data.draw(st.integers(0, len(subjects) - 1))
    test = data.draw(st.integers(0, len(subjects) - 1 - train))
    parts = split(subjects, train, test)
    for person in set(subjects) - {None}:
        assert parts[[name == person for name in subjects]].nunique() == 1
    assert (parts == "train").sum() <= train
    assert (parts == "test").sum() <= test
    if set(subjects) == {None}:
        assert (parts == "train").sum() == train
        assert (parts == "test").sum() == test
    assert parts.equals(split(subjects, train, test)), "the same seed gives the same split"


@given(people)
def test_nobody_rests_when_the_parts_are_all(subjects: list[str | None]) -> None:
    test = len(subjects) // 4
    parts = split(subjects, len(subjects) - test, test)
    assert "rest" not in set(parts)
    most = pd.Series(subjects, dtype="str").value_counts().max()
    if not np.isnan(most):
        assert abs((parts == "test").sum() - test) <= most


def test_exact_sizes_where_persons_allow_them() -> None:
    subjects = [str(k // 3) for k in range(300)]
    parts = split(subjects, 150, 60)
    assert parts.value_counts().to_dict() == {"train": 150, "test": 60, "rest": 90}
    assert split(subjects, 0.5, 0.2).value_counts()["train"] == 150


def test_asking_for_more_than_there_is_names_both() -> None:
    with pytest.raises(DataError, match=r"needs more than the 3 there are"):
        split(["a", "b", "c"], 3, 1)
    with pytest.raises(DataError, match="5 faces are asked for, there are 3"):
        choose(pd.Series(["a", "b", "c"]), 5, np.random.default_rng(0))


def test_a_choice_takes_whole_persons() -> None:
    subjects = pd.Series([str(k // 4) for k in range(40)])
    chosen = choose(subjects, 12, np.random.default_rng(0))
    assert chosen.sum() == 12
    assert chosen.groupby(subjects).nunique().max() == 1
    assert choose(subjects, None, np.random.default_rng(0)).all()
