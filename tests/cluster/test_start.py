"""How a run starts: what it looks at, and what a look alone leaves as it was."""

import os
import shutil
from pathlib import Path

from runs import MICRO, STUDY, copy_code, digests, planned, snakemake, start

# like LSF's, whose executor has a run_uuid too
ANOTHER = """
import uuid

from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor
from snakemake_interface_executor_plugins.settings import CommonSettings

common_settings = CommonSettings(
    job_deploy_sources=False,
    non_local_exec=True,
    implies_no_shared_fs=False,
    init_seconds_before_status_checks=0,
)


class Executor(RemoteExecutor):
    def __post_init__(self):
        self.run_uuid = str(uuid.uuid4())

    def run_job(self, job):
        self.report_job_error(SubmittedJobInfo(job), msg=f"{self.run_uuid} has been asked")

    async def check_active_jobs(self, active_jobs):
        for job in active_jobs:
            yield job

    def cancel_jobs(self, active_jobs):
        pass
"""


def test_another_executor_asks_no_slurm(tmp_path: Path) -> None:
    folder = copy_code(tmp_path / "facegap")
    plugin = tmp_path / "plugins/snakemake_executor_plugin_another"
    plugin.mkdir(parents=True)
    (plugin / "__init__.py").write_text(ANOTHER)
    commands = tmp_path / "bin"  # of which squeue is none
    commands.mkdir()
    for name in ("bash", "sh", "env", "uname", "which"):
        (commands / name).symlink_to(shutil.which(name) or "/none")
    environment = os.environ | {"PYTHONPATH": str(plugin.parent), "PATH": str(commands)}
    options = ("--executor", "another", "--jobs", "1")
    impatient = (Path(__file__).with_name("impatient.py"),)
    with start(folder, *MICRO, *options, environment=environment, program=impatient) as run:
        printed, _ = run.communicate(timeout=120)
    assert "has been asked" in printed, printed
    assert "squeue" not in printed


def records(folder: Path) -> set[Path]:
    """What Snakemake keeps of jobs, ended and begun."""
    places = (folder / ".snakemake" / name for name in ("metadata", "incomplete"))
    return {path for place in places for path in place.rglob("*")}


def test_a_dry_run_leaves_everything_as_it_was(disturbed: Path) -> None:
    before, records_before = digests(disturbed / STUDY), records(disturbed)
    edited = disturbed / STUDY / "report/tables/table5.csv"
    mine, seen = edited.read_bytes(), edited.stat()
    edited.write_bytes(mine + b"\n")
    assert "tabulate_results" in planned(snakemake(disturbed, "-n", *MICRO).stdout)
    snakemake(disturbed, "--lint", *MICRO)
    edited.write_bytes(mine)
    os.utime(edited, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert planned(snakemake(disturbed, "-n", *MICRO).stdout) == {}
    assert (digests(disturbed / STUDY), records(disturbed)) == (before, records_before)
