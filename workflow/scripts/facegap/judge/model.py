"""The chance to choose the in-domain output, by a model that knows persons and participants."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facegap.groups import group_name
from facegap.statistics.clustered import Fit, logistic
from facegap.statistics.interval import row

SEPARATED = 10.0  # a log odds ratio beyond it means the likelihood has no maximum
PERSONS = ("in_subject", "out_subject")


class Model(NamedTuple):
    """A fitted model, or the reason why there is none."""

    answers: int
    controls: list[str]
    covariate: bool = False
    reason: str = ""
    persons: int | None = None  # of the smallest group
    fit: Fit | None = None

    @property
    def summary(self) -> dict[str, Any]:
        """For JSON: whether it is fitted, else why not, and of how many answers and persons."""
        facts = {"answers": self.answers, "persons": self.persons, "reason": self.reason or None}
        return {"fitted": self.fit is not None, **facts}


def model(answers: pd.DataFrame, controls: Sequence[str], *, covariate: str | None = None) -> Model:
    """The choice of the in-domain output, by control, over participants, left and right alike.

    Logistic regression with participants as fixed effects that sum to zero and the in-domain
    output's being left as a further one. Answers that share the person on either image are not
    independent: errors are clustered by both persons, with Student's t on the persons of the
    smallest group. There is no model of answers that a participant or a value of the control gives
    all to one domain. With a `covariate` the estimates are those where it is 0.
    """
    used = [control for control in controls if (answers["control"] == control).any()]
    unfitted = Model(len(answers), used, covariate is not None)
    if reason := _reason(answers, used):
        return unfitted._replace(reason=reason)
    design = _design(answers, used, covariate)
    if np.linalg.matrix_rank(design) < design.shape[1]:
        reason = "too few answers to tell control, participants and left apart"
        return unfitted._replace(reason=reason)
    one, other = (answers[name] for name in PERSONS)
    persons = min(
        group.nunique() for who in (one, other) for _, group in who.groupby(answers["control"])
    )
    fit = logistic(answers["chose_in"], design, one, other, persons - 1)
    if not np.isfinite(fit.estimate).all() or np.abs(fit.estimate).max() > SEPARATED:
        return unfitted._replace(reason="the answers are separated: no finite estimate")
    return unfitted._replace(persons=persons, fit=fit)


def model_rows(model: Model, confidence: float) -> Iterator[dict[str, Any]]:
    """Rows of ESTIMATES: preference by control, what controls differ by, and effects."""
    fit = model.fit
    if fit is None:
        return
    about = {"answers": model.answers, "persons": model.persons}
    unit = np.eye(len(fit.estimate))

    def estimated(
        quantity: str, weights: NDArray[np.float64], group: str = "all", *, share: bool = False
    ) -> dict[str, Any]:
        interval, p = fit.contrast(weights, confidence, share=share)
        return {"quantity": quantity, "group": group, **row(interval), "p": p, **about}

    quantity = "adjusted preference" if model.covariate else "modelled preference"
    for i, control in enumerate(model.controls):
        yield estimated(quantity, unit[i], group_name({"control": control}), share=True)
    if model.covariate:
        yield estimated("familiarity effect", unit[-1])
        return
    for i, other in enumerate(model.controls[1:], start=1):
        group = group_name({"control": f"{model.controls[0]} \N{MINUS SIGN} {other}"})
        yield estimated("preference difference", unit[0] - unit[i], group)
    yield estimated("left effect", unit[-1])


def _design(answers: pd.DataFrame, controls: list[str], covariate: str | None) -> np.ndarray:
    """Float (answers, columns): controls, participants summing to 0, in-domain left, covariate."""
    control = np.column_stack([answers["control"] == value for value in controls])
    names = sorted(set(answers["participant"]))
    who = np.column_stack([answers["participant"] == name for name in names]).astype(float)
    columns = [control, who[:, :-1] - who[:, -1:], answers["in_left"] - 0.5]
    return np.column_stack(columns + ([answers[covariate].to_numpy(float)] if covariate else []))


def _reason(answers: pd.DataFrame, controls: list[str]) -> str:
    """Why there is no model of `answers`; empty when there is one."""
    if not len(answers):
        return "no answers"
    for name in ("control", "participant", "in_left"):
        for value, group in answers.groupby(name):
            if group["chose_in"].nunique() == 1:
                return f"all {len(group)} answers with {name} {value} choose one domain"
    for control in controls:
        for who in PERSONS:
            if answers[who][answers["control"] == control].nunique() < 2:
                return f"fewer than two persons ({who}) with control {control}"
    return ""
