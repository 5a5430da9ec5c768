"""People's answers on the pairs, checked; or simulated ones, marked so."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd

from facegap.errors import ConfigError, DataError, listed, shown
from facegap.files import read_json
from facegap.participants import list_of
from facegap.seeds import generator
from facegap.settings.judge import OwnSide, Simulation
from facegap.spreadsheets import as_flags, as_numbers, read_csv
from facegap.tables.base import SIDES, as_meant, read_table, write_table
from facegap.tables.judge import (
    CRITERIA,
    FAMILIAR,
    KEY,
    PAIRS,
    PERSONS,
    PERSONS_KEY,
    RATERS,
    RESPONSES,
)

log = logging.getLogger(__name__)
LINE = "line"  # name of the index of answers that come from a CSV


def simulate_responses(
    *,
    pairs: Path,
    persons: Path,
    key: Path,
    persons_key: Path,
    responses: Path,
    familiar: Path,
    raters: Path,
    settings: Simulation,
    seed: int,
) -> None:
    """Write answers (RESPONSES, FAMILIAR) of simulated participants to every pair and person.

    They have no side of their own (RATERS).

    They choose the in-domain output, and know a person, with the probabilities of `settings`; a
    value of the control without one is a `ConfigError`. They see every spoiled image, do not
    favour left or right, and have neither seconds nor pixels.
    """
    asked = _in_order(read_table(pairs, PAIRS))
    about = read_table(key, KEY).set_index("pair_id").reindex(asked["pair_id"]).reset_index()
    if unknown := sorted(set(asked["control"]) - set(settings.preference)):
        raise ConfigError(
            f"judge.simulation.preference: none for {unknown[0]!r}; it has"
            f" {', '.join(settings.preference)}"
        )
    preference = asked["control"].map(settings.preference).to_numpy(dtype=float)
    preference = np.where(about["kind"] == "originals", settings.liking, preference)
    luck = _luck(seed, "simulated_responses", asked["participant"])
    left = (luck < preference) == (about["left_domain"] == "in-domain").to_numpy()
    left = np.where(about["degraded"].notna(), about["degraded"] == "right", left)
    answers = asked[["pair_id", "participant"]].assign(
        choice=np.where(left, "left", "right"),
        **dict.fromkeys(CRITERIA),
        seconds=np.nan,
        pixels=np.nan,
        simulated=True,
    )
    shown = read_table(persons, PERSONS).sort_values(["participant", "position"])
    domains = read_table(persons_key, PERSONS_KEY).set_index("person_id")["domain"]
    chance = shown["person_id"].map(domains).map(settings.familiarity.model_dump())
    luck = _luck(seed, "simulated_familiarity", shown["participant"])
    known = shown[["person_id", "participant"]].assign(
        known=luck < chance.to_numpy(float), simulated=True
    )
    write_table(answers, responses, RESPONSES, {"simulated": "True"})
    write_table(known, familiar, FAMILIAR, {"simulated": "True"})
    write_table(pd.DataFrame(columns=list(RATERS.columns)), raters, RATERS)
    log.info("%d simulated answers", len(answers))


def read_responses(
    *,
    answers: Path,
    familiarity: Path | None,
    own_sides: Path | None,
    pairs: Path,
    persons: Path,
    sheet: Path,
    responses: Path,
    familiar: Path,
    raters: Path,
    settings: OwnSide,
) -> None:
    """Check people's answers and write them (RESPONSES, FAMILIAR) in the order of the pairs.

    Apart from them, the side of who said one (RATERS), where enough did by the `settings`.

    `answers` is the database of `facegap judge serve` (SQLite), or a CSV with the columns
    pair_id, participant, choice (left or right) and, if known, seconds, pixels and the criteria;
    what `facegap judge export` writes is one. `familiarity` is a CSV of person_id, participant,
    known, and `own_sides` one of participant and side.
    Participants may have stopped half-way; they are counted. Raises `DataError` at missing
    columns, no answers, an unknown pair or choice, another participant than the pair's, two
    answers to a pair, seconds or pixels that are none, answers of another study, and of one not
    closed.
    """
    asked = _in_order(read_table(pairs, PAIRS))
    given, known = _given(answers, familiarity)
    digest = read_json(sheet)["pairs"]
    _check_study(given, answers, digest)
    if given.empty:
        raise DataError(f"{answers}: no answers")
    given = _values(given, answers)
    _check_owner(given, "pair_id", asked, answers, pairs)
    given = _as_asked(given, asked).assign(simulated=False)
    pairs_of = asked["participant"].value_counts()
    for participant, theirs in given.groupby("participant"):
        total = pairs_of[list_of(str(participant))]
        log.info("%s answered %d of %d pairs", participant, len(theirs), total)
    place = familiarity or answers
    _check_study(known, place, digest)
    words = as_flags(known["known"].astype("str"))
    neither = ~words.isin(["1", "0"])
    _refuse(known, neither, "known", f"{place}: neither true nor false: known")
    _check_owner(known, "person_id", read_table(persons, PERSONS), place, persons)
    known = known.assign(known=words == "1", simulated=False)
    write_table(given[list(RESPONSES.columns)], responses, RESPONSES)
    write_table(known[list(FAMILIAR.columns)], familiar, FAMILIAR)
    write_table(_own_sides(answers, own_sides, settings), raters, RATERS)


def _given(answers: Path, familiarity: Path | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Answers, and persons known, as texts, of a database or of CSV files."""
    if answers.suffix.lower() != ".csv":
        from facegap.people.comparing.answers import read_database  # loads SQLAlchemy

        given, known = read_database(answers)
        return given.astype(object).where(given.notna(), ""), known
    given = _csv(answers, ("pair_id", "participant", "choice"))
    columns = ("person_id", "participant", "known")
    if familiarity:
        return given, _csv(familiarity, columns, empty=True)
    return given, pd.DataFrame(columns=columns)


def _own_sides(answers: Path, place: Path | None, settings: OwnSide) -> pd.DataFrame:
    """Participants' own sides (RATERS), of a database or a CSV; of few, none."""
    from facegap.people.comparing.answers import read_raters, without_few  # loads SQLAlchemy

    if place is None and answers.suffix.lower() == ".csv":
        return pd.DataFrame(columns=list(RATERS.columns))
    if place is None:
        return read_raters(answers, settings.answers, settings.fewest)
    given = _csv(place, ("participant", "side"), empty=True)[["participant", "side"]]
    for column, wrong in (
        ("side", ~given["side"].isin(SIDES)),
        ("participant", given["participant"].duplicated()),
    ):
        if wrong.any():
            first = given[wrong].iloc[0]
            words = "is no side" if column == "side" else "stands twice"
            raise DataError(f"{place}: line {first.name}: {shown(first[column])} {words}")
    return without_few(given, settings.fewest)


def _csv(path: Path, needed: tuple[str, ...], *, empty: bool = False) -> pd.DataFrame:
    table = as_meant(read_csv(path)).fillna("").rename_axis(index=LINE)
    if missing := [name for name in needed if name not in table]:
        raise DataError(f"{path}: no column {missing[0]}; it has {listed(table.columns)}")
    if table.empty and not empty:
        raise DataError(f"{path}: no answers")
    return table


def _check_study(table: pd.DataFrame, path: Path, pairs: str) -> None:
    """Answers that say which study they are of must be of this one, and it must be closed."""
    if "study" in table:
        _refuse(table, table["study"] != pairs, "study", f"{path}: answers of another study:")
    if "closed" in table and (as_flags(table["closed"].astype("str")) != "1").any():
        raise DataError(
            f"{path}: the study is not closed, and answers are not unblinded before it is: run"
            " `facegap judge close`, and export again"
        )


def _as_asked(answers: pd.DataFrame, asked: pd.DataFrame) -> pd.DataFrame:
    """`answers` by list, then by who had it, then in the order of the pairs."""
    place = pd.Series(range(len(asked)), index=asked["pair_id"])
    order = pd.DataFrame(
        {
            "list": answers["participant"].map(list_of),
            "participant": answers["participant"],
            "place": answers["pair_id"].map(place),
        }
    )
    return answers.loc[order.sort_values(list(order.columns)).index].reset_index(drop=True)


def _values(answers: pd.DataFrame, path: Path) -> pd.DataFrame:
    """`answers` with choices that are ones, and seconds and pixels as numbers."""
    for name in ("choice", *CRITERIA):
        if name not in answers:
            answers = answers.assign(**{name: ""})
        allowed = ["left", "right"] if name == "choice" else ["left", "right", ""]
        wrong = ~answers[name].isin(allowed)
        _refuse(answers, wrong, name, f"{path}: neither left nor right: {name}")
    answers = answers.assign(**{c: answers[c].replace("", None) for c in CRITERIA})
    for name, words in (("seconds", "time in seconds"), ("pixels", "width in pixels")):
        if name not in answers:
            answers = answers.assign(**{name: np.nan})
            continue
        number = as_numbers(answers[name])
        wrong = (number.isna() & (answers[name] != "")) | (number < 0) | np.isinf(number)
        _refuse(answers, wrong, name, f"{path}: no {words}:")
        answers = answers.assign(**{name: number})
    return answers


def _check_owner(
    answers: pd.DataFrame, name: str, asked: pd.DataFrame, path: Path, place: Path
) -> None:
    """Every answer is to something on its participant's list, and their only one to it."""
    what = name.removesuffix("_id")
    owner = answers[name].map(asked.set_index(name)["participant"])
    _refuse(answers, owner.isna(), name, f"{path}: unknown in {place}: {what}")
    wrong = owner != answers["participant"].map(list_of)
    _refuse(answers, wrong, "participant", f"{path}: answers to {what}s that were not theirs, by")
    again = answers.duplicated([name, "participant"])
    _refuse(answers, again, name, f"{path}: two answers to {what}")


def _refuse(answers: pd.DataFrame, wrong: "pd.Series[bool]", column: str, message: str) -> None:
    """A `DataError` of `message`, the first wrong value, where it stands, and how many there are.

    It stands in a line of a CSV; in a database it is somebody's answer to something.
    """
    if wrong.any():
        first = answers[wrong].iloc[0]
        item = first["pair_id" if "pair_id" in first else "person_id"]
        named = f"the answer of {shown(first['participant'])} to {shown(item)}"
        at = f"line {first.name}" if answers.index.name == LINE else named
        raise DataError(f"{message} {shown(first[column])} ({at}; {int(wrong.sum())} such answers)")


def _luck(seed: int, stream: str, participants: "pd.Series[str]") -> np.ndarray:
    """Uniform numbers (n,), a stream of its own for each participant, who stand together."""
    if participants.empty:
        return np.zeros(0)
    return np.concatenate(
        [
            generator(seed, stream, participant=str(name)).random(len(theirs))
            for name, theirs in participants.groupby(participants, sort=False)
        ]
    )


def _in_order(pairs: pd.DataFrame) -> pd.DataFrame:
    return pairs.sort_values(["participant", "position"], ignore_index=True)
