"""A picture is found by what others call it: never another one in its place."""

import base64
from collections.abc import Callable
from urllib.parse import quote, unquote
from uuid import UUID

import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from facegap.errors import DataError
from facegap.pictures import Pictures

Address = Callable[[str], str]
WHOLE: dict[str, Address] = {  # addresses that have the whole path
    "id or path": lambda path: path,
    "local files": lambda path: f"/data/local-files/?d=faces/{path}",
    "local files, quoted": lambda path: f"/data/local-files/?d={quote('faces/' + path, safe='')}",
    "cloud": lambda path: f"s3://bucket/of/faces/{path}",
    "web": lambda path: f"https://images.example/{quote(path)}?token=x%2Fy.jpg#top",
    "resolved": lambda path: (
        "/tasks/7/presign/?fileuri=" + base64.urlsafe_b64encode(f"gs://b/{path}".encode()).decode()
    ),
}
LOST: dict[str, Address] = {  # addresses that have the name alone
    "upload": lambda path: f"/data/upload/3/0a1b2c3d-{sent(path)}",
    "upload, with host": lambda path: f"https://ls.example/data/upload/3/0a1b2c3d-{sent(path)}",
    "name": lambda path: path.rpartition("/")[2],
}


def sent(path: str) -> str:
    """The name of a picture as Django saves it."""
    name = path.rpartition("/")[2].replace(" ", "_")
    return "".join(sign for sign in name if sign.isalnum() or sign in "-_.")


def pictures(*paths: str, ids: tuple[str, ...] = ()) -> Pictures:
    return Pictures.of(pd.DataFrame({"face_id": ids or paths, "path": paths}))


NAMES = st.sampled_from(
    [
        *("000001", "0a1b2c3d-000001", "IMG.2020.1", "IMG.2020.2", "a.thumb.700_0", "a@b", "a+b"),
        *(
            "25_0_1_20170109150557335",
            "Jürgen 1",
            "Jürgen_1",
            "100%",
            "a%20b",
            "a b",
            "a&b=c",
            "a;b",
        ),
        *(str(UUID(int=10**37 + k)) for k in range(2)),
    ]
) | st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="/\\?#"), min_size=1)
PATHS = st.builds(
    lambda folder, name, ending: f"{folder}{name}{ending}",
    st.sampled_from(["", "anna/", "ben/", "faces/ben/"]),
    NAMES,
    st.sampled_from([".jpg", ".JPG", ".jpeg", ".png", ".jpg.chip.jpg"]),
)


@given(st.lists(PATHS, min_size=1, max_size=8, unique=True), st.sampled_from(sorted(WHOLE)))
def test_an_address_with_the_path_names_its_picture(paths: list[str], kind: str) -> None:
    known = pictures(*paths, ids=tuple(f"face {k}" for k in range(len(paths))))
    for k, path in enumerate(paths):
        assume(not any(other != path and f"/{path}".endswith(f"/{other}") for other in paths))
        read = unquote(path).rpartition("/")[2].partition(".")[0]
        assume(read in path or not any(read in other for other in paths))  # quoted or not?
        assert known.face(WHOLE[kind](path)) == f"face {k}"


@given(st.lists(PATHS, min_size=1, max_size=8, unique=True), st.sampled_from(sorted(LOST)))
def test_an_address_without_the_folder_names_its_picture_or_none(
    paths: list[str], kind: str
) -> None:
    known = pictures(*paths)
    alike = [sent(path) for path in paths]
    for path in paths:
        try:
            found = known.face(LOST[kind](path))
        except DataError:
            continue
        assert found in (path, None) or alike.count(sent(path)) > 1
        if alike.count(sent(path)) == 1 and sent(path).strip("."):
            assert found == path


@given(PATHS, st.lists(PATHS, min_size=1, max_size=8, unique=True), st.sampled_from(sorted(WHOLE)))
def test_an_address_of_no_picture_names_none_of_another_name(
    path: str, paths: list[str], kind: str
) -> None:
    others = [other.rpartition("/")[2].partition(".")[0] for other in paths]
    for read in (path, unquote(path)):  # an address may be encoded or not
        name = read.rpartition("/")[2].partition(".")[0]
        assume(all(name not in path for path in paths))
        assume(all(other not in read for other in others))
    assert pictures(*paths).face(WHOLE[kind](path)) is None


def test_a_picture_of_another_folder_is_another() -> None:
    known = pictures("anna/1.jpg", "anna/2.jpg", "ben/2.jpg")
    assert known.face("s3://faces/ben/1.jpg") is None
    assert known.face("s3://faces/anna/1.jpg") == "anna/1.jpg"
    with pytest.raises(DataError, match=r"'2\.jpg' may be any of .* anna/2\.jpg, ben/2\.jpg; give"):
        known.face("2.jpg")
    with pytest.raises(DataError, match="may be any of"):
        known.face("/data/upload/1/0a1b2c3d-2.jpg")


def test_a_name_that_may_be_quoted_or_not_is_not_guessed() -> None:
    known = pictures("a%20b.jpg", "a b.jpg")
    assert known.face("https://images.example/a%20b.jpg") == "a b.jpg", "always quoted"
    with pytest.raises(DataError, match="may be any of"):
        known.face("/data/local-files/?d=a%20b.jpg")


def test_where_names_are_distinct_the_buckets_name_does_not_matter() -> None:
    known = pictures("img_align_celeba/000001.jpg", ids=("000001",))
    assert known.face("s3://celeba/000001.jpg") == "000001"
    assert known.face("000001.png") == "000001", "converted"
    assert known.face("000001") == "000001"
    assert known.face(r"/data/local-files/?d=faces\000001.jpg") == "000001"
