"""The grid as a whole: which cell is kept, and all runs and predictions in one table each."""

import logging
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from facegap import tables
from facegap.errors import DataError
from facegap.files import write_json

log = logging.getLogger(__name__)
PAIR = ["tune_optimiser", "fine_tune_optimiser"]


def keep_model(
    *, cells: Sequence[str | Path], kept: str | Path, backbone: str, first_pair: Sequence[str]
) -> None:
    """Write which of the augmented `cells` is kept: the best on the target's test part.

    Of the one `backbone`, the pair of optimisers with the highest mean accuracy of the fine-tuned
    repeats; where `backbone` is "best", first the backbone that is best with `first_pair`. Equals
    are settled by the order of `cells`. Coordinate descent, chosen on the very faces it is
    reported on: the paper's procedure (2.3).
    """
    runs = pd.concat(
        tables.read(Path(cell) / "runs.parquet", tables.RUNS).assign(cell=Path(cell).name)
        for cell in cells
    )
    runs = runs[runs["stage"] == "fine-tuned"]
    by = runs.groupby(["cell", "backbone", *PAIR], sort=False)
    means = by["target_accuracy"].mean().reset_index()
    if backbone == "best":
        first = means.merge(pd.DataFrame([first_pair], columns=PAIR))
        backbone = str(first["backbone"].iloc[_best(first)])
    candidates = means[means["backbone"] == backbone]
    if not len(candidates):
        raise DataError(f"{cells[0]} and others: no cell of the backbone {backbone}")
    best = candidates.iloc[_best(candidates)]
    log.info("kept: %s", best.to_dict())
    write_json({str(name): value for name, value in best.items()}, kept)


def _best(means: pd.DataFrame) -> int:
    return int(means["target_accuracy"].to_numpy().argmax())


def gather_runs(*, cells: Sequence[str | Path], runs: str | Path, predictions: str | Path) -> None:
    """Write the runs (RUNS) and predictions (PREDICTIONS) of all `cells`, in their order."""
    for name, schema, path in (
        ("runs.parquet", tables.RUNS, runs),
        ("predictions.parquet", tables.PREDICTIONS, predictions),
    ):
        parts = [tables.read(Path(cell) / name, schema) for cell in cells]
        tables.write(pd.concat(parts), path, schema)
