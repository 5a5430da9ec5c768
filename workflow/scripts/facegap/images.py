"""Images of a data set, read in place from a folder or a zip, or refused with the plain reason."""

import io
import os
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path, PurePosixPath
from threading import Lock

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from facegap.errors import DataError

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "PPM")
MAX_PIXELS = 50_000_000
MAX_FILES = 2_000_000  # in a zip

Image.MAX_IMAGE_PIXELS = None  # Pillow's own limit; ours is checked before any pixel is decoded


class ImageError(DataError):
    """One image that cannot be used; `reason` is the message without the image's place."""

    def __init__(self, path: str, reason: str) -> None:
        """The image at `path`, and in plain words what is wrong with it."""
        super().__init__(f"{path}: {reason}")
        self.reason = reason


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

    def names(self) -> list[str]:
        found = []
        for folder, folders, files in os.walk(self._place, followlinks=True):
            folders[:] = [name for name in folders if not name.startswith(".")]
            inside = Path(folder).relative_to(self._place)
            found += [(inside / name).as_posix() for name in files if not name.startswith(".")]
        return sorted(found)

    def _bytes(self, path: str) -> bytes:
        file = self._place / path
        try:
            if not file.is_file():
                raise ImageError(path, "missing")
            self._check_size(path, file.stat().st_size)
            return file.read_bytes()
        except OSError as error:
            raise ImageError(path, f"not readable: {error.strerror}") from error


class _Zip(Images):
    def __init__(self, archive: zipfile.ZipFile, max_pixels: int) -> None:
        super().__init__(max_pixels)
        self._archive = archive
        self._lock = Lock()  # ZipFile counts its readers without one

    def names(self) -> list[str]:
        files = (info.filename for info in self._archive.infolist() if not info.is_dir())
        return sorted(name for name in files if not _is_hidden(PurePosixPath(name)))

    def _bytes(self, path: str) -> bytes:
        info = self._archive.NameToInfo.get(path)
        if info is None or info.is_dir():
            raise ImageError(path, "missing")
        self._check_size(path, info.file_size)
        try:
            with self._lock:
                return self._archive.read(info)
        except Exception as error:  # zlib, struct, checksum and password errors have no base
            raise ImageError(path, f"damaged in the zip: {error}") from error


@contextmanager
def open_images(place: str | Path, max_pixels: int = MAX_PIXELS) -> Iterator[Images]:
    """The images in the folder or zip at `place`; a `DataError` names a place that is neither.

    Nothing is extracted. Links in a folder are followed, so that it may be made of links.
    """
    place = Path(place)
    if place.is_dir():
        yield _Folder(place, max_pixels)
        return
    if not place.exists():
        raise DataError(f"{place}: no such folder or zip of images")
    try:
        archive = zipfile.ZipFile(place)
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise DataError(f"{place}: neither a folder nor a readable zip: {error}") from error
    with archive:
        if len(archive.infolist()) > MAX_FILES:
            raise DataError(f"{place}: more files than a data set of faces has; refused")
        images = _Zip(archive, max_pixels)
        _check_names(archive, images, place)
        yield images


def _check_names(archive: zipfile.ZipFile, images: Images, place: Path) -> None:
    """Refuse a name that leads out of the zip, and one that two files have: only one is read."""
    for name in archive.NameToInfo:
        if name.startswith("/") or (".." in name and ".." in name.split("/")):
            raise DataError(f"{place}: member {name!r} leads out of the archive; remove it")
    if len(archive.NameToInfo) < len(archive.infolist()):
        for name, following in pairwise(images.names()):
            if name == following:
                raise DataError(f"{place}: two files are called {name!r}; rename or remove one")


def _is_hidden(path: PurePosixPath) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in path.parts)


def decoded(data: bytes, path: str, max_pixels: int) -> NDArray[np.uint8]:
    """The image in the file `data` at `path`, uint8 (h, w, 3) RGB, turned upright by EXIF or XMP.

    Deeper pixels keep their upper eight bits, transparent ones lie on white; colour profiles are
    not applied. An `ImageError` says why an image is not usable: not an image, truncated or
    damaged, or of more than `max_pixels`, which is known before any pixel is decoded.
    """
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > max_pixels:
                size = f"{image.width} x {image.height} pixels"
                raise ImageError(path, f"{size}, more than max_pixels ({max_pixels})")
            if (plain := _plain_jpeg(image, data)) is not None:
                return plain
            image.load()  # all of it, or an error: Pillow fills nothing in
            ImageOps.exif_transpose(image, in_place=True)
            return np.array(_rgb(image, path))
    except ImageError:
        raise
    except UnidentifiedImageError as error:
        raise ImageError(path, f"not an image ({', '.join(FORMATS)})") from error
    except Exception as error:  # decoders raise whatever they meet in damaged data
        reason = "truncated" if "truncated" in str(error).lower() else f"damaged: {error}"
        raise ImageError(path, reason) from error


def _plain_jpeg(image: Image.Image, data: bytes) -> NDArray[np.uint8] | None:
    """The pixels of a JPEG in colour, not turned and ended by its end marker; none of any other.

    The same pixels as Pillow's in half the time. OpenCV fills a truncated JPEG with grey, but in
    a truncated one no end marker is last: it cannot occur among the coefficients.
    """
    if image.format != "JPEG" or image.mode != "RGB" or {"exif", "xmp"} & image.info.keys():
        return None
    if not data.endswith(b"\xff\xd9"):
        return None
    flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    return None if decoded is None else np.asarray(decoded, dtype=np.uint8)


def _rgb(image: Image.Image, path: str) -> Image.Image:
    if image.mode == "RGB":
        return image
    if image.mode.startswith("I;16"):  # convert() would clip at 255
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):
        raise ImageError(path, f"pixels of mode {image.mode}, whose range is not known")
    if image.has_transparency_data:
        page = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(page, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")
