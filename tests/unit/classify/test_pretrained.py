"""Files of weights as people have them: saved with an optimiser, wrapped, damaged, or hostile."""

import io
import os
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from reliability import Reliability
from safetensors.torch import save
from torch import Tensor, nn

from facegap.classify.pretrained import load_weights
from facegap.errors import DataError

BODY = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3))
SOUND = {name: torch.full_like(value, 0.5) for name, value in BODY.state_dict().items()}
NAMES = {name: name for name in SOUND}
KERNEL = "1/1/kernel:0"


def loaded(path: Path) -> dict[str, Tensor]:
    """What a network of two layers has got of the file at `path`."""
    body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3))
    load_weights(body, NAMES, path, (), False)
    return body.state_dict()


def keras(path: Path, below: str = "", leave_out: str = "") -> Path:
    with h5py.File(path, "w") as file:
        for name, value in SOUND.items():
            layer, kind = name.split(".")
            place = f"{layer}/{layer}/{'kernel' if kind == 'weight' else 'bias'}:0"
            if place != leave_out:
                array = value.permute(2, 3, 1, 0) if kind == "weight" else value
                file[below + place] = array.numpy()
    return path


def is_sound(found: dict[str, Tensor]) -> bool:
    return all(torch.equal(found[name], value) for name, value in SOUND.items())


@pytest.mark.parametrize("below", ["", "model_weights/", "model_weights/my_model/"])
def test_what_a_keras_model_was_saved_with_is_not_looked_at(tmp_path: Path, below: str) -> None:
    with h5py.File(keras(tmp_path / "x.h5", below), "a") as file:
        file["optimizer_weights/training/Adam/iter:0"] = 5
        file["optimizer_weights/training/Adam/1/kernel/m:0"] = np.zeros((3, 3, 4, 4), "f4")
        file["optimizer/vars/0"] = np.zeros(7, "f4")
        file[f"{below}dropout/seed_generator_state"] = np.zeros(2, "u4")
    assert is_sound(loaded(tmp_path / "x.h5"))


@pytest.mark.parametrize("end", ["h5", "H5", "HDF5", "safetensors", "SafeTensors", "PTH"])
def test_a_file_of_weights_is_known_by_its_end_in_any_letters(tmp_path: Path, end: str) -> None:
    path = tmp_path / f"x.{end}"
    if end.lower() in ("h5", "hdf5"):
        keras(path)
    elif end == "PTH":
        torch.save(SOUND, path)
    else:
        path.write_bytes(save(SOUND))
    assert is_sound(loaded(path))


def never_written(file: h5py.File) -> None:
    file.create_dataset(KERNEL, (2**14, 2**14), "f4", chunks=(1024, 1024))


def beside(file: h5py.File) -> None:
    file[KERNEL] = np.zeros((3, 3, 4, 4), "f4")
    file.create_dataset("2/2/kernel:0", (2**14, 2**14), "f4", chunks=(1024, 1024))


def large_pieces(file: h5py.File) -> None:
    file.create_dataset(
        KERNEL, (3, 3, 4, 4), "f4", chunks=(3, 3, 4, 2**22), maxshape=(3, 3, 4, None)
    )


def compressed(file: h5py.File) -> None:
    file.create_dataset(KERNEL, data=np.zeros((3, 3, 4, 4), "f4"), compression="gzip")


def no_space(file: h5py.File) -> None:
    file.create_dataset(KERNEL, data=h5py.Empty("f4"))


def whole_numbers(file: h5py.File) -> None:
    file[KERNEL] = np.zeros((3, 3, 4, 4), "i4")


def overflowing(file: h5py.File) -> None:
    file.create_dataset(KERNEL, (2**62, 4), "f4", chunks=(1024, 4))


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (never_written, r"1\.weight \(16384, 16384\) \(needed: \(4, 4, 3, 3\)\)"),
        (beside, r"2\.weight has no place"),
        (large_pieces, "1/1/kernel:0 is stored in pieces larger than itself"),
        (compressed, "1/1/kernel:0 is compressed"),
        (no_space, r"1\.weight \(\) \(needed"),
        (whole_numbers, "1/1/kernel:0 is no array of numbers"),
        (overflowing, "not readable as a file of weights"),
    ],
)
def test_a_header_cannot_ask_for_more_than_the_network_needs(
    tmp_path: Path, write: Any, message: str
) -> None:
    """The files are small; read as they say, some of them take gigabytes."""
    path = keras(tmp_path / "x.h5", leave_out=KERNEL)
    with h5py.File(path, "a") as file:
        write(file)
    assert path.stat().st_size < 50_000
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=rf"x\.h5.*{message}"):
            loaded(path)
        assert tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module.model.", ""])
@pytest.mark.parametrize("inside", ["state_dict", "model", None])
def test_wrappers_around_weights_are_taken_off(
    tmp_path: Path, prefix: str, inside: str | None
) -> None:
    table = {prefix + name: value for name, value in SOUND.items()}
    content = {inside: table, "epoch": 3, "optimizer": {"state": {}}} if inside else table
    torch.save(content, tmp_path / "x.pth")
    assert is_sound(loaded(tmp_path / "x.pth"))


def test_a_wrapper_does_not_hide_which_layer_is_missing(tmp_path: Path) -> None:
    table = {f"module.{name}": value for name, value in SOUND.items() if name != "0.weight"}
    torch.save({"state_dict": table}, tmp_path / "x.pth")
    with pytest.raises(DataError, match=r"0\.weight is missing .*\(1 such layers\)"):
        loaded(tmp_path / "x.pth")


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300], ids=str)
def test_weights_that_are_not_finite_are_refused(tmp_path: Path, value: float) -> None:
    broken = SOUND["1.weight"].double()
    broken[0, 0, 0, 0] = value
    torch.save({**SOUND, "1.weight": broken}, tmp_path / "x.pth")
    with pytest.raises(DataError, match=r"x\.pth: the weights of 1\.weight have numbers"):
        loaded(tmp_path / "x.pth")


def test_tensors_without_a_shape_are_no_weights(tmp_path: Path) -> None:
    nested = torch.nested.nested_tensor([SOUND["1.weight"]])
    torch.save({**SOUND, "1.weight": nested}, tmp_path / "x.pth")
    with pytest.raises(DataError, match="a table of named weights is needed"):
        loaded(tmp_path / "x.pth")


def test_of_two_tables_none_is_guessed(tmp_path: Path) -> None:
    torch.save({"model": SOUND, "ema": SOUND}, tmp_path / "x.pth")
    with pytest.raises(DataError, match=r"this holds ema, model; save one alone"):
        loaded(tmp_path / "x.pth")


@pytest.mark.parametrize(
    "value", [torch.zeros(4, dtype=torch.int64), torch.zeros(4).to_sparse(), torch.zeros(1, 4)]
)
def test_a_layer_of_another_kind_is_named(tmp_path: Path, value: Tensor) -> None:
    torch.save({**SOUND, "1.bias": value}, tmp_path / "x.pth")
    with pytest.raises(DataError, match=r"1\.bias \((4,|1, 4)\)"):
        loaded(tmp_path / "x.pth")


class Evil:
    """Makes a file where it is unpickled as Python would."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.place,)

    def __init__(self, place: str) -> None:
        self.place = place


def as_torch(content: Any, **more: Any) -> bytes:
    file = io.BytesIO()
    torch.save(content, file, **more)
    return file.getvalue()


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A sound file of each layout, and two that would run something."""
    folder = tmp_path_factory.mktemp("originals")
    evil = {**SOUND, "x": Evil(str(folder / "ran"))}
    return {
        "zip.pth": as_torch(SOUND),
        "checkpoint.pth": as_torch({"state_dict": SOUND, "epoch": 3}),
        "legacy.pth": as_torch(SOUND, _use_new_zipfile_serialization=False),
        "evil.pth": as_torch(evil),
        "evil-legacy.pth": as_torch(evil, _use_new_zipfile_serialization=False),
        "x.safetensors": save(SOUND),
        "x.h5": keras(folder / "x.h5", "model_weights/").read_bytes(),
        "ran": str(folder / "ran").encode(),
    }


LAYOUTS = ["zip.pth", "checkpoint.pth", "legacy.pth", "evil.pth", "evil-legacy.pth"]
CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["flip", "set", "cut out", "repeat", "truncate"]),
        st.floats(0, 1, exclude_max=True, allow_subnormal=False),
        st.integers(0, 255),
    ),
    min_size=1,
    max_size=12,
)


def changed(content: bytes, changes: list[tuple[str, float, int]]) -> bytes:
    for kind, place, number in changes:
        at = int(place * len(content))
        before, after = content[:at], content[at + 1 :]
        if kind in ("flip", "set"):
            byte = content[at] ^ (1 << number % 8) if kind == "flip" else number
            content = before + bytes([byte]) + after
        elif kind == "cut out":
            content = before + after[number:]
        elif kind == "repeat":
            content = content[: at + 1 + number] + content[at:]
        elif number > 200:
            content = before
        content = content or b"\0"
    return content


@pytest.fixture(scope="module")
def counts(reliability: Reliability) -> Iterator[Counter[str]]:
    """How many damaged files were tried, and how many of them refused."""
    counts = Counter[str]()
    yield counts
    reliability.hostile(
        "weights with bytes changed, in seven layouts, two of which would run code",
        f"{counts['tried']:,}",
        f"refuses {counts['refused']:,} in a sentence, reads the others; runs nothing",
        "0",
    )


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("layout", [*LAYOUTS, "x.safetensors", "x.h5"])
@settings(max_examples=60)
@given(CHANGES)
def test_a_damaged_file_is_read_or_refused_in_words(
    originals: dict[str, bytes],
    tmp_path_factory: pytest.TempPathFactory,
    counts: Counter[str],
    layout: str,
    changes: list[tuple[str, float, int]],
) -> None:
    path = tmp_path_factory.getbasetemp() / f"damaged-{layout}"
    path.write_bytes(changed(originals[layout], changes))
    counts["tried"] += 1
    try:
        loaded(path)
    except DataError:
        counts["refused"] += 1
    assert not Path(originals["ran"].decode()).exists(), "nothing in a file is run"


def test_the_files_that_would_run_something_would(originals: dict[str, bytes]) -> None:
    """So that the test above can fail."""
    torch.load(io.BytesIO(originals["evil.pth"]), weights_only=False)
    ran = Path(originals["ran"].decode())
    assert ran.exists()
    ran.rmdir()
