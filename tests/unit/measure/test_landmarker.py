"""The landmarker as the first model audited: what it does not find, its points, expressions."""

import numpy as np
import pandas as pd

from facegap.measure.audited import Audited
from facegap.measure.judged import detected, landmark_error
from facegap.measure.landmarker import tasks_of

POINTS = np.arange(136, dtype=np.float32).reshape(68, 2)


def faces(**columns: object) -> pd.DataFrame:
    ids = ["found", "lost", "unreadable"]
    numbers = {"blink": [0.7, np.nan, np.nan], "smile": [0.2, np.nan, np.nan]}
    return pd.DataFrame({"face_id": ids, "aligned": [True, None, None], **numbers, **columns})


def landmarks(points: np.ndarray = POINTS) -> pd.DataFrame:
    return pd.DataFrame({"face_id": ["found"], "landmarks": [points.ravel()]})


def given(points: np.ndarray = POINTS) -> "pd.Series[object]":
    return landmarks(points).set_index("face_id")["landmarks"]


def test_an_image_that_cannot_be_read_is_not_a_face_that_was_lost() -> None:
    audited = Audited("faces", faces(Smiling=[1, 0, 0]), np.arange(3), [])
    rejected = pd.DataFrame(
        {"face_id": ["lost", "unreadable"], "reason": ["no face found", "empty file, zero bytes"]}
    )
    found = {judged.task: judged for judged in tasks_of(audited, landmarks(), rejected)}
    lost = found["detection"].values["not found"]
    assert lost[:2].tolist() == [0, 1]
    assert np.isnan(lost[2])
    assert found["expressions"].values["taken for blinking"][0] == 1
    assert found["expressions"].values["taken for smiling"][0] == 0
    assert np.isnan(found["expressions"].values["taken for blinking"][1])
    assert found["Smiling"].values["accuracy"][0] == 0
    assert "landmarks" not in found


def test_the_error_is_over_the_distance_between_the_eyes() -> None:
    known = [np.add(POINTS, [3, 4]).ravel(), None, None]
    error = landmark_error(faces(landmarks=known), given())
    between = np.linalg.norm(POINTS[45] - POINTS[36])
    assert np.isclose(error[0], 5 / between)
    assert np.isnan(error[1:]).all()


def test_five_known_points_are_compared_with_the_means_of_theirs() -> None:
    five = np.stack(
        [POINTS[36:42].mean(0), POINTS[42:48].mean(0), POINTS[30], POINTS[48], POINTS[54]]
    )
    assert landmark_error(faces(official_landmarks=[five.ravel(), None, None]), given())[0] == 0
    moved = np.add(five, [0, 2])
    error = landmark_error(faces(official_landmarks=[moved.ravel(), None, None]), given())
    assert np.isclose(error[0], 2 / np.linalg.norm(five[0] - five[1]))


def test_a_detector_is_judged_by_what_it_finds_and_where() -> None:
    known = [POINTS.ravel()] * 3
    low, high = POINTS.min(0), POINTS.max(0)
    columns = ["x", "y", "width", "height"]
    table = pd.DataFrame([[*low, *(high - low)], [*low, *(high - low) / [2, 1]], [np.nan] * 4])
    table = table.set_axis(columns, axis=1).assign(
        found=pd.Series([True, True, False], dtype=object)
    )
    table["points"] = [POINTS.ravel(), (POINTS + 1).ravel(), None]
    judged = detected(table, faces(landmarks=known), np.arange(3))
    assert judged.values["not found"].tolist() == [0, 0, 1]
    np.testing.assert_allclose(judged.values["box overlap"], [1, 0.5, np.nan])
    between = np.linalg.norm(POINTS[45] - POINTS[36])
    np.testing.assert_allclose(judged.values["landmark error"], [0, 2**0.5 / between, np.nan])
    table.loc[1, "found"] = None
    nothing = detected(table, faces(landmarks=known), np.arange(3)).values["not found"]
    assert np.isnan(nothing[1]), "of a face without an answer nothing is said"
