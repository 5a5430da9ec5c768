"""One crop of a data set's aligned faces: memory-mapped shards, used as one array."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facegap.errors import DataError


def apart(shards: Sequence[Path], parts: int) -> list[list[Path]]:
    """The shards of each of `parts` crops or data sets, which have as many shards each."""
    size, rest = divmod(len(shards), parts)
    if rest:
        raise DataError(f"{len(shards)} shards cannot be those of {parts} crops")
    return [list(shards[k * size : (k + 1) * size]) for k in range(parts)]


class Crops:
    """The shards at `paths`, one after another: row i is row i of the table of aligned faces.

    Nothing is read until it is taken. It may be handed to other processes, which map anew.
    """

    def __init__(self, paths: Sequence[str | Path]) -> None:
        """Map the shards; a `DataError` names one that is no array of crops, or of another size."""
        if not paths:
            raise DataError("no shards of aligned faces were named")
        self._paths = [str(path) for path in paths]
        self._shards = [_mapped(path) for path in self._paths]
        self._ends = np.cumsum([len(shard) for shard in self._shards])
        self.size = int(self._shards[0].shape[1])
        for path, shard in zip(self._paths, self._shards, strict=True):
            if shard.shape[1] != self.size:
                sides = f"{shard.shape[1]} pixels, others of {self.size}"
                raise DataError(f"{path}: crops of {sides}; run the stage align again")

    def __len__(self) -> int:
        """How many faces there are."""
        return int(self._ends[-1])

    def __reduce__(self) -> tuple[type["Crops"], tuple[list[str]]]:
        """The paths alone; numpy would write out all that is mapped."""
        return Crops, (self._paths,)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(n, size, size, 3)."""
        return len(self), self.size, self.size, 3

    def take(self, rows: ArrayLike) -> NDArray[np.uint8]:
        """The faces of `rows` (n,), in that order and as often as asked: uint8 (n, h, w, 3) RGB.

        An `IndexError` names a row that there is not.
        """
        wanted = np.asarray(rows, dtype=np.int64).reshape(-1)
        wrong = wanted[(wanted < 0) | (wanted >= len(self))]
        if len(wrong):
            raise IndexError(f"row {wrong[0]} of {len(self)} aligned faces")
        taken = np.empty((len(wanted), *self.shape[1:]), dtype=np.uint8)
        shards = np.searchsorted(self._ends, wanted, side="right")
        for number in np.unique(shards):
            here = shards == number
            shard = self._shards[number]
            taken[here] = shard[wanted[here] - (self._ends[number] - len(shard))]
        return taken


def _mapped(path: str) -> NDArray[np.uint8]:
    try:
        shard: NDArray[np.uint8] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path}: not readable as an array of crops: {error}") from error
    is_crops = shard.ndim == 4 and shard.shape[1] == shard.shape[2] and shard.shape[3] == 3
    if shard.dtype != np.uint8 or not is_crops:
        found = f"{shard.dtype} {shard.shape}"
        raise DataError(f"{path}: {found} is no array of crops, uint8 (n, size, size, 3)")
    return shard
