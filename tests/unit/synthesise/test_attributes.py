"""One attribute is changed, and nothing else but what it excludes."""

from pathlib import Path
from random import Random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from facegap.attributes import change_in_words, read_labels
from facegap.errors import DataError
from facegap.synthesise.changes import Together, changed

NAMES = ["Black_Hair", "Young", "Blond_Hair", "Bangs", "Brown_Hair"]
HAIR = [["Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair"]]  # the last is not in use
HAIRS = [0, 2, 4]
labels = arrays(
    np.float32, st.tuples(st.integers(1, 8), st.just(5)), elements=st.sampled_from([0, 1])
)


@given(labels, st.sampled_from(["Young", "Bangs"]))
def test_a_free_attribute_is_reversed_alone_and_twice_is_nothing(
    before: np.ndarray, name: str
) -> None:
    after, differs = changed(before, name, NAMES, HAIR)
    column = NAMES.index(name)
    assert differs.all()
    assert (after[:, column] == 1 - before[:, column]).all()
    assert (np.delete(after, column, 1) == np.delete(before, column, 1)).all()
    assert (changed(after, name, NAMES, HAIR)[0] == before).all()


@given(labels, st.sampled_from(["Black_Hair", "Blond_Hair", "Brown_Hair"]))
def test_setting_a_hair_colour_unsets_the_others(before: np.ndarray, name: str) -> None:
    after, differs = changed(before, name, NAMES, HAIR)
    column = NAMES.index(name)
    assert (after[:, column] == 1).all()
    assert (after[:, HAIRS].sum(1) == 1).all()
    assert (after[:, [1, 3]] == before[:, [1, 3]]).all()
    assert (differs == (before[:, column] == 0)).all()
    again, differs = changed(after, name, NAMES, HAIR)
    assert (again == after).all()
    assert not differs.any()


SOME = arrays(
    np.float32, st.tuples(st.integers(1, 30), st.just(3)), elements=st.sampled_from([0, 1])
)


@given(SOME, SOME, st.integers(0, 2), st.sampled_from([0.0, 0.1, 0.5, 1.0]), st.randoms())
def test_a_change_is_asked_where_its_value_is_met_with_all_others(
    trained: np.ndarray, wanted: np.ndarray, column: int, least: float, chance: Random
) -> None:
    """Counted face by face and pair by pair."""

    def controls(count: int) -> pd.Series:
        return pd.Series([chance.choice(["male", "female"]) for _ in range(count)], dtype="str")

    own, theirs = controls(len(trained)), controls(len(wanted))
    found = Together.on(trained, own, least).allow(wanted, theirs, column)
    for k, face in enumerate(wanted):
        new = [row[column] == face[column] for row in trained]
        others = [[row[j] == face[j] for row in trained] for j in range(3) if j != column]
        others.append([value == theirs[k] for value in own])
        expected = all(
            sum(a and b for a, b in zip(new, other, strict=True))
            >= least * sum(new) * sum(other) / len(trained) - 1e-9
            for other in others
        )
        assert found[k] == expected


def test_what_excludes_each_other_is_not_asked() -> None:
    """Bald and Bangs never meet, beards are men's; bangs on a man are rare, and stay."""
    rng = np.random.default_rng(0)
    control = pd.Series(np.where(rng.random(4000) < 0.5, "male", "female"))
    man = (control == "male").to_numpy()
    bald = man & (rng.random(4000) < 0.1)
    bangs = ~bald & (rng.random(4000) < np.where(man, 0.05, 0.3))
    beard = man & (rng.random(4000) < 0.3)
    trained = np.stack([bald, bangs, beard], 1).astype(np.float32)
    together = Together.on(trained, control, 0.1)
    men, women = pd.Series(["male"]), pd.Series(["female"])

    def asked(face: list[int], who: pd.Series, column: int) -> bool:
        return bool(together.allow(np.array([face], np.float32), who, column)[0])

    assert not asked([1, 1, 0], men, 1), "bangs for who is bald"
    assert not asked([1, 1, 0], men, 0), "baldness for who has bangs"
    assert not asked([0, 0, 1], women, 2)
    assert not asked([1, 0, 0], women, 0)
    assert asked([0, 0, 1], men, 2)
    assert asked([0, 1, 0], men, 1)
    assert asked([0, 0, 0], women, 1)
    every = Together.on(trained, control, 0.0)
    assert every.allow(np.array([[1, 1, 1]], np.float32), women, 0).all()


def faces_table(path: Path, **columns: object) -> Path:
    ids = ["a", "b", "c"]
    nothing = pd.Series([None] * 3, dtype="str")
    table = pd.DataFrame(
        {
            "face_id": ids,
            "path": ids,
            "subject_id": nothing,
            "split": "rest",
            "age": np.nan,
            "gender": nothing,
            "race_raw": nothing,
            **columns,
        }
    )
    table.to_parquet(path)
    return path


def test_labels_come_in_the_order_asked(tmp_path: Path) -> None:
    path = faces_table(tmp_path / "f.parquet", Young=pd.array([1, 0, 1], "Int8"), Bald=[0, 0, 1])
    read = read_labels(path, pd.Series(["c", "b"]), ["Bald", "Young"])
    assert read.tolist() == [[1, 1], [0, 0]]
    assert read.dtype == np.float32


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({}, "no values of the attribute Young"),
        ({"Young": pd.array([None] * 3, "Int8")}, "no values of the attribute Young"),
        ({"Young": [1, 2, 0]}, "Young has values other than 0 and 1"),
        ({"Young": pd.array([1, None, 0], "Int8")}, "lacks an attribute"),
    ],
)
def test_an_attribute_that_is_not_there_is_named(
    tmp_path: Path, columns: dict[str, object], words: str
) -> None:
    path = faces_table(tmp_path / "f.parquet", **columns)
    with pytest.raises(DataError, match=words):
        read_labels(path, pd.Series(["a", "b"]), ["Young"])


def test_an_unknown_face_is_named(tmp_path: Path) -> None:
    path = faces_table(tmp_path / "f.parquet", Young=[1, 0, 1])
    with pytest.raises(DataError, match="no face z"):
        read_labels(path, pd.Series(["a", "z"]), ["Young"])


@pytest.mark.parametrize(
    ("attribute", "value", "words"),
    [
        ("Young", True, "made younger"),
        ("Young", False, "made older"),
        ("No_Beard", True, "beard taken away"),
        ("No_Beard", False, "beard added"),
        ("Black_Hair", True, "black hair added"),
        ("Bald", False, "given hair"),
    ],
)
def test_a_change_is_named_in_words(attribute: str, value: bool, words: str) -> None:
    assert change_in_words(attribute, value) == words
