"""Predictions and detections of a user's model: read as they are meant, or refused line by line."""

import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_files import NAMES, lines_of, refused, save

from facegap.errors import DataError
from facegap.model_embeddings import read_embeddings
from facegap.model_outputs import missing, read_detections, read_predictions
from facegap.model_rows import MOST

TASKS = {"Smiling": "classifier", "Age": "regressor"}
SMILING = {"Smiling": "classifier"}
SAME_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def csv_file(folder: Path, text: str) -> Path:
    path = folder / "a.csv"
    path.write_text(text, encoding="utf-8", newline="")
    return path


def predictions(folder: Path, text: str, tasks: dict[str, str] = TASKS) -> pd.DataFrame:
    return read_predictions(csv_file(folder, text), NAMES, tasks)


def detections(folder: Path, text: str) -> pd.DataFrame:
    return read_detections(csv_file(folder, text), NAMES)


def test_predictions_are_read_by_task_and_face(tmp_path: Path) -> None:
    found = predictions(
        tmp_path,
        "face,task,score,label,value,other\n"
        "n2,Smiling,0.25,,x,1\nid/1,Smiling, ,yes ,5,\nout/n0.PNG,Smiling,1,'=no,,\n"
        "n2,Age,much,old,31,\nn4,Age,7,,30,\n",
    )
    assert found.columns.tolist() == ["face_id", "task", "score", "label", "value"]
    assert found["face_id"].tolist() == ["id/2", "id/4", "id/0", "id/1", "id/2"]
    assert found["task"].tolist() == ["Age", "Age", "Smiling", "Smiling", "Smiling"]
    assert found["score"].fillna(-1).tolist() == [-1, -1, 1, -1, 0.25]
    assert found["label"].fillna("-").tolist() == ["-", "-", "=no", "yes", "-"]
    assert found["value"].fillna(-1).tolist() == [31, 30, -1, -1, -1]
    assert [str(kind) for kind in found.dtypes] == ["str", "str", "float64", "str", "float64"]


@pytest.mark.parametrize(
    ("name", "face_id"),
    [
        ("n3", "id/3"),
        ("id/3", "id/3"),
        ("n3.jpg", "id/3"),
        ("n3.JPEG", "id/3"),
        ("n3.webp", "id/3"),
        ("id/3.png", "id/3"),
        ("a/b/n3", "id/3"),
        ("C:\\faces\\n3.png", "id/3"),
        (" n3 ", "id/3"),
        ("odd.png", "id/58"),
        ("a/odd.png", "id/58"),
        ("odd.png.jpg", "id/58"),
        ("e\u0301.x", "id/59"),
        ("ü.png", "id/57"),
        ("odd", None),
        ("n3.gif", None),
        ("n3.png.png", None),
        ("N3", None),
        ("a/", None),
        (".png", None),
    ],
)
def test_a_face_is_found_by_its_names_alone(name: str, face_id: str | None, tmp_path: Path) -> None:
    """In a CSV and beside embeddings alike."""
    text = f'face,score\n"{name}",0.5\n'
    save(tmp_path, np.array([name]), np.ones((1, 2)))
    if face_id is None:
        with pytest.raises(DataError, match=r"line 2, face .*: no face of this name .*'n0' was"):
            predictions(tmp_path, text, SMILING)
        with pytest.raises(DataError, match=r"row 1, face .*: no face of this name .*'n0' was"):
            read_embeddings(tmp_path / "a.npz", NAMES)
    else:
        assert predictions(tmp_path, text, SMILING)["face_id"].tolist() == [face_id]
        assert read_embeddings(tmp_path / "a.npz", NAMES)[0] == [face_id]


LABELS = st.text("aß19 ,;\"\n'", max_size=6).map(str.strip)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False)
ANSWERS = st.tuples(st.floats(0, 1, allow_subnormal=False), LABELS, NUMBERS)


@settings(SAME_FOLDER, max_examples=40)
@given(
    st.lists(ANSWERS.filter(lambda answer: abs(answer[2]) < 1e38), max_size=8),
    st.sampled_from([(",", "."), (";", "."), (";", ","), ("\t", ",")]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_numbers_are_read_as_they_were_written(
    tmp_path: Path,
    answers: list[tuple[float, str, float]],
    signs: tuple[str, str],
    encoding: str,
    end: str,
) -> None:
    answers = [(0.5, "", 0.5), *answers]  # 31,125 alone could be a thousand
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=signs[0], lineterminator=end)
    writer.writerow(["face", "task", "score", "label", "value"])
    for k, (score, label, value) in enumerate(answers):
        texts = [repr(number).replace(".", signs[1]) for number in (score, value)]
        writer.writerow([f"n{k}", "Smiling", texts[0], label, ""])
        writer.writerow([f"n{k}.png", "Age", "", "", texts[1]])
    path = tmp_path / "a.csv"
    path.write_bytes(file.getvalue().encode(encoding))
    found = read_predictions(path, NAMES, TASKS)
    smiling, age = found[found["task"] == "Smiling"], found[found["task"] == "Age"]
    assert smiling["face_id"].tolist() == [f"id/{k}" for k in range(len(answers))]
    assert smiling["score"].tolist() == [score for score, _, _ in answers]
    assert smiling["label"].fillna("").tolist() == [label for _, label, _ in answers]
    assert age["value"].tolist() == [value for _, _, value in answers]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("n1,Smiling,0.5,,\n,Smiling,1,,\n", ["line 3: the name of the face is empty"]),
        ("zz,Smiling,0.5,,\n", [r"line 2, face 'zz': no face of this name was exported"]),
        ("n1,,0.5,,\n", ["line 2, face 'n1': no task; name one of Smiling, Age"]),
        ("n1,,0.5,,\nn1,,0.5,,\n", ["line 2.*: no task", "line 3.*: no task"]),
        (
            "n1,smi-ling,0.5,,\nn2,smi-ling,0.5,,\n",
            ["'smi-ling' is not spelled as in the configuration, Smiling, Age"],
        ),
        ("n1,Smiling,nan,,\n", ["score is 'nan', which is no finite number"]),
        ("n1,Smiling,-inf,,\n", ["score is '-inf', which is no finite number"]),
        ("n1,Smiling,1e999,,\n", ["score is '1e999', which is no finite number"]),
        ("n1,Smiling,high,,\n", ["score is 'high', which is no finite number"]),
        ("n1,Smiling,high,yes,\n", ["score is 'high', which is no finite number"]),
        ("n1,Age,,,NULL\n", ["value is 'NULL', which is no finite number"]),
        ('n1,Age,,,"31,125"\n', ["value is '31,125': a thousand, or a fraction"]),
        ("n1,Smiling,1.5,,\nn2,Smiling,.5,,\n", ["score is '1.5', outside .* positive class$"]),
        ("n1,Smiling,-0.1,,\n", ["score is '-0.1', outside of 0 to 1; a score is"]),
        (
            "n1,Smiling,-3,,\nn2,Smiling,3,,\n",
            ["'-3'.* if these are logits", "'3', outside of 0 to 1$"],
        ),
        (
            "n1,Smiling,93,,\nn2,Smiling,1.5,,\n",
            ["all scores .* above 1: divide percentages", "0 to 1$"],
        ),
        ("n1,Smiling,,,5\n", ["score and label empty; a classifier needs one"]),
        ("n1,Age,0.5,yes,\n", ["value empty; a regressor needs one"]),
        (
            "n1,Smiling,1,,\nn1,Age,,,2\n\nid/1,Smiling,1,,\n",
            ["line 5, face 'id/1': a second row of the task 'Smiling'; line 2 has the first"],
        ),
        (f"n1,Smiling,{'9' * 200},,\n", [r"score is '9{60}'\.\.\., which is no"]),
        (f"{'z' * 200},Smiling,1,,\n", [r"face 'z{60}'\.\.\.: no face"]),
    ],
)
def test_each_row_of_predictions_that_cannot_be_used_is_named(
    text: str, lines: list[str], tmp_path: Path
) -> None:
    text = f"face,task,score,label,value\n{text}"
    sound = "n50,Smiling,0.5,,\nn50,Age,,,1\n"
    if "all scores" in str(lines):
        sound = "n50,Smiling,,yes,\nn50,Age,,,1\n"
    refused(lambda: predictions(tmp_path, text + sound), *lines)


@pytest.mark.parametrize(
    ("text", "tasks", "lines"),
    [
        ("", TASKS, ["not readable as CSV: no header"]),
        ("face,task,score,value\n", TASKS, ["no rows below the header"]),
        ("face,task,score,value\n,,,\n", TASKS, ["no rows below the header"]),
        (
            'name,"ki\nnd"\nn1,1\n',
            TASKS,
            [
                r"no column face, .*; it has name, 'ki\\nnd'$",
                r"no column task, which says what a row answers \(Smiling, Age\)",
                r"no column score or label, which a classifier needs \(Smiling\)",
                r"no column value, which a regressor needs \(Age\)",
            ],
        ),
        ("face,score\nn1,1\n", TASKS, ["no column task", "no column value"]),
        ("face,score,label\nn1,1,1\n", {"Age": "regressor"}, ["no column value"]),
        (
            "face,value\nn1,1\nzz,1\n",
            SMILING,
            ["no column score or label", "line 3, face 'zz': no face"],
        ),
        (
            "face,task,score\nn1,Smile,0.5\nn1,Bald,0.5\n",
            SMILING,
            ["no rows of the task 'Smiling'; it has those of 'Smile', 'Bald'; name"],
        ),
        (
            "face,task,score\nn1,smiling,0.5\n",
            SMILING,
            ["no rows of the task 'Smiling'; it has those of 'smiling'", "line 2.*not spelled as"],
        ),
        ("face,task,score\nn1,,0.5\n", SMILING, ["it has none of any", "line 2.*: no task"]),
    ],
)
def test_what_predictions_lack_as_a_whole_is_said(
    text: str, tasks: dict[str, str], lines: list[str], tmp_path: Path
) -> None:
    refused(lambda: predictions(tmp_path, text, tasks), *lines)


def test_one_certain_comma_tells_what_all_commas_are(tmp_path: Path) -> None:
    """Of all columns: a program writes its numbers in one way."""
    rows = ["n1;Age;;31,125", "n2;Age;;1.5", "n1;Smiling;1,5e-05;"]
    found = predictions(tmp_path, "face;task;score;value\n" + "\n".join(rows))
    assert found["value"].tolist()[:2] == [31.125, 1.5]
    assert found["score"].tolist()[2] == 1.5e-05


def test_the_task_may_be_left_out_where_there_is_one(tmp_path: Path) -> None:
    assert predictions(tmp_path, "face,label\nn1,1\n", SMILING)["task"].tolist() == ["Smiling"]


def test_rows_of_other_tasks_are_ignored_whatever_they_hold(tmp_path: Path) -> None:
    text = "face,task,score\nn1,Smiling,0.5\nzz,Bald,many\nn2,Bald,2\nn2,Bald,3\n"
    assert predictions(tmp_path, text, SMILING)["face_id"].tolist() == ["id/1"]


def test_a_message_has_each_kind_of_problem_and_counts_the_rest(tmp_path: Path) -> None:
    rows = [f"z{k},Smiling,0.5" for k in range(40)]
    rows += [f"n{k},Smiling," for k in range(40, 50)] + ["n1,Smiling,2", "n40,Smiling,0.5"]
    text = "face,task,score\n" + "\n".join(rows)
    lines = lines_of(lambda: predictions(tmp_path, text, {**SMILING, "Bald": "classifier"}))
    assert len(lines) == MOST + 1 == 21
    assert lines[0].endswith("it has those of 'Smiling'; name the task as there")
    assert all(line.startswith(f"{tmp_path}/a.csv, line ") for line in lines[1:-1])
    numbers = [int(line.split("line ")[1].split(",")[0]) for line in lines[1:-1]]
    assert numbers == sorted(numbers)
    assert {2, 42, 52, 53} <= set(numbers), "a strange face, no score, beyond 1, a second row"
    assert lines[-1] == f"and {1 + 40 + 10 + 1 + 1 - MOST} more"


def test_detections_are_read_with_the_largest_face(tmp_path: Path) -> None:
    points = [f"{axis}{k}" for k in range(5) for axis in "xy"]
    header = ",".join(["image", "found", "x", "y", "width", "height", *reversed(points)])
    numbers = ",".join(str(k) for k in reversed(range(10)))
    found = detections(
        tmp_path,
        f"{header}\n"
        f"n2.png,WAHR,1,-2,10.5,10,{numbers}\n"
        "n1.png,1.0,1,2,3,4\n"
        f"n1.png,yes,5,6,4,3,{numbers}\n"
        "n1.png,1,5,6,2,2\n"
        "n3.png,False,x,,0,0,1\n",
    )
    assert found.columns.tolist() == ["face_id", "found", *"xy", "width", "height", "points"]
    assert found["face_id"].tolist() == ["id/1", "id/2", "id/3"]
    assert found["found"].tolist() == [True, True, False]
    assert found.loc[:1, ["x", "y", "width", "height"]].to_numpy().tolist() == [
        [1, 2, 3, 4],  # the first of equal ones
        [1, -2, 10.5, 10],
    ]
    assert found.loc[2, ["x", "y", "width", "height"]].isna().all()
    assert found["points"][0] is None
    assert found["points"][2] is None
    assert found["points"][1].dtype == np.float32
    assert found["points"][1].tolist() == list(range(10))


def test_detections_may_be_without_boxes_and_have_68_points(tmp_path: Path) -> None:
    names = [f"{axis}{k}" for axis in "xy" for k in range(68)]
    row = [f"{k},5" for k in range(136)]
    text = ";".join(["face", "found", *names]) + "\n" + ";".join(["n1", "1", *row])
    found = detections(tmp_path, text)
    assert found["width"].isna().all()
    pairs = np.array([[k + 0.5, k + 68.5] for k in range(68)]).ravel()
    assert found["points"][0].tolist() == pairs.tolist()


POINTS = ",".join(f"x{k},y{k}" for k in range(5))


@pytest.mark.parametrize(
    ("header", "row", "lines"),
    [
        ("found", "", ["line 2, face 'n1': found is ''; write 1 where it is"]),
        ("found", "perhaps", ["found is 'perhaps'; write 1"]),
        ("found", "2", ["found is '2'; write 1"]),
        ("score", "1", ["no column found, 1 or 0; it has face, score"]),
        ("found,x,y", "1,2,3", ["of a box only x, y; give all of x, y, width, height, or none"]),
        ("found,x,y,width,height", "1,2,3,,4", ["of its box width is empty"]),
        ("found,x,y,width,height", "1", ["of its box x, y, width, height is empty"]),
        ("found,x,y,width,height", "1,a,3,4,4", ["x is 'a', which is no finite number"]),
        ("found,x,y,width,height", "1,2,inf,4,4", ["y is 'inf', which is no finite"]),
        ("found,x,y,width,height", "1,2,3,0,4", ["a box of 0 by 4 pixels; width and height"]),
        ("found,x,y,width,height", "1,2,3,4,-1", ["a box of 4 by -1 pixels"]),
        ("found,x0,y0", "1,2,3", [r"2 columns of points \(x0, y0\); give .* of 5 or 68 points"]),
        (f"found,{POINTS.replace('0', '5')}", "1", [r"10 columns of points \(x5, y5, x1"]),
        (f"found,{POINTS},x5", "1", [r"11 columns of points \(x0, .*5 more\)"]),
        (f"found,{POINTS}", "1,1,2,3,4,5,6,7,8,9", ["y4 of its points are empty; give all or"]),
        (f"found,{POINTS}", "1,1,2,3,4,5,6,7,8,9,nan", ["y4 is 'nan', which is no finite"]),
        ("found", "1\nn1.png,1", ["line 3, face 'n1.png': a second row; line 2 has .*no.* larger"]),
        ("found", "1\nn1.png,0", ["line 3, .*a second row; line 2 .* says that it is not found"]),
        ("found", "0\nn1.png,0", ["line 3, .*a second row; line 2 .* says that it is not found"]),
        ("found", "1\nzz,1", ["line 3, face 'zz': no face of this name"]),
        ("found", "1\n,1", ["line 3: the name of the face is empty"]),
        (
            "found,x,y,width,height",
            "7,1,1,1,1\nzz,1,1,1,0,0",
            ["line 2.*found is '7'", "line 3, face 'zz': no face", "line 3.*a box of 0 by 0"],
        ),
    ],
)
def test_each_row_of_detections_that_cannot_be_used_is_named(
    header: str, row: str, lines: list[str], tmp_path: Path
) -> None:
    refused(lambda: detections(tmp_path, f"face,{header}\nn1,{row}\n"), *lines)


def test_what_detections_lack_as_a_whole_is_said(tmp_path: Path) -> None:
    refused(
        lambda: detections(tmp_path, "name,x\n"),
        r"no column face \(or image\).*; it has name, x",
        "no column found",
        "of a box only x",
        "no rows",
    )


def test_missing_faces_are_named_in_the_order_that_is_expected() -> None:
    assert missing(["b", "x"], iter(["c", "b", "a", "c"])) == ["c", "a"]
