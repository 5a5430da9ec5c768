"""The chance to choose the in-domain output, modelled by person and participant."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from facegap.groups import ALL, group_name
from facegap.statistics.absence import equivalence_bound, smallest_detectable
from facegap.statistics.clustered import Contrast, Fit, logistic
from facegap.statistics.interval import row
from facegap.statistics.multiplicity import holm

SEPARATED = 10.0  # a log odds ratio beyond it means the likelihood has no maximum
NO_ERROR = 1e-6  # log odds; where the answers on each person cancel out there is none left
PERSONS = ("in_subject", "out_subject")
FAMILY = "rows of Table 5"
Row = dict[str, Any]


class Size(NamedTuple):
    """What a row rests on; `persons` are the different ones of the side that shows fewer."""

    answers: int
    participants: int
    persons: int


class Model(NamedTuple):
    """A fitted model, or the reason why there is none."""

    sizes: dict[str, Size]  # of all and of each value of the control, by the name of the group
    controls: list[str]
    covariate: bool = False
    reason: str = ""
    fit: Fit | None = None

    @property
    def summary(self) -> dict[str, Any]:
        """For JSON: whether it is fitted, else why not, and of how many answers."""
        facts = {"answers": self.sizes[ALL].answers, "reason": self.reason or None}
        return {"fitted": self.fit is not None, **facts}


def size_of(answers: pd.DataFrame) -> Size:
    """What a row of these answers rests on."""
    persons = min(answers[who].nunique() for who in PERSONS)
    return Size(len(answers), answers["participant"].nunique(), persons)


def sizes(answers: pd.DataFrame, controls: Sequence[str]) -> dict[str, Size]:
    """The size of all `answers` and of those of each value of the control, by the group's name."""
    groups = {group_name({"control": value}): answers["control"] == value for value in controls}
    parts = {name: size_of(answers[rows]) for name, rows in groups.items()}
    return {ALL: size_of(answers), **parts}


def model(answers: pd.DataFrame, controls: Sequence[str], *, covariate: str | None = None) -> Model:
    """The choice of the in-domain output, by control, over participants, left and right alike.

    Logistic regression with participants as fixed effects that sum to zero and the in-domain
    output's being left as a further one. Answers that share the person on either image are not
    independent: errors are clustered by both persons, with Student's t on the persons of the side
    that shows fewer. There is no model of answers that a participant or a value of the control
    gives all to one domain. With a `covariate` the estimates are those where it is 0.
    """
    used = [control for control in controls if (answers["control"] == control).any()]
    unfitted = Model(sizes(answers, used), used, covariate is not None)
    if reason := _reason(answers, unfitted):
        return unfitted._replace(reason=reason)
    design = _design(answers, used, covariate)
    if np.linalg.matrix_rank(design) < design.shape[1]:
        reason = "too few answers to tell control, participants and left apart"
        return unfitted._replace(reason=reason)
    fit = logistic(answers["chose_in"], design, *(answers[name] for name in PERSONS))
    if not np.isfinite(fit.estimate).all() or np.abs(fit.estimate).max() > SEPARATED:
        return unfitted._replace(reason="the answers are separated: no finite estimate")
    fitted = unfitted._replace(fit=fit)
    if min(_contrast(fitted, group).error for group in fitted.sizes) < NO_ERROR:
        return unfitted._replace(reason="too few answers to estimate an error")
    return fitted


def preferences(model: Model, quantity: str, confidence: float, **about: Any) -> Iterator[Row]:
    """Rows of a preference: of all, and of each value of the control for either domain.

    Of all is the mean log odds over the values of the control, so that each counts alike. The p
    of the rows of Table 5 are adjusted together (Holm 1979); that of all is the one test of the
    headline.
    """
    if model.fit is None:
        return
    yield {**_share(model, ALL, _contrast(model, ALL), quantity, confidence), **about}
    rows = [(value, _contrast(model, group_name({"control": value}))) for value in model.controls]
    adjusted = holm([contrast.p for _, contrast in rows])
    for (value, contrast), p in zip(rows, adjusted, strict=True):
        tested = {"adjusted_p": float(p), "family": FAMILY, **about}
        group = group_name({"control": value})
        yield {**_share(model, group, contrast, quantity, confidence), **tested}
        other = contrast._replace(estimate=-contrast.estimate)
        chosen = group_name({"control": value, "chosen": "out-domain"})
        sized = _share(model, group, other, quantity, confidence)
        yield {**sized, **tested, "group": chosen}


def absences(model: Model, confidence: float) -> Iterator[Row]:
    """Rows of what the study could have found, as shares, of all and of each value of the control.

    "detectable preference" is the share above one half that is found 8 times in 10;
    "preference bound" the end further from one half of the interval that shows equivalence.
    """
    if model.fit is None:
        return
    for group in model.sizes:
        value, error, freedom = _contrast(model, group)
        about = {"group": group, **model.sizes[group]._asdict()}
        found = smallest_detectable(error, freedom, confidence)
        yield {"quantity": "detectable preference", "estimate": float(expit(found)), **about}
        bound = equivalence_bound(value, error, freedom, confidence)
        yield {"quantity": "preference bound", "estimate": float(expit(bound)), **about}


def effects(model: Model, confidence: float) -> Iterator[Row]:
    """Rows of log odds ratios: what controls differ by, the screen's side, and a covariate."""
    if model.fit is None:
        return
    unit = np.eye(len(model.fit.estimate))
    last = model.fit.contrast(unit[-1], model.sizes[ALL].persons - 1)
    if model.covariate:
        yield _effect("familiarity effect", last, model.sizes[ALL], confidence)
        return
    yield _effect("left effect", last, model.sizes[ALL], confidence)
    one, *others = model.controls
    for i, other in enumerate(others, start=1):
        both = [model.sizes[group_name({"control": value})] for value in (one, other)]
        size = Size(
            both[0].answers + both[1].answers,
            model.sizes[ALL].participants,
            min(both[0].persons, both[1].persons),
        )
        contrast = model.fit.contrast(unit[0] - unit[i], size.persons - 1)
        group = group_name({"control": f"{one} \N{MINUS SIGN} {other}"})
        yield {**_effect("preference difference", contrast, size, confidence), "group": group}


def _contrast(model: Model, group: str) -> Contrast:
    """The log odds of a group against one half."""
    assert model.fit is not None
    weights = np.zeros(len(model.fit.estimate))
    if group == ALL:
        weights[: len(model.controls)] = 1 / len(model.controls)
    else:
        weights[[group_name({"control": value}) for value in model.controls].index(group)] = 1
    return model.fit.contrast(weights, model.sizes[group].persons - 1)


def _share(model: Model, group: str, contrast: Contrast, quantity: str, confidence: float) -> Row:
    interval = row(contrast.interval(confidence, share=True))
    test = tested(contrast, model.sizes[group], confidence)
    return {"quantity": quantity, "group": group, **interval, **test}


def _effect(quantity: str, contrast: Contrast, size: Size, confidence: float) -> Row:
    interval = row(contrast.interval(confidence))
    return {"quantity": quantity, **interval, **tested(contrast, size, confidence)}


def tested(contrast: Contrast, size: Size, confidence: float) -> Row:
    """The columns of a test, on its own scale: log odds."""
    found = smallest_detectable(contrast.error, contrast.freedom, confidence)
    columns = {"standard_error": contrast.error, "smallest_detectable_effect": found}
    return {**columns, "p": contrast.p, **size._asdict()}


def _design(
    answers: pd.DataFrame, controls: list[str], covariate: str | None
) -> NDArray[np.float64]:
    """Float (answers, columns): controls, participants summing to 0, in-domain left, covariate."""
    control = np.column_stack([answers["control"] == value for value in controls])
    names = sorted(set(answers["participant"]))
    who = np.column_stack([answers["participant"] == name for name in names]).astype(float)
    columns = [control, who[:, :-1] - who[:, -1:], answers["in_left"] - 0.5]
    return np.column_stack(columns + ([answers[covariate].to_numpy(float)] if covariate else []))


def _reason(answers: pd.DataFrame, model: Model) -> str:
    """Why there is no model of `answers`; empty when there is one."""
    if not len(answers):
        return "no answers"
    for name in ("control", "participant", "in_left"):
        given = answers.groupby(name)["chose_in"].agg(["nunique", "size"])
        for value, count in given["size"][given["nunique"] == 1].items():
            return f"all {count} answers with {name} {value} choose one domain"
    for control in model.controls:
        if model.sizes[group_name({"control": control})].persons < 2:
            return f"fewer than two persons of a side with control {control}"
    return ""
