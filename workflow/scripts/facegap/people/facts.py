"""What is known of a whole study: a few facts by name, and a key that stays with them."""

import hmac
from collections.abc import Iterable

from sqlalchemy import Connection, Engine

from facegap.errors import DataError
from facegap.people.statements import ALL_FACTS
from facegap.people.tables import FACTS
from facegap.people.web.store import DAMAGED, reading

CODE_KEY = "key of codes"


def facts(connection: Connection) -> dict[str, str]:
    """What is known of the study.

    `kind`, `subject`, `closed <round>` of closed rounds, `written <file>` (the digest of a file
    that was written of the answers) and the key of the codes that `codes` gives.
    """
    return dict(connection.execute(ALL_FACTS).tuples().all())


def fact(connection: Connection, name: str) -> str:
    """The fact of that name, which every study has; a `DataError` where somebody deleted it."""
    value = facts(connection).get(name)
    if not isinstance(value, str):
        place = connection.engine.url.render_as_string(hide_password=True)
        raise DataError(f"{place}: the {name} of its study is missing; {DAMAGED}")
    return value


def keep_fact(connection: Connection, name: str, value: str) -> None:
    """Keep `value` as the fact of that name."""
    connection.execute(FACTS.delete().where(FACTS.c.name == name))
    connection.execute(FACTS.insert().values(name=name, value=value))


def codes(engine: Engine, items: Iterable[str]) -> dict[str, str]:
    """A code for each of `items`, which pages and addresses have in place of its name.

    A name may say what nobody who answers is to know, and a guess at it cannot be tried on a code.
    """
    with reading(engine) as connection:
        key = fact(connection, CODE_KEY).encode()
    return {
        item: hmac.new(key, item.encode("utf-8", "surrogatepass"), "sha256").hexdigest()[:32]
        for item in items
    }
