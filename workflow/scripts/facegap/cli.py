"""The command `facegap`: what people start by hand, beside the workflow."""

import argparse
import sys
from collections.abc import Sequence
from functools import partial

from facegap import compare
from facegap.acquire import cli as acquire
from facegap.acquire import exporting
from facegap.annotate.publish import publish
from facegap.errors import FacegapError, shown
from facegap.measure import checking
from facegap.people.commands import results_of
from facegap.people.comparing import commands as comparing
from facegap.people.labelling import commands as labelling


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; an error that a user can mend is its message alone, and exit code 2."""
    parser = argparse.ArgumentParser(prog="facegap", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    for name, module, add in (
        ("acquire", acquire, acquire.add),
        ("annotate", labelling, partial(labelling.add, publish=publish_labels)),
        ("judge", comparing, partial(comparing.add, deposit=deposit_answers)),
        ("compare", compare, compare.add),
        ("export", exporting, exporting.add),
        ("check", checking, checking.add),
    ):
        add(commands.add_parser(name, help=module.__doc__, description=module.__doc__))
    given = parser.parse_args(arguments)
    try:
        given.command(given)
    except FacegapError as error:
        print(f"facegap: {error}", file=sys.stderr)
        return 2
    except OSError as error:  # of a path that was given: its name is too long, it may not be read
        named = f"{shown(error.filename)}: " if error.filename else ""
        print(f"facegap: {named}{error.strerror or error}", file=sys.stderr)
        return 2
    return 0


def publish_labels(given: argparse.Namespace) -> None:
    """Write a folder to publish: labels, datasheet, licence, checksums; never an image."""
    study = labelling.labelled_study(given.config)
    publish(
        study,
        faces=results_of(study, "acquire/target/faces.parquet", "acquire"),
        labels=results_of(study, "annotate/target/labels.parquet", "annotate"),
        agreement=results_of(study, "annotate/target/agreement.json", "annotate"),
        agreement_estimates=results_of(study, "annotate/target/estimates.parquet", "annotate"),
        sides=results_of(study, "partition/target/sides.parquet", "partition"),
        summary=results_of(study, "partition/target/summary.json", "partition"),
        sides_estimates=results_of(study, "partition/target/estimates.parquet", "partition"),
        folder=given.to,
    )
    print(f"{given.to}: ready to publish; read datasheet.md first")


def deposit_answers(given: argparse.Namespace) -> None:
    """Write a folder for OSF or Zenodo: answers, codebook, consent, settings; never an image."""
    from facegap.judge.deposit import deposit  # 0.7 s, which all other commands would take too

    study, before = comparing.fixed_before(given)
    consent = comparing.consent_in(given.consent)
    results = results_of(study, "judge/estimates.parquet", "judge").parent
    deposit(study, given.to, results=results, consent=consent, before=before)
    print(f"{given.to}: ready to deposit; read README.md first")


if __name__ == "__main__":
    sys.exit(main())
