"""Many faces of one pseudo-label at once: what marks mean, and what is refused."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from human import FAST, Labelling, close

from facegap.crops import Crops
from facegap.people.commands import print_status
from facegap.people.engine import invite, open_study, seat_people
from facegap.people.facts import codes
from facegap.people.labelling.grid import MOST, of_one_side
from facegap.people.labelling.rounds import answers_of, faces_in, subject_of
from facegap.people.labelling.site import Album, site

FACES = [f"f{k}" for k in range(12)]
PSEUDO = {face: ("inside", "outside")[k % 3 == 0] for k, face in enumerate(FACES)}
OUTSIDE = [face for face, side in PSEUDO.items() if side == "outside"]
INSIDE = [face for face, side in PSEUDO.items() if side == "inside"]


@pytest.fixture
def engine(database: str | Path) -> sa.Engine:
    engine = open_study(database, "labelling", subject_of(FACES))
    seat_people(engine, "verification", {"eva": faces_in(FACES)})
    seat_people(engine, "labelling", {"ada": faces_in(FACES)})
    return engine


@pytest.fixture
def client(engine: sa.Engine, tmp_path: Path) -> Iterator[Labelling]:
    np.save(tmp_path / "shard-0.npy", np.full((12, 16, 16, 3), 90, np.uint8))
    table = {"subject_id": [None] * 12, "row": range(12)}
    album = Album(
        pd.DataFrame(table, index=pd.Index(FACES, name="face_id")),
        Crops([tmp_path / "shard-0.npy"]),
    )
    sides = {"inside": "Round", "outside": "Long"}
    app = site(
        engine, album, boundary="b", sides=sides, terms="t", pseudo_labels=PSEUDO, limits=FAST
    )
    with Labelling(app, follow_redirects=False) as client:
        client.codes = codes(engine, FACES)
        yield client


@pytest.fixture
def root(engine: sa.Engine) -> str:
    links = {seat.name: token for seat, token in invite(engine)}
    return f"/s/{links['eva']}/"


def form(client: Labelling, faces: list[str], side: str, *wrong: str) -> dict[str, str]:
    codes_of = [client.codes[face] for face in faces]
    marks = {f"wrong-{client.codes[face]}": "1" for face in wrong}
    return {"side": side, "faces": " ".join(codes_of), "seconds": "8", **marks}


def test_what_is_left_unmarked_is_the_pseudo_label_and_the_rest_is_not(
    engine: sa.Engine, client: Labelling, root: str
) -> None:
    page = client.get(f"{root}grid").text
    assert 'not <span class="side">Long</span>' in page, "f0 is the most uncertain"
    shown = re.findall(r'name="wrong-(\w+)"', page)
    assert shown == [client.codes[face] for face in OUTSIDE]
    sent = client.post(f"{root}grid", data=form(client, OUTSIDE, "outside", "f3", "f9"))
    assert sent.status_code == 303
    assert sent.headers["location"] == f"{root}grid"
    table = answers_of(engine, "verification")["eva"].set_index("face_id")["side"]
    assert table.to_dict() == {"f0": "outside", "f3": "inside", "f6": "outside", "f9": "inside"}
    page = client.get(f"{root}grid").text
    assert re.findall(r'name="wrong-(\w+)"', page) == [client.codes[face] for face in INSIDE]
    client.post(f"{root}grid", data=form(client, INSIDE, "inside"))
    assert "All faces are answered" in client.get(f"{root}grid").text


def test_the_time_of_a_face_is_its_share_of_the_pages(
    engine: sa.Engine, client: Labelling, root: str, capsys: pytest.CaptureFixture[str]
) -> None:
    client.post(f"{root}grid", data=form(client, OUTSIDE, "outside"))
    print_status(engine)
    assert "4 of 12  2.0 s an answer" in capsys.readouterr().out


def test_the_same_form_twice_counts_once_and_another_answer_stands(
    engine: sa.Engine, client: Labelling, root: str
) -> None:
    given = form(client, OUTSIDE, "outside", "f3")
    for _ in range(2):
        assert client.post(f"{root}grid", data=given).status_code == 303
    changed = client.post(f"{root}grid", data=form(client, OUTSIDE, "outside", "f0"))
    assert changed.status_code == 409
    assert "answered in another window" in changed.text
    table = answers_of(engine, "verification")["eva"].set_index("face_id")["side"]
    assert table.to_dict() == {"f0": "outside", "f3": "inside", "f6": "outside", "f9": "outside"}


def test_what_is_no_answer_is_refused_and_nothing_is_stored(
    engine: sa.Engine, client: Labelling, root: str
) -> None:
    good = form(client, OUTSIDE, "outside")
    code = client.codes["f0"]
    for change in (
        {"faces": ""},
        {"faces": "x"},
        {"faces": f"{code} {code}"},
        {"faces": client.codes["f1"]},  # of the other pseudo-label
        {"faces": f"{code} {client.codes['f1']}"},
        {"side": "inside"},
        {"side": ""},
        {"wrong-x": "1"},
        {f"wrong-{client.codes['f1']}": "1"},
    ):
        assert client.post(f"{root}grid", data={**good, **change}).status_code == 422, change
    assert answers_of(engine, "verification")["eva"].empty


def test_only_the_verification_has_a_grid(engine: sa.Engine, client: Labelling) -> None:
    links = {seat.name: token for seat, token in invite(engine)}
    ada, eva = f"/s/{links['ada']}/", f"/s/{links['eva']}/"
    assert client.get(f"{ada}grid").status_code == 404
    assert "Many at once" not in client.get(ada).text
    assert "Many at once" in client.get(eva).text
    assert client.post(f"{ada}grid", data=form(client, OUTSIDE, "outside")).status_code == 404
    close(engine, "verification")
    assert "closed" in client.get(f"{eva}grid").text
    assert client.post(f"{eva}grid", data=form(client, OUTSIDE, "outside")).status_code == 409


def test_no_more_than_a_hundred_at_once() -> None:
    waiting = [f"g{k}" for k in range(150)]
    side, faces = of_one_side(["unknown", *waiting], dict.fromkeys(waiting, "inside"))
    assert (side, faces) == ("inside", waiting[:MOST])
    assert of_one_side(["unknown"], {}) == ("", [])
