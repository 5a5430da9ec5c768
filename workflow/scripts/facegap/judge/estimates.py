"""From answers to Table 5: shares with intervals, exact tests, and a model that knows persons."""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import expit
from statsmodels.genmod.cov_struct import Independence
from statsmodels.genmod.families import Binomial
from statsmodels.genmod.generalized_estimating_equations import GEE

from facegap import tables
from facegap.errors import DataError
from facegap.files import write_json
from facegap.intervals import of_share, plain

log = logging.getLogger(__name__)

SEPARATED = 10.0  # a log odds ratio beyond it means the likelihood has no maximum


def judge_pairs(
    pairs_parquet: str | Path,
    key_parquet: str | Path,
    responses_parquet: str | Path,
    table5_csv: str | Path,
    model_json: str | Path,
    *,
    confidence: float,
) -> None:
    """Unblind the answers (RESPONSES) by the key; write Table 5 (TABLE5) and what else they say.

    Raises `DataError` where an answer's pair has no key.
    """
    pairs = tables.read(pairs_parquet, tables.PAIRS)
    key = tables.read(key_parquet, tables.KEY)
    responses = tables.read(responses_parquet, tables.RESPONSES)
    answers = unblind(pairs, key, responses, responses_parquet)
    controls = in_order(set(pairs["control"]))
    simulated = bool(responses["simulated"].any())
    table = table5(answers, controls, confidence).assign(simulated=simulated)
    tables.write(table, table5_csv, tables.TABLE5)
    asked = pairs["participant"].value_counts()
    answered = answers["participant"].value_counts()
    write_json(
        {
            "asked": len(pairs),
            "answers": len(answers),
            "confidence": confidence,
            "simulated": simulated,
            "in_domain": _tested(answers["chose_in"], confidence),
            "left": _tested(answers["chose_left"], confidence),
            "by": {
                name: {
                    str(value): _tested(group["chose_in"], confidence)
                    for value, group in answers.groupby(name)
                }
                for name in ("attribute", "participant", "seed")
            },
            "participants": {
                str(name): {"asked": int(asked[name]), "answers": int(answered.get(name, 0))}
                for name in sorted(asked.index)
            },
            "model": model(answers, controls, confidence),
        },
        model_json,
    )
    log.info("%d answers to %d pairs", len(answers), len(pairs))


def unblind(
    pairs: pd.DataFrame, key: pd.DataFrame, responses: pd.DataFrame, place: str | Path = "responses"
) -> pd.DataFrame:
    """A row an answer: what was compared, by whom, `chose_in` and `chose_left`."""
    answers = responses[["pair_id", "participant", "choice"]].merge(
        pairs.drop(columns=["participant", "left_image", "right_image"]), on="pair_id", how="left"
    )
    answers = answers.merge(key, on="pair_id", how="left")
    if len(lost := answers[answers["control"].isna() | answers["left_domain"].isna()]):
        raise DataError(f"{place}: pair {lost['pair_id'].iloc[0]} is not among the pairs or keys")
    in_left = answers["left_domain"] == "in-domain"
    left = answers["choice"] == "left"
    return answers.assign(
        in_left=in_left,
        chose_left=left,
        chose_in=left == in_left,
        in_subject=answers["left_subject"].where(in_left, answers["right_subject"]),
        out_subject=answers["right_subject"].where(in_left, answers["left_subject"]),
    )


def in_order(controls: Iterable[str]) -> list[str]:
    """The values of the control: male before female, as the paper prints them; else by name."""
    first = {name: position for position, name in enumerate(tables.GENDERS)}
    return sorted(controls, key=lambda value: (first.get(value, len(first)), value))


def table5(answers: pd.DataFrame, controls: Sequence[str], confidence: float) -> pd.DataFrame:
    """The paper's Table 5 (TABLE5 without its column simulated): a row a control value and domain.

    Shares of answers with Wilson's interval and the exact binomial test against one half, which
    take answers as independent, as the paper does; `model` does not.
    """
    rows = []
    for control in controls:
        chose_in = answers["chose_in"][answers["control"] == control]
        for domain, hits in (("in-domain", chose_in), ("out-domain", ~chose_in)):
            found = _tested(hits, confidence)
            rows.append(
                {
                    "control": control,
                    "domain": domain,
                    "answers": found["answers"],
                    "chosen": found["chosen"],
                    "share": found["estimate"],
                    "low": found["low"],
                    "high": found["high"],
                    "p": found["p"],
                }
            )
    return pd.DataFrame(rows).astype({"share": float, "p": float})


def model(answers: pd.DataFrame, controls: Sequence[str], confidence: float) -> dict[str, Any]:
    """The chance to choose the in-domain output, by control, over participants and sides alike.

    Logistic generalised estimating equations (Liang and Zeger 1986) with participants as fixed
    effects that sum to zero and the side as a further one. Answers that share the person on
    either image are not independent: covariances of the estimates are two-way robust (Cameron,
    Gelbach and Miller 2011), never below either one-way covariance, with Student's t on the
    persons of the smallest group. Of answers that a rater or a control value gives all to one
    side there is no such model: `fitted` is false and `reason` says why.
    """
    used = [control for control in controls if (answers["control"] == control).any()]
    people = sorted(set(answers["participant"]))
    reason = _unfit(answers, used)
    if reason:
        return {"fitted": False, "reason": reason}
    y, design = answers["chose_in"].to_numpy(float), _design(answers, used, people)
    if np.linalg.matrix_rank(design) < design.shape[1]:
        return {"fitted": False, "reason": "too few answers to tell control, people and side apart"}
    sides = [answers["in_subject"], answers["out_subject"]]
    clusters = [*sides, sides[0] + "\n" + sides[1]]
    fits = [_fit(y, design, pd.factorize(cluster)[0]) for cluster in clusters]
    estimate = fits[0][0]
    if not np.isfinite(estimate).all() or np.abs(estimate).max() > SEPARATED:
        return {"fitted": False, "reason": "the answers are separated: no finite estimate"}
    persons = min(
        group.nunique() for side in sides for _, group in side.groupby(answers["control"])
    )
    spread = _Spread([cov for _, cov in fits], persons - 1, confidence)
    unit = np.eye(design.shape[1])
    return {
        "fitted": True,
        "persons": persons,
        "share": {
            control: spread.of(unit[i], estimate, share=True) for i, control in enumerate(used)
        },
        "differences": {  # log odds ratios of the first against the other
            f"{used[0]} - {other}": spread.of(unit[0] - unit[i], estimate)
            for i, other in enumerate(used)
            if i
        },
        "left": spread.of(unit[-1], estimate),  # log odds ratio of an output's being left
    }


class _Spread:
    """Intervals of contrasts, from the covariances by in-person, by out-person and by both."""

    def __init__(self, covariances: list[np.ndarray], freedom: int, confidence: float) -> None:
        self.covariances = covariances
        self.freedom = freedom
        self.reach = float(stats.t.ppf((1 + confidence) / 2, freedom))

    def of(
        self, contrast: np.ndarray, estimate: np.ndarray, *, share: bool = False
    ) -> dict[str, float]:
        """The contrast with its interval, as log odds or as a share, and the p of its being 0."""
        value = float(contrast @ estimate)
        one, two, both = (float(contrast @ cov @ contrast) for cov in self.covariances)
        error = max(one, two, one + two - both) ** 0.5
        ends = np.array([value, value - self.reach * error, value + self.reach * error])
        shown = expit(ends) if share else ends
        p = 2 * float(stats.t.sf(abs(value) / error, self.freedom))
        return {**dict(zip(("estimate", "low", "high"), map(float, shown), strict=True)), "p": p}


def _design(answers: pd.DataFrame, controls: list[str], people: list[str]) -> np.ndarray:
    """Float (answers, columns): controls, participants summing to 0, side of the in-domain."""
    control = np.column_stack([answers["control"] == value for value in controls])
    who = np.column_stack([answers["participant"] == name for name in people]).astype(float)
    return np.column_stack([control, who[:, :-1] - who[:, -1:], answers["in_left"] - 0.5])


def _unfit(answers: pd.DataFrame, controls: list[str]) -> str | None:
    """Why there is no model of `answers`; None when there is one."""
    if not len(answers):
        return "no answers"
    for name in ("control", "participant", "in_left"):
        for value, group in answers.groupby(name):
            if group["chose_in"].nunique() == 1:
                return f"all {len(group)} answers with {name} {value} choose one domain"
    for control in controls:
        for side in ("in_subject", "out_subject"):
            if answers[side][answers["control"] == control].nunique() < 2:
                return f"fewer than two persons ({side}) with control {control}"
    return None


def _fit(y: np.ndarray, design: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    found = GEE(y, design, groups, family=Binomial(), cov_struct=Independence()).fit()
    return np.asarray(found.params), np.asarray(found.cov_params())


def _tested(hits: "pd.Series[bool]", confidence: float) -> dict[str, Any]:
    """The share of `hits` with Wilson's interval, counts, and the exact p against one half."""
    chosen, answers = int(hits.sum()), len(hits)
    return {
        **plain(of_share(chosen, answers, confidence)),
        "chosen": chosen,
        "answers": answers,
        "p": float(stats.binomtest(chosen, answers).pvalue) if answers else None,
    }
