"""The runs and predictions of all trainings, in tables."""

from pathlib import Path

import pandas as pd
from torch.utils.tensorboard import SummaryWriter

from facegap.files import whole
from facegap.tables.base import read_table, write_table
from facegap.tables.classify import CURVES, PREDICTIONS, RUNS


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
