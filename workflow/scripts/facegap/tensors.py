"""Files of tensors: read as tensors and plain values alone, however they were made or damaged.

Readers raise whatever they meet first in a damaged file (pickle's machine alone has a dozen kinds
of errors), so here, and nowhere else, every exception is the file's fault.
"""

import io
import pickle
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import torch
from safetensors.torch import load_file
from torch import Tensor

from facegap.errors import DataError


@contextmanager
def reading(place: str | Path, what: str) -> Iterator[None]:
    """Raise what the block raises as a `DataError`: `place` is not readable as `what`."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:
        reason = (str(error).strip().splitlines() or [""])[0]
        raise DataError(
            f"{place}: not readable as {what}: {type(error).__name__}: {reason}"
        ) from error


def load(file: BinaryIO, place: str | Path, what: str) -> Any:
    """What `torch.save` wrote to `file`; nothing in it is run.

    A zip whose parts claim more than the file holds is refused: torch stores them as they are.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    with reading(place, what):
        if file.read(4) == b"PK\x03\x04":
            with zipfile.ZipFile(file) as archive:
                claimed = sum(part.file_size for part in archive.infolist())
            if claimed > size:
                raise DataError(
                    f"{place}: not readable as {what}: its parts claim {claimed} bytes, and the"
                    f" file has {size}; save it with torch.save, which compresses nothing"
                )
        file.seek(0)
        try:
            return torch.load(file, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:  # torch's own words advise to run the file
            raise DataError(
                f"{place}: not readable as {what}: it is damaged, or holds more than tensors and"
                " plain values; save the weights alone, as torch.save(model.state_dict(), path)"
                " does"
            ) from error


def load_safetensors(path: Path, what: str) -> dict[str, Tensor]:
    """The tensors of the safetensors file at `path`, by name."""
    with reading(path, what):
        return load_file(path)
