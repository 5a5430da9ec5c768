"""What is deposited: every answer, nobody's name, and what was fixed before the first."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from human import STUDY, configure
from human import study as make_study
from rocrate.rocrate import ROCrate

from facegap import cli
from facegap.errors import DataError
from facegap.files import read_json
from facegap.judge.deposit import ANSWERS, FAMILIARITY, deposit
from facegap.judge.estimates import judge_pairs
from facegap.judge.responses import read_responses, simulate_responses
from facegap.settings.judge import OwnSide, Simulation
from facegap.settings.load import read_study
from facegap.settings.measure import Intervals
from facegap.tables.base import read_table, write_table
from facegap.tables.judge import KEY, PAIRS, PERSONS, PERSONS_KEY
from facegap.tables.measure import ESTIMATES, estimates

NAMES = ("pairs", "persons", "key", "persons_key", "responses", "familiar", "raters", "realism")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A study of pairs that people have answered, to its estimates; one is careless."""
    folder = make_study(tmp_path, participants=3) / "judge"
    paid = {"finished": {"code": "PAID-BY-THIS"}}
    configure(tmp_path, responses="human/answers.sqlite", recruitment=paid)
    pairs = read_table(folder / "pairs.parquet", PAIRS)
    persons = read_table(folder / "persons.parquet", PERSONS)
    choice = np.random.default_rng(1).choice(["left", "right"], len(pairs))
    choice = pairs["expected"].where(pairs["expected"].notna(), choice)
    careless = (pairs["participant"] == "participant-3") & pairs["expected"].notna()
    choice = choice.mask(careless, pairs["expected"].map({"left": "right", "right": "left"}))
    answers = pairs[["pair_id", "participant"]].assign(choice=choice, seconds=2.5, pixels=256)
    second = answers[answers["participant"] == "participant-2"]
    answers = pd.concat([answers, second.assign(participant="participant-2-2")])
    answers.to_csv(tmp_path / "answers.csv", index=False)
    known = persons[["person_id", "participant"]].assign(known=True)
    known.to_csv(tmp_path / "known.csv", index=False)
    place = {name: folder / f"{name}.parquet" for name in NAMES}
    read_responses(
        answers=tmp_path / "answers.csv",
        familiarity=tmp_path / "known.csv",
        sheet=folder / "sheet.json",
        own_sides=None,
        settings=OwnSide(),
        **{name: place[name] for name in ("pairs", "persons", "responses", "familiar", "raters")},
    )
    write_table(estimates([], STUDY), place["realism"], ESTIMATES)
    judge_pairs(
        **{name: place[name] for name in NAMES if name != "persons"},
        estimates=folder / "estimates.parquet",
        summary=folder / "summary.json",
        study=STUDY,
        makers=["inside"],
        attention_threshold=0.8,
        least_pixels=None,
        own_side=OwnSide(),
        simulation=Simulation(),
        intervals=Intervals(),
        seed=1,
    )
    return folder


def deposited(tmp_path: Path, results: Path, **before: str) -> Path:
    study = read_study(tmp_path / "config.yaml")
    fixed = {"pairs": read_json(results / "sheet.json")["pairs"], "settings": study.digest}
    place = tmp_path / "deposit"
    deposit(study, place, results=results, consent="Yes.", before={**fixed, **before})
    return place


def test_every_answer_is_in_it_and_no_name(tmp_path: Path, results: Path) -> None:
    place = deposited(tmp_path, results)
    answers = pd.read_csv(place / "answers.csv", dtype={"pair_id": str})
    assert list(answers) == list(ANSWERS)
    asked = len(read_table(results / "pairs.parquet", PAIRS))
    assert len(answers) == asked + asked // 3
    assert set(answers["participant"][answers["excluded"]]) == {"participant-3"}
    known = pd.read_csv(place / "familiarity.csv")
    assert list(known) == list(FAMILIARITY)
    key = read_table(results / "key.parquet", KEY)
    names = {*key["left_subject"], *key["right_subject"]}
    names |= set(read_table(results / "persons_key.parquet", PERSONS_KEY)["subject_id"])
    for path in place.iterdir():
        words = set(path.read_text(encoding="utf-8").replace(",", " ").split())
        assert not words & names, path.name
        assert "PAID-BY-THIS" not in path.read_text(), path.name


def test_the_answers_alone_give_the_estimates_again(tmp_path: Path, results: Path) -> None:
    place = deposited(tmp_path, results)
    answers = pd.read_csv(place / "answers.csv")
    rows = pd.read_csv(place / "estimates.csv")
    used = answers[(answers["kind"] == "compared") & ~answers["excluded"]]
    raw = rows[(rows["quantity"] == "raw preference") & (rows["group"] == "all")]
    raw = raw[raw["model"].isna()]
    assert raw["estimate"].item() == pytest.approx(used["chose_in"].mean())
    assert ((answers["choice"] == "left") == (answers["chose_in"] == answers["in_left"])).all()
    key = read_table(results / "key.parquet", KEY).set_index("pair_id")
    left = key["left_subject"].reindex(answers["pair_id"].astype(str)).to_numpy()
    in_left = answers["in_left"].to_numpy()
    person = np.where(in_left, answers["in_person"], answers["out_person"])
    assert pd.Series(person).groupby(left).nunique().max() == 1, "a person has one number"


def test_it_says_whether_anything_was_changed_since(tmp_path: Path, results: Path) -> None:
    place = deposited(tmp_path, results)
    assert read_json(place / "fixed.json")["same"] is True
    assert "are those that were fixed" in (place / "README.md").read_text()
    with pytest.raises(DataError, match="exists already"):
        deposited(tmp_path, results)
    (other := tmp_path / "other").mkdir()
    study = read_study(tmp_path / "config.yaml")
    fixed = {"pairs": "p", "settings": "another"}
    deposit(study, other / "d", results=results, consent="Yes.", before=fixed)
    assert read_json(other / "d/fixed.json")["same"] is False
    assert "say here what was changed" in (other / "d/README.md").read_text()


def test_it_is_a_crate_with_the_digest_of_each_file(tmp_path: Path, results: Path) -> None:
    place = deposited(tmp_path, results)
    crate = ROCrate(place)
    files = {part.id for part in crate.get_by_type("File")}
    assert files == {path.name for path in place.iterdir()} - {"ro-crate-metadata.json"}
    assert yaml.safe_load((place / "settings.yaml").read_text())["study"] == STUDY
    assert (place / "consent.txt").read_text() == "Yes.\n"


def test_simulated_answers_are_not_deposited(tmp_path: Path, results: Path) -> None:
    place: dict[str, Any] = {name: results / f"{name}.parquet" for name in NAMES}
    names = ("pairs", "persons", "key", "persons_key", "responses", "familiar", "raters")
    simulate_responses(**{name: place[name] for name in names}, settings=Simulation(), seed=1)
    with pytest.raises(DataError, match="nothing to deposit"):
        deposited(tmp_path, results)


def test_an_open_study_is_not_deposited(
    tmp_path: Path, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    of = ["--config", str(tmp_path / "config.yaml"), "--database", str(tmp_path / "a.sqlite")]
    consent = tmp_path / "consent.txt"
    consent.write_text("Yes.")
    arguments = ["deposit", *of, "--to", str(tmp_path / "deposit"), "--consent", str(consent)]
    assert cli.main(["judge", *arguments]) == 2
    assert "the study is open" in capsys.readouterr().err
    assert cli.main(["judge", "invite", *of]) == cli.main(["judge", "close", *of]) == 0
    assert cli.main(["judge", *arguments]) == 0
    assert read_json(tmp_path / "deposit/fixed.json")["same"] is True
