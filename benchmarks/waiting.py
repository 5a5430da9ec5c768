"""How long the paper's study waits on a cluster: on 16 nodes, against its longest chain of jobs.

    python benchmarks/waiting.py [minutes of the longest chain]

config/paper.yaml's own graph by its own profile, on a real Slurm with 16 pretend nodes, five of
which have a GPU (it needs root, and what tests/cluster needs). In a copy of the workflow every
script sleeps for its rule's limit, scaled so that the longest chain takes as long as asked for, and
leaves empty outputs. A job waits from the end of the last job that it needs to its own start:
Slurm, Snakemake's start on the node, and what its group needs and it does not. Snakemake asks
after its jobs every second; by itself it asks ever more seldom, up to every few minutes.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
from documented.marks import MACHINE

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests/cluster"), str(ROOT / "tests/workflow")]
from runs import CODE  # noqa: E402
from slurm import missing, slurm  # noqa: E402

from facegap.plan import Job, jobs_of, longest_chain  # noqa: E402

NODES = {f"cpu{number}": 0 for number in range(1, 12)} | {f"gpu{n}": 1 for n in range(1, 6)}
SCRIPT = """
import time
from pathlib import Path

time.sleep({seconds} * snakemake.resources.runtime)
for name in snakemake.output:
    path = Path(str(name))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch() if path.suffix else path.mkdir(exist_ok=True)
"""
STUDY = ("--profile", "profiles/slurm", "--configfile", "config/paper.yaml")
PATIENCE = ("--slurm-init-seconds-before-status-checks", "1", "--latency-wait", "10")


def planned(folder: Path) -> list[Job]:
    """The jobs of the study, by its dry run."""
    command = [sys.executable, "-m", "snakemake", "-n", "--nocolor", *STUDY]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return jobs_of(done.stdout.splitlines() + done.stderr.splitlines())


def copied(folder: Path) -> None:
    """The workflow in `folder`, its study's terms accepted, and the files that people give.

    Of 64 shards 16: on one machine, its cores are busy starting the others, which no cluster's are.
    """
    for name in CODE:
        path = ROOT / name
        (shutil.copytree if path.is_dir() else shutil.copy)(path, folder / name)
    study = folder / "config/paper.yaml"
    text = study.read_text().replace("# accept_terms:", "accept_terms:")
    study.write_text(text.replace("shards: 64", "shards: 16"))
    for name in ("first", "second"):
        path = folder / f"data/annotations/{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def waits(jobs: list[Job], folder: Path) -> pd.DataFrame:
    """Of each job, in seconds: when the last that it needs ended, its start and its end."""
    ends = {job: (folder / job.benchmark).stat().st_mtime for job in jobs}
    lengths = {job: float(pd.read_csv(folder / job.benchmark, sep="\t")["s"][0]) for job in jobs}
    makers = {path: job for job in jobs for path in job.outputs}
    begun = min(ends[job] - lengths[job] for job in jobs)
    rows = []
    for job in jobs:
        needed = {makers[path] for path in job.inputs if path in makers}
        ready = max((ends[each] for each in needed), default=begun)
        rows.append((job.rule, ready - begun, ends[job] - lengths[job] - begun, ends[job] - begun))
    table = pd.DataFrame(rows, columns=["rule", "ready", "start", "end"])
    return table.assign(wait=table["start"] - table["ready"])


def main() -> None:
    """Run it, and print what waited, and the whole against its longest chain."""
    if reason := missing():
        sys.exit(reason)
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "facegap"
        folder.mkdir()
        copied(folder)
        jobs = planned(folder)
        chain = longest_chain(jobs)
        seconds = 60 * minutes / sum(job.limit for job in chain)
        for script in (folder / "workflow/scripts").glob("*.py"):
            script.write_text(SCRIPT.format(seconds=seconds))
        (place := Path(name) / "slurm").mkdir()
        with slurm(place, NODES) as cluster, (folder / "log").open("w") as log:
            began = time.monotonic()
            program = [sys.executable, str(ROOT / "tests/cluster/impatient.py")]
            command = [*program, *STUDY, *PATIENCE]
            done = subprocess.run(
                command, cwd=folder, env=cluster.environment, stdout=log, stderr=log, check=False
            )
            taken = time.monotonic() - began
        if done.returncode:
            sys.exit((folder / "log").read_text()[-8000:])
        table = waits(jobs, folder)
    by_rule = table.groupby("rule")["wait"].agg(["size", "max"]).rename(columns={"size": "jobs"})
    by_rule = by_rule.join(table.groupby("rule")["end"].max())
    shown = by_rule.rename(columns={"max": "longest wait, s", "end": "last end, s"}).round(1)
    print(shown.sort_values("last end, s").to_string())
    whole = table["end"].max()
    print(f"\nlongest chain {60 * minutes:.0f} s, first start to last end {whole:.0f} s")
    print(f"waiting adds {whole / (60 * minutes) - 1:.1%} to it")
    figures = {
        "name": "waiting",
        "ratio": whole / (60 * minutes),
        "units": "s",
        "wall": taken,
        "machine": MACHINE,
    }
    print(json.dumps(figures | {"nodes": len(NODES), "jobs": len(jobs), "chain": 60 * minutes}))


if __name__ == "__main__":
    main()
