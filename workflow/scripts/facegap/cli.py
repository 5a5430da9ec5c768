"""The command `facegap`: what people start by hand, beside the workflow; a stage brings its own."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from facegap.errors import FacegapError

STAGES = ("acquire", "align", "annotate", "classify", "partition", "synthesise", "judge", "report")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; an error that a user can mend is its message alone, and exit code 2.

    A stage with commands has `facegap/<stage>/cli.py`: its `add` takes the stage's parser, and
    sets `command`, a function of the parsed arguments, as a default of each subcommand.
    """
    parser = argparse.ArgumentParser(prog="facegap", description=__doc__)
    stages = parser.add_subparsers(required=True, metavar="stage")
    for stage in STAGES:
        if not (Path(__file__).parent / stage / "cli.py").is_file():
            continue
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
