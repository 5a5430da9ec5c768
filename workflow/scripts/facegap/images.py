"""Images of a data set, read in place from a folder or a zip, or refused with the plain reason."""

import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from facegap.decoding import ImageError, decoded
from facegap.errors import DataError
from facegap.files import files_below
from facegap.names import one_form, path_inside

MAX_PIXELS = 50_000_000
MAX_FILES = 2_000_000  # in a zip
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # that zipfile unpacks no further than asked
OTHERS = {9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "xz", 98: "PPMd"}
ENCRYPTED, UTF_8 = 0x1, 0x800  # of a zip member's flags

T = TypeVar("T")


class Images(ABC):
    """Images below one place, by their paths in it (posix, relative). Threads may share it."""

    def __init__(self, max_pixels: int) -> None:
        """Refuse images of more than `max_pixels` unread."""
        self.max_pixels = max_pixels

    @abstractmethod
    def names(self) -> list[str]:
        """The paths of all files, sorted, without hidden ones; not all need be images."""

    @abstractmethod
    def _bytes(self, path: str) -> bytes:
        """The file at `path`, unless it is missing, empty, not readable or far too large."""

    def read(self, path: str) -> NDArray[np.uint8]:
        """The image at `path`, as `decoded` gives it; an `ImageError` says why it is not usable."""
        return decoded(self.contents(path), path, self.max_pixels)

    def contents(self, path: str) -> bytes:
        """The file at `path`; an `ImageError` when it is missing, empty or outside of the place."""
        inside = PurePosixPath(path)
        if inside.is_absolute() or ".." in inside.parts:
            raise ImageError(path, "the path leads outside of the images")
        return self._bytes(path)

    def _check_size(self, path: str, size: int) -> None:
        if size == 0:
            raise ImageError(path, "empty file, zero bytes")
        if size > 8 * self.max_pixels + 2**20:  # 16-bit RGBA, not compressed, and its metadata
            raise ImageError(path, f"{size} bytes, more than an image of max_pixels can have")


class _Folder(Images):
    def __init__(self, place: Path, max_pixels: int) -> None:
        super().__init__(max_pixels)
        self._place = place

    @cached_property
    def _files(self) -> dict[str, str]:
        """The names that the files have on disk, by their names in one form."""
        names = files_below(self._place)
        return _by_form(((one_form(name), name) for name in names), self._place)

    def names(self) -> list[str]:
        return sorted(self._files)

    def _bytes(self, path: str) -> bytes:
        file = self._place / path
        try:
            if not file.is_file():
                file = self._place / self._files.get(one_form(path), path)
            if not file.is_file():
                raise ImageError(path, "missing")
            self._check_size(path, file.stat().st_size)
            return file.read_bytes()
        except OSError as error:
            raise ImageError(path, f"not readable: {error.strerror}") from error


class _Zip(Images):
    def __init__(self, archive: zipfile.ZipFile, place: Path, max_pixels: int) -> None:
        super().__init__(max_pixels)
        self._archive = archive
        named = ((_name_of(info, place), info) for info in archive.infolist())
        self._members = _by_form((item for item in named if not _is_left_out(item[0])), place)
        self._lock = Lock()  # ZipFile counts its readers without one

    def names(self) -> list[str]:
        return sorted(self._members)

    def _bytes(self, path: str) -> bytes:
        info = self._members.get(one_form(path))
        if info is None:
            raise ImageError(path, "missing")
        self._check_size(path, info.file_size)
        if info.flag_bits & ENCRYPTED:
            raise ImageError(path, "encrypted in the zip; pack it without a password")
        if info.compress_type not in METHODS:
            method = OTHERS.get(info.compress_type, f"method {info.compress_type}")
            raise ImageError(path, f"compressed by {method}; pack the zip with deflate, or stored")
        try:
            with self._lock, self._archive.open(info) as member:
                return member.read(info.file_size)  # without a number, all that it unpacks to
        except Exception as error:  # zlib, struct and checksum errors have no base
            raise ImageError(path, f"damaged in the zip: {error}") from error


@contextmanager
def open_images(place: str | Path, max_pixels: int = MAX_PIXELS) -> Iterator[Images]:
    """The images in the folder or zip at `place`; a `DataError` names a place that is neither.

    Nothing is extracted. Links in a folder are followed, so that it may be made of links. Names
    are in one Unicode form, and a path is found in whichever form it is given.
    """
    place = Path(place)
    if place.is_dir():
        yield _Folder(place, max_pixels)
        return
    if not place.exists():
        raise DataError(f"{place}: no such folder or zip of images")
    if not place.is_file():
        raise DataError(f"{place}: neither a folder nor a file of images; name one")
    try:
        archive = zipfile.ZipFile(place)
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise DataError(
            f"{place}: neither a folder nor a readable zip: {error}; besides these .tar, .tar.gz,"
            " .tar.xz and .tar.bz2 are read"
        ) from error
    with archive:
        if len(archive.infolist()) > MAX_FILES:
            raise DataError(f"{place}: more files than a data set of faces has; refused")
        yield _Zip(archive, place, max_pixels)


def _by_form(items: Iterable[tuple[str, T]], place: Path) -> dict[str, T]:
    """The items by name; a `DataError` where two have one name, of which only one would be read."""
    found: dict[str, T] = {}
    for name, item in items:
        if name in found:
            raise DataError(f"{place}: two files are called {name!r}; rename or remove one")
        found[name] = item
    return found


def _name_of(info: zipfile.ZipInfo, place: Path) -> str:
    """A member's path; Macs write UTF-8 without the flag that says so."""
    name = info.filename
    if not info.flag_bits & UTF_8 and not name.isascii():
        with suppress(UnicodeError):
            name = name.encode("cp437").decode()  # zipfile takes it for cp437
    return path_inside(name, place)


def _is_left_out(name: str) -> bool:
    """Whether it is a folder's, hidden, or what a Mac puts beside each file."""
    return name.endswith("/") or any(
        part.startswith(".") or part == "__MACOSX" for part in name.split("/")
    )
