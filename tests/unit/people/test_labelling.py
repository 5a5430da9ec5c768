"""The labelling pages without a browser: what they refuse, and that no answer is lost."""

import re
import sqlite3
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from human import Labelling, close
from hypothesis import given, settings
from hypothesis import strategies as st

from facegap.errors import DataError, StoreError
from facegap.people.engine import (
    Seat,
    invite,
    open_study,
    reopen,
    seat_of,
    seat_people,
    skip,
)
from facegap.people.facts import codes
from facegap.people.labelling.rounds import (
    answers_of,
    bring_in,
    differing,
    faces_in,
    order_of,
    subject_of,
)
from facegap.people.tables import EVENTS, META
from facegap.people.web.store import reading, writing
from facegap.seeds import generator
from facegap.tables.annotate import ANSWERS

SAMPLE = [f"f{k}" for k in range(6)]
ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # where it is the same


def say(client: Labelling, token: str, face: str, side: str, **more: str) -> int:
    given = {"face": client.codes.get(face, face), "showing": "0", "side": side, **more}
    return client.post(f"/s/{token}/answer", data=given, follow_redirects=False).status_code


def take_back(client: Labelling, token: str) -> int:
    """Press the button that the page has for it."""
    found = re.search(r'name="last" value="(\d*)"', client.get(f"/s/{token}/next").text)
    assert found
    given = {"last": found[1]}
    return client.post(f"/s/{token}/undo", data=given, follow_redirects=False).status_code


def seat(engine: sa.Engine, token: str) -> Seat:
    holder = seat_of(engine, token)
    assert holder
    return holder


def stored(engine: sa.Engine, token: str) -> dict[str, str]:
    holder = seat(engine, token)
    table = answers_of(engine, holder.round)[holder.name]
    return dict(zip(table["face_id"], table["side"], strict=True))


def test_a_wrong_link_opens_nothing(client: Labelling, links: dict[str, str]) -> None:
    f0 = client.codes["f0"]
    for path in ("", "next", f"face/{f0}", f"revealed/{f0}"):
        assert client.get(f"/s/wrong/{path}").status_code == 404
    for path in ("face/%00", f"face/{f0}?of=%00", "face/f0", "revealed/%00", "revealed/f0"):
        for name in ("ada", "third"):
            assert client.get(f"/s/{links[name]}/{path}").status_code == 404
    assert say(client, "wrong", "f0", "inside") == 404
    assert client.post("/s/wrong/undo", data={"last": "1"}).status_code == 404


@ON_SQLITE
def test_only_ones_own_faces_and_the_persons_others_are_shown(
    client: Labelling, links: dict[str, str]
) -> None:
    ada, code = links["ada"], client.codes

    def status(face: str, of: str = "") -> int:
        path = f"/s/{ada}/face/{code[face]}" + (of and f"?of={code[of]}")
        return client.get(path).status_code

    found = client.get(f"/s/{ada}/face/{code['f0']}")
    assert found.headers["content-type"] == "image/jpeg"
    assert status("f6") == 404
    assert status("f6", "f0") == 200  # the same person
    assert status("f7", "f2") == 404  # two unknown persons are not one
    assert status("f7", "f7") == 404
    page = client.get(f"/s/{ada}/next").text
    assert f"face/{code['f6']}?of={code['f0']}" in page
    assert "&lt;Other&gt;" in page
    assert "Keep to the terms." in client.get(f"/s/{ada}/").text


@ON_SQLITE
@pytest.mark.parametrize(
    ("face", "side", "more"),
    [
        ("f0", "White", {}),
        ("f0", "", {}),
        ("f7", "inside", {}),
        ("f99", "inside", {}),
        ("f0", "inside", {"showing": "1"}),
        ("f0", "inside", {"showing": "x"}),
    ],
)
def test_an_answer_that_is_none_is_refused(
    client: Labelling,
    engine: sa.Engine,
    links: dict[str, str],
    face: str,
    side: str,
    more: dict[str, str],
) -> None:
    assert say(client, links["ada"], face, side, **more) == 422
    assert stored(engine, links["ada"]) == {}


def test_the_same_answer_twice_is_one_and_another_is_refused(
    client: Labelling, engine: sa.Engine, links: dict[str, str]
) -> None:
    ada = links["ada"]
    assert [say(client, ada, "f0", side) for side in ("inside", "inside", "outside")] == [
        *(303, 303, 409)
    ]
    assert stored(engine, ada) == {"f0": "inside"}
    assert stored(engine, links["ben"]) == {}


def test_a_link_used_twice_at_once_keeps_one_answer_a_face(
    client: Labelling, engine: sa.Engine, links: dict[str, str]
) -> None:
    sides = ["inside", "outside"] * 6
    with ThreadPoolExecutor(6) as pool:
        jobs = [
            (face, pool.submit(say, client, links["ada"], face, side))
            for face in SAMPLE
            for side in sides
        ]
        statuses = [(face, job.result()) for face, job in jobs]
    assert {status for _, status in statuses} == {303, 409}
    assert set(stored(engine, links["ada"])) == set(SAMPLE)
    with reading(engine) as connection:
        assert connection.execute(sa.select(sa.func.count(EVENTS.c.id))).scalar() == 6


def test_after_closing_nothing_is_taken_until_it_is_opened_again(
    client: Labelling, engine: sa.Engine, links: dict[str, str]
) -> None:
    ada = links["ada"]
    say(client, ada, "f0", "inside")
    close(engine, "labelling")
    last = {"last": str(seat(engine, ada).last)}
    given = {"face": client.codes["f1"], "showing": "0", "side": "inside"}
    late = client.post(f"/s/{ada}/answer", data=given)
    assert late.status_code == 409
    assert "This answer was not stored" in late.text
    assert client.post(f"/s/{ada}/undo", data=last).status_code == 409
    assert say(client, ada, "f1", "skip") == 409
    assert "This is closed" in client.get(f"/s/{ada}/next").text
    assert stored(engine, ada) == {"f0": "inside"}
    reopen(engine, "labelling")
    assert say(client, ada, "f1", "inside") == 303


def test_undo_and_skip_are_recorded_and_lose_nothing(
    client: Labelling, engine: sa.Engine, links: dict[str, str]
) -> None:
    ada = links["ada"]
    say(client, ada, "f0", "skip")
    say(client, ada, "f1", "inside", tentative="1", seconds="2.5")
    assert f'value="{client.codes["f1"]}"' not in client.get(f"/s/{ada}/next").text
    assert take_back(client, ada) == 303
    assert f'value="{client.codes["f1"]}"' in client.get(f"/s/{ada}/next").text
    say(client, ada, "f1", "outside", seconds="nan")
    with reading(engine) as connection:
        wanted = sa.select(EVENTS).order_by(EVENTS.c.id)
        events = [
            (row.item, row.what, row.details, row.seconds) for row in connection.execute(wanted)
        ]
    assert events == [
        ("f0", "skip", {}, None),
        ("f1", "inside", {"tentative": True}, 2.5),
        ("f1", "undo", {}, None),
        ("f1", "outside", {"tentative": False}, None),
    ]
    for face in ("f2", "f3", "f4", "f5"):
        say(client, ada, face, "unsure")
    assert f'value="{client.codes["f0"]}"' in client.get(f"/s/{ada}/next").text  # not lost
    say(client, ada, "f0", "inside")
    assert "All faces are answered" in client.get(f"/s/{ada}/next").text


def test_an_adjudicator_sees_the_answers_after_choosing_only(
    client: Labelling, engine: sa.Engine, links: dict[str, str]
) -> None:
    for face in SAMPLE:
        say(client, links["ada"], face, "inside")
        say(client, links["ben"], face, "outside" if face == "f3" else "inside")
    third = links["third"]
    assert "Nothing to decide yet" in client.get(f"/s/{third}/next").text
    differ = differing(answers_of(engine, "labelling"))
    assert differ == ["f3"]
    seat_people(engine, "adjudication", {"third": faces_in(differ)})
    page = client.get(f"/s/{third}/next").text
    assert not re.search(r"\b(ada|ben)\b", page)
    f3 = client.codes["f3"]
    assert client.get(f"/s/{third}/revealed/{f3}").status_code == 404
    assert client.get(f"/s/{links['ada']}/revealed/{f3}").status_code == 404
    chosen = {"face": f3, "showing": "0", "side": "outside"}
    shown = client.post(f"/s/{third}/answer", data=chosen).text
    assert "ada" in shown
    assert "ben" in shown
    assert say(client, third, "f3", "inside", keep="1") == 303
    assert stored(engine, third) == {"f3": "inside"}


def label(client: Labelling, token: str, sides: Mapping[str, str], count: int) -> list[str]:
    """Answer on what the page shows, `count` times; the faces."""
    face_of, shown = {code: face for face, code in client.codes.items()}, []
    for _ in range(count):
        page = client.get(f"/s/{token}/next").text
        face, showing = (
            re.search(rf'name="{name}" value="(\w+)"', page) for name in ("face", "showing")
        )
        assert face
        assert showing
        shown.append(face_of[face[1]])
        assert say(client, token, face[1], sides[shown[-1]], showing=showing[1], keep="1") == 303
    return shown


def test_a_round_goes_on_when_the_server_is_started_again(
    client: Labelling,
    engine: sa.Engine,
    links: dict[str, str],
    database: str | Path,
    application: Callable[[sa.Engine], FastAPI],
) -> None:
    ada = dict.fromkeys(SAMPLE, "inside")
    both = {"ada": ada, "ben": ada | {"f3": "outside", "f5": "unsure"}}
    with ThreadPoolExecutor(2) as pool:
        jobs = {name: pool.submit(label, client, links[name], both[name], 3) for name in both}
    first = {name: job.result() for name, job in jobs.items()}
    engine.dispose()
    again = open_study(database, "labelling", subject_of(SAMPLE))
    seat_people(again, "labelling", dict.fromkeys(both, faces_in(SAMPLE)))
    assert invite(again) == []
    with Labelling(application(again)) as restarted:
        restarted.codes = codes(again, client.codes)
        assert restarted.codes == client.codes, "an address in a browser goes on being one"
        assert "3 of 6" in restarted.get(f"/s/{links['ada']}/").text
        for name, sides in both.items():
            assert sorted(first[name] + label(restarted, links[name], sides, 3)) == SAMPLE
            assert stored(again, links[name]) == sides
        close(again, "labelling")
        differ = differing(answers_of(again, "labelling"))
        seat_people(again, "adjudication", {"third": faces_in(differ)})
        decided = {"f3": "inside", "f5": "outside"}
        assert label(restarted, links["third"], decided, 2) == ["f3", "f5"]
        close(again, "adjudication")
        assert say(restarted, links["third"], "f3", "outside") == 409
    assert stored(again, links["third"]) == decided


@ON_SQLITE
def test_a_locked_or_full_database_says_so_and_keeps_what_it_had(
    client: Labelling,
    engine: sa.Engine,
    links: dict[str, str],
    tmp_path: Path,
) -> None:
    ada = links["ada"]
    say(client, ada, "f0", "inside")
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=50")
    with sqlite3.connect(tmp_path / "a.sqlite", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        assert say(client, ada, "f1", "inside") == 503
        other.execute("ROLLBACK")
    other.close()
    assert say(client, ada, "f1", "inside") == 303
    with engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
    ada_seat = seat(engine, ada)
    with pytest.raises(StoreError, match="the disk is full"):
        deque(skip(engine, ada_seat, "f2", 0) for _ in range(1000))
    assert say(client, ada, "f2", "skip") == 503
    assert stored(engine, ada) == {"f0": "inside", "f1": "inside"}


def test_a_database_of_another_sample_is_refused(engine: sa.Engine, database: str | Path) -> None:
    open_study(database, "labelling", subject_of(reversed(SAMPLE)))
    with pytest.raises(DataError, match=r"of another study .* with other images, seed, split"):
        open_study(database, "labelling", subject_of([*SAMPLE, "f9"]))


def test_answers_from_elsewhere_come_whole_or_not_at_all(
    client: Labelling, engine: sa.Engine, links: dict[str, str]
) -> None:
    ada = seat(engine, links["ada"])

    def brought(rows: pd.DataFrame) -> int:
        with writing(engine) as connection:
            return bring_in(connection, ada, rows)

    say(client, links["ada"], "f0", "inside")
    rows = pd.DataFrame({"face_id": ["f0", "f1"], "side": ["inside", "outside"]})
    rows = rows.assign(tentative=False, showing=0)
    assert brought(rows) == 1
    assert brought(rows) == 0
    bad = rows.assign(face_id=["f2", "f1"], side=["inside", "inside"])
    with pytest.raises(DataError, match="ada has answered 'outside' on f1 already, not 'inside'"):
        brought(bad)
    with pytest.raises(DataError, match="f7 is not shown to ada"):
        brought(bad.assign(face_id=["f2", "f7"]))
    assert stored(engine, links["ada"]) == {"f0": "inside", "f1": "outside"}


def test_new_links_end_the_old_ones_and_keep_the_answers(
    client: Labelling, engine: sa.Engine, links: dict[str, str]
) -> None:
    say(client, links["ada"], "f0", "inside")
    assert invite(engine) == []
    ((_, fresh),) = invite(engine, ["ada"])
    assert client.get(f"/s/{links['ada']}/next").status_code == 404
    assert stored(engine, fresh) == {"f0": "inside"}
    assert client.get(f"/s/{links['ben']}/next").status_code == 200
    with reading(engine) as connection:
        dump = str([connection.execute(sa.select(t)).all() for t in META.sorted_tables])
    assert "ada" in dump
    assert fresh not in dump, "the database holds no link"
    with pytest.raises(DataError, match="there is no nobody; there are ada, ben, third"):
        invite(engine, ["nobody"])


def of(seed: int, name: str) -> np.random.Generator:
    return generator(seed, "labelling_order", annotator=name)


@settings(max_examples=40)
@given(st.integers(1, 80), st.sampled_from([0.0, 0.05, 0.5, 1.0]), st.integers(0, 99))
def test_every_face_comes_once_and_again_only_later(n: int, repeated: float, seed: int) -> None:
    faces = pd.Series([f"{k:03}" for k in range(n)])
    order = pd.DataFrame(order_of(faces, repeated, of(seed, "ada")))
    first, again = (order[order["showing"] == k].reset_index() for k in (0, 1))
    assert sorted(first["item"]) == faces.tolist()
    assert len(again) == round(repeated * n)
    places = first.set_index("item")["index"]
    assert (again["index"].to_numpy() > places[again["item"]].to_numpy()).all()
    if n > 20:
        other = order_of(faces, repeated, of(seed, "ben"))
        assert order["item"].tolist() != [item.item for item in other]


def test_what_is_written_is_a_table_of_answers(
    client: Labelling, engine: sa.Engine, links: dict[str, str]
) -> None:
    assert ANSWERS.validate(answers_of(engine, "labelling")["ben"]).empty
    say(client, links["ben"], "f3", "unsure", tentative="1")
    rows = ANSWERS.validate(answers_of(engine, "labelling")["ben"])
    assert rows.to_numpy().tolist() == [["f3", "unsure", True, 0]]
