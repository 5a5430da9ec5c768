"""An archive is not trusted: what leads out of it, or is no plain file, is refused."""

import gzip
import io
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from facegap.acquire import archives
from facegap.acquire.archives import unpack_images
from facegap.errors import DataError
from facegap.kinds import is_tar
from facegap.settings.acquire import Dataset


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
        unpack_images(
            archives=[tar(tmp_path / f"{name}.tar.gz", *members)], images=tmp_path / f"{name}.zip"
        )
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
        unpack_images(archives=[archive], images=tmp_path / "images.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar.gz"]


@pytest.mark.parametrize("limit", ["MAX_FILES", "MAX_BYTES", "MAX_FILE_BYTES"])
def test_a_bomb_is_refused(limit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, limit, 1)
    members = [(f"{k}.jpg", tarfile.REGTYPE, b"xx") for k in range(3)]
    with pytest.raises(DataError, match="more files or bytes"):
        unpack_images(
            archives=[tar(tmp_path / "a.tar.gz", *members)], images=tmp_path / "images.zip"
        )


@pytest.mark.parametrize("keep", [0, 20, 0.5, -1])
def test_a_truncated_archive_is_refused(keep: float, tmp_path: Path) -> None:
    noise = bytes(range(256)) * 100
    whole = tar(tmp_path / "a.tar.gz", *((f"{k}", tarfile.REGTYPE, noise) for k in range(9)))
    data = whole.read_bytes()
    end = keep if isinstance(keep, int) else int(keep * len(data))
    whole.write_bytes(data[:end])
    with pytest.raises(DataError, match=r"a\.tar\.gz: truncated or no tar archive"):
        unpack_images(archives=[whole], images=tmp_path / "images.zip")
    assert not (tmp_path / "images.zip").exists()


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz"])
@pytest.mark.parametrize("place", [0.5, -6])
def test_a_damaged_stream_is_named(kind: str, place: float, tmp_path: Path) -> None:
    path = tmp_path / f"a.tar.{kind}"
    with tarfile.open(path, f"w:{kind}") as archive:
        info = tarfile.TarInfo("a.jpg")
        info.size = 200_000
        archive.addfile(info, io.BytesIO(np.random.default_rng(0).bytes(info.size)))
    data = bytearray(path.read_bytes())
    data[place if isinstance(place, int) else int(place * len(data))] ^= 1
    path.write_bytes(data)
    with pytest.raises(DataError, match=rf"a\.tar\.{kind}: truncated .*or damaged .*get it again"):
        unpack_images(archives=[path], images=tmp_path / "images.zip")
    assert not (tmp_path / "images.zip").exists()


@pytest.mark.parametrize("garbage", [b"garbage", b"\1" * 600])
@pytest.mark.parametrize("kind", ["", "gz"])
def test_garbage_behind_the_end_is_refused(kind: str, garbage: bytes, tmp_path: Path) -> None:
    path = tar(tmp_path / "a.tar.gz", ("a.jpg", tarfile.REGTYPE, b"x"))
    if not kind:
        path.write_bytes(gzip.decompress(path.read_bytes()))
    path.write_bytes(path.read_bytes() + garbage)
    with pytest.raises(DataError, match=r"a\.tar\.gz: .*get it again"):
        unpack_images(archives=[path], images=tmp_path / "images.zip")


@pytest.mark.parametrize("end", [1024, 1100])
def test_a_damaged_header_is_not_the_end(end: int, tmp_path: Path) -> None:
    """A plain tar of two files, damaged or cut at the header of the second."""
    members = [(name, tarfile.REGTYPE, b"x") for name in ("a.jpg", "b.jpg")]
    path = tar(tmp_path / "a.tar", *members)
    data = bytearray(gzip.decompress(path.read_bytes()))
    for damaged in (data[:end], data[:1024] + b"\1" + data[1025:]):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"a\.tar: .*get it again"):
            unpack_images(archives=[path], images=tmp_path / "images.zip")


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").mkdir()
    with pytest.raises(DataError, match=r"a\.tar\.gz: a folder, and no tar archive"):
        unpack_images(archives=[tmp_path / "a.tar.gz"], images=tmp_path / "images.zip")
    with pytest.raises(DataError, match=r"b\.tar\.gz: not readable: .*No such file"):
        unpack_images(archives=[tmp_path / "b.tar.gz"], images=tmp_path / "images.zip")


def test_a_name_in_latin_1_is_read(tmp_path: Path) -> None:
    with tarfile.open(
        tmp_path / "a.tar", "w", format=tarfile.GNU_FORMAT, encoding="latin-1"
    ) as old:
        info = tarfile.TarInfo("Jürgen.jpg")
        old.addfile(info)
    unpack_images(archives=[tmp_path / "a.tar"], images=tmp_path / "images.zip")
    with zipfile.ZipFile(tmp_path / "images.zip") as images:
        assert images.namelist() == ["Jürgen.jpg"]


def headers(path: Path, kind: bytes, sizes: list[int]) -> Path:
    """A tar.gz of these headers before one file, each of zeros, as small as they can be."""
    with gzip.open(path, "wb", compresslevel=1) as file:
        for size in sizes:
            info = tarfile.TarInfo("header")
            info.type, info.size = kind, size
            file.write(info.tobuf(tarfile.USTAR_FORMAT) + bytes(-(-size // 512) * 512))
        file.write(tarfile.TarInfo("a.jpg").tobuf() + bytes(1024))
    return path


@pytest.mark.parametrize("kind", [b"x", b"g", b"X", b"L", b"K"])
@pytest.mark.parametrize("sizes", [[48 * 2**20], [2**20] * 48])
def test_a_bomb_in_a_header_is_not_read(kind: bytes, sizes: list[int], tmp_path: Path) -> None:
    archive = headers(tmp_path / "a.tar.gz", kind, sizes)
    assert archive.stat().st_size < sum(sizes) / 200
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=r"a\.tar\.gz: .*header.* refused"):
            unpack_images(archives=[archive], images=tmp_path / "images.zip")
        assert tracemalloc.get_traced_memory()[1] < 12 * 2**20
    finally:
        tracemalloc.stop()


def test_headers_are_not_kept(tmp_path: Path) -> None:
    """Files with a megabyte of metadata each, and metadata for all of several megabytes."""
    about = {"comment": "x" * 2**19}
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT, compresslevel=1) as archive:
        for k in range(40):
            info = tarfile.TarInfo(f"{k}.jpg")
            info.pax_headers = about
            archive.addfile(info)
    tracemalloc.start()
    try:
        unpack_images(archives=[path], images=tmp_path / "images.zip")
        assert tracemalloc.get_traced_memory()[1] < 12 * 2**20
    finally:
        tracemalloc.stop()
    with gzip.open(path, "wb", compresslevel=1) as file:
        for k in range(4):
            file.write(tarfile.TarInfo.create_pax_global_header({f"k{k}": "x" * 2**19}))
            file.write(tarfile.TarInfo(f"{k}.jpg").tobuf())
    with pytest.raises(DataError, match="headers of more than 1048576 bytes for all"):
        unpack_images(archives=[path], images=tmp_path / "images.zip")


def test_a_name_longer_than_any_is_refused(tmp_path: Path) -> None:
    archive = tar(tmp_path / "a.tar.gz", ("n" * 70_000, tarfile.REGTYPE, b"x"))
    with pytest.raises(DataError, match="a name of 70000 characters"):
        unpack_images(archives=[archive], images=tmp_path / "images.zip")


def sparse(version: str) -> bytes:
    """A tar of one file of which GNU tar stored a byte, in one of its four formats."""
    info = tarfile.TarInfo("a.jpg")
    if version == "old":
        info.type = tarfile.GNUTYPE_SPARSE
        header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
        header[386:398], header[398:410] = b"00000000000\0", b"00000000000\0"
        header[482], header[483:495] = 1, b"04000000000\0"  # more of it follows; half a gigabyte
        header[148:156] = b" " * 8
        header[148:156] = b"%06o\0 " % sum(header[:512])
        return bytes(header) + (b"0" * 504 + b"\1" + bytes(7)) * 4000
    about = {
        "0.0": {"size": str(2**29), "offset": "0", "numbytes": "0", "numblocks": "1"},
        "0.1": {"map": "0,0", "size": str(2**29)},
        "1.0": {"major": "1", "minor": "0", "realsize": str(2**29), "name": "a.jpg"},
    }[version]
    info.pax_headers = {f"GNU.sparse.{key}": value for key, value in about.items()}
    entries = b"9" * 9 + b"\n" + b"0\n" * 2**20  # a map that has no end
    info.size = len(entries) if version == "1.0" else 0
    return info.tobuf(tarfile.PAX_FORMAT) + entries * (version == "1.0") + bytes(1024)


@pytest.mark.parametrize("version", ["old", "0.0", "0.1", "1.0"])
def test_a_sparse_file_is_refused_before_its_zeros_are_made(version: str, tmp_path: Path) -> None:
    with gzip.open(tmp_path / "a.tar.gz", "wb", compresslevel=1) as file:
        file.write(sparse(version))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=r"a\.tar\.gz: '.*', a sparse file, .* refused"):
            unpack_images(archives=[tmp_path / "a.tar.gz"], images=tmp_path / "images.zip")
        assert tracemalloc.get_traced_memory()[1] < 2 * 2**20
    finally:
        tracemalloc.stop()


def test_backslashes_and_decomposed_letters_are_names_in_one_form(tmp_path: Path) -> None:
    path = tar(tmp_path / "a.tar.gz", ("./anna\\Jose\u0301.jpg", tarfile.REGTYPE, b"x"))
    unpack_images(archives=[path], images=tmp_path / "images.zip")
    with zipfile.ZipFile(tmp_path / "images.zip") as images:
        assert images.namelist() == ["anna/José.jpg"]
    both = [(f"Jos{e}.jpg", tarfile.REGTYPE, b"x") for e in ("é", "e\u0301")]
    with pytest.raises(DataError, match=r"two files are called 'José\.jpg'"):
        unpack_images(archives=[tar(tmp_path / "b.tar.gz", *both)], images=tmp_path / "images.zip")


def test_several_archives_become_one_zip(tmp_path: Path) -> None:
    parts = [
        tar(tmp_path / f"part{k}.tar.gz", (f"part{k}/a.jpg", tarfile.REGTYPE, b"x")) for k in (1, 2)
    ]
    unpack_images(archives=parts, images=tmp_path / "images.zip")
    with zipfile.ZipFile(tmp_path / "images.zip") as images:
        assert images.namelist() == ["part1/a.jpg", "part2/a.jpg"]
    with pytest.raises(DataError, match=r"part1\.tar\.gz: two files are called"):
        unpack_images(archives=[*parts, parts[0]], images=tmp_path / "twice.zip")


def test_an_empty_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no file in it"):
        unpack_images(archives=[tar(tmp_path / "a.tar.gz")], images=tmp_path / "images.zip")


@pytest.mark.parametrize("end", [".tar", ".TAR.GZ", ".tgz", ".tar.xz", ".Txz", ".tar.bz2", ".tbz2"])
def test_a_tar_is_known_by_its_name_in_any_letters(end: str, tmp_path: Path) -> None:
    kind = {"gz": "gz", "xz": "xz", "z2": "bz2"}.get(end.lower()[-2:], "")
    path = tmp_path / f"a{end}"
    with tarfile.open(path, f"w:{'gz' if end == '.tgz' else kind}") as archive:
        archive.addfile(tarfile.TarInfo("a.jpg"))
    assert is_tar(path.name)
    assert not is_tar(f"{path.name}.7z")
    unpack_images(archives=[path], images=tmp_path / "images.zip")
    given = {"kind": "folder", "images": [path.name], "table": "t.csv", "labels": "own"}
    Dataset(**given, split={"train": 0.5, "test": 0.5})
