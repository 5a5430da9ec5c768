"""One cell of the grid: a backbone, a view and a pair of optimisers, trained `repeats` times.

Each repeat tunes a head on the frozen network and then fine-tunes tail and head, so a cell has
two runs a repeat. All runs are judged on the test parts of both data sets, whichever they were
trained on.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.special import expit

from facegap import tables
from facegap.classify import backbones, features, heads, training, weights
from facegap.errors import DataError
from facegap.files import read_json, whole
from facegap.network import settle
from facegap.seeds import generator, number

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Cell:
    """Where in the grid; the columns of RUNS by the same names."""

    backbone: str
    view: str
    tune_optimiser: str
    fine_tune_optimiser: str
    trained_on: str

    @property
    def name(self) -> str:
        """In names of runs, errors and random streams."""
        return "-".join(asdict(self).values())


def train_cell(
    *,
    source: str | Path,
    target: str | Path,
    weights_file: str | Path | None,
    cell: str | Path,
    backbone: str,
    view: str,
    tune_optimiser: str,
    fine_tune_optimiser: str,
    recipe: Mapping[str, Any],
    size: int,
    threads: int,
    seed: int,
    saved: bool,
) -> None:
    """Train one cell on the source's features and write its folder `cell`.

    In it runs.parquet (RUNS), predictions.parquet (PREDICTIONS) and, if `saved`, the fine-tuned
    weights.safetensors. `source` and `target` are folders of features; `recipe` has head, tune,
    fine_tune, momentum, standardise, repeats and convergence of the config's classify. Raises
    `TrainingError` where the training part has one side only or fewer faces than a batch, and
    where a loss is not finite.
    """
    here = Cell(backbone, view, tune_optimiser, fine_tune_optimiser, "source")
    sets = {"source": features.features(source), "target": features.features(target)}
    _train(here, sets, weights_file, cell, recipe, size, threads, seed, saved)


def train_benchmark(
    *,
    kept: str | Path,
    source: Mapping[str, str | Path],
    target: Mapping[str, str | Path],
    weights_files: Mapping[str, str | Path],
    cell: str | Path,
    recipe: Mapping[str, Any],
    size: int,
    threads: int,
    seed: int,
) -> None:
    """Train the kept cell's counterpart on the target's own training part, by the same recipe.

    `kept` is the file that names the cell; features and weights are by backbone. Paper 2.2: "the
    corresponding model trained purely on the target domain".
    """
    chosen = read_json(kept)
    here = Cell(
        chosen["backbone"],
        "augmented",
        chosen["tune_optimiser"],
        chosen["fine_tune_optimiser"],
        "target",
    )
    sets = {
        "source": features.features(source[here.backbone]),
        "target": features.features(target[here.backbone]),
    }
    file = weights_files.get(here.backbone)
    _train(here, sets, file, cell, recipe, size, threads, seed, saved=False)


def _train(
    here: Cell,
    sets: Mapping[str, features.Features],
    weights_file: str | Path | None,
    folder: str | Path,
    recipe: Mapping[str, Any],
    size: int,
    threads: int,
    seed: int,
    saved: bool,
) -> None:
    device = settle(threads)
    net = backbones.network(
        here.backbone,
        size=size,
        layers=recipe["fine_tune"]["layers"],
        weights=weights_file,
        seed=seed,
        device=device,
    )
    for dataset, cached in sets.items():
        if cached.boundary.shape[1] != net.width:
            raise DataError(
                f"the features of {dataset} have {cached.boundary.shape[1]} numbers a face, but"
                f" {here.backbone} has {net.width} where it is cut; run extract_features again"
            )
    runs, models = _repeats(here, sets, net, recipe, seed, device)
    with whole(folder) as temporary:
        temporary.mkdir()
        tables.write(_as_runs(here, sets, runs), temporary / "runs.parquet", tables.RUNS)
        predictions = _as_predictions(here, sets, runs)
        tables.write(predictions, temporary / "predictions.parquet", tables.PREDICTIONS)
        if saved:
            weights.save(models, temporary / "weights.safetensors")


@dataclass(frozen=True)
class Run:
    """What one training came to: its logits on the test parts, by data set."""

    stage: str
    repeat: int
    epochs: int  # till convergence
    logits: Mapping[str, NDArray[np.float32]]


def _repeats(
    here: Cell,
    sets: Mapping[str, features.Features],
    net: backbones.Network,
    recipe: Mapping[str, Any],
    seed: int,
    device: torch.device,
) -> tuple[list[Run], list[weights.Model]]:
    """Every repeat's tuned and fine-tuned run, and the fine-tuned models."""
    own = sets[here.trained_on]
    training.check(own, here.name, max(recipe["tune"]["batch"], recipe["fine_tune"]["batch"]))
    tests = {dataset: cached.rows("test")[:, 0] for dataset, cached in sets.items()}
    head, tuning = _tuned(here, own, recipe, seed, device)
    logits = {name: training.tuned_logits(head, sets[name], rows) for name, rows in tests.items()}
    plan = training.Schedule.of(recipe["fine_tune"], here.fine_tune_optimiser, recipe["momentum"])
    tolerance = recipe["convergence"]["tolerance"]
    runs, models = [], []
    for repeat in range(recipe["repeats"]):
        tuned = training.epochs_to_convergence(tuning[:, repeat], tolerance)
        runs.append(Run("tuned", repeat, tuned, {name: logits[name][repeat] for name in tests}))
        mine = head.of_repeat(repeat)
        chance = _randomness(seed, "fine-tuned", *asdict(here).values(), str(repeat))
        name = f"{here.name}-fine-tuned-{repeat}"
        tail, losses = training.fine_tune(net, mine, own, chance, plan, name)
        said = {
            dataset: training.fine_tuned_logits(net, tail, mine, sets[dataset], rows)
            for dataset, rows in tests.items()
        }
        epochs = tuned + training.epochs_to_convergence(losses[:, 0], tolerance)
        runs.append(Run("fine-tuned", repeat, epochs, said))
        models.append((tail, mine))
        log.info("%s: losses %s", name, np.round(losses[:, 0], 3).tolist())
    return runs, models


def _tuned(
    here: Cell,
    own: features.Features,
    recipe: Mapping[str, Any],
    seed: int,
    device: torch.device,
) -> tuple[heads.Head, NDArray[np.float64]]:
    """The tuned heads of all repeats and their losses; alike whatever fine-tuning follows."""
    stream = (here.backbone, here.view, here.tune_optimiser, here.trained_on)
    repeats = range(recipe["repeats"])
    chances = [_randomness(seed, "tuned", *stream, str(repeat)) for repeat in repeats]
    pooled = torch.from_numpy(own.pooled[own.rows("train").ravel()]).to(device)
    draws = [chance.draws for chance in chances]
    head = heads.head(pooled, draws, recipe["head"], recipe["standardise"])
    plan = training.Schedule.of(recipe["tune"], here.tune_optimiser, recipe["momentum"])
    names = [f"{here.name}-tuned-{repeat}" for repeat in repeats]
    losses = training.tune(head, own, chances, plan, names)
    log.info("%s: tuned, last losses %s", here.name, np.round(losses[-1], 3).tolist())
    return head, losses


def _randomness(seed: int, *stream: str) -> training.Randomness:
    return training.Randomness(
        generator(seed, "classify", *stream, "order"),
        torch.Generator().manual_seed(number(seed, "classify", *stream, "draws")),
    )


def _as_runs(
    here: Cell, sets: Mapping[str, features.Features], runs: Sequence[Run]
) -> pd.DataFrame:
    """A row a run (RUNS)."""
    rows = []
    for run in runs:
        labels = {name: _labels(sets[name]) for name in sets}
        right = {name: np.mean((run.logits[name] >= 0) == labels[name]) for name in sets}
        wrongness = np.where(labels["target"], -1.0, 1.0) * run.logits["target"]
        rows.append(
            {
                "run": _name(here, run),
                **asdict(here),
                "stage": run.stage,
                "repeat": run.repeat,
                **{f"{name}_accuracy": share for name, share in right.items()},
                "loss": float(np.logaddexp(0, wrongness).mean()),
                "epochs_to_convergence": run.epochs,
            }
        )
    return pd.DataFrame(rows)[list(tables.RUNS.columns)]


def _as_predictions(
    here: Cell, sets: Mapping[str, features.Features], runs: Sequence[Run]
) -> pd.DataFrame:
    """A row a test face of each run and data set (PREDICTIONS)."""
    return pd.concat(
        pd.DataFrame(
            {
                "run": _name(here, run),
                "dataset": name,
                "face_id": _tested(cached)["face_id"],
                "inside": _labels(cached),
                "probability": expit(run.logits[name].astype(float)),
            }
        )
        for run in runs
        for name, cached in sets.items()
    )


def _name(here: Cell, run: Run) -> str:
    return f"{here.name}-{run.stage}-{run.repeat}"


def _tested(cached: features.Features) -> pd.DataFrame:
    return cached.entries[cached.entries["split"] == "test"]


def _labels(cached: features.Features) -> NDArray[np.bool_]:
    return _tested(cached)["inside"].to_numpy(bool)
