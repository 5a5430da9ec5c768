"""Tars of images, repacked once as a zip: one file that is read in place, in any order."""

import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn, Self

from facegap.errors import DataError
from facegap.files import whole
from facegap.names import path_inside

MAX_FILES = 2_000_000
MAX_BYTES = 200 * 2**30
MAX_FILE_BYTES = 512 * 2**20
MAX_HEADER_BYTES = 2**20  # a long name or metadata, which tarfile reads whole
MAX_NAME = 4096  # characters
HEADERS = {
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
}


def unpack_images(*, archives: list[Path], images: Path) -> None:
    """Copy the files of the tars `archives` (gz, xz, bz2 or plain), in order, to one stored zip.

    The archives are not trusted: a path outside of one, a link or a device, one name twice, more
    files or bytes than any data set here has, or a damaged or truncated stream is a `DataError`.
    Times and owners are dropped, so equal archives give equal bytes.
    """
    names: set[str] = set()
    size = 0
    with (
        whole(images) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as packed,
    ):
        for archive in archives:
            for name, content in _files(archive, names, MAX_BYTES - size):
                packed.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
                size += len(content)


def _files(archive: str | Path, names: set[str], room: int) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file of one tar, at most `room` bytes; `names` has all so far."""
    if Path(archive).is_dir():
        raise DataError(f"{archive}: a folder, and no tar archive; rename it")
    if Path(archive).exists() and not Path(archive).is_file():
        raise DataError(f"{archive}: a pipe or a device, and no tar archive; name a file")
    before = len(names)
    try:
        with tarfile.open(archive, tarinfo=_Member, encoding="utf-8") as tar:
            for member in iter(tar.next, None):
                member.pax_headers = {}  # else they are kept till the end
                if len(str(tar.pax_headers)) > MAX_HEADER_BYTES:
                    raise OverflowError(f"headers of more than {MAX_HEADER_BYTES} bytes for all")
                if member.isdir():
                    continue
                name = _checked(member, archive)
                room -= member.size
                if len(names) >= MAX_FILES or room < 0 or member.size > MAX_FILE_BYTES:
                    raise DataError(
                        f"{archive}: more files or bytes than a data set of faces has; refused"
                    )
                if name in names:
                    raise DataError(f"{archive}: two files are called {name!r}; refused")
                names.add(name)
                content = tar.extractfile(member)
                yield name, content.read() if content else b""
            _check_end(tar)
    except (OverflowError, RecursionError) as error:
        raise DataError(f"{archive}: {error}, as no data set of faces has; refused") from error
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno:  # of the system, not of the content
            raise DataError(f"{archive}: not readable: {error}") from error
        words = str(error).replace("\n", " ")
        raise DataError(
            f"{archive}: truncated or no tar archive, or damaged ({words}); get it again"
        ) from error
    if len(names) == before:
        raise DataError(f"{archive}: no file in it")


class _Member(tarfile.TarInfo):
    """A member whose headers are checked before they are read; one damaged is not the end."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        try:
            member = super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if len(buf) == tarfile.BLOCKSIZE and not buf.strip(b"\0"):
                raise  # the end
            raise tarfile.ReadError(str(error)) from error
        if member.type == tarfile.GNUTYPE_SPARSE:
            member._refuse_sparse()
        if member.size < 0 or (member.type in HEADERS and member.size > MAX_HEADER_BYTES):
            raise OverflowError(f"a header of {member.size} bytes")
        return member

    @classmethod
    def fromtarfile(cls, tar: tarfile.TarFile) -> Self:
        if tar.fileobj is not None and tar.fileobj.tell() - tar.offset > MAX_HEADER_BYTES:
            raise OverflowError(f"headers of more than {MAX_HEADER_BYTES} bytes for one file")
        return super().fromtarfile(tar)

    def _refuse_sparse(self, following: tarfile.TarInfo | None = None, *_: object) -> NoReturn:
        """A few bytes may stand for any number of zeros, and their table has no end."""
        raise OverflowError(f"{(following or self).name!r}, a sparse file")

    # how tarfile comes to the three ways in which pax headers tell of one
    _proc_gnusparse_00 = _proc_gnusparse_01 = _proc_gnusparse_10 = _refuse_sparse


def _check_end(tar: tarfile.TarFile) -> None:
    """Read what follows the last file, where a compressed stream is checked: zeros."""
    while tar.fileobj is not None and (block := tar.fileobj.read(2**20)):
        if block.strip(b"\0"):
            raise tarfile.ReadError("more data after its end")


def _checked(member: tarfile.TarInfo, archive: str | Path) -> str:
    """The member's path; in Latin-1, which old systems wrote, where it is not UTF-8."""
    if len(member.name) > MAX_NAME:
        raise OverflowError(f"a name of {len(member.name)} characters")
    name = member.name
    if re.search("[\udc80-\udcff]", name):
        name = name.encode("utf-8", "surrogateescape").decode("latin-1")
    path = path_inside(name, archive)
    if not member.isreg():
        raise DataError(f"{archive}: member {name!r} is a link or a device; refused")
    return path
