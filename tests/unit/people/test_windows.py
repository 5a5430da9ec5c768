"""Several windows, exports and kills at once: no answer is lost, doubled or half seen."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import httpx
import pytest
from human import Opened, Participant, Server, close, opened, participant
from postgresql import Postgresql
from racing import meanwhile

from facegap.people.comparing.answers import ROUND, exported
from facegap.people.engine import Answer, record, seat_of, seats, withdraw


def assert_whole(study: Opened) -> int:
    """Check that an export is of one moment; how many answers it has."""
    answers, familiar = exported(study.engine)
    for name, plan in study.sheet.plans.items():
        asked = [pair.pair_id for pair in plan.pairs]
        given = set(answers["pair_id"][answers["participant"] == name])
        assert given == set(asked[: len(given)]), "in order, none left out"
        knew = (familiar["participant"] == name).sum()
        assert knew in (0, len(plan.persons))
        assert knew == 0 or len(given) == len(asked), "persons come after the last pair"
    assert answers["pair_id"].is_unique
    return len(answers)


def test_a_pair_answered_in_two_windows_at_once_has_one_answer(
    person: Participant, study: Opened
) -> None:
    person.begin()
    windows = [Participant(person.client, person.root) for _ in range(4)]
    ready = threading.Barrier(len(windows))

    def send(window: Participant, pair: str, choice: str) -> int:
        ready.wait()
        return window.post(f"answer/{pair}", choice=choice)

    with ThreadPoolExecutor(len(windows)) as pool:
        for _ in range(5):
            pair = person.pair()
            assert pair
            choices = ("left", "right") * 2
            assert set(pool.map(send, windows, [pair] * 4, choices)) == {303}
    assert assert_whole(study) == 5


def test_everybody_in_two_windows_while_exports_are_made(study: Opened) -> None:
    links = study.invite()
    people = {name: participant(study, token) for name, token in links.items()}
    asked: dict[str, list[str]] = {name: [] for name in links}
    statuses: dict[str, list[int]] = {name: [] for name in links}
    for person in people.values():
        person.begin()

    def answer_all(name: str) -> None:
        asked[name] += people[name].answer_all()
        statuses[name].append(people[name].recognise())

    with ThreadPoolExecutor(5) as pool:
        windows = [pool.submit(answer_all, name) for name in (*links, *links)]
        counts = []
        while wait(windows, 0.03).not_done:
            counts.append(assert_whole(study))
        for window in windows:
            window.result()
    assert counts == sorted(counts)
    assert assert_whole(study) == sum(len(plan.pairs) for plan in study.sheet.plans.values())
    for name, plan in study.sheet.plans.items():
        assert set(asked[name]) == {pair.pair_id for pair in plan.pairs}
        assert 303 in statuses[name]
        assert set(statuses[name]) <= {303, 422}, "nobody is asked for in a window that comes late"
    assert all(seat.finished and seat.answered == seat.items for seat in seats(study.engine))


def test_an_export_sees_a_withdrawal_whole_or_not_at_all(
    person: Participant, study: Opened
) -> None:
    person.begin()
    person.answer_all()
    person.recognise()
    with meanwhile(
        study.engine, "FROM answers LEFT OUTER JOIN", lambda: person.post("withdraw", sure="yes")
    ):
        answers, familiar = exported(study.engine)
    assert (len(answers), len(familiar)) == (26, 6), "as of the export's beginning"
    assert [len(table) for table in exported(study.engine)] == [0, 0]


@pytest.mark.parametrize("act", ["withdraw", "close"])
def test_nothing_comes_in_after_a_withdrawal_or_the_close(
    person: Participant, study: Opened, act: str
) -> None:
    person.begin()
    token = person.root.split("/")[2]
    seat, seen = seat_of(study.engine, token), []
    assert seat
    acts: dict[str, Callable[[], None]] = {
        "withdraw": lambda: withdraw(study.engine, seat),
        "close": lambda: close(study.engine, ROUND),
    }

    def act_and_look() -> None:
        acts[act]()
        seen.append(len(exported(study.engine)[0]))

    pair = str(person.pair())
    with meanwhile(study.engine, "FROM seats", act_and_look):
        assert record(study.engine, seat, Answer(pair, "left"), in_order=True) == 1
    assert seen == [{"withdraw": 0, "close": 1}[act]]
    assert len(exported(study.engine)[0]) == seen[0]
    assert person.post(f"answer/{pair}", choice="left") == 409


def test_who_they_knew_is_stored_once_of_two_windows(person: Participant, study: Opened) -> None:
    person.begin()
    person.answer_all()
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: person.recognise(), range(4))) <= {303, 422}
    assert len(exported(study.engine)[1]) == 6


def test_a_database_server_that_is_away_costs_nothing_that_was_acknowledged(
    results: Path, postgresql: Postgresql
) -> None:
    with postgresql.database() as address:
        study = opened(results, address)
        person = participant(study, study.invite()["participant-1"])
        person.begin()
        pair = person.pair()
        postgresql.stop()
        postgresql.start()
        assert person.post(f"answer/{pair}", choice="left") == 303, "restarted between requests"
        coming = person.pair()
        postgresql.stop()
        try:
            assert person.post(f"answer/{coming}", choice="left") == 503
        finally:
            postgresql.start()
        assert person.pair() == coming
        assert person.post(f"answer/{coming}", choice="left") == 303
        assert assert_whole(study) == 2


def test_killed_between_answers_and_served_again_on_postgresql(
    results: Path, postgresql: Postgresql
) -> None:
    with postgresql.database() as address:
        study = opened(results, address)
        server = Server(study.config, address)
        with httpx.Client(base_url=f"http://127.0.0.1:{server.port}") as client:
            people = [Participant(client, f"/s/{token}/") for token in study.invite().values()]
            asked = []
            for person in people:
                person.begin()
                for _ in range(3):
                    asked.append(str(person.pair()))
                    assert person.post(f"answer/{asked[-1]}", choice="left") == 303
            server.kill()
            with pytest.raises(httpx.TransportError):
                people[0].see()
            server.start()
            assert people[0].pair() not in asked
            assert people[1].post(f"answer/{asked[-1]}", choice="right") == 303, "sent again"
            for person in people:
                asked += person.answer_all()
                assert person.recognise() == 303
                assert "Thank you" in person.see()
        server.kill()
        assert assert_whole(study) == 52
        answers, familiar = exported(study.engine)
    assert sorted(answers["pair_id"]) == sorted(asked)
    assert set(answers["choice"]) == {"left"}
    assert len(familiar) == 12
