"""One link for all: who is seated where, what the platform is told, and what is refused."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from human import Opened, Participant, close, command
from hypothesis import given, settings
from hypothesis import strategies as st
from one_link import arrive, attentive, browser, ids, one_link

from facegap.errors import ConfigError, DataError
from facegap.participants import list_of, name_in
from facegap.people import visitors as visiting
from facegap.people.comparing.answers import ROUND, exported
from facegap.people.comparing.recruiting import OneLink, allowed
from facegap.people.engine import seats
from facegap.people.tables import APART, VISITORS
from facegap.people.visitors import (
    forget,
    has_visitors,
    open_visitors,
    pause,
    visitors_in,
)
from facegap.people.web.store import reading
from facegap.people.web.tokens import hashed
from facegap.settings.recruitment import Ending

ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return tmp_path / "human/data/comparisons/human.key"


@pytest.fixture
def link(study: Opened, key: Path) -> OneLink:
    return one_link(study, key)


def test_who_comes_back_by_the_link_goes_on_where_they_were(study: Opened, link: OneLink) -> None:
    person = arrive(browser(study, link), "p-1")
    person.post("start", x="")
    person.post(f"answer/{person.pair()}", choice="left")
    second = person.pair()
    again = browser(study, link)  # another device
    found = again.get("/start", params=ids("p-1"))
    assert found.headers["location"] == person.root
    assert Participant(again, person.root).pair() == second
    entered = again.post("/start", data={**ids("p-1"), "agree": "yes"})  # called twice
    assert entered.headers["location"] == person.root
    assert len(seats(study.engine)) == 1


def test_looking_at_any_page_changes_nothing(study: Opened, link: OneLink) -> None:
    client = browser(study, link)
    tables = {**APART.tables, **{t.name: t for t in other_tables(study.engine)}}

    def all_rows() -> dict[str, list[tuple[object, ...]]]:
        with reading(study.engine) as connection:
            return {
                name: sorted(connection.execute(sa.select(table)).tuples().all(), key=repr)
                for name, table in tables.items()
            }

    empty = all_rows()
    for _ in range(3):  # a mail scanner, a chat preview, the person
        client.get("/start", params=ids("p-1"))
        client.head("/start", params=ids("p-1"))
    assert all_rows() == empty
    person = arrive(client, "p-1")
    for done in range(4):
        before = all_rows()
        for page in ("", "?on=1", "withdraw"):
            client.get(person.root + page)
        client.get("/start", params=ids("p-1"))
        assert all_rows() == before, done
        if done == 0:
            person.post("start", x="")
        person.post(f"answer/{person.pair()}", choice="left")
        assert all_rows() != before


def other_tables(engine: sa.Engine) -> list[sa.Table]:
    meta = sa.MetaData()
    meta.reflect(engine)
    return [table for name, table in meta.tables.items() if name not in APART.tables]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "does not say who you are"),
        ({"PROLIFIC_PID": ""}, "does not say who you are"),
        ({"PROLIFIC_PID": "x" * 129}, "does not say who you are"),
        ({"PROLIFIC_PID": "{{%PROLIFIC_PID%}}"}, "does not say who you are"),
        ({"PROLIFIC_PID": "<script>"}, "does not say who you are"),
        ({"PROLIFIC_PID": "p\n1"}, "does not say who you are"),
        ({"PROLIFIC_PID": ["p1", "p2"]}, "does not say who you are"),
        ({"PROLIFIC_PID": "p1", "STUDY_ID": "study-2"}, "of another study"),
        ({"PROLIFIC_PID": "p1", "STUDY_ID": ""}, "of another study"),
    ],
)
def test_ids_that_are_none_are_refused_in_words(
    study: Opened, link: OneLink, given: dict[str, str], words: str
) -> None:
    client = browser(study, link)
    asked = {"STUDY_ID": "study-1", **given}
    found = client.get("/start", params=asked)
    assert (found.status_code, words in found.text) == (422, True)
    posted = client.post("/start", data={**asked, "agree": "yes"})
    assert posted.status_code == 422
    assert not seats(study.engine)


def test_consent_comes_first(study: Opened, link: OneLink) -> None:
    client = browser(study, link)
    assert client.post("/start", data=ids("p-1")).status_code == 422
    assert not seats(study.engine)
    elsewhere = {"sec-fetch-site": "cross-site"}
    form = {**ids("p-1"), "agree": "yes"}
    assert client.post("/start", data=form, headers=elsewhere).status_code == 403


def test_the_list_that_the_fewest_completed_is_given_and_late_places_are_freed(
    study: Opened, link: OneLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = browser(study, link)
    minute = [1000]
    monkeypatch.setattr(visiting, "_now", lambda: minute[0])
    arrive(client, "p-1")
    second = arrive(client, "p-2")
    attentive(second, study, "participant-2")
    arrive(client, "p-3")
    names = [seat.name for seat in seats(study.engine)]
    assert names == ["participant-1", "participant-2", "participant-1-2"], "list 2 has one done"
    arrive(client, "p-4")
    full = client.get("/start", params=ids("p-5"))
    assert "takes nobody new" in full.text
    assert 'href="https://platform.example/back?who=p-5"' in full.text, "the link has the id"
    assert client.post("/start", data={**ids("p-5"), "agree": "yes"}).status_code == 200
    assert len(seats(study.engine)) == 4
    minute[0] += 60
    assert "takes nobody new" in client.get("/start", params=ids("p-5")).text
    minute[0] += visiting.NOTED  # an answer within these was not noted
    arrive(client, "p-5")
    assert seats(study.engine)[-1].name == "participant-1-3"
    minute[0] += 20
    late = client.get("/start", params=ids("p-1"))  # whose place is another's now
    person = Participant(client, late.headers["location"])
    attentive(person, study, "participant-1")
    assert "C-DONE" in person.see(), "who comes back late may still finish"


def test_who_answers_keeps_their_place(
    study: Opened, link: OneLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = browser(study, link)
    minute = [1000]
    monkeypatch.setattr(visiting, "_now", lambda: minute[0])
    person = arrive(client, "p-1")
    person.post("start", x="")
    for _ in range(5):
        minute[0] += 20
        person.post(f"answer/{person.pair()}", choice="left")
    with reading(study.engine) as connection:
        assert [each.seen for each in visitors_in(connection, ROUND)] == [1100]


def test_each_ending_has_its_code_or_redirect_once_the_answer_is_stored(
    study: Opened, link: OneLink
) -> None:
    client = browser(study, link)
    done = arrive(client, "p-1")
    assert "C-DONE" not in done.see()
    attentive(done, study, "participant-1")
    page = done.see()
    assert "C-DONE" in page
    assert 'href="https://platform.example/done?cc=C-DONE"' in page
    half = arrive(client, "p-2")
    half.post("start", x="")
    half.post(f"answer/{half.pair()}", choice="left")
    assert half.post("withdraw", sure="yes") == 303
    assert 'href="https://platform.example/back?who=p-2"' in half.see()
    client.cookies.clear()
    page = half.see()
    assert "who=" not in page, "the server does not know the id"
    assert "open the study from there once more" in page
    found = client.get("/start", params=ids("p-2"))  # which gives the browser the id again
    assert "who=p-2" in client.get(found.headers["location"]).text
    wrong = arrive(client, "p-3")
    wrong.post("start", x="")
    expected = study.sheet.plan(seats(study.engine)[-1].name).attention
    sent = 0
    while pair := wrong.pair():
        sent += 1
        other = {"left": "right", "right": "left"}
        choice = other[expected[pair]] if pair in expected else "left"
        assert wrong.post(f"answer/{pair}", choice=choice) == 303
    page = wrong.see()
    assert "Your part ends here" in page
    assert "C-OUT" in page
    assert wrong.post(f"answer/{next(iter(expected))}", choice="left") == 409
    assert len(exported(study.engine)[0]) == 24 + 2 + sent


def test_a_withdrawal_after_completion_deletes_the_answers_and_keeps_the_code(
    study: Opened, link: OneLink
) -> None:
    client = browser(study, link)
    person = arrive(client, "p-1")
    attentive(person, study, "participant-1")
    assert person.post("withdraw", sure="yes") == 303
    page = person.see()
    assert "Your answers are deleted" in page
    assert "C-DONE" in page
    assert len(exported(study.engine)[0]) == 0
    assert arrive(client, "p-2").root != person.root
    assert seats(study.engine)[-1].name == "participant-1-2", "their list is to be completed again"
    again = client.get("/start", params=ids("p-1")).headers["location"]
    assert "Your answers are deleted" in client.get(again).text


def test_of_many_who_come_at_once_each_gets_one_place(study: Opened, link: OneLink) -> None:
    lists = {name: plan.items for name, plan in study.sheet.plans.items()}
    people = [f"p-{k % 8}" for k in range(32)]  # each four times, of whom four find a place
    with ThreadPoolExecutor(8) as pool:
        tokens = list(pool.map(lambda person: link.visitors.admit(person, lists), people))
    by_person = {
        person: {t for p, t in zip(people, tokens, strict=True) if p == person} for person in people
    }
    assert sorted(len(each) for each in by_person.values()) == [1] * 8
    assert sum(each != {None} for each in by_person.values()) == 4
    names = [seat.name for seat in seats(study.engine)]
    assert sorted(names) == [
        *("participant-1", "participant-1-2", "participant-2", "participant-2-2")
    ]


def test_the_ids_are_stored_nowhere_and_forgotten_at_the_end(
    study: Opened, link: OneLink, key: Path
) -> None:
    person = arrive(browser(study, link), "RECOGNISABLE-ID")
    attentive(person, study, "participant-1")
    assert key.stat().st_mode & 0o777 == 0o600
    with reading(study.engine) as connection:
        for table in [*other_tables(study.engine), VISITORS]:
            rows = connection.execute(sa.select(table)).all()
            assert "RECOGNISABLE-ID" not in repr(rows), table.name
            assert link.visitors.token("RECOGNISABLE-ID") not in repr(rows), table.name
    with pytest.raises(DataError, match="close it first"):
        forget(study.engine, key, ROUND)
    assert key.exists()
    close(study.engine, ROUND)
    forget(study.engine, key, ROUND)
    assert not key.exists()
    assert not seats(study.engine)[0].invited
    with reading(study.engine) as connection:
        assert [each.seen for each in visitors_in(connection, ROUND)] == [None]
    assert len(exported(study.engine)[0]) == 24 + 2


@ON_SQLITE
def test_what_is_forgotten_is_gone_from_the_disk_too(
    study: Opened, link: OneLink, key: Path, tmp_path: Path
) -> None:
    person = arrive(browser(study, link), "p-1")
    token = person.root.split("/")[2]
    files = [*tmp_path.rglob("*.sqlite*")]
    assert files

    def stored() -> bytes:
        return b"".join(file.read_bytes() for file in tmp_path.rglob("*.sqlite*"))

    assert hashed(token).encode() in stored()
    close(study.engine, ROUND)
    forget(study.engine, key, ROUND)
    assert hashed(token).encode() not in stored()


def test_a_key_that_is_lost_or_another_stops_the_start(
    study: Opened, link: OneLink, key: Path
) -> None:
    arrive(browser(study, link), "p-1")
    key.unlink()
    with pytest.raises(ConfigError, match="key of this study is not there; bring the file back"):
        open_visitors(study.engine, key)
    for text, words in (("abc", "no key"), ("", "no key"), ("\xff" * 64, "key")):
        key.write_text(text)
        with pytest.raises(ConfigError, match=words):
            open_visitors(study.engine, key)
        key.chmod(0o644)
        assert open_visitors(study.engine, key, renew=True) != link.visitors.key
        assert key.stat().st_mode & 0o777 == 0o600
    key.unlink()
    new = open_visitors(study.engine, key, renew=True)
    assert new != link.visitors.key
    assert open_visitors(study.engine, key) == new
    second = browser(study, replace(link, visitors=replace(link.visitors, key=new)))
    assert arrive(second, "p-1").root
    assert len(seats(study.engine)) == 2, "who began by the old one is taken for new"


def test_another_key_stops_the_start_and_the_own_one_is_made_private(
    study: Opened, link: OneLink, key: Path
) -> None:
    own = key.read_text()
    key.write_text("0" * 64)
    with pytest.raises(ConfigError, match="not the key of this"):
        open_visitors(study.engine, key)
    key.write_text(own)
    key.chmod(0o644)
    assert open_visitors(study.engine, key) == link.visitors.key
    assert key.stat().st_mode & 0o777 == 0o600


def test_a_closed_study_seats_nobody_and_no_place_is_taken_over(
    study: Opened, link: OneLink, key: Path
) -> None:
    client = browser(study, link)
    attentive(arrive(client, "p-1"), study, "participant-1")
    close(study.engine, ROUND)
    for _ in range(2):  # and once more when the ids are forgotten, with the server still there
        assert "takes nobody new" in client.get("/start", params=ids("p-2")).text
        entered = client.post("/start", data={**ids("p-2"), "agree": "yes"})
        assert "takes nobody new" in entered.text
        assert "C-DONE" not in entered.text
        assert len(seats(study.engine)) == 1
        forget(study.engine, key, ROUND)
    assert not has_visitors(study.engine)


def test_links_of_their_own_and_one_for_all_do_not_mix(study: Opened, key: Path) -> None:
    assert not has_visitors(study.engine)
    study.invite()
    with pytest.raises(ConfigError, match="has links for each participant"):
        open_visitors(study.engine, key)
    assert not key.exists()


def test_a_paused_study_seats_nobody_new(study: Opened, link: OneLink) -> None:
    client = browser(study, link)
    person = arrive(client, "p-1")
    pause(study.engine, paused=True)
    assert "takes nobody new" in client.get("/start", params=ids("p-2")).text
    assert person.post("start", x="") == 303, "who is at it goes on"
    pause(study.engine, paused=False)
    arrive(client, "p-2")


@given(st.integers(1, 50), st.floats(0, 1, allow_subnormal=False))
@settings(max_examples=200)
def test_so_many_attention_pairs_may_be_missed(pairs: int, threshold: float) -> None:
    missed = allowed(pairs, threshold)
    assert 0 <= missed <= pairs
    assert (pairs - missed) / pairs >= threshold - 1e-9
    assert missed == pairs or (pairs - missed - 1) / pairs < threshold


@given(st.integers(1, 300), st.integers(1, 300))
@settings(max_examples=50)
def test_a_name_says_the_list(number: int, count: int) -> None:
    name = name_in(f"participant-{number}", count)
    assert list_of(name) == f"participant-{number}"
    assert list_of("anna-2") == "anna-2"


@pytest.mark.parametrize(
    "address",
    [
        *("http://platform.example/x", "javascript:alert(1)", "//platform.example", "platform"),
        *("https://a@platform.example/", "https://platform.example/{person}", "https://{person}/"),
        *("https://platform.example/ x", 'https://platform.example/"x', "https://"),
    ],
)
def test_a_redirect_leads_to_one_address_of_the_settings(address: str) -> None:
    with pytest.raises(ValueError, match=r"no address|does not begin with https"):
        Ending(redirect=address)


def test_outcomes_by_the_platforms_ids(study: Opened, link: OneLink, tmp_path: Path) -> None:
    client = browser(study, link)
    attentive(arrive(client, "p-1"), study, "participant-1")
    arrive(client, "p-2")
    arrive(client, "p-3").post("withdraw", sure="yes")
    listed = tmp_path / "ids.txt"
    listed.write_text("p-1\np-2\np-3\np-9\n")
    url = study.engine.url.render_as_string(hide_password=False)
    database = str(study.engine.url.database) if url.startswith("sqlite") else url
    of = ("--config", study.config, "--database", database)
    printed = subprocess.run(
        command("outcomes", *of, "--ids", listed), capture_output=True, text=True, check=True
    ).stdout
    assert [line.split("\t") for line in printed.splitlines()] == [
        ["p-1", "finished"],
        ["p-2", "under way"],
        ["p-3", "withdrawn"],
        ["p-9", "unknown"],
    ]
