"""Faults on one machine. After each a plain rerun gives the bytes of an undisturbed run.

Every test takes a copy of one finished run, disturbs it, and counts the jobs that run again
against the least that the graph allows: the jobs that have to, and what depends on them.
"""

import os
import shutil
import signal
import subprocess
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import psutil
import pytest
import yaml
from reliability import FAULTS, Reliability
from runs import MICRO, STUDY, digests, finished, planned, snakemake, start

from facegap.tables.acquire import FACES
from facegap.tables.base import read_table

TWO_CORES = (*MICRO, "--cores", "2")
CARD = "classify/model-card.md"  # a result that one rule alone makes, and nothing reads


@cache
def least(folder: Path, rule: str, target: str = "all") -> dict[str, int]:
    """The jobs of a rule, and those of a target that depend on them, where all is undisturbed."""
    jobs = planned(snakemake(folder, "-n", target, "--forcerun", rule, *TWO_CORES).stdout)
    assert rule in jobs
    return jobs


def beyond(reran: dict[str, int], needed: dict[str, int]) -> dict[str, int]:
    """The jobs that ran and did not have to."""
    return dict(Counter(reran) - Counter(needed))


def rerun(folder: Path, *arguments: str) -> dict[str, int]:
    """Run to the end, plainly; the jobs that ran."""
    done = snakemake(folder, *TWO_CORES, *arguments)
    assert done.returncode == 0, done.stdout[-8000:]
    return finished(done.stdout)


def working(process: subprocess.Popen[str], script: str) -> psutil.Process:
    """The process of a script of this run, once there is one."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        for child in psutil.Process(process.pid).children(recursive=True):
            try:
                if any(script in part for part in child.cmdline()):
                    return child
            except psutil.NoSuchProcess:
                continue
        assert process.poll() is None, process.stdout and process.stdout.read()
        time.sleep(0.02)
    raise AssertionError(f"{script} did not start")


@contextmanager
def held(
    folder: Path, script: str, target: str
) -> Iterator[tuple[subprocess.Popen[str], psutil.Process]]:
    """A run, and its job of a script, stopped; however the block ends, neither is left so."""
    with start(folder, *TWO_CORES, target) as run:
        job = None
        try:
            job = working(run, script)
            job.suspend()
            yield run, job
        finally:
            run.kill()
            if job:
                with suppress(psutil.NoSuchProcess):
                    job.resume()
                psutil.wait_procs([job], timeout=60)


@contextmanager
def mounted(*arguments: str | Path) -> Iterator[None]:
    """A file system mounted on the last of the arguments, for as long as the block lasts."""
    done = subprocess.run(["mount", *map(str, arguments)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(arguments[-1])], check=True)


def remount(options: str, place: Path) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(place)], check=True)


def test_the_table_says_only_what_was_seen(tmp_path: Path) -> None:
    for name in ("one", "same", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "table.csv").write_text(name if name == "other" else "a,b")
    table = Reliability()
    table.note("a", "", {}, {}, tmp_path / "one", tmp_path / "same")
    with pytest.raises(AssertionError):
        table.note("b", "", {}, {}, tmp_path / "one", tmp_path / "other")
    assert table.rows[FAULTS] == {"a": "| a |  | 0 | 0 | the same bytes |"}


def test_a_truncated_intermediate_file(
    disturbed: Path, undisturbed: Path, reliability: Reliability
) -> None:
    os.truncate(disturbed / STUDY / "judge/responses.parquet", 100)
    needed = least(undisturbed, "simulate_responses", "judge")
    reran = rerun(disturbed, "judge")
    assert reran == needed
    does = "sees at the start that the file is not as its job left it, and makes it again"
    compared = disturbed / STUDY, undisturbed / STUDY
    reliability.note("an intermediate file cut short", does, reran, needed, *compared)


def test_an_output_edited_by_hand(
    disturbed: Path, undisturbed: Path, reliability: Reliability
) -> None:
    edited = disturbed / STUDY / CARD
    edited.write_text(edited.read_text().replace("0.", "0.9"))
    mine = edited.read_bytes()
    needed, reran = least(undisturbed, "write_model_card"), rerun(disturbed)
    assert reran == needed
    assert (disturbed / STUDY / "changed" / CARD).read_bytes() == mine
    does = "the same, and keeps the edited one in `changed/`; `--touch` accepts it instead"
    compared = disturbed / STUDY, undisturbed / STUDY
    reliability.note("an output edited by hand", does, reran, needed, *compared)


def test_an_edit_that_is_accepted_stays(disturbed: Path) -> None:
    edited = disturbed / STUDY / CARD
    edited.write_text(edited.read_text().replace("0.", "0.9"))
    mine = edited.read_bytes()
    snakemake(disturbed, *TWO_CORES, "--touch", f"{STUDY}/{CARD}")
    assert rerun(disturbed) == {}
    assert edited.read_bytes() == mine


def test_a_changed_setting(disturbed: Path, undisturbed: Path, reliability: Reliability) -> None:
    study = disturbed / "micro.yaml"
    before = yaml.safe_load(study.read_text())
    changed = {
        **before,
        "judge": before["judge"] | {"simulation": {"preference": {"male": 0.9, "female": 0.9}}},
    }
    study.write_text(yaml.safe_dump(changed, sort_keys=False))
    needed = least(undisturbed, "simulate_responses", "judge")
    assert rerun(disturbed, "judge") == needed
    assert digests(disturbed / STUDY) != digests(undisturbed / STUDY)
    study.write_text(yaml.safe_dump(before, sort_keys=False))
    reran = rerun(disturbed, "judge")
    assert reran == needed
    does, compared = "runs what depends on it", (disturbed / STUDY, undisturbed / STUDY)
    reliability.note("a changed value of the config", does, reran, needed, *compared)


def test_a_changed_line_where_nothing_can_be_written(
    disturbed: Path, undisturbed: Path, reliability: Reliability
) -> None:
    module = disturbed / "workflow/scripts/facegap/classify/card.py"
    module.write_text(module.read_text() + "\n# a line\n")
    with mounted("--bind", disturbed / STUDY, disturbed / STUDY):
        remount("bind,ro", disturbed / STUDY)
        refused = snakemake(disturbed, *TWO_CORES)
    assert refused.returncode != 0
    assert "Write-protected output files" in refused.stdout
    assert f"affected files:\n        {STUDY}/" in refused.stdout
    assert not finished(refused.stdout)
    needed, reran = least(undisturbed, "write_model_card"), rerun(disturbed)
    assert reran == needed
    does, compared = "runs its rules", (disturbed / STUDY, undisturbed / STUDY)
    reliability.note("a changed line of one library module", does, reran, needed, *compared)
    does = "stops before the first job and names the files; later goes on"
    more = beyond(reran, needed)
    reliability.note("a read-only shared directory, results", does, more, {}, *compared)


def test_a_data_file_replaced_by_one_of_the_same_size_and_time(
    disturbed: Path, undisturbed: Path, tmp_path: Path, reliability: Reliability
) -> None:
    """The data lie in a read-only directory, as shared data do."""
    data = tmp_path / "data"
    zipfile.ZipFile(undisturbed / STUDY / "acquire/source/images.zip").extractall(data / "images")
    faces = read_table(undisturbed / STUDY / "acquire/source/faces.parquet", FACES)
    labels = faces[["path", "subject_id", "gender"]].assign(
        race_raw=["white", "black"] * (len(faces) // 2), age=20 + faces.index % 60
    )
    labels["path"] = labels["path"].str.rpartition("::")[2]
    own = data / "labels.csv"
    labels.to_csv(own, index=False)
    study = yaml.safe_load((disturbed / "micro.yaml").read_text()) | {
        "study": "own",
        "data_root": str(data),
    }
    words = {"column": "race_raw", "inside": ["white"], "outside": ["black"]}
    place = {"kind": "folder", "images": "images", "table": "labels.csv", "own_label": words}
    study["datasets"]["source"] |= place
    (disturbed / "micro.yaml").write_text(yaml.safe_dump(study, sort_keys=False))

    target, results = "results/own/acquire/source/faces.parquet", disturbed / "results/own"
    with mounted("--bind", data, data):
        remount("bind,ro", data)
        assert rerun(disturbed, target) == {"read_faces": 1, "split_dataset": 1}
        more = rerun(disturbed, target)
        assert more == {}
    results.rename(tmp_path / "read-only")
    assert rerun(disturbed, target) == {"read_faces": 1, "split_dataset": 1}
    compared = tmp_path / "read-only", results
    reliability.note("a read-only shared directory, data", "reads it", more, {}, *compared)
    first, seen = (disturbed / target).read_bytes(), own.stat()

    (data / "another.csv").write_text(labels.assign(age=79 - faces.index % 60).to_csv(index=False))
    os.utime(data / "another.csv", ns=(seen.st_atime_ns, seen.st_mtime_ns))
    own.rename(tmp_path / "first.csv")
    (data / "another.csv").rename(own)
    assert (own.stat().st_size, own.stat().st_mtime_ns) == (seen.st_size, seen.st_mtime_ns)
    reran = rerun(disturbed, target)
    assert reran == {"read_faces": 1, "split_dataset": 1}
    assert (disturbed / target).read_bytes() != first

    results.rename(tmp_path / "replaced")
    anew = rerun(disturbed, target)
    assert anew == {"read_faces": 1, "split_dataset": 1}
    does = "tells files apart by what they hold, and runs what reads it"
    compared = tmp_path / "replaced", results
    reliability.note("a data file replaced, same size and time", does, reran, anew, *compared)

    (tmp_path / "first.csv").rename(own)  # as if this were a node, with a copy on its own disk
    memory = disturbed / ".snakemake/digests.json"
    remembered = memory.read_bytes()
    job = ("--target-jobs", "read_faces:dataset=source", "--allowed-rules", "read_faces")
    done = snakemake(disturbed, *TWO_CORES, "--mode", "remote", "--force", "--nolock", *job)
    assert done.returncode == 0, done.stdout
    assert memory.read_bytes() == remembered, "a job looks at no data that its run has looked at"


def test_a_full_disk(disturbed: Path, undisturbed: Path, reliability: Reliability) -> None:
    judged = disturbed / STUDY / "judge"
    shutil.rmtree(judged)
    judged.mkdir()
    needed = planned(snakemake(disturbed, "-n", "judge", *TWO_CORES).stdout)
    with mounted("-t", "tmpfs", "-o", "size=8k", "none", judged):
        full = snakemake(disturbed, *TWO_CORES, "judge")
        assert full.returncode != 0
        assert "No space left on device" in full.stdout
        assert not [path for path in judged.iterdir() if path.name != ".snakemake_timestamp"]
        remount("size=20m", judged)
        reran = rerun(disturbed, "judge")
        assert reran == needed
        does = "the job fails and names the file, nothing half-written stays; a rerun goes on"
        reliability.note("a full disk", does, reran, needed, judged, undisturbed / STUDY / "judge")


def test_killed_jobs_and_runs(disturbed: Path, undisturbed: Path, reliability: Reliability) -> None:
    judged, study = disturbed / STUDY / "judge", disturbed / STUDY
    shutil.rmtree(judged)
    needed = planned(snakemake(disturbed, "-n", "judge", *TWO_CORES).stdout)

    with held(disturbed, "pair_outputs.py", "judge") as (run, job):
        job.kill()
        printed, _ = run.communicate(timeout=120)
    assert run.returncode != 0
    assert "Error in rule pair_outputs" in printed
    assert not finished(printed)
    assert not (judged / "pairs.parquet").exists()

    with held(disturbed, "pair_outputs.py", "judge") as (run, job):
        second = snakemake(disturbed, *TWO_CORES, "judge")
        job.resume()
        printed, _ = run.communicate(timeout=600)
    assert second.returncode != 0
    assert "Directory cannot be locked" in second.stdout
    assert run.returncode == 0
    reran = finished(printed)
    assert reran == needed
    does = "the run fails and names the job; a rerun goes on"
    reliability.note(
        "kill -9 of a job, one machine", does, reran, needed, study, undisturbed / STUDY
    )
    more = beyond(Counter(finished(second.stdout)) + Counter(reran), needed)
    does = "the second is refused, the first goes on"
    reliability.note("two Snakemakes at once", does, more, {}, study, undisturbed / STUDY)

    shutil.rmtree(judged)
    with held(disturbed, "pair_outputs.py", "judge") as (run, _):
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
    refused = snakemake(disturbed, *TWO_CORES, "judge")
    assert refused.returncode != 0
    assert "--unlock" in refused.stdout
    assert not finished(refused.stdout)
    assert snakemake(disturbed, *TWO_CORES, "--unlock").returncode == 0
    reran = rerun(disturbed, "judge")
    assert reran == needed
    assert rerun(disturbed) == {}
    does = "the next run says that a lock was left, and that `--unlock` takes it away"
    fault = "kill -9 of Snakemake, and the lock it leaves"
    reliability.note(fault, does, reran, needed, study, undisturbed / STUDY)


OFF = """
import time
right = time.time
time.time = lambda: right() + {seconds}
{script}
import os
for path in (*snakemake.output, *snakemake.log):
    os.utime(path, 2 * (time.time(),))
"""


def test_a_clock_that_is_off(disturbed: Path, undisturbed: Path, reliability: Reliability) -> None:
    """Of two jobs, the second of which reads what the first wrote two hours later."""
    off = {"ahead": ("pair_outputs", 3600), "behind": ("simulate_responses", -3600)}
    for name, seconds in off.values():
        script = disturbed / f"workflow/scripts/{name}.py"
        script.write_text(OFF.format(seconds=seconds, script=script.read_text()))
    forced = rerun(disturbed, "judge", "--forcerun", "pair_outputs")  # a script is no param
    assert forced == least(undisturbed, "pair_outputs", "judge")
    for name in ("pairs", "responses"):
        written = (disturbed / STUDY / f"judge/{name}.parquet").stat().st_mtime
        assert abs(time.time() - written) < 1800
    more = rerun(disturbed)
    assert more == {}
    does, compared = "gives an output its own time when the job ends", (disturbed, undisturbed)
    for way in off:
        fault = f"a job whose files are an hour {way}"
        reliability.note(fault, does, more, {}, *(folder / STUDY for folder in compared))
