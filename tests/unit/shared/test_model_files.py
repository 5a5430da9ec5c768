"""Files of a model's outputs that are damaged, or no such files: refused, whatever they hold."""

import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_files import FIVE, NAMES, VECTORS, objects, refused, save, write

from facegap.errors import DataError
from facegap.model_embeddings import read_embeddings
from facegap.model_outputs import read_detections, read_predictions

SMILING = {"Smiling": "classifier"}
SAME_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
Read = Callable[[Path], object]
READ: dict[str, Read] = {
    ".csv": lambda path: read_predictions(path, NAMES, SMILING),
    ".CSV": lambda path: read_detections(path, NAMES),
    ".npz": lambda path: read_embeddings(path, NAMES),
    ".parquet": lambda path: read_embeddings(path, NAMES),
    ".npy": lambda path: read_embeddings(path, NAMES),
}


@pytest.mark.parametrize("ending", READ)
@pytest.mark.parametrize("place", ["folder", "pipe", "gone"])
def test_what_is_no_file_is_refused_at_once(ending: str, place: str, tmp_path: Path) -> None:
    path = tmp_path / f"{place}{ending}"
    if place == "folder":
        path.mkdir()
    elif place == "pipe":
        os.mkfifo(path)
    words = "not a file" if place != "gone" else "not readable: No such file"
    words = "read from .npz and .parquet" if ending == ".npy" else words
    refused(lambda: READ[ending](path), words)


def test_a_table_beyond_the_size_of_a_text_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facegap.texts.LARGEST", 30)
    (tmp_path / "a.csv").write_text("face,score,found\nn1,0.5,1\n\n\n\n\n\n")
    for ending in (".csv", ".CSV"):
        refused(partial(READ[ending], tmp_path / "a.csv"), "more than 30 bytes")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Files that are read, of each kind (a CSV, two .npz, a .parquet), and two of other kinds."""
    folder = tmp_path_factory.mktemp("sound")
    table = b"face,found,score,x,y,width,height\nn1,1,0.5,1,2,3,4\nn2,0,1,,,,\nn3,1,0,9,9,9,9\n"
    np.savez_compressed(folder / "b.npz", face=FIVE, vector=VECTORS)
    np.save(folder / "pickle.npy", objects([{}]))
    jpeg = b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1" + bytes(range(256))
    paths = [save(folder), folder / "b.npz", write(folder), folder / "pickle.npy"]
    return [table, *(path.read_bytes() for path in paths), jpeg]


@pytest.mark.parametrize(("ending", "own"), [(".csv", [0]), (".npz", [1, 2]), (".parquet", [3])])
def test_a_file_of_another_kind_or_cut_off_is_refused(
    ending: str, own: list[int], sound: list[bytes], tmp_path: Path
) -> None:
    path = tmp_path / f"file{ending}"
    for k, content in enumerate(sound):
        path.write_bytes(content)
        if k in own:
            READ[ending](path)
            if ending == ".csv":
                continue
            for end in (0, 1, 4, 12, len(content) // 2, len(content) - 1):
                path.write_bytes(content[:end])
                refused(lambda: READ[ending](path), rf"not readable as {ending}: .* save it again")
        else:
            with pytest.raises(DataError):
                READ[ending](path)


@settings(SAME_FOLDER, max_examples=80)
@given(
    st.binary(max_size=200), st.sampled_from([b"", b"PK\3\4", b"PAR1", b"face,found\n", b"sep="])
)
@pytest.mark.parametrize("ending", READ)
def test_any_bytes_are_refused(tmp_path: Path, ending: str, content: bytes, start: bytes) -> None:
    path = tmp_path / f"file{ending}"
    path.write_bytes(start + content + (b"PAR1" if start == b"PAR1" else b""))
    with pytest.raises(DataError):
        READ[ending](path)


@settings(SAME_FOLDER, max_examples=150)
@given(
    st.integers(0, 3),
    st.lists(
        st.tuples(st.integers(0), st.sampled_from([0, 1, 4]), st.binary(max_size=4)), max_size=4
    ),
)
def test_changed_bytes_are_read_or_refused(
    tmp_path: Path, sound: list[bytes], kind: int, changes: list[tuple[int, int, bytes]]
) -> None:
    content = sound[kind]
    for at, cut, put in changes:
        at %= len(content) + 1
        content = content[:at] + put + content[at + cut :]
    for ending in [[".csv", ".CSV"], [".npz"], [".npz"], [".parquet"]][kind]:
        path = tmp_path / f"file{ending}"
        path.write_bytes(content)
        with suppress(DataError):
            READ[ending](path)
