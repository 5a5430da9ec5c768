"""Embeddings that a user's model gave out for exported faces: an .npz or .parquet, read unpickled.

The file may come from anywhere. Sizes are those that its parts claim, and are refused before
anything is unpacked; all that is wrong with its rows is one `DataError`, a line for each.
"""

import io
import math
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as arrow
import pyarrow.compute as compute
import pyarrow.parquet as parquet
from numpy.typing import NDArray

from facegap.apart import apart
from facegap.errors import DataError, FacegapError, listed
from facegap.model_rows import (
    Problem,
    Rows,
    always,
    faces_of,
    first_alike,
    refuse,
    strange_faces,
)

LARGEST = 4 * 2**30  # bytes, unpacked
MOST_ROWS = 2_000_000
WIDEST = 16_384  # numbers of a vector
BLOCK = 2**24  # bytes that are unpacked at once
HEAD = 2**16  # bytes of an array in which its header ends; numpy reads 10,000 of one
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # that zipfile unpacks no further than asked
SAVE = "save it with numpy.savez(path, face=names, vector=vectors)"


@dataclass(frozen=True)
class Given:
    """What a file has: n rows, of which m have a vector of the usual length d."""

    faces: list[str]  # (n,) names, "" where there is none
    lengths: NDArray[np.int64]  # (n,) of each vector, 0 where there is none
    vectors: NDArray[np.float32]  # (m, d)
    at: NDArray[np.int64]  # (m,) rows of `vectors`, from 0


def read_embeddings(
    path: str | Path, names: Mapping[str, str]
) -> tuple[list[str], NDArray[np.float32]]:
    """The face_ids of the rows of the file at `path`, in its order, and their vectors (n, d).

    `names` has the face_id by each name that a face may have. An .npz has the arrays face (n,) of
    text and vector (n, d), a .parquet these as columns, vector as lists. Not every face needs a
    row. A `DataError` names what is no such file or too large (LARGEST, MOST_ROWS, WIDEST), and
    all rows of unknown faces, of a face again, and of vectors that are not of the usual length,
    not finite or zero.
    """
    given = _given(Path(path))
    rows = Rows(path, "row", np.arange(1, len(given.faces) + 1), given.faces)
    face_ids = faces_of(given.faces, names)
    width = given.vectors.shape[1]
    whole = [] if given.faces else ["no rows; give one for each face"]
    if width > WIDEST:
        whole.append(f"vectors of {width} numbers; {WIDEST} is the most that is read")
    problems = [
        *strange_faces(rows, face_ids, names),
        *_wrong_rows(rows, face_ids, given),
        *_wrong_values(given),
    ]
    refuse(path, whole, rows, problems)
    return face_ids.tolist(), given.vectors


def _given(path: Path) -> Given:
    """What the file at `path` has, by its ending."""
    readers = {".npz": _npz, ".parquet": _parquet}
    ending = path.suffix.lower()
    if ending not in readers:
        raise DataError(f"{path}: embeddings are read from .npz and .parquet; {SAVE}")
    try:
        if path.exists() and not path.is_file():
            raise DataError(f"{path}: not a file; name the file itself")
        path.open("rb").close()  # arrow's own words for a file that is not there are many
        return readers[ending](path)
    except FacegapError:
        raise
    except Exception as error:  # zlib's, zipfile's, numpy's and arrow's errors have no base
        if isinstance(error, OSError) and error.strerror:
            raise DataError(f"{path}: not readable: {error.strerror}") from error
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise DataError(
            f"{path}: not readable as {ending}: {reason[:200]}; it is damaged, or of another kind:"
            " save it again"
        ) from error


def _wrong_rows(rows: Rows, face_ids: "pd.Series[str]", given: Given) -> Iterator[Problem]:
    """Rows of a face again, and those without a vector, or of one of another length."""
    first = first_alike(face_ids.to_frame("face"))
    yield Problem(
        first != np.arange(len(first)),
        lambda row: (
            f"a second vector of this face; {rows.place(first[row])} has the first; keep one"
        ),
    )
    yield always(given.lengths == 0, "no vector; remove the row")
    usual = given.vectors.shape[1]
    yield Problem(
        (given.lengths != usual) & (given.lengths > 0),
        lambda row: (
            f"a vector of {given.lengths[row]} numbers, and {rows.place(int(given.at[0]))} has"
            f" {usual}; give those of one model"
        ),
    )


def _wrong_values(given: Given) -> Iterator[Problem]:
    """Rows with numbers that are not finite as float32, and with nothing but zeros."""
    vectors, at = given.vectors, given.at
    if not vectors.size:
        return
    least, most = vectors.min(axis=1), vectors.max(axis=1)  # NaN where there is one
    finite, zero = np.ones(len(given.faces), bool), np.zeros(len(given.faces), bool)
    finite[at] = np.isfinite(least) & np.isfinite(most)
    zero[at] = (least == 0) & (most == 0)

    def words(row: int) -> str:
        vector = vectors[np.searchsorted(at, row)]
        number = int(np.isfinite(vector).argmin())
        return (
            f"number {number + 1} of its vector is {vector[number]}; remove the row if the model"
            " gave none"
        )

    yield Problem(~finite, words)
    yield always(zero, "a vector of zeros, which is no embedding; remove the row")


@dataclass(frozen=True)
class _Array:
    """An array in a zip, as its header has it."""

    info: zipfile.ZipInfo
    begins: int  # byte of `info`, unpacked
    shape: tuple[int, ...]
    by_column: bool
    dtype: np.dtype[np.generic]


def _npz(path: Path) -> Given:
    with zipfile.ZipFile(path) as archive:
        face, vector = (_header(archive, info, path) for info in _members(archive, path))
        _refuse_shapes(face, vector, path)
        faces, vectors = _texts(archive, face), _matrix(archive, vector)
    count, width = vectors.shape
    return Given(faces, np.full(count, width), vectors, np.arange(count))


def _members(archive: zipfile.ZipFile, path: Path) -> list[zipfile.ZipInfo]:
    """The arrays face and vector of an .npz, unless they are missing, too large or packed oddly."""
    named = Counter(info.filename for info in archive.infolist())
    wanted = ["face.npy", "vector.npy"]
    if lacks := [name.removesuffix(".npy") for name in wanted if not named[name]]:
        has = listed(name.removesuffix(".npy") for name in named) or "none"
        raise DataError(f"{path}: no array {listed(lacks)}; it has {has}; {SAVE}")
    infos = [archive.getinfo(name) for name in wanted]
    size = sum(info.file_size for info in infos)
    if size > LARGEST:
        raise DataError(
            f"{path}: unpacks to {size} bytes, and {LARGEST} is the most that is read; give fewer"
            " faces, or vectors of float32"
        )
    if any(named[info.filename] > 1 or info.compress_type not in METHODS for info in infos):
        raise DataError(f"{path}: not as numpy packs arrays; {SAVE}")
    return infos


def _header(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> _Array:
    """The array in a zip; a `DataError` where its size is not what the zip says."""
    name = info.filename.removesuffix(".npy")
    with archive.open(info) as file:
        head = io.BytesIO(file.read(HEAD))
    version = np.lib.format.read_magic(head)
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in readers:
        raise DataError(f"{path}: {name} is no plain array; {SAVE}")
    shape, by_column, dtype = readers[version](head)
    if dtype.hasobject:
        plain = "numpy.array(names, dtype=str)" if name == "face" else "astype(numpy.float32)"
        raise DataError(
            f"{path}: {name} holds Python objects (a pickle), which may run anything; make it plain"
            f" with {plain}"
        )
    size = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or size != info.file_size - head.tell():
        raise DataError(
            f"{path}: {name} says that it has {size} bytes, and {info.file_size - head.tell()}"
            " follow; it is damaged: save it again"
        )
    return _Array(info, head.tell(), shape, by_column, dtype)


def _refuse_shapes(face: _Array, vector: _Array, path: Path) -> None:
    """Raise what is wrong with the two arrays before they are unpacked."""
    wrong = []
    if len(face.shape) != 1 or face.dtype.kind not in "US":
        wrong.append(f"face is {_kind(face)}; it has to be text of the shape (n,)")
    if len(vector.shape) != 2 or vector.dtype.kind not in "fiu":
        wrong.append(f"vector is {_kind(vector)}; it has to be numbers of the shape (n, d)")
    elif vector.shape[1] > WIDEST:
        wrong.append(f"vectors of {vector.shape[1]} numbers; {WIDEST} is the most that is read")
    counts = [array.shape[0] for array in (face, vector) if array.shape]
    if max(counts, default=0) > MOST_ROWS:
        wrong.append(f"{max(counts)} rows; {MOST_ROWS} is the most that is read")
    if len(set(counts)) > 1:
        wrong.append(f"{counts[0]} rows of face and {counts[1]} of vector; give as many of either")
    refuse(path, wrong)


def _kind(array: _Array) -> str:
    return f"{array.dtype.name} of the shape {array.shape}"


def _texts(archive: zipfile.ZipFile, array: _Array) -> list[str]:
    """The texts of an array (n,); bytes are UTF-8."""
    if not array.dtype.itemsize or not array.shape[0]:
        return [""] * array.shape[0]
    with archive.open(array.info) as file:
        file.read(array.begins)
        texts = np.frombuffer(file.read(), array.dtype).tolist()
    return [text.decode() if isinstance(text, bytes) else text for text in texts]


def _matrix(archive: zipfile.ZipFile, array: _Array) -> NDArray[np.float32]:
    """The numbers of an array (n, d), unpacked and turned to float32 block by block."""
    rows, width = array.shape[::-1] if array.by_column else array.shape
    found = np.empty((rows, width), np.float32)
    row = max(1, width * array.dtype.itemsize)
    at_once = max(1, BLOCK // row)
    with archive.open(array.info) as file, np.errstate(over="ignore", invalid="ignore"):
        file.read(array.begins)
        for start in range(0, rows if width else 0, at_once):
            block = file.read(min(at_once, rows - start) * row)
            found[start : start + at_once] = np.frombuffer(block, array.dtype).reshape(-1, width)
    return np.ascontiguousarray(found.T) if array.by_column else found


def _parquet(path: Path) -> Given:
    faces: list[str] = []
    parts, lengths = [np.empty(0, np.float32)], [np.empty(0, np.int64)]
    _refuse_columns(parquet.read_schema(path), path)
    # as a dictionary a name takes no more room than in the file, however often it occurs
    reader = parquet.ParquetFile(path, read_dictionary=["face"], page_checksum_verification=True)
    with reader as file:
        numbers = _refuse_large(file, path)
        at_once = max(1, BLOCK // 4 * max(file.metadata.num_rows, 1) // max(numbers, 1))
        for batch in file.iter_batches(
            min(at_once, MOST_ROWS), columns=["face", "vector"], use_threads=False
        ):
            faces += _names(batch["face"])
            lengths.append(_lengths(batch["vector"]))
            with np.errstate(over="ignore", invalid="ignore"):
                values = batch["vector"].flatten().to_numpy(zero_copy_only=False)
                parts.append(values.astype(np.float32))
    return _arranged(faces, np.concatenate(lengths), np.concatenate(parts))


def _arranged(faces: list[str], lengths: NDArray[np.int64], values: NDArray[np.float32]) -> Given:
    """Vectors that lie one after another in `values`: those of the commonest length, as rows."""
    there, times = np.unique(lengths[lengths > 0], return_counts=True)
    usual = int(there[times.argmax()]) if len(there) else 0
    fits = lengths == usual
    if not fits.all():
        values = values[np.repeat(fits, lengths)]
    at = np.flatnonzero(fits)
    return Given(faces, lengths, values.reshape(len(at), usual), at)


def _refuse_columns(schema: arrow.Schema, path: Path) -> None:
    """Raise what is wrong with the columns of a .parquet: their names or types."""
    wrong = []
    for name in ("face", "vector"):
        if schema.names.count(name) != 1:
            times = "two columns are" if name in schema.names else "no column is"
            wrong.append(f"{times} called {name}; it has {listed(schema.names)}")
    if not wrong:
        face, vector = schema.field("face").type, schema.field("vector").type
        if not _is_text(face):
            wrong.append(f"face is {listed([face])}; it has to be text")
        if not _is_list(vector):
            wrong.append(
                f"vector is {listed([vector])}; it has to be lists of numbers, all of one length"
            )
    refuse(path, wrong)


def _is_text(kind: arrow.DataType) -> bool:
    if arrow.types.is_dictionary(kind):
        kind = kind.value_type
    types = arrow.types
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _is_list(kind: arrow.DataType) -> bool:
    types = arrow.types
    if not (types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)):
        return False
    return bool(types.is_floating(kind.value_type) or types.is_integer(kind.value_type))


def _refuse_large(file: parquet.ParquetFile, path: Path) -> int:
    """How many numbers the vectors of a .parquet have, unless that or its rows are too many."""
    about = file.metadata
    if about.num_rows > MOST_ROWS:
        raise DataError(f"{path}: {about.num_rows} rows; {MOST_ROWS} is the most that is read")
    [numbers] = apart(_numbers, [path], lost=lambda path, reason: None)
    if numbers is None:
        raise DataError(f"{path}: not readable as .parquet; it is damaged: save it again")
    width = file.schema_arrow.field("vector").type.value_type.bit_width // 8
    if numbers * max(width, 4) > LARGEST:
        raise DataError(
            f"{path}: {numbers} numbers of {width} bytes; {LARGEST} bytes are the most that is"
            " read; give fewer faces, or vectors of float32"
        )
    return numbers


def _numbers(paths: Sequence[Path]) -> Iterator[int | None]:
    """How many numbers the vectors of each .parquet have; arrow ends the process at some faults."""
    for path in paths:
        about = parquet.read_metadata(path)
        groups = map(about.row_group, range(about.num_row_groups))
        columns = (group.column(k) for group in groups for k in range(about.num_columns))
        counts = (c.num_values for c in columns if c.path_in_schema.startswith("vector."))
        yield sum(max(int(count), 0) for count in counts)


def _names(column: arrow.Array) -> list[str]:
    """The texts of a column of a batch; "" where one is missing."""
    if not arrow.types.is_dictionary(column.type):
        return [text or "" for text in column.to_pylist()]
    words = column.dictionary.to_pylist()
    return ["" if k is None else words[k] or "" for k in column.indices.to_pylist()]


def _lengths(column: arrow.Array) -> NDArray[np.int64]:
    """How many numbers each list has; 0 where it is missing."""
    lengths = compute.fill_null(compute.list_value_length(column), 0)
    return np.asarray(lengths.to_numpy(zero_copy_only=False), np.int64)
