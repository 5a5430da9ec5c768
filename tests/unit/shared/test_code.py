"""What a rule's code reaches, against Python's own reading of every file."""

import ast
from pathlib import Path

import pytest

from facegap import code
from facegap.code import LIBRARY, NOT_COUNTED, digests, needed

MODULES = sorted(LIBRARY.rglob("*.py"))


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
    """The files of these modules."""
    places = (LIBRARY.parent.joinpath(*module.split(".")) for module in modules)
    found = {path for place in places for path in (place.with_suffix(".py"), place / "__init__.py")}
    return {path for path in found if path.is_file()} - NOT_COUNTED - {LIBRARY / "__init__.py"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(LIBRARY)))
def test_every_module_that_is_imported_is_found(path: Path) -> None:
    reached = {file for file in needed(path) if file.suffix == ".py"}
    assert reached - {LIBRARY / "__init__.py"} == files_of(named(path))


@pytest.mark.parametrize("path", LIBRARY.rglob("__init__.py"), ids=lambda path: path.parent.name)
def test_a_package_is_words_alone(path: Path) -> None:
    assert len(ast.parse(path.read_text()).body) == 1


def test_each_way_to_write_an_import_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "inner").mkdir(parents=True)
    for name in ("__init__", "one", "two", "three", "inner/__init__", "inner/deep"):
        (tmp_path / f"{name}.py").touch()
    (tmp_path / "page.html.j2").touch()
    script = tmp_path / "script.py"
    script.write_text(
        "from facegap import one, two as second\n"
        "def late():\n"
        "    from facegap.inner.deep import (\n        a,\n        b,\n    )\n"
        "# from facegap import three would be a comment\n"
        'TEMPLATE = "page.html.j2"\n'
    )
    monkeypatch.setattr(code, "LIBRARY", tmp_path)
    found = {str(path.relative_to(tmp_path)) for path in needed(script)}
    assert found == {"__init__.py", "one.py", "two.py", "inner/deep.py", "page.html.j2"}


def test_digests_name_every_file_once_and_follow_edits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one.py").write_text("from facegap.two import b\nfrom facegap.three import c\n")
    (tmp_path / "two.py").write_text("from facegap.three import c\n")
    (tmp_path / "three.py").write_text("")
    monkeypatch.setattr(code, "LIBRARY", tmp_path)
    before = digests(["one"])
    assert [list(digest) for digest in before] == [["one.py"], ["two.py"], ["three.py"]]
    (tmp_path / "three.py").write_text("# an edit\n")
    code._digest.cache_clear()
    assert [a == b for a, b in zip(before, digests(["one"]), strict=True)] == [True, True, False]


def test_the_settings_and_the_start_of_a_job_are_not_counted() -> None:
    """Settings are params by value, and job computes nothing."""
    reached = {name for path in MODULES for name in map(str, needed(path))}
    assert not [name for name in reached if "/settings/" in name or name.endswith("/job.py")]


def test_a_stream_reruns_what_names_it_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one.py").write_text('from facegap.two import b\nrng = generator(1, "split")\n')
    (tmp_path / "two.py").touch()
    monkeypatch.setattr(code, "LIBRARY", tmp_path)
    found = []
    for streams in ({}, {"other": ("a",)}, {"split": ("a",)}, {"split": ("b",)}):
        monkeypatch.setattr(code, "STREAMS", streams)
        code._digest.cache_clear()
        found.append(digests(["one"]))
    code._digest.cache_clear()
    assert found[0] == found[1]
    assert found[0][0] != found[2][0] != found[3][0]
    assert found[0][1] == found[2][1] == found[3][1]
