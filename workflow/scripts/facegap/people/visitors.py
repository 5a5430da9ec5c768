"""Participants who come by one link for all, known by the id that a platform gave them.

The id itself is stored nowhere. What their secret link ends with (`tokens`) is computed from it
under a key, so that the same id comes back to the same seat; the key is a file beside the database,
and once it is deleted nobody can tell whose a seat was.
"""

import base64
import contextlib
import hashlib
import hmac
import logging
import re
import secrets
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from facegap.errors import ConfigError, DataError
from facegap.files import whole
from facegap.participants import list_of, name_in
from facegap.people.engine import Item, Seat
from facegap.people.facts import facts, keep_fact
from facegap.people.statements import ADD_ITEM, ADD_SEAT, ADD_VISITOR, CAME, ID_OF_TOKEN
from facegap.people.tables import APART, FACTS, SEATS, VISITORS
from facegap.people.web.store import reading, settle, writing
from facegap.people.web.tokens import BYTES, hashed

log = logging.getLogger(__name__)
FINISHED, SCREENED = "finished", "screened out"
KEY = "key of visitors"  # the fact with the digest of the key
PAUSED = "paused"  # the fact that nobody new is seated
PERSON = re.compile(r"[A-Za-z0-9._@+:~-]{1,128}")  # a platform's id of a participant
NOTED = 5  # minutes in which a visitor's coming on is noted once


class Visitor(NamedTuple):
    """Somebody who came by the link for all: their seat, and how it went."""

    name: str
    completed: bool
    screened: bool
    withdrawn: bool
    seen: int | None  # minutes since 1970; none once they were forgotten


@dataclass(frozen=True)
class Visitors:
    """Who comes by the link for all, in one round."""

    engine: Engine
    key: bytes
    of_round: str
    per_list: int
    minutes: int
    noted: dict[int, int] = field(default_factory=dict)  # when a seat was last looked up

    def token(self, person: str) -> str:
        """The token of the link of `person`, who is a platform's id."""
        digest = hmac.new(self.key, person.encode(), "sha256").digest()
        return base64.urlsafe_b64encode(digest[:BYTES]).decode()

    def admit(self, person: str, lists: Mapping[str, Sequence[Item]]) -> str | None:
        """The token of `person`, who has consented, and who is seated if they are new.

        They get the list of the `lists` that the fewest have completed, and of those the one that
        the fewest are at. None where each has as many participants as it is to have, and where the
        study is paused.
        """
        token = self.token(person)
        with writing(self.engine) as connection:
            if connection.execute(ID_OF_TOKEN, {"hashed": hashed(token)}).first():
                return token
            name = self._free(connection, lists)
            if name is None:
                return None
            held = {"round": self.of_round, "name": name, "token": hashed(token)}
            added = connection.execute(ADD_SEAT, {**held, "consented": True})
            seat = int(added.inserted_primary_key[0])  # type: ignore[index]
            items = [
                {**item._asdict(), "seat": seat, "position": k}
                for k, item in enumerate(lists[list_of(name)])
            ]
            connection.execute(ADD_ITEM, items)
            connection.execute(ADD_VISITOR, {"seat": seat, "seen": _now()})
        return token

    def has_place(self, lists: Collection[str]) -> bool:
        """Whether somebody new would be seated now."""
        with reading(self.engine) as connection:
            return self._free(connection, lists) is not None

    def come_on(self, seat: Seat) -> None:
        """Note that a seat is at work, to the minute, and seldom: its place stays theirs."""
        now, of_seat = _now(), VISITORS.c.seat == seat.id
        if now - self.noted.get(seat.id, 0) < min(NOTED, self.minutes):
            return
        self.noted[seat.id] = now
        with reading(self.engine) as connection:
            seen = connection.execute(sa.select(VISITORS.c.seen).where(of_seat)).scalar()
        if seen is not None and now - seen >= min(NOTED, self.minutes):
            with writing(self.engine) as connection:
                connection.execute(VISITORS.update().where(of_seat).values(seen=now))

    def end(self, seat: Seat, outcome: str) -> None:
        """Keep how a seat's part ended; the first outcome stands, a withdrawal later too."""
        first = (VISITORS.c.seat == seat.id) & VISITORS.c.outcome.is_(None)
        with writing(self.engine) as connection:
            connection.execute(VISITORS.update().where(first).values(outcome=outcome))

    def outcome(self, seat: Seat) -> str | None:
        """How a seat's part ended; None while it is under way, and where it withdrew before."""
        with reading(self.engine) as connection:
            wanted = sa.select(VISITORS.c.outcome).where(VISITORS.c.seat == seat.id)
            outcome = connection.execute(wanted).scalar()
        return outcome or (FINISHED if seat.finished else None)

    def _free(self, connection: Connection, lists: Collection[str]) -> str | None:
        """The name of the seat that the next one gets.

        None where every list is full, or the study takes nobody new.
        """
        if {PAUSED, f"closed {self.of_round}"} & set(facts(connection)):
            return None
        completed, active, last = (dict.fromkeys(lists, 0) for _ in range(3))
        for each in visitors_in(connection, self.of_round):
            of_list = list_of(each.name)
            last[of_list] += 1
            if each.seen is not None:
                completed[of_list] += each.completed
                ended = each.completed or each.screened or each.withdrawn
                active[of_list] += not (ended or is_silent(each.seen, self.minutes))
        free = [name for name in lists if completed[name] + active[name] < self.per_list]
        if not free:
            return None
        least = min(free, key=lambda name: (completed[name], active[name]))
        return name_in(least, last[least] + 1)


def ago(seen: int) -> int:
    """How many minutes ago somebody was `seen`."""
    return _now() - seen


def is_silent(seen: int, minutes: int) -> bool:
    """Whether somebody who was `seen` then has surely answered nothing for so many minutes.

    An answer is noted once in five minutes, so they may have come on as much later.
    """
    return ago(seen) >= minutes + NOTED


def visitors_in(connection: Connection, of_round: str) -> list[Visitor]:
    """All who were seated, in their order; no answers are looked at."""
    rows = connection.execute(CAME, {"of_round": of_round}).tuples()
    return [
        Visitor(
            name,
            finished and outcome != SCREENED,
            outcome == SCREENED,
            withdrawn=withdrawn,
            seen=seen,
        )
        for name, finished, withdrawn, seen, outcome in rows
    ]


def open_visitors(engine: Engine, path: Path, *, renew: bool = False) -> bytes:
    """The key of a study's one link: the file at `path`, made for its owner alone if this is new.

    Raises `ConfigError` where the study has participants by their own links, and where its key is
    not the one at `path` (unless it is to be `renew`ed: who began cannot come back then).
    """
    with writing(engine) as connection:
        APART.create_all(connection)
        known = facts(connection).get(KEY)
        if known is None and connection.execute(sa.select(SEATS.c.id).limit(1)).first():
            raise ConfigError(
                "this study has links for each participant (facegap judge invite); serve it"
                " without --open, or name another database"
            )
        if (renew and not _is_key(path)) or (known is None and not path.exists()):
            with whole(path) as temporary:
                temporary.touch(0o600)
                temporary.write_text(secrets.token_hex(32) + "\n")
        key = _key_at(path)
        path.chmod(0o600)
        if known not in (None, _digest(key)) and not renew:
            raise ConfigError(f"{path}: not the key of this study; {LOST}")
        keep_fact(connection, KEY, _digest(key))
    return key


LOST = (
    "bring the file back from a copy, or start with --new-key: who began by the old one cannot"
    " come back to their place, and is taken for new"
)


def has_visitors(engine: Engine) -> bool:
    """Whether the study has one link for all."""
    with reading(engine) as connection:
        return KEY in facts(connection)


def pause(engine: Engine, *, paused: bool) -> None:
    """Seat nobody new, or go on; who is seated is not touched."""
    with writing(engine) as connection:
        connection.execute(FACTS.delete().where(FACTS.c.name == PAUSED))
        if paused:
            keep_fact(connection, PAUSED, "yes")


def forget(engine: Engine, path: Path, of_round: str) -> None:
    """Delete the key at `path`, all tokens, and when who was seen; the answers stay.

    Raises `DataError` while the round is open.
    """
    with writing(engine) as connection:
        if f"closed {of_round}" not in facts(connection):
            raise DataError("the study is open: participants may come back; close it first")
        if sa.inspect(connection).has_table(VISITORS.name):
            connection.execute(VISITORS.delete())
        connection.execute(SEATS.update().where(SEATS.c.round == of_round).values(token=None))
        connection.execute(FACTS.delete().where(FACTS.c.name == KEY))
    if not settle(engine):
        log.warning(
            "the database is in use: what was deleted stays in its write-ahead log till then"
        )
    with contextlib.suppress(FileNotFoundError):
        path.unlink()


def _is_key(path: Path) -> bool:
    try:
        return bool(_key_at(path))
    except ConfigError:
        return False


def _key_at(path: Path) -> bytes:
    try:
        text = path.read_text().strip()
        if len(text) == 64:
            return bytes.fromhex(text)
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: the key of this study is not there; {LOST}") from error
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read as a key: {error}; {LOST}") from error
    raise ConfigError(f"{path}: this is no key; {LOST}")


def _digest(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()[:16]


def _now() -> int:
    return int(time.time() // 60)
