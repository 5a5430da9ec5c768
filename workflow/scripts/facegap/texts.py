"""Text that people wrote, as their programs saved it: decoded where the encoding is certain."""

import codecs
from pathlib import Path

from facegap.errors import DataError, shown

LARGEST = 2**30  # bytes; the largest that is known, CelebA's attributes, has 27 million
MARKS = {  # at the beginning of a file; UTF-32's begins with UTF-16's
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def read_text(path: str | Path) -> str:
    """The text of the file at `path`: UTF-8, or what the mark at its beginning says.

    Raises `DataError` for what is no file (a folder, a pipe, a device) or has no end, and for
    another encoding, with what it seems to be and how to convert it.
    """
    try:
        if Path(path).exists() and not Path(path).is_file():
            raise DataError(f"{path}: not a file; name the file itself")
        with Path(path).open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise DataError(f"{path}: not readable: {error.strerror or error}") from error
    return as_text(data, path)


def as_text(data: bytes, path: str | Path) -> str:
    """The text in the file `data` at `path`, as `read_text`."""
    if len(data) > LARGEST:
        raise DataError(
            f"{path}: more than {LARGEST} bytes, as no text has here; name another file"
        )
    if b"\0" in data[:1000] and not data.startswith(tuple(MARKS)):
        raise DataError(
            f"{path}: not text; it seems to be UTF-16 without its mark, or binary; save it as UTF-8"
        )
    encoding = next((name for mark, name in MARKS.items() if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(f"{path}, {_seems(data, encoding, error.start)}") from error


def _seems(data: bytes, encoding: str, at: int) -> str:
    """What is wrong at a byte, what the text seems to be, and what to do."""
    if encoding != "utf-8":
        return f"byte {at}: damaged {encoding.removesuffix('-sig').upper()}; save it again as UTF-8"
    line = data.count(b"\n", 0, at) + 1
    before, after = data.rfind(b"\n", 0, at) + 1, data.find(b"\n", at)
    part = data[max(before, at - 15) : min(after if after >= 0 else len(data), at + 15)]
    return (
        f"line {line}: not UTF-8; it seems to be Windows-1252 (there it reads"
        f" {shown(part.decode('cp1252', 'replace'))}). If so, save it as"
        " UTF-8 (in a spreadsheet: CSV UTF-8), or: iconv -f WINDOWS-1252 -t UTF-8"
    )
