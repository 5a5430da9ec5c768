"""A file is written whole or not at all."""

import os
import subprocess
from pathlib import Path

import pytest

from facegap.errors import DataError
from facegap.files import read_json, whole, write_json


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("old")
    with pytest.raises(RuntimeError), whole(path) as temporary:  # noqa: PT012
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["table.csv"]  # noqa: PTH208


def test_a_finished_write_replaces_a_file_and_a_folder(tmp_path: Path) -> None:
    for make in (lambda p: p.write_text("new"), lambda p: p.mkdir()):
        path = tmp_path / "out"
        with whole(path) as temporary:
            make(temporary)
        with whole(path) as temporary:
            make(temporary)
        assert [p.name for p in tmp_path.iterdir()] == ["out"]
        path.rmdir() if path.is_dir() else path.unlink()


def test_the_temporary_path_keeps_the_suffix(tmp_path: Path) -> None:
    with whole(tmp_path / "a.b.png") as temporary:
        assert temporary.suffix == ".png"
        temporary.touch()


def test_what_a_killed_writer_left_goes_with_the_next_write(tmp_path: Path) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    left = [tmp_path / f".a [1].{dead.pid}.part{suffix}" for suffix in (".zip", "")]
    left[0].touch()
    left[1].mkdir()
    kept = {f".a [1].{os.getppid()}.part.zip", f".a [1].b.{dead.pid}.part.zip"}
    for name in kept:
        (tmp_path / name).touch()
    for name in ("a [1].zip", "a [1]"):
        with whole(tmp_path / name) as temporary:
            temporary.touch()
    assert {path.name for path in tmp_path.iterdir()} == kept | {"a [1].zip", "a [1]"}


def test_an_unwritable_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match=r"cannot write .*file/out\.json"):
        write_json({}, tmp_path / "file/out.json")


def test_json_round_trip_and_damage(tmp_path: Path) -> None:
    write_json({"b": [1, 2.5], "a": None}, tmp_path / "x.json")
    assert read_json(tmp_path / "x.json") == {"a": None, "b": [1, 2.5]}
    (tmp_path / "y.json").write_text('{"a": ')
    with pytest.raises(DataError, match=r"y\.json: not readable as JSON"):
        read_json(tmp_path / "y.json")
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json({"a": float("nan")}, tmp_path / "z.json")
    assert not (tmp_path / "z.json").exists()
