import os
from pathlib import Path

import pytest

from facegap import digests
from facegap.digests import contents, digest


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    return tmp_path / "memory.json"


def replace_unnoticed(path: Path, content: bytes) -> None:
    """Put another file of the same size and time in its place."""
    seen, other = path.stat(), path.with_name("other")
    other.write_bytes(content)
    os.utime(other, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    other.rename(path)
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (seen.st_size, seen.st_mtime_ns)


def test_a_file_replaced_by_one_of_the_same_size_and_time_is_another(
    tmp_path: Path, memory: Path
) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes(b"31")
    before = digest(path, memory)
    replace_unnoticed(path, b"32")
    assert digest(path, memory) != before


def test_so_is_a_folder_with_such_a_file(tmp_path: Path, memory: Path) -> None:
    image = tmp_path / "images/anna/1.jpg"
    image.parent.mkdir(parents=True)
    image.write_bytes(b"one")
    before = digest(tmp_path / "images", memory)
    replace_unnoticed(image, b"two")
    assert digest(tmp_path / "images", memory) != before
    image.rename(image.with_name("2.jpg"))
    assert digest(tmp_path / "images", memory) != before


def test_so_is_a_folder_with_a_changed_file_behind_a_link(tmp_path: Path, memory: Path) -> None:
    (tmp_path / "disk/deep").mkdir(parents=True)
    (tmp_path / "images").mkdir()
    (tmp_path / "images/anna").symlink_to("../disk")
    (tmp_path / "disk/loop").symlink_to("../images")
    (tmp_path / "disk/deep/1.jpg").write_bytes(b"one")
    before = digest(tmp_path / "images", memory)
    assert digest(tmp_path / "images", memory) == before
    replace_unnoticed(tmp_path / "disk/deep/1.jpg", b"two")
    assert digest(tmp_path / "images", memory) != before


def test_a_folder_of_odd_files_has_a_digest(tmp_path: Path, memory: Path) -> None:
    """What a job says of them has to be said there, not at the start."""
    images = tmp_path / "images"
    images.mkdir()
    (images / "1.jpg").write_bytes(b"one")
    (images / "gone.jpg").symlink_to("nowhere")
    (images / "self.jpg").symlink_to("self.jpg")
    os.mkfifo(images / "pipe.jpg")
    Path(os.fsdecode(os.fsencode(images) + b"/J\xfcrgen.jpg")).write_bytes(b"x")
    before = digest(images, memory)
    assert digest(images, memory, look=False) == before
    (images / "1.jpg").write_bytes(b"two")
    assert digest(images, memory) != before


def test_an_unreadable_file_hides_no_other(
    tmp_path: Path, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        (tmp_path / "images").mkdir(exist_ok=True)
        (tmp_path / "images" / name).write_bytes(b"one")
    opened = Path.open

    def forbidden(path: Path, *given: object, **named: object) -> object:
        if path.name == "a":
            raise PermissionError(13, "Permission denied")
        return opened(path, *given, **named)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", forbidden)
    before = digest(tmp_path / "images", memory)
    replace_unnoticed(tmp_path / "images/b", b"two")
    assert digest(tmp_path / "images", memory) != before


def test_a_copy_elsewhere_has_the_same_digest(tmp_path: Path, memory: Path) -> None:
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "face.png").write_bytes(b"face")
    assert digest(tmp_path / "a", memory) == digest(tmp_path / "b", memory)
    assert digest(tmp_path / "a/face.png", memory) == digest(tmp_path / "b/face.png", memory)


def test_what_was_read_is_not_read_again(
    tmp_path: Path, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "images.zip"
    path.write_bytes(b"large")
    before = digest(path, memory)
    monkeypatch.delattr(digests, "_read")
    assert digest(path, memory) == before


def test_a_job_believes_what_was_read_before_it(tmp_path: Path, memory: Path) -> None:
    """As on a node whose own disk has a copy: the file is the same, its inode and time are not."""
    path = tmp_path / "images.zip"
    path.write_bytes(b"large")
    before = digest(path, memory)
    remembered = memory.read_bytes()
    replace_unnoticed(path, b"other")
    assert digest(path, memory, look=False) == before
    assert memory.read_bytes() == remembered


def test_a_job_that_has_no_memory_reads_and_writes_none(tmp_path: Path, memory: Path) -> None:
    path = tmp_path / "images.zip"
    path.write_bytes(b"large")
    alone = digest(path, memory, look=False)
    assert not memory.exists()
    assert digest(path, memory) == alone


@pytest.mark.parametrize("content", ["", "[]", "not JSON"])
def test_a_damaged_memory_is_written_anew(tmp_path: Path, memory: Path, content: str) -> None:
    path = tmp_path / "images.zip"
    path.write_bytes(b"large")
    before = digest(path, memory)
    memory.write_text(content)
    assert digest(path, memory) == before


def test_only_the_users_own_files_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/labels.csv").write_text("1")
    (tmp_path / "results.csv").write_text("2")
    found = contents(["data/labels.csv", "results.csv", "data/none.csv"], "data", look=True)
    assert found == [digest("data/labels.csv", tmp_path / "memory.json")]
