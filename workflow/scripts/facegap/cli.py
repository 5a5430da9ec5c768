"""The command `facegap`: what people start by hand, beside the workflow; a stage brings its own."""

import argparse
import importlib
import sys
from collections.abc import Sequence

from facegap.errors import FacegapError

# facegap/<stage>/cli.py, whose add() takes the stage's parser
STAGES: tuple[str, ...] = ("acquire",)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; an error that a user can mend is its message alone, and exit code 2."""
    parser = argparse.ArgumentParser(prog="facegap", description=__doc__)
    stages = parser.add_subparsers(required=True, metavar="stage")
    for stage in STAGES:
        module = importlib.import_module(f"facegap.{stage}.cli")
        module.add(stages.add_parser(stage, help=module.__doc__, description=module.__doc__))
    given = parser.parse_args(arguments)
    try:
        given.command(given)
    except FacegapError as error:
        print(f"facegap: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
