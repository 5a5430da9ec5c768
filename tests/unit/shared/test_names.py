"""Names that look alike are one name, and no member of an archive leads out of it."""

import unicodedata
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facegap.errors import DataError
from facegap.names import one_form, path_inside


@given(st.text(), st.sampled_from(["NFC", "NFD"]))
def test_the_forms_of_a_name_are_one(name: str, form: str) -> None:
    assert one_form(unicodedata.normalize(form, name)) == one_form(name)
    assert one_form(one_form(name)) == one_form(name)


@given(st.text(alphabet="ab./\\:C\0é", max_size=12))
def test_a_member_stays_inside_or_is_refused(name: str) -> None:
    try:
        path = path_inside(name, "a.zip")
    except DataError:
        return
    assert ".." not in PurePosixPath(path).parts
    assert not {"\\", "\0"} & set(path)
    assert path == "/" or not path.startswith("/")
    assert path_inside(f"x/{path}", "a.zip") == (f"x/{path}" if path != "/" else "x/")


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("anna\\1.jpg", "anna/1.jpg"),
        ("./anna//1.jpg", "anna/1.jpg"),
        ("Jose\u0301/1.jpg", "José/1.jpg"),
        ("anna\\", "anna/"),
        ("a..b/..c", "a..b/..c"),
    ],
)
def test_a_members_path(name: str, path: str) -> None:
    assert path_inside(name, "a.zip") == path
