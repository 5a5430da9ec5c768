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

from facegap import seeds, tables
from facegap.errors import DataError
from facegap.files import write_json
from facegap.judge.power import power
from facegap.judge.ranks import predicted, scores
from facegap.judge.reliability import agreement, attention, repeats, seconds
from facegap.judge.shares import redrawn, tested

log = logging.getLogger(__name__)

EFFECTS = (0.5, 0.53, 0.55, 0.6)  # true shares whose power the report tells; the paper's among them
SEPARATED = 10.0  # a log odds ratio beyond it means the likelihood has no maximum


def judge_pairs(
    pairs_parquet: str | Path,
    key_parquet: str | Path,
    persons_key_parquet: str | Path,
    responses_parquet: str | Path,
    familiar_parquet: str | Path,
    realism_parquet: str | Path,
    table5_csv: str | Path,
    scores_csv: str | Path,
    model_json: str | Path,
    *,
    attention_needed: float,
    confidence: float,
    seed: int,
) -> None:
    """Unblind the answers (RESPONSES, FAMILIAR) by the keys; write TABLE5, SCORES and the rest.

    Participants who failed more than a share of 1 - `attention_needed` of their attention pairs
    are left out of all but `everybody`. Raises `DataError` where an answer has no key.
    """
    pairs = tables.read(pairs_parquet, tables.PAIRS)
    key = tables.read(key_parquet, tables.KEY)
    responses = tables.read(responses_parquet, tables.RESPONSES)
    known = recognised(
        tables.read(familiar_parquet, tables.FAMILIAR),
        tables.read(persons_key_parquet, tables.PERSONS_KEY),
    )
    answers = unblind(pairs, key, responses, responses_parquet)
    controls = in_order(set(pairs["control"]))
    simulated = bool(responses["simulated"].any())
    attended = attention(answers, attention_needed)
    excluded = [name for name, found in attended.items() if found["excluded"]]
    kept = answers[~answers["participant"].isin(excluded)]
    compared = kept[kept["kind"] == "compared"]
    table = table5(compared, controls, confidence).assign(simulated=simulated)
    ranked = scores(compared, confidence).assign(simulated=simulated)
    tables.write(table, table5_csv, tables.TABLE5)
    tables.write(ranked, scores_csv, tables.BRADLEY_TERRY)
    rng = seeds.generator(seed, "judge", "estimates")
    asked = pairs.merge(key, on="pair_id").query("kind == 'compared'")["participant"].value_counts()
    everybody = answers[answers["kind"] == "compared"]
    answered = everybody["participant"].value_counts()
    realism = tables.read(realism_parquet, tables.REALISM)
    fitted = model(compared, controls, confidence)
    write_json(
        {
            "asked": int(asked.sum()),
            "answers": len(compared),
            "confidence": confidence,
            "simulated": simulated,
            "in_domain": tested(compared["chose_in"], confidence),
            "left": tested(compared["chose_left"], confidence),
            "by": {
                name: {
                    str(value): tested(group["chose_in"], confidence)
                    for value, group in compared.groupby(name)
                }
                for name in ("attribute", "participant", "seed")
            },
            "criteria": _criteria(compared, confidence),
            "participants": {
                str(name): {
                    "asked": int(asked[name]),
                    "answers": int(answered.get(name, 0)),
                    "attention": attended.get(str(name)),
                }
                for name in sorted(asked.index)
            },
            "excluded": excluded,
            "attention_needed": attention_needed,
            "everybody": {
                control: tested(everybody["chose_in"][everybody["control"] == control], confidence)
                for control in controls
            },
            "model": fitted,
            "redrawn": {
                control: redrawn(compared[compared["control"] == control], rng, confidence)
                for control in controls
            },
            "repeats": repeats(kept, confidence),
            "agreement": agreement(compared, rng, confidence),
            "seconds": seconds(compared),
            "familiarity": _familiarity(known, excluded, confidence),
            "adjusted": model(
                with_known(compared, known), controls, confidence, covariate="knew_more"
            ),
            "metrics": predicted(ranked, realism, rng, confidence),
            "power": _power(compared, seed, confidence),
        },
        model_json,
    )
    log.info("%d answers to %d pairs; excluded: %s", len(compared), len(pairs), excluded or "none")


def unblind(
    pairs: pd.DataFrame, key: pd.DataFrame, responses: pd.DataFrame, place: str | Path = "responses"
) -> pd.DataFrame:
    """A row an answer: what was compared, by whom, `chose_in` and `chose_left`."""
    answers = responses.drop(columns="simulated").merge(
        pairs[["pair_id", "position", "attribute", "value", "control"]], on="pair_id", how="left"
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


def recognised(familiar: pd.DataFrame, persons_key: pd.DataFrame) -> pd.DataFrame:
    """Which persons of which side were `known` to which participant."""
    return familiar.merge(persons_key.drop(columns="participant"), on="person_id", how="inner")


def with_known(compared: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """The answers on persons that the participant was asked about, both of the pair.

    `knew_more` is 1 where only the person of the in-domain image was known, -1 where only that of
    the other was, else 0.
    """
    asked = known.drop_duplicates(["participant", "domain", "subject_id"])
    found = compared
    for side in ("in", "out"):
        theirs = asked[asked["domain"] == f"{side}-domain"]
        theirs = theirs[["participant", "subject_id", "known"]].rename(
            columns={"subject_id": f"{side}_subject", "known": f"{side}_known"}
        )
        found = found.merge(theirs, on=["participant", f"{side}_subject"], how="inner")
    return found.assign(
        knew_more=found["in_known"].astype(float) - found["out_known"].astype(float)
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
            found = tested(hits, confidence)
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


def model(
    answers: pd.DataFrame,
    controls: Sequence[str],
    confidence: float,
    *,
    covariate: str | None = None,
) -> dict[str, Any]:
    """The chance to choose the in-domain output, by control, over participants and sides alike.

    Logistic generalised estimating equations (Liang and Zeger 1986) with participants as fixed
    effects that sum to zero and the side as a further one. Answers that share the person on
    either image are not independent: covariances of the estimates are two-way robust (Cameron,
    Gelbach and Miller 2011), never below either one-way covariance, with Student's t on the
    persons of the smallest group. Of answers that a rater or a control value gives all to one
    side there is no such model: `fitted` is false and `reason` says why. With a `covariate` the
    shares are those where it is 0, and its log odds ratio is told under its name.
    """
    used = [control for control in controls if (answers["control"] == control).any()]
    people = sorted(set(answers["participant"]))
    reason = _unfit(answers, used)
    if reason:
        return {"fitted": False, "reason": reason}
    y, design = answers["chose_in"].to_numpy(float), _design(answers, used, people)
    if covariate:
        design = np.column_stack([design, answers[covariate].to_numpy(float)])
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
        **({covariate: spread.of(unit[-1], estimate)} if covariate else {}),
        "answers": len(answers),
        "left": spread.of(
            unit[len(used) + len(people) - 1], estimate
        ),  # log odds ratio of an output's being left
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


def _criteria(compared: pd.DataFrame, confidence: float) -> dict[str, Any] | None:
    """Shares that chose the in-domain output by each criterion; None where none was asked."""
    found = {}
    for name in ("realism", "transfer", "identity"):
        given = compared.dropna(subset=[name])
        if len(given):
            found[name] = tested((given[name] == "left") == given["in_left"], confidence)
    return found or None


def _familiarity(
    known: pd.DataFrame, excluded: Sequence[str], confidence: float
) -> dict[str, Any] | None:
    """Shares of persons that participants knew, by side; None where nobody was asked."""
    used = known[~known["participant"].isin(excluded)]
    if used.empty:
        return None
    return {
        str(domain): tested(group["known"], confidence) for domain, group in used.groupby("domain")
    }


def _power(compared: pd.DataFrame, seed: int, confidence: float) -> list[dict[str, float]]:
    """Of a study of this size, for three true shares; with as many persons as were shown."""
    if compared.empty:
        return []
    participants = compared["participant"].nunique()
    pairs = max(len(compared) // participants, 1)
    persons = max(min(compared[side].nunique() for side in ("in_subject", "out_subject")), 2)
    return [
        power(share, participants, pairs, persons=persons, seed=seed, confidence=confidence)
        for share in EFFECTS
    ]
