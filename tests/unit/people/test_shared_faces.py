"""Faces that some of the annotators answer: who comes gets those with the fewest answers."""

import re
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from human import FAST, Labelling

from facegap.crops import Crops
from facegap.people.engine import (
    Answer,
    Item,
    Seat,
    invite,
    open_study,
    record,
    seat_people,
    seats,
    skip,
    undo,
)
from facegap.people.labelling.rounds import answers_of, differing, subject_of, wanting, written_of
from facegap.people.labelling.sharing import next_shared
from facegap.people.labelling.site import Album, site

NAMES = ("ada", "ben", "cleo", "dan")
FACES = [f"f{k}" for k in range(10)]
EACH = 3


@pytest.fixture
def engine(database: str | Path) -> sa.Engine:
    """Four annotators, each with ten faces in an order of their own, two of them shown again."""
    engine = open_study(database, "labelling", subject_of(FACES))
    rng = np.random.default_rng(1)
    orders = {}
    for name in NAMES:
        order = list(rng.permutation(FACES))
        again = [Item(str(face), 1, "face") for face in order[:2]]
        orders[name] = [*(Item(str(face), 0, "face") for face in order), *again]
    seat_people(engine, "labelling", orders)
    return engine


def answer(engine: sa.Engine, seat: Seat, side: str = "inside") -> Item | None:
    item = next_shared(engine, seat, EACH)
    if item:
        record(engine, seat, Answer(item.item, side, item.showing))
    return item


def test_all_faces_get_as_many_answers_however_people_come(engine: sa.Engine) -> None:
    rng, counts = np.random.default_rng(2), Counter(dict.fromkeys(FACES, 0))
    working = {seat.name: seat for seat in seats(engine, "labelling")}
    while working:
        name = str(rng.choice(sorted(working)))
        item = answer(engine, working[name])
        if item is None:
            del working[name]
        elif item.showing == 0:
            counts[item.item] += 1
            assert max(counts.values()) <= EACH
    assert set(counts.values()) == {EACH}
    answers = answers_of(engine, "labelling")
    assert wanting(answers, FACES, EACH) == 0
    for table in answers.values():
        again = set(table["face_id"][table["showing"] == 1])
        assert again <= set(table["face_id"][table["showing"] == 0])


def test_whoever_comes_first_gets_the_faces_with_the_fewest(engine: sa.Engine) -> None:
    ada, ben, *_ = seats(engine, "labelling")
    for _ in range(6):
        answer(engine, ada)
    answered = set(answers_of(engine, "labelling")["ada"]["face_id"])
    for _ in range(4):
        item = next_shared(engine, ben, EACH)
        assert item is not None
        assert item.item not in answered
        answer(engine, ben)
    item = next_shared(engine, ben, EACH)
    assert item is not None
    assert item.item in answered


def test_later_and_undo_hold_where_faces_are_shared(engine: sa.Engine) -> None:
    ada, ben, *_ = seats(engine, "labelling")
    first = next_shared(engine, ada, EACH)
    assert first is not None
    skip(engine, ada, first.item, 0)
    assert next_shared(engine, ada, EACH) != first
    for _ in range(4):
        answer(engine, ben)
    second = answer(engine, ada)
    assert second is not None
    (now, *_) = seats(engine, "labelling")
    assert now.last is not None
    undo(engine, now, now.last)
    assert next_shared(engine, ada, EACH) == second
    seen = []
    while item := answer(engine, ada):
        seen.append(item)
    assert first in seen[-2:], "put off, and not lost"


def test_who_drops_out_leaves_no_gap(engine: sa.Engine) -> None:
    ada, *others = seats(engine, "labelling")
    answer(engine, ada)
    for seat in others:
        while answer(engine, seat):
            pass
    answers = answers_of(engine, "labelling")
    assert wanting(answers, FACES, EACH) == 0
    assert set(written_of(answers, "labelling", EACH)["ben"]["face_id"]) <= set(FACES)
    assert wanting(answers, [*FACES, "f99"], EACH) == 1


def test_faces_with_too_few_answers_are_not_written_and_those_that_differ_are_decided(
    engine: sa.Engine,
) -> None:
    sat = seats(engine, "labelling")
    for seat, side in zip(sat[:EACH], ("inside", "inside", "outside"), strict=True):
        record(engine, seat, Answer("f0", side))
        record(engine, seat, Answer("f1", "inside"))
    record(engine, sat[0], Answer("f2", "inside"))
    answers = answers_of(engine, "labelling")
    written = written_of(answers, "labelling", EACH)
    assert {face for table in written.values() for face in table["face_id"]} == {"f0", "f1"}
    assert differing(answers, EACH) == ["f0"]
    assert wanting(answers, FACES, EACH) == 8


def test_the_page_says_how_faces_are_shared(engine: sa.Engine, tmp_path: Path) -> None:
    links = {seat.name: token for seat, token in invite(engine)}
    np.save(tmp_path / "shard-0.npy", np.full((10, 16, 16, 3), 90, np.uint8))
    table = {"subject_id": [None] * 10, "row": range(10)}
    album = Album(
        pd.DataFrame(table, index=pd.Index(FACES, name="face_id")),
        Crops([tmp_path / "shard-0.npy"]),
    )
    make = partial(site, boundary="b", sides={"inside": "I", "outside": "O"}, terms="t", each=EACH)
    client = Labelling(make(engine, album, limits=FAST))
    asked = 0
    for name in NAMES:
        root = f"/s/{links[name]}/"
        assert "Each face is answered by 3 people" in client.get(root).text
        while face := re.search(r'data-face="(\w+)"', page := client.get(f"{root}next").text):
            assert f"{name} · " in page
            assert "<progress" not in page
            showing = re.search(r'name="showing" value="(\d)"', page)
            assert showing
            form = {"face": face[1], "showing": showing[1], "side": "inside"}
            client.post(f"{root}answer", data=form)
            asked += showing[1] == "0"
        assert "No face wants an answer of yours" in page or asked == 0
    assert asked == EACH * len(FACES)
