"""Time and memory of planning: the paper's study, and a grid of 20,000 jobs beside a bare one.

python benchmarks/planning.py [data sets] [backbones] [seeds]

The grid has the shape of the rule train_cell: the digests of the library's modules and the recipe
as params, log, benchmark, resources. The bare one is what Snakemake takes for as many jobs with
nothing but an input and an output; the ratio of the two is what facegap's rules cost.
"""

import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]
COMMON = """
DATASETS = [f"d{{n}}" for n in range({datasets})]
BACKBONES = [f"b{{n}}" for n in range({backbones})]
SEEDS = list(range({seeds}))
rule all:
    input: expand("cells/{{d}}-{{b}}-{{s}}", d=DATASETS, b=BACKBONES, s=SEEDS)
rule features:
    output: "features/{{d}}"
    shell: "touch {{output}}"
"""
BARE = """
rule cell:
    input: "features/{d}"
    output: "cells/{d}-{b}-{s}"
    shell: "touch {output}"
"""
GRID = """
rule cell:
    input:
        features="features/{{d}}",
    output: "cells/{{d}}-{{b}}-{{s}}"
    log: "logs/{{d}}-{{b}}-{{s}}.log"
    benchmark: "benchmarks/{{d}}-{{b}}-{{s}}.tsv"
    threads: 2
    resources: mem_mb=4000, runtime=1440
    params:
        *{code},
        recipe={recipe},
        seed=1,
    shell: "touch {{output}}"
"""
RECIPE = {"head": {"units": [64, 64, 64], "dropout": 0.5}, "tune": {"epochs": 30, "batch": 128}}


def dry_run(*arguments: str | Path) -> tuple[float, float, int]:
    """Seconds, peak memory in GiB, and jobs of `snakemake -n`."""
    command = [sys.executable, "-m", "snakemake", "-n", "--quiet", "rules", *map(str, arguments)]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    printed = process.stdout.read() if process.stdout else ""
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        sys.exit(printed)
    return seconds, used.ru_maxrss / 2**20, int(re.findall(r"^total\s+(\d+)$", printed, re.M)[0])


def grid(folder: Path, rule: str, counts: list[int]) -> tuple[float, float, int]:
    """Plan a generated grid in a fresh folder."""
    names = ("datasets", "backbones", "seeds")
    common = COMMON.format(**dict(zip(names, counts, strict=True)))
    folder.mkdir()
    (folder / "Snakefile").write_text(common + rule)
    return dry_run("-s", folder / "Snakefile", "--directory", folder)


def main() -> None:
    """Plan all three and print the figures."""
    counts = [int(given) for given in sys.argv[1:]] or [100, 20, 10]
    modules = sorted((ROOT / "workflow/scripts/facegap").glob("*/*.py"))[:20]
    code = [{str(path.relative_to(ROOT)): "0123456789abcdef"} for path in modules]
    rule = GRID.format(code=code, recipe=RECIPE)
    profile = ("--profile", ROOT / "profiles/default")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        paper = dry_run(
            *("-s", ROOT / "Snakefile", "--directory", folder, *profile),
            *("--configfile", ROOT / "config/paper.yaml"),
        )
        ours, bare = grid(folder / "grid", rule, counts), grid(folder / "bare", BARE, counts)
    print(f"{'plan of':<24}{'jobs':>8}{'seconds':>10}{'GiB':>8}")
    for name, (seconds, memory, jobs) in (
        ("config/paper.yaml", paper),
        ("a grid of this shape", ours),
        ("a bare grid", bare),
    ):
        print(f"{name:<24}{jobs:>8}{seconds:>10.1f}{memory:>8.2f}")
    figures = {
        "name": "planning",
        "ratio": ours[0] / bare[0],
        "grid": ours[0],
        "bare_grid": bare[0],
        "units": "s",
        "jobs": ours[2],
        "memory_gib": {"paper": paper[1], "grid": ours[1], "bare_grid": bare[1]},
        "paper": paper[0],
        "machine": f"{platform.machine()}, {psutil.cpu_count()} cores, {platform.platform()}",
        "versions": {"snakemake": version("snakemake")},
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
