"""What a rule's script reaches, against Python's own reading of every file."""

import ast
from pathlib import Path

import pytest

from facegap.imports import imported

ROOT = Path(__file__).parents[3] / "workflow/scripts"


def named(path: Path) -> set[str]:
    """The facegap modules, and names in them, that a syntax tree says are imported."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            assert not any(alias.name.split(".")[0] == "facegap" for alias in node.names), path
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import is not seen"
            if node.module and node.module.split(".")[0] == "facegap":
                found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def files_of(modules: set[str]) -> set[Path]:
    """Their files, and those of the packages that they are in."""
    found = set()
    for module in modules:
        parts = module.split(".")
        for depth in range(1, len(parts) + 1):
            place = ROOT.joinpath(*parts[:depth])
            found |= {place.with_suffix(".py"), place / "__init__.py"}
    return {path for path in found if path.is_file()}


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: path.stem)
def test_every_module_that_is_imported_is_found(path: Path) -> None:
    assert set(imported(path, ROOT)) == files_of(named(path))


def test_each_way_to_write_an_import_is_read(tmp_path: Path) -> None:
    (tmp_path / "facegap/inner").mkdir(parents=True)
    for name in ("__init__", "one", "two", "three", "inner/__init__", "inner/deep"):
        (tmp_path / f"facegap/{name}.py").touch()
    script = tmp_path / "script.py"
    script.write_text(
        "from facegap import one, two as second\n"
        "def late():\n"
        "    from facegap.inner.deep import (\n        a,\n        b,\n    )\n"
        "# from facegap import three would be a comment\n"
    )
    found = {str(path.relative_to(tmp_path / "facegap")) for path in imported(script, tmp_path)}
    assert found == {"__init__.py", "one.py", "two.py", "inner/__init__.py", "inner/deep.py"}
