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
    """One training: its losses, and its logits of the faces that test, by data set."""

    configuration: Configuration
    trained_on: str
    arm: str
    stage: str  # head or fine-tuned
    repeat: int
    epochs: int | None  # till convergence; None: it has not converged
    losses: NDArray[np.float64]  # of training, by epoch; of fine-tuning alone where fine-tuned
    rows: Mapping[str, NDArray[np.int64]]  # of the features, in the order of the logits
    logits: Mapping[str, NDArray[np.float32]]

    @property
    def model(self) -> str:
        """The model's name, the same for all repeats."""
        return self.configuration.head_name if self.stage == "head" else self.configuration.name

    @property
    def run(self) -> str:
        """A name of its own, for folders and logs."""
        arm = [] if self.arm == "full" else [self.arm]
        where = [*arm, self.trained_on, self.stage, self.repeat]
        parts = [*asdict(self.configuration).values(), *where]
        return "-".join(map(str, parts))


def write_outcomes(
    folder: Path,
    trained: Sequence[tuple[Mapping[str, Cached], Sequence[Outcome]]],
    files: Iterable[Path],
) -> None:
    """The tables of all outcomes, each with its sets, and the `files` of weights, moved there."""
    runs = pd.concat(_runs(*each) for each in trained)
    curves = pd.concat(_curves(outcomes) for _, outcomes in trained)
    predictions = pd.concat(predictions_of(*each) for each in trained)
    with whole(folder) as temporary:
        temporary.mkdir()
        write_table(runs, temporary / "runs.parquet", RUNS)
        write_table(curves, temporary / "curves.parquet", CURVES)
        write_table(predictions, temporary / "predictions.parquet", PREDICTIONS)
        for file in files:
            file.replace(temporary / file.name)


def _runs(sets: Mapping[str, Cached], outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """A row a training (RUNS): of the agreed faces of the test parts."""
    rows = []
    for outcome in outcomes:
        right, loss = {}, float("nan")
        for name in sets:
            tested = _tested(sets[name], outcome.rows[name])
            counts = ((tested["split"] == "test") & tested["agreed"]).to_numpy()
            inside, logits = tested["inside"].to_numpy()[counts], outcome.logits[name][counts]
            right[f"{name}_accuracy"] = float(np.mean((logits >= 0) == inside))
            if name == "target":
                loss = float(np.logaddexp(0, np.where(inside, -1.0, 1.0) * logits).mean())
        rows.append(
            {
                "run": outcome.run,
                "model": outcome.model,
                **asdict(outcome.configuration),
                "stage": outcome.stage,
                "trained_on": outcome.trained_on,
                "arm": outcome.arm,
                "repeat": outcome.repeat,
                **{name: right.get(name) for name in ("source_accuracy", "target_accuracy")},
                "loss": loss,
                "training_loss": float(outcome.losses[-1]),
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


def predictions_of(sets: Mapping[str, Cached], outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """A row a face that tests, of each training and data set (PREDICTIONS)."""
    parts = []
    for outcome in outcomes:
        for name, logits in outcome.logits.items():
            tested = _tested(sets[name], outcome.rows[name])
            table = pd.DataFrame(
                {
                    "model": outcome.model,
                    "repeat": outcome.repeat,
                    "trained_on": outcome.trained_on,
                    "arm": outcome.arm,
                    "dataset": name,
                    "part": tested["split"],
                    "face_id": tested["face_id"],
                    "task": TASK,
                    "label": np.where(tested["inside"], *SIDES),
                    "agreed": tested["agreed"],
                    "probability": expit(logits.astype(float)),
                }
            )
            parts.append(table)
    return pd.concat(parts)


def _tested(cached: Cached, rows: NDArray[np.int64]) -> pd.DataFrame:
    return cached.entries.loc[rows]
