"""Tars of images, repacked once as a zip: one file that is read in place, in any order."""

import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from facegap.errors import DataError
from facegap.files import whole

MAX_FILES = 2_000_000
MAX_BYTES = 200 * 2**30
MAX_FILE_BYTES = 512 * 2**20


def unpack_images(archives: Sequence[str | Path], images_zip: str | Path) -> None:
    """Copy the files of the tars `archives` (gz, xz, bz2 or plain), in order, to one stored zip.

    The archives are not trusted: a path outside of one, a link or a device, one name twice, more
    files or bytes than any data set here has, or a truncated stream is a `DataError`. Times and
    owners are dropped, so equal archives give equal bytes.
    """
    names: set[str] = set()
    size = 0
    with (
        whole(images_zip) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as images,
    ):
        for archive in archives:
            try:
                with tarfile.open(archive) as tar:
                    size += _copy(tar, images, names, MAX_BYTES - size, archive)
            except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError) as error:
                raise DataError(
                    f"{archive}: truncated or no tar archive ({error}); get it again"
                ) from error


def _copy(
    tar: tarfile.TarFile, images: zipfile.ZipFile, names: set[str], room: int, archive: str | Path
) -> int:
    """Copy the files of one tar and add their `names`; their bytes, at most `room`."""
    before, size = len(names), 0
    for member in tar:
        if member.isdir():
            continue
        _check(member, archive)
        size += member.size
        if len(names) >= MAX_FILES or size > room or member.size > MAX_FILE_BYTES:
            raise DataError(f"{archive}: more files or bytes than a data set of faces has; refused")
        name = str(PurePosixPath(member.name))
        if name in names:
            raise DataError(f"{archive}: two files are called {name!r}; refused")
        names.add(name)
        content = tar.extractfile(member)
        if content is not None:
            images.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content.read())
    if len(names) == before:
        raise DataError(f"{archive}: no file in it")
    while tar.fileobj is not None and tar.fileobj.read(2**20):
        pass  # to the end, where a compressed stream is checked
    return size


def _check(member: tarfile.TarInfo, archive: str | Path) -> None:
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or re.search(r"[\\\0]|^[A-Za-z]:", member.name):
        raise DataError(f"{archive}: member {member.name!r} leads out of the archive; refused")
    if not member.isreg():
        raise DataError(f"{archive}: member {member.name!r} is a link or a device; refused")
