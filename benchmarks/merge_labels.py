"""200,000 faces of 10,000 persons, 5 annotators: seconds and memory from answers to the merge."""

import json
import platform
import resource
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import psutil

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow/scripts"))

from facegap import tables
from facegap.annotate.merge import merge_annotators
from facegap.answers import simulated_answers
from facegap.partition.merge import partition_target
from facegap.partition.proposals import accept_proposals

FACES, PERSONS, ANNOTATORS = 200_000, 10_000, 5
WANTED_SECONDS, WANTED_GIB = 20.0, 1.0


def write_study(folder: Path) -> list[Path]:
    """Every face of the study, answers of five annotators on half of them, and proposals."""
    rng = np.random.default_rng(1)
    person = np.sort(rng.integers(0, PERSONS, FACES))
    side = np.where(rng.random(PERSONS) < 0.7, "inside", "outside")[person]
    part = rng.choice(["train", "test", "rest"], PERSONS, p=[0.4, 0.1, 0.5])[person]
    ids = np.array([f"{k:06d}" for k in range(FACES)])
    faces = pd.DataFrame({"face_id": ids, "path": ids, "subject_id": person.astype(str)})
    faces = faces.assign(split=part, age=None, gender=None, race_raw=None)
    tables.write(faces, folder / "faces.parquet", tables.FACES)
    rows = pd.DataFrame({"face_id": ids, "shard": 0, "row": range(FACES)})
    tables.write(rows, folder / "aligned.parquet", tables.ALIGNED)
    said = np.where(side == "inside", 2.0, -2.0) + rng.normal(size=FACES)
    probability = 1 / (1 + np.exp(-said))
    proposals = pd.DataFrame({"face_id": ids, "probability": probability})
    tables.write(proposals, folder / "proposals.parquet", tables.PROPOSALS)
    truth = pd.Series(side, ids)[part != "rest"]
    files = [folder / f"{k}.csv" for k in range(ANNOTATORS)]
    for file in files:
        tentative = {"right": 0.1, "wrong": 0.5}
        told = simulated_answers(truth, error=0.05, tentative=tentative, repeated=0.05, rng=rng)
        tables.write(told, file, tables.ANSWERS)
    return files


def merge(folder: Path, files: list[Path]) -> None:
    """Agreement, labels, accepted proposals and sides, as the workflow's rules do it."""
    merge_annotators(
        folder / "faces.parquet",
        files,
        None,
        folder / "labels.parquet",
        folder / "agreement.json",
        annotators=[file.stem for file in files],
        formats={},
        errors={},
        seed=1,
        confidence=0.95,
    )
    accept_proposals(
        *(folder / f"{name}.parquet" for name in ("faces", "labels", "proposals", "weighed")),
        folder / "queue.csv",
        folder / "calibration.json",
        by_person=True,
        precision=0.95,
        confidence=0.95,
    )
    outputs = ("sides.parquet", "sides.csv", "inside.txt", "outside.txt", "summary.json")
    partition_target(
        *(folder / f"{name}.parquet" for name in ("faces", "aligned", "labels")),
        folder / "agreement.json",
        folder / "weighed.parquet",
        [],
        *(folder / name for name in outputs),
        by_person=True,
        contentious="outside",
        truth=None,
        confidence=0.95,
    )


def main() -> None:
    """Merge once in a process of its own, whose peak memory is the merge's, and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = write_study(folder)
        start = time.perf_counter()
        child = psutil.Popen([sys.executable, __file__, folder, *files])
        assert child.wait() == 0
        seconds = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    peak, cpu = used.ru_maxrss / 2**20, used.ru_utime + used.ru_stime
    print(f"{'faces, persons':<20}{FACES:>10,}{PERSONS:>10,}")
    print(f"{'seconds':<20}{seconds:10.1f}   {WANTED_SECONDS:.0f} are allowed")
    print(f"{'of these on a core':<20}{cpu:10.1f}")
    print(f"{'peak memory, GiB':<20}{peak:10.2f}   {WANTED_GIB:.0f} is allowed")
    figures = {
        "name": "merge_labels",
        "ratio": WANTED_SECONDS / seconds,
        "seconds": seconds,
        "cpu_seconds": cpu,
        "wanted": WANTED_SECONDS,
        "units": "s",
        "peak_memory_gib": peak,
        "wanted_gib": WANTED_GIB,
        "machine": f"{platform.machine()}, {psutil.cpu_count()} cores, {platform.platform()}",
        "versions": {name: version(name) for name in ("pandas", "numpy", "scikit-learn")},
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        merge(Path(sys.argv[1]), [Path(file) for file in sys.argv[2:]])
    else:
        main()
