"""From answers to estimates: Table 5, a model that knows persons, and how far to trust them."""

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from facegap.files import write_json
from facegap.groups import group_name
from facegap.judge.model import Model, model, model_rows
from facegap.judge.ranks import correlations, log_odds
from facegap.judge.reliability import agreement, attention, consistency, response_times, votes
from facegap.judge.shares import familiarities, participant_bootstrap, preferences, tested_share
from facegap.judge.unblinding import recognised, unblind, with_known
from facegap.seeds import generator
from facegap.settings.measure import Intervals
from facegap.statistics.power import power
from facegap.tables.acquire import GENDERS
from facegap.tables.base import read_table, write_table
from facegap.tables.judge import FAMILIAR, KEY, PAIRS, PERSONS_KEY, RESPONSES
from facegap.tables.measure import ESTIMATES
from facegap.tables.measure import estimates as table_of

log = logging.getLogger(__name__)

EFFECTS = (0.5, 0.53, 0.55, 0.6)  # true shares whose power the report shows; the paper's among them


def judge_pairs(
    *,
    pairs: Path,
    key: Path,
    persons_key: Path,
    responses: Path,
    familiar: Path,
    realism: Path,
    estimates: Path,
    summary: Path,
    study: str,
    attention_threshold: float,
    intervals: Intervals,
    seed: int,
) -> None:
    """Unblind the answers (RESPONSES, FAMILIAR) by the keys; write ESTIMATES and facts as JSON.

    Participants who passed fewer than a share `attention_threshold` of their attention pairs are
    left out of all but "preference of everybody". Raises `DataError` where an answer has no key.
    """
    asked, keys = read_table(pairs, PAIRS), read_table(key, KEY)
    given = read_table(responses, RESPONSES)
    answers = unblind(asked, keys, given, responses)
    attended = attention(answers, attention_threshold)
    excluded = [name for name, passed in attended.items() if passed["excluded"]]
    known = recognised(read_table(familiar, FAMILIAR), read_table(persons_key, PERSONS_KEY))
    controls = in_order(set(asked["control"]))
    trusted = answers[~answers["participant"].isin(excluded)]
    compared = trusted[trusted["kind"] == "compared"]
    models = [
        model(compared, controls),
        model(with_known(compared, known), controls, covariate="knew_more"),
    ]
    confidence = intervals.confidence
    rng = generator(seed, "judge_estimates")
    rows = [
        *_preferences(answers, compared, controls, models, rng, confidence),
        consistency(trusted, confidence),
        *agreement(votes(compared), rng, confidence),
        *response_times(compared),
        *familiarities(known, excluded, confidence),
        *(odds := log_odds(compared, confidence)),
        *correlations(odds, read_table(realism, ESTIMATES), rng, confidence),
        *_power(compared, seed, confidence),
    ]
    write_table(table_of(rows, study), estimates, ESTIMATES)
    participants = _participants(keys, asked, answers, attended)
    of_people = {
        "asked": sum(one["asked"] for one in participants.values()),
        "participants": participants,
        "excluded": excluded,
        "simulated": bool(given["simulated"].any()),
        "agreement_pairs": len(votes(compared)),
    }
    numbers = {"answers": len(compared), "attention_threshold": attention_threshold}
    of_models = {"model": models[0].summary, "adjusted": models[1].summary}
    write_json({**numbers, **of_people, **of_models}, summary)
    log.info("%d answers to %d pairs; excluded: %s", len(compared), len(asked), excluded or "none")


def in_order(controls: Iterable[str]) -> list[str]:
    """The values of the control: male before female, as the paper prints them; else by name."""
    first = {name: position for position, name in enumerate(GENDERS)}
    return sorted(controls, key=lambda value: (first.get(value, len(first)), value))


def _preferences(
    answers: pd.DataFrame,
    compared: pd.DataFrame,
    controls: list[str],
    models: list[Model],
    rng: np.random.Generator,
    confidence: float,
) -> Iterator[dict[str, Any]]:
    """What was chosen: plain, with those who failed the attention pairs, modelled, resampled."""
    yield from preferences(compared, controls, confidence)
    yield tested_share("left share", compared["chose_left"], confidence)
    everybody = answers[answers["kind"] == "compared"]
    for control in controls:
        group = group_name({"control": control})
        hits = everybody["chose_in"][everybody["control"] == control]
        yield tested_share("preference of everybody", hits, confidence, group=group)
    for fitted in models:
        yield from model_rows(fitted, confidence)
    for control in controls:
        theirs = compared[compared["control"] == control]
        if len(theirs):
            interval = participant_bootstrap(theirs, rng, confidence)
            group = group_name({"control": control})
            yield {"quantity": "participant bootstrap", "group": group, **interval}


def _participants(
    key: pd.DataFrame,
    pairs: pd.DataFrame,
    answers: pd.DataFrame,
    attended: dict[str, dict[str, Any]],
) -> dict[str, dict[str, Any]]:
    """By participant: pairs to compare, answers to them, and attention pairs (None: no answer)."""
    compared = set(key["pair_id"][key["kind"] == "compared"])
    asked = pairs["participant"][pairs["pair_id"].isin(compared)].value_counts()
    answered = answers["participant"][answers["kind"] == "compared"].value_counts()
    return {
        str(name): {
            "asked": int(asked[name]),
            "answers": int(answered.get(name, 0)),
            "attention": attended.get(str(name)),
        }
        for name in sorted(asked.index)
    }


def _power(compared: pd.DataFrame, seed: int, confidence: float) -> Iterator[dict[str, Any]]:
    """Of a study of this size, for some true shares; with as many persons as were shown."""
    if compared.empty:
        return
    participants = compared["participant"].nunique()
    pairs = max(len(compared) // participants, 1)
    persons = max(min(compared[who].nunique() for who in ("in_subject", "out_subject")), 2)
    size = {"participants": participants, "persons": persons}
    for true in EFFECTS:
        simulated = power(true, pairs=pairs, seed=seed, confidence=confidence, **size)
        rejected = {"share": true, "estimate": simulated["power"], "answers": pairs * participants}
        yield {"quantity": "power", **size, **rejected}
