"""What holds of both kinds of pages: where they work, what they show of names, what is pressed."""

import asyncio
import re
import sqlite3
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from human import FAST, Labelling, Opened
from hypothesis import example, given, settings
from hypothesis import strategies as st

from facegap.crops import Crops
from facegap.people.comparing.site import site as comparing
from facegap.people.engine import invite, open_study, seat_of, seat_people
from facegap.people.labelling.rounds import faces_in, subject_of
from facegap.people.labelling.site import Album, site
from facegap.people.web.app import form

NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


def served(folder: Path, faces: list[str]) -> tuple[Labelling, str, str]:
    """Pages on which ada labels and a third decides on `faces`; their tokens."""
    engine = open_study(folder / "labelling.sqlite", "labelling", subject_of(faces))
    for of_round, name in (("labelling", "ada"), ("adjudication", "third")):
        seat_people(engine, of_round, {name: faces_in(faces)})
    tokens = {seat.name: token for seat, token in invite(engine)}
    np.save(folder / "shard-0.npy", np.full((len(faces), 16, 16, 3), 90, np.uint8))
    table = {"subject_id": ["p"] * len(faces), "row": range(len(faces))}
    album = Album(
        pd.DataFrame(table, index=pd.Index(faces, name="face_id")),
        Crops([folder / "shard-0.npy"]),
    )
    sides = {"inside": "I", "outside": "O"}
    app = site(engine, album, boundary="b", sides=sides, terms="t", limits=FAST)
    return Labelling(app), tokens["ada"], tokens["third"]


@settings(max_examples=8)
@given(st.lists(NAMES, min_size=2, max_size=4, unique=True))
@example(["photo#1", "what?", "100%", "%41", "IMG%25", "line\nbreak", "a/../b", "Jürgen Weiß"])
@example(["1_Black_Female_23.jpg", "2_White_Male_61.jpg"])
def test_a_face_may_have_any_name_and_nobody_sees_it(
    tmp_path_factory: pytest.TempPathFactory, faces: list[str]
) -> None:
    faces = [f"{face}Zq7" for face in faces]
    client, ada, third = served(tmp_path_factory.mktemp("names"), faces)
    for token in (ada, third):
        for _ in faces:
            page = client.get(f"/s/{token}/next").text
            pictures = re.findall(r'<img[^>]* src="([^"]*)"', page)
            assert len(pictures) == min(len(faces), 9)
            assert {client.get(src.replace("&amp;", "&")).status_code for src in pictures} == {200}
            fields = dict(re.findall(r'name="(face|showing)" value="([^"]*)"', page))
            assert re.fullmatch("[0-9a-f]{32}", fields["face"])
            shown = client.post(f"/s/{token}/answer", data={**fields, "side": "inside"})
            assert (shown.status_code, len(shown.history)) == (200, 1)
            assert "Zq7" not in page + shown.text + str(shown.url)
    assert "All faces are answered" in client.get(f"/s/{ada}/next").text


def test_undo_that_is_pressed_twice_takes_one_answer_back(
    client: Labelling, engine: sa.Engine, links: dict[str, str]
) -> None:
    ada = links["ada"]
    for face in ("f0", "f1", "f2"):
        given = {"face": client.codes[face], "showing": "0", "side": "inside"}
        client.post(f"/s/{ada}/answer", data=given)
    found = re.search(r'name="last" value="(\d+)"', client.get(f"/s/{ada}/next").text)
    assert found
    for _ in range(3):
        assert client.post(f"/s/{ada}/undo", data={"last": found[1]}).status_code == 200
    seat = seat_of(engine, ada)
    assert seat
    assert seat.answered == 2
    for last in ("", "x", "-1", "9" * 19):
        assert client.post(f"/s/{ada}/undo", data={"last": last}).status_code == 422
    assert client.post(f"/s/{ada}/undo").status_code == 422


def waiting(dependant: Dependant) -> list[str]:
    """What of a route runs on the event loop."""
    found = [name for each in dependant.dependencies for name in waiting(each)]
    call = dependant.call
    return [*found, call.__name__] if asyncio.iscoroutinefunction(call) else found


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_no_page_asks_the_disk_on_the_event_loop(study: Opened, tmp_path: Path) -> None:
    labelling = served(tmp_path, ["f0"])[0].app
    apps = (labelling, comparing(study.engine, study.sheet, consent="Text."))
    routes = [route for app in apps for route in app.routes if isinstance(route, APIRoute)]
    routes += [
        route
        for app in apps
        for included in app.routes
        for route in getattr(getattr(included, "original_router", None), "routes", ())
        if isinstance(route, APIRoute)
    ]
    assert len(routes) >= 13
    pictures_in_memory = "picture"
    known = {form.__name__, pictures_in_memory}
    assert {name for route in routes for name in waiting(route.dependant)} == known


def test_who_reads_does_not_wait_for_who_stores(tmp_path: Path) -> None:
    client, ada, _ = served(tmp_path, [f"f{k}" for k in range(6)])
    face = re.search(r'name="face" value="(\w+)"', client.get(f"/s/{ada}/next").text)
    assert face
    given = {"face": face[1], "showing": "0", "side": "inside"}

    async def pages() -> tuple[list[int], int, list[int]]:
        transport = httpx.ASGITransport(client.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as together:
            posts = [
                asyncio.ensure_future(together.post(f"/s/{ada}/answer", data=given))
                for _ in range(60)
            ]
            await asyncio.sleep(0.5)  # until they hold all the threads that they get
            found = [
                (await together.get(path)).status_code
                for path in (f"/s/{ada}/next", f"/s/{ada}/face/{face[1]}", "/static/web/style.css")
            ]
            done = sum(post.done() for post in posts)
            other.execute("ROLLBACK")
            return found, done, [(await post).status_code for post in posts]

    other = sqlite3.connect(
        tmp_path / "labelling.sqlite", isolation_level=None, check_same_thread=False
    )
    other.execute("BEGIN IMMEDIATE")
    found, done, then = asyncio.run(pages())
    other.close()
    assert found == [200, 200, 200]
    assert done == 0, "nobody who stores had to end before"
    assert set(then) <= {303, 503}
