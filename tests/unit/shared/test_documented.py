from pathlib import Path

import pytest
from documented.__main__ import table
from documented.marks import PERFORMANCE, written

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


def test_a_table_is_what_a_benchmark_printed_less_its_figures(tmp_path: Path) -> None:
    path = tmp_path / "one.txt"
    path.write_text('a    1\n\nb    2\n{"name": "one", "machine": "theirs"}\n')
    machine, *lines = table(path)
    assert machine.endswith(", theirs:")
    assert lines == ["", "    a    1", "", "    b    2", ""]


@pytest.mark.parametrize("printed", ["", "a    1\n"])
def test_a_benchmark_that_did_not_end_is_named(tmp_path: Path, printed: str) -> None:
    path = tmp_path / "one.txt"
    path.write_text(printed)
    with pytest.raises(ValueError, match=r"one\.txt: its benchmark did not end"):
        table(path)


def test_only_what_was_run_is_written(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "<!-- a -->\nold\n<!-- end of a -->\ntext\n<!-- b -->\nold\n<!-- end of b -->\n"
    )
    written(page, {"a": ["new"]})
    assert page.read_text() == (
        "<!-- a -->\nnew\n<!-- end of a -->\ntext\n<!-- b -->\nold\n<!-- end of b -->\n"
    )
    with pytest.raises(ValueError, match="the marks of c"):
        written(page, {"c": []})


def test_every_benchmark_has_a_place_on_the_page() -> None:
    page = PERFORMANCE.read_text()
    for path in BENCHMARKS.glob("*.py"):
        assert page.count(f"<!-- {path.stem} -->") == 1, path.name
