"""A file is written whole or not at all."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from facegap import files
from facegap.errors import DataError
from facegap.files import files_below, read_json, whole, write_json
from facegap.resume import Resume

KILLED = """
import os, platform, sys
from facegap.files import whole
path, host, process = sys.argv[1:]
platform.node, os.getpid = lambda: host, lambda: int(process)
with whole(path) as part:
    part.touch()
    os._exit(0)
"""


def killed_writer(path: Path, host: str, *within: str) -> None:
    """A writer of `path` that ended in the middle, with the number of no process here."""
    dead = subprocess.Popen(["true"])
    dead.wait()
    command = [*within, sys.executable, "-c", KILLED, path, host, str(dead.pid)]
    subprocess.run(command, cwd=Path(files.__file__).parents[1], check=True)
    assert list(path.parent.glob(".*.part.*"))


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


def test_a_training_killed_as_it_saved_leaves_nothing_when_it_has_ended(tmp_path: Path) -> None:
    killed_writer(tmp_path / "generator.resume", platform.node())
    Resume(tmp_path / "generator.resume", "digest").remove()
    assert not list(tmp_path.iterdir())


def test_the_temporary_path_keeps_the_suffix(tmp_path: Path) -> None:
    with whole(tmp_path / "a.b.png") as temporary:
        assert temporary.suffix == ".png"
        temporary.touch()


def test_what_a_killed_writer_left_goes_with_the_next_write(tmp_path: Path) -> None:
    killed_writer(tmp_path / "a [1].zip", platform.node())
    (left,) = tmp_path.iterdir()
    left.with_suffix("").mkdir()
    process = left.name.split("-")[-1].split(".")[0]
    left = {
        left.name.replace(f"-{process}.", f"-{os.getppid()}."),
        left.name.replace(".a [1].", ".a [1].b."),
    }
    for name in left:
        (tmp_path / name).touch()
    for name in ("a [1].zip", "a [1]"):
        with whole(tmp_path / name) as temporary:
            temporary.touch()
    assert {path.name for path in tmp_path.iterdir()} == left | {"a [1].zip", "a [1]"}


@pytest.mark.parametrize("within", [(), ("unshare", "--pid", "--fork")])
def test_a_writer_elsewhere_is_not_taken_for_dead(tmp_path: Path, within: tuple[str, ...]) -> None:
    """On another host, or on this one in a container; what it writes is not touched."""
    if within and subprocess.run([*within, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no namespace can be made here")
    path = tmp_path / "digests.json"
    killed_writer(path, platform.node() if within else "elsewhere", *within)
    (theirs,) = tmp_path.iterdir()
    write_json({}, path)
    assert theirs.exists()


def test_an_unwritable_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match=r"cannot write .*file/out\.json"):
        write_json({}, tmp_path / "file/out.json")


def test_json_of_any_depth_is_read_or_named(tmp_path: Path) -> None:
    (tmp_path / "deep.json").write_text("[" * 1_000_000)
    with pytest.raises(DataError, match=r"deep\.json: not readable as JSON"):
        read_json(tmp_path / "deep.json")


def test_json_round_trip_and_damage(tmp_path: Path) -> None:
    write_json({"b": [1, 2.5], "a": None}, tmp_path / "x.json")
    assert read_json(tmp_path / "x.json") == {"a": None, "b": [1, 2.5]}
    (tmp_path / "y.json").write_text('{"a": ')
    with pytest.raises(DataError, match=r"y\.json: not readable as JSON"):
        read_json(tmp_path / "y.json")
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json({"a": float("nan")}, tmp_path / "z.json")
    assert not (tmp_path / "z.json").exists()


def folder(place: Path, **links: str) -> Path:
    """A folder with a file in each of a, b and b/c, and `links` (folder__name) to places."""
    for name in ("a", "b", "b/c"):
        (place / name).mkdir(parents=True)
        (place / name / "1.jpg").touch()
    for name, target in links.items():
        (place / name.replace("__", "/")).symlink_to(target)
    return place


PLAIN = ["a/1.jpg", "b/1.jpg", "b/c/1.jpg"]


@pytest.mark.parametrize(
    ("links", "more"),
    [
        ({}, []),
        ({"l": "b"}, ["l/1.jpg", "l/c/1.jpg"]),
        ({"l": "a", "m": "a"}, ["l/1.jpg", "m/1.jpg"]),
        ({"l": "."}, []),
        ({"l": ".", "m": ".", "a__n": "..", "b__c__o": "../.."}, []),
        ({"a__l": "../b", "b__m": "../a"}, ["a/l/1.jpg", "a/l/c/1.jpg", "b/m/1.jpg"]),
        ({"l": "l", "m": "n", "n": "m", "gone": "nowhere"}, ["gone", "l", "m", "n"]),
        ({"l": "b/c/1.jpg", ".hidden": "a"}, ["l"]),
    ],
)
def test_links_are_followed_and_no_loop_is(
    links: dict[str, str], more: list[str], tmp_path: Path
) -> None:
    place = folder(tmp_path / "images", **links)
    assert files_below(place) == sorted([*PLAIN, *more])
    (tmp_path / "link").symlink_to("images")
    assert files_below(tmp_path / "link") == files_below(place)


def test_folders_that_all_lead_into_each_other_are_refused(tmp_path: Path) -> None:
    for one in range(6):
        (tmp_path / str(one)).mkdir()
        for other in range(6):
            (tmp_path / str(one) / f"to{other}").symlink_to(f"../{other}")
    with pytest.raises(DataError, match="links lead into this folder in more than 100 ways"):
        files_below(tmp_path)


def test_a_folder_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = folder(tmp_path / "images")
    scan = os.scandir

    def forbidden(path: str) -> object:
        if path.endswith("/c"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", forbidden)
    with pytest.raises(DataError, match=r"b/c: the folder is not readable: Permission denied"):
        files_below(place)
