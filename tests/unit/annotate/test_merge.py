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

from facegap import tables
from facegap.annotate.agreement import agreement, alpha, answer_error, coincidences, kappa
from facegap.annotate.merge import measure_agreement, merge, merge_annotators
from facegap.annotate.simulated import simulate_annotators
from facegap.errors import DataError

TRUTH = {"column": "group", "inside": ["A"], "outside": ["B"]}
TENTATIVE = {"right": 0.1, "wrong": 0.5}
SAMPLE = 40  # of 60 faces, two of one person after another


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
    tables.write(faces, tmp_path / "faces.parquet", tables.FACES)
    for name in ("ada", "ben"):
        simulate_annotators(
            tmp_path / "faces.parquet",
            tmp_path / f"{name}.csv",
            own_label=TRUTH,
            annotator=name,
            error=0.1,
            tentative=TENTATIVE,
            repeated=0.1,
            seed=1,
        )
    return tmp_path


def merged(
    folder: Path, names: Sequence[str] = ("ada", "ben"), adjudication: str | None = None
) -> tuple[pd.DataFrame, dict[str, Any]]:
    merge_annotators(
        folder / "faces.parquet",
        [folder / f"{name}.csv" for name in names],
        adjudication and folder / adjudication,
        folder / "labels.parquet",
        annotators=names,
        formats={},
        simulated=True,
    )
    measure_agreement(
        folder / "faces.parquet",
        [folder / f"{name}.csv" for name in names],
        folder / "labels.parquet",
        folder / "agreement.json",
        annotators=names,
        formats={},
        errors=dict.fromkeys(names, 0.1),
        seed=1,
        confidence=0.95,
    )
    labels = tables.read(folder / "labels.parquet", tables.LABELS)
    found = json.loads((folder / "agreement.json").read_text())
    error = float(tables.about(folder / "labels.parquet")["answer_error"])
    assert error == pytest.approx(found["answer_error"]["estimate"], abs=1e-12)
    return labels, found


def answers_of(folder: Path, name: str) -> pd.DataFrame:
    """The first answers of an annotator; the four repeated ones are left out."""
    rows = pd.read_csv(folder / f"{name}.csv", dtype=str)
    return rows[rows["showing"] == "0"].reset_index(drop=True)


def test_simulated_annotators_err_on_their_own_and_label_the_sample_only(folder: Path) -> None:
    ada, ben = (answers_of(folder, name) for name in ("ada", "ben"))
    assert ada["face_id"].tolist() == [f"{i:04}" for i in range(SAMPLE)]
    assert not ada.equals(ben)
    faces = pd.read_parquet(folder / "faces.parquet")
    for name, error in (("exact", 0.0), ("contrary", 1.0)):
        simulate_annotators(
            folder / "faces.parquet",
            folder / f"{name}.csv",
            own_label=TRUTH,
            annotator=name,
            error=error,
            tentative=TENTATIVE,
            repeated=0,
            seed=1,
        )
        right = answers_of(folder, name)["side"] == np.where(
            faces["group"][:SAMPLE] == "A", "inside", "outside"
        )
        assert right.mean() == 1 - error


def test_labels_and_agreement_of_two_annotators(folder: Path) -> None:
    labels, found = merged(folder)
    ada, ben = (answers_of(folder, name)["side"] for name in ("ada", "ben"))
    assert labels["side"].isna().tolist() == (ada != ben).tolist()
    assert (labels["side"].dropna() == ada[ada == ben]).all()
    assert (labels["provenance"] == np.where(ada == ben, "agreed", "contentious")).all()
    assert labels["simulated"].all()
    assert set(labels["annotators"]) == {"ada+ben"}
    assert found["faces"] == SAMPLE
    assert found["agreed"] + found["contentious"] == SAMPLE
    assert found["unanswered"] == found["adjudicated"] == 0
    assert found["agreement"]["estimate"] == (ada == ben).mean()
    assert np.sum(found["pairs"][0]["confusion"]) == SAMPLE
    assert found["annotators"]["ada"]["inside"]["estimate"] == (ada == "inside").mean()
    assert found["annotators"]["ben"]["planted_error"] == 0.1
    assert found["simulated"] is True


def test_neither_row_order_nor_file_order_matters(folder: Path) -> None:
    first = merged(folder)
    for name in ("ada", "ben"):
        shuffled = pd.read_csv(folder / f"{name}.csv", dtype=str).sample(frac=1, random_state=3)
        shuffled.to_csv(folder / f"{name}.csv", index=False)
    faces = pd.read_parquet(folder / "faces.parquet").sample(frac=1, random_state=4)
    tables.write(faces, folder / "faces.parquet", tables.FACES)
    second = merged(folder, ["ben", "ada"])
    pd.testing.assert_frame_equal(first[0], second[0])
    assert first[1] == second[1]


def test_an_adjudication_decides_what_the_annotators_differ_on(folder: Path) -> None:
    before, _ = merged(folder)
    face = before["face_id"][before["side"].isna()].iloc[0]
    (folder / "third.csv").write_text(f"face_id,side,why\n{face},outside,seen again\n")
    after, found = merged(folder, adjudication="third.csv")
    changed = after[after["provenance"] == "adjudicated"]
    assert changed[["face_id", "side"]].to_numpy().tolist() == [[face, "outside"]]
    assert found["adjudicated"] == 1
    rest = before["face_id"] != face
    pd.testing.assert_frame_equal(before[rest], after[rest])


def test_an_adjudication_of_an_agreed_face_is_refused(folder: Path) -> None:
    labels, _ = merged(folder)
    face = labels["face_id"][labels["side"].notna()].iloc[0]
    (folder / "third.csv").write_text(f"face_id,side\n{face},outside\n")
    with pytest.raises(DataError, match=rf"third\.csv: decides on 1 face \({face}\)"):
        merged(folder, adjudication="third.csv")


def test_a_face_nobody_answered_has_no_label_and_is_counted(folder: Path) -> None:
    for name in ("ada", "ben"):
        answers_of(folder, name)[1:].to_csv(folder / f"{name}.csv", index=False)
    labels, found = merged(folder)
    assert len(labels) == SAMPLE - 1
    assert found["unanswered"] == 1


ONE = pd.DataFrame({"face_id": ["0000"], "side": ["inside"]})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f[3:], r"ben\.csv lacks 3 faces \(0000, 0001, 0002\) of the 40"),
        (lambda f: f[:0], r"ben\.csv: no answers"),
        (lambda f: pd.concat([f, ONE]), r"ben\.csv: more than one answer for 1 face \(0000\)"),
        (
            lambda f: f.replace("inside", "Inside"),
            r"ben\.csv: line \d+, face \d+: 'Inside' is none",
        ),
        (lambda f: f.rename(columns={"side": "race"}), r"ben\.csv: no column side; it has face_id"),
        (lambda f: f.assign(side=""), r"ben\.csv: line 2, face 0000: '' is none of inside"),
    ],
)
def test_a_bad_file_is_named(folder: Path, change: Any, message: str) -> None:
    change(answers_of(folder, "ben")).to_csv(folder / "ben.csv", index=False)
    with pytest.raises(DataError, match=message):
        merged(folder)
    assert not (folder / "labels.parquet").exists()
    assert not (folder / "agreement.json").exists()


@pytest.mark.parametrize("damage", [b"", b"\xff\xfe\x00", None])
def test_a_file_that_is_no_csv_is_named(folder: Path, damage: bytes | None) -> None:
    if damage is None:
        (folder / "ben.csv").unlink()
    else:
        (folder / "ben.csv").write_bytes(damage)
    with pytest.raises(DataError, match=r"ben\.csv: not readable as CSV"):
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
    for face, row in answers.iterrows():
        unanimous = len(set(row)) == 1 and row["a"] != "unsure"
        assert labels.loc[face, "provenance"] == ("agreed" if unanimous else "contentious")
        assert (labels.loc[face, "side"] == row["a"]) if unanimous else pd.isna(labels.side[face])
    order, people = list(answers.index), ["a", "b", "c"]
    random.shuffle(order)
    random.shuffle(people)
    again = merge(answers.loc[order, people], nothing).set_index("face_id")
    pd.testing.assert_frame_equal(labels, again)
    contentious = labels.index[labels["side"].isna()]
    decided = pd.Series("outside", index=contentious)
    after = merge(answers, decided).set_index("face_id")
    kept = labels["side"].notna()
    pd.testing.assert_frame_equal(labels[kept], after[kept])
    assert (after["side"][~kept] == "outside").all()


def test_kappa_against_a_table_computed_by_hand() -> None:
    # Cohen's two raters: observed 0.7, expected 0.5
    assert kappa(np.array([[20, 5], [10, 15]])) == pytest.approx(0.4)
    assert np.isnan(kappa(np.array([[9, 0], [0, 0]])))
    assert kappa(np.array([[[5, 0], [0, 5]], [[0, 5], [5, 0]]])).tolist() == [1, -1]


@pytest.mark.parametrize(
    ("values", "expected"),
    [  # Krippendorff 2011, Computing Krippendorff's Alpha-Reliability: examples A and C
        (["0100000010", "1110010000"], 0.095),
        (["123321412...", "1233224125.3", ".3332342251.", "12332441251."], 0.743),
    ],
)
def test_alpha_against_the_published_examples(values: list[str], expected: float) -> None:
    words = sorted({word for row in values for word in row if word != "."})
    given = np.array([list(row) for row in values]).T
    counts = np.stack([(given == word).sum(1) for word in words], axis=1)
    assert float(alpha(coincidences(counts).sum(0))) == pytest.approx(expected, abs=5e-4)


def test_alpha_of_one_and_the_same_answer_is_none() -> None:
    assert np.isnan(alpha(coincidences(np.array([[2, 0], [2, 0]])).sum(0)))


def known_of(persons: "pd.Series[str]", **columns: Any) -> pd.DataFrame:
    about = pd.DataFrame({"person": persons, "gender": None, "tentative": False})
    return about.assign(**columns)


def no_repeats(answers: pd.DataFrame) -> dict[str, "pd.Series[bool]"]:
    return {name: pd.Series(dtype=bool) for name in answers}


def test_the_intervals_know_that_a_person_has_several_pictures() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(50) < 0.5
    wrong = rng.random((2, 50)) < 0.1
    sides = np.where(truth ^ wrong, "inside", "outside")
    one = pd.DataFrame(sides.T, columns=["a", "b"], index=[f"{i:03}" for i in range(50)])
    many = one.loc[one.index.repeat(8)].set_axis([f"{i:04}" for i in range(400)])
    persons = pd.Series(one.index.repeat(8), index=many.index)
    found = [
        agreement(answers, known_of(who), no_repeats(answers), {}, np.random.default_rng(1), 0.95)
        for answers, who in ((one, pd.Series(one.index, index=one.index)), (many, persons))
    ]
    assert found[0]["agreement"] == pytest.approx(found[1]["agreement"])
    assert found[0]["pairs"][0]["kappa"] == pytest.approx(found[1]["pairs"][0]["kappa"])
    assert found[1]["annotators"]["a"] == {
        **found[0]["annotators"]["a"],
        "inside": pytest.approx(found[0]["annotators"]["a"]["inside"]),
    }


def test_unsure_never_agrees_and_one_answer_throughout_has_no_kappa() -> None:
    index = pd.Index(["a", "b"])
    answers = pd.DataFrame({"x": ["unsure"] * 2, "y": ["unsure"] * 2}, index=index)
    who = known_of(pd.Series(index, index))
    found = agreement(answers, who, no_repeats(answers), {}, np.random.default_rng(0), 0.95)
    assert found["agreement"]["estimate"] == 0
    assert found["pairs"][0]["kappa"] == {"estimate": None, "low": None, "high": None}


def test_agreement_is_told_apart_by_gender_and_by_certainty() -> None:
    rows = [("inside", "inside"), ("inside", "outside"), ("outside", "outside"), ("unsure",) * 2]
    answers = pd.DataFrame(rows, columns=["a", "b"], index=list("wxyz"))
    about = known_of(pd.Series(answers.index, answers.index)).assign(
        gender=["male", "male", "female", None], tentative=[False, True, False, True]
    )
    again = {"a": pd.Series([True, False], ["w", "x"]), "b": pd.Series([True], ["w"])}
    found = agreement(answers, about, again, {}, np.random.default_rng(0), 0.95)
    by = {name: (part["estimate"], part["faces"]) for name, part in found["by_gender"].items()}
    assert by == {"female": (1, 1), "male": (0.5, 2), "not known": (0, 1)}
    by = {name: part["estimate"] for name, part in found["by_certainty"].items()}
    assert by == {"certain": 1, "tentative": 0}
    assert found["annotators"]["a"]["consistency"]["estimate"] == 0.5
    assert found["annotators"]["a"]["repeated"] == 2


def test_the_error_of_an_answer_is_found_from_how_often_two_differ() -> None:
    rng = np.random.default_rng(0)
    n, error = 20_000, 0.08
    sides = np.where(rng.random((n, 3)) < error, "outside", "inside")
    answers = pd.DataFrame(sides, columns=list("abc"), index=[f"{i:05}" for i in range(n)])
    found = answer_error(answers, pd.Series(answers.index, answers.index), 0.95)
    assert found.low < error < found.high
    assert found.high - found.low < 0.01
    unsure = answers.assign(c="unsure")
    assert answer_error(unsure, pd.Series(answers.index, answers.index), 0.95).low < error


def test_a_face_shown_again_tells_of_the_annotator_not_of_the_face(folder: Path) -> None:
    before, first = merged(folder)
    rows = pd.read_csv(folder / "ada.csv", dtype=str)
    again = rows["showing"] == "1"
    assert again.sum() == first["annotators"]["ada"]["repeated"] == 4
    turned = {"inside": "outside", "outside": "inside"}
    rows.loc[again, "side"] = rows.loc[again, "side"].map(turned)
    rows.to_csv(folder / "ada.csv", index=False)
    after, second = merged(folder)
    pd.testing.assert_frame_equal(before, after)
    steady = [found["annotators"]["ada"]["consistency"]["estimate"] for found in (first, second)]
    assert sum(steady) == 1
