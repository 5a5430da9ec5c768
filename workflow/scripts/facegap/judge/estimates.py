"""From answers to estimates: preferences with intervals clustered by person, and their worth."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from facegap.errors import DataError
from facegap.files import write_json
from facegap.groups import ALL, group_name, group_values
from facegap.judge.at_large import at_large
from facegap.judge.baseline import without_baseline
from facegap.judge.model import Model, Size, absences, effects, model, preferences
from facegap.judge.ranks import correlations, log_odds
from facegap.judge.raters import by_own_side
from facegap.judge.reliability import agreement, attention, consistency, response_times, votes
from facegap.judge.shares import familiarities, participant_bootstrap, raw_shares
from facegap.judge.truths import with_truths
from facegap.judge.unblinding import recognised, unblind, with_known
from facegap.participants import list_of
from facegap.seeds import generator
from facegap.settings.judge import OwnSide, Simulation
from facegap.settings.measure import Intervals
from facegap.statistics.multiplicity import holm
from facegap.statistics.power import power
from facegap.tables.acquire import GENDERS
from facegap.tables.base import read_table, write_table
from facegap.tables.judge import CRITERIA, FAMILIAR, KEY, PAIRS, PERSONS_KEY, RATERS, RESPONSES
from facegap.tables.measure import ESTIMATES
from facegap.tables.measure import estimates as table_of

EFFECTS = (0.5, 0.53, 0.55, 0.6)  # true shares whose power the report shows; the paper's among them


def judge_pairs(
    *,
    pairs: Path,
    key: Path,
    persons_key: Path,
    responses: Path,
    familiar: Path,
    raters: Path,
    realism: Path,
    estimates: Path,
    summary: Path,
    study: str,
    makers: list[str],
    attention_threshold: float,
    least_pixels: int | None,
    own_side: OwnSide,
    simulation: Simulation,
    intervals: Intervals,
    seed: int,
) -> None:
    """Unblind the answers (RESPONSES, FAMILIAR) by the keys; write ESTIMATES and facts as JSON.

    Whoever passed fewer than a share `attention_threshold` of their attention pairs is left out of
    all but the preferences "of everybody", and answers on pictures of fewer than `least_pixels` out
    of all; what was not noted stays. Preferences are those of the first of `makers`, whose
    `realism` is theirs; others stand beside it. The truth of simulated answers is `simulation`. A
    `DataError` names an answer without a key.
    """
    asked, keys = read_table(pairs, PAIRS), read_table(key, KEY)
    rules = attention_threshold, least_pixels
    answers, attended, facts = _unblinded(asked, keys, responses, *rules)
    known = recognised(read_table(familiar, FAMILIAR), read_table(persons_key, PERSONS_KEY))
    controls, confidence = in_order(set(asked["control"])), intervals.confidence
    trusted, each, untouched, compared, everybody = _parts(answers, facts["excluded"], makers[0])
    main, adjusted = _models(compared, known, controls)
    rng = generator(seed, "judge_estimates")
    rows = [
        *_modelled(main, model(everybody, controls), adjusted, confidence),
        *without_baseline(compared, untouched, controls, confidence),
        *_at_large(compared, everybody, controls, confidence),
        *by_own_side(compared, read_table(raters, RATERS), controls, own_side.fewest, confidence),
        *_by_criterion(compared, controls, confidence),
        *_raw(compared, controls, rng, confidence),
        *familiarities(known, facts["excluded"], confidence),
        *_worth(trusted, each, rng, confidence),
        *_by_maker(each, makers, controls, confidence),
        *_by_seed(compared, read_table(realism, ESTIMATES), rng, confidence),
        *_power(main.sizes, seed, confidence),
    ]
    if facts["simulated"]:
        rows = with_truths(rows, simulation, main.controls)
    write_table(table_of(rows, study), estimates, ESTIMATES)
    participants = _participants(keys, asked, answers, attended)
    facts |= {
        **{"answers": len(each), "originals": len(untouched), "makers": makers},
        **{"agreement_pairs": len(votes(each)), "participants": participants},
        **{"model": main.summary, "adjusted": adjusted.summary},
        "asked": sum(one["asked"] for one in participants.values()),
    }
    write_json(facts, summary)


def _unblinded(
    asked: pd.DataFrame,
    keys: pd.DataFrame,
    place: Path,
    attention_threshold: float,
    least_pixels: int | None,
) -> tuple[pd.DataFrame, dict[str, Any], dict[str, Any]]:
    """Answers on pictures that were large enough; how each participant attended; facts for JSON."""
    given = read_table(place, RESPONSES)
    small = given["pixels"] < (least_pixels or 0)
    if small.all() and len(given):
        raise DataError(
            f"{place}: all {len(given)} answers were given on pictures of fewer than"
            f" {least_pixels} pixels (judge.least_pixels), so there is nothing to estimate"
        )
    answers = unblind(asked, keys, given[~small], place)
    attended = attention(answers, attention_threshold)
    facts = {
        "simulated": bool(given["simulated"].any()),
        "attention_threshold": attention_threshold,
        "excluded": [name for name, passed in attended.items() if passed["excluded"]],
        "least_pixels": least_pixels,
        "small": int(small.sum()),
        "unsized": int(given["pixels"].isna().sum()),
    }
    return answers, attended, facts


def _by_seed(
    compared: pd.DataFrame, realism: pd.DataFrame, rng: np.random.Generator, confidence: float
) -> Iterator[dict[str, Any]]:
    """The log odds by seed and attribute, and how measures of realism go with them."""
    odds = log_odds(compared)
    yield from odds
    yield from correlations(odds, realism, rng, confidence)


def in_order(controls: Iterable[str]) -> list[str]:
    """The values of the control: male before female, as the paper prints them; else by name."""
    first = {name: position for position, name in enumerate(GENDERS)}
    return sorted(controls, key=lambda value: (first.get(value, len(first)), value))


def _modelled(
    main: Model, everybody: Model, adjusted: Model, confidence: float
) -> Iterator[dict[str, Any]]:
    """The preference with what could have been found, of everybody, and adjusted."""
    yield from preferences(main, "preference", confidence, metric="choice")
    yield from absences(main, confidence)
    yield from effects(main, confidence)
    yield from preferences(everybody, "preference of everybody", confidence)
    yield from preferences(adjusted, "adjusted preference", confidence)
    yield from effects(adjusted, confidence)


def _parts(answers: pd.DataFrame, excluded: list[str], maker: str) -> tuple[pd.DataFrame, ...]:
    """Answers of those who look: all, of outputs, of originals, of one maker; and everybody's."""
    trusted = answers[~answers["participant"].isin(excluded)]
    each, untouched = (trusted[trusted["kind"] == kind] for kind in ("compared", "originals"))
    everybody = answers[(answers["kind"] == "compared") & (answers["maker"] == maker)]
    compared = everybody[~everybody["participant"].isin(excluded)]
    return trusted, each, untouched, compared, everybody


def _models(
    compared: pd.DataFrame, known: pd.DataFrame, controls: list[str]
) -> tuple[Model, Model]:
    """The model of the answers that are `compared`, and as if both persons were equally known."""
    adjusted = model(with_known(compared, known), controls, covariate="knew_more")
    return model(compared, controls), adjusted


def _at_large(
    compared: pd.DataFrame, everybody: pd.DataFrame, controls: list[str], confidence: float
) -> Iterator[dict[str, Any]]:
    """The preference of people at large, without the careless and with them."""
    yield from at_large(compared, controls, "preference at large", confidence)
    yield from at_large(everybody, controls, "preference at large of everybody", confidence)


def _by_maker(
    compared: pd.DataFrame, makers: list[str], controls: list[str], confidence: float
) -> Iterator[dict[str, Any]]:
    """The preference of all between outputs of each of several makers, and what they differ by.

    Everybody saw as many pairs of each maker with either value of the control, so makers are told
    apart as values of the control are.
    """
    if len(makers) == 1:
        return
    for maker in makers:
        theirs = model(compared[compared["maker"] == maker], controls)
        for row in preferences(theirs, "preference by maker", confidence):
            if row["group"] == ALL:
                yield {**row, "model": maker}
    both = model(compared.assign(control=compared["maker"]), makers)
    apart = [row for row in effects(both, confidence) if row["quantity"] == "preference difference"]
    for row, p in zip(apart, holm([row["p"] for row in apart]), strict=True):
        tested = {"adjusted_p": float(p), "family": "makers"}
        names = {"model": group_values(row["group"])["control"], "group": ALL}
        yield {**row, **names, **tested, "quantity": "preference difference by maker"}


def _worth(
    trusted: pd.DataFrame, compared: pd.DataFrame, rng: np.random.Generator, confidence: float
) -> Iterator[dict[str, Any]]:
    """Whether the answers can be trusted: repeats, agreement, times."""
    yield consistency(trusted, confidence)
    yield from agreement(votes(compared), rng, confidence)
    yield from response_times(compared)


def _by_criterion(
    compared: pd.DataFrame, controls: list[str], confidence: float
) -> Iterator[dict[str, Any]]:
    """The preference of all by each criterion alone that was asked for."""
    for name in CRITERIA:
        given = compared.dropna(subset=[name])
        answers = given.assign(chose_in=(given[name] == "left") == given["in_left"])
        rows = preferences(model(answers, controls), "preference", confidence, metric=name)
        yield from (row for row in rows if row["group"] == ALL)


def _raw(
    compared: pd.DataFrame, controls: list[str], rng: np.random.Generator, confidence: float
) -> Iterator[dict[str, Any]]:
    """Raw preferences by value of the control, and of all; and with participants resampled too."""
    yield from raw_shares(compared, controls)
    parts = {
        group_name({"control": value}): compared[compared["control"] == value] for value in controls
    }
    for group, theirs in {**parts, ALL: compared}.items():
        if len(theirs):
            interval = participant_bootstrap(theirs, rng, confidence)
            yield {"quantity": "participant bootstrap", "group": group, **interval}


def _participants(
    key: pd.DataFrame,
    pairs: pd.DataFrame,
    answers: pd.DataFrame,
    attended: dict[str, dict[str, Any]],
) -> dict[str, dict[str, Any]]:
    """By participant: pairs to compare, answers to them, and attention pairs (None: no answer).

    Of a list that nobody answered, too, by the name of the list.
    """
    compared = set(key["pair_id"][key["kind"] == "compared"])
    asked = pairs["participant"][pairs["pair_id"].isin(compared)].value_counts()
    answered = answers["participant"][answers["kind"] == "compared"].value_counts()
    names = {str(name) for name in answers["participant"]}
    names |= set(asked.index) - {list_of(name) for name in names}
    return {
        str(name): {
            "asked": int(asked[list_of(name)]),
            "answers": int(answered.get(name, 0)),
            "attention": attended.get(str(name)),
        }
        for name in sorted(names)
    }


def _power(sizes: Mapping[str, Size], seed: int, confidence: float) -> Iterator[dict[str, Any]]:
    """Of each test that is printed, at its own size, for some true shares."""
    for group, size in sizes.items():
        if not size.answers:
            continue
        design = {"participants": size.participants, "persons": max(size.persons, 2)}
        pairs = max(size.answers // size.participants, 1)
        for true in EFFECTS:
            found = power(true, pairs=pairs, seed=seed, confidence=confidence, **design)
            of = {"group": group, "share": true, "answers": pairs * size.participants}
            yield {"quantity": "power", "estimate": found["power"], **of, **design}
