"""The tables of docs/calibration.md."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/calibration.md"


def written(page: Path, tables: Mapping[str, Sequence[str]]) -> None:
    """Put the lines of each table between its marks."""
    text = page.read_text()
    for name, lines in tables.items():
        marks = rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)"
        body = "\n".join(lines) + "\n"
        text, count = re.subn(marks, lambda m, body=body: m[1] + body + m[2], text, flags=re.S)
        if count != 1:
            raise ValueError(f"{page}: marks of {name} are there {count} times")
    page.write_text(text)
