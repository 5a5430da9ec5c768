"""A rule's names become arguments, and what a job prints is kept, of the attempts before it too."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from snakemake.iocontainers import Namedlist

from facegap.job import arguments
from facegap import job as job_module
from facegap.settings.measure import Intervals
from facegap.settings.operations import Operations

ATTEMPT = """
import os, sys
from facegap.job import redirect_output
redirect_output(sys.argv[1])
os.system(f"echo attempt {sys.argv[2]}")
os.kill(os.getpid(), 9)
"""


def test_the_logs_of_the_last_three_attempts_are_kept(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    for attempt in range(4):
        command = [sys.executable, "-c", ATTEMPT, log, str(attempt)]
        subprocess.run(command, cwd=Path(job_module.__file__).parents[1], check=False)
    logs = {path.name: path.read_text().splitlines() for path in tmp_path.iterdir()}
    assert {name: lines[1:] for name, lines in logs.items()} == {
        "train.log": ["attempt 3"],
        "train.log.1": ["attempt 2"],
        "train.log.2": ["attempt 1"],
    }
    assert all("facegap.job: on " in lines[0] for lines in logs.values())


def job(**parts: Any) -> Any:
    """A script's `snakemake`, of files, params and wildcards by name."""
    named = {
        part: Namedlist(fromdict=parts.get(part, {}))
        for part in ("input", "output", "params", "wildcards")
    }
    return SimpleNamespace(**named, threads=2, config={"operations": {"offline": True}}, rule="r")


def example(
    *,
    faces: list[Path],
    weights: Path | None,
    model: Path,
    shard: int,
    settings: Intervals,
    threads: int,
    operations: Operations,
) -> None:
    """A library function."""


def test_a_jobs_names_become_arguments() -> None:
    given = job(
        input={"faces": ["a", "b"], "weights": []},
        output={"model": "m"},
        params={"settings": {"confidence": 0.9}},
        wildcards={"shard": "07", "dataset": "on offer, and not needed"},
    )
    given.params.append("a digest without a name is no argument")
    assert arguments(example, given) == {
        "faces": [Path("a"), Path("b")],
        "weights": None,
        "model": Path("m"),
        "shard": 7,
        "settings": Intervals(confidence=0.9),
        "threads": 2,
        "operations": Operations(offline=True),
    }


def test_all_names_that_do_not_fit_are_in_one_error() -> None:
    given = job(input={"face": "a"}, params={"threads": 3}, wildcards={"shard": "1"})
    with pytest.raises(TypeError) as error:
        arguments(example, given)
    assert str(error.value) == (
        "rule r does not fit example: threads: given twice; faces: missing in the rule;"
        " model: missing in the rule; settings: missing in the rule;"
        " weights: missing in the rule; face: no argument of the function"
    )


def test_all_values_that_do_not_fit_are_in_one_error() -> None:
    given = job(
        input={"faces": "a", "weights": ["w", "v"]},
        output={"model": ["m"]},
        params={"settings": {"confidence": 2.0}},
        wildcards={"shard": "x"},
    )
    with pytest.raises(TypeError) as error:
        arguments(example, given)
    for problem in (
        "faces: Input should be a valid list, not 'a'",
        "weights: Input is not a valid path",
        "model: Input is not a valid path",
        "shard: Input should be a valid integer",
        "settings: confidence: Input should be less than 1, not 2.0",
    ):
        assert problem in str(error.value)
