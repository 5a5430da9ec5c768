"""Runs of the real workflow in a copy of this repository."""

import hashlib
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
STUDY = "results/micro"
MICRO = ("--configfile", "micro.yaml")
CODE = ("Snakefile", "workflow", "config", "profiles", "envs")
TARGETS = {
    *("all", "everything", "acquire", "align", "annotate", "classify", "partition", "synthesise"),
    *("measure", "judge", "report"),
}
# times and hosts: of jobs and curves, and on the page and in the record that show them; edits
VARYING = {
    *("logs", "benchmarks", "changed", "tensorboard"),
    *("index.html", "ro-crate-metadata.json"),
}


def start(
    folder: Path,
    *arguments: str | Path,
    environment: Mapping[str, str] = os.environ,
    program: tuple[str | Path, ...] = ("-m", "snakemake"),
) -> subprocess.Popen[str]:
    """Start the copied workflow in `folder` with `arguments`; `program` is what Python runs."""
    return subprocess.Popen(
        [sys.executable, *map(str, program), *_options(arguments)],
        cwd=folder,
        env=_environment(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _options(arguments: Sequence[str | Path]) -> list[str]:
    return ["--nocolor", *map(str, arguments)]


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    return {k: v for k, v in environment.items() if k != "PYTHONDONTWRITEBYTECODE"}


# most of a start is imports, and nearly every test here starts Snakemake
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["snakemake.cli", "snakemake_logger_plugin_rich"])


def snakemake(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the copied workflow in `folder` with `arguments`; nothing is asserted of its end.

    In a process forked from one that has Snakemake's modules, and no more, loaded.
    """
    options = _options(arguments)
    with tempfile.NamedTemporaryFile("r") as printed:
        process = FORKS.Process(
            target=_main, args=(folder, options, _environment(os.environ), printed.name)
        )
        process.start()
        try:
            process.join(1200)
            assert process.exitcode is not None, f"{options} takes too long: {printed.read()}"
        finally:
            process.kill()
        return subprocess.CompletedProcess(options, process.exitcode, printed.read())


def _main(
    folder: Path, arguments: Sequence[str], environment: Mapping[str, str], output: str
) -> None:
    """What the command snakemake does."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    with open(output, "a") as file:  # noqa: PTH123, for its number alone
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    from snakemake.cli import main

    sys.argv = ["snakemake", *arguments]
    main()


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
        if path.is_file() and not VARYING.intersection(path.relative_to(study).parts)
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
