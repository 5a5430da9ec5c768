"""The streams: which numbers they give, and that each is used and none is missing."""

import ast
import re
from pathlib import Path

import pytest

from facegap.seeds import generator, number
from facegap.streams import STREAMS

LIBRARY = Path(__file__).parents[3] / "workflow/scripts/facegap"


def used() -> set[str]:
    """The streams that the library's calls of `generator` and `number` name."""
    found = set()
    for path in LIBRARY.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and len(node.args) > 1:
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if name in ("generator", "number") and isinstance(node.args[1], ast.Constant):
                    found.add(str(node.args[1].value))
    return found


def test_every_stream_is_used_and_every_use_is_a_stream() -> None:
    text = "".join(path.read_text() for path in LIBRARY.rglob("*.py") if path.stem != "streams")
    assert used() <= STREAMS.keys()
    assert not [name for name in STREAMS if f'"{name}"' not in text]


def test_no_two_streams_are_the_same() -> None:
    patterns = [tuple(re.sub(r"\{.*\}", "*", word) for word in words) for words in STREAMS.values()]
    assert len(set(patterns)) == len(patterns)


@pytest.mark.parametrize(
    ("stream", "names", "first"),
    [
        ("split", {"dataset": "source"}, 0.3644458795207012),
        ("stargan_step", {"step": 7}, 0.7746389983565213),
        (
            "power",
            {"share": 0.53, "participants": 3, "pairs": 300, "persons": 200},
            0.8293052962995446,
        ),
    ],
)
def test_the_numbers_of_a_stream_outlive_the_code_around_it(
    stream: str, names: dict[str, str | int | float], first: float
) -> None:
    assert generator(1, stream, **names).random() == first


def test_streams_of_other_names_or_seeds_are_others() -> None:
    numbers = {
        number(seed, "split", dataset=dataset)
        for seed in (1, 2)
        for dataset in ("source", "target")
    }
    assert len(numbers) == 4
    assert all(0 <= value < 2**63 for value in numbers)
