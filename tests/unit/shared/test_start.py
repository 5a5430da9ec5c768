"""What stops a run before its first job."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from snakemake.exceptions import WorkflowError

from facegap.files import write_json
from facegap.settings.load import read_study
from facegap.settings.study import Study
from facegap.start import check_pairs, tell_report

DRAWN = {"kind": "drawn", "faces": 20, "split": {"train": 0.5, "test": 0.5}, "labels": "own"}


def study(folder: Path, **judge: str) -> Study:
    given = {
        **{"study": "human", "boundary": "group", "sides": {"inside": "A", "outside": "B"}},
        **{"results": str(folder / "results"), "data_root": str(folder / "data")},
        **{"datasets": {"source": DRAWN, "target": DRAWN}, "judge": judge},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(given))
    return read_study(folder / "config.yaml")


def workflow(*rules: str, touch: bool = False) -> Any:
    jobs = [SimpleNamespace(rule=SimpleNamespace(name=rule)) for rule in rules]
    dag = SimpleNamespace(jobs=jobs, needrun_jobs=lambda: jobs)
    return SimpleNamespace(dag=dag, touch=touch)


def test_the_report_is_named_by_a_run_that_was_to_make_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tell_report(workflow("align_shard", "gather_shards"), "results/human")
    assert capsys.readouterr().out == "", "one that lies there may be of another study"
    tell_report(workflow("align_shard", "write_report"), "results/human")
    assert "The report is at results/human/report/index.html" in capsys.readouterr().out


def test_pairs_that_have_answers_are_not_made_again(tmp_path: Path) -> None:
    own, answers = study(tmp_path, responses="a.csv"), tmp_path / "data/a.csv"
    sheet = tmp_path / "results/human/judge/sheet.json"
    again = workflow("pair_outputs", "judge_pairs")
    answers.parent.mkdir()
    answers.write_text("pair_id,participant,choice,study\na,p,left,mine\nb,p,left,other\n")
    check_pairs(again, own)  # there are no pairs yet
    write_json({"pairs": "mine"}, sheet)
    with pytest.raises(WorkflowError, match=r"a\.csv has 1 answers .* --touch pair_outputs"):
        check_pairs(again, own)
    check_pairs(workflow("judge_pairs"), own)
    check_pairs(workflow("pair_outputs", touch=True), own)
    write_json({"pairs": "third"}, sheet)
    check_pairs(again, own)
    answers.write_text("pair_id,participant,choice\n")
    check_pairs(again, own)
    answers.write_text("no table\n")
    with pytest.raises(WorkflowError, match=r"a\.csv: no column pair_id"):
        check_pairs(again, own)
