"""What is published: labels, a datasheet with the real figures, a licence, sums; no picture."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from facegap import cli
from facegap.annotate.agreement import measure_agreement
from facegap.annotate.merge import merge_annotators
from facegap.annotate.publish import publish
from facegap.errors import DataError
from facegap.partition.measured import measure_sides
from facegap.partition.merge import partition_target
from facegap.partition.pseudo_labels import accept_pseudo_labels
from facegap.settings.annotate import Annotate, Person
from facegap.settings.measure import Intervals
from facegap.settings.partition import Partition
from facegap.settings.study import Study
from facegap.tables.acquire import FACES
from facegap.tables.align import ALIGNED
from facegap.tables.annotate import ANSWERS
from facegap.tables.base import read_table, write_table
from facegap.tables.classify import PSEUDO_LABELS
from facegap.tables.measure import ESTIMATES
from facegap.tables.partition import FACE_SIDES

SPLITS = ["train"] * 12 + ["test"] * 12 + ["rest"] * 6
IDS = [f"{k:06}" for k in range(30)]
PEOPLE = {"Zoe_Real": Person(answers="zoe.csv"), "Adam_Real": Person(answers="adam.csv")}
CONFIG: dict[str, Any] = {
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
        "annotators": {name: {"answers": person.answers} for name, person in PEOPLE.items()}
    },
}


def places(folder: Path) -> dict[str, Path]:
    """The files of the study that are published from."""
    results = folder / "results/labels"
    return {
        "faces": results / "acquire/target/faces.parquet",
        "labels": results / "annotate/target/labels.parquet",
        "agreement": results / "annotate/target/agreement.json",
        "agreement_estimates": results / "annotate/target/estimates.parquet",
        "sides": results / "partition/target/sides.parquet",
        "summary": results / "partition/target/summary.json",
        "sides_estimates": results / "partition/target/estimates.parquet",
    }


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a study that has run up to its partition, and its configuration."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    place, results = places(tmp_path), tmp_path / "results/labels"
    faces = pd.DataFrame({"face_id": IDS, "path": IDS, "subject_id": [f"p{k}" for k in range(30)]})
    faces = faces.assign(split=SPLITS, age=None, gender=["male", "female"] * 15, race_raw=None)
    about = {"source": "a collection", "licence": "research only"}
    write_table(faces, place["faces"], FACES, about)
    aligned = results / "align/target/faces.parquet"
    write_table(pd.DataFrame({"face_id": IDS, "row": range(30)}), aligned, ALIGNED)
    raw = results / "classify/pseudo_labels.parquet"
    probability = [0.9 - 0.8 * (k % 2) for k in range(30)]
    write_table(faces[["face_id"]].assign(probability=probability), raw, PSEUDO_LABELS)
    answers = answered(tmp_path)
    labelled: dict[str, Any] = {
        "faces": place["faces"],
        "answers": answers,
        "labels": place["labels"],
        "settings": Annotate(annotators=PEOPLE),
    }
    merge_annotators(**labelled, adjudication=None)
    measure_agreement(
        **labelled,
        agreement=place["agreement"],
        estimates=place["agreement_estimates"],
        intervals=Intervals(),
        study="labels",
        seed=1,
    )
    parted(tmp_path, aligned, raw)
    return tmp_path


def answered(folder: Path) -> list[Path]:
    """The annotators' files."""
    paths = [folder / "data" / str(person.answers) for person in PEOPLE.values()]
    for path, of_five in zip(paths, ("unsure", "inside"), strict=True):
        side = ["inside" if k % 2 == 0 else "outside" for k in range(24)]
        side[5] = of_five
        rows = pd.DataFrame({"face_id": IDS[:24], "side": side, "tentative": False, "showing": 0})
        write_table(rows, path, ANSWERS)
    return paths


def parted(folder: Path, aligned: Path, pseudo_labels: Path) -> None:
    """The stage partition, with one verifier."""
    place = places(folder)
    (folder / "eve.csv").write_text("face_id,side\n000027,inside\n")
    settings = Partition(precision=0.9, verification={"eve": Person(answers="eve.csv")})
    target = place["sides"].parent
    known = {name: place[name] for name in ("faces", "labels")}
    accept_pseudo_labels(
        **known,
        pseudo_labels=pseudo_labels,
        calibrated=target / "calibrated.parquet",
        queue=target / "queue.csv",
        settings=settings,
        seed=1,
    )
    partition_target(
        **known,
        aligned=aligned,
        calibrated=target / "calibrated.parquet",
        verified=[folder / "eve.csv"],
        sides=place["sides"],
        evidence=target / "evidence.parquet",
        settings=settings,
        seed=1,
    )
    measure_sides(
        faces=place["faces"],
        evidence=target / "evidence.parquet",
        sides=place["sides"],
        calibrated=target / "calibrated.parquet",
        agreement_estimates=place["agreement_estimates"],
        summary=place["summary"],
        estimates=place["sides_estimates"],
        own_label=None,
        intervals=Intervals(),
        study="labels",
    )


def published(folder: Path) -> Path:
    publish(Study.model_validate(CONFIG), **places(folder), folder=folder / "out")
    return folder / "out"


def test_the_folder_holds_labels_and_figures_and_no_picture_and_no_name(study: Path) -> None:
    out = published(study)
    names = {path.name for path in out.iterdir()}
    assert names == {"labels.csv", "sides.csv", "datasheet.md", "LICENCE", "SHA256SUMS"}
    labels = pd.read_csv(out / "labels.csv", dtype=str)
    assert labels["face_id"].tolist() == IDS[:24]
    assert set(labels["side"].dropna()) == {"Caucasian", "Other"}
    assert labels["provenance"].value_counts().to_dict() == {"agreed": 23, "contentious": 1}
    assert len(pd.read_csv(out / "sides.csv")) == 30
    sheet = (out / "datasheet.md").read_text()
    table = read_table(places(study)["agreement_estimates"], ESTIMATES).set_index("quantity")
    agreed = table.loc["raw agreement"][table.loc["raw agreement"]["group"] == "all"]
    assert f"{100 * agreed['estimate'].iloc[0]:.1f}%" in sheet
    alpha = table.loc["Krippendorff's alpha"]
    assert f"alpha: {alpha['estimate']:.2f} [{alpha['low']:.2f}, {alpha['high']:.2f}]" in sheet
    assert "kappa of A and B: " in sheet
    assert "gender male: 100.0%" in sheet
    assert "(12 faces)" in sheet
    assert "stratified by gender" in sheet
    assert "A: 0 times unsure" in sheet
    assert "B: 1 times unsure" in sheet
    assert "| verified | 1 | 0 | 0 |" in sheet
    assert "research only" in sheet
    assert "research only" in (out / "LICENCE").read_text()
    everything = "".join(path.read_text() for path in out.iterdir())
    assert "Real" not in everything, "annotators stay without a name"
    assert "simulated" not in sheet


def test_the_sums_are_of_the_files(study: Path) -> None:
    out = published(study)
    for line in (out / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == digest


def test_sides_of_other_faces_are_refused(study: Path) -> None:
    place = places(study)["sides"]
    write_table(read_table(place, FACE_SIDES)[1:], place, FACE_SIDES)
    with pytest.raises(DataError, match="other faces than"):
        published(study)
    assert not (study / "out").exists()


def publish_by_command(folder: str = "out") -> int:
    return cli.main(["annotate", "publish", "--config", "config.yaml", "--to", folder])


def test_what_stands_in_the_way_is_named(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert publish_by_command() == 0
    assert publish_by_command() == 2
    assert "out exists already" in capsys.readouterr().err
    places(study)["summary"].unlink()
    assert publish_by_command("other") == 2
    assert "make it with: snakemake --cores all partition" in capsys.readouterr().err
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
    assert "Zoe_Real: 24 new answers of 24" in capsys.readouterr().out
    assert cli.main(["annotate", "status", "--config", "config.yaml"]) == 0
    assert "24 of 25" in capsys.readouterr().out  # one of twenty comes twice on the page
    assert cli.main(["annotate", "close", "labelling", "--config", "config.yaml"]) == 2
    assert "Adam_Real has 24 of 25" in capsys.readouterr().err
    close = ["annotate", "close", "labelling", "--unfinished", "--config", "config.yaml"]
    assert cli.main(close) == 0
    assert len(read_table(study / "data/zoe.csv", ANSWERS)) == 24
