"""What is left of a study: jobs, hours, GPU hours, memory, and when it may end. Nothing is started.

    snakemake -n --cores 4096 --profile profiles/slurm --configfile <study> > planned.txt
    python -m facegap.plan [cores of the one machine] < planned.txt

Without `--cores` Snakemake plans every job on one core. A job's time is what it took before in this
study (its own benchmark file, else the mean of its rule's), and where there is none the limit that
its rule sets, which it does not exceed.
"""

import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from facegap.stages import STAGES

JOB = re.compile(r"^\s*(?:local)?rule (\w+):$")
LINE = re.compile(r"^\s+(input|output|benchmark|threads|resources): (.*)$")
COLUMNS = {
    **dict.fromkeys(("jobs", "measured", "hours", "core_hours", "gpu_hours"), "sum"),
    "longest": "max",
    "limit": "sum",
    "memory": "max",
}


UNMEASURED = (
    "No job of this study was measured yet, so these are the limits at which jobs are ended; most\n"
    "take far less, and after a first run their own times stand here.\n"
)
WIDTH = 40  # letters of the longest chain


@dataclass(frozen=True)
class Job:
    """One job of a dry run. `limit` in minutes, `memory` in MB."""

    rule: str
    benchmark: Path
    threads: int
    gpus: int
    memory: int
    limit: float
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()

    @property
    def stage(self) -> str:
        """The folder of its benchmark file."""
        return self.benchmark.parent.name

    @property
    def hours(self) -> float:
        """What it will take: the measured time, else the limit."""
        seconds = measured(self)
        return self.limit / 60 if seconds is None else seconds / 3600


def jobs_of(printed: Iterable[str]) -> list[Job]:
    """The jobs in what `snakemake -n` prints; targets, which do nothing, are left out."""
    found: list[tuple[str, dict[str, str]]] = []
    for line in printed:
        if start := JOB.match(line):
            found.append((start[1], {}))
        elif found and (part := LINE.match(line)):
            found[-1][1].setdefault(part[1], part[2])
    return [_job(rule, parts) for rule, parts in found if "benchmark" in parts]


def _job(rule: str, parts: dict[str, str]) -> Job:
    resources = dict(re.findall(r"(\w+)=([^,]*)", parts.get("resources", "")))
    return Job(
        rule,
        Path(parts["benchmark"]),
        int(parts.get("threads", 1)),
        int(resources.get("gpu", 0)),
        int(resources.get("mem_mb", 0)),
        float(resources.get("runtime", 0)),
        *(tuple(parts[name].split(", ")) if name in parts else () for name in ("input", "output")),
    )


def plan(jobs: Sequence[Job]) -> pd.DataFrame:
    """A row a stage, in their order, and their total.

    Columns: `jobs`, `measured` (how many have a measured time), `hours` (of all jobs together),
    `core_hours`, `gpu_hours`, `longest` (hours of the longest job), `limit` (hours, if every job
    took all that it may), `memory` (GB, the largest job).
    """
    rows = [_row(job) for job in jobs]
    table = pd.DataFrame(rows, columns=["stage", *COLUMNS])
    stages = table.groupby("stage").agg(COLUMNS)
    stages = stages.reindex([stage for stage in STAGES if stage in stages.index])
    stages.loc["total"] = table.agg(COLUMNS)
    return stages


def _row(job: Job) -> tuple[str, int, bool, float, float, float, float, float, float]:
    hours = job.hours
    spent = (hours, hours * job.threads, hours * job.gpus, hours, job.limit / 60)
    return job.stage, 1, measured(job) is not None, *spent, job.memory / 1000


@cache
def measured(job: Job) -> float | None:
    """Seconds that the job took before, or that its rule's other jobs took on average."""
    own = [job.benchmark] if job.benchmark.is_file() else []
    files = own or sorted(job.benchmark.parent.glob(f"{job.rule}[-.]*tsv"))
    seconds = [pd.read_csv(path, sep="\t")["s"].mean() for path in files]
    return float(sum(seconds) / len(seconds)) if seconds else None


def longest_chain(jobs: Sequence[Job]) -> list[Job]:
    """The jobs, each of which needs the one before, that take the longest one after the other."""
    makers = {path: job for job in jobs for path in job.outputs}

    @cache
    def chain(job: Job) -> tuple[float, tuple[Job, ...]]:
        needed = dict.fromkeys(makers[path] for path in job.inputs if path in makers)
        hours, before = max(map(chain, needed), key=_hours, default=(0.0, ()))
        return hours + job.hours, (*before, job)

    return list(max(map(chain, jobs), key=_hours, default=(0.0, ()))[1])


def _hours(chain: tuple[float, tuple[Job, ...]]) -> float:
    return chain[0]


def hours_left(jobs: Sequence[Job], cores: int | None = None) -> float:
    """Hours until the last job ends, if none waits for a free place.

    The longest chain; on a machine of so many `cores`, or what keeps all of them at work, whichever
    is longer.
    """
    chain = sum(job.hours for job in longest_chain(jobs))
    work = sum(job.hours * min(job.threads, cores) for job in jobs) / cores if cores else 0
    return max(chain, work)


def chart(chain: Sequence[Job]) -> str:
    """A line a job: its rule, its hours, and from when to when it runs."""
    total = sum(job.hours for job in chain)
    scale = WIDTH / total if total else 0
    lines, done = [], 0.0
    for job in chain:
        start, end = (round(scale * hours) for hours in (done, done + job.hours))
        done += job.hours
        lines.append(f"{job.rule:>24} {job.hours:8.2f}  {' ' * start}{'█' * (end - start) or '▏'}")
    return "\n".join(line.rstrip() for line in lines)


def draw(chain: Sequence[Job], path: Path) -> None:
    """The chart as a picture: PNG, PDF or SVG by the path's ending."""
    import matplotlib.pyplot as plt  # not before it is needed: it takes a second

    from facegap import theme

    theme.use()
    hours = np.array([job.hours for job in chain])
    starts = hours.cumsum() - hours
    rows = np.arange(len(chain))
    figure, axes = plt.subplots(figsize=(6.5, 0.8 + 0.24 * len(chain)), layout="constrained")
    widths = hours.clip(0.004 * hours.sum())
    bars = axes.barh(rows, widths, left=starts, color=theme.COLOURS["blue"], height=0.7)
    axes.bar_label(bars, [f"{each:.2f}" for each in hours], padding=3, fontsize=7)
    axes.set_yticks(rows, [job.rule for job in chain])
    axes.set_ylim(len(chain) - 0.4, -0.6)
    axes.margins(x=0.06)
    axes.set_xlim(left=0)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("hours, if no job waits for a free place")
    theme.save_as(figure, [path])


def show(table: pd.DataFrame) -> str:
    """The plan as text, with what its figures rest on."""
    if table.loc["total", "jobs"] == 0:
        return "Nothing to be done."
    shown = table.rename(columns=lambda name: name.replace("_", " "))
    whole = dict.fromkeys(("jobs", "measured"), "{:.0f}".format)
    text = shown.to_string(float_format="{:.2f}".format, formatters=whole)
    known, count = (int(table[name].iloc[-1]) for name in ("measured", "jobs"))
    words = (
        f"hours: of all jobs together, by {known} measured times and {count - known} limits"
        if known
        else f"{UNMEASURED}hours: as the limit"
    )
    return (
        f"{text}\n\n{words}; limit: if every job took all that it may; memory: GB of the largest"
        " job"
    )


def _main(lines: Sequence[str], cores: int | None) -> None:
    if not any(line.startswith(("This was a dry-run", "Nothing to be done")) for line in lines):
        sys.exit("\n".join(lines[-20:]))
    jobs = jobs_of(lines)
    print(show(plan(jobs)))
    if jobs:
        chain = longest_chain(jobs)
        picture = jobs[0].benchmark.parents[2] / "plan.png"
        draw(chain, picture)
        print(f"\nlongest chain, each job after the one before, in hours (a picture: {picture}):\n")
        print(chart(chain))
        hours = hours_left(jobs, cores)
        end = datetime.now() + timedelta(hours=hours)
        free = f"{cores} cores always at work" if cores else "no job waiting for a free node"
        known = any(measured(job) is not None for job in jobs)
        word = "expected end" if known else "end if every job took its limit"
        print(f"\n{word}: {end:%A %d %B %Y, %H:%M}, in {hours:.2f} hours, by the same times")
        print(f"and with {free}")


if __name__ == "__main__":
    _main(sys.stdin.read().splitlines(), int(sys.argv[1]) if len(sys.argv) > 1 else None)
