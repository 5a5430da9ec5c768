"""Names of participants: the list of pairs that each has, and which of those who had it they are.

The first who gets the list "participant-3" has its name, the second is "participant-3-2".
"""

import re

NAME = re.compile(r"(participant-\d+)(?:-([2-9]|[1-9]\d+))?")


def list_of(participant: str) -> str:
    """The list of pairs of a participant; any other text is its own."""
    found = NAME.fullmatch(participant)
    return found[1] if found else participant


def name_in(of_list: str, number: int) -> str:
    """The name of the participant who is the `number`th (from 1) to get a list."""
    return of_list if number == 1 else f"{of_list}-{number}"
