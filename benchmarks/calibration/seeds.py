"""In how many of 20 seeds the default study's heads find the planted loss, and one at distance 0.

    python benchmarks/calibration/seeds.py [seeds]

writes a table of docs/calibration.md. Each seed is a study of its own up to its features, run by
Snakemake: drawn, aligned, annotated, augmented as by default, with the selected backbone alone. The
heads of source and target are trained as in the study, and compared by the code of `measure`.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from scipy.special import expit

sys.path.insert(0, str(Path(__file__).parents[1]))
from calibration.page import PAGE, written
from calibration.pool import STUDY
from facegap.classify.backbones import network
from facegap.classify.configurations import Job, trained_heads
from facegap.classify.features import Cached, read_features
from facegap.classify.training import head_logits
from facegap.configurations import Configuration
from facegap.measure.classification import transfer
from facegap.network import settle
from facegap.numbers import number, span
from facegap.statistics.performance import Answers

ROOT = Path(__file__).parents[2]
BACKBONE = STUDY.classify.grid.selected_backbone
HEADS = Configuration(BACKBONE, "augmented", "adam", "adam")
METRIC = "balanced accuracy"
DISTANCES = (1.0, 0.0)


def features_of(seed: int, distance: float, folder: Path) -> Path:
    """The features of the study of that seed, below `folder`."""
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    config |= {"seed": seed, "results": str(folder), "study": f"seed-{seed}-{distance:g}"}
    config["acquire"]["drawn"]["capture_distance"] = distance
    config["classify"]["grid"] |= {
        "backbones": {BACKBONE: "random"},
        "optimiser_pairs": [["adam", "adam"]],
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    features = folder / config["study"] / "classify/features" / BACKBONE
    command = [sys.executable, "-m", "snakemake", "--cores", "all", "--quiet", "all"]
    command += ["--configfile", str(path), "--", str(features)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return features / "augmented"


def rows_of(seed: int, features: Path) -> list[dict[str, Any]]:
    """The heads' transfer gap and loss (ESTIMATES)."""
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
    sets = {name: read_features(features / name) for name in ("source", "target")}
    tested = {}
    for trained_on in sets:
        job = Job([HEADS], trained_on, "full", sets, net, settings, None, seed, device, features)
        heads, _ = trained_heads(job)
        for dataset, cached in sets.items():
            key = (HEADS.name, trained_on, "full", dataset, "test")
            tested[key] = _answers(cached, heads)
    return list(transfer(tested, HEADS.name, STUDY.measure.intervals.confidence))


def _answers(cached: Cached, heads: Any) -> Answers:
    table = cached.entries
    rows = table.index[(table["split"] == "test") & table["agreed"]].to_numpy(np.int64)
    own = table.loc[rows]
    probability = expit(head_logits(heads, cached, rows).astype(float))
    return Answers(own["inside"].to_numpy(bool), pd.factorize(own["person"])[0], probability)


def main() -> None:
    """Run the seeds, tabulate, write the page."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    lines = ["| seed | transfer loss, distance 1 | transfer loss, distance 0 |", "|---|---|---|"]
    found = dict.fromkeys(DISTANCES, 0)
    began = time.monotonic()
    for seed in range(1, seeds + 1):
        cells = []
        for distance in DISTANCES:
            with tempfile.TemporaryDirectory() as folder:
                (Path(folder) / "assets").symlink_to(ROOT / "results/assets")
                rows = rows_of(seed, features_of(seed, distance, Path(folder)))
            loss = next(
                row for row in rows if (row["quantity"], row["metric"]) == ("transfer loss", METRIC)
            )
            found[distance] += not loss["low"] <= 0 <= loss["high"]
            cells.append(f"{number(loss['estimate'])} {span(loss['low'], loss['high'])}")
        lines.append(f"| {seed} | {' | '.join(cells)} |")
        print(lines[-1], f"{time.monotonic() - began:.0f} s", flush=True)
    lines.append(f"| found | {' | '.join(f'{found[d]} of {seeds}' for d in DISTANCES)} |")
    written(PAGE, {"seeds": lines})


if __name__ == "__main__":
    main()
