"""Files of tensors, and states of trainings: read within bounds, nothing in them run."""

import hashlib
import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from facegap.errors import DataError, TrainingError
from facegap.resume import Resume
from facegap.tensors import load


def test_a_zip_that_claims_more_than_it_holds_is_refused() -> None:
    """torch inflates what a hostile hand compressed: 40 kB become 40 MB here."""
    plain, squeezed = io.BytesIO(), io.BytesIO()
    torch.save({"a": torch.zeros(10_000_000)}, plain)
    with zipfile.ZipFile(plain) as stored:
        parts = {part.filename: stored.read(part) for part in stored.infolist()}
    with zipfile.ZipFile(squeezed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    assert load(plain, "x.pth", "weights")["a"].shape == (10_000_000,)
    with pytest.raises(DataError, match=r"x\.pth.*claim 4\d+ bytes.*has 39\d{3};"):
        load(squeezed, "x.pth", "weights")


def test_torchs_advice_to_run_a_file_is_not_passed_on() -> None:
    with pytest.raises(DataError, match=r"x: not readable as weights: it is damaged, or") as found:
        load(io.BytesIO(b"cos\nsystem\n(S'true'\ntR."), "x", "weights")
    assert "weights_only" not in str(found.value)


CONTENTS: dict[str, Any] = {
    "a list": [1, 2],
    "no digest": {"epochs": 1},
    "another digest": {"digest": "1 other"},
    "text": b"hello",
    "a pickle of an object": pickle.dumps(Path("x")),
}


@pytest.mark.parametrize("kind", CONTENTS)
def test_a_state_of_another_kind_is_not_taken_up_whatever_its_checksum_says(
    kind: str, tmp_path: Path
) -> None:
    content, buffer = CONTENTS[kind], io.BytesIO()
    if not isinstance(content, bytes):
        torch.save(content, buffer)
        content = buffer.getvalue()
    path = tmp_path / "x.resume"
    path.write_bytes(hashlib.sha256(content).digest() + content)
    assert Resume(path, "digest").load() is None


def test_a_state_that_does_not_fit_says_which_files_to_delete(tmp_path: Path) -> None:
    resume = Resume(tmp_path / "x.resume", "digest")
    resume.save({"epochs": 3})
    state = resume.load()
    message = r"x\.resume: its state does not fit .*KeyError.*delete x\.resume and x\.previous\.res"
    with pytest.raises(TrainingError, match=message), resume.taken_up():
        assert (state or {})["parameters"]
