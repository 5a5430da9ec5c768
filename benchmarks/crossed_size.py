"""Tasks, dose and multiverse at the paper's size: seconds and memory of the jobs, on this machine.

20,000 faces of a source and 2,500 of a target with the features of a ResNet50 (2,048 numbers, at
random: what they say changes no time), the settings of config/crossed.yaml but for its four
backbones, of which one is measured. Each job in a process of its own.

    python benchmarks/crossed_size.py
"""

import json
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from documented.marks import MACHINE
from pydantic import TypeAdapter

from facegap.classify import grid
from facegap.classify.multiverse import train_multiverse
from facegap.classify.plans import Candidate, Candidates, MultiversePlan, Preprocessed, TaskPlan
from facegap.classify.tasks import train_task
from facegap.files import write_json
from facegap.settings.load import read_study
from facegap.tables.acquire import FACES
from facegap.tables.base import write_table
from facegap.tables.classify import ENTRIES

ROOT = Path(__file__).parents[1]
STUDY = read_study(ROOT / "config/crossed.yaml")
SIZES = {"source": (16_465, 3_535), "target": (2_000, 500)}
BACKBONE, WIDTH = "resnet50", 2048


def written(folder: Path) -> dict[str, Any]:
    """The files of both data sets, and what the jobs have in common."""
    rng = np.random.default_rng(1)
    faces = []
    for name, (train, test) in SIZES.items():
        (place := folder / f"{BACKBONE}/augmented/{name}").mkdir(parents=True)
        copies = 5
        train_ids = np.repeat([f"{name}{k}" for k in range(train)], copies)
        ids = [*train_ids, *(f"{name}{train + k}" for k in range(test))]
        table = pd.DataFrame({"face_id": ids, "person": ids, "agreed": True})
        table["split"] = ["train"] * (train * copies) + ["test"] * test
        table["copy"] = [*np.tile(range(1, copies + 1), train), *[0] * test]
        sides = dict(zip(dict.fromkeys(ids), rng.random(train + test) < 0.5, strict=True))
        table["inside"] = table["face_id"].map(sides)
        table["row"] = pd.factorize(table["face_id"])[0]
        write_table(table[list(ENTRIES.columns)], place / "entries.parquet", ENTRIES)
        pooled = rng.normal(size=(len(table), WIDTH)).astype(np.float32)
        for array in ("pooled", "boundary"):
            np.save(place / f"{array}.npy", pooled if array == "pooled" else pooled[:, :1])
        known = pd.DataFrame({"face_id": list(sides), "path": list(sides), "split": "test"})
        known = known.assign(subject_id=known["face_id"], race_raw=None)
        known["age"] = rng.integers(18, 80, len(known)).astype(float)
        known["gender"] = rng.choice(["male", "female"], len(known))
        if name == "target":
            known["Smiling"] = rng.integers(0, 2, len(known))
            known["Young"] = rng.integers(0, 2, len(known))
        faces.append(folder / f"{name}.parquet")
        write_table(known, faces[-1], FACES)
    write_json({"name": f"{BACKBONE}, augmented, adam/sgd"}, folder / "selected.json")
    return {"faces": faces, "selected": folder / "selected.json"}


def timed(folder: Path, files: dict[str, Any], job: str) -> dict[str, Any]:
    """Seconds and GiB of one job."""
    began = time.monotonic()
    made = Preprocessed("none", None)
    common = {"features": [folder / BACKBONE], "settings": STUDY.classify.training, "seed": 1}
    if job == "multiverse":
        asked = grid.multiverse(STUDY.classify, STUDY.measure.primary.quantity)
        asked["cached"] = [[BACKBONE, "augmented", True]]
        readings = TypeAdapter(MultiversePlan).validate_python(asked)
        train_multiverse(**common, readings=folder / "readings.parquet", plan=readings, threads=2)
    else:
        plan = TypeAdapter(TaskPlan).validate_python(grid.tasks(STUDY.classify)[job])
        candidates = Candidates({BACKBONE: Candidate(200, True)}, {"augmented": made})
        train_task(
            **common,
            **files,
            predictions=folder / f"{job}.parquet",
            candidates=candidates,
            plan=plan,
            datasets=list(SIZES),
            task=job,
            threads=2,
        )
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"job": job, "seconds": round(time.monotonic() - began), "gib": round(memory, 2)}


def main() -> None:
    """Run every job, one after another, and print what each took."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = written(folder)
        found = []
        for job in (*STUDY.classify.tasks.labels, "multiverse"):
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                found.append(pool.submit(timed, folder, files, job).result())
            print(found[-1], flush=True)
    total = sum(each["seconds"] for each in found)
    print(json.dumps({"minutes": round(total / 60, 1), "jobs": found, "machine": MACHINE}))


if __name__ == "__main__":
    main()
