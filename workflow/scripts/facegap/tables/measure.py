"""What measure, judge, annotate and partition hand on: every number of a study, a row each."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from facegap.quantities import QUANTITIES
from facegap.tables.base import integer, read_table, real, table, text

COLUMNS = {  # with words for the codebook
    "study": (text(), "name of the study"),
    "quantity": (text(*QUANTITIES), "what kind of number it is: see below"),
    "metric": (text(nullable=True), "what is measured, where a quantity is given of several"),
    "task": (
        text(nullable=True),
        "what is classified: the boundary, a task beside it, or all tasks (mean)",
    ),
    "model": (
        text(nullable=True),
        "a configuration of the grid, all of them, a pair of them (one − other), an annotator, a"
        " pair of annotators (one, other), or a participant",
    ),
    "arm": (
        text(nullable=True),
        "how the training differs; missing: the whole training part. equal: on as many faces of"
        " either data set. Controls, where nothing may be found: exchanged (labels, between"
        " persons), halves (of the persons inside, as if two sides), held-out source (as if it were"
        " the target). Of the synthesis: whom the generators train on, inside, outside, mixed, or a"
        " share of faces outside",
    ),
    "seed": (integer(nullable=True), "of the synthesis; missing: the mean over seeds"),
    "trained_on": (text(nullable=True), "data set"),
    "tested_on": (text(nullable=True), "data set"),
    "group": (text(), "all, or factors and their values: gender: male × age: 30 to 49"),
    "attribute": (text(nullable=True), "the one that was changed; missing: all"),
    "share": (
        real(nullable=True),
        "of a bin of probabilities their mean, of a power the true share, of a task's heads and of"
        " generators that of faces outside in training",
    ),
    "threshold": (real(nullable=True), "of probability, of a decision"),
    "estimate": (real(nullable=True), "the number"),
    "low": (real(nullable=True), "lower end of its interval, at measure.intervals.confidence"),
    "high": (real(nullable=True), "upper end"),
    "standard_error": (real(0, nullable=True), "of the estimate"),
    "faces": (integer(nullable=True), "how many it rests on"),
    "persons": (integer(nullable=True), "how many are on these faces"),
    "answers": (
        integer(nullable=True),
        "of people; of a label error, the faces that it applies to; of a correlation, its points;"
        " of a learning curve, the labelled faces that train",
    ),
    "participants": (integer(nullable=True), "of the human study"),
    "method": (text(nullable=True), "of the interval, where there are several"),
    "p": (real(0, 1, nullable=True), "of no effect, two-sided"),
    "adjusted_p": (real(0, 1, nullable=True), "p adjusted for the tests of its family"),
    "family": (text(nullable=True), "the tests that adjusted_p is adjusted for"),
    "smallest_detectable_effect": (real(nullable=True), "that the data could have shown"),
    "equivalence_bound": (
        real(0, nullable=True),
        "the least margin around no effect that this one is shown to lie within: the larger end of"
        " its 90% interval",
    ),
    "truth": (real(nullable=True), "where it is known: drawn faces, simulated answers"),
}
ESTIMATES = table({name: column for name, (column, _) in COLUMNS.items()}, "estimates")
BY_FACE = table(
    {
        "model": text(),
        "dataset": text(),
        "task": text(),
        "metric": text(),
        "face_id": text(),
        "value": real(),  # what the face contributes to the metric's mean
    },
    "what audited models gave by face",
)
SCORES = table(
    {
        "seed": integer(),
        "row": integer(),  # of translations.npy; translations alone
        "shown": real(0, 1),  # how sure the classifier is of the wanted value
        "identity": real(-1, 1),  # cosine with the original
        "perceptual": real(0),  # distance to the original
    },
    "scores of translations",
)


def estimates(rows: Iterable[Mapping[str, Any]], study: str) -> pd.DataFrame:
    """The rows as a table (ESTIMATES); columns that a row leaves out are missing, `group` is all.

    Raises `KeyError` at a column that ESTIMATES has not, or an unknown quantity.
    """
    columns = list(ESTIMATES.columns)
    complete = []
    for row in rows:
        if row["quantity"] not in QUANTITIES:
            raise KeyError(f"no quantity {row['quantity']}; add it to facegap/quantities.py")
        if unknown := set(row) - set(columns):
            raise KeyError(f"no column {', '.join(sorted(unknown))} in estimates")
        complete.append({**dict.fromkeys(columns), "group": "all", **row, "study": study})
    found = pd.DataFrame(complete, columns=columns)
    return ESTIMATES.validate(found) if len(found) else ESTIMATES.coerce_dtype(found)


def read_estimates(paths: Iterable[Path]) -> pd.DataFrame:
    """The rows of all the tables (ESTIMATES) at `paths`, one after another."""
    tables = [read_table(path, ESTIMATES) for path in paths]
    filled = [part for part in tables if len(part)] or tables[:1]
    return ESTIMATES.coerce_dtype(pd.concat(filled, ignore_index=True))
