"""The preference of people at large, of whom the participants are some."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from facegap.judge.model import NO_ERROR, PERSONS, SEPARATED, size_of, tested
from facegap.statistics.clustered import Fit, logistic
from facegap.statistics.interval import row

FEWEST = 10  # participants: the spread of fewer says nothing of people at large
WAYS = ("participant", *PERSONS)


def at_large(
    answers: pd.DataFrame, controls: Sequence[str], quantity: str, confidence: float
) -> Iterator[dict[str, Any]]:
    """A row of the chance that anybody chooses the in-domain output, over values of the control.

    As `model`, with participants as a sample in place of fixed effects: errors are clustered by
    participants and by the persons on both images, with Student's t on the fewest of the three. The
    estimate is the mean log odds over the values of the control, of answers of all participants
    together. No row where there are fewer than ten participants, or one finds no finite estimate.
    """
    used = [value for value in controls if (answers["control"] == value).any()]
    size = size_of(answers)
    if size.participants < FEWEST or size.persons < 2 or answers["chose_in"].nunique() < 2:
        return
    fit = fit_of_sample(answers, [answers["control"] == value for value in used])
    if fit is None:
        return
    weights = np.append(np.full(len(used), 1 / len(used)), 0.0)
    contrast = fit.contrast(weights, min(size.participants, size.persons) - 1)
    if not contrast.error > NO_ERROR:
        return
    share = row(contrast.interval(confidence, share=True))
    yield {"quantity": quantity, **share, **tested(contrast, size, confidence)}


def fit_of_sample(answers: pd.DataFrame, columns: Sequence["pd.Series[Any]"]) -> Fit | None:
    """The log odds of choosing the in-domain output by `columns`, left and right alike.

    Participants are a sample: errors are clustered by them and by the persons on both images. None
    where the columns cannot be told apart, or one finds no finite estimate.
    """
    design = np.column_stack([*columns, answers["in_left"] - 0.5]).astype(float)
    if np.linalg.matrix_rank(design) < design.shape[1]:
        return None
    fit = logistic(answers["chose_in"], design, *(answers[name] for name in WAYS))
    finite = np.isfinite(fit.estimate).all() and np.abs(fit.estimate).max() <= SEPARATED
    return fit if finite else None
