"""What can go wrong, in words a user can act on: what is wrong, where, and what to do."""

from collections.abc import Iterable


class FacegapError(Exception):
    """Base of every error that is the input's or the machine's doing, not a defect of facegap."""


class ConfigError(FacegapError):
    """A key of the configuration is unknown, of a wrong type, or impossible beside another."""


class DataError(FacegapError):
    """A data file, table or image is missing, damaged, or does not fit the others."""


class AssetError(FacegapError):
    """A file that facegap fetches could not be had, or is not the file it should be."""


class TrainingError(FacegapError):
    """A training cannot start or go on (one class only, loss not finite, batch too large)."""


class StoppedError(FacegapError):
    """Somebody asked a job to end before it was done."""


class StoreError(FacegapError):
    """A database of answers is locked, full, damaged or away; what was acknowledged is kept."""


class DiedError(FacegapError):
    """A process was ended from outside, or native code ends it whatever the input is."""


def shown(value: object, most: int = 60) -> str:
    """A value of somebody's file as it stands in a message: quoted, on one line, and cut."""
    text = value[: most + 1] if isinstance(value, str) else str(value)[: most + 1]
    return repr(text) if len(text) <= most else f"{text[:most]!r}..."


def listed(names: Iterable[object], most: int = 20) -> str:
    """Names as they stand in a message: the first of them, cut, and quoted where a line breaks."""
    each = list(names)
    texts = [str(name) for name in each[:most]]
    cut = [text if len(text) <= 60 else f"{text[:60]}..." for text in texts]
    words = [text if text.isprintable() else shown(text) for text in cut]
    more = [f"{len(each) - most} more"] if len(each) > most else []
    return ", ".join([*words, *more])
