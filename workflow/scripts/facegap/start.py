"""How a run starts: what is in its way, and what it has to make again.

The one module that uses more of Snakemake than its documented interface; checked with 9.27.1, and
tests/test_conventions.py says so when another version is installed.
"""

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from snakemake.exceptions import MissingRuleException, WorkflowError
from snakemake.persistence.file import FilePersistence
from snakemake.script import PythonScript
from snakemake_interface_executor_plugins.executors.real import RealExecutor

from facegap.errors import ConfigError, FacegapError
from facegap.files import read_json
from facegap.settings.study import Study
from facegap.stages import STAGES

UNRECORDED = ("logs", "benchmarks", "changed")  # below the study, and no job's output
CHANGED: set[str] = set()  # results that are not as their job left them


def quote_interpreter() -> None:
    """Let jobs start where the path of Python has spaces or quotes, as below "My Documents".

    Snakemake writes that path as it is into the command lines of jobs and of their scripts.
    """
    if shlex.quote(sys.executable) == sys.executable or RealExecutor.format_job_exec is _quoted_job:
        return
    RealExecutor.format_job_exec = _quoted_job
    PythonScript._execute_cmd = _quoted_script


_job, _script = RealExecutor.format_job_exec, PythonScript._execute_cmd


def _quoted_job(executor: Any, job: Any) -> str:
    python = executor.get_python_executable()
    if python == sys.executable:
        executor.get_python_executable = lambda: shlex.quote(python)
    command: str = _job(executor, job)
    return command


def _quoted_script(script: Any, command: str, **named: Any) -> Any:
    if named.get("py_exec") == sys.executable:
        named["py_exec"] = shlex.quote(sys.executable)
    return _script(script, command, **named)


@contextmanager
def wrong_configuration() -> Iterator[None]:
    """Show a `ConfigError` as Snakemake shows its own errors: the message and no traceback."""
    try:
        yield
    except ConfigError as error:
        raise WorkflowError(str(error)) from None


def refusal(target: str) -> Callable[[Any], list[str]]:
    """An input function of a target that the study has no part for, which says so."""

    def refused(wildcards: Any) -> list[str]:
        raise WorkflowError(f"{target}: this study has no such part; name it in its key parts")

    return refused


def check(
    workflow: Any, study: Study, missing: Mapping[str, Iterable[str]], obstacle: str | None
) -> None:
    """Stop before the first job where results, data, answers or an earlier run are in the way.

    `missing` has the files of answers that are not there, by the rule that reads them; `obstacle`
    says why some file cannot be had. Raises `WorkflowError`.
    """
    results = f"{study.results}/{study.study}"
    check_omitted(workflow.dag_settings.omit_from)
    check_results(results)
    if obstacle:
        raise WorkflowError(obstacle)
    check_answers(workflow, missing)
    check_sources(workflow, study.results)
    check_pairs(workflow, study)
    check_leftovers(workflow, results, study.study)
    keep_changed(results)


def tell_report(workflow: Any, results: str) -> None:
    """Say where the report is, of a run that was to make it: else it may be of another study."""
    if any(job.rule.name == "write_report" for job in workflow.dag.jobs):
        print(f"The report is at {results}/report/index.html: what was found stands at its top")


def check_results(results: str) -> None:
    """Stop when nothing can be written where the results go."""
    try:
        Path(results).mkdir(parents=True, exist_ok=True)
        probe = Path(results) / f".writable-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise WorkflowError(f"results: nothing can be written in {results}: {error}") from None


def check_answers(workflow: Any, missing: Mapping[str, Iterable[str]]) -> None:
    """Stop where a rule that runs needs answers of people that are not there."""
    to_run = {job.rule.name for job in workflow.dag.needrun_jobs()}
    for rule, paths in missing.items():
        for path in paths if rule in to_run else ():
            raise WorkflowError(
                f"annotate, partition.verification: {path} does not exist; run snakemake align,"
                " then label or verify on the page (facegap annotate serve), or give answers from"
                " elsewhere: docs/annotation.md"
            )


def check_sources(workflow: Any, results: str) -> None:
    """Stop where a result of an earlier run would stand for one that cannot be made any more.

    Snakemake takes a result whose rule lacks an input for a file that somebody brought along.
    """
    dag = workflow.dag
    for job in dag.jobs:
        made = set().union(*dag.dependencies[job].values())
        for path in job.input:
            lost = None if path in made else _lost_source(workflow, str(path), f"{results}/")
            if lost:
                raise WorkflowError(
                    f"{lost} does not exist, and {path} was made from it by an earlier run; put it"
                    " back, or correct its name in the configuration"
                )


def _lost_source(workflow: Any, path: str, results: str) -> str | None:
    """The first file that is missing and that no rule makes, of those that `path` is made from."""
    jobs = _producers(workflow, path) if path.startswith(results) else []
    for source in (str(each) for job in jobs for each in job.input):
        if Path(source).exists() or _producers(workflow, source):
            lost = _lost_source(workflow, source, results)
        else:
            lost = source
        if lost:
            return lost
    return None


def _producers(workflow: Any, path: str) -> list[Any]:
    try:
        found: list[Any] = workflow.async_run(workflow.dag.file2jobs(path))
    except MissingRuleException:
        return []
    return found


def check_pairs(workflow: Any, study: Study) -> None:
    """Stop where pairs would be made again that people have answered: the key would be another."""
    sheet = Path(study.results, study.study, "judge/sheet.json")
    to_run = {job.rule.name for job in workflow.dag.needrun_jobs()}
    if workflow.touch or not sheet.exists() or "pair_outputs" not in to_run:
        return
    from facegap.people.comparing.answers import answered  # loads pandas and SQLAlchemy

    names = {study.comparisons, study.judge.responses or study.comparisons}
    for place in (Path(study.data_root, name) for name in sorted(names)):
        try:
            count = answered(place, read_json(sheet)["pairs"]) if place.exists() else 0
        except FacegapError as error:
            raise WorkflowError(str(error)) from None
        if count:
            raise WorkflowError(
                f"judge: {place} has {count} answers to the pairs in {sheet.parent}, which would be"
                " made again, and nobody could tell any more what was chosen. To keep the pairs:"
                " snakemake --touch pair_outputs. For new ones give the study another name, or move"
                " the answers elsewhere"
            )


def check_leftovers(workflow: Any, results: str, study: str) -> None:
    """Stop while jobs that a killed Snakemake left on SLURM still write these results.

    They are known by their name, which the jobs of this run get here: the profile, where a prefix
    could be set, does not know the study.
    """
    place = hashlib.sha256(os.path.realpath(results).encode()).hexdigest()[:8]
    name = f"facegap-{re.sub(r'[^A-Za-z0-9_-]', '-', study)[:40]}-{place}"
    executor = workflow.scheduler._executor
    on_slurm = type(executor).__module__.startswith("snakemake_executor_plugin_slurm")
    own = re.compile(rf"{name}_[0-9a-f-]{{36}}")
    jobs = [line.split("|") for line in _slurm_jobs(needed=on_slurm)]
    left = [number for number, job in jobs if own.fullmatch(job)]
    if left:
        raise WorkflowError(
            f"jobs of an earlier run are still at work on {results}: {', '.join(left)}. End them "
            f"(scancel {' '.join(left)}) or wait until squeue --me shows none, then start again"
        )
    if on_slurm:
        executor.run_uuid = f"{name}_{executor.run_uuid}"


def _slurm_jobs(*, needed: bool) -> list[str]:
    """The user's jobs, 'number|name'; none where there is no SLURM, unless it is needed."""
    if not needed and not shutil.which("squeue"):
        return []
    try:
        listed = subprocess.run(
            ["squeue", "--me", "--noheader", "--format=%i|%j"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        if not needed:
            return []
        why = (getattr(error, "stderr", None) or str(error)).strip()
        raise WorkflowError(f"squeue does not answer: {why}") from None
    return listed.stdout.splitlines()


def make_again(workflow: Any, results: str) -> None:
    """Let Snakemake make again the results that are not as their job left them, and say so.

    They count as incomplete from here on; nothing is written, since a dry run or a refused one
    comes here too. Raises `WorkflowError` where the results' folder is a file, since Snakemake
    looks into it before the first job.
    """
    if not workflow.is_main_process:
        return
    for place in (Path(results).parent, Path(results)):
        if place.exists() and not place.is_dir():
            raise WorkflowError(f"results: nothing can be written in {results}: {place} is a file")
    if any(Path(".snakemake/metadata").glob("*")):
        CHANGED.clear()
        CHANGED.update(changed_outputs(results))
        FilePersistence._filter_incomplete_keys = _incomplete
        for path in sorted(CHANGED):
            print(
                f"{path} is not as its job left it and is made again; a copy will be in"
                f" {results}/changed. To keep it instead: snakemake --touch {path}",
                file=sys.stderr,
            )
    elif Path(results, "acquire").is_dir():
        print(
            f"{results} holds results, but .snakemake has no record of what made them: changes of"
            " code and settings since then are not seen. Bring .snakemake along, or give"
            " --forceall",
            file=sys.stderr,
        )


_marked = FilePersistence._filter_incomplete_keys


def _incomplete(records: FilePersistence, keys: Iterable[str]) -> set[str]:
    """Of the outputs `keys` those that were cut short, and the changed ones."""
    keys = list(keys)
    return set(_marked(records, keys)) | CHANGED.intersection(keys)


def check_omitted(names: Iterable[str]) -> None:
    """Stop where a stage is to be left out by its name, which leaves out nothing.

    A stage's name is a target, the last of its files, from which nothing is made.
    """
    stages = list(STAGES)
    for name in names:
        if name in stages:
            before = " ".join(stages[: stages.index(name)])
            raise WorkflowError(
                f"--omit-from {name}: a stage's name leaves nothing out, as rules and files do; to"
                f" run what comes before it: snakemake {before}"
            )


def changed_outputs(results: str) -> Iterator[str]:
    """Results that are no longer as their job left them: edited, cut short, put there by hand.

    Snakemake notes the time of an output when its job ends, and looks at it no more.
    """
    records = FilePersistence(nolock=True)
    for folder, folders, files in os.walk(results):
        if folder == results:
            folders[:] = [name for name in folders if name not in UNRECORDED]
        for name in [*folders, *files]:
            path = os.path.join(folder, name)  # noqa: PTH118, as Snakemake spells it
            record = records._read_record(path)
            if record and record.endtime and _changed_since(path, record.endtime):
                yield path


def _changed_since(path: str, time: float) -> bool:
    """Whether a file, or any file of a folder, has another time; archives keep whole seconds."""
    times = [Path(path).stat().st_mtime]
    if Path(path).is_dir():
        inside = Path(path).rglob("*")
        return max(times + [part.stat().st_mtime for part in inside]) > time + 1
    return abs(times[0] - time) > 1


def keep_changed(results: str) -> None:
    """Keep what somebody may have edited, before it is made again."""
    for path in CHANGED:
        copy = Path(results, "changed") / Path(path).relative_to(results)
        if copy.is_dir():
            shutil.rmtree(copy)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if Path(path).is_dir():
            shutil.copytree(path, copy)
        elif Path(path).exists():
            shutil.copy2(path, copy)
