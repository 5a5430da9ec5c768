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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import yaml
from reliability import Reliability
from runs import MICRO, STUDY, digests, finished, planned, snakemake, start

from facegap import tables

TWO_CORES = (*MICRO, "--cores", "2")


def least(folder: Path, rule: str) -> dict[str, int]:
    """The jobs of a rule, and all that depend on them."""
    return planned(snakemake(folder, "-n", "--forcerun", rule, *TWO_CORES).stdout)


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


def test_a_truncated_intermediate_file(
    disturbed: Path, undisturbed: Path, reliability: Reliability
) -> None:
    os.truncate(disturbed / STUDY / "judge/responses.parquet", 100)
    reran = rerun(disturbed)
    assert reran == least(undisturbed, "simulate_responses")
    assert digests(disturbed / STUDY) == digests(undisturbed / STUDY)
    does = "sees at the start that the file is not as its job left it, and makes it again"
    reliability.note("an intermediate file cut short", does, reran, reran)


def test_an_output_edited_by_hand(
    disturbed: Path, undisturbed: Path, reliability: Reliability
) -> None:
    edited = disturbed / STUDY / "report/tables/table5.csv"
    edited.write_text(edited.read_text().replace("0.", "0.9"))
    mine = edited.read_bytes()
    reran = rerun(disturbed)
    assert reran == least(undisturbed, "tabulate_results")
    assert digests(disturbed / STUDY) == digests(undisturbed / STUDY)
    assert (disturbed / STUDY / "changed/report/tables/table5.csv").read_bytes() == mine
    does = "the same, and keeps the edited one in `changed/`; `--touch` accepts it instead"
    reliability.note("an output edited by hand", does, reran, reran)


def test_an_edit_that_is_accepted_stays(disturbed: Path) -> None:
    edited = disturbed / STUDY / "report/tables/table5.csv"
    edited.write_text(edited.read_text().replace("0.", "0.9"))
    mine = edited.read_bytes()
    snakemake(disturbed, *TWO_CORES, "--touch", f"{STUDY}/report/tables/table5.csv")
    rerun(disturbed)
    assert edited.read_bytes() == mine


def test_a_changed_setting(disturbed: Path, undisturbed: Path, reliability: Reliability) -> None:
    study = disturbed / "micro.yaml"
    before = yaml.safe_load(study.read_text())
    changed = {**before, "judge": {**before["judge"], "simulated": {"male": 0.9, "female": 0.9}}}
    study.write_text(yaml.safe_dump(changed, sort_keys=False))
    reran = rerun(disturbed)
    assert reran == least(undisturbed, "simulate_responses")
    assert digests(disturbed / STUDY) != digests(undisturbed / STUDY)
    study.write_text(yaml.safe_dump(before, sort_keys=False))
    assert rerun(disturbed) == reran
    assert digests(disturbed / STUDY) == digests(undisturbed / STUDY)
    reliability.note("a changed value of the config", "runs what depends on it", reran, reran)


def test_a_changed_line_where_nothing_can_be_written(
    disturbed: Path, undisturbed: Path, reliability: Reliability
) -> None:
    module = disturbed / "workflow/scripts/facegap/report/results.py"
    module.write_text(module.read_text() + "\n# a line\n")
    with mounted("--bind", disturbed / STUDY, disturbed / STUDY):
        remount("bind,ro", disturbed / STUDY)
        refused = snakemake(disturbed, *TWO_CORES)
    assert refused.returncode != 0
    assert "Write-protected output files" in refused.stdout
    assert f"affected files:\n        {STUDY}/" in refused.stdout
    assert not finished(refused.stdout)
    reran = rerun(disturbed)
    assert reran == least(undisturbed, "tabulate_results")
    assert digests(disturbed / STUDY) == digests(undisturbed / STUDY)
    reliability.note("a changed line of one library module", "runs its rules", reran, reran)
    does = "stops before the first job and names the files; later goes on"
    reliability.note("a read-only shared directory, results", does, {}, {})


def test_a_data_file_replaced_by_one_of_the_same_size_and_time(
    disturbed: Path, undisturbed: Path, tmp_path: Path, reliability: Reliability
) -> None:
    """The data lie in a read-only directory, as shared data do."""
    data = tmp_path / "data"
    zipfile.ZipFile(undisturbed / STUDY / "acquire/source/images.zip").extractall(data / "images")
    faces = tables.read(undisturbed / STUDY / "acquire/source/faces.parquet", tables.FACES)
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

    target = "results/own/acquire/source/faces.parquet"
    with mounted("--bind", data, data):
        remount("bind,ro", data)
        assert rerun(disturbed, target) == {"read_folder": 1}
        assert rerun(disturbed, target) == {}
    reliability.note("a read-only shared directory, data", "reads it", {}, {})
    first, seen = (disturbed / target).read_bytes(), own.stat()

    (data / "another.csv").write_text(labels.assign(age=79 - faces.index % 60).to_csv(index=False))
    os.utime(data / "another.csv", ns=(seen.st_atime_ns, seen.st_mtime_ns))
    own.rename(tmp_path / "first.csv")
    (data / "another.csv").rename(own)
    assert (own.stat().st_size, own.stat().st_mtime_ns) == (seen.st_size, seen.st_mtime_ns)
    reran = rerun(disturbed, target)
    assert reran == {"read_folder": 1}
    another = (disturbed / target).read_bytes()
    assert another != first

    shutil.rmtree(disturbed / "results/own")
    assert rerun(disturbed, target) == {"read_folder": 1}
    assert (disturbed / target).read_bytes() == another
    does = "tells files apart by what they hold, and runs what reads it"
    reliability.note("a data file replaced, same size and time", does, reran, reran)


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
        assert digests(judged) == digests(undisturbed / STUDY / "judge")
    does = "the job fails and names the file, nothing half-written stays; a rerun goes on"
    reliability.note("a full disk", does, reran, needed)


def test_killed_jobs_and_runs(disturbed: Path, undisturbed: Path, reliability: Reliability) -> None:
    judged = disturbed / STUDY / "judge"
    shutil.rmtree(judged)
    needed = planned(snakemake(disturbed, "-n", "judge", *TWO_CORES).stdout)

    with start(disturbed, *TWO_CORES, "judge") as run:
        working(run, "pair_outputs.py").kill()
        printed, _ = run.communicate(timeout=120)
    assert run.returncode != 0
    assert "Error in rule pair_outputs" in printed
    assert not finished(printed)
    assert not (judged / "pairs.parquet").exists()
    does = "the run fails and names the job; a rerun goes on"
    reliability.note("kill -9 of a job, one machine", does, needed, needed)

    with start(disturbed, *TWO_CORES, "judge") as run:
        job = working(run, "pair_outputs.py")
        job.suspend()
        second = snakemake(disturbed, *TWO_CORES, "judge")
        assert second.returncode != 0
        assert "Directory cannot be locked" in second.stdout
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
    job.resume()
    psutil.wait_procs([job], timeout=60)
    refused = snakemake(disturbed, *TWO_CORES, "judge")
    assert refused.returncode != 0
    assert "--unlock" in refused.stdout
    assert not finished(second.stdout + refused.stdout)
    assert snakemake(disturbed, *TWO_CORES, "--unlock").returncode == 0
    reran = rerun(disturbed, "judge")
    assert reran == needed
    assert rerun(disturbed) == {}
    assert digests(disturbed / STUDY) == digests(undisturbed / STUDY)
    does = "the second is refused, the first goes on"
    reliability.note("two Snakemakes at once", does, {}, {})
    does = "the next run says that a lock was left, and that `--unlock` takes it away"
    reliability.note("kill -9 of Snakemake, and the lock it leaves", does, reran, needed)


def test_a_clock_that_is_off(disturbed: Path, undisturbed: Path, reliability: Reliability) -> None:
    script = disturbed / "workflow/scripts/pair_outputs.py"
    ahead = """
    import os, time
    for path in snakemake.output:
        os.utime(path, 2 * (time.time() + 3600,))
"""
    script.write_text(script.read_text() + ahead)
    reran = rerun(disturbed)
    assert reran == least(undisturbed, "pair_outputs")
    assert (disturbed / STUDY / "judge/pairs.parquet").stat().st_mtime < time.time()
    assert rerun(disturbed) == {}
    assert digests(disturbed / STUDY) == digests(undisturbed / STUDY)
    does = "gives an output its own time when the job ends"
    reliability.note("a job whose files are an hour ahead", does, {}, {})
