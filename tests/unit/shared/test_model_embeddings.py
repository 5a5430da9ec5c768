"""Embeddings of a user's model: read as they are meant, or refused with all that is wrong."""

import io
import os
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as arrow
import pytest
from model_files import FIVE, NAMES, VECTORS, objects, refused, save, write
from numpy.typing import NDArray
from pyarrow import parquet

from facegap.errors import DataError
from facegap.model_embeddings import read_embeddings


@pytest.mark.parametrize(
    "make",
    [
        save,
        lambda folder: save(folder, np.array([f"{name}.png".encode() for name in FIVE])),
        lambda folder: save(folder, vector=VECTORS.astype(np.float64), other=np.zeros(3)),
        lambda folder: save(folder, vector=VECTORS.astype(">f4")),
        lambda folder: save(folder, vector=np.asfortranarray(VECTORS)),
        lambda folder: write(folder),
        lambda folder: write(folder, kind=arrow.large_list(arrow.float32())),
        lambda folder: write(folder, kind=arrow.list_(arrow.float32(), 3)),
        lambda folder: write(folder, arrow.array(FIVE, arrow.large_string())),
        lambda folder: write(folder, arrow.array(FIVE).dictionary_encode()),
    ],
)
@pytest.mark.parametrize("block", [1, 2**24])
def test_embeddings_are_read_in_their_order(
    make: Callable[[Path], Path], block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facegap.model_embeddings.BLOCK", block)
    face_ids, vectors = read_embeddings(make(tmp_path), NAMES)
    assert face_ids == [f"id/{name[1]}" for name in FIVE]
    assert vectors.dtype == np.float32
    assert vectors.flags.c_contiguous
    assert np.array_equal(vectors, VECTORS)


def test_compressed_and_whole_numbers_are_embeddings(tmp_path: Path) -> None:
    numbers = np.arange(1, 7, dtype=np.int8).reshape(2, 3)
    np.savez_compressed(tmp_path / "a.npz", face=["n0", "n1"], vector=numbers)
    assert read_embeddings(tmp_path / "a.npz", NAMES)[1].tolist() == numbers.tolist()
    path = write(tmp_path, ["n0", "n1"], numbers.tolist(), arrow.list_(arrow.int64()))
    assert read_embeddings(path, NAMES)[1].tolist() == numbers.tolist()


def changed(row: int, value: float, count: int = 1) -> NDArray[np.float64]:
    vectors = VECTORS.astype(np.float64)
    vectors[row, -count:] = value
    return vectors


FAULTS = [
    (FIVE, changed(1, np.nan), ["row 2, face 'n1': number 3 of its vector is nan"]),
    (FIVE, changed(1, -np.inf, 2), ["row 2, face 'n1': number 2 of its vector is -inf"]),
    (FIVE, changed(4, 1e300), ["row 5, face 'n2': number 3 of its vector is inf"]),
    (FIVE, changed(0, 0, 3), ["row 1, face 'n3': a vector of zeros"]),
    ([*FIVE[:4], "n1.png"], VECTORS, ["row 5, face 'n1.png': a second vector .*; row 2 has the"]),
    ([*FIVE[:4], ""], VECTORS, ["row 5: the name of the face is empty"]),
    ([*FIVE[:4], "zz"], VECTORS, ["row 5, face 'zz': no face of this name was exported"]),
    ([], VECTORS[:0], ["no rows"]),
    (["", "n0", "zz", "n0", "n4"], changed(1, np.nan, 3), ["row 1:", "row 2", "row 3", "row 4"]),
]


@pytest.mark.parametrize(("face", "vector", "lines"), FAULTS)
def test_each_row_of_embeddings_that_cannot_be_used_is_named(
    face: list[str], vector: NDArray[np.float64], lines: list[str], tmp_path: Path
) -> None:
    """In either kind of file alike."""
    paths = [
        save(tmp_path, np.array(face, dtype=str), vector),
        write(tmp_path, arrow.array(face, arrow.string()), vector.tolist()),
    ]
    for path in paths:
        refused(partial(read_embeddings, path, NAMES), *lines)


@pytest.mark.parametrize(
    ("vectors", "lines"),
    [
        ([[1, 2], [1], [1, 2]], ["row 2, face 'n1': a vector of 1 numbers, and row 1 has 2; give"]),
        ([[1], [0, 0], [1, 2]], ["row 1, .* 1 numbers, and row 2 has 2", "row 2, .*of zeros"]),
        ([[1], [1, 2], [3, np.nan]], ["row 1, .*row 2 has 2", "row 3, .*number 2 of its vector"]),
        ([[1, 2], None, []], ["row 2, face 'n1': no vector", "row 3, face 'n2': no vector"]),
        ([[1, 2], [1, 2], [1, None]], ["row 3, face 'n2': number 2 of its vector is nan"]),
        ([None, None, []], ["row 1, .*no vector", "row 2, .*no vector", "row 3, .*no vector"]),
    ],
)
def test_vectors_of_another_length_are_named(
    vectors: list[Any], lines: list[str], tmp_path: Path
) -> None:
    path = write(tmp_path, ["n0", "n1", "n2"], vectors)
    refused(lambda: read_embeddings(path, NAMES), *lines)


def test_a_missing_name_in_a_parquet_is_an_empty_one(tmp_path: Path) -> None:
    path = write(tmp_path, [None, *FIVE[1:]])
    refused(lambda: read_embeddings(path, NAMES), "row 1: the name of the face is empty")


ODD_NPZ: list[tuple[Any, Any, list[str]]] = [
    (objects(FIVE), VECTORS, [r"face holds Python objects \(a pickle\).*dtype=str"]),
    (FIVE, objects(VECTORS), [r"vector holds Python objects .*astype\(numpy\.float32\)"]),
    (np.arange(5), VECTORS, [r"face is int64 of the shape \(5,\); it has to be text"]),
    ([FIVE], VECTORS, [r"face is str64 of the shape \(1, 5\)", "1 rows of face and 5 of vector"]),
    (FIVE, VECTORS[0], [r"vector is float32 of the shape \(3,\)", "5 rows of face and 3 of"]),
    (FIVE, VECTORS.astype(complex), ["vector is complex128"]),
    (FIVE, VECTORS.astype(str), ["vector is str"]),
    (FIVE, VECTORS[:4], ["5 rows of face and 4 of vector; give as many of either"]),
    (FIVE, np.zeros((5, 0)), [f"row {k}, .*: no vector" for k in range(1, 6)]),
    (FIVE, np.zeros((5, 16385), np.int8), ["vectors of 16385 numbers; 16384 is the most"]),
    (
        np.full(2_000_001, b"a"),
        np.zeros((2_000_001, 1), np.int8),
        ["2000001 rows; 2000000 is the most"],
    ),
]


@pytest.mark.parametrize(("face", "vector", "lines"), ODD_NPZ)
def test_arrays_that_are_no_embeddings_are_refused(
    face: Any, vector: Any, lines: list[str], tmp_path: Path
) -> None:
    path = save(tmp_path, face, vector)
    refused(lambda: read_embeddings(path, NAMES), *lines)


@pytest.mark.parametrize(
    ("table", "lines"),
    [
        ({"name": FIVE, "vector": [[1.0]] * 5}, ["no column is called face; it has name, vector"]),
        ({"face": FIVE}, ["no column is called vector; it has face"]),
        ({"face": [1], "vector": ["a"]}, ["face is int64; it has to be text", "vector is string"]),
        ({"face": [b"n1"], "vector": [[1.0]]}, ["face is .*binary.*; it has to be text"]),
        ({"face": ["n1"], "vector": [["a"]]}, ["vector is list<.*string>; it has to be lists of"]),
        ({"face": ["n1"], "vector": [[[1.0]]]}, ["vector is list<.*list<.*double>>; it has to"]),
        ({"face": ["n1"], "vector": [np.ones(16385)]}, ["vectors of 16385 numbers; 16384 is"]),
    ],
)
def test_columns_that_are_no_embeddings_are_refused(
    table: dict[str, Any], lines: list[str], tmp_path: Path
) -> None:
    parquet.write_table(arrow.table(table), tmp_path / "a.parquet")
    refused(lambda: read_embeddings(tmp_path / "a.parquet", NAMES), *lines)


def test_arrays_of_other_names_are_listed(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", face=FIVE, embeddings=VECTORS)
    refused(
        lambda: read_embeddings(tmp_path / "a.npz", NAMES),
        "no array vector; it has face, embeddings; save it with numpy.savez",
    )


ZEROS = 2**26


def zeros(size: int) -> bytes:
    """`size` zeros as deflate packs them, in a thousandth of their room and none of the time."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    part = packer.compress(bytes(ZEROS)) + packer.flush(zlib.Z_FULL_FLUSH)
    return part * (size // ZEROS) + packer.flush()


def bomb(path: Path, shape: tuple[int, ...], claimed: int | None) -> None:
    """An .npz with 5 GiB of zeros as its vectors, of which the zip says `claimed` bytes."""
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        head, {"descr": "<f4", "fortran_order": False, "shape": shape}
    )
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    begin = packer.compress(head.getvalue()) + packer.flush(zlib.Z_FULL_FLUSH)
    names = io.BytesIO()
    np.save(names, np.full(shape[0], "n0"))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("face.npy", names.getvalue())
        archive.writestr("vector.npy", begin + zeros(5 * 2**30))
        info = archive.getinfo("vector.npy")
        info.compress_type = zipfile.ZIP_DEFLATED
        info.file_size = len(head.getvalue()) + (5 * 2**30 if claimed is None else claimed)


@pytest.mark.parametrize(
    ("shape", "claimed", "message"),
    [
        ((81920, 16384), None, r"unpacks to 5\d{9} bytes, and 4294967296 is the most"),
        ((81920, 16384), 2**30, r"vector says that it has 5368709120 bytes, and 1073741824 follow"),
        ((16, 16384), 2**20, "not readable as .npz: Bad CRC"),
        ((16, 16384), 2**30, "vector says that it has 1048576 bytes, and 1073741824 follow"),
    ],
)
def test_a_bomb_of_zeros_takes_no_memory(
    shape: tuple[int, ...], claimed: int | None, message: str, tmp_path: Path
) -> None:
    """Whichever of the zip's and the array's own sizes is the lie."""
    bomb(tmp_path / "a.npz", shape, claimed)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=message):
            read_embeddings(tmp_path / "a.npz", NAMES)
        assert tracemalloc.get_traced_memory()[1] < 40e6
    finally:
        tracemalloc.stop()


def test_a_parquet_of_many_equal_numbers_takes_no_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own sizes are those of its pages, in which a run of equal numbers takes a few bytes."""
    monkeypatch.setattr("facegap.model_embeddings.LARGEST", 10**6)
    path = write(tmp_path, vector=[[0.0] * 30_000] * 5)
    assert path.stat().st_size < 10_000
    with pytest.raises(DataError, match=r"150000 numbers of 8 bytes; 1000000 bytes are the most"):
        read_embeddings(path, NAMES)
    monkeypatch.setattr("facegap.model_embeddings.MOST_ROWS", 4)
    with pytest.raises(DataError, match="5 rows; 4 is the most"):
        read_embeddings(path, NAMES)


def test_a_parquet_that_ends_arrow_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some faults in the sizes of a column are a C++ exception that nothing catches."""
    monkeypatch.setattr("facegap.model_embeddings._numbers", lambda paths: paths and os._exit(3))
    with pytest.raises(DataError, match=r"not readable as \.parquet; it is damaged: save it"):
        read_embeddings(write(tmp_path), NAMES)


def test_an_array_that_occurs_twice_in_a_zip_is_refused(tmp_path: Path) -> None:
    with (
        zipfile.ZipFile(save(tmp_path), "a") as archive,
        pytest.warns(UserWarning, match="Duplicate"),
    ):
        archive.writestr("face.npy", b"")
    refused(lambda: read_embeddings(tmp_path / "a.npz", NAMES), "not as numpy packs arrays")


def test_a_zip_of_another_packing_is_refused(tmp_path: Path) -> None:
    """Zipfile would unpack all of it, however much is asked for."""
    path = save(tmp_path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    refused(lambda: read_embeddings(path, NAMES), "not as numpy packs arrays")
