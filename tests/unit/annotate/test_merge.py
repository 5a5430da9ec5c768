"""Merging people's answers: laws of the merge, agreement, and every kind of bad file."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facegap.annotate.agreement import (
    agreement_rows,
    answer_error,
    confusions,
    measure_agreement,
)
from facegap.annotate.merge import merge, merge_annotators
from facegap.annotate.simulated import simulate_annotator
from facegap.answers import as_given, simulated_answers
from facegap.errors import DataError
from facegap.settings.acquire import OwnLabel
from facegap.settings.annotate import Annotate, Person, Tentative
from facegap.settings.measure import Intervals
from facegap.tables.acquire import FACES
from facegap.tables.annotate import LABELS
from facegap.tables.base import metadata, read_table, write_table
from facegap.tables.measure import ESTIMATES, estimates

TRUTH = OwnLabel(column="group", inside=["A"], outside=["B"])
SAMPLE = 40  # of 60 faces, two of one person after another


def settings_of(names: Sequence[str], error: float = 0.1, repeated: float = 0.1) -> Annotate:
    people = {name: Person(error=error) for name in names}
    return Annotate(annotators=people, repeated=repeated)


def simulate(folder: Path, name: str, settings: Annotate) -> None:
    simulate_annotator(
        faces=folder / "faces.parquet",
        answers=folder / f"{name}.csv",
        annotator=name,
        own_label=TRUTH,
        settings=settings,
        seed=1,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the table of 60 drawn faces and two annotators who err now and then."""
    n = np.arange(60)
    faces = pd.DataFrame(
        {
            "face_id": [f"{i:04}" for i in n],
            "path": [f"{i}.png" for i in n],
            "subject_id": [f"p{i // 2}" for i in n],
            "split": np.select([n < 24, n < SAMPLE], ["train", "test"], "rest"),
            "age": 30.0,
            "gender": None,
            "race_raw": None,
            "group": np.where(n % 4 < 2, "A", "B"),
        }
    )
    write_table(faces, tmp_path / "faces.parquet", FACES)
    for name in ("ada", "ben"):
        simulate(tmp_path, name, settings_of(["ada", "ben"]))
    return tmp_path


def value(table: pd.DataFrame, quantity: str, group: str = "all", model: str | None = None) -> Any:
    """The one row of a quantity."""
    of = table["model"].isna() if model is None else table["model"] == model
    rows = table[(table["quantity"] == quantity) & (table["group"] == group) & of]
    assert len(rows) == 1
    return rows.iloc[0]


def interval(row: Any) -> Any:
    return pytest.approx(row[["estimate", "low", "high"]].tolist(), nan_ok=True)


def merged(
    folder: Path, names: Sequence[str] = ("ada", "ben"), adjudication: str | None = None
) -> tuple[pd.DataFrame, dict[str, Any], pd.DataFrame]:
    """Labels, facts and estimates of these annotators."""
    inputs: dict[str, Any] = {
        "faces": folder / "faces.parquet",
        "answers": [folder / f"{name}.csv" for name in names],
        "labels": folder / "labels.parquet",
        "settings": settings_of(names),
    }
    merge_annotators(**inputs, adjudication=folder / adjudication if adjudication else None)
    measure_agreement(
        **inputs,
        agreement=folder / "agreement.json",
        estimates=folder / "estimates.parquet",
        intervals=Intervals(),
        study="drawn",
        seed=1,
    )
    facts = json.loads((folder / "agreement.json").read_text())
    table = read_table(folder / "estimates.parquet", ESTIMATES)
    error = float(metadata(folder / "labels.parquet")["answer_error"])
    assert error == pytest.approx(value(table, "answer error")["estimate"], abs=1e-12)
    return read_table(folder / "labels.parquet", LABELS), facts, table


def answers_of(folder: Path, name: str) -> pd.DataFrame:
    """The first answers of an annotator; the four repeated ones are left out."""
    rows = pd.read_csv(folder / f"{name}.csv", dtype=str)
    return rows[rows["showing"] == "0"].reset_index(drop=True)


def test_simulated_annotators_err_on_their_own_and_label_the_sample_only(folder: Path) -> None:
    ada, ben = (answers_of(folder, name) for name in ("ada", "ben"))
    assert ada["face_id"].tolist() == [f"{i:04}" for i in range(SAMPLE)]
    assert not ada.equals(ben)
    group = pd.read_parquet(folder / "faces.parquet")["group"][:SAMPLE]
    truth = np.where(group == "A", "inside", "outside")
    simulate(folder, "exact", settings_of(["exact"], error=0, repeated=0))
    assert (answers_of(folder, "exact")["side"] == truth).all()
    sides = pd.Series(truth, ada["face_id"], dtype="str")
    rng = np.random.default_rng(0)
    wrong = simulated_answers(sides, error=1, tentative=Tentative(), repeated=0, rng=rng)
    assert (wrong["side"] != truth).all()
    assert wrong["simulated"].all()


def test_labels_and_agreement_of_two_annotators(folder: Path) -> None:
    labels, facts, table = merged(folder)
    ada, ben = (answers_of(folder, name)["side"] for name in ("ada", "ben"))
    assert labels["side"].isna().tolist() == (ada != ben).tolist()
    assert (labels["side"].dropna() == ada[ada == ben]).all()
    assert (labels["provenance"] == np.where(ada == ben, "agreed", "contentious")).all()
    assert labels["simulated"].all()
    assert set(labels["annotators"]) == {"ada+ben"}
    assert facts["faces"] == SAMPLE
    assert facts["agreed"] + facts["contentious"] == SAMPLE
    assert facts["unanswered"] == facts["adjudicated"] == 0
    assert value(table, "raw agreement")["estimate"] == (ada == ben).mean()
    both = value(table, "raw agreement", model="ada, ben")
    assert both["estimate"] == (ada == ben).mean()
    assert np.sum(facts["pairs"][0]["confusion"]) == SAMPLE
    inside = value(table, "inside share", model="ada")
    assert (inside["estimate"], inside["answers"]) == ((ada == "inside").mean(), SAMPLE)
    assert facts["simulated"] is True


@pytest.mark.parametrize("root", ["data", "../data", "/data", "/home/ada/data"])
def test_what_closing_wrote_is_read_as_facegaps_own_wherever_data_root_is(root: str) -> None:
    words = {"inside": ["White"], "outside": ["Black"]}
    given = Person.model_validate({"answers": "crowd/w1.csv", "face": "image", "words": words})
    assert as_given(f"{root}/crowd/w1.csv", given) == given
    closed = as_given(f"{root}/annotations/study/labelling-w1.csv", given)
    assert (closed.face, closed.words) == (None, None)


def test_neither_row_order_nor_file_order_matters(folder: Path) -> None:
    first = merged(folder)
    for name in ("ada", "ben"):
        shuffled = pd.read_csv(folder / f"{name}.csv", dtype=str).sample(frac=1, random_state=3)
        shuffled.to_csv(folder / f"{name}.csv", index=False)
    faces = pd.read_parquet(folder / "faces.parquet").sample(frac=1, random_state=4)
    write_table(faces, folder / "faces.parquet", FACES)
    second = merged(folder, ["ben", "ada"])
    pd.testing.assert_frame_equal(first[0], second[0])
    assert first[1] == second[1]
    pd.testing.assert_frame_equal(first[2], second[2])


def test_an_adjudication_decides_what_the_annotators_differ_on(folder: Path) -> None:
    before, _, _ = merged(folder)
    face = before["face_id"][before["side"].isna()].iloc[0]
    (folder / "third.csv").write_text(f"face_id,side,why\n{face},outside,seen again\n")
    after, facts, _ = merged(folder, adjudication="third.csv")
    changed = after[after["provenance"] == "adjudicated"]
    assert changed[["face_id", "side"]].to_numpy().tolist() == [[face, "outside"]]
    assert facts["adjudicated"] == 1
    rest = before["face_id"] != face
    pd.testing.assert_frame_equal(before[rest], after[rest])


def test_an_adjudication_that_decides_nothing_leaves_faces_contentious(folder: Path) -> None:
    """The adjudicator was unsure of each, so that the page wrote no row."""
    before, facts, _ = merged(folder)
    (folder / "third.csv").write_text("face_id,side,showing,tentative\n")
    after, again, _ = merged(folder, adjudication="third.csv")
    pd.testing.assert_frame_equal(before, after)
    assert facts["contentious"] == again["contentious"] > 0


def test_an_adjudication_of_an_agreed_face_is_refused(folder: Path) -> None:
    labels, _, _ = merged(folder)
    face = labels["face_id"][labels["side"].notna()].iloc[0]
    (folder / "third.csv").write_text(f"face_id,side\n{face},outside\n")
    with pytest.raises(DataError, match=rf"third\.csv: decides on 1 face \({face}\)"):
        merged(folder, adjudication="third.csv")


def test_a_face_nobody_answered_has_no_label_and_is_counted(folder: Path) -> None:
    for name in ("ada", "ben"):
        answers_of(folder, name)[1:].to_csv(folder / f"{name}.csv", index=False)
    labels, facts, _ = merged(folder)
    assert len(labels) == SAMPLE - 1
    assert facts["unanswered"] == 1


ONE = pd.DataFrame({"face_id": ["0000"], "side": ["inside"]})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f[3:], r"ben\.csv lacks 3 faces \(0000, 0001, 0002\) of the 40"),
        (lambda f: f[:0], r"ben\.csv: no answers"),
        (lambda f: pd.concat([f, ONE]), r"ben\.csv: more than one answer for 1 face \(0000\)"),
        (
            lambda f: f.replace("inside", "Inside"),
            r"ben\.csv: line \d+, face '\d+': 'Inside' is none",
        ),
        (lambda f: f.rename(columns={"side": "race"}), r"ben\.csv: no column side; it has face_id"),
        (lambda f: f.assign(side=""), r"ben\.csv: line 2, face '0000': '' is none of inside"),
    ],
)
def test_a_bad_file_is_named(folder: Path, change: Any, message: str) -> None:
    change(answers_of(folder, "ben")).to_csv(folder / "ben.csv", index=False)
    with pytest.raises(DataError, match=message):
        merged(folder)
    assert not (folder / "labels.parquet").exists()
    assert not (folder / "estimates.parquet").exists()


@pytest.mark.parametrize("damage", [b"", b"\xff\xfe\x00", None])
def test_a_file_that_is_no_csv_is_named(folder: Path, damage: bytes | None) -> None:
    if damage is None:
        (folder / "ben.csv").unlink()
    else:
        (folder / "ben.csv").write_bytes(damage)
    with pytest.raises(DataError, match=r"ben\.csv: not readable|damaged UTF-16"):
        merged(folder)


def test_faces_of_another_sample_are_named(folder: Path) -> None:
    for name in ("ada", "ben"):
        rows = answers_of(folder, name)
        rows.loc[0, "face_id"] = "0050"
        rows.to_csv(folder / f"{name}.csv", index=False)
    with pytest.raises(DataError, match=r"ada\.csv and .*ben\.csv: 1 face \(0050\) outside"):
        merged(folder)


def test_a_side_without_faces_is_named(folder: Path) -> None:
    for name in ("ada", "ben"):
        answers_of(folder, name).assign(side="inside").to_csv(folder / f"{name}.csv", index=False)
    with pytest.raises(DataError, match="split train has 0 labelled faces on the side outside"):
        merged(folder)


ANSWER = st.sampled_from(["inside", "outside", "unsure"])


@given(st.lists(st.tuples(ANSWER, ANSWER, ANSWER), min_size=1, max_size=30), st.randoms())
def test_laws_of_the_merge(rows: list[tuple[str, str, str]], random: Any) -> None:
    answers = pd.DataFrame(rows, columns=["a", "b", "c"], index=[f"f{i}" for i in range(len(rows))])
    nothing = pd.Series(dtype=str)
    labels = merge(answers, nothing).set_index("face_id")
    for label, row in zip(labels.loc[answers.index].itertuples(), rows, strict=True):
        unanimous = len(set(row)) == 1 and row[0] != "unsure"
        assert label.provenance == ("agreed" if unanimous else "contentious")
        assert label.side == row[0] if unanimous else not isinstance(label.side, str)
    order, people = list(answers.index), ["a", "b", "c"]
    random.shuffle(order)
    random.shuffle(people)
    again = merge(answers.loc[order, people], nothing).set_index("face_id")
    pd.testing.assert_frame_equal(labels, again)
    contentious = labels.index[labels["side"].isna()]
    decided = pd.Series("outside", index=contentious)
    after = merge(answers, decided).set_index("face_id")
    agreed = labels["side"].notna()
    pd.testing.assert_frame_equal(labels[agreed], after[agreed])
    assert (after["side"][~agreed] == "outside").all()


def known_of(persons: "pd.Series[str]", **columns: Any) -> pd.DataFrame:
    about = pd.DataFrame({"person": persons, "gender": None, "tentative": False})
    return about.assign(**columns)


def rows_of(
    answers: pd.DataFrame, about: pd.DataFrame, again: Any = None, seed: int = 0
) -> pd.DataFrame:
    never = {str(name): pd.Series(dtype=bool) for name in answers}
    rng = np.random.default_rng(seed)
    return estimates(agreement_rows(answers, about, again or never, rng, 0.95), "drawn")


def test_the_intervals_know_that_a_person_has_several_pictures() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(50) < 0.5
    wrong = rng.random((2, 50)) < 0.1
    sides = np.where(truth ^ wrong, "inside", "outside")
    one = pd.DataFrame(sides.T, columns=["a", "b"], index=[f"{i:03}" for i in range(50)])
    many = one.loc[one.index.repeat(8)].set_axis([f"{i:04}" for i in range(400)])
    persons = pd.Series(one.index.repeat(8), index=many.index)
    few = rows_of(one, known_of(pd.Series(one.index, index=one.index)), seed=1)
    more = rows_of(many, known_of(persons), seed=1)
    for name in (
        *(("raw agreement", "all", None), ("Cohen's kappa", "all", "a, b")),
        ("inside share", "all", "a"),
    ):
        first, second = value(few, *name), value(more, *name)
        assert first[["estimate", "low", "high"]].tolist() == interval(second)
        assert (first["persons"], second["persons"]) == (50, 50)
        assert (first["faces"], second["faces"]) == (50, 400)


def test_unsure_never_agrees_and_one_answer_throughout_has_no_kappa() -> None:
    index = pd.Index(["a", "b"])
    answers = pd.DataFrame({"x": ["unsure"] * 2, "y": ["unsure"] * 2}, index=index)
    table = rows_of(answers, known_of(pd.Series(index, index)))
    assert value(table, "raw agreement")["estimate"] == 0
    kappa = value(table, "Cohen's kappa", model="x, y")
    assert kappa[["estimate", "low", "high"]].isna().all()
    assert confusions(answers)[0]["confusion"] == [[0, 0, 0], [0, 0, 0], [0, 0, 2]]


@pytest.mark.parametrize(("persons", "differ"), [(40, 0), (19, 3), (20, 3)])
def test_agreement_of_few_or_of_all_alike_has_no_interval(persons: int, differ: int) -> None:
    """Samples of faces on which all agree are all alike, whatever the true agreement."""
    number = np.arange(persons)
    one = np.where(number % 2, "inside", "outside")
    two = np.where(number < differ, np.where(number % 2, "outside", "inside"), one)
    index = [f"{k:02}" for k in number]
    table = rows_of(
        pd.DataFrame({"a": one, "b": two}, index=index), known_of(pd.Series(index, index))
    )
    for name, model in (("Krippendorff's alpha", None), ("Cohen's kappa", "a, b")):
        row = value(table, name, model=model)
        assert (row["estimate"] == 1) == (differ == 0)
        assert row[["low", "high"]].notna().all() == (persons >= 20 and differ > 0)


def test_agreement_is_told_apart_by_gender_and_by_certainty() -> None:
    rows = [("inside", "inside"), ("inside", "outside"), ("outside", "outside"), ("unsure",) * 2]
    answers = pd.DataFrame(rows, columns=["a", "b"], index=list("wxyz"))
    about = known_of(pd.Series(answers.index, answers.index)).assign(
        gender=pd.array(["male", "male", "female", None], dtype="str"),
        tentative=[False, True, False, True],
    )
    again = {"a": pd.Series([True, False], ["w", "x"]), "b": pd.Series([True], ["w"])}
    table = rows_of(answers, about, again)
    for group, expected in {
        "gender: female": (1, 1),
        "gender: male": (0.5, 2),
        "gender: not known": (0, 1),
        "certainty: certain": (1, 2),
        "certainty: tentative": (0, 2),
    }.items():
        row = value(table, "raw agreement", group)
        assert (row["estimate"], row["faces"]) == expected
    twice = value(table, "consistency", model="a")
    assert (twice["estimate"], twice["answers"]) == (0.5, 2)


def test_the_error_of_an_answer_is_found_from_how_often_two_differ() -> None:
    rng = np.random.default_rng(0)
    n, error = 20_000, 0.08
    sides = np.where(rng.random((n, 3)) < error, "outside", "inside")
    answers = pd.DataFrame(sides, columns=list("abc"), index=[f"{i:05}" for i in range(n)])
    estimate = answer_error(answers, pd.Series(answers.index, answers.index), 0.95)
    assert estimate.low < error < estimate.high
    assert estimate.high - estimate.low < 0.01
    unsure = answers.assign(c="unsure")
    assert answer_error(unsure, pd.Series(answers.index, answers.index), 0.95).low < error


def test_a_face_shown_again_describes_the_annotator_not_the_face(folder: Path) -> None:
    before, facts, first = merged(folder)
    rows = pd.read_csv(folder / "ada.csv", dtype=str)
    again = rows["showing"] == "1"
    assert again.sum() == facts["annotators"]["ada"]["repeated"] == 4
    turned = {"inside": "outside", "outside": "inside"}
    rows.loc[again, "side"] = rows.loc[again, "side"].map(turned)
    rows.to_csv(folder / "ada.csv", index=False)
    after, _, second = merged(folder)
    pd.testing.assert_frame_equal(before, after)
    steady = [value(table, "consistency", model="ada")["estimate"] for table in (first, second)]
    assert sum(steady) == 1
