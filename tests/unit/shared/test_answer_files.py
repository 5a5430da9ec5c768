"""Which files of answers a study has, awaits or lets a program write."""

from pathlib import Path
from typing import Any

import pytest

from facegap.answer_files import AnswerFiles, answer_files
from facegap.settings.study import Study

DRAWN = {"kind": "drawn", "faces": 40, "split": {"train": 10, "test": 10}}


def study(labels: str = "people", **sections: Any) -> Study:
    sets = {"source": {**DRAWN, "labels": "own"}, "target": {**DRAWN, "labels": labels}}
    sides = {"inside": "A", "outside": "B"}
    plain = {"study": "s", "data_root": "mine", "boundary": "group", "sides": sides}
    return Study.model_validate({**plain, "datasets": sets, **sections})


PEOPLE = {"first": {"answers": "a/first.csv"}, "second": {"answers": "a/second.csv"}}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "mine/a").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_target_with_labels_of_its_own_has_none() -> None:
    assert answer_files(study("own")) == AnswerFiles([], [], [], {})


def test_answers_of_simulated_people_are_outputs_and_never_missing() -> None:
    simulated = {"ada": {"error": 0.1}, "ben": {"error": 0.1}}
    files = answer_files(
        study(annotate={"annotators": simulated}, partition={"verification": simulated})
    )
    assert files.answers == [
        f"<results>/annotate/{{dataset}}/answers-{name}.csv" for name in ("ada", "ben")
    ]
    assert files.verified == [
        f"<results>/partition/target/verified-{name}.csv" for name in ("ada", "ben")
    ]
    assert files.adjudication == []
    assert files.missing == {"merge_annotators": [], "partition_target": []}


def test_what_people_have_yet_to_give_is_missing_for_the_rule_that_reads_it(folder: Path) -> None:
    of = study(
        annotate={"annotators": PEOPLE, "adjudication": "a/third.csv"},
        partition={"verification": {"first": {"answers": "a/verified.csv"}}},
    )
    (folder / "mine/a/second.csv").touch()
    files = answer_files(of)
    assert (files.answers, files.adjudication, files.verified) == (["mine/a/second.csv"], [], [])
    assert files.missing == {
        "merge_annotators": ["mine/a/first.csv", "mine/a/third.csv"],
        "partition_target": ["mine/a/verified.csv"],
    }
    for name in ("first", "third", "verified"):
        (folder / f"mine/a/{name}.csv").touch()
    files = answer_files(of)
    assert files.answers == ["mine/a/first.csv", "mine/a/second.csv"], "in the settings' order"
    assert (files.adjudication, files.verified) == (["mine/a/third.csv"], ["mine/a/verified.csv"])
    assert not any(files.missing.values())
