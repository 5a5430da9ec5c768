"""The researcher's page: what it shows, what it does, and for whom."""

import io
import re
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from fastapi.testclient import TestClient
from human import FAST, Opened, close, participant
from one_link import PLATFORM, arrive, attentive, browser, ids, one_link

from facegap.errors import DataError
from facegap.people import visitors
from facegap.people.comparing.answers import ROUND
from facegap.people.comparing.managing import Managed, site
from facegap.people.comparing.standing import standing
from facegap.people.engine import seat_people, seats

TOKEN = "t" * 32
PAGE = f"/r/{TOKEN}/"
URL = "https://study.example"


def researcher(study: Opened) -> TestClient:
    def closed() -> int:
        close(study.engine, ROUND)
        return 0

    managed = Managed(study.engine, study.sheet, PLATFORM, URL, closed)
    return TestClient(site(managed, TOKEN, limits=FAST), follow_redirects=False)


def rows(page: str) -> dict[str, list[str]]:
    """The table's rows by participant, as texts."""
    found = {}
    for row in re.findall(r"<tr[^>]*><th scope=\"row\">(.*?)</tr>", page, re.S):
        name, *rest = re.split(r"</t[hd]>", row)
        found[name] = [re.sub(r"<[^>]*>", "", text).strip() for text in rest if text.strip()]
    return found


def test_where_everybody_is_and_how_they_look(study: Opened, tmp_path: Path) -> None:
    link = one_link(study, tmp_path / "k")
    client = browser(study, link)
    attentive(arrive(client, "p-1"), study, "participant-1")
    second = arrive(client, "p-2")
    second.post("start", x="")
    expected = study.sheet.plan("participant-2").attention
    other = {"left": "right", "right": "left"}
    while (pair := second.pair()) and pair not in expected:
        second.post(f"answer/{pair}", choice="left", seconds="2")
    second.post(f"answer/{pair}", choice=other[expected[str(pair)]], seconds="2")
    arrive(client, "p-3").post("withdraw", sure="yes")
    seen = rows(researcher(study).get(PAGE).text)
    assert seen["participant-1"][:3] == ["finished", "32 of 32", "0 of 2"]
    assert seen["participant-2"][0] == "screened out", "of two one may not be missed"
    assert seen["participant-2"][2] == "1 of 1"
    assert seen["participant-2"][3] == "2.0 s"
    assert seen["participant-2-2"][0] == "withdrawn"


def test_time_left_is_that_of_the_own_pace(study: Opened) -> None:
    person = participant(study, study.invite()["participant-1"])
    person.begin()
    for seconds in ("1", "3", "30"):
        person.post(f"answer/{person.pair()}", choice="left", seconds=seconds)
    one, two = standing(study.engine, study.sheet, 60).participants
    assert (one.state, one.pace, one.left) == ("under way", 3.0, 3.0 * (one.items - 3))
    assert (two.state, two.pace, two.left) == ("not begun", None, None)


def test_silent_is_whose_place_is_free(
    study: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = one_link(study, tmp_path / "k")
    client, now = browser(study, link), [1000]
    monkeypatch.setattr(visitors, "_now", lambda: now[0])
    for name in ("p-1", "p-2", "p-3", "p-4"):
        arrive(client, name).post("start", x="")
    seen = []
    for minute in (1000, 1059, 1060, 1064, 1065, 1100):
        now[0] = minute
        (state,) = {one.state for one in standing(study.engine, study.sheet, 60).participants}
        seen.append((state, link.visitors.has_place(study.sheet.plans)))
    assert seen == [("under way", False)] * 4 + [("silent", True)] * 2


def test_nothing_of_a_side_is_shown(study: Opened, tmp_path: Path) -> None:
    client = browser(study, one_link(study, tmp_path / "k"))
    attentive(arrive(client, "p-1"), study, "participant-1")
    page = researcher(study).get(PAGE).text
    for word in ("in-domain", "out-domain", "Round", "Long", "C-DONE"):
        assert word not in page


@pytest.mark.parametrize("token", ["x", "T" * 32, "é", "t" * 31])
def test_another_token_opens_nothing(study: Opened, token: str) -> None:
    client = researcher(study)
    study.invite()
    for path in ("", "answers.zip"):
        assert client.get(f"/r/{token}/{path}").status_code == 404
    for action in ("invite", "pause", "close"):
        form = {"name": "participant-1", "sure": "yes"}
        assert client.post(f"/r/{token}/{action}", data=form).status_code == 404
    assert not standing(study.engine, study.sheet, 60).closed
    elsewhere = {"sec-fetch-site": "cross-site"}
    assert client.post(f"{PAGE}close", data={"sure": "yes"}, headers=elsewhere).status_code == 403


def test_a_link_is_shown_once_and_ends_the_earlier_one(study: Opened) -> None:
    before = study.invite()
    client = researcher(study)
    page = client.post(f"{PAGE}invite", data={"name": "participant-2"}).text
    (token,) = re.findall(rf"{URL}/s/([\w-]+)/", page)
    assert "Before you take part" in participant(study, token).see()
    assert "no such page" in participant(study, before["participant-2"]).see()
    assert token not in client.get(PAGE).text
    refused = client.post(f"{PAGE}invite", data={"name": "nobody"})
    assert refused.status_code == 409
    assert "there is no nobody" in refused.text


def test_a_link_is_made_for_the_one_alone(study: Opened) -> None:
    people = {name: plan.items for name, plan in study.sheet.plans.items()}
    seat_people(study.engine, ROUND, people)
    researcher(study).post(f"{PAGE}invite", data={"name": "participant-1"})
    assert [seat.invited for seat in seats(study.engine)] == [True, False]


def test_nobody_loses_their_way_back_by_the_one_link(study: Opened, tmp_path: Path) -> None:
    pages = browser(study, one_link(study, tmp_path / "k"))
    person = arrive(pages, "p-1")
    refused = researcher(study).post(f"{PAGE}invite", data={"name": "participant-1"})
    assert refused.status_code == 409
    assert pages.get("/start", params=ids("p-1")).headers["location"] == person.root


def test_pause_resume_close_and_export(study: Opened, tmp_path: Path) -> None:
    pages = browser(study, one_link(study, tmp_path / "k"))
    attentive(arrive(pages, "p-1"), study, "participant-1")
    client = researcher(study)
    assert client.post(f"{PAGE}pause").status_code == 422, "no form"
    assert client.post(f"{PAGE}pause", data={"x": "1"}).status_code == 303
    assert "paused" in client.get(PAGE).text
    assert "takes nobody new" in pages.get("/start", params=ids("p-2")).text
    client.post(f"{PAGE}resume", data={"x": "1"})
    arrive(pages, "p-2")
    archive = zipfile.ZipFile(io.BytesIO(client.get(f"{PAGE}answers.zip").content))
    table = pd.read_csv(archive.open("responses.csv"))
    assert len(table) == 26
    assert archive.namelist() == ["responses.csv", "familiarity.csv"]
    assert client.post(f"{PAGE}close", data={"x": "1"}).status_code == 422, "sure?"
    assert client.post(f"{PAGE}close", data={"sure": "yes"}).status_code == 303
    assert "Study of pairs: closed" in client.get(PAGE).text


def test_a_study_that_cannot_be_closed_says_why(study: Opened) -> None:
    def fails() -> int:
        raise DataError("answers.csv: holds something else")

    managed = Managed(study.engine, study.sheet, PLATFORM, URL, fails)
    client = TestClient(site(managed, TOKEN, limits=FAST), follow_redirects=False)
    refused = client.post(f"{PAGE}close", data={"sure": "yes"})
    assert refused.status_code == 409
    assert "holds something else" in refused.text
