"""Nobody is both trained on and translated; both domains are as large and as mixed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facegap.errors import DataError
from facegap.settings.synthesise import Attributes, Roles
from facegap.synthesise.roles import assign_roles
from facegap.tables.acquire import FACES
from facegap.tables.align import ALIGNED
from facegap.tables.base import read_table, write_table
from facegap.tables.partition import FACE_SIDES
from facegap.tables.synthesise import ROLES

ATTRIBUTES = ["Dark", "Fair", "Striped"]
Study = Any  # of conftest.py
Make = Callable[..., Study]


def assigned(
    study: Study,
    *,
    names: list[str] = ATTRIBUTES,
    control: str = "gender",
    held_out: float = 0.4,
    translated: int = 10,
    seed: int = 1,
) -> pd.DataFrame:
    assign_roles(
        sides=study.sides,
        faces=study.faces,
        aligned=study.aligned,
        roles=study.roles,
        attributes=Attributes(names=names, exclusive=[], control=control),
        settings=Roles(held_out=held_out, translated=translated),
        seed=seed,
    )
    return read_table(study.roles, ROLES)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(0, 9), st.integers(1, 14), st.sampled_from([0.3, 0.5, 0.8]), st.integers(0, 1000)
)
def test_whoever_has_a_role_the_laws_hold(
    tmp_path: Path,
    make_study: Make,
    data_seed: int,
    translated: int,
    held_out: float,
    seed: int,
) -> None:
    study = make_study(tmp_path, seed=data_seed)
    try:
        roles = assigned(study, translated=translated, held_out=held_out, seed=seed)
    except DataError:
        return  # too few; another test says how
    sides = read_table(study.sides, FACE_SIDES).set_index("face_id")["side"]
    persons = {role: set(part["subject_id"]) for role, part in roles.groupby("role")}
    assert not persons["train"] & persons["in-domain"]
    assert not persons["train"] & persons["out-domain"]
    for role, part in roles.groupby("role"):
        assert set(sides[part["face_id"]]) == {"outside" if role == "out-domain" else "inside"}
    control = roles.groupby("role")["control"].value_counts()
    assert control["in-domain"].to_dict() == control["out-domain"].to_dict()
    assert control["in-domain"].sum() == translated
    assert control["in-domain"].max() - control["in-domain"].min() <= max(1, translated // 2)
    ids = read_table(study.aligned, ALIGNED)["face_id"]
    assert (ids.to_numpy()[roles["row"]] == roles["face_id"]).all()


def test_the_attributes_are_matched(tmp_path: Path, make_study: Make) -> None:
    """Chance alone would leave some of the three attributes apart in one of ten."""
    for seed in range(10):
        study = make_study(tmp_path, faces=400, seed=seed)
        faces = read_table(study.faces, FACES).set_index("face_id")
        roles = assigned(study, translated=20, seed=seed)
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
    roles = assigned(study)
    assert roles["subject_id"].is_unique
    assert set(roles["role"]) == {"train", "in-domain", "out-domain"}


def test_the_control_may_be_an_attribute(study: Study) -> None:
    roles = assigned(study, control="Striped")
    assert set(roles["control"]) == {"Striped", "not Striped"}
    faces = read_table(study.faces, FACES).set_index("face_id")
    striped = faces.loc[roles["face_id"], "Striped"].to_numpy() == 1
    assert ((roles["control"] == "Striped") == striped).all()


def test_faces_without_a_label_or_a_crop_have_no_role(tmp_path: Path, make_study: Make) -> None:
    dark = pd.array([pd.NA if i % 5 == 0 else i % 2 for i in range(120)], dtype="Int8")
    study = make_study(tmp_path, Dark=dark)
    aligned = read_table(study.aligned, ALIGNED)
    write_table(aligned[aligned["face_id"] != "f0001"], study.aligned, ALIGNED)
    roles = assigned(study, translated=4)
    without = {f"f{i:04}" for i in range(0, 120, 5)} | {"f0001"}
    assert not without & set(roles["face_id"])


def test_the_same_seed_gives_the_same_bytes(study: Study) -> None:
    assigned(study)
    first = study.roles.read_bytes()
    assigned(study)
    assert study.roles.read_bytes() == first
    assigned(study, seed=2)
    assert study.roles.read_bytes() != first


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"names": ["Dark", "Bald"]}, "attribute Bald"),
        ({"control": "Bald"}, "attribute Bald"),
        (
            {"translated": 61},
            r"61 faces of each side are wanted, \d+ possible .*in-domain .*female",
        ),
    ],
)
def test_what_the_data_cannot_give_is_named(
    study: Study, changes: dict[str, object], words: str
) -> None:
    with pytest.raises(DataError, match=words):
        assigned(study, **changes)
    assert not study.roles.exists()


def test_an_attribute_of_one_value_is_named(tmp_path: Path, make_study: Make) -> None:
    study = make_study(tmp_path, Fair=pd.array(np.zeros(120), dtype="Int8"))
    with pytest.raises(DataError, match="Fair has one value only"):
        assigned(study)


def test_no_gender_is_said(tmp_path: Path, make_study: Make) -> None:
    study = make_study(tmp_path, gender=pd.Series([None] * 120, dtype="str"))
    with pytest.raises(DataError, match="no values of gender"):
        assigned(study)
