"""What is published: labels, a datasheet with the real figures, a licence, sums; no picture."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from facegap import cli, tables
from facegap.annotate.merge import measure_agreement, merge_annotators
from facegap.answers import Format
from facegap.partition.measured import measure_sides
from facegap.partition.merge import partition_target
from facegap.partition.proposals import accept_proposals

SPLITS = ["train"] * 12 + ["test"] * 12 + ["rest"] * 6


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a study that has run up to its partition, and its configuration."""
    monkeypatch.chdir(tmp_path)
    results = tmp_path / "results/labels"
    ids = [f"{k:06}" for k in range(30)]
    faces = pd.DataFrame({"face_id": ids, "path": ids, "subject_id": [f"p{k}" for k in range(30)]})
    faces = faces.assign(split=SPLITS, age=None, gender=["male", "female"] * 15, race_raw=None)
    about = {"source": "a collection", "licence": "research only"}
    place = {name: results / name for name in ("acquire/target", "align/target", "classify")}
    tables.write(faces, place["acquire/target"] / "faces.parquet", tables.FACES, about)
    rows = pd.DataFrame({"face_id": ids, "shard": 0, "row": range(30)})
    tables.write(rows, place["align/target"] / "faces.parquet", tables.ALIGNED)
    proposals = faces[["face_id"]].assign(probability=[0.9 - 0.8 * (k % 2) for k in range(30)])
    tables.write(proposals, place["classify"] / "proposals.parquet", tables.PROPOSALS)
    people = {"Zoe Real": "zoe.csv", "Adam Real": "adam.csv"}
    for name, file in people.items():
        side = ["inside" if k % 2 == 0 else "outside" for k in range(24)]
        side[5] = "inside" if name == "Adam Real" else "unsure"
        told = pd.DataFrame({"face_id": ids[:24], "side": side, "tentative": False, "showing": 0})
        tables.write(told, tmp_path / "data" / file, tables.ANSWERS)
    labelled, parted = results / "annotate/target", results / "partition/target"
    merge_annotators(
        place["acquire/target"] / "faces.parquet",
        [tmp_path / "data" / file for file in people.values()],
        None,
        labelled / "labels.parquet",
        annotators=list(people),
        formats={},
        simulated=False,
    )
    measure_agreement(
        place["acquire/target"] / "faces.parquet",
        [tmp_path / "data" / file for file in people.values()],
        labelled / "labels.parquet",
        labelled / "agreement.json",
        annotators=list(people),
        formats={},
        errors={},
        seed=1,
        confidence=0.95,
    )
    accept_proposals(
        place["acquire/target"] / "faces.parquet",
        labelled / "labels.parquet",
        place["classify"] / "proposals.parquet",
        *(parted / name for name in ("weighed.parquet", "queue.csv")),
        by_person=True,
        precision=0.9,
    )
    (tmp_path / "eve.csv").write_text("face_id,side\n000027,inside\n")
    outputs = ("sides.parquet", "sides.csv", "inside.txt", "outside.txt")
    read = (
        place["acquire/target"] / "faces.parquet",
        place["align/target"] / "faces.parquet",
        labelled / "labels.parquet",
    )
    partition_target(
        *read,
        parted / "weighed.parquet",
        [(tmp_path / "eve.csv", Format())],
        *(parted / name for name in outputs),
        by_person=True,
        contentious="outside",
    )
    measure_sides(
        *read,
        labelled / "agreement.json",
        place["classify"] / "proposals.parquet",
        parted / "weighed.parquet",
        [(tmp_path / "eve.csv", Format())],
        parted / "sides.parquet",
        parted / "summary.json",
        parted / "calibration.json",
        by_person=True,
        contentious="outside",
        precision=0.9,
        truth=None,
        confidence=0.95,
    )
    config: dict[str, Any] = {
        "study": "labels",
        "boundary": "race",
        "sides": {"inside": "Caucasian", "outside": "Other"},
        "datasets": {
            "source": {"kind": "utkface", "split": {"train": 0.5, "test": 0.5}, "labels": "own"},
            "target": {
                "kind": "celeba",
                "split": {"train": 12, "test": 12, "strata": ["gender"]},
                "labels": "people",
            },
        },
        "annotate": {
            "annotators": {
                name.split()[0].lower(): {"answers": file} for name, file in people.items()
            }
        },
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    return tmp_path


def export(folder: str = "out") -> int:
    return cli.main(["annotate", "export", "--config", "config.yaml", "--to", folder])


def test_the_folder_holds_labels_and_figures_and_no_picture_and_no_name(study: Path) -> None:
    assert export() == 0
    names = {path.name for path in (study / "out").iterdir()}
    assert names == {"labels.csv", "sides.csv", "datasheet.md", "LICENCE", "SHA256SUMS"}
    labels = pd.read_csv(study / "out/labels.csv", dtype=str)
    assert labels["face_id"].tolist() == [f"{k:06}" for k in range(24)]
    assert set(labels["side"].dropna()) == {"Caucasian", "Other"}
    assert labels["provenance"].value_counts().to_dict() == {"agreed": 23, "contentious": 1}
    assert len(pd.read_csv(study / "out/sides.csv")) == 30
    sheet = (study / "out/datasheet.md").read_text()
    agreement = json.loads((study / "results/labels/annotate/target/agreement.json").read_text())
    assert f"{100 * agreement['agreement']['estimate']:.1f}%" in sheet
    assert f"{agreement['alpha']['estimate']:.2f}" in sheet
    assert "stratified by gender" in sheet
    assert "A: 0 times unsure" in sheet
    assert "B: 1 times unsure" in sheet
    assert "research only" in sheet
    assert "research only" in (study / "out/LICENCE").read_text()
    everything = "".join(path.read_text() for path in (study / "out").iterdir())
    assert "Real" not in everything, "annotators stay without a name"
    assert "simulated" not in sheet


def test_the_sums_are_of_the_files(study: Path) -> None:
    export()
    for line in (study / "out/SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((study / "out" / name).read_bytes()).hexdigest() == digest


def test_what_stands_in_the_way_is_named(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert export() == 0
    assert export() == 2
    assert "out exists already" in capsys.readouterr().err
    (study / "results/labels/partition/target/summary.json").unlink()
    assert export("other") == 2
    assert "make it with: snakemake partition" in capsys.readouterr().err
    assert not (study / "other").exists()


def test_a_study_without_people_has_nothing_to_serve(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for change, message in (
        ({"annotate": {"annotators": {"a": {"error": 0}, "b": {"error": 0}}}}, "only drawn faces"),
        ({"sead": 1}, "unknown key sead"),
    ):
        config = yaml.safe_load((study / "config.yaml").read_text()) | change
        (study / "other.yaml").write_text(yaml.safe_dump(config))
        assert cli.main(["annotate", "status", "--config", "other.yaml"]) == 2
        assert message in capsys.readouterr().err
    assert cli.main(["annotate", "status", "--config", "nowhere.yaml"]) == 2
    assert "nowhere.yaml: not readable" in capsys.readouterr().err


def test_the_answers_of_a_file_can_be_brought_in(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    crops = study / "results/labels/align/target/none"
    crops.mkdir()
    np.save(crops / "shard-0.npy", np.zeros((30, 16, 16, 3), np.uint8))
    assert cli.main(["annotate", "import", "--config", "config.yaml"]) == 0
    assert "zoe: 24 new answers of 24" in capsys.readouterr().out
    assert cli.main(["annotate", "status", "--config", "config.yaml"]) == 0
    assert "24 of 25" in capsys.readouterr().out  # one of twenty comes twice on the page
    assert cli.main(["annotate", "close", "labelling", "--config", "config.yaml"]) == 2
    assert "adam has 24 of 25" in capsys.readouterr().err
    close = ["annotate", "close", "labelling", "--unfinished", "--config", "config.yaml"]
    assert cli.main(close) == 0
    assert len(tables.read(study / "data/zoe.csv", tables.ANSWERS)) == 24


def test_sides_of_other_faces_are_refused(study: Path) -> None:
    place = study / "results/labels/partition/target/sides.parquet"
    sides = tables.read(place, tables.FACE_SIDES)
    tables.write(sides[1:], place, tables.FACE_SIDES)
    assert export() == 2
    assert not (study / "out").exists()
