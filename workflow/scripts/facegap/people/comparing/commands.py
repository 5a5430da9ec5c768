"""The human study: invite participants, serve the pages, see how far it is, close and export."""

import argparse
import re
from pathlib import Path

import pandas as pd
from sqlalchemy import Engine

from facegap.errors import DataError
from facegap.people.commands import (
    adder,
    database_of,
    invite_options,
    print_links,
    print_status,
    results_of,
    serve_options,
    write_answers,
)
from facegap.people.comparing.answers import ROUND, exported_in
from facegap.people.comparing.sheet import Sheet, read_sheet
from facegap.people.comparing.site import HERE, site
from facegap.people.engine import closing, open_study, seat_people, seats
from facegap.people.web.serve import serve
from facegap.people.web.store import writing
from facegap.settings.load import read_study
from facegap.settings.study import Study
from facegap.statistics.power import table_of_power
from facegap.texts import read_text

PORT = 8000
TEMPLATE = HERE / "consent.txt"


def add(parser: argparse.ArgumentParser) -> None:
    """The commands of `facegap judge`."""
    command = adder(parser)
    invite_options(command("invite", invite_people), PORT)
    served = command("serve", serve_pages)
    serve_options(served, PORT)
    words = f"text of the first page: your copy of {TEMPLATE}, filled in"
    served.add_argument("--consent", type=Path, required=True, help=words)
    command("status", show_status)
    command("close", close_study)
    command("export", export_answers).add_argument("--to", type=Path, required=True, help="folder")
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
    if not sheet.for_people and not seats(engine):
        raise DataError(
            f"the pairs of {study.study} are for simulated participants: who has the code can tell"
            " their sides; name a file in judge.responses, and make them again: snakemake"
            " pair_outputs"
        )
    seat_people(engine, ROUND, {name: plan.items for name, plan in sheet.plans.items()})
    print_links(engine, given)


def serve_pages(given: argparse.Namespace) -> None:
    """Serve the pages, on this machine alone unless --host says otherwise."""
    consent = consent_in(given.consent)
    _, sheet, engine = _opened(given)
    app = site(engine, sheet, consent=consent, root_path=given.root_path)
    serve(app, given.host, given.port)


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
    places = (study.judge.responses, study.judge.familiarity_responses)
    with closing(engine, ROUND) as connection:
        tables = exported_in(connection)
        files = {
            Path(study.data_root, place): table
            for table, place in zip(tables, places, strict=True)
            if place and place.lower().endswith(".csv")
        }
        write_answers(connection, files)
    print(f"closed with {len(tables[0])} answers")


def export_answers(given: argparse.Namespace) -> None:
    """Write the answers as CSV, at any time: responses.csv and familiarity.csv."""
    _, _, engine = _opened(given)
    with writing(engine) as connection:
        names = (given.to / "responses.csv", given.to / "familiarity.csv")
        write_answers(connection, dict(zip(names, exported_in(connection), strict=True)))


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


def _opened(given: argparse.Namespace) -> tuple[Study, Sheet, Engine]:
    study = read_study(given.config)
    sheet = read_sheet(results_of(study, "judge/sheet.json", "pair_outputs").parent)
    database = database_of(given, study, study.comparisons)
    return study, sheet, open_study(database, ROUND, sheet.subject)
