"""Splits: whole persons, by seed, to the face where that can be."""

import logging

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facegap.acquire.splits import Sizes, choose, split_faces, split_table
from facegap.errors import DataError
from facegap.settings.acquire import Split

people = st.lists(st.one_of(st.none(), st.integers(0, 12).map(str)), min_size=1, max_size=60)


def split(subjects: list[str | None], train: int, test: int, seed: int = 0) -> pd.Series:
    column = pd.Series(subjects, dtype="str")
    return split_faces(column, Sizes(train, test), np.random.default_rng(seed))


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
    column = pd.Series(subjects, dtype="str")
    parts = split_faces(column, Split(train=0.5, test=0.2), np.random.default_rng(0))
    assert parts.value_counts()["train"] == 150


def test_asking_for_more_than_there_is_names_both() -> None:
    with pytest.raises(DataError, match=r"ask for 4 faces, and there are 3: lower them"):
        split(["a", "b", "c"], 3, 1)
    with pytest.raises(DataError, match="5 faces are asked for, there are 3"):
        choose(pd.Series(["a", "b", "c"]), 5, np.random.default_rng(0))


def test_a_choice_takes_whole_persons() -> None:
    subjects = pd.Series([str(k // 4) for k in range(40)])
    chosen = choose(subjects, 12, np.random.default_rng(0))
    assert chosen.sum() == 12
    assert chosen.groupby(subjects).nunique().max() == 1
    assert choose(subjects, None, np.random.default_rng(0)).all()


def population(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(300), 1 + rng.poisson(4, 300))
    male = np.repeat(rng.random(300) < 0.4, np.bincount(person))
    gender = np.where(male, "male", "female")
    return pd.DataFrame({"subject_id": [f"p{k}" for k in person], "gender": gender})


@pytest.mark.parametrize("seed", range(3))
def test_a_sample_of_persons_keeps_the_shares_of_the_strata(seed: int) -> None:
    faces = population(seed)
    split = Split(train=120, test=40, pictures=1, strata=["gender"])
    parts = split_table(faces, split, np.random.default_rng(seed), "faces")
    sampled = parts.isin(["train", "test"])
    assert (parts == "train").sum() == 120
    assert (parts == "test").sum() == 40
    assert faces["subject_id"][sampled].is_unique
    persons = faces.drop_duplicates("subject_id")
    for part, size in (("train", 120), ("test", 40)):
        male = (faces["gender"][parts == part] == "male").sum()
        assert abs(male - size * (persons["gender"] == "male").mean()) < 1
    again = split_table(faces, split, np.random.default_rng(seed), "faces")
    pd.testing.assert_series_equal(parts, again)


@given(people, st.integers(1, 3), st.data())
def test_the_test_part_has_few_pictures_of_a_person_and_no_other_part_has_that_person(
    subjects: list[str | None], most: int, data: st.DataObject
) -> None:
    train = data.draw(st.integers(0, len(subjects) - 1))
    test = data.draw(st.integers(0, len(subjects) - 1 - train))
    column = pd.Series(subjects, dtype="str")
    parts = split_faces(column, Sizes(train, test), np.random.default_rng(0), most)
    assert (parts == "test").sum() <= test
    assert (parts == "train").sum() <= train
    for person in set(subjects) - {None}:
        theirs = parts[column == person]
        assert set(theirs) in ({"train"}, {"rest"}, {"test"}, {"test", "rest"})
        if "test" in set(theirs):
            assert (theirs == "test").sum() == min(most, len(theirs))


def test_with_one_picture_each_there_are_as_many_persons_as_test_faces() -> None:
    faces = population(3)
    split = Split(train=400, test=150, test_pictures=1)
    parts = split_table(faces, split, np.random.default_rng(3), "faces")
    tested = faces["subject_id"][parts == "test"]
    assert len(tested) == tested.nunique() == 150
    trained = faces["subject_id"][parts == "train"]
    assert len(trained) == 400
    assert trained.nunique() < 200, "who trains does so with several pictures"
    assert not set(tested) & set(trained)


def test_the_first_rows_can_be_the_test_part_already() -> None:
    faces = population(4)
    split = Split(train=200, test=60, test_pictures=1)
    parts = split_table(faces, split, np.random.default_rng(0), "faces", tested=60)
    assert (parts[:60] == "test").all()
    assert (parts[60:] != "test").all()
    assert (parts == "train").sum() == 200


def test_without_strata_and_pictures_the_split_is_of_all_faces() -> None:
    faces = population(1)
    split = Split(train=0.5, test=0.2)
    parts = split_table(faces, split, np.random.default_rng(4), "faces")
    plain = split_faces(faces["subject_id"], split, np.random.default_rng(4))
    assert parts.tolist() == plain.tolist()


def test_what_a_sample_lacks_is_named() -> None:
    faces = population(2)
    rng = np.random.default_rng(0)
    with pytest.raises(DataError, match=r"faces\.csv: no column hat for split\.strata"):
        split_table(faces, Split(train=5, test=5, strata=["hat"]), rng, "faces.csv")
    with pytest.raises(DataError, match="ask for 400 faces, and 300 are there"):
        split_table(faces, Split(train=300, test=100, pictures=1), rng, "faces.csv")


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xy")), min_size=8, max_size=60),
    st.floats(0.2, 0.8),
)
def test_strata_allow_all_faces_to_be_split(rows: list[tuple[str, str]], test: float) -> None:
    faces = pd.DataFrame(rows, columns=["gender", "race_raw"]).assign(subject_id=None)
    split = Split(train=1 - test, test=test, strata=["gender", "race_raw"])
    parts = split_table(faces, split, np.random.default_rng(0), "faces")
    assert (parts == "test").sum() == round(test * len(faces))
    assert set(parts) == {"train", "test"}
    shares = (parts == "test").groupby([faces["gender"], faces["race_raw"]]).agg(["sum", "size"])
    assert ((shares["sum"] - test * shares["size"]).abs() < 1.51).all(), "whole faces, rounded"


def test_a_rare_stratum_does_not_stop_a_split_of_all() -> None:
    faces = pd.DataFrame({"gender": ["male"] * 203 + ["female"] * 13, "subject_id": None})
    split = Split(train=0.5, test=0.5, strata=["gender"])
    parts = split_table(faces, split, np.random.default_rng(0), "faces")
    assert parts.value_counts().to_dict() == {"train": 108, "test": 108}
    assert (parts[203:] == "test").sum() in (6, 7)


def test_a_part_that_stays_empty_is_named() -> None:
    faces = pd.DataFrame({"subject_id": [str(k // 20) for k in range(100)]})
    with pytest.raises(DataError) as error:
        split_table(faces, Split(train=70, test=10), np.random.default_rng(0), "target/faces")
    message = str(error.value)
    assert "target/faces: split.test asks for 10 faces and gets none" in message
    assert "raise split.test" in message


def test_what_was_asked_and_what_came_is_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    faces = pd.DataFrame({"subject_id": [str(k // 20) for k in range(100)]})
    split_table(faces, Split(train=70, test=20), np.random.default_rng(0), "faces")
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("INFO", "faces: split.test asks for 20 faces and gets 20"),
        ("WARNING", "faces: split.train asks for 70 faces and gets 60"),
    ]
