"""Faces for a user's model, and a look at its outputs: the commands."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from facegap.cli import main
from facegap.exported import exported_name
from facegap.tables.acquire import FACES, REJECTED
from facegap.tables.align import ALIGNED, MEASURES
from facegap.tables.base import write_table

TESTED = 6


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A study whose faces were acquired and aligned: two shards, one face rejected."""
    study = {
        "study": "mine",
        "results": str(tmp_path / "results"),
        "data_root": str(tmp_path / "data"),
        "parts": [],
        "datasets": {"faces": {"kind": "drawn", "faces": 8}},
        "align": {"shards": 2, "crops": {"none": {"size": 16}}},
        "models": {
            "ours": {"kind": "classifier", "outputs": "ours.csv", "tasks": {"Smiling": {}}},
            "theirs": {"kind": "recogniser", "outputs": "theirs.npz"},
        },
    }
    (tmp_path / "data").mkdir()
    place = tmp_path / "results/mine"
    for folder in ("acquire/faces", "align/faces/none"):
        (place / folder).mkdir(parents=True)
    ids = [f"secret-{k}" for k in range(8)]
    table = pd.DataFrame({"face_id": ids, "path": ids, "subject_id": ids})
    table["split"] = ["test"] * TESTED + ["train"] * 2
    table = table.assign(age=np.nan, gender=None, race_raw=None, Smiling=[0, 1] * 4)
    write_table(table, place / "acquire/faces/faces.parquet", FACES)
    aligned = pd.DataFrame({"face_id": ids[1:], "row": range(7)})
    write_table(aligned, place / "align/faces/faces.parquet", ALIGNED)
    rejected = pd.DataFrame({"path": ids[:1], "face_id": ids[:1], "reason": "no face found"})
    write_table(rejected, place / "align/faces/rejected.csv", REJECTED)
    numbers = {name: 0.0 for name in MEASURES.columns if name not in ("face_id", "aligned")}
    measures = aligned[["face_id"]].assign(**numbers | {"faces": 1}, aligned=True)
    write_table(measures, place / "align/faces/measures.parquet", MEASURES)
    pixels = np.arange(7)[:, None, None, None] * np.ones((1, 16, 16, 3))
    np.save(place / "align/faces/none/shard-0.npy", pixels[:4].astype(np.uint8))
    np.save(place / "align/faces/none/shard-1.npy", pixels[4:].astype(np.uint8))
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(study))
    return path


def test_the_aligned_test_faces_go_out_and_nothing_is_said_of_them(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["export", "faces", "--config", str(config), "--to", str(tmp_path / "out")]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "5 of 6 test faces of faces" in printed
    assert "left out: 1 × no face found" in printed
    names = {exported_name("faces", f"secret-{k}", 1): k - 1 for k in range(1, TESTED)}
    files = {path.stem for path in (tmp_path / "out").glob("*.png")}
    assert files == set(names)
    for name, row in names.items():
        picture = Image.open(tmp_path / "out" / f"{name}.png")
        assert np.asarray(picture).max() == row, "of its own row, over shards"
        assert not picture.info
    with (tmp_path / "out/faces.csv").open() as file:
        listed = list(csv.DictReader(file))
    assert [row["face"] for row in listed] == sorted(names)
    assert "secret" not in (tmp_path / "out/faces.csv").read_text()
    assert main(arguments) == 2
    assert "has files already; name a new folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--crop", "openface"], "--crop openface: align.crops has no such crop; there are none"),
        (["--dataset", "other"], "--dataset other: there is no such data set; there are faces"),
    ],
)
def test_what_cannot_be_exported_is_said(
    more: list[str], words: str, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["export", "faces", "--config", str(config), "--to", str(tmp_path / "out")]
    assert main([*given, *more]) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_all_models_are_checked_at_once(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = exported_name("faces", "secret-2", 1)
    (tmp_path / "data/ours.csv").write_text(f"face,score\n{name}.png,1.5\nsomebody,0.5\n")
    check = ["check", "model", "--config", str(config)]
    assert main(check) == 2
    printed = capsys.readouterr().err
    for words in ("ours: ", "line 2", "line 3", "somebody", "theirs: "):
        assert words in printed
    (tmp_path / "data/ours.csv").write_text(f"face,score\n{name}.png,0.5\nsecret-0,0.1\n")
    np.savez(tmp_path / "data/theirs.npz", face=np.array([name]), vector=np.ones((1, 4)))
    assert main(check) == 0
    printed = capsys.readouterr().out
    assert "ours: Smiling: 1 of 5 faces, 4 missing, and 1 without an aligned face" in printed
    assert "theirs: vectors of 4 numbers: 1 of 5 faces, 4 missing" in printed
    assert main([*check, "nobodys"]) == 2
    assert "no model nobodys in the configuration; it has ours, theirs" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tasks": {"Smiling": {"positive": ["yes"]}}}, "positive has 'yes', which no test face"),
        ({"tasks": {"Smiling": {"truth": "subject_id"}}}, "subject_id is no column of drawn faces"),
        (
            {"tasks": {"Smiling": {"threshold_from": {"group": "gender: x"}}}},
            "there is no group gender: x to set a threshold on",
        ),
    ],
)
def test_a_model_that_does_not_fit_its_truth_is_no_good_one(
    change: dict[str, object],
    words: str,
    config: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = exported_name("faces", "secret-2", 1)
    (tmp_path / "data/ours.csv").write_text(f"face,score\n{name}.png,0.5\n")
    study = yaml.safe_load(config.read_text())
    study["models"]["ours"] |= change
    config.write_text(yaml.safe_dump(study))
    assert main(["check", "model", "--config", str(config), "ours"]) == 2
    assert words in capsys.readouterr().err


def test_groups_that_no_data_set_has_are_refused(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = yaml.safe_load(config.read_text())
    study["measure"] = {"groups": {"by": ["gender", "religion"]}}
    config.write_text(yaml.safe_dump(study))
    assert main(["check", "model", "--config", str(config)]) == 2
    assert "measure.groups: no data set has a column religion" in capsys.readouterr().err


def test_a_model_that_is_named_twice_is_no_good_configuration(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = config.read_text()
    config.write_text(text.replace("  theirs:", "  ours:"))
    assert main(["check", "model", "--config", str(config)]) == 2
    assert "the key ours stands twice" in capsys.readouterr().err
