"""Answers of people on faces: read from their files, and several people's merged into one label.

A file is facegap's own CSV, anybody else's CSV, or an export of Label Studio (JSON, JSON-MIN).
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from facegap.errors import DataError, listed, shown
from facegap.pictures import face_ids
from facegap.settings.annotate import Person, Tentative
from facegap.spreadsheets import as_flags, read_csv
from facegap.tables.annotate import ANSWERS
from facegap.tables.base import SIDES, as_meant
from facegap.texts import read_text

CHOICES = (*SIDES, "unsure")
HALF = re.compile("[\ud800-\udfff]")
YES, NO = ("1", "yes"), ("", "0", "no")


def read_answers(
    path: str | Path, person: Person, faces: pd.DataFrame, *, needed: bool = True
) -> pd.DataFrame:
    """The answers (ANSWERS) of `person` on `faces` (FACES), by face id and showing.

    The file at `path` names a face by its id or its picture (`facegap.pictures`). A `DataError`
    names a file that cannot be read, or holds no answers where they are `needed`, a missing column,
    the line of an unknown word or face, and faces that are answered more than once.
    """
    read = _label_studio if Path(path).suffix.lower() == ".json" else _csv
    rows = read(path, person)
    if rows.empty and not needed:
        return pd.DataFrame(columns=list(ANSWERS.columns))
    if rows.empty:
        raise DataError(f"{path}: no answers")
    rows = _of_one_annotator(rows, path, person)
    side_of = _side_of(person)
    unknown = rows[~rows["side"].isin(side_of)]
    if len(unknown):
        first = unknown.iloc[0]
        raise DataError(
            f"{path}: {first['place']}, face {shown(first['face_id'])}: {shown(first['side'])} is"
            f" none of {listed(side_of)}"
        )
    rows["side"] = rows["side"].map(side_of)
    found = rows["face_id"].map(face_ids(rows["face_id"], faces, path))
    if found.isna().any():
        first, strange = rows[found.isna()].iloc[0], rows["face_id"][found.isna()].unique()
        raise DataError(
            f"{path}: {first['place']}: {shown(first['face_id'])} is neither the id nor the picture"
            f" of a face of the data set (so are {len(strange)} in all); its first has the id"
            f" {shown(faces['face_id'].iloc[0])} and the picture {shown(faces['path'].iloc[0])}"
        )
    rows["face_id"] = found.astype("str")
    twice = rows["face_id"][rows.duplicated(["face_id", "showing"])].unique()
    if len(twice):
        raise DataError(f"{path}: more than one answer for {few(twice)}; keep one")
    rows = rows.sort_values(["face_id", "showing"], ignore_index=True)
    return rows[list(ANSWERS.columns)]


def as_given(path: str | Path, person: Person) -> Person:
    """`person`, as far as the file at `path` is the one they gave.

    What closing a round wrote is facegap's own, whatever form the file has that it came from.
    """
    theirs = person.answers is None or str(path).endswith(f"/{person.answers}")
    return person if theirs else Person(answers=Path(path).name)  # data_root may be anywhere


def _side_of(person: Person) -> dict[str, str]:
    """The answer that each word of the person's file stands for."""
    if person.words is None:
        return {name: name for name in CHOICES}
    words = {name: getattr(person.words, name) or [] for name in CHOICES}
    return {str(word): name for name, listed in words.items() for word in listed}


def _columns(person: Person) -> tuple[str, str, str]:
    """Where the person's file has the face, the answer, and whose it is."""
    return (
        person.face or "face_id",
        person.side or "side",
        person.annotator_column or "annotator",
    )


def beside_each_other(
    answers: Mapping[str, pd.DataFrame], places: Mapping[str, str], each: int | None = None
) -> pd.DataFrame:
    """First answers as (faces, annotators), by face id; all have to speak of the same faces.

    Where `each` face is to have so many answers, it may have those of any annotators.
    """
    first = {
        name: table[table["showing"] == 0].set_index("face_id")["side"]
        for name, table in sorted(answers.items())
    }
    together = pd.DataFrame(first).sort_index()
    if each is not None:
        if len(few_answers := together.index[together.notna().sum(axis=1) < each]):
            raise DataError(
                f"{' and '.join(places.values())}: fewer than {each} answers"
                f" (annotate.answers_per_face) on {few(few_answers)}"
            )
        return together
    lacks = {
        name: missing for name in first if len(missing := together.index[together[name].isna()])
    }
    if lacks:
        raise DataError(
            "the annotators differ on the set of faces, and have to label the same: "
            + "; ".join(
                f"{places[name]} lacks {few(faces)} of the {len(together)}"
                for name, faces in lacks.items()
            )
        )
    return together


def sample_of(faces: pd.DataFrame) -> pd.DataFrame:
    """The faces that people label: those of `faces` (FACES) in train and test, by face id."""
    return faces[faces["split"].isin(["train", "test"])].sort_values("face_id", ignore_index=True)


def agreed_side(answers: pd.DataFrame) -> "pd.Series[str]":
    """The side that all of `answers` (faces, annotators) name; missing where they do not.

    Who gave no answer has no say.
    """
    first = answers.bfill(axis=1).iloc[:, 0]
    agreed = (answers.eq(first, axis=0) | answers.isna()).all(axis=1) & first.isin(SIDES)
    return first.where(agreed, None).astype("str")


def few(faces: "pd.Index[str] | Sequence[str] | np.ndarray") -> str:
    """A number of faces, and the first three by name."""
    names = sorted(map(str, faces))
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{len(names)} face{'s' * (len(names) > 1)} ({listed(names[:3])}{more})"


def _csv(path: str | Path, person: Person) -> pd.DataFrame:
    face, side, whose = _columns(person)
    frame = as_meant(read_csv(path))
    for column in (face, side):
        if column not in frame:
            raise DataError(f"{path}: no column {column}; it has {listed(frame.columns)}")
    rows = pd.DataFrame({"face_id": frame[face], "side": frame[side]}, dtype="str").fillna("")
    rows["place"] = [f"line {line}" for line in frame.index]
    rows["annotator"] = frame.get(whose)
    if person.face or person.side:  # somebody else's columns, whatever they are called
        return rows.assign(showing=0, tentative=False)
    rows["showing"] = _numbers(frame, "showing", {"0": 0, "1": 1, "": 0}, path)
    words = {**dict.fromkeys(NO, False), **dict.fromkeys(YES, True)}
    rows["tentative"] = _numbers(frame, "tentative", words, path)
    return rows


def _numbers(
    frame: pd.DataFrame, column: str, known: Mapping[str, int], path: str | Path
) -> "pd.Series[int]":
    """An optional column of a few `known` words, as numbers; without it, the first word's."""
    first = next(iter(known.values()))
    if column not in frame:
        return pd.Series(first, index=frame.index)
    values = as_flags(frame[column].fillna("")).str.lower().map(known)
    for line in values.index[values.isna()]:
        raise DataError(
            f"{path}: line {line}, column {column}: {shown(frame[column][line])} is none of"
            f" {', '.join(word or 'nothing' for word in known)}"
        )
    return values.astype(type(first))


def _label_studio(path: str | Path, person: Person) -> pd.DataFrame:
    """An export, as Label Studio's documentation describes JSON and JSON-MIN."""
    try:
        text = read_text(path)
        tasks = json.loads(text, object_pairs_hook=_once)
        if "\\ud" in text.lower() and HALF.search(json.dumps(tasks, ensure_ascii=False)):
            raise ValueError("a text has half a letter (a lone surrogate)")
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not readable as JSON: {error}") from error
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise DataError(f"{path}: no export of Label Studio, which is a list of tasks")
    rows = []
    for number, task in enumerate(tasks):
        place = f"task {listed([task.get('id', number)])}"
        rows += [{**row, "place": place} for row in _of_task(task, person, f"{path}: {place}")]
    columns = ["face_id", "side", "annotator", "place"]
    return pd.DataFrame(rows, columns=columns, dtype="str").assign(showing=0, tentative=False)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A mapping of JSON; a `ValueError` where one key stands twice, of which the last would do."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        raise ValueError(f"the key {shown(twice)} stands twice in one mapping")
    return found


def _of_task(
    task: Mapping[str, Any], person: Person, place: str
) -> Iterator[dict[str, str | None]]:
    """The answers on one task: of `annotations` (JSON), or of the task's own keys (JSON-MIN)."""
    image, side, whose = _columns(person)
    data = task.get("data", task)
    if not isinstance(data, dict) or not isinstance(data.get(image), str):
        has = data if isinstance(data, dict) else task
        raise DataError(f"{place}: no {image} that names an image; it has {listed(has)}")
    face = data[image]
    if "annotations" in task:
        given = [
            (annotation.get("completed_by"), _choices(annotation, side, place))
            for annotation in _parts(task, "annotations", place)
            if not annotation.get("was_cancelled")  # skipped
        ]
    else:
        given = [(task.get(whose), _chosen(task.get(side), place, side))]
    for by, chosen in given:
        if len(chosen) > 1:
            raise DataError(f"{place}, {shown(face)}: {len(chosen)} choices of {side}; keep one")
        for choice in chosen:
            yield {"face_id": face, "side": choice, "annotator": _number(by)}


def _choices(annotation: Mapping[str, Any], side: str, place: str) -> list[str]:
    """What one annotation chose in the control `side`."""
    results = [
        result for result in _parts(annotation, "result", place) if result.get("from_name") == side
    ]
    return [choice for result in results for choice in _chosen(result.get("value"), place, side)]


def _chosen(value: Any, place: str, side: str) -> list[str]:
    """The choices of a value, which is one, a list of them, a mapping with one, or nothing."""
    if isinstance(value, dict):
        value = value.get("choices")
    words = [] if value is None else value if isinstance(value, list) else [value]
    if not all(isinstance(word, str | int | float) for word in words):
        raise DataError(f"{place}: {side} is {shown(value)}, which is no choice")
    return [str(word) for word in words]


def _parts(whole: Mapping[str, Any], key: str, place: str) -> list[Mapping[str, Any]]:
    """A list of mappings of an export; null and a missing key are an empty one."""
    parts = whole.get(key) or []
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise DataError(f"{place}: {key} is {shown(parts)}, and no list of Label Studio's")
    return parts


def _number(by: Any) -> str | None:
    """Label Studio's number of the person who answered, whether alone or with their name."""
    by = by.get("id") if isinstance(by, dict) else by
    return None if by is None else str(by)


def _of_one_annotator(rows: pd.DataFrame, path: str | Path, person: Person) -> pd.DataFrame:
    names = sorted(rows["annotator"].dropna().unique())
    if person.annotator is None:
        if len(names) > 1:
            raise DataError(
                f"{path}: answers of {', '.join(names)}; say with the key annotator whose are meant"
            )
        return rows
    rows = rows[rows["annotator"] == str(person.annotator)].copy()
    if rows.empty:
        known = ", ".join(names) or "nobody named"
        raise DataError(f"{path}: no answers of {person.annotator}; it has those of {known}")
    return rows


def simulated_answers(
    truth: "pd.Series[str]",
    *,
    error: float,
    tentative: Tentative,
    repeated: float,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """The answers (ANSWERS) of somebody who errs on each face with probability `error`.

    `truth` has the side of each face id. A share `repeated` of the faces is shown again and
    answered anew. `tentative` has the probabilities that an answer is marked so. Each row says that
    it is `simulated`.
    """
    again = np.sort(rng.choice(len(truth), round(repeated * len(truth)), replace=False))
    shown = np.concatenate([np.arange(len(truth)), again])
    errs = rng.random(len(shown)) < error
    inside = (truth == "inside").to_numpy()[shown] ^ errs
    guess = np.where(errs, tentative.wrong, tentative.right)
    return pd.DataFrame(
        {
            "face_id": truth.index[shown],
            "side": np.where(inside, *SIDES),
            "tentative": rng.random(len(shown)) < guess,
            "showing": np.repeat([0, 1], [len(truth), len(again)]),
            "simulated": True,
        }
    ).sort_values(["face_id", "showing"], ignore_index=True)
