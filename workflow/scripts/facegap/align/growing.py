"""Arrays of pictures that are written one by one, by whichever process is at work."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from facegap.files import whole

HEADER = 128  # bytes, of any number of rows


@dataclass
class Growing:
    """An array of pictures in a file, written a row at a time by any process that has it open."""

    file: IO[bytes]
    size: int
    rows: int = 0

    def write_header(self) -> None:
        """Numpy leaves room in it for more rows."""
        self.file.seek(0)
        shape = (self.rows, self.size, self.size, 3)
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self.file, header)
        self.file.flush()

    def write(self, picture: NDArray[np.uint8]) -> None:
        """Write the row behind those that count, in place of what a dead process left of it."""
        self.file.seek(HEADER + self.rows * picture.nbytes)
        self.file.write(np.ascontiguousarray(picture).data)
        self.file.flush()


@contextmanager
def growing(path: str | Path, size: int) -> Iterator[Growing]:
    """An array of an unknown number of pictures of `size`, whole at `path` when all are in."""
    with whole(path) as temporary, temporary.open("w+b") as file:
        array = Growing(file, size)
        array.write_header()
        yield array
        array.write_header()
        file.truncate(HEADER + array.rows * size * size * 3)
