"""Which of facegap's modules a Python file imports."""

import re
from pathlib import Path

IMPORT = re.compile(  # read so at each start: a syntax tree of each module takes half a second
    r"^ *from (facegap[\w.]*) import (\([^)]*\)|.*)", re.MULTILINE
)


def imported(path: Path, root: Path) -> list[Path]:
    """The files under `root`, where the package lies, that the imports in `path` load, in order.

    `from facegap... import` is what is looked for: the only form that the project uses.
    """
    files = []
    for module, names in IMPORT.findall(path.read_text()):
        package, *inner = module.split(".")
        base = root.joinpath(package, *inner)
        named = [base / name for name in re.findall(r"\w+", names)]
        for place in [base, *base.parents[: len(inner)], *named]:
            files += [place.with_suffix(".py"), place / "__init__.py"]
    return [file for file in files if file.is_file()]
