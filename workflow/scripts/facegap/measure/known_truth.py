"""The transfer of the heads as a study of drawn faces estimates it, beside what is true of it."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from facegap.configurations import configuration
from facegap.files import read_json
from facegap.measure.answers import answers, parts
from facegap.measure.classification import transfer
from facegap.settings.measure import Intervals
from facegap.tables.base import write_table
from facegap.tables.measure import ESTIMATES
from facegap.tables.measure import estimates as table_of


def measure_known_truth(
    *,
    predictions: Path,
    fresh_predictions: Path,
    selected: Path,
    benchmark: Path,
    faces: list[Path],
    fresh_faces: list[Path],
    estimates: Path,
    datasets: list[str],
    intervals: Intervals,
    study: str,
) -> None:
    """Write transfer gap and loss of the heads, with their truth (ESTIMATES).

    The heads are those of the configurations that `selected` and `benchmark` name. The truth is
    what fresh heads (`fresh_predictions`), trained on the same faces, answer on fresh persons: of
    the gap the same persons in either style, of the loss many in the target's. `faces` (FACES) are
    those of each of `datasets`, `fresh_faces` of the styles source and target.
    """
    heads = {
        "source": configuration(read_json(selected)["name"]).head_name,
        "target": configuration(read_json(benchmark)["name"]).head_name,
    }
    own = _answers(predictions, heads, dict(zip(datasets, faces, strict=True)))
    fresh = _answers(fresh_predictions, heads, dict(zip(heads, fresh_faces, strict=True)))
    in_both = fresh[fresh["face_id"].isin(fresh.loc[fresh["dataset"] == "source", "face_id"])]
    true = {
        (row["quantity"], row["metric"]): row["estimate"]
        for quantity, table in (("transfer gap", in_both), ("transfer loss", fresh))
        for row in transfer(parts(table), heads["source"], intervals.confidence)
        if row["quantity"] == quantity
    }
    rows = [
        {"task": "boundary", **row, "truth": true[row["quantity"], row["metric"]]}
        for row in transfer(parts(own), heads["source"], intervals.confidence)
    ]
    write_table(table_of(rows, study), estimates, ESTIMATES)


def _answers(
    predictions: Path, heads: Mapping[str, str], faces: Mapping[str, Path]
) -> pd.DataFrame:
    """Of the `heads` by what they were trained on, on the agreed faces of the test parts."""
    table = answers(predictions, set(heads.values()), faces)
    own = table["trained_on"].map(heads)
    tested = table["agreed"] & (table["arm"] == "full") & (table["part"] == "test")
    return table[tested & (table["model"] == own)]
