"""Answers: simulated ones prefer what they should; people's are checked line by line."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from facegap.errors import ConfigError, DataError
from facegap.files import write_json
from facegap.judge.responses import read_responses, simulate_responses
from facegap.settings.judge import Familiarity, OwnSide, Simulation
from facegap.tables.base import metadata, read_table, write_table
from facegap.tables.judge import FAMILIAR, KEY, PAIRS, PERSONS, PERSONS_KEY, RATERS, RESPONSES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pairs and key of two participants, 400 pairs each."""
    n = np.arange(800)
    pairs = pd.DataFrame(
        {
            "pair_id": [f"{i:04}" for i in n],
            "participant": np.where(n < 400, "p1", "p2"),
            "position": n % 400,
            "attribute": "Young",
            "value": 1,
            "control": np.where(n % 2, "male", "female"),
            "training": False,
            "expected": None,
            **dict.fromkeys(["left_image", "right_image", "left_original", "right_original"], "x"),
        }
    )
    key = pd.DataFrame(
        {
            "pair_id": pairs["pair_id"],
            "kind": np.where(n % 400 < 390, "compared", "attention"),
            "comparison": pairs["pair_id"],
            "repeats": None,
            "degraded": np.where(n % 400 < 390, None, np.where(n % 3, "left", "right")),
            "maker": "inside",
            "seed": 1,
            "left_domain": np.where(n % 3, "in-domain", "out-domain"),
            **dict.fromkeys(
                ["left_row", "right_row", "left_original_row", "right_original_row"], 0
            ),
            "left_subject": "a",
            "right_subject": "b",
        }
    )
    persons = pd.DataFrame(
        {"person_id": [f"k{i}" for i in n], "participant": pairs["participant"], "position": n}
    ).assign(image="x")
    persons_key = persons[["person_id", "participant"]].assign(
        subject_id="a", domain=np.where(n % 2, "in-domain", "out-domain")
    )
    write_table(persons, tmp_path / "persons.parquet", PERSONS)
    write_table(persons_key, tmp_path / "persons_key.parquet", PERSONS_KEY)
    write_json({"pairs": "digest"}, tmp_path / "sheet.json")
    write_table(pairs, tmp_path / "pairs.parquet", PAIRS)
    write_table(key, tmp_path / "key.parquet", KEY)
    return tmp_path


def simulated(folder: Path, preference: dict[str, float]) -> pd.DataFrame:
    names = ("pairs", "persons", "key", "persons_key", "responses", "familiar", "raters")
    simulate_responses(
        **{name: folder / f"{name}.parquet" for name in names},
        settings=Simulation(
            preference=preference, familiarity=Familiarity(in_domain=0.9, out_domain=0.2)
        ),
        seed=1,
    )
    return read_table(folder / "responses.parquet", RESPONSES)


def test_simulated_observers_have_the_stated_preference_and_are_marked(folder: Path) -> None:
    found = simulated(folder, {"male": 1.0, "female": 0.25})
    assert found["simulated"].all()
    assert metadata(folder / "responses.parquet")["simulated"] == "True"
    both = found.merge(read_table(folder / "key.parquet", KEY), on="pair_id").merge(
        read_table(folder / "pairs.parquet", PAIRS), on="pair_id"
    )
    spoiled = both[both["degraded"].notna()]
    assert (spoiled["choice"] != spoiled["degraded"]).all()
    both = both[both["degraded"].isna()]
    chose_in = (both["choice"] == "left") == (both["left_domain"] == "in-domain")
    assert chose_in[both["control"] == "male"].all()
    assert abs(chose_in[both["control"] == "female"].mean() - 0.25) < 0.06
    knew = read_table(folder / "familiar.parquet", FAMILIAR)["known"]
    assert abs(knew[1::2].mean() - 0.9) < 0.06
    assert abs(knew[::2].mean() - 0.2) < 0.06
    with pytest.raises(ConfigError, match=r"judge\.simulation\.preference: none for 'female'"):
        simulated(folder, {"male": 1.0})


GOOD = pd.DataFrame(
    {
        "pair_id": ["0401", "0000", "0001"],
        "participant": ["p2", "p1", "p1"],
        "choice": ["left", "right", "left"],
        "seconds": ["2.5", "", "1"],
    }
)


def read(
    folder: Path,
    familiarity: Path | None = None,
    answers: str = "answers.csv",
    own_sides: Path | None = None,
) -> None:
    read_responses(
        answers=folder / answers,
        familiarity=familiarity,
        **{
            name: folder / f"{name}.parquet"
            for name in ("pairs", "persons", "responses", "familiar", "raters")
        },
        own_sides=own_sides,
        settings=OwnSide(),
        sheet=folder / "sheet.json",
    )


def answered(folder: Path, answers: pd.DataFrame) -> pd.DataFrame:
    answers.to_csv(folder / "answers.csv", index=False)
    read(folder)
    return read_table(folder / "responses.parquet", RESPONSES)


def test_peoples_answers_are_read_in_the_order_of_the_pairs(folder: Path) -> None:
    found = answered(folder, GOOD)
    assert found["pair_id"].tolist() == ["0000", "0001", "0401"]
    assert found["choice"].tolist() == ["right", "left", "left"]
    assert found["seconds"].isna().tolist() == [True, False, False]
    assert not found["simulated"].any()
    assert found["pixels"].isna().all()
    sized = answered(folder, GOOD.assign(pixels=["300", "", "256"]))
    assert sized["pixels"].tolist()[1:] == [256, 300]
    plain = answered(folder, GOOD.drop(columns="seconds").iloc[::-1].assign(remark="x"))
    pd.testing.assert_frame_equal(plain, found.assign(seconds=np.nan))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pair_id": ["0401", "zzz", "0001"]}, r"unknown in .*pairs\.parquet: pair 'zzz' \(line 3"),
        ({"pair_id": ["0401", "0000", "0000"]}, r"two answers to pair '0000' \(line 4"),
        ({"participant": ["p2", "p1", "p2"]}, r"not theirs, by 'p2' \(line 4; 1 such"),
        ({"choice": ["left", "both", "left"]}, r"neither left nor right: choice 'both' \(line 3"),
        ({"seconds": ["1", "-3", "soon"]}, r"no time in seconds: '-3' \(line 3; 2 such"),
        ({"realism": ["left", "", "x"]}, r"neither left nor right: realism 'x' \(line 4"),
        ({"study": ["digest", "digest", "other"]}, r"of another study: 'other' \(line 4"),
        ({"closed": ["True", "True", "False"]}, "the study is not closed"),
        ({"seconds": ["1", "inf", "2"]}, "no time in seconds: 'inf'"),
        ({"pixels": ["256", "", "wide"]}, r"no width in pixels: 'wide' \(line 4"),
    ],
)
def test_a_wrong_answer_is_named(folder: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message) as error:
        answered(folder, GOOD.assign(**change))
    assert "answers.csv" in str(error.value)
    assert not (folder / "responses.parquet").exists()


def test_the_name_of_a_csv_may_end_in_capital_letters(folder: Path) -> None:
    GOOD.to_csv(folder / "answers.CSV", index=False)
    read(folder, answers="answers.CSV")
    assert len(read_table(folder / "responses.parquet", RESPONSES)) == len(GOOD)


def test_a_file_that_is_no_answers_is_named(folder: Path) -> None:
    with pytest.raises(DataError, match=r"answers\.csv: no column choice; it has pair_id"):
        answered(folder, GOOD.drop(columns="choice"))
    with pytest.raises(DataError, match=r"answers\.csv: no answers"):
        answered(folder, GOOD[:0])
    (folder / "answers.csv").write_bytes(b"")
    with pytest.raises(DataError, match=r"answers\.csv: not readable as CSV"):
        read(folder)


def test_persons_known_are_read_and_checked(folder: Path) -> None:
    GOOD.to_csv(folder / "answers.csv", index=False)
    known = folder / "known.csv"
    known.write_text("person_id,participant,known\nk1,p1,True\nk500,p2,false\n")
    read(folder, known)
    found = read_table(folder / "familiar.parquet", FAMILIAR)
    assert found[["person_id", "known"]].to_numpy().tolist() == [["k1", True], ["k500", False]]
    assert not found["simulated"].any()
    for line, message in (
        ("k1,p1,maybe", "neither true nor false: known 'maybe'"),
        ("x,p1,true", "unknown in .*: person 'x'"),
        ("k1,p2,true", "persons that were not theirs, by 'p2'"),
    ):
        known.write_text(f"person_id,participant,known\n{line}\n")
        with pytest.raises(DataError, match=message):
            read(folder, known)


def own_sides(folder: Path, rows: list[tuple[str, str]]) -> pd.DataFrame:
    """The raters that are read of a CSV with these participants and sides."""
    GOOD.to_csv(folder / "answers.csv", index=False)
    place = folder / "sides.csv"
    pd.DataFrame(rows, columns=["participant", "side"]).to_csv(place, index=False)
    read(folder, own_sides=place)
    return read_table(folder / "raters.parquet", RATERS)


def test_own_sides_are_read_and_a_side_with_few_is_not(folder: Path) -> None:
    inside = [(f"participant-{k}", "inside") for k in range(5)]
    outside = [(f"participant-{k}", "outside") for k in range(5, 9)]
    found = own_sides(folder, [*inside, *outside])
    assert found["participant"].tolist() == [name for name, _ in inside]
    assert own_sides(folder, []).empty


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([("p1", "inside"), ("p2", "White")], "line 3: 'White' is no side"),
        ([("p1", "inside"), ("p1", "outside")], "line 3: 'p1' stands twice"),
    ],
)
def test_own_sides_that_are_none_are_named(
    folder: Path, rows: list[tuple[str, str]], words: str
) -> None:
    with pytest.raises(DataError, match=words):
        own_sides(folder, rows)
