"""The right answers of an audited model's tasks, and whether they are what the settings say."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from facegap.errors import DataError, listed, shown
from facegap.measure.audited import Audited
from facegap.measure.judged import as_words, is_positive
from facegap.settings.models import ModelTask

MOST = 8  # values that a message names


def truth_of(
    audited: Audited, task: str, settings: ModelTask, kind: str, given: pd.DataFrame, place: Path
) -> "pd.Series[Any]":
    """The column of the faces (n,) that a task's outputs `given` (a row a face) are held against.

    Raises `DataError`, naming the table `place`, where there is none, or it cannot be the truth:
    numbers that are none, no positive value, several values for one score, labels of other words.
    """
    column = settings.truth or task
    if column not in audited.faces:
        raise DataError(
            f"{place}: no column {column} for the task {task}; it has"
            f" {listed(audited.faces.columns)}; name the right one as truth of this task"
        )
    truth = audited.faces[column]
    for words in _unfit(truth, settings.positive, kind, given):
        raise DataError(f"{place}, column {column}, the truth of the task {task}: {words}")
    return truth


def _unfit(
    truth: "pd.Series[Any]", positive: Sequence[Any] | None, kind: str, given: pd.DataFrame
) -> Iterable[str]:
    known = truth.dropna()
    values = as_words(known).unique().tolist()
    has = f"it has {listed(map(shown, values[:MOST]))}{' and others' if len(values) > MOST else ''}"
    if known.empty:
        yield "no test face has a value; name another column as truth"
    elif kind == "regressor":
        if pd.to_numeric(known, errors="coerce").isna().any():
            yield f"not all are numbers; {has}; name another column as truth"
    else:
        scored = given["score"].notna().any()
        unknown = [word for word in as_words(pd.Series(positive or [])) if word not in values]
        if unknown:
            yield f"positive has {listed(map(shown, unknown))}, which no test face has; {has}"
        elif scored and not is_positive(known, list(positive) if positive else None).any():
            words = "no test face is 1 or male, which a score is taken for the probability of"
            yield f"{words}; {has}; name the right ones as positive"
        elif scored and positive is None and len(values) > 2:
            yield f"{has}; name the values that a score is the probability of as positive"
        elif not scored:
            labels = as_words(given["label"].dropna()).unique().tolist()
            if not set(labels) & set(values):
                yield f"{has}, and none of the file's labels ({listed(map(shown, labels[:MOST]))})"
