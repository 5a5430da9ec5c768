"""Which face an answer is of: by its id, or by the name of its picture wherever it was shown.

Label Studio's addresses are read as its documentation has them: uploads, which get 8 digits and a
hyphen before a name that is made valid, files served from a folder (`/data/local-files/?d=`),
addresses of clouds, and the ones it resolves itself (`fileuri`).
"""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import PurePosixPath
from unicodedata import normalize
from urllib.parse import unquote

import pandas as pd

from facegap.errors import DataError, listed, shown
from facegap.names import one_form

UPLOAD = re.compile(r"^[0-9a-f]{8}-")  # Label Studio's mark before the name of an uploaded file
ENDINGS = re.compile(r"(\.(jpe?g|jpe|jfif|png|webp|bmp|tiff?|gif|ppm|chip))+$", re.IGNORECASE)
ADDRESS = re.compile(r"^([a-z][a-z0-9+.-]*://|/(data|tasks)/)", re.IGNORECASE)


@dataclass(frozen=True)
class Pictures:
    """The pictures of a data set, found by what others call them."""

    ids: dict[str, str]  # face ids, by themselves in one form; so are the paths
    by_path: dict[str, str]  # face ids
    by_name: dict[str, list[str]]  # paths, by their last part, with and without its endings
    by_sent: dict[str, list[str]]  # paths, by that as it is after an upload
    distinct: bool  # no two have the same last part

    @classmethod
    def of(cls, faces: pd.DataFrame) -> "Pictures":
        """Those of a table of faces (FACES)."""
        by_path = dict(zip(map(one_form, faces["path"]), faces["face_id"], strict=True))
        by_name: dict[str, list[str]] = {}
        by_sent: dict[str, list[str]] = {}
        for path in by_path:
            name = path.rpartition("/")[2]
            for key in {name, bare(name)}:
                by_name.setdefault(key, []).append(path)
            for form in {valid(name), valid(normalize("NFD", name))}:  # it drops loose accents
                for key in {form, bare(form)}:
                    by_sent.setdefault(key, []).append(path)
        distinct = len({path.rpartition("/")[2] for path in by_path}) == len(by_path)
        ids = {one_form(name): name for name in faces["face_id"]}
        return cls(ids, by_path, by_name, by_sent, distinct)

    def face(self, name: str) -> str | None:
        """The id of the face that `name` (id, path, name or address of its picture) is of.

        None where no picture is called so. Raises `DataError` where several are.
        """
        name = one_form(name)
        if name in self.ids:
            return self.ids[name]
        if name in self.by_path:
            return self.by_path[name]
        for readings in meant(name):
            paths = map(one_form, readings)  # percent-encoded letters are decomposed as well
            candidates = (self._candidates(path, "/data/upload/" in name) for path in paths)
            levels = map(chain.from_iterable, zip_longest(*candidates, fillvalue=[]))
            found = next((same for level in levels if (same := set(level))), set())
            if len(found) > 1:
                raise DataError(
                    f"{shown(name)} may be any of the pictures {listed(sorted(found))}; give their"
                    " paths"
                )
            if found:
                return self.by_path[found.pop()]
        return None

    def _candidates(self, path: str, uploaded: bool) -> Iterator[list[str]]:
        """The pictures that `path` may mean, the surest first."""
        yield [path] if path in self.by_path else []
        file = path.rpartition("/")[2]
        sent = valid(UPLOAD.sub("", file))
        if not uploaded:
            for key in (file, bare(file)):
                yield self._same(path, self.by_name.get(key, []))
        if uploaded or UPLOAD.match(file):
            for key in (sent, bare(sent)):
                yield self.by_sent.get(key, [])

    def _same(self, path: str, known: list[str]) -> list[str]:
        """Of the pictures `known` by the name of `path` those that it may mean.

        Folders have to agree as far as both have them; where they do not, as in a bucket of another
        name, only names that are all distinct will do.
        """
        parts = PurePosixPath(path).parts[:-1]
        agreeing: dict[int, list[str]] = {}
        for other in known:
            theirs = PurePosixPath(other).parts[:-1]
            least = min(len(parts), len(theirs))
            if parts[len(parts) - least :] == theirs[len(theirs) - least :]:
                agreeing.setdefault(least, []).append(other)
        if agreeing:
            return agreeing[max(agreeing)]
        return known if self.distinct else []


def bare(name: str) -> str:
    """The name of an image without its endings; UTKFace's has several."""
    return ENDINGS.sub("", name) or name


def valid(name: str) -> str:
    """`name` as Label Studio (Django) saves an upload: spaces become _, other signs go."""
    return re.sub(r"[^-\w.]", "", name.strip().replace(" ", "_"))


def meant(name: str) -> Iterator[list[str]]:
    """The paths that the name or address of a picture may mean, the likeliest first.

    Those of one list are as likely: a %20 of Label Studio's may stand for itself, or for a space.
    """
    quoted = name.lower().startswith(("http://", "https://"))
    for address in _addresses(name):
        texts = [unquote(address), address]
        readings = [text.replace("\\", "/").lstrip("/") for text in texts]
        yield from ([each] for each in readings) if quoted else [readings]


def _addresses(name: str) -> Iterator[str]:
    if not ADDRESS.match(name):
        yield name
        yield name.partition("?")[0]
        return
    place, _, query = name.partition("?")
    given = dict(part.partition("=")[::2] for part in re.split("[&#]", query))
    if place.rstrip("/").endswith("local-files") and "d" in given:
        yield from (query.partition("d=")[2], given["d"], given["d"].replace("+", " "))
    elif "fileuri" in given:
        uri = unquote(given["fileuri"])
        with suppress(binascii.Error, UnicodeDecodeError):
            yield base64.b64decode(uri, altchars=b"-_", validate=True).decode()
        yield uri
    else:
        yield place.partition("#")[0]
        yield name  # with ? or # in it


def face_ids(names: Iterable[str], faces: pd.DataFrame, place: object) -> dict[str, str | None]:
    """The id of the face that each of `names` is of, None where it is of none of `faces` (FACES).

    Raises `DataError` naming `place` where a name may be that of several.
    """
    known = Pictures.of(faces)
    try:
        return {name: known.face(name) for name in dict.fromkeys(names)}
    except DataError as error:
        raise DataError(f"{place}: {error}") from error
