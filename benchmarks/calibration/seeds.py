"""In how many of 20 seeds the default study's heads find what is planted, and what is not.

    python benchmarks/calibration/seeds.py [how many]

writes a table of docs/calibration.md. Each seed is a study of its own up to its features, run by
Snakemake: drawn, aligned, annotated, augmented as by default, with the selected backbone alone. The
heads of source and target, and those of the tasks, are trained as in the study, and compared by the
code of `measure`: the transfer loss with a capture distance and without, the interaction over all
tasks with a group distance and without.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from pydantic import TypeAdapter
from scipy.special import expit

sys.path.insert(0, str(Path(__file__).parents[1]))
from documented.marks import CALIBRATION, written

from calibration.pool import STUDY
from facegap.classify import grid
from facegap.classify.backbones import network
from facegap.classify.configurations import Job, trained_heads
from facegap.classify.features import Cached, read_features
from facegap.classify.plans import Candidates, TaskPlan
from facegap.classify.tasks import train_task
from facegap.classify.training import head_logits
from facegap.configurations import CROSSED, Configuration
from facegap.files import write_json
from facegap.measure.classification import transfer
from facegap.measure.tasks import measure_tasks
from facegap.network import settle
from facegap.numbers import number, span
from facegap.report.rows import one
from facegap.statistics.performance import Answers
from facegap.tables.base import read_table
from facegap.tables.measure import ESTIMATES

ROOT = Path(__file__).parents[2]
BACKBONE = STUDY.classify.grid.selected_backbone
HEADS = Configuration(BACKBONE, "augmented", "adam", "adam")
METRIC = "balanced accuracy"
SEEDS = range(41, 61)  # the default study's sizes and dial were settled on others, of 1 to 23
SETS = ("source", "target")
STUDIES = ((1.0, 1.0), (0.0, 1.0), (1.0, 0.0))  # distances of capture and of the groups
COLUMNS = {  # of the table: what is found, and in which study
    "transfer loss, capture distance 1": ("transfer loss", STUDIES[0]),
    "transfer loss, capture distance 0": ("transfer loss", STUDIES[1]),
    "interaction, group distance 1": ("interaction", STUDIES[0]),
    "interaction, group distance 0": ("interaction", STUDIES[2]),
}


def study_of(seed: int, capture: float, group: float, folder: Path) -> Path:
    """The folder of the study of that seed, below `folder`, which has its features."""
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    config |= {"seed": seed, "results": str(folder), "study": f"seed-{seed}"}
    config["acquire"]["drawn"] |= {"capture_distance": capture, "group_distance": group}
    if not group:  # nobody can label them
        config["datasets"]["target"]["labels"] = "own"
    config["classify"]["grid"] |= {
        "backbones": {BACKBONE: "random"},
        "optimiser_pairs": [["adam", "adam"]],
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    study = folder / config["study"]
    features = study / "classify/features" / BACKBONE
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--quiet", "all"]
    command += ["--configfile", str(path), "--", str(features)]
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"seed {seed}, {capture}, {group}: {done.stdout}{done.stderr}")
    return study


def loss_of(seed: int, study: Path) -> dict[str, Any]:
    """The heads' transfer loss (of ESTIMATES)."""
    features = study / "classify/features" / BACKBONE / "augmented"
    device = settle(1)
    settings, extraction = STUDY.classify.training, STUDY.classify.features
    net = network(
        BACKBONE,
        size=extraction.input_size,
        layers=extraction.unfrozen_layers,
        weights=None,
        seed=seed,
        device=device,
    )
    sets = {name: read_features(features / name) for name in SETS}
    tested = {}
    for trained_on in sets:
        job = Job([HEADS], trained_on, "full", sets, net, settings, None, seed, device, features)
        heads, _ = trained_heads(job)
        for dataset, cached in sets.items():
            key = (HEADS.name, trained_on, "full", dataset, "test")
            tested[key] = _answers(cached, heads)
    rows = transfer(tested, HEADS.name, STUDY.measure.intervals.confidence)
    about = ("transfer loss", METRIC)
    return next(row for row in rows if (row["quantity"], row["metric"]) == about)


def interaction_of(seed: int, study: Path) -> dict[str, Any]:
    """The interaction over all tasks (of ESTIMATES)."""
    selected, estimates = study / "selected.json", study / "tasks.parquet"
    write_json({"name": HEADS.name}, selected)
    faces = [study / "acquire" / name / "faces.parquet" for name in SETS]
    predictions = []
    for task, plan in grid.tasks(STUDY.classify).items():
        predictions.append(study / f"{task}.parquet")
        train_task(
            selected=selected,
            features=[study / "classify/features" / BACKBONE],
            faces=faces,
            predictions=predictions[-1],
            candidates=TypeAdapter(Candidates).validate_python(grid.candidates(STUDY.classify)),
            settings=STUDY.classify.training,
            plan=TaskPlan(**{**plan, "shares": list(CROSSED)}),
            datasets=list(SETS),
            task=task,
            threads=1,
            seed=seed,
        )
    measure_tasks(
        predictions=predictions,
        fine_tuned=[],
        faces=faces,
        estimates=estimates,
        study=STUDY.study,
        datasets=list(SETS),
        intervals=STUDY.measure.intervals,
        seed=seed,
    )
    about = {"metric": METRIC, "task": "all"}
    return one(read_table(estimates, ESTIMATES), "interaction", **about)


def _answers(cached: Cached, heads: Any) -> Answers:
    table = cached.entries
    rows = table.index[(table["split"] == "test") & table["agreed"]].to_numpy(np.int64)
    own = table.loc[rows]
    probability = expit(head_logits(heads, cached, rows).astype(float))
    return Answers(own["inside"].to_numpy(bool), pd.factorize(own["person"])[0], probability)


FOUND = {"transfer loss": loss_of, "interaction": interaction_of}


def found_in(seed: int) -> dict[tuple[str, tuple[float, float]], dict[str, Any]]:
    """What each of the studies of a seed finds."""
    rows = {}
    for distances in STUDIES:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "assets").symlink_to(ROOT / "results/assets")
            study = study_of(seed, *distances, Path(folder))
            for key in COLUMNS.values():
                if key[1] == distances:
                    rows[key] = FOUND[key[0]](seed, study)
    return rows


def main() -> None:
    """Run the seeds, tabulate, write the page."""
    seeds = SEEDS[: int(sys.argv[1]) if len(sys.argv) > 1 else None]
    lines = [f"| seed | {' | '.join(COLUMNS)} |", "|---" * (len(COLUMNS) + 1) + "|"]
    found = dict.fromkeys(COLUMNS, 0)
    began = time.monotonic()
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=context) as pool:
        running = [pool.submit(found_in, seed) for seed in seeds]
        for seed, future in zip(seeds, running, strict=True):
            if future.exception():  # now, and not when all others have ended
                pool.shutdown(wait=False, cancel_futures=True)
            rows, words = future.result(), []
            for name, key in COLUMNS.items():
                row = rows[key]
                found[name] += row["low"] > 0
                words.append(f"{number(row['estimate'])} {span(row['low'], row['high'])}")
            lines.append(f"| {seed} | {' | '.join(words)} |")
            print(lines[-1], f"{time.monotonic() - began:.0f} s", flush=True)
    lines.append(f"| found | {' | '.join(f'{found[name]} of {len(seeds)}' for name in COLUMNS)} |")
    written(CALIBRATION, {"seeds": lines})


if __name__ == "__main__":
    main()
