"""The human study: invite participants, serve the pages, see how far it is, close and export."""

import argparse
import sys
from pathlib import Path

import pandas as pd

from facegap.errors import DataError
from facegap.files import whole
from facegap.judge.power import table_of_power
from facegap.judge.site import HERE, site
from facegap.judge.study import Study, exported
from facegap.web.serve import serve


def add(parser: argparse.ArgumentParser) -> None:
    """The commands of `facegap judge`."""
    commands = parser.add_subparsers(required=True, metavar="command")
    for name, command, words in (
        ("invite", _invite, "make participants' secret links, each told once"),
        ("serve", _serve, "serve the pages, on this machine alone unless told otherwise"),
        ("status", _status, "how far each participant is"),
        ("close", _close, "take no more answers; only then may they be unblinded"),
        ("export", _export, "write the answers as CSV, at any time"),
    ):
        sub = commands.add_parser(name, help=words, description=words)
        sub.add_argument("--study", required=True, help="results/<study>")
        sub.add_argument("--database", help="SQLite file or postgresql:// URL of the answers")
        sub.set_defaults(command=command)
        _OPTIONS.get(name, lambda _: None)(sub)
    power = commands.add_parser("power", help="how many participants and pairs an effect needs")
    power.add_argument("--share", type=float, nargs="+", default=[0.53, 0.55, 0.6])
    power.add_argument("--participants", type=int, nargs="+", default=[3, 10, 30])
    power.add_argument("--pairs", type=int, nargs="+", default=[100, 300])
    power.add_argument("--persons", type=int, default=200, help="different persons on either side")
    power.add_argument("--seed", type=int, default=1)
    power.set_defaults(command=_power)


def _serve_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--root-path", default="", help="the path that a proxy serves it below")
    parser.add_argument("--consent", help="text file for the first page; else a template")


def _invite_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="what links begin with")
    parser.add_argument("--again", nargs="*", default=[], help="participants who lost their link")


def _export_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--to", required=True, help="folder for responses.csv and familiarity.csv")


_OPTIONS = {"serve": _serve_options, "invite": _invite_options, "export": _export_options}


def _study(given: argparse.Namespace) -> Study:
    folder = Path(given.study) / "judge"
    if not (folder / "sheet.json").is_file():
        raise DataError(
            f"{folder}: no pairs there; run `snakemake pair_outputs` of that study first"
        )
    return Study(folder, given.database)


def _invite(given: argparse.Namespace) -> None:
    study = _study(given)
    told = study.invite(given.again)
    for name, token in told.items():
        print(f"{name}\t{given.url.rstrip('/')}/s/{token}/")
    if not told:
        print("everybody has a link; --again NAME makes a new one for who lost it")


def _serve(given: argparse.Namespace) -> None:
    study = _study(given)
    consent = Path(given.consent) if given.consent else HERE / "consent.txt"
    if not given.consent:
        print(f"no --consent: the first page shows the template {consent}", file=sys.stderr)
    try:
        words = consent.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{consent}: not readable as text: {error}") from error
    serve(site(study, words, root_path=given.root_path), given.host, given.port)


def _status(given: argparse.Namespace) -> None:
    study = _study(given)
    table = study.status()
    print(table.to_string(index=False))
    print(f"{int(table['answered'].sum())} of {int(table['pairs'].sum())} pairs answered;", end=" ")
    print("closed" if study.closed else "open")


def _close(given: argparse.Namespace) -> None:
    study = _study(given)
    study.close()
    print(f"closed with {int(study.status()['answered'].sum())} answers")


def _export(given: argparse.Namespace) -> None:
    answers, familiar = exported(_study(given).engine)
    for name, table in (("responses", answers), ("familiarity", familiar)):
        with whole(Path(given.to) / f"{name}.csv") as temporary:
            table.to_csv(temporary, index=False, lineterminator="\n")
        print(f"{len(table)} rows in {Path(given.to) / name}.csv")


def _power(given: argparse.Namespace) -> None:
    table = table_of_power(
        given.share, given.participants, given.pairs, persons=given.persons, seed=given.seed
    )
    with pd.option_context("display.width", 120):
        print(table.to_string(index=False, float_format="%.3f"))
