"""People's answers on the pairs, checked; or simulated ones, marked so."""

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from facegap import seeds, tables
from facegap.errors import ConfigError, DataError
from facegap.files import read_json

log = logging.getLogger(__name__)
CRITERIA = ("realism", "transfer", "identity")
DATABASES = (".sqlite", ".sqlite3", ".db")


def simulate_responses(
    pairs_parquet: str | Path,
    persons_parquet: str | Path,
    key_parquet: str | Path,
    persons_key_parquet: str | Path,
    responses_parquet: str | Path,
    familiar_parquet: str | Path,
    *,
    preference: Mapping[str, float],
    known: Mapping[str, float],
    seed: int,
) -> None:
    """Write answers (RESPONSES, FAMILIAR) of simulated observers to every pair and person.

    `preference` is the chance that one chooses the in-domain output, by value of the control;
    a value without one is a `ConfigError`. `known` is the chance that one knows a person, by side.
    They see every spoiled side, have no side bias and no seconds.
    """
    pairs = _in_order(tables.read(pairs_parquet, tables.PAIRS))
    key = tables.read(key_parquet, tables.KEY).set_index("pair_id")
    key = key.reindex(pairs["pair_id"]).reset_index()
    if unknown := sorted(set(pairs["control"]) - set(preference)):
        raise ConfigError(
            f"judge.simulated: no preference for {unknown[0]!r}; it has {', '.join(preference)}"
        )
    chance = pairs["control"].map(preference).to_numpy(dtype=float)
    luck = _luck(seed, "responses", pairs["participant"])
    left = (luck < chance) == (key["left_domain"] == "in-domain").to_numpy()
    left = np.where(key["degraded"].notna(), key["degraded"] == "right", left)
    responses = pairs[["pair_id", "participant"]].assign(
        choice=np.where(left, "left", "right"),
        **dict.fromkeys(CRITERIA),
        seconds=np.nan,
        simulated=True,
    )
    persons = tables.read(persons_parquet, tables.PERSONS).sort_values(["participant", "position"])
    domain = persons["person_id"].map(
        tables.read(persons_key_parquet, tables.PERSONS_KEY).set_index("person_id")["domain"]
    )
    knew = _luck(seed, "familiar", persons["participant"]) < domain.map(known).to_numpy(float)
    familiar = persons[["person_id", "participant"]].assign(known=knew, simulated=True)
    tables.write(responses, responses_parquet, tables.RESPONSES, {"simulated": "True"})
    tables.write(familiar, familiar_parquet, tables.FAMILIAR, {"simulated": "True"})
    log.info("%d simulated answers", len(responses))


def read_responses(
    answers: str | Path,
    familiarity: str | Path | None,
    pairs_parquet: str | Path,
    persons_parquet: str | Path,
    sheet_json: str | Path,
    responses_parquet: str | Path,
    familiar_parquet: str | Path,
) -> None:
    """Check people's answers and write them (RESPONSES, FAMILIAR) in the order of the pairs.

    `answers` is the database of `facegap judge serve` (SQLite), or a CSV with the columns
    pair_id, participant, choice (left or right) and, if known, seconds and the criteria; what
    `facegap judge export` writes is one. `familiarity` is a CSV of person_id, participant, known.
    Participants may have stopped half-way; they are counted. Raises `DataError` at missing
    columns, no answers, an unknown pair or choice, another participant than the pair's, two
    answers to a pair, seconds that are none, answers of another study, and of one not closed.
    """
    pairs = _in_order(tables.read(pairs_parquet, tables.PAIRS))
    persons = tables.read(persons_parquet, tables.PERSONS)
    if str(answers).endswith(DATABASES):
        given, knew = _from_database(answers)
    else:
        given = _csv(answers, ("pair_id", "participant", "choice"))
        knew = None
        if familiarity:
            knew = _csv(familiarity, ("person_id", "participant", "known"), empty=True)
    _check_study(given, answers, read_json(sheet_json)["pairs"])
    if given.empty:
        raise DataError(f"{answers}: no answers")
    given = _values(given, answers)
    _check_owner(given, "pair_id", pairs, answers, pairs_parquet)
    responses = given.set_index("pair_id").reindex(pairs["pair_id"]).dropna(subset=["choice"])
    responses = responses.reset_index().assign(simulated=False)
    for participant, theirs in pairs.groupby("participant"):
        count = int((responses["participant"] == participant).sum())
        log.info("%s answered %d of %d pairs", participant, count, len(theirs))
    tables.write(responses[list(tables.RESPONSES.columns)], responses_parquet, tables.RESPONSES)
    if knew is None:
        knew = pd.DataFrame(columns=["person_id", "participant", "known"])
    place = familiarity or answers
    _check_study(knew, place, read_json(sheet_json)["pairs"])
    truth = knew["known"].astype(str).str.lower()
    _refuse(
        knew, ~truth.isin(["true", "false"]), "known", f"{place}: neither true nor false: known"
    )
    _check_owner(knew, "person_id", persons, place, persons_parquet)
    familiar = knew.assign(known=truth == "true", simulated=False)
    tables.write(familiar[list(tables.FAMILIAR.columns)], familiar_parquet, tables.FAMILIAR)


def _from_database(path: str | Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Answers and persons known, as text, of the SQLite file at `path`."""
    from facegap.judge.study import META, exported  # the database is needed here alone
    from facegap.web.store import connect

    if not Path(path).is_file():
        raise DataError(f"{path}: no such database")
    engine = connect(path, META)
    try:
        answers, familiar = exported(engine)
    finally:
        engine.dispose()
    return answers.astype(object).where(answers.notna(), ""), familiar


def _csv(path: str | Path, needed: tuple[str, ...], *, empty: bool = False) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:  # pandas' errors are among these
        raise DataError(f"{path}: not readable as CSV: {error}") from error
    if missing := [name for name in needed if name not in table]:
        raise DataError(f"{path}: no column {missing[0]}; it has {', '.join(table.columns)}")
    if table.empty and not empty:
        raise DataError(f"{path}: no answers")
    return table


def _check_study(table: pd.DataFrame, path: str | Path, pairs: str) -> None:
    """Answers that say which study they are of must be of this one, and it must be closed."""
    if "study" in table:
        _refuse(table, table["study"] != pairs, "study", f"{path}: answers of another study:")
    if "closed" in table and (table["closed"].astype(str).str.lower() != "true").any():
        raise DataError(
            f"{path}: the study is not closed, and answers are not unblinded before it is: run"
            " `facegap judge close`, and export again"
        )


def _values(answers: pd.DataFrame, path: str | Path) -> pd.DataFrame:
    """`answers` with choices that are ones, and seconds as numbers."""
    for name in ("choice", *CRITERIA):
        if name not in answers:
            answers = answers.assign(**{name: ""})
        allowed = ["left", "right"] if name == "choice" else ["left", "right", ""]
        wrong = ~answers[name].isin(allowed)
        _refuse(answers, wrong, name, f"{path}: neither left nor right: {name}")
    answers = answers.assign(**{c: answers[c].replace("", None) for c in CRITERIA})
    if "seconds" not in answers:
        return answers.assign(seconds=np.nan)
    seconds = pd.to_numeric(answers["seconds"], errors="coerce")
    wrong = (seconds.isna() & (answers["seconds"] != "")) | (seconds < 0) | np.isinf(seconds)
    _refuse(answers, wrong, "seconds", f"{path}: no time in seconds:")
    return answers.assign(seconds=seconds)


def _check_owner(
    answers: pd.DataFrame, name: str, asked: pd.DataFrame, path: str | Path, place: str | Path
) -> None:
    """Every answer is to something that its participant was asked, and the only one to it."""
    what = name.removesuffix("_id")
    owner = answers[name].map(asked.set_index(name)["participant"])
    _refuse(answers, owner.isna(), name, f"{path}: unknown in {place}: {what}")
    wrong = owner != answers["participant"]
    _refuse(answers, wrong, "participant", f"{path}: answers to {what}s that were not theirs, by")
    _refuse(answers, answers[name].duplicated(), name, f"{path}: two answers to {what}")


def _refuse(answers: pd.DataFrame, wrong: "pd.Series[bool]", column: str, message: str) -> None:
    """A `DataError` of `message`, the first wrong value, its line, and how many there are."""
    if wrong.any():
        line = int(np.flatnonzero(wrong)[0])
        raise DataError(
            f"{message} {answers[column].iloc[line]!r} (line {line + 2}; {int(wrong.sum())} such"
            " lines)"
        )


def _luck(seed: int, what: str, participants: "pd.Series[str]") -> np.ndarray:
    """Uniform numbers (n,), a stream of its own for each participant, who stand together."""
    if participants.empty:
        return np.zeros(0)
    return np.concatenate(
        [
            seeds.generator(seed, "judge", what, str(name)).random(len(theirs))
            for name, theirs in participants.groupby(participants, sort=False)
        ]
    )


def _in_order(pairs: pd.DataFrame) -> pd.DataFrame:
    return pairs.sort_values(["participant", "position"], ignore_index=True)
