"""Runs of the real workflow: a copy of this repository in a folder of its own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = ("Snakefile", "workflow", "config", "profiles", "envs")

Snakemake = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def snakemake() -> Snakemake:
    """Run the copied workflow in `folder` with `arguments`; nothing is asserted of its end."""

    def run(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        return subprocess.run(
            [sys.executable, "-m", "snakemake", "--nocolor", *map(str, arguments)],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=1200,
        )

    return run


def copy_code(folder: Path) -> Path:
    """What a clone holds of the workflow, in `folder`."""
    folder.mkdir()
    for name in CODE:
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, folder / name, ignore=ignored)
        else:
            shutil.copy(source, folder / name)
    return folder


@pytest.fixture(scope="session")
def micro(tmp_path_factory: pytest.TempPathFactory, snakemake: Snakemake) -> Path:
    """A folder in which the micro study has run to its end."""
    folder = copy_code(tmp_path_factory.mktemp("micro") / "facegap")
    shutil.copy(Path(__file__).with_name("micro.yaml"), folder / "micro.yaml")
    done = snakemake(folder, "--cores", "all", "--configfile", "micro.yaml")
    assert done.returncode == 0, done.stdout[-8000:]
    return folder
