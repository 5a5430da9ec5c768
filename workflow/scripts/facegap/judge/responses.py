"""People's answers on the pairs, checked; or simulated ones, marked so."""

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from facegap import seeds, tables
from facegap.errors import ConfigError, DataError

log = logging.getLogger(__name__)


def simulate_responses(
    pairs_parquet: str | Path,
    key_parquet: str | Path,
    responses_parquet: str | Path,
    *,
    preference: Mapping[str, float],
    seed: int,
) -> None:
    """Write answers (RESPONSES) of simulated observers to every pair (PAIRS).

    `preference` is the chance that one chooses the in-domain output, by value of the control;
    a value without one is a `ConfigError`. They have no side bias and no seconds.
    """
    pairs = _in_order(tables.read(pairs_parquet, tables.PAIRS))
    key = tables.read(key_parquet, tables.KEY).set_index("pair_id")["left_domain"]
    if unknown := sorted(set(pairs["control"]) - set(preference)):
        raise ConfigError(
            f"judge.simulated: no preference for {unknown[0]!r}; it has {', '.join(preference)}"
        )
    chance = pairs["control"].map(preference).to_numpy(dtype=float)
    luck = np.concatenate(
        [
            seeds.generator(seed, "judge", "responses", str(participant)).random(len(theirs))
            for participant, theirs in pairs.groupby("participant", sort=False)
        ]
    )
    left = (luck < chance) == (pairs["pair_id"].map(key) == "in-domain")
    responses = pairs[["pair_id", "participant"]].assign(
        choice=np.where(left, "left", "right"), seconds=np.nan, simulated=True
    )
    tables.write(responses, responses_parquet, tables.RESPONSES, {"simulated": "True"})
    log.info("%d simulated answers", len(responses))


def read_responses(
    answers_csv: str | Path, pairs_parquet: str | Path, responses_parquet: str | Path
) -> None:
    """Check people's answers and write them (RESPONSES) in the order of the pairs (PAIRS).

    `answers_csv` has the columns pair_id, participant, choice (left or right) and, if known,
    seconds. Participants may have stopped half-way; they are counted. Raises `DataError` at
    missing columns, no answers, an unknown pair or choice, another participant than the pair's,
    two answers to a pair, and seconds that are none.
    """
    pairs = _in_order(tables.read(pairs_parquet, tables.PAIRS))
    answers = _read(answers_csv)
    asked = answers["pair_id"].map(pairs.set_index("pair_id")["participant"])
    _refuse(answers, asked.isna(), "pair_id", f"{answers_csv}: unknown in {pairs_parquet}: pair")
    _refuse(
        answers,
        asked != answers["participant"],
        "participant",
        f"{answers_csv}: answers to pairs that were not theirs, by",
    )
    _refuse(
        answers, answers["pair_id"].duplicated(), "pair_id", f"{answers_csv}: two answers to pair"
    )
    responses = answers.set_index("pair_id").reindex(pairs["pair_id"]).dropna(subset=["choice"])
    responses = responses.reset_index().assign(simulated=False)
    for participant, theirs in pairs.groupby("participant"):
        given = int((responses["participant"] == participant).sum())
        log.info("%s answered %d of %d pairs", participant, given, len(theirs))
    tables.write(responses[list(tables.RESPONSES.columns)], responses_parquet, tables.RESPONSES)


def _read(path: str | Path) -> pd.DataFrame:
    try:
        answers = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:  # pandas' errors are among these
        raise DataError(f"{path}: not readable as CSV: {error}") from error
    if missing := [c for c in ("pair_id", "participant", "choice") if c not in answers]:
        raise DataError(f"{path}: no column {missing[0]}; it has {', '.join(answers.columns)}")
    if answers.empty:
        raise DataError(f"{path}: no answers")
    _refuse(
        answers,
        ~answers["choice"].isin(["left", "right"]),
        "choice",
        f"{path}: neither left nor right: choice",
    )
    if "seconds" not in answers:
        return answers.assign(seconds=np.nan)
    seconds = pd.to_numeric(answers["seconds"], errors="coerce")
    wrong = (seconds.isna() & (answers["seconds"] != "")) | (seconds < 0) | np.isinf(seconds)
    _refuse(answers, wrong, "seconds", f"{path}: no time in seconds:")
    return answers.assign(seconds=seconds)


def _refuse(answers: pd.DataFrame, wrong: "pd.Series[bool]", column: str, message: str) -> None:
    """A `DataError` of `message`, the first wrong value, its line, and how many there are."""
    if wrong.any():
        line = int(np.flatnonzero(wrong)[0])
        raise DataError(
            f"{message} {answers[column].iloc[line]!r} (line {line + 2}; {int(wrong.sum())} such"
            " lines)"
        )


def _in_order(pairs: pd.DataFrame) -> pd.DataFrame:
    return pairs.sort_values(["participant", "position"], ignore_index=True)
