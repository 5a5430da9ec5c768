"""Nobody is both trained on and translated; both domains are as large and as mixed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facegap import tables
from facegap.errors import DataError
from facegap.synthesise.cast import cast_faces

ATTRIBUTES = ["Dark", "Fair", "Striped"]
Study = Any  # of conftest.py
Make = Callable[..., Study]


def cast(study: Study, **changes: object) -> pd.DataFrame:
    given = {
        "attributes": ATTRIBUTES,
        "control": "gender",
        "held_out": 0.4,
        "translated": 10,
        "seed": 1,
        **changes,
    }
    cast_faces(study.sides, study.faces, study.aligned, study.cast, **given)  # type: ignore[arg-type]
    return tables.read(study.cast, tables.CAST)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(0, 9), st.integers(1, 14), st.sampled_from([0.3, 0.5, 0.8]), st.integers(0, 1000)
)
def test_whoever_is_cast_the_laws_hold(
    tmp_path: Path,
    make_study: Make,
    data_seed: int,
    translated: int,
    held_out: float,
    seed: int,
) -> None:
    study = make_study(tmp_path, seed=data_seed)
    try:
        roles = cast(study, translated=translated, held_out=held_out, seed=seed)
    except DataError:
        return  # too few; another test says how
    sides = tables.read(study.sides, tables.FACE_SIDES).set_index("face_id")["side"]
    persons = {role: set(part["subject_id"]) for role, part in roles.groupby("role")}
    assert not persons["train"] & persons["in-domain"]
    assert not persons["train"] & persons["out-domain"]
    for role, part in roles.groupby("role"):
        assert set(sides[part["face_id"]]) == {"outside" if role == "out-domain" else "inside"}
    control = roles.groupby("role")["control"].value_counts()
    assert control["in-domain"].to_dict() == control["out-domain"].to_dict()
    assert control["in-domain"].sum() == translated
    assert control["in-domain"].max() - control["in-domain"].min() <= max(1, translated // 2)
    ids = tables.read(study.aligned, tables.ALIGNED)["face_id"]
    assert (ids.to_numpy()[roles["row"]] == roles["face_id"]).all()


def test_the_attributes_are_matched(tmp_path: Path, make_study: Make) -> None:
    """Chance alone would leave some of the three attributes apart in one of ten casts."""
    for seed in range(10):
        study = make_study(tmp_path, faces=400, seed=seed)
        faces = tables.read(study.faces, tables.FACES).set_index("face_id")
        roles = cast(study, translated=20, seed=seed)
        shares = [
            faces.loc[part["face_id"], ATTRIBUTES].astype(float).mean()
            for role, part in roles.groupby("role")
            if role != "train"
        ]
        assert (shares[0] == shares[1]).all()


def test_a_face_of_an_unknown_person_is_a_person_of_its_own(
    tmp_path: Path, make_study: Make
) -> None:
    study = make_study(tmp_path, subject_id=pd.Series([None] * 120, dtype="str"))
    roles = cast(study)
    assert roles["subject_id"].is_unique
    assert set(roles["role"]) == {"train", "in-domain", "out-domain"}


def test_the_control_may_be_an_attribute(study: Study) -> None:
    roles = cast(study, control="Striped")
    assert set(roles["control"]) == {"Striped", "not Striped"}
    faces = tables.read(study.faces, tables.FACES).set_index("face_id")
    striped = faces.loc[roles["face_id"], "Striped"].to_numpy() == 1
    assert ((roles["control"] == "Striped") == striped).all()


def test_faces_without_a_label_or_a_crop_play_no_part(tmp_path: Path, make_study: Make) -> None:
    dark = pd.array([pd.NA if i % 5 == 0 else i % 2 for i in range(120)], dtype="Int8")
    study = make_study(tmp_path, Dark=dark)
    aligned = tables.read(study.aligned, tables.ALIGNED)
    tables.write(aligned[aligned["face_id"] != "f0001"], study.aligned, tables.ALIGNED)
    roles = cast(study, translated=4)
    without = {f"f{i:04}" for i in range(0, 120, 5)} | {"f0001"}
    assert not without & set(roles["face_id"])


def test_the_same_seed_casts_the_same_bytes(study: Study) -> None:
    cast(study)
    first = study.cast.read_bytes()
    cast(study)
    assert study.cast.read_bytes() == first
    cast(study, seed=2)
    assert study.cast.read_bytes() != first


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"attributes": ["Dark", "Bald"]}, "attribute Bald"),
        ({"control": "Bald"}, "attribute Bald"),
        ({"translated": 61}, r"61 faces a side asked for, \d+ possible .*in-domain .*female"),
    ],
)
def test_what_the_data_cannot_give_is_named(
    study: Study, changes: dict[str, object], words: str
) -> None:
    with pytest.raises(DataError, match=words):
        cast(study, **changes)
    assert not study.cast.exists()


def test_an_attribute_of_one_value_is_named(tmp_path: Path, make_study: Make) -> None:
    study = make_study(tmp_path, Fair=pd.array(np.zeros(120), dtype="Int8"))
    with pytest.raises(DataError, match="Fair has one value only"):
        cast(study)


def test_no_gender_is_said(tmp_path: Path, make_study: Make) -> None:
    study = make_study(tmp_path, gender=pd.Series([None] * 120, dtype="str"))
    with pytest.raises(DataError, match="no values of gender"):
        cast(study)
