"""The grid as a whole: which configuration is selected, and all runs and predictions in tables."""

import logging
from pathlib import Path
from typing import Any

import pandas as pd
from torch.utils.tensorboard import SummaryWriter

from facegap.classify.plans import Choice
from facegap.configurations import Configuration
from facegap.errors import DataError
from facegap.files import whole, write_json
from facegap.tables.base import read_table, write_table
from facegap.tables.classify import CURVES, PREDICTIONS, RUNS

log = logging.getLogger(__name__)
PAIR = ["head_optimiser", "fine_tuning_optimiser"]
COLUMNS = list(Configuration.__dataclass_fields__)


def select_configuration(*, trainings: list[Path], selected: Path, choice: Choice) -> None:
    """Write which configuration of the `trainings` is selected, by its fine-tuned repeats' mean.

    The accuracy is that on the target's test part: chosen on the very faces it is reported on, the
    paper's procedure (2.3). By coordinate descent, of augmented runs alone, first the backbone
    that is best with the first pair, or the one that is named; then its best pair. In a factorial
    grid the best of all is selected, and what coordinate descent would have selected stands beside
    it. Equals are settled by the order of `trainings`.
    """
    runs = pd.concat(
        read_table(folder / "runs.parquet", RUNS).assign(folder=folder.name) for folder in trainings
    )
    runs = runs[runs["stage"] == "fine-tuned"]
    by = runs.groupby(["folder", *COLUMNS], sort=False)
    means = by["target_accuracy"].mean().reset_index()
    descended = _descended(means, choice)
    if descended is None:
        raise DataError(
            f"{trainings[0]} and others: no augmented configuration of the backbone"
            f" {choice.backbone}"
        )
    best = means.iloc[_best(means)] if choice.protocol == "factorial" else descended
    log.info("selected: %s", best.to_dict())
    agree = _plain(best) == _plain(descended)
    about = {"protocol": choice.protocol, "descent": _plain(descended), "agree": agree}
    write_json({**_plain(best), **about}, selected)


def _descended(means: pd.DataFrame, choice: Choice) -> "pd.Series[Any] | None":
    """The configuration that one factor at a time leads to."""
    augmented, backbone = means[means["preprocessing"] == "augmented"], choice.backbone
    if backbone == "best":
        first = augmented.merge(pd.DataFrame([choice.first_pair], columns=PAIR))
        backbone = str(first["backbone"].iloc[_best(first)])
    of_backbone = augmented[augmented["backbone"] == backbone]
    return of_backbone.iloc[_best(of_backbone)] if len(of_backbone) else None


def _plain(row: "pd.Series[Any]") -> dict[str, Any]:
    """A configuration for JSON, with its name."""
    values = {str(name): value for name, value in row.items()}
    return {**values, "name": Configuration(*(values[name] for name in COLUMNS)).name}


def _best(means: pd.DataFrame) -> int:
    return int(means["target_accuracy"].to_numpy().argmax())


def gather_runs(*, trainings: list[Path], runs: Path, predictions: Path, tensorboard: Path) -> None:
    """Write the runs (RUNS) and predictions (PREDICTIONS) of all `trainings`, in their order.

    And their training losses for TensorBoard, a folder a run: `tensorboard --logdir` shows them.
    """
    for name, schema, path in (
        ("runs.parquet", RUNS, runs),
        ("predictions.parquet", PREDICTIONS, predictions),
    ):
        write_table(pd.concat(read_table(part / name, schema) for part in trainings), path, schema)
    curves = pd.concat(read_table(part / "curves.parquet", CURVES) for part in trainings)
    with whole(tensorboard) as temporary:
        for run, losses in curves.groupby("run", sort=False):
            with SummaryWriter(str(temporary / str(run))) as board:
                for epoch, loss in zip(losses["epoch"], losses["loss"], strict=True):
                    board.add_scalar("loss/training", loss, epoch)
