"""The human study: invite participants, serve the pages, see how far it is, close and export."""

import argparse
import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd
from sqlalchemy import Engine

from facegap.errors import ConfigError, DataError
from facegap.people.commands import (
    HOST,
    Command,
    adder,
    database_of,
    invite_options,
    print_links,
    print_status,
    results_of,
    serve_options,
    write_answers,
)
from facegap.people.comparing.answers import ROUND, exported_in, raters_in
from facegap.people.comparing.managing import Managed
from facegap.people.comparing.managing import site as managing
from facegap.people.comparing.recruiting import OneLink
from facegap.people.comparing.sheet import Sheet, read_sheet
from facegap.people.comparing.site import HERE, site
from facegap.people.engine import closing, open_study, seat_of, seat_people, seats, seats_in
from facegap.people.facts import fact, facts, keep_fact
from facegap.people.visitors import Visitors, forget, has_visitors, open_visitors
from facegap.people.web.serve import serve
from facegap.people.web.store import reading, writing
from facegap.people.web.tokens import new_token
from facegap.settings.load import read_study
from facegap.settings.study import Study
from facegap.statistics.power import table_of_power
from facegap.texts import read_text

PORT = 8000
SETTINGS = "settings"  # the fact with their digest, kept before anybody has a seat
MANAGED = 8010  # port of the researcher's page
TEMPLATE = HERE / "consent.txt"


def add(parser: argparse.ArgumentParser, deposit: Command) -> None:
    """The commands of `facegap judge`; what `deposit` does is the stage judge's."""
    command = adder(parser)
    invite_options(command("invite", invite_people), PORT)
    served = command("serve", serve_pages)
    serve_options(served, PORT)
    words = f"text of the first page: your copy of {TEMPLATE}, filled in"
    served.add_argument("--consent", type=Path, required=True, help=words)
    words = "one link for all, .../start, as judge.recruitment says"
    served.add_argument("--open", action="store_true", help=words)
    words = "with --open, where its key is lost: who began by the old one is taken for new"
    served.add_argument("--new-key", action="store_true", help=words)
    managed = command("manage", manage_study)
    managed.add_argument("--port", type=int, default=MANAGED)
    words = "what participants' links begin with"
    managed.add_argument("--url", default=f"http://{HOST}:{PORT}", help=words)
    outcomes = command("outcomes", print_outcomes)
    words = "file of the platform's ids of participants, one a line"
    outcomes.add_argument("--ids", type=Path, required=True, help=words)
    command("forget", forget_people)
    command("status", show_status)
    command("close", close_study)
    command("export", export_answers).add_argument("--to", type=Path, required=True, help="folder")
    deposited = command("deposit", deposit)
    deposited.add_argument("--to", type=Path, required=True, help="new folder")
    words = "text that participants agreed to"
    deposited.add_argument("--consent", type=Path, required=True, help=words)
    power = command("power", print_power, database=False)
    power.add_argument("--share", type=_share, nargs="+", default=[0.53, 0.55, 0.6])
    power.add_argument("--participants", type=_count, nargs="+", default=[3, 10, 30])
    power.add_argument(
        "--pairs", type=_count, nargs="+", default=[100, 300], help="of each participant"
    )
    power.add_argument(
        "--persons", type=_count, default=200, help="different persons on either side"
    )
    power.add_argument(
        "--values", type=_count, default=2, help="values of the control: the rows of Table 5"
    )


def _share(text: str) -> float:
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text} is no share, which is above 0 and below 1")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is no count, which is 1 or more")
    return value


def invite_people(given: argparse.Namespace) -> None:
    """Give every participant who has none a secret link, printed once."""
    study, sheet, engine = _opened(given)
    if has_visitors(engine):
        raise DataError("this study has one link for all (facegap judge serve --open)")
    if not seats(engine):
        _require_for_people(study, sheet)
    seat_people(engine, ROUND, {name: plan.items for name, plan in sheet.plans.items()})
    print_links(engine, given)


def serve_pages(given: argparse.Namespace) -> None:
    """Serve the pages, on this machine alone unless --host says otherwise."""
    consent = consent_in(given.consent)
    study, sheet, engine = _opened(given)
    if not given.open and has_visitors(engine):
        raise ConfigError("this study has one link for all; serve it with --open")
    if given.open:
        _require_for_people(study, sheet)
    link = one_link(study, engine, renew=given.new_key) if given.open else None
    app = site(
        engine,
        sheet,
        consent=consent,
        one_link=link,
        own_side=study.judge.own_side,
        root_path=given.root_path,
    )
    serve(app, given.host, given.port)


def one_link(study: Study, engine: Engine, *, renew: bool = False) -> OneLink:
    """The link for all of a study, with its key; `renew` makes a new one where it is lost."""
    asked = study.judge.recruitment
    key = open_visitors(engine, _key_of(study), renew=renew)
    visitors = Visitors(engine, key, ROUND, asked.participants_per_list, asked.minutes)
    return OneLink(visitors, asked, study.judge.attention_threshold)


def _key_of(study: Study) -> Path:
    return Path(study.data_root, study.key_of_visitors)


def _require_for_people(study: Study, sheet: Sheet) -> None:
    if not sheet.for_people:
        raise DataError(
            f"the pairs of {study.study} are for simulated participants: who has the code can tell"
            " their sides; name a file in judge.responses, and make them again: snakemake"
            " pair_outputs"
        )


def consent_in(path: Path) -> str:
    """The text of the first page; a `DataError` where it is empty, or has gaps of the template."""
    consent = read_text(path).strip()
    if not consent:
        raise DataError(f"{path}: empty; write what participants agree to, as in {TEMPLATE}")
    for gap in re.findall(r"\[[^]]*\]", TEMPLATE.read_text(encoding="utf-8")):
        if gap in consent:
            raise DataError(f"{path}: {gap[:40]!r} is the template's; put your own text there")
    return consent


def show_status(given: argparse.Namespace) -> None:
    """Print how far everybody is."""
    print_status(_opened(given)[2])


def close_study(given: argparse.Namespace) -> None:
    """Take no more answers, for good: only then are they unblinded.

    Where judge.responses names a CSV, the answers are written there; where it names a database,
    the analysis reads the one that is served by default.
    """
    study, _, engine = _opened(given)
    print(f"closed with {_closed(study, engine)} answers")


def _closed(study: Study, engine: Engine) -> int:
    """How many answers there are, of a study that is closed now."""
    judge = study.judge
    places = (judge.responses, judge.familiarity_responses, judge.own_side_responses)
    with closing(engine, ROUND) as connection:
        raters = raters_in(connection, judge.own_side.answers, judge.own_side.fewest)
        tables = (*exported_in(connection), raters)
        files = {
            Path(study.data_root, place): table
            for table, place in zip(tables, places, strict=True)
            if place and place.lower().endswith(".csv")
        }
        write_answers(connection, files)
    return len(tables[0])


def export_answers(given: argparse.Namespace) -> None:
    """Write the answers as CSV, at any time: responses.csv and familiarity.csv."""
    _, _, engine = _opened(given)
    with writing(engine) as connection:
        names = (given.to / "responses.csv", given.to / "familiarity.csv")
        write_answers(connection, dict(zip(names, exported_in(connection), strict=True)))


def manage_study(given: argparse.Namespace) -> None:
    """Serve the researcher's page, on this machine alone, at an address that is printed once."""
    study, sheet, engine = _opened(given)
    url, token = given.url.rstrip("/"), new_token()
    asked = study.judge.recruitment
    managed = Managed(engine, sheet, asked, url, partial(_closed, study, engine))
    print(f"http://{HOST}:{given.port}/r/{token}/", flush=True)
    serve(managing(managed, token), HOST, given.port)


def print_outcomes(given: argparse.Namespace) -> None:
    """Print how the part of each participant ended, by the platform's id: whom to pay."""
    study, _, engine = _opened(given)
    if not has_visitors(engine):
        raise DataError("nobody came by a link for all: there are no ids to go by")
    link = one_link(study, engine)
    for person in dict.fromkeys(read_text(given.ids).split()):
        seat = seat_of(engine, link.visitors.token(person))
        under_way = "withdrawn" if seat and seat.withdrawn else "under way"
        print(f"{person}\t{(link.outcome(seat) or under_way) if seat else 'unknown'}")


def forget_people(given: argparse.Namespace) -> None:
    """Delete what leads from a platform's ids to answers, once closed and everybody is paid."""
    study, _, engine = _opened(given)
    forget(engine, _key_of(study), ROUND)
    print("nobody can tell any more who had which place; the answers stay")


def print_power(given: argparse.Namespace) -> None:
    """Print how often a study of some size finds an effect: by all answers, by a row of Table 5."""
    table = table_of_power(
        given.share,
        given.participants,
        given.pairs,
        persons=given.persons,
        values=given.values,
        seed=read_study(given.config).seed,
    )
    with pd.option_context("display.width", 120):
        print(table.to_string(index=False, float_format="%.3f"))


def fixed_before(given: argparse.Namespace) -> tuple[Study, dict[str, str]]:
    """The study, and the digests that were kept when its database was made, before any answer."""
    study, _, engine = _opened(given)
    with reading(engine) as connection:
        known = facts(connection)
        if f"closed {ROUND}" not in known:
            raise DataError("the study is open; close it (facegap judge close), and run it again")
        pairs, settings = fact(connection, "subject"), known.get(SETTINGS, "not kept")
    return study, {"pairs": pairs, "settings": settings}


def _opened(given: argparse.Namespace) -> tuple[Study, Sheet, Engine]:
    study = read_study(given.config)
    sheet = read_sheet(results_of(study, "judge/sheet.json", "pair_outputs").parent)
    sheet = replace(sheet, sized=study.judge.least_pixels is not None)
    database = database_of(given, study, study.comparisons)
    engine = open_study(database, ROUND, sheet.subject)
    with writing(engine) as connection:
        if not seats_in(connection):
            keep_fact(connection, SETTINGS, study.digest)
    return study, sheet, engine
