import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from facegap.plan import chart, draw, hours_left, jobs_of, longest_chain, plan, show

PRINTED = """
rule train_stargan:
    output: {study}/synthesise/seed-1/generator.safetensors
    benchmark: {study}/benchmarks/synthesise/train_stargan-1.tsv
    threads: 4
    resources: tmpdir=/tmp, mem_mb=8000, mem=8 GB, slurm_partition=gpu, runtime=2880, gpu=1

    rule draw_gap:
        input: {study}/report/gap.json, {study}/synthesise/seed-1/generator.safetensors
        benchmark: {study}/benchmarks/report/draw_gap.tsv
        resources: tmpdir=/tmp, mem_mb=1000, mem=1 GB, slurm_partition=cpu, runtime=30
localrule all:
    input: {study}/report/index.html
    resources: tmpdir=/tmp
"""


def measured(study: Path, name: str, seconds: float) -> None:
    path = study / "benchmarks" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:00:00\t1.0\n")


def test_hours_by_the_limits(tmp_path: Path) -> None:
    table = plan(jobs_of(PRINTED.format(study=tmp_path).splitlines()))
    assert list(table.index) == ["synthesise", "report", "total"]
    assert table.loc["synthesise"].to_dict() == {
        **{"jobs": 1, "measured": 0, "hours": 48, "core_hours": 192, "gpu_hours": 48},
        **{"longest": 48, "limit": 48, "memory": 8},
    }
    assert table.loc["total", ["jobs", "hours", "gpu_hours", "memory"]].to_list() == [
        2,
        48.5,
        48,
        8,
    ]


def test_hours_by_what_was_measured(tmp_path: Path) -> None:
    measured(tmp_path, "report/draw_gap.tsv", 36)
    measured(tmp_path, "synthesise/train_stargan-2.tsv", 7200)  # another seed took two hours
    measured(tmp_path, "synthesise/train_stargan-3.tsv", 14400)
    table = plan(jobs_of(PRINTED.format(study=tmp_path).splitlines()))
    assert table.loc["report", "hours"] == pytest.approx(0.01)
    assert table.loc["synthesise", "gpu_hours"] == pytest.approx(3)
    assert table.loc["total", "measured"] == 2
    assert "2 measured times and 0 limits" in show(table)


def test_the_end_is_that_of_the_longest_chain_or_of_all_the_work(tmp_path: Path) -> None:
    jobs = jobs_of(PRINTED.format(study=tmp_path).splitlines())
    assert hours_left(jobs) == 48.5
    assert hours_left([*jobs, *jobs[:1]], cores=4) == pytest.approx((2 * 48 * 4 + 0.5) / 4)
    assert hours_left(jobs, cores=2) == 48.5, "a job has no more threads than there are cores"


CHAINED = """
rule {rule}:
    input: {needs}
    output: {rule}.out
    benchmark: results/drawn/benchmarks/classify/{rule}.tsv
    resources: mem_mb=1000, runtime={minutes}
"""


def test_the_longest_chain_is_drawn_job_after_job(tmp_path: Path) -> None:
    given = [("a", "x.csv", 60), ("b", "a.out", 240), ("c", "a.out", 120), ("d", "b.out, c.out", 3)]
    text = "".join(CHAINED.format(rule=rule, needs=of, minutes=m) for rule, of, m in given)
    jobs = jobs_of(text.splitlines())
    chain = longest_chain(jobs)
    assert [job.rule for job in chain] == ["a", "b", "d"]
    assert hours_left(jobs) == pytest.approx(5.05)
    bars = [line.split(maxsplit=2) for line in chart(chain).splitlines()]
    assert [bar[:2] for bar in bars] == [["a", "1.00"], ["b", "4.00"], ["d", "0.05"]]
    first, second, last = (line[35:] for line in chart(chain).splitlines())
    assert first == "█" * 8
    assert second == " " * 8 + "█" * 32
    assert last.strip() == "▏", "too short for a bar, and there all the same"
    draw(chain, tmp_path / "plan.png")
    assert cv2.imread(str(tmp_path / "plan.png")).std() > 0


def test_jobs_that_need_nothing_of_each_other_are_no_chain() -> None:
    text = "".join(CHAINED.format(rule=rule, needs="x.csv", minutes=30) for rule in "ab")
    assert [job.rule for job in longest_chain(jobs_of(text.splitlines()))] == ["a"]
    assert longest_chain([]) == []
    assert chart([]) == ""


def test_nothing_to_do_is_said() -> None:
    assert show(plan(jobs_of(["Nothing to be done"]))) == "Nothing to be done."


def test_a_plan_that_failed_ends_with_its_message() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "facegap.plan"],
        input="WorkflowError:\nseed: 'one' is not of type 'integer'\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "seed: 'one' is not of type 'integer'" in done.stderr
