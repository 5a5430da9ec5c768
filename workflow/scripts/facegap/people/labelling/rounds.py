"""The rounds of labelling, and what a round's answers are to the workflow (table ANSWERS).

Three rounds: `labelling` of the sample, `adjudication` of the faces on which annotators differ, and
`verification` of the persons whom no accepted pseudo-label placed.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Engine

from facegap.answers import agreed_side
from facegap.people.engine import (
    Answer,
    Item,
    Seat,
    answers_in,
    items_in,
    record_in,
    seats_in,
)
from facegap.people.web.store import reading
from facegap.people.web.tokens import hashed
from facegap.tables.annotate import ANSWERS

ROUNDS = ("labelling", "adjudication", "verification")
FACE, TRAINING, KNOWN = "face", "training", "known"  # kinds of items


def subject_of(sample: Iterable[str]) -> str:
    """The digest of a sample of faces, which a database of answers is bound to."""
    return hashed("\n".join(sorted(sample)))[:16]


def faces_in(face_ids: Iterable[str]) -> list[Item]:
    """Faces as items, each shown once."""
    return [Item(str(face), 0, FACE) for face in face_ids]


def order_of(faces: "pd.Series[str]", repeated: float, rng: np.random.Generator) -> list[Item]:
    """The faces shuffled, a share `repeated` of them shown again later."""
    first = rng.permutation(faces.sort_values().to_numpy(object))
    n = len(first)
    again = np.sort(rng.choice(n, round(repeated * n), replace=False))
    later = again + 1 + rng.random(len(again)) * (n - again)  # anywhere after the first time
    places = np.concatenate([np.arange(n, dtype=float), later])
    shown = [*faces_in(first), *(Item(str(face), 1, FACE) for face in first[again])]
    return [shown[k] for k in np.argsort(places, kind="stable")]


def with_known(
    order: list[Item], known: Sequence[str], training: int, rng: np.random.Generator
) -> list[Item]:
    """An order of faces with those `known`: the first `training` first, the others anywhere."""
    first = [Item(face, 0, TRAINING) for face in known[:training]]
    checks = [Item(face, 0, KNOWN) for face in known[training:]]
    places = np.concatenate(
        [np.arange(len(order), dtype=float), rng.random(len(checks)) * len(order)]
    )
    mixed = [*order, *checks]
    return first + [mixed[k] for k in np.argsort(places, kind="stable")]


def known_in(connection: Connection, known: Mapping[str, str]) -> pd.DataFrame:
    """The answers on faces whose side is `known`: name, kind, face_id, side, right."""
    table = answers_in(connection, "labelling")
    table = table[table["kind"].isin([TRAINING, KNOWN])]
    table = table.rename(columns={"item": "face_id", "what": "side"})
    right = table["side"] == table["face_id"].map(dict(known))
    return table.assign(right=right)[["name", "kind", "face_id", "side", "right"]]


def answers_of(engine: Engine, of_round: str) -> dict[str, pd.DataFrame]:
    """Everybody's answers in a round (ANSWERS), by name; by face id and showing."""
    with reading(engine) as connection:
        return given_in(connection, of_round)


def given_in(connection: Connection, of_round: str) -> dict[str, pd.DataFrame]:
    """What `answers_of` gives, in a transaction that is under way."""
    table = answers_in(connection, of_round)
    table = table[table["kind"] == FACE]
    tentative = [bool(details.get("tentative")) for details in table["details"]]
    table = table.rename(columns={"item": "face_id", "what": "side"}).assign(tentative=tentative)
    types = {"face_id": "str", "side": "str", "showing": "int64"}
    table = table.astype(types).astype({"tentative": bool}).sort_values(["face_id", "showing"])
    columns = list(ANSWERS.columns)
    return {
        seat.name: table.loc[table["name"] == seat.name, columns].reset_index(drop=True)
        for seat in seats_in(connection, of_round)
    }


def written_of(
    answers: Mapping[str, pd.DataFrame], of_round: str, each: int | None = None
) -> dict[str, pd.DataFrame]:
    """Everybody's `answers` in a round, as the workflow takes them.

    Of the labelling, faces that everybody has answered, or as many as `each` is to have; of the
    adjudication, those with a side.
    """
    if of_round == "adjudication":
        return {name: table[table["side"] != "unsure"] for name, table in answers.items()}
    if of_round == "verification":
        return dict(answers)
    count = _first(answers).notna().sum(axis=1)
    enough = count.index[count >= (each or len(answers))]
    return {name: table[table["face_id"].isin(enough)] for name, table in answers.items()}


def differing(answers: Mapping[str, pd.DataFrame], each: int | None = None) -> list[str]:
    """Faces that all have answered (or as many as `each` is to have), not all with one side."""
    together = _first(answers)
    together = together[together.notna().sum(axis=1) >= (each or len(answers))]
    return sorted(together.index[agreed_side(together).isna()])


def wanting(answers: Mapping[str, pd.DataFrame], faces: Iterable[str], each: int) -> int:
    """How many of the `faces` have fewer answers than `each` is to have."""
    count = _first(answers).notna().sum(axis=1).reindex(sorted(set(faces)), fill_value=0)
    return int((count < each).sum())


def _first(answers: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """First answers as (faces, annotators), missing where somebody gave none."""
    first = {
        name: table[table["showing"] == 0].set_index("face_id")["side"]
        for name, table in answers.items()
    }
    return pd.DataFrame(first, dtype=object)


def bring_in(connection: Connection, seat: Seat, answers: pd.DataFrame) -> int:
    """Store answers (ANSWERS) that were given elsewhere; how many were new.

    A `ConflictError` names a face that has another answer here, a `DataError` one that is not
    shown to the seat. A second answer to a face that is shown once is left out.
    """
    shown = {(item.item, item.showing) for item in items_in(connection, seat)}
    given = [
        Answer(row["face_id"], row["side"], row["showing"], None, {"tentative": row["tentative"]})
        for row in answers.to_dict("records")
        if row["showing"] == 0 or (row["face_id"], row["showing"]) in shown
    ]
    return record_in(connection, seat, *given)
