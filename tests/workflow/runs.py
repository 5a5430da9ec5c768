"""Runs of the real workflow in a copy of this repository."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = ("Snakefile", "workflow", "config", "profiles", "envs")


def snakemake(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the copied workflow in `folder` with `arguments`; nothing is asserted of its end."""
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


def copy_code(folder: Path) -> Path:
    """What a clone holds of the workflow, and the micro study's configuration, in `folder`."""
    folder.mkdir()
    for name in CODE:
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, folder / name, ignore=ignored)
        else:
            shutil.copy(source, folder / name)
    shutil.copy(Path(__file__).with_name("micro.yaml"), folder)
    return folder
