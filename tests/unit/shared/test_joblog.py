"""What a job says is kept, of the attempts before it too."""

import subprocess
import sys
from pathlib import Path

from facegap import joblog

ATTEMPT = """
import os, sys
from facegap.joblog import log_to
log_to(sys.argv[1])
os.system(f"echo attempt {sys.argv[2]}")
os.kill(os.getpid(), 9)
"""


def test_the_logs_of_the_last_three_attempts_are_kept(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    for attempt in range(4):
        command = [sys.executable, "-c", ATTEMPT, log, str(attempt)]
        subprocess.run(command, cwd=Path(joblog.__file__).parents[1], check=False)
    kept = {path.name: path.read_text().splitlines() for path in tmp_path.iterdir()}
    assert {name: lines[1:] for name, lines in kept.items()} == {
        "train.log": ["attempt 3"],
        "train.log.1": ["attempt 2"],
        "train.log.2": ["attempt 1"],
    }
    assert all("facegap.joblog: on " in lines[0] for lines in kept.values())
