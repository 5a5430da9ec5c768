"""One form of a name: the same letters are written in several ways, which look alike."""

import re
import unicodedata
from pathlib import Path

from facegap.errors import DataError


def one_form(name: str) -> str:
    """`name` with composed letters (Unicode's NFC); Macs name files in decomposed ones."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def path_inside(name: str, archive: str | Path) -> str:
    """The path of the member `name` of an archive, in one form; a folder's ends with a slash.

    Old tools for Windows write backslashes. A `DataError` names a path that leads out.
    """
    parts = one_form(name.replace("\\", "/")).split("/")
    if not parts[0] or ".." in parts or re.match("[A-Za-z]:", parts[0]) or "\0" in name:
        raise DataError(f"{archive}: member {name!r} leads out of the archive; remove it")
    folder = "/" if parts[-1] in ("", ".") else ""
    return "/".join(part for part in parts if part not in ("", ".")) + folder
