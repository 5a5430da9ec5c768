"""Rows and images whose names differ in how they are written alone: whoever is lost so is named."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

from facegap.errors import DataError
from facegap.names import one_form

TAKEN_FOR = ("cp437", "latin-1", "cp1252")  # what programs take bytes for that are not UTF-8
CODE_PAGES = (
    *("utf-8", "cp1252", "cp850", "cp1250", "cp1251"),
    *("cp932", "gbk", "big5", "euc_kr"),
)
SOME = 20  # rows, and folders, that are tried


def refuse_look_alikes(
    rows: Sequence[str], images: Sequence[str], of: int, table: Path, place: Path
) -> None:
    """Raise `DataError` where a row of `table` means an image of `place` that is called otherwise.

    `rows` and `images` are the paths that the other side lacks, of the table's `of` rows. Capital
    letters, backslashes, the encoding of names and the folder on top are no missing image, and who
    would be lost depends on how they are called.
    """
    if not rows:
        return
    found = {_loosely(image): image for image in images}
    pairs = [(row, found[_loosely(row)]) for row in rows if _loosely(row) in found]
    if pairs:
        row, image = pairs[0]
        others = f", and so {len(pairs) - 1} more" if pairs[1:] else ""
        raise DataError(
            f"{table}: the path {row!r} is written {image!r} in {place}{others}; write them alike,"
            " with slashes and the same capital letters"
        )
    _refuse_other_encoding(set(rows), images, place)
    _refuse_folder_on_top(rows, images, of, table, place)


def _loosely(path: str) -> str:
    """What the same path has in common however it is written."""
    return unicodedata.normalize("NFKC", _with_slashes(path.strip())).casefold()


def _with_slashes(path: str) -> str:
    return str(PurePosixPath(path.replace("\\", "/")))


def _refuse_other_encoding(rows: set[str], images: Sequence[str], place: Path) -> None:
    for image in images:
        for written, page in _as_other_encodings(image):
            if written in rows:
                raise DataError(
                    f"{place}: {image!r} seems to be {written!r} with its name in the encoding"
                    f" {page}; give the images names in UTF-8, as 7-Zip packs them"
                )


def _as_other_encodings(name: str) -> Iterator[tuple[str, str]]:
    """What `name` may be where its bytes were read in another encoding, and which it is."""
    unread = re.sub(rb"\\x([0-9a-f]{2})", lambda found: bytes([int(found[1], 16)]), name.encode())
    for taken_for in TAKEN_FOR:
        with suppress(UnicodeError):
            data = unread if name.isascii() else name.encode(taken_for)
            for page in CODE_PAGES:
                with suppress(UnicodeError):
                    yield one_form(data.decode(page)), page


def _refuse_folder_on_top(
    rows: Sequence[str], images: Sequence[str], of: int, table: Path, place: Path
) -> None:
    """Where one folder before each path, or none, would find most rows' images."""
    written, known = [_with_slashes(row) for row in rows], set(images)
    lacking = Counter(
        image.removesuffix(row)
        for row in written[:SOME]
        for image in images
        if image.endswith(f"/{row}")
    )
    for top, _ in lacking.most_common(SOME):
        if sum(top + row in known for row in written) > of / 2:
            raise DataError(
                f"{place}: the images lie below {top}, which the paths in {table} leave out; write"
                f" {top + written[0]!r} for {rows[0]!r} and so on, or have {top} be the images"
            )
    added = Counter(
        row.removesuffix(image)
        for row in written[:SOME]
        for image in images
        if row.endswith(f"/{image}")
    )
    for top, _ in added.most_common(SOME):
        if sum(row.removeprefix(top) in known for row in written) > of / 2:
            raise DataError(
                f"{table}: the paths begin with {top}, which the images in {place} do not; write"
                f" {written[0].removeprefix(top)!r} for {rows[0]!r} and so on"
            )
