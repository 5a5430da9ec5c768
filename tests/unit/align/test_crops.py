"""Shards are one array."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegap.crops import Crops
from facegap.errors import DataError


def shards(folder: Path, lengths: list[int], size: int = 4) -> tuple[list[Path], np.ndarray]:
    """Arrays of `lengths` rows on disk, and all of them as one."""
    whole = np.random.default_rng(1).integers(0, 255, (sum(lengths), size, size, 3), dtype=np.uint8)
    paths = [folder / f"shard-{number}.npy" for number in range(len(lengths))]
    for path, part in zip(paths, np.split(whole, np.cumsum(lengths)[:-1]), strict=True):
        np.save(path, part)
    return paths, whole


@settings(max_examples=60)
@given(lengths=st.lists(st.integers(0, 5), min_size=1, max_size=5), data=st.data())
def test_any_rows_in_any_order(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], data: st.DataObject
) -> None:
    paths, whole = shards(tmp_path_factory.mktemp("shards"), lengths)
    crops = Crops(paths)
    assert crops.shape == whole.shape
    assert len(crops) == len(whole)
    assert crops.size == 4
    rows = data.draw(st.lists(st.integers(0, len(whole) - 1))) if len(whole) else []
    taken = crops.take(rows)
    assert taken.dtype == np.uint8
    np.testing.assert_array_equal(taken, whole[np.array(rows, dtype=int)])


@pytest.mark.parametrize("row", [-1, 5])
def test_a_row_that_there_is_not(tmp_path: Path, row: int) -> None:
    with pytest.raises(IndexError, match=f"row {row} of 5"):
        Crops(shards(tmp_path, [2, 3])[0]).take([0, row])


def test_another_process_maps_anew(tmp_path: Path) -> None:
    paths, whole = shards(tmp_path, [200, 300], 16)
    packed = pickle.dumps(Crops(paths))
    assert len(packed) < 1000
    np.testing.assert_array_equal(pickle.loads(packed).take([499, 0]), whole[[499, 0]])


def test_what_is_no_shard_is_named(tmp_path: Path) -> None:
    paths, _ = shards(tmp_path, [2, 3])
    with pytest.raises(DataError, match="no shards"):
        Crops([])
    with pytest.raises(DataError, match=r"nothing\.npy"):
        Crops([*paths, tmp_path / "nothing.npy"])
    (tmp_path / "cut.npy").write_bytes(paths[1].read_bytes()[:-20])
    with pytest.raises(DataError, match=r"cut\.npy"):
        Crops([tmp_path / "cut.npy"])
    for name, array in {
        "deep.npy": np.zeros((2, 4, 4, 3)),
        "grey.npy": np.zeros((2, 4, 4), np.uint8),
        "oblong.npy": np.zeros((2, 4, 5, 3), np.uint8),
        "larger.npy": np.zeros((2, 5, 5, 3), np.uint8),
    }.items():
        np.save(tmp_path / name, array)
        with pytest.raises(DataError, match=name):
            Crops([*paths, tmp_path / name])
