"""The grid as a whole: which cell is kept, and all runs and predictions in one table each."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

from facegap import tables
from facegap.errors import DataError
from facegap.files import whole, write_json

log = logging.getLogger(__name__)
PAIR = ["tune_optimiser", "fine_tune_optimiser"]
CELL = ["backbone", "view", *PAIR]


def keep_model(
    *,
    cells: Sequence[str | Path],
    kept: str | Path,
    protocol: str,
    backbone: str,
    first_pair: Sequence[str],
) -> None:
    """Write which of the `cells` is kept, by the mean accuracy of the fine-tuned repeats.

    The accuracy is that on the target's test part: chosen on the very faces it is reported on, the
    paper's procedure (2.3). By coordinate descent, of augmented runs alone, first the backbone
    that is best with `first_pair`, or the one `backbone` where that is no "best"; then its best
    pair. In a factorial grid the best of all is kept, and what coordinate descent would have kept
    stands beside it. Equals are settled by the order of `cells`.
    """
    runs = pd.concat(
        tables.read(Path(cell) / "runs.parquet", tables.RUNS).assign(cell=Path(cell).name)
        for cell in cells
    )
    runs = runs[runs["stage"] == "fine-tuned"]
    means = runs.groupby(["cell", *CELL], sort=False)["target_accuracy"].mean().reset_index()
    descended = _descended(means, backbone, first_pair)
    if descended is None:
        raise DataError(f"{cells[0]} and others: no augmented cell of the backbone {backbone}")
    best = means.iloc[_best(means)] if protocol == "factorial" else descended
    log.info("kept: %s", best.to_dict())
    found = {**_plain(best), "protocol": protocol, "descent": _plain(descended)}
    write_json({**found, "agree": _plain(best) == _plain(descended)}, kept)


def _descended(
    means: pd.DataFrame, backbone: str, first_pair: Sequence[str]
) -> "pd.Series[Any] | None":
    """The cell that one factor at a time leads to."""
    augmented = means[means["view"] == "augmented"]
    if backbone == "best":
        first = augmented.merge(pd.DataFrame([first_pair], columns=PAIR))
        backbone = str(first["backbone"].iloc[_best(first)])
    candidates = augmented[augmented["backbone"] == backbone]
    return candidates.iloc[_best(candidates)] if len(candidates) else None


def _plain(cell: "pd.Series[Any]") -> dict[str, Any]:
    return {str(name): value for name, value in cell.items()}


def _best(means: pd.DataFrame) -> int:
    return int(means["target_accuracy"].to_numpy().argmax())


def gather_runs(
    *,
    cells: Sequence[str | Path],
    runs: str | Path,
    predictions: str | Path,
    tensorboard: str | Path,
) -> None:
    """Write the runs (RUNS) and predictions (PREDICTIONS) of all `cells`, in their order.

    And their training losses for TensorBoard, a folder a run: `tensorboard --logdir` shows them.
    """
    for name, schema, path in (
        ("runs.parquet", tables.RUNS, runs),
        ("predictions.parquet", tables.PREDICTIONS, predictions),
    ):
        parts = [tables.read(Path(cell) / name, schema) for cell in cells]
        tables.write(pd.concat(parts), path, schema)
    curves = pd.concat(tables.read(Path(cell) / "curves.parquet", tables.CURVES) for cell in cells)
    with whole(tensorboard) as temporary:
        for run, losses in curves.groupby("run", sort=False):
            _events(losses, temporary / str(run))


def _events(losses: pd.DataFrame, folder: Path) -> None:
    """One run's losses as an event file; its times are epochs, so that its bytes are the same."""
    folder.mkdir(parents=True)
    with (folder / "events.out.tfevents.0.facegap").open("wb") as file:
        writer = RecordWriter(file)
        writer.write(Event(wall_time=0, file_version="brain.Event:2").SerializeToString())
        for epoch, loss in zip(losses["epoch"], losses["loss"], strict=True):
            value = Summary.Value(tag="loss/training", simple_value=loss)
            event = Event(wall_time=epoch, step=epoch, summary=Summary(value=[value]))
            writer.write(event.SerializeToString())
