"""Wall time, memory and jobs of a whole study, and the time of a second run that does nothing.

python benchmarks/study.py [config file]
"""

import json
import re
import resource
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import psutil
from documented.marks import MACHINE

ROOT = Path(__file__).parents[1]


def run(folder: str, config: Path) -> tuple[float, float, float, str]:
    """Run the study; seconds by the clock and of CPU, peak memory (GiB), and what it printed.

    CPU and memory are of all its processes.
    """
    command: list[str | Path] = [sys.executable, "-m", "snakemake"]
    command += ["-s", ROOT / "Snakefile", "--directory", folder]
    start, busy, peak = time.perf_counter(), of_children(), 0
    process = subprocess.Popen(
        [
            *command,
            "--cores",
            "all",
            "--configfile",
            config,
            "--profile",
            ROOT / "profiles/default",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    printed: list[str] = []
    reader = threading.Thread(target=lambda: printed.extend(process.stdout or []))
    reader.start()
    while process.poll() is None:
        peak = max(peak, resident(process.pid))
        time.sleep(1.0)  # each look reads every page table, which takes time from the study
    reader.join()
    if process.returncode:
        sys.exit("".join(printed))
    cpu = of_children() - busy
    return time.perf_counter() - start, cpu, peak / 2**30, "".join(printed)


def of_children() -> float:
    """CPU seconds of all processes below this one that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def resident(pid: int) -> int:
    """Bytes resident in the process and all below it; on Linux what they share counts once."""
    total = 0
    with suppress(psutil.NoSuchProcess):
        parent = psutil.Process(pid)
        for process in [parent, *parent.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):  # one that has just ended hides no other
                memory = process.memory_full_info()
                total += getattr(memory, "pss", memory.rss)
    return total


def main() -> None:
    """Run a study twice in a fresh folder and print its figures."""
    config = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "config/config.yaml").resolve()
    with tempfile.TemporaryDirectory() as folder:
        seconds, cpu, memory, printed = run(folder, config)
        again, cpu_again, _, rested = run(folder, config)
    assert "Nothing to be done" in rested
    jobs = int(re.findall(r"^total\s+(\d+)$", printed, re.M)[0])
    print(f"{'study':<20}{config.stem}")
    print(f"{'first run':<20}{seconds:8.1f} s {cpu:8.1f} s of CPU")
    print(f"{'second run':<20}{again:8.1f} s {cpu_again:8.1f} s of CPU")
    print(f"{'peak memory':<20}{memory:8.2f} GiB")
    print(f"{'jobs':<20}{jobs:8d}")
    figures = {
        "name": "study",
        "ratio": cpu / cpu_again,
        "first_run": seconds,
        "second_run": again,
        "first_run_cpu": cpu,
        "second_run_cpu": cpu_again,
        "units": "s",
        "peak_memory_gib": memory,
        "jobs": jobs,
        "machine": MACHINE,
        "versions": {name: version(name) for name in ("snakemake", "torch", "mediapipe", "numpy")},
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
