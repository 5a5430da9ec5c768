"""What a training came to, and the tables of it: runs, curves, predictions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from facegap.classify.features import Cached
from facegap.configurations import Configuration
from facegap.files import whole
from facegap.tables.base import SIDES, write_table
from facegap.tables.classify import CURVES, PREDICTIONS, RUNS

TASK = "boundary"


@dataclass(frozen=True)
class Outcome:
    """One training: its losses, and its logits on the test parts, by data set."""

    configuration: Configuration
    trained_on: str
    stage: str  # head or fine-tuned
    repeat: int
    epochs: int  # till convergence
    losses: NDArray[np.float64]  # of training, by epoch; of fine-tuning alone where fine-tuned
    logits: Mapping[str, NDArray[np.float32]]

    @property
    def model(self) -> str:
        """The model's name, the same for all repeats."""
        return self.configuration.head_name if self.stage == "head" else self.configuration.name

    @property
    def run(self) -> str:
        """A name of its own, for folders and logs."""
        parts = [*asdict(self.configuration).values(), self.trained_on, self.stage, self.repeat]
        return "-".join(map(str, parts))


def write_outcomes(
    folder: Path,
    sets: Mapping[str, Cached],
    outcomes: Sequence[Outcome],
    files: Iterable[Path],
) -> None:
    """The tables of `outcomes` in their folder, and the `files` of weights, which move there."""
    with whole(folder) as temporary:
        temporary.mkdir()
        write_table(_runs(sets, outcomes), temporary / "runs.parquet", RUNS)
        write_table(_curves(outcomes), temporary / "curves.parquet", CURVES)
        write_table(_predictions(sets, outcomes), temporary / "predictions.parquet", PREDICTIONS)
        for file in files:
            file.replace(temporary / file.name)


def _runs(sets: Mapping[str, Cached], outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """A row a training (RUNS)."""
    labels = {name: _inside(cached) for name, cached in sets.items()}
    rows = []
    for outcome in outcomes:
        right = {name: np.mean((outcome.logits[name] >= 0) == labels[name]) for name in sets}
        wrongness = np.where(labels["target"], -1.0, 1.0) * outcome.logits["target"]
        rows.append(
            {
                "run": outcome.run,
                "model": outcome.model,
                **asdict(outcome.configuration),
                "stage": outcome.stage,
                "trained_on": outcome.trained_on,
                "repeat": outcome.repeat,
                **{f"{name}_accuracy": right[name] for name in ("source", "target")},
                "loss": float(np.logaddexp(0, wrongness).mean()),
                "epochs_to_convergence": outcome.epochs,
            }
        )
    return pd.DataFrame(rows)[list(RUNS.columns)]


def _curves(outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """A row an epoch of each training (CURVES)."""
    return pd.concat(
        pd.DataFrame(
            {
                "run": outcome.run,
                "epoch": np.arange(1, len(outcome.losses) + 1),
                "loss": outcome.losses,
            }
        )
        for outcome in outcomes
    )


def _predictions(sets: Mapping[str, Cached], outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """A row a test face of each training and data set (PREDICTIONS)."""
    return pd.concat(
        pd.DataFrame(
            {
                "model": outcome.model,
                "repeat": outcome.repeat,
                "trained_on": outcome.trained_on,
                "dataset": name,
                "face_id": _tested(cached)["face_id"],
                "task": TASK,
                "label": np.where(_inside(cached), *SIDES),
                "probability": expit(outcome.logits[name].astype(float)),
            }
        )
        for outcome in outcomes
        for name, cached in sets.items()
    )


def _tested(cached: Cached) -> pd.DataFrame:
    return cached.entries[cached.entries["split"] == "test"]


def _inside(cached: Cached) -> NDArray[np.bool_]:
    return _tested(cached)["inside"].to_numpy(bool)
