"""The question of participants' own side: optional, stored apart, gone with a withdrawal."""

import re
from pathlib import Path

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from human import FAST, Opened, Participant, close

from facegap.people.comparing.answers import exported, raters_in
from facegap.people.comparing.raters import SILENT
from facegap.people.comparing.site import site
from facegap.people.tables import RATERS
from facegap.people.web.store import reading
from facegap.settings.judge import OwnSide

ASKED = OwnSide(
    question="Which of these are you?",
    answers={"round-faced": "inside", "long-faced": "outside", "something else": None},
)


def persons(study: Opened, own_side: OwnSide = ASKED) -> list[Participant]:
    """Both participants."""
    app = site(study.engine, study.sheet, consent="T", own_side=own_side, limits=FAST)
    links = study.invite(again=study.sheet.plans)
    return [Participant(TestClient(app), f"/s/{links[name]}/") for name in sorted(links)]


def finished(person: Participant) -> Participant:
    person.begin()
    person.answer_all()
    assert person.recognise() == 303
    return person


def stored(study: Opened) -> list[tuple[int, str]]:
    with reading(study.engine) as connection:
        return sorted(connection.execute(sa.select(RATERS)).tuples().all())


def test_it_is_asked_once_at_the_end_and_need_not_be_answered(study: Opened) -> None:
    person, other = persons(study)
    assert person.post("own-side", answer="round-faced") == 422, "not finished"
    page = finished(person).see()
    assert "Which of these are you?" in page
    assert re.findall(r'name="answer" value="([^"]*)"', page) == [*ASKED.answers, SILENT]
    assert person.post("own-side", answer="purple") == 422
    assert person.post("own-side", answer="round-faced") == 303
    assert "Which of these are you?" not in person.see()
    assert person.post("own-side", answer="long-faced") == 303
    assert [answer for _, answer in stored(study)] == ["round-faced"], "the first stands"
    finished(other)
    assert "Thank you" in other.see()
    assert len(exported(study.engine)[0]) == 52, "without an answer too"


def test_it_goes_with_a_withdrawal(study: Opened) -> None:
    person, _ = persons(study)
    finished(person).post("own-side", answer="long-faced")
    assert person.post("withdraw", sure="yes") == 303
    assert not stored(study)


def test_few_are_not_told_apart(study: Opened) -> None:
    for person, answer in zip(persons(study), ("round-faced", SILENT), strict=True):
        finished(person).post("own-side", answer=answer)
    with reading(study.engine) as connection:
        assert raters_in(connection, ASKED.answers, 5).empty
        found = raters_in(connection, ASKED.answers, 1)
    assert found.to_numpy().tolist() == [["participant-1", "inside"]]
    table, _ = exported(study.engine)
    assert "round-faced" not in table.to_csv()


def test_without_a_question_or_once_closed_nothing_is_asked(study: Opened) -> None:
    person, other = persons(study)
    finished(person)
    finished(other).post("own-side", answer="round-faced")
    close(study.engine, "comparing")
    assert "Which of these" not in person.see()
    assert person.post("own-side", answer="round-faced") == 409
    assert person.post("withdraw", sure="yes") == 409
    assert len(stored(study)) == 1, "a closed study stays as it is"
    silent, _ = persons(study, OwnSide())
    assert silent.post("own-side", answer="round-faced") in (404, 405)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"question": "q?", "answers": {"a": "inside"}}, "none for inside or none for outside"),
        ({"answers": {"a": "inside", "b": "outside"}}, "what are these answers to"),
        ({"question": "q?", "answers": {"a": "inside", "b": "outside"}, "fewest": 4}, "fewest"),
    ],
)
def test_settings_that_ask_nothing_are_refused(given: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        OwnSide(**given)  # type: ignore[arg-type]


def test_a_study_of_before_has_no_table_and_nobody_in_it(study: Opened, tmp_path: Path) -> None:
    with reading(study.engine) as connection:
        assert raters_in(connection, ASKED.answers, 1).empty
