"""What `make study` prints where there is no terminal."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from runs import ROOT

from facegap.lines import NO_REASON, REPORT, shortened

LOG = """\
Logfile logs/two.log:
=====================================================================
Traceback (most recent call last):

  File "two.py", line 3
rule x:
    of a log
DataError: faces.csv, row 3:
no path
=====================================================================
"""
PRINTED = f"""\
Provided cores: 2
Job stats:
job       count
------  -------
one           1
total         2

Select jobs to execute...
Execute 1 jobs...

[Mon Nov 30 11:56:35 2026]
localrule one:
    input: a.csv
    output: b.csv
    jobid: 2
    resources: tmpdir=/tmp
[Mon Nov 30 11:56:37 2026]
Finished jobid: 2 (Rule: one)
1 of 2 steps (50%) done
Select jobs to execute...
Execute 1 jobs...
[Mon Nov 30 11:57:07 2026]
Error in rule two:
    message: None
    log: logs/two.log (check log file(s) for error details)
{LOG}[Mon Nov 30 11:57:09 2026]
Error in rule three:
    message: None
Logfile logs/three.log: empty file
The report is at results/micro/report/index.html
Killed  9
"""
SHOWN = f"""\
Provided cores: 2
11:56    1 of 2  one
Error in rule two:
    message: None
    log: logs/two.log (check log file(s) for error details)
{LOG}Error in rule three:
    message: None
Logfile logs/three.log: empty file
Killed  9

two failed: DataError: faces.csv, row 3:
no path

three failed: {NO_REASON}
{REPORT}results/micro/report/index.html
"""


def test_a_job_is_a_line_and_errors_pass() -> None:
    assert "".join(shortened(PRINTED.splitlines(keepends=True))) == SHOWN


def test_a_log_that_is_cut_short_ends_nothing() -> None:
    cut = PRINTED.partition("Traceback")[0].splitlines(keepends=True)
    assert list(shortened(cut))[-3:-1] == LOG.splitlines(keepends=True)[:2]
    assert list(shortened(cut))[-1] == f"\ntwo failed: {NO_REASON}\n"


@pytest.mark.parametrize("code", [0, 3])
def test_the_target_ends_as_snakemake_does_whatever_it_prints(tmp_path: Path, code: int) -> None:
    """By `make`, with a Snakemake that prints a byte that is no text."""
    (tmp_path / "bin").mkdir()
    prints = f"printf 'half \\377 a letter\\n' >&2; printf '<%s>' \"$@\"; exit {code}"
    for name, does in (("python", f'exec "{sys.executable}" "$@"'), ("snakemake", prints)):
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    (tmp_path / "my study.yaml").write_text("study: mine\n")
    targets = ["study", f"BIN={tmp_path / 'bin'}", f"STUDY={tmp_path / 'my study.yaml'}"]
    done = subprocess.run(
        ["make", "-C", str(ROOT), "-o", ".venv/ready", *targets],
        env=os.environ | {"PYTHONIOENCODING": "utf-8:strict"},
        capture_output=True,
        check=False,
    )
    assert (done.returncode != 0) == (code != 0), done.stderr
    assert b"half" in done.stdout
    assert f"<--configfile><{tmp_path / 'my study.yaml'}>".encode() in done.stdout
