"""An archive is not trusted: what leads out of it, or is no plain file, is refused."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from facegap.acquire import archives
from facegap.acquire.archives import unpack_images
from facegap.errors import DataError


def tar(path: Path, *members: tuple[str, bytes, bytes]) -> Path:
    """A tar.gz of (name, type, content or link target)."""
    with tarfile.open(path, "w:gz") as archive:
        for name, kind, content in members:
            info = tarfile.TarInfo(name)
            info.type, info.mtime = kind, len(name)
            if kind == tarfile.REGTYPE:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
            else:
                info.linkname = content.decode()
                archive.addfile(info)
    return path


def test_plain_files_are_copied_and_equal_archives_give_equal_bytes(tmp_path: Path) -> None:
    members = [("UTKFace/a.jpg", tarfile.REGTYPE, b"one"), ("UTKFace", tarfile.DIRTYPE, b"")]
    for name in ("one", "two"):
        unpack_images([tar(tmp_path / f"{name}.tar.gz", *members)], tmp_path / f"{name}.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as images:
        assert images.namelist() == ["UTKFace/a.jpg"]
        assert images.read("UTKFace/a.jpg") == b"one"


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (("../a.jpg", tarfile.REGTYPE, b"x"), "leads out of the archive"),
        (("b/../../a.jpg", tarfile.REGTYPE, b"x"), "leads out of the archive"),
        (("/etc/a.jpg", tarfile.REGTYPE, b"x"), "leads out of the archive"),
        (("C:\\a.jpg", tarfile.REGTYPE, b"x"), "leads out of the archive"),
        (("a.jpg", tarfile.SYMTYPE, b"/etc/passwd"), "is a link or a device"),
        (("a.jpg", tarfile.LNKTYPE, b"../x"), "is a link or a device"),
        (("a.jpg", tarfile.FIFOTYPE, b""), "is a link or a device"),
        (("good.jpg", tarfile.REGTYPE, b"x"), "two files are called"),
    ],
)
def test_an_unsafe_member_is_refused_and_nothing_is_left(
    member: tuple[str, bytes, bytes], message: str, tmp_path: Path
) -> None:
    good = ("good.jpg", tarfile.REGTYPE, b"x")
    archive = tar(tmp_path / "a.tar.gz", good, member)
    with pytest.raises(DataError, match=message):
        unpack_images([archive], tmp_path / "images.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar.gz"]


@pytest.mark.parametrize("limit", ["MAX_FILES", "MAX_BYTES", "MAX_FILE_BYTES"])
def test_a_bomb_is_refused(limit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, limit, 1)
    members = [(f"{k}.jpg", tarfile.REGTYPE, b"xx") for k in range(3)]
    with pytest.raises(DataError, match="more files or bytes"):
        unpack_images([tar(tmp_path / "a.tar.gz", *members)], tmp_path / "images.zip")


@pytest.mark.parametrize("keep", [0, 20, 0.5, -1])
def test_a_truncated_archive_is_refused(keep: float, tmp_path: Path) -> None:
    noise = bytes(range(256)) * 100
    whole = tar(tmp_path / "a.tar.gz", *((f"{k}", tarfile.REGTYPE, noise) for k in range(9)))
    data = whole.read_bytes()
    end = keep if isinstance(keep, int) else int(keep * len(data))
    whole.write_bytes(data[:end])
    with pytest.raises(DataError, match=r"a\.tar\.gz: truncated or no tar archive"):
        unpack_images([whole], tmp_path / "images.zip")
    assert not (tmp_path / "images.zip").exists()


def test_several_archives_become_one_zip(tmp_path: Path) -> None:
    parts = [
        tar(tmp_path / f"part{k}.tar.gz", (f"part{k}/a.jpg", tarfile.REGTYPE, b"x")) for k in (1, 2)
    ]
    unpack_images(parts, tmp_path / "images.zip")
    with zipfile.ZipFile(tmp_path / "images.zip") as images:
        assert images.namelist() == ["part1/a.jpg", "part2/a.jpg"]
    with pytest.raises(DataError, match=r"part1\.tar\.gz: two files are called"):
        unpack_images([*parts, parts[0]], tmp_path / "twice.zip")


def test_an_empty_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no file in it"):
        unpack_images([tar(tmp_path / "a.tar.gz")], tmp_path / "images.zip")
