"""What can go wrong, in words a user can act on: what is wrong, where, and what to do."""


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


class StoreError(FacegapError):
    """A database of answers is locked, full, damaged or away; what was acknowledged is kept."""


class DiedError(FacegapError):
    """A process was ended from outside, or native code ends it whatever the input is."""
