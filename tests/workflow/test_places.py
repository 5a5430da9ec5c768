"""Where the clone and the home lie does not matter, or is said in words at the start."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from runs import MICRO, STUDY, copy_code, start

from facegap.tables.acquire import FACES
from facegap.tables.base import read_table


@pytest.mark.parametrize("name", ["My Documents", 'Jürgen\'s (1) & "Co" $HOME `x`; #'])
def test_a_clone_with_its_interpreter_below_any_name_and_no_home(tmp_path: Path, name: str) -> None:
    """As `make setup` leaves it: the environment is in the clone's own folder."""
    (tmp_path / name).mkdir()
    folder = copy_code(tmp_path / name / "facegap")
    environment = folder / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    python = environment / "bin/python"
    (site,) = environment.glob("lib/python3*/site-packages")
    (site / "others.pth").write_text(sysconfig.get_path("purelib"))
    variables = {k: v for k, v in os.environ.items() if not k.startswith("XDG_")}
    done = subprocess.run(
        [python, "-m", "snakemake", "--nocolor", "acquire", *MICRO, "--cores", "1"],
        cwd=folder,
        env={**variables, "HOME": "/dev/null"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-8000:]
    for dataset in ("source", "target"):
        faces = read_table(folder / STUDY / f"acquire/{dataset}/faces.parquet", FACES)
        assert len(faces)


def test_a_stage_to_be_left_out_by_its_name_is_refused(tmp_path: Path) -> None:
    folder = copy_code(tmp_path / "facegap")
    with start(folder, *MICRO, "--cores", "1", "--omit-from", "synthesise") as run:
        printed, _ = run.communicate(timeout=300)
    assert run.returncode != 0
    words = "to run what comes before it: snakemake acquire align annotate classify partition"
    assert words in printed
    assert not (folder / STUDY / "acquire").exists(), "before the first job"
