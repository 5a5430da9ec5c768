"""How far a study of pairs is: who is where, how fast, and who looks; nothing is unblinded."""

from collections import defaultdict
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import Engine

from facegap.people.comparing.answers import ROUND
from facegap.people.comparing.sheet import Sheet
from facegap.people.engine import Seat, seats_in
from facegap.people.facts import facts
from facegap.people.tables import ANSWERS, EVENTS
from facegap.people.visitors import KEY, PAUSED, SCREENED, Visitor, ago, is_silent, visitors_in
from facegap.people.web.store import reading

STATES = (
    *("finished", "under way", "silent", "not begun", "not invited"),
    *("screened out", "withdrawn"),
)


@dataclass(frozen=True)
class Standing:
    """How far one participant is."""

    name: str
    state: str  # of STATES
    answered: int  # pairs and persons
    items: int
    looked: int  # attention pairs answered, and of these those that were missed
    missed: int
    pace: float | None  # median seconds of an answer, where they are known
    silent: int | None  # minutes since an answer, of who came by the link for all

    @property
    def left(self) -> float | None:
        """Seconds that what is left takes at this pace; none of who takes no further part."""
        if self.pace is None or self.state not in ("under way", "silent", "not begun"):
            return None
        return self.pace * (self.items - self.answered)


class Study(NamedTuple):
    """How far all are."""

    participants: list[Standing]
    closed: bool
    paused: bool
    one_link: bool

    def count(self, state: str) -> int:
        """How many are in that state."""
        return sum(each.state == state for each in self.participants)

    @property
    def pace(self) -> float | None:
        """The median of the participants' own paces."""
        paces = [each.pace for each in self.participants if each.pace is not None]
        return median(paces) if paces else None


def standing(engine: Engine, sheet: Sheet, minutes: int) -> Study:
    """Where everybody is now; who answers nothing for so many `minutes` is silent."""
    given = sa.select(ANSWERS.c.seat, ANSWERS.c.item, EVENTS.c.what, EVENTS.c.seconds)
    with reading(engine) as connection:
        known = facts(connection)
        sat = seats_in(connection, ROUND)
        came = {each.name: each for each in visitors_in(connection, ROUND)} if KEY in known else {}
        rows = connection.execute(given.join(EVENTS, EVENTS.c.id == ANSWERS.c.event)).all()
    by_seat: dict[int, list[tuple[str, str, float | None]]] = defaultdict(list)
    for seat, item, what, seconds in rows:
        by_seat[seat].append((item, what, seconds))
    participants = []
    for seat in sat:
        expected = sheet.plan(seat.name).attention
        answers = by_seat[seat.id]
        looked = [(item, what) for item, what, _ in answers if item in expected]
        times = [seconds for _, _, seconds in answers if seconds is not None]
        visitor = came.get(seat.name)
        seen = visitor.seen if visitor else None
        participants.append(
            Standing(
                name=seat.name,
                state=_state(seat, visitor, minutes),
                answered=seat.answered,
                items=seat.items,
                looked=len(looked),
                missed=sum(expected[item] != what for item, what in looked),
                pace=median(times) if times else None,
                silent=None if seen is None else ago(seen),
            )
        )
    return Study(participants, f"closed {ROUND}" in known, PAUSED in known, KEY in known)


def _state(seat: Seat, visitor: Visitor | None, minutes: int) -> str:
    if seat.withdrawn:
        return "withdrawn"
    if visitor and visitor.screened:
        return SCREENED
    if seat.finished:
        return "finished"
    if visitor and visitor.seen is not None and is_silent(visitor.seen, minutes):
        return "silent"
    if not seat.invited:
        return "not invited"
    return "under way" if seat.started else "not begun"
