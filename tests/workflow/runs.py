"""Runs of the real workflow in a copy of this repository."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
STUDY = "results/micro"
MICRO = ("--configfile", "micro.yaml")
CODE = ("Snakefile", "workflow", "config", "profiles", "envs")
TARGETS = {
    *("all", "acquire", "align", "annotate", "classify", "partition", "synthesise", "judge"),
    "report",
}
# times and hosts: of jobs, and on the page and in the record that show them; kept edits
VARYING = ("logs", "benchmarks", "changed", "index.html", "ro-crate-metadata.json")


def start(
    folder: Path,
    *arguments: str | Path,
    environment: Mapping[str, str] = os.environ,
    program: tuple[str | Path, ...] = ("-m", "snakemake"),
) -> subprocess.Popen[str]:
    """Start the copied workflow in `folder` with `arguments`; `program` is what Python runs."""
    kept = {k: v for k, v in environment.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.Popen(
        [sys.executable, *map(str, program), "--nocolor", *map(str, arguments)],
        cwd=folder,
        env=kept,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def snakemake(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the copied workflow in `folder` with `arguments`; nothing is asserted of its end."""
    with start(folder, *arguments) as process:
        try:
            printed, _ = process.communicate(timeout=1200)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, printed)


def planned(output: str) -> dict[str, int]:
    """Jobs by rule, as the plan in Snakemake's output counts them, targets left out."""
    stats = output.partition("Job stats:")[2].partition("total")[0]
    jobs = {rule: int(count) for rule, count in re.findall(r"^(\w+)\s+(\d+)$", stats, re.M)}
    return {rule: count for rule, count in jobs.items() if rule not in TARGETS}


def finished(printed: str) -> dict[str, int]:
    """Jobs by rule that a run brought to their end, targets left out."""
    rules = re.findall(r"^ *Finished jobid: \d+ \(Rule: (\w+)\)$", printed, re.M)
    return dict(Counter(rule for rule in rules if rule not in TARGETS))


def digests(study: Path) -> dict[str, str]:
    """Every result's digest, without what may differ between two runs: VARYING."""
    return {
        str(path.relative_to(study)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(study.rglob("*"))
        if path.is_file()
        and path.relative_to(study).parts[0] not in VARYING
        and path.name not in VARYING
    }


def copy_code(folder: Path) -> Path:
    """What a clone holds of the workflow, and the micro study's configuration, in `folder`."""
    folder.mkdir()
    for name in CODE:
        source = ROOT / name
        if source.is_dir():
            unfinished = shutil.ignore_patterns("*.pyc.*")  # another test is compiling
            shutil.copytree(source, folder / name, ignore=unfinished)
        else:
            shutil.copy(source, folder / name)
    shutil.copy(Path(__file__).with_name("micro.yaml"), folder)
    return folder
