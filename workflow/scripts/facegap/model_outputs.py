"""What a user's model gave out for exported faces, as CSV: predictions, or detections.

The file names a face as it was exported, or by its id. It may come from anywhere: all that is wrong
with it is one `DataError`, of which each line names the file and the line in it. Embeddings are
read by `facegap.model_embeddings`.
"""

import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facegap.errors import listed, shown
from facegap.model_rows import (
    Problem,
    Rows,
    always,
    faces_of,
    first_alike,
    refuse,
    strange_faces,
)
from facegap.spreadsheets import DECIMAL, as_flags, as_numbers, read_csv
from facegap.tables.base import as_meant

NEEDED = {"classifier": ["score", "label"], "regressor": ["value"]}  # one of these columns
BOX = ["x", "y", "width", "height"]
POINTS = (5, 68)  # how many a detector may give
FOUND = {"1": True, "1.0": True, "yes": True, "0": False, "0.0": False, "no": False}
LARGEST = float(np.finfo(np.float32).max)
COMMA = r"^([+-]?\d+),(\d+(?:[eE][+-]?\d+)?)$"
UNCERTAIN = re.compile(r"[+-]?\d{1,3},\d{3}")
SPELLING = r"[\s_-]+"  # in which, beside capitals, two names of one task may differ

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Numbers:
    """Columns of numbers of a user's table."""

    texts: pd.DataFrame  # (n, c) texts, "" where a text is empty or the table has no such column
    values: pd.DataFrame  # (n, c) float64, missing where a text is no number

    @classmethod
    def of(cls, table: pd.DataFrame, columns: Sequence[str]) -> "Numbers":
        """Those of `columns`; where one text has a decimal comma for certain, all commas are."""
        texts = {column: _texts(table, column) for column in columns}
        commas = [name for name, text in texts.items() if text.str.contains(",", regex=False).any()]
        values = {
            name: pd.to_numeric(text, errors="coerce")  # a third of the time of `as_numbers`
            for name, text in texts.items()
            if name not in commas
        }
        certain = any(texts[name].str.match(DECIMAL).any() for name in commas)
        for name in commas:
            text = texts[name].str.replace(COMMA, r"\1.\2", regex=True) if certain else texts[name]
            values[name] = as_numbers(text)
        return cls(pd.DataFrame(texts), pd.DataFrame(values, dtype="float64"))

    def given(self, columns: Sequence[str]) -> NDArray[np.bool_]:
        """Which texts (n, c) of `columns` hold something."""
        return (self.texts[list(columns)] != "").to_numpy(dtype=bool)

    def wrong(self, columns: Sequence[str], among: NDArray[np.bool_]) -> Problem:
        """Those of the rows `among` (n,) in which a text of `columns` holds no finite number."""
        values = self.values[list(columns)].to_numpy()
        bad = self.given(columns) & ~(np.abs(values) <= LARGEST)  # so that NaN is bad

        def words(row: int) -> str:
            column = columns[int(bad[row].argmax())]
            text = str(self.texts[column].iloc[row])
            if UNCERTAIN.fullmatch(text):
                return f"{column} is {text!r}: a thousand, or a fraction? Write it with a point"
            return (
                f"{column} is {shown(text)}, which is no finite number; correct it, or leave out"
                " what the model did not give"
            )

        return Problem(bad.any(axis=1) & among, words)


def read_predictions(
    path: str | Path, names: Mapping[str, str], tasks: Mapping[str, str]
) -> pd.DataFrame:
    """The rows of `tasks` in the CSV at `path`, by task and face.

    `names` has the face_id by each name that a face may have; `tasks` has classifier or regressor
    by the name of each task. Columns: face_id and task (str), score (float64, 0 to 1, probability
    of the positive class) and label (str) of a classifier, value (float64) of a regressor; missing
    where the file has none or the kind has no use for it. Not every face needs a row.

    Rows of other tasks are ignored, so that a file may have more than is audited. They are refused
    where one of `tasks` has no row, and where their task's name differs from one of `tasks` in
    spelling alone.
    """
    table = read_csv(path)
    whole = list(_lacking_for(table, tasks))
    if "face" not in table or table.empty or ("task" not in table and len(tasks) > 1):
        refuse(path, whole)
    table["task"] = _words(table, "task") if "task" in table else next(iter(tasks))
    whole += _absent(table["task"], tasks)
    table = table[~_ignored(table["task"], tasks, path)]
    rows, table = _rows(path, table, "face")
    table["face_id"] = faces_of(rows.faces, names)
    numbers = Numbers.of(table, ["score", "value"])
    labels = _words(table, "label")
    kinds = table["task"].map(dict(tasks))
    refuse(
        path,
        whole,
        rows,
        [
            *strange_faces(rows, table["face_id"], names),
            *_task_problems(table, tasks, rows),
            *_answer_problems(table, kinds, numbers, labels),
        ],
    )
    return pd.DataFrame(
        {
            "face_id": table["face_id"],
            "task": table["task"].astype("str"),
            "score": numbers.values["score"].where(kinds == "classifier"),
            "label": labels.where((kinds == "classifier") & (labels != "")).astype("str"),
            "value": numbers.values["value"].where(kinds == "regressor"),
        }
    ).sort_values(["task", "face_id"], ignore_index=True)


def read_detections(path: str | Path, names: Mapping[str, str]) -> pd.DataFrame:
    """What a detector found in the faces of the CSV at `path`, a row a face, by face.

    `names` has the face_id by each name that a face may have. Columns: face_id (str), found (bool),
    x, y, width, height (float64, pixels of the exported image; missing where the file has no boxes
    or the face is not found), points (object: float32 (2k,), x and y in turn, or None).

    Each row that is found has a box if any has; it may be without points. What a row has that is
    not found is ignored. Of several rows of a face that are all found, the one with the largest box
    is taken.
    """
    table = read_csv(path)
    face = "face" if "face" in table else "image"
    points, wrong = _point_columns(table)
    whole = [*_lacking_of_detections(table), *wrong]
    if face not in table or "found" not in table or table.empty:
        refuse(path, whole)
    rows, table = _rows(path, table, face)
    face_ids = faces_of(rows.faces, names)
    found = as_flags(_texts(table, "found")).str.lower().map(FOUND)
    boxed = set(BOX) <= set(table.columns)
    numbers = Numbers.of(table, [*BOX, *points])
    detected = found.eq(True).to_numpy(dtype=bool)
    problems = [
        *strange_faces(rows, face_ids, names),
        _unclear(_texts(table, "found"), found),
        *(_box_problems(numbers, detected) if boxed else ()),
        *(_point_problems(numbers, points, detected) if points else ()),
        *_detected_twice(face_ids, detected, boxed, rows),
    ]
    refuse(path, whole, rows, problems)
    result = pd.DataFrame(
        {
            "face_id": face_ids,
            "found": detected,
            **{name: numbers.values[name].where(detected) for name in BOX},
            "points": _points(numbers, points, detected),
        }
    )
    area = (result["width"] * result["height"]).fillna(0)
    largest = area.sort_values(ascending=False, kind="stable").index
    chosen = result.loc[largest].drop_duplicates("face_id")
    return chosen.sort_values("face_id", ignore_index=True)


def missing(face_ids: Iterable[str], expected: Iterable[str]) -> list[str]:
    """Those of the faces `expected` that are not in `face_ids`, in their order, each once."""
    there = set(face_ids)
    return [face_id for face_id in dict.fromkeys(expected) if face_id not in there]


def _texts(table: pd.DataFrame, column: str) -> "pd.Series[str]":
    """The texts of a column without blanks at their ends; "" where there is none."""
    if column not in table:
        return pd.Series("", index=table.index, dtype="str")
    return table[column].fillna("").astype("str").str.strip()


def _words(table: pd.DataFrame, column: str) -> "pd.Series[str]":
    """As `_texts`, of names and labels: as they are meant where our own tables had them."""
    return as_meant(_texts(table, column).to_frame(column))[column]


def _rows(path: str | Path, table: pd.DataFrame, face: str) -> tuple[Rows, pd.DataFrame]:
    """Where the rows of a table of `read_csv` are in the file, and the table counted from 0."""
    rows = Rows(path, "line", table.index.to_numpy(), _words(table, face).tolist())
    return rows, table.reset_index(drop=True)


def _lacking_for(table: pd.DataFrame, tasks: Mapping[str, str]) -> Iterator[str]:
    """What a table of predictions lacks as a whole."""
    has = f"it has {listed(table.columns)}"
    if "face" not in table:
        yield f"no column face, with the names of the exported files; {has}"
    if "task" not in table and len(tasks) > 1:
        yield f"no column task, which says what a row answers ({listed(tasks)}); {has}"
    for kind, columns in NEEDED.items():
        of = [task for task, other in tasks.items() if other == kind]
        if of and not set(columns) & set(table.columns):
            yield f"no column {' or '.join(columns)}, which a {kind} needs ({listed(of)}); {has}"
    if table.empty:
        yield "no rows below the header; write one for each face"


def _absent(named: "pd.Series[str]", tasks: Mapping[str, str]) -> Iterator[str]:
    """Which of `tasks` no row is of."""
    there = named[named != ""].unique()
    for task in tasks:
        if task not in there:
            has = f"those of {listed(map(shown, there))}" if len(there) else "none of any"
            yield f"no rows of the task {shown(task)}; it has {has}; name the task as there"


def _spelled(names: "pd.Series[str]") -> "pd.Series[str]":
    """Names of tasks as they are compared: without what differs in spelling alone."""
    return names.str.lower().str.replace(SPELLING, "", regex=True)


def _ignored(
    named: "pd.Series[str]", tasks: Mapping[str, str], path: str | Path
) -> "pd.Series[bool]":
    """Which rows are of tasks that nobody asks for, and that are called like none of `tasks`."""
    words = pd.Series(named.unique(), dtype="str")
    like = _spelled(words).isin(_spelled(pd.Series(list(tasks), dtype="str")))
    others = words[~like & (words != "")]
    ignored = named.isin(others)
    if ignored.any():
        log.info("%s: rows of other tasks are ignored: %s", path, listed(others))
    return ignored


def _task_problems(table: pd.DataFrame, tasks: Mapping[str, str], rows: Rows) -> Iterator[Problem]:
    """Rows without a task, of one that is spelled otherwise, or of a face and task again."""
    task = table["task"]
    asked = task.isin(list(tasks))
    yield Problem((task == "").to_numpy(), lambda row: f"no task; name one of {listed(tasks)}")
    yield Problem(
        (~asked & (task != "") & ~task.duplicated()).to_numpy(),
        lambda row: (
            f"the task {shown(task.iloc[row])} is not spelled as in the configuration,"
            f" {listed(tasks)}"
        ),
    )
    first = first_alike(pd.DataFrame({"face": table["face_id"], "task": task.where(asked)}))
    yield Problem(
        first != np.arange(len(table)),
        lambda row: (
            f"a second row of the task {shown(task.iloc[row])}; {rows.place(first[row])} has the"
            " first; keep one"
        ),
    )


def _answer_problems(
    table: pd.DataFrame, kinds: "pd.Series[str]", numbers: Numbers, labels: "pd.Series[str]"
) -> Iterator[Problem]:
    """Rows that lack what their kind of task needs, or have a number that cannot be."""
    texts = numbers.texts.assign(label=labels)
    for kind, columns in NEEDED.items():
        if set(columns) & set(table.columns):
            empty = (texts[columns] == "").all(axis=1) & (kinds == kind)
            words = (
                f"{' and '.join(columns)} empty; a {kind} needs one: fill it in, or remove the row"
            )
            yield always(empty.to_numpy(dtype=bool), words)
    classifies = (kinds == "classifier").to_numpy(dtype=bool)
    yield numbers.wrong(["score"], classifies)
    yield numbers.wrong(["value"], (kinds == "regressor").to_numpy(dtype=bool))
    scores = numbers.values["score"].to_numpy()
    with np.errstate(invalid="ignore"):
        beyond = classifies & (np.abs(scores) <= LARGEST) & ((scores < 0) | (scores > 1))
    advice = _advice(scores[classifies & (np.abs(scores) <= LARGEST)])
    yield Problem(
        beyond,
        lambda row: (
            f"score is {shown(numbers.texts['score'].iloc[row])}, outside of 0 to 1"
            + (f"; {advice}" if row == beyond.argmax() else "")
        ),
    )


def _advice(scores: NDArray[np.float64]) -> str:
    """What scores outside of 0 to 1 may be, by all scores of the file."""
    if (scores > 1).all():
        return (
            "all scores of the file are above 1: divide percentages by 100, and put logits through"
            " 1 / (1 + exp(-logit))"
        )
    if (scores < 0).any() and (scores > 1).any():
        return "if these are logits, put them through 1 / (1 + exp(-logit))"
    return "a score is the probability of the positive class"


def _lacking_of_detections(table: pd.DataFrame) -> Iterator[str]:
    """What a table of detections lacks as a whole, points aside."""
    has = f"it has {listed(table.columns)}"
    if not {"face", "image"} & set(table.columns):
        yield f"no column face (or image), with the names of the exported files; {has}"
    if "found" not in table:
        yield f"no column found, 1 or 0; {has}"
    box = [name for name in BOX if name in table]
    if box and len(box) < len(BOX):
        yield f"of a box only {listed(box)}; give all of {listed(BOX)}, or none"
    if table.empty:
        yield "no rows below the header; write one for each face"


def _point_columns(table: pd.DataFrame) -> tuple[list[str], list[str]]:
    """The columns x0, y0, x1, y1 and so on that `table` has, and what is wrong with them."""
    there = [str(name) for name in table.columns if re.fullmatch(r"[xy]\d+", str(name))]
    for count in POINTS:
        columns = [f"{axis}{k}" for k in range(count) for axis in "xy"]
        if set(there) == set(columns):
            return columns, []
    wrong = (
        f"{len(there)} columns of points ({listed(there, 6)}); give x0, y0, x1, y1 and so on of"
        f" {' or '.join(map(str, POINTS))} points, or none"
    )
    return [], [wrong] if there else []


def _unclear(texts: "pd.Series[str]", found: "pd.Series[bool]") -> Problem:
    """Rows that do not say whether the face is found."""
    return Problem(
        found.isna().to_numpy(),
        lambda row: f"found is {shown(texts.iloc[row])}; write 1 where it is, and 0 where not",
    )


def _box_problems(numbers: Numbers, detected: NDArray[np.bool_]) -> Iterator[Problem]:
    """Rows that are found and have no box, part of one, or an impossible one."""
    empty = ~numbers.given(BOX)
    yield Problem(
        empty.any(axis=1) & detected,
        lambda row: (
            f"found, and of its box {listed(np.array(BOX)[empty[row]])} is empty; fill it in, or"
            " write 0 for found"
        ),
    )
    yield numbers.wrong(BOX, detected)
    flat = numbers.values[["width", "height"]].le(0).any(axis=1).to_numpy()
    yield Problem(
        flat & detected,
        lambda row: (
            f"a box of {numbers.texts['width'].iloc[row]} by {numbers.texts['height'].iloc[row]}"
            " pixels; width and height are above 0"
        ),
    )


def _point_problems(
    numbers: Numbers, points: list[str], detected: NDArray[np.bool_]
) -> Iterator[Problem]:
    """Rows that are found and have part of their points, or impossible ones."""
    given = numbers.given(points)
    yield Problem(
        given.any(axis=1) & ~given.all(axis=1) & detected,
        lambda row: (
            f"{listed(np.array(points)[~given[row]], 4)} of its points are empty; give all or none"
        ),
    )
    yield numbers.wrong(points, detected)


def _detected_twice(
    face_ids: "pd.Series[str]", detected: NDArray[np.bool_], boxed: bool, rows: Rows
) -> Iterator[Problem]:
    """Rows of a face again, of which none can be taken."""
    first = first_alike(face_ids.to_frame())
    again = first != np.arange(len(first))
    all_found = pd.Series(detected).groupby(first).transform("all").to_numpy(dtype=bool)
    yield Problem(
        again & ~all_found,
        lambda row: (
            f"a second row; {rows.place(first[row])} has the first, and one says that it is not"
            " found; keep one"
        ),
    )
    yield Problem(
        again & all_found & (not boxed),
        lambda row: (
            f"a second row; {rows.place(first[row])} has the first, and without boxes none is the"
            " larger; keep one, or give x, y, width and height"
        ),
    )


def _points(
    numbers: Numbers, points: list[str], detected: NDArray[np.bool_]
) -> NDArray[np.object_]:
    """The points of each row (object: float32 (2k,), x and y in turn), or None."""
    found = np.full(len(detected), None, dtype=object)
    if points:
        values = numbers.values[points].to_numpy(np.float32)
        for row in np.flatnonzero(detected & numbers.given(points).all(axis=1)):
            found[row] = values[row]
    return found
