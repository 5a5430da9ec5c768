"""Audits: images, groups and models alone, from export to page; and studies of some parts."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from runs import ROOT, copy_code, finished, planned, snakemake

from facegap.cli import main
from facegap.exported import exported_name
from facegap.files import read_json
from facegap.report.figures import figures_of
from facegap.report.page import write_report
from facegap.settings.load import load
from facegap.tables.acquire import FACES
from facegap.tables.base import read_table
from facegap.tables.judge import KEY
from facegap.tables.measure import ESTIMATES
from facegap.tables.synthesise import TRANSLATIONS

AUDIT: dict[str, Any] = {
    "study": "mine",
    "parts": [],
    "datasets": {"faces": {"kind": "drawn", "faces": 60}},
    "acquire": {"drawn": {"pictures_per_person": 2}},
    "align": {
        "crops": {
            "none": {"size": 64},
            "ears-chin": {"size": 16},
            "centre": {"size": 16, "box": 122},
        }
    },
    "models": {
        "ours": {"kind": "classifier", "outputs": "ours.csv", "tasks": {"Smiling": {}}},
        "rule": {"kind": "classifier", "simulated": {"error": 0.2}, "tasks": {"Smiling": {}}},
        "verifier": {"kind": "recogniser", "outputs": "verifier.npz"},
    },
    "measure": {
        "groups": {
            "by": ["group", "gender"],
            "crossings": [["group", "gender"]],
            "least_persons": 5,
            "tones": 2,
        }
    },
    "report": {"faces": False},
}
TABLES = {"classify": [f"table{k}" for k in range(1, 5)], "judge": ["table5"]}
COMMAND = ("--configfile", "mine.yaml", "--cores", "2")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = copy_code(tmp_path / "facegap")
    (place / "mine.yaml").write_text(yaml.safe_dump(AUDIT))
    monkeypatch.chdir(place)
    return place


def test_an_audit_from_export_to_page(folder: Path) -> None:
    done = snakemake(folder, "align", *COMMAND)
    assert done.returncode == 0, done.stdout[-6000:]
    assert main(["export", "faces", "--config", "mine.yaml", "--to", "out"]) == 0
    faces = read_table(folder / "results/mine/acquire/faces/faces.parquet", FACES)
    names = {exported_name("faces", face, 1): face for face in faces["face_id"]}
    exported = pd.read_csv(folder / "out/faces.csv")["face"]
    truth = faces.set_index("face_id")["Smiling"].astype(float)
    scores = 0.1 + 0.8 * exported.map(names).map(truth)
    (folder / "data").mkdir()
    table = pd.DataFrame({"face": exported, "score": scores})
    table.to_csv(folder / "data/ours.csv", index=False)
    person = pd.factorize(exported.map(names).map(faces.set_index("face_id")["subject_id"]))[0]
    rng = np.random.default_rng(0)
    own = rng.normal(size=(person.max() + 1, 8))[person] + rng.normal(0, 0.5, (len(person), 8))
    np.savez(folder / "data/verifier.npz", face=np.array(exported, str), vector=own)
    assert main(["check", "model", "--config", "mine.yaml"]) == 0

    done = snakemake(folder, *COMMAND)
    assert done.returncode == 0, done.stdout[-6000:]
    assert not {"train_configurations", "partition_target", "train_stargan"} & set(
        finished(done.stdout)
    )
    rows = read_table(folder / "results/mine/measure/estimates.parquet", ESTIMATES)
    own = rows[(rows["model"] == "ours") & (rows["metric"] == "accuracy")]
    assert own.loc[own["group"] == "all", "estimate"].tolist() == [1.0]
    assert {"landmarker", "ours", "rule", "ours − rule"} <= set(rows["model"])
    page = (folder / "results/mine/report/index.html").read_text()
    for words in (
        *("ours", "The landmarker of this pipeline", "Models beside each other", "verifier"),
        *("false non-match rate", "Two pictures match from a cosine of"),
    ):
        assert words in page
    assert "rejected_faces" not in page, "no picture of a person"
    shown = page.partition("The whole configuration")[0]
    for words in ("transfer loss", "CelebC", "StarGAN"):
        assert words not in shown

    table.assign(score=1 - scores).to_csv(folder / "data/ours.csv", index=False)
    done = snakemake(folder, "results/mine/measure/estimates.parquet", *COMMAND)
    assert done.returncode == 0, done.stdout[-6000:]
    again = finished(done.stdout)
    assert {"measure_model", "contrast_models", "gather_estimates"} <= set(again)
    assert not {"align_shard", "measure_landmarker", "simulate_model"} & set(again)
    assert again["measure_model"] == 1

    other = AUDIT | {"models": {"ours": AUDIT["models"]["ours"] | {"outputs": "other.csv"}}}
    (folder / "mine.yaml").write_text(yaml.safe_dump(other))
    done = snakemake(folder, *COMMAND)
    assert done.returncode != 0, "another model's numbers would stand on the page"
    assert "data/other.csv does not exist, and results/mine/measure/models/ours" in done.stdout

    refused = snakemake(folder, "classify", "-n", *COMMAND)
    assert refused.returncode != 0
    assert "classify: this study has no such part; name it in its key parts" in refused.stdout


def test_tails_of_tasks_are_fine_tuned_where_the_settings_say_so(folder: Path) -> None:
    config = yaml.safe_load((ROOT / "tests/workflow/micro.yaml").read_text())
    config["classify"]["tasks"]["fine_tuned"] = {"tasks": ["Smiling"], "trainings": 2}
    (folder / "mine.yaml").write_text(yaml.safe_dump(config))
    done = snakemake(folder, "-n", "measure_tasks", *COMMAND)
    assert planned(done.stdout)["fine_tune_task"] == 1, done.stdout[-3000:]


@pytest.mark.parametrize(
    ("parts", "own", "there", "absent"),
    [
        (["classify"], False, "measure_classification", "partition_target"),
        (["partition"], True, "partition_target", "train_configurations"),
        (["partition", "synthesise"], True, "measure_realism", "tabulate_results"),
        (["classify", "partition", "synthesise"], False, "measure_label_error", "pair_outputs"),
        (["partition", "synthesise", "judge"], True, "tabulate_results", "extract_features"),
    ],
)
def test_a_study_has_the_parts_that_it_names(
    parts: list[str], own: bool, there: str, absent: str, folder: Path
) -> None:
    config = yaml.safe_load((ROOT / "tests/workflow/micro.yaml").read_text())
    config["parts"] = parts
    if own:
        config["datasets"]["target"]["labels"] = "own"
    (folder / "mine.yaml").write_text(yaml.safe_dump(config))
    done = snakemake(folder, "-n", *COMMAND)
    assert done.returncode == 0, done.stdout[-6000:]
    jobs = set(planned(done.stdout))
    assert there in jobs
    assert absent not in jobs
    assert {"measure_landmarker", "write_report"} <= jobs


@pytest.mark.parametrize(
    ("parts", "there", "absent"),
    [
        (["classify"], ["classification", "boundary", "models"], ["labels", "synthesis"]),
        (["partition"], ["labels", "models"], ["classification", "synthesis", "judgement"]),
        (["partition", "synthesise"], ["labels", "synthesis"], ["classification", "judgement"]),
        (["partition", "synthesise", "judge"], ["judgement"], ["classification", "boundary"]),
        ([], ["models", "run", "limits"], ["labels", "classification", "synthesis", "known_truth"]),
    ],
)
def test_the_page_has_the_sections_of_its_parts(
    parts: list[str], there: list[str], absent: list[str], undisturbed: Path, tmp_path: Path
) -> None:
    config = yaml.safe_load((ROOT / "tests/workflow/micro.yaml").read_text()) | {"parts": parts}
    config["datasets"]["target"]["labels"] = "people" if "classify" in parts else "own"
    study = load(config)
    results = undisturbed / "results/micro"

    def of(part: str, *paths: str) -> Path | None:
        return results.joinpath(*paths) if part in parts else None

    def each(path: str) -> list[Path]:
        return [results / path.format(name) for name in study.datasets]

    tables = [name for part, names in TABLES.items() if part in parts for name in names]
    (tmp_path / "report").mkdir()
    write_report(
        faces=each("acquire/{}/faces.parquet"),
        aligned=each("align/{}/faces.parquet"),
        unread=each("acquire/{}/rejected.csv"),
        rejected=each("align/{}/rejected.csv"),
        labels=each("annotate/{}/labels.parquet"),
        agreement=of("classify", "annotate/target/agreement.json"),
        selected=of("classify", "classify/selected.json"),
        partition_summary=of("partition", "partition/target/summary.json"),
        judge_summary=of("judge", "judge/summary.json"),
        measure_estimates=results / "measure/estimates.parquet",
        annotate_estimates=of("classify", "annotate/target/estimates.parquet"),
        partition_estimates=of("partition", "partition/target/estimates.parquet"),
        judge_estimates=of("judge", "judge/estimates.parquet"),
        provenance=results / "ro-crate-metadata.json",
        published=ROOT / "config/published.yaml",
        tables=[results / f"report/tables/{name}.csv" for name in tables],
        figures=[results / f"report/figures/{each.name}.png" for each in figures_of(study)],
        page=tmp_path / "report/index.html",
        config=study,
    )
    page = (tmp_path / "report/index.html").read_text()
    for name in there:
        assert f'<h2 id="{name}"' in page
    for name in absent:
        assert f'<h2 id="{name}"' not in page


def test_an_editor_that_gives_the_synthesis_s_images_is_measured_as_the_synthesis_is(
    disturbed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(disturbed)
    config = yaml.safe_load(Path("micro.yaml").read_text())
    config["models"] = {"mine": {"kind": "editor", "outputs": "edits"}}
    Path("mine.yaml").write_text(yaml.safe_dump(config))
    results, seed = Path("results/micro"), config["synthesise"]["seeds"][0]
    done = snakemake(disturbed, "plan_changes", *COMMAND)
    assert done.returncode == 0, done.stdout[-6000:]
    assert main(["export", "faces", "--config", "mine.yaml", "--to", "out", "--changes"]) == 0
    asked = pd.read_csv("out/changes.csv")
    made = results / f"synthesise/inside/seed-{seed}"
    table = read_table(made / "translations.parquet", TRANSLATIONS)
    images = np.load(made / "translations.npy")
    names = {face: exported_name("target", face, config["seed"]) for face in table["face_id"]}
    rows = table.assign(face=table["face_id"].map(names)).set_index(["face", "attribute"])["row"]
    assert len(asked) == (table["kind"] == "translation").sum()
    Path("data/edits").mkdir(parents=True)
    for face, attribute, file in asked[["face", "attribute", "file"]].itertuples(index=False):
        Image.fromarray(images[rows[face, attribute]]).save(f"data/edits/{file}")
    asked.to_csv("data/edits/translations.csv", index=False)
    assert main(["check", "model", "--config", "mine.yaml"]) == 0

    done = snakemake(disturbed, "results/micro/measure/mine/realism.parquet", *COMMAND)
    assert done.returncode == 0, done.stdout[-6000:]
    theirs = read_table(results / "measure/inside/realism.parquet", ESTIMATES)
    ours = read_table(results / "measure/mine/realism.parquet", ESTIMATES)
    keys = ["metric", "attribute", "group"]
    own = ours[(ours["quantity"] == "realism") & ours["seed"].notna()].set_index(keys)["estimate"]
    theirs = theirs[(theirs["quantity"] == "realism") & (theirs["seed"] == seed)]
    known = theirs.set_index(keys)["estimate"].reindex(own.index)
    assert len(own) > 20
    pd.testing.assert_series_equal(own, known)
    config["judge"] |= {"compared": ["mine", "inside"]}
    Path("mine.yaml").write_text(yaml.safe_dump(config))
    done = snakemake(disturbed, "judge", *COMMAND)
    assert done.returncode == 0, done.stdout[-6000:]
    pairs = read_table(results / "judge/key.parquet", KEY)
    everybody = pairs[pairs["kind"] == "compared"]["maker"].value_counts()
    assert everybody["mine"] == everybody["inside"] > 0
    assert read_json(results / "judge/summary.json")["makers"] == ["mine", "inside"]
