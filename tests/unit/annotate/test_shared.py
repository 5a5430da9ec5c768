"""Some of the annotators on each face: what is simulated, merged, measured and refused."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facegap.annotate.agreement import measure_agreement
from facegap.annotate.merge import merge_annotators
from facegap.annotate.sample import shared_out
from facegap.annotate.simulated import simulate_annotator
from facegap.errors import DataError
from facegap.settings.acquire import OwnLabel
from facegap.settings.annotate import Annotate, Person
from facegap.settings.measure import Intervals
from facegap.tables.acquire import FACES
from facegap.tables.annotate import LABELS
from facegap.tables.base import read_table, write_table
from facegap.tables.measure import ESTIMATES

TRUTH = OwnLabel(column="group", inside=["A"], outside=["B"])
ERROR = {"ada": 0.05, "ben": 0.1, "cleo": 0.2, "dan": 0.15, "eva": 0.3}


@given(st.integers(0, 80), st.integers(2, 7), st.integers(1, 7), st.integers(0, 9))
def test_each_face_has_so_many_and_nobody_has_much_more(
    faces: int, annotators: int, each: int, seed: int
) -> None:
    each = min(each, annotators)
    taken = shared_out(faces, annotators, each, np.random.default_rng(seed))
    assert (taken.sum(axis=1) == each).all()
    assert np.ptp(taken.sum(axis=0)) <= 1


@pytest.fixture
def settings() -> Annotate:
    people = {name: Person(error=error) for name, error in ERROR.items()}
    return Annotate(annotators=people, answers_per_face=3)


@pytest.fixture
def folder(tmp_path: Path, settings: Annotate) -> Path:
    """Answers of five simulated annotators, three on each of 2,000 faces."""
    n = np.arange(2000)
    faces = pd.DataFrame(
        {
            "face_id": [f"{i:04}" for i in n],
            "path": [f"{i}.png" for i in n],
            "subject_id": [f"p{i // 2}" for i in n],
            "split": np.where(n < 1200, "train", "test"),
            "age": 30.0,
            "gender": None,
            "race_raw": None,
            "group": np.where(n % 4 < 2, "A", "B"),
        }
    )
    write_table(faces, tmp_path / "faces.parquet", FACES)
    for name in ERROR:
        simulate_annotator(
            faces=tmp_path / "faces.parquet",
            answers=tmp_path / f"{name}.csv",
            annotator=name,
            own_label=TRUTH,
            settings=settings,
            seed=1,
        )
    return tmp_path


def merged(folder: Path, settings: Annotate) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Labels and estimates."""
    faces, labels = folder / "faces.parquet", folder / "labels.parquet"
    answers = [folder / f"{name}.csv" for name in ERROR]
    merge_annotators(
        faces=faces, answers=answers, labels=labels, settings=settings, adjudication=None
    )
    measure_agreement(
        faces=faces,
        answers=answers,
        labels=labels,
        settings=settings,
        agreement=folder / "agreement.json",
        estimates=folder / "estimates.parquet",
        intervals=Intervals(),
        study="drawn",
        seed=1,
    )
    return read_table(labels, LABELS), read_table(folder / "estimates.parquet", ESTIMATES)


def test_a_face_is_agreed_where_its_three_agree(folder: Path, settings: Annotate) -> None:
    labels, _ = merged(folder, settings)
    given = pd.concat(
        pd.read_csv(folder / f"{name}.csv", dtype={"face_id": str}).assign(name=name)
        for name in ERROR
    ).query("showing == 0")
    sides = given.groupby("face_id")["side"].nunique()
    agreed = labels.set_index("face_id")["provenance"] == "agreed"
    assert (agreed == (sides == 1).reindex(agreed.index)).all()
    names = given.sort_values("name").groupby("face_id")["name"].agg("+".join)
    assert (labels.set_index("face_id")["annotators"] == names).all()
    assert (labels["annotators"].str.count(r"\+") == 2).all()


def test_each_annotators_error_is_found_and_the_truth_stands_beside(
    folder: Path, settings: Annotate
) -> None:
    _, table = merged(folder, settings)
    rows = table[table["quantity"] == "annotator error"]
    assert set(rows["group"]) == {"side: inside", "side: outside"}
    assert dict(zip(rows["model"], rows["truth"], strict=True)) == ERROR
    assert (rows["low"] < rows["estimate"]).all()
    held = (rows["low"] <= rows["truth"]) & (rows["truth"] <= rows["high"])
    assert held.sum() >= 9, "of ten intervals of 95%"
    order = rows.groupby("model")["estimate"].mean().sort_values()
    assert list(order.index[[0, -1]]) == ["ada", "eva"]


def test_counts_are_of_the_faces_that_both_have_answered(folder: Path, settings: Annotate) -> None:
    _, table = merged(folder, settings)
    facts = json.loads((folder / "agreement.json").read_text())
    for pair in facts["pairs"]:
        both = sum(map(sum, pair["confusion"]))
        row = table[
            (table["quantity"] == "raw agreement")
            & (table["model"] == ", ".join(pair["annotators"]))
        ]
        assert row["faces"].item() == both
        assert 500 < both < 700, "3 of 10 pairs on each of 2,000"
    shares = table[table["quantity"] == "inside share"]
    assert (shares["answers"] == 1200).all()
    assert table[table["quantity"] == "Krippendorff's alpha"]["faces"].item() == 2000


def test_a_face_with_too_few_answers_is_named(folder: Path, settings: Annotate) -> None:
    place = folder / "ada.csv"
    rows = pd.read_csv(place, dtype=str)
    gone = rows["face_id"].iloc[0]
    rows[rows["face_id"] != gone].to_csv(place, index=False)
    with pytest.raises(DataError, match=rf"fewer than 3 answers .* on 1 face \({gone}\)"):
        merged(folder, settings)


def test_more_answers_a_face_than_annotators_are_refused() -> None:
    people = {name: Person(error=0.1) for name in ("ada", "ben")}
    with pytest.raises(ValueError, match="3, of 2 annotators; name more"):
        Annotate(annotators=people, answers_per_face=3)
