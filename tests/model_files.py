"""Names of exported faces, files of what models gave out for them, and what is said of bad ones."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as arrow
import pytest
from numpy.typing import NDArray
from pyarrow import parquet

from facegap.errors import DataError

NAMES = {f"n{k}": f"id/{k}" for k in range(60)} | {f"id/{k}": f"id/{k}" for k in range(60)}
NAMES |= {"odd.png": "id/58", "é.x": "id/59", "u\u0308": "id/57"}


def lines_of(read: Callable[[], object]) -> list[str]:
    """The lines of the error that `read` has to raise."""
    with pytest.raises(DataError) as raised:
        read()
    return str(raised.value).splitlines()


def refused(read: Callable[[], object], *patterns: str) -> None:
    """Whether `read` raises these lines, in their order, and no more."""
    lines = lines_of(read)
    assert len(lines) == len(patterns), lines
    for line, pattern in zip(lines, patterns, strict=True):
        assert re.search(pattern, line), (line, pattern)


VECTORS = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)
VECTORS[2] = [0, 2, 1]
FIVE = [f"n{k}" for k in (3, 1, 4, 0, 2)]
LIST = arrow.list_(arrow.float64())


def save(folder: Path, face: Any = FIVE, vector: Any = VECTORS, **more: Any) -> Path:
    np.savez(folder / "a.npz", face=face, vector=vector, **more)
    return folder / "a.npz"


def write(folder: Path, face: Any = FIVE, vector: Any = None, kind: Any = LIST) -> Path:
    values = VECTORS.tolist() if vector is None else vector
    table = arrow.table({"face": face, "vector": arrow.array(values, kind)})
    parquet.write_table(table, folder / "a.parquet", row_group_size=2)
    return folder / "a.parquet"


def objects(values: Any) -> NDArray[np.object_]:
    return np.array(values, dtype=object)
