"""The study by real sbatch, through profiles/slurm as it is, with faults put in.

Slow machines are played by SIGSTOP: a stopped job takes no time of this machine, but its own
runs out. Where no Slurm can be started, everything here is skipped with the reason.
"""

import contextlib
import os
import re
import shutil
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import psutil
import pytest
from reliability import Reliability
from runs import MICRO, ROOT, STUDY, copy_code, finished, planned, snakemake, start
from slurm import Cluster, missing, slurm

QUICK = ("--slurm-init-seconds-before-status-checks", "1", "--latency-wait", "10")
IMPATIENT = Path(__file__).with_name("impatient.py")
SUBMITTED = (*MICRO, "--profile", "profiles/slurm", *QUICK)

TARGET = "partition"  # and all before it: each submission costs seconds

SHARDS = """
from facegap import start
start.quote_interpreter()

rule all:
    input: [f"{n}.npy" for n in range(3)]

rule align_shard:
    output: "{n}.npy"
    resources: mem_mb=500, runtime=10
    shell: "touch begun-{wildcards.n}; for k in $(seq 600); do set -- begun-*;"
        " [ $# -gt 1 ] && break; sleep 0.1; done; [ $# -gt 1 ] && touch {output}"
"""

T = TypeVar("T")

SKIPPED = missing() is not None and "FACEGAP_NEED_SLURM" not in os.environ
pytestmark = pytest.mark.skipif(SKIPPED, reason=f"no Slurm here: {missing()}")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A Slurm with two nodes, one of them with two pretend GPUs."""
    with slurm(tmp_path_factory.mktemp("slurm")) as running:
        yield running


class Run:
    """Snakemake at work on the cluster, and what it has printed so far."""

    def __init__(
        self, cluster: Cluster, folder: Path, *targets: str, options: tuple[str, ...] = ()
    ) -> None:
        """Start it in `folder`."""
        command = (*SUBMITTED, *options, "--", *targets)
        self.cluster, self.folder = cluster, folder
        self.process = start(
            folder, *command, environment=cluster.environment, program=(IMPATIENT,)
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        self.lines += self.process.stdout

    def end(self, seconds: float = 1200) -> tuple[int, str]:
        """Its exit code, and all that it printed."""
        code = self.process.wait(seconds)
        self._reader.join(60)  # a child of a killed Snakemake may hold the pipe
        return code, "".join(self.lines)

    def kill(self) -> None:
        """kill -9 of Snakemake alone."""
        self.process.kill()
        self.end()

    def stop(self) -> None:
        """End it if a test has not, and its jobs."""
        if self.process.poll() is None:
            self.kill()
        self.cluster.ask("scancel", "--user=root")

    def working(self, script: str, but: int | None = None) -> psutil.Process:
        """The process of a script, on whatever node, once there is one (other than `but`)."""

        def found() -> psutil.Process | None:
            assert self.process.poll() is None, "".join(self.lines[-200:])
            return self._find(script, but)

        return until(found, f"{script} to start", self.lines)

    def _find(self, script: str, but: int | None) -> psutil.Process | None:
        for process in psutil.process_iter(["cmdline", "cwd", "pid"]):
            command, seen = process.info["cmdline"] or [], process.info["cwd"]
            own = len(command) > 1 and command[1].endswith(f".{script}")
            if own and seen == str(self.folder) and process.pid != but:
                return process
        return None


@pytest.fixture
def begin(cluster: Cluster) -> Iterator[Callable[..., Run]]:
    """Runs by their folder, targets and options, of which none outlives its test."""
    with contextlib.ExitStack() as stack:

        def begun(folder: Path, *targets: str, options: tuple[str, ...] = ()) -> Run:
            run = Run(cluster, folder, *targets, options=options)
            stack.callback(run.stop)
            return run

        yield begun


def until(found: Callable[[], T | None], what: str, seen: list[str], every: float = 0.1) -> T:
    """What `found` gives, as soon as it is anything."""
    end = time.monotonic() + 600
    while not (value := found()):
        assert time.monotonic() < end, f"waited for {what}\n{''.join(seen[-60:])}"
        time.sleep(every)
    return value


def job_of(process: psutil.Process) -> str:
    """The number of the Slurm job that a process belongs to."""
    return process.environ()["SLURM_JOB_ID"]


def warned(process: psutil.Process) -> bool:
    """Whether a training takes the signal that warns of its end (it does once it trains)."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    caught = int(re.findall(r"^SigCgt:\s+(\w+)", status, re.M)[0], 16)
    return bool(caught >> (signal.SIGURG - 1) & 1)


def errors(printed: str) -> dict[str, int]:
    """Jobs by rule that failed, or were lost, and were tried again.

    What is printed of their logs has the same line once more, from the job itself.
    """
    return dict(
        Counter(re.findall(r"^ *Error in rule (\w+):\n *message: SLURM-job", printed, re.M))
    )


def partitions(cluster: Cluster) -> dict[str, set[str]]:
    """The partitions that each rule's, or group's, jobs went to."""
    listed = cluster.ask("squeue", "--noheader", "--states=all", "--format=%P|%k")
    found: dict[str, set[str]] = {}
    for partition, comment in (row.split("|") for row in listed.splitlines()):
        rule = re.sub(r"^rule_|_wildcards_.*", "", comment)
        found.setdefault(rule, set()).add(partition)
    return found


def test_a_study_with_jobs_lost_on_the_way(
    cluster: Cluster,
    begin: Callable[..., Run],
    request: pytest.FixtureRequest,
    tmp_path: Path,
    reliability: Reliability,
) -> None:
    folder = copy_code(tmp_path / "facegap")
    acquire = folder / "workflow/rules/acquire.smk"
    text = acquire.read_text()
    short = re.sub(r"(rule draw_faces:[\s\S]*?mem_mb=doubling\()\d+", r"\g<1>320", text, count=1)
    assert short != text
    acquire.write_text(short)
    needed, whole = (planned(snakemake(folder, "-n", *of, *MICRO).stdout) for of in ([TARGET], []))

    cluster.start_node("cpu1", without=Path(sys.prefix))
    drawn = f"{STUDY}/acquire/source/faces.parquet"
    code, printed = begin(folder, drawn, options=("--retries", "0")).end()
    assert code != 0
    failed = errors(printed)
    assert failed == {"draw_faces": 1}
    log = re.findall(r"submitted with SLURM jobid \d+ \(log: (.*?)\)", printed)[0]
    assert "bin/python: not found" in Path(log).read_text()
    assert not finished(printed)
    cluster.start_node("cpu1")

    run = begin(folder, TARGET)
    run.working("extract_features.py").kill()
    cluster.tell("scancel", job_of(run.working("train_configurations.py")))
    job = run.working("accept_pseudo_labels.py")
    job.suspend()
    cluster.daemons["cpu1"].kill()
    cluster.start_node("cpu1")
    job.resume()
    code, printed = run.end()
    assert code == 0, printed[-8000:]
    assert finished(printed) == needed
    again = errors(printed)
    draws = {"draw_faces": again.pop("draw_faces")}
    assert draws["draw_faces"] >= needed["draw_faces"]
    killed, cancelled = {"extract_features": 1}, {"train_configurations": 1}
    assert again == killed | cancelled
    undisturbed: Path = request.getfixturevalue("undisturbed")  # by now another worker has run it
    rest = snakemake(folder, "-n", *MICRO)
    assert rest.returncode == 0, rest.stdout[-8000:]
    left = Counter(whole) - Counter(needed)
    assert planned(rest.stdout) == left, "what the cluster made is there, and not made again"

    def note(fault: str, does: str, reran: dict[str, int], needed: dict[str, int]) -> None:
        both = (folder / STUDY, undisturbed / STUDY)
        reliability.note(fault, does, reran, needed, *both, whole=False)

    used = partitions(cluster)
    assert used["train_configurations"] == {"gpu"}
    assert used["align_shard"] == used["select_configuration"] == {"cpu"}
    assert "fetch_asset" not in used, "a node may see no network"

    does = "its jobs fail and their logs name what is not there; a rerun goes on"
    note("a node without the environment", does, failed, failed)
    does = "tried again with twice the memory, until it is enough or `retries` are over"
    least = {"draw_faces": needed["draw_faces"]}
    note("out of memory", does, draws, least)
    does = "tried again at once"
    note("kill -9 of a job, cluster", does, killed, killed)
    note("scancel", does, cancelled, cancelled)
    does = "the job goes on, and is seen to end when the daemon is back"
    note("kill -9 of a node's daemon", does, {}, {})


def test_a_training_that_is_cut_short_again_and_again(
    cluster: Cluster,
    begin: Callable[..., Run],
    disturbed: Path,
    undisturbed: Path,
    reliability: Reliability,
) -> None:
    folder = disturbed / STUDY / "synthesise/inside/seed-1"
    wanted = f"{STUDY}/synthesise/inside/seed-1/generator.safetensors"
    log = disturbed / STUDY / "logs/synthesise/train_stargan-inside-1.log"
    (folder / "generator.safetensors").unlink()

    def trained(run: Run, but: int | None = None) -> psutil.Process:
        """A training in its first steps, stopped."""
        process = run.working("train_stargan.py", but)
        until(lambda: warned(process), "the training to begin", run.lines)
        process.suspend()
        return process

    def lost(run: Run, process: psutil.Process) -> None:
        """Wait for the training's saved state, and then for its end, letting it do no more."""
        until(lambda: "state saved at step" in log.read_text(), "a saved state", run.lines)

        def ended() -> bool:
            with contextlib.suppress(psutil.NoSuchProcess):
                if process.status() != psutil.STATUS_ZOMBIE:
                    process.suspend()  # each signal of Slurm lets it go on
                    return False
            return True

        until(ended, "the training to be ended", run.lines, every=0.01)

    run = begin(disturbed, wanted)
    first = trained(run)
    cluster.tell("scontrol", "update", f"JobId={job_of(first)}", "EndTime=now+1")
    lost(run, first)

    second = trained(run, first.pid)
    queued = job_of(second)
    assert "resumed at step" in log.read_text()
    cluster.tell("sbatch", "--partition=urgent", "--gpus=2", "--output=/dev/null", "--wrap=true")
    lost(run, second)

    third = trained(run, second.pid)
    assert "resumed at step" in log.read_text()
    assert job_of(third) == queued, "SLURM itself queued it again"
    third.resume()
    code, printed = run.end()
    assert code == 0, printed[-8000:]
    one = {"train_stargan": 1}
    assert finished(printed) == one
    assert partitions(cluster)["train_stargan"] == {"gpu"}
    both = (disturbed / STUDY, undisturbed / STUDY)

    does = "the training is warned, saves its state, is tried again and goes on from it"
    reliability.note("time limit reached in training", does, one, one, *both)
    does = "the same, and SLURM queues it again by itself"
    reliability.note("preemption", does, one, one, *both)


def test_shards_work_side_by_side_and_may_be_more_than_the_places_for_jobs(
    cluster: Cluster, begin: Callable[..., Run], tmp_path: Path
) -> None:
    """Shards that wait for each other, by the rule's name and so by its place in the profile."""
    folder = tmp_path / "shards"
    shutil.copytree(ROOT / "profiles/slurm", folder / "profiles/slurm")
    (folder / "micro.yaml").write_text("{}")
    (folder / "Snakefile").write_text(SHARDS)
    code, printed = begin(folder, options=("--jobs", "2")).end(180)
    assert code == 0, printed[-8000:]
    assert finished(printed) == {"align_shard": 3}
    listed = cluster.ask("squeue", "--noheader", "--states=all", "--format=%C|%k|%Z")
    jobs = [row.split("|") for row in listed.splitlines()]
    cores = {comment: int(cores) for cores, comment, place in jobs if place == str(folder)}
    assert cores == dict.fromkeys((f"rule_align_shard_wildcards_{n}" for n in range(3)), 1)


def test_jobs_that_a_killed_snakemake_left(
    cluster: Cluster,
    begin: Callable[..., Run],
    undisturbed: Path,
    tmp_path: Path,
    reliability: Reliability,
) -> None:
    folder = copy_code(tmp_path / "facegap")
    wanted = f"{STUDY}/acquire/source/faces.parquet"
    run = begin(folder, wanted)
    job = run.working("draw_faces.py")
    job.suspend()
    left = job_of(job)
    run.kill()
    assert snakemake(folder, *MICRO, "--unlock").returncode == 0

    code, printed = begin(folder, wanted).end()
    assert code != 0
    assert f"scancel {left}" in printed
    another = copy_code(tmp_path / "another")
    (another / "results").symlink_to(folder / "results")
    with start(another, *MICRO, "--cores", "1", environment=cluster.environment) as local:
        beside, _ = local.communicate(timeout=120)
    assert local.returncode != 0
    assert f"scancel {left}" in beside, "nor by another checkout, nor on the login node itself"
    assert job.is_running(), "nothing is ended without being asked"
    assert [number for number, _ in cluster.jobs()] == [left], "nothing is started beside it"

    cluster.tell("scancel", left)
    until(lambda: not cluster.jobs(), "the job to end", [])
    code, printed = begin(folder, wanted).end()
    assert code == 0, printed[-8000:]
    one = {"draw_faces": 1}
    assert finished(printed) == one
    both = (folder / STUDY / "acquire/source", undisturbed / STUDY / "acquire/source")
    does = (
        "its jobs work on; after `--unlock` the next run names them, and how to end or await"
        " them, and starts nothing beside them"
    )
    reliability.note("kill -9 of Snakemake, cluster", does, one, one, *both)
