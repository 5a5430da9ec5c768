"""The whole graph on drawn faces: it ends, it rests, it reruns what an edit concerns."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from pydantic import TypeAdapter
from runs import MICRO, STUDY, copy_code, digests, planned, snakemake

from facegap.classify import grid
from facegap.classify.closer import predict_closer
from facegap.classify.plans import Candidates
from facegap.compare import KEYS
from facegap.configurations import HEAD
from facegap.files import read_json
from facegap.settings.load import load
from facegap.stages import STAGES
from facegap.statistics.performance import METRICS
from facegap.tables.acquire import FACES
from facegap.tables.align import ALIGNED
from facegap.tables.annotate import LABELS
from facegap.tables.base import read_table
from facegap.tables.classify import PREDICTIONS, RUNS
from facegap.tables.measure import ESTIMATES
from facegap.tables.report import REPORTED


@contextmanager
def appended(path: Path, text: str) -> Iterator[None]:
    """The file at `path` with `text` at its end, for as long as the block lasts.

    The keys of a configuration replace those of the same name.
    """
    before = path.read_text()
    cut = before
    for key in yaml.safe_load(text) or () if path.suffix == ".yaml" else ():
        cut = re.sub(rf"^{key}:.*\n(?:[ #].*\n|\n)*", "", cut, flags=re.M)
    path.write_text(cut + text)
    try:
        yield
    finally:
        path.write_text(before)  # with another time, which is no reason to run anything again


@pytest.mark.parametrize("number", range(1, 6))
def test_every_table_has_the_rows_of_this_study_alone(micro: Path, number: int) -> None:
    """It is not the paper's study, so nothing that was published stands beside it."""
    path = micro / STUDY / f"report/tables/table{number}.csv"
    table = read_table(path, REPORTED)
    assert list(pd.read_csv(path).columns) == [
        *("row", "column", "ours", "low", "high", "published", "difference", "note")
    ]
    assert table[["published", "difference"]].isna().all(axis=None)
    assert table["ours"].notna().any()


@pytest.mark.parametrize("number", range(1, 5))
def test_every_figure_is_there(micro: Path, number: int) -> None:
    figure = micro / STUDY / f"report/figures/figure{number}"
    assert figure.with_suffix(".png").stat().st_size > 5000
    assert "<svg" in figure.with_suffix(".svg").read_text()[:2000]


def test_the_page_is_one_file_that_says_what_is_not_real(micro: Path) -> None:
    page = (micro / STUDY / "report/index.html").read_text()
    assert "simulated" in page
    assert "drawn" in page
    assert not re.search(r'(src|href)="(?!data:|#|https?:)', page), (
        "a file beside the page is needed"
    )


def test_the_labels_error_is_estimated_beside_the_true_one(micro: Path) -> None:
    rows = read_table(micro / STUDY / "partition/target/estimates.parquet", ESTIMATES)
    error = rows[(rows["quantity"] == "label error") & (rows["group"] == "all")].iloc[0]
    assert error["answers"] > 0
    assert 0 <= error["low"] < error["high"] <= 1
    assert 0 <= error["truth"] <= 1
    assert "truly wrong" in (micro / STUDY / "report/index.html").read_text()


def test_every_number_of_the_study_is_a_row(micro: Path) -> None:
    folder = micro / STUDY
    parts = [
        read_table(folder / f"{place}/estimates.parquet", ESTIMATES)
        for place in ("measure", "annotate/target", "partition/target", "judge")
    ]
    rows = read_table(folder / "report/estimates.csv", ESTIMATES)
    assert len(rows) == sum(map(len, parts))
    assert set(rows["study"]) == {"micro"}
    assert not rows.duplicated(KEYS).any()
    assert (folder / "measure/estimates.csv").exists()


def test_what_is_true_of_the_heads_stands_beside_their_estimates(micro: Path) -> None:
    rows = read_table(micro / STUDY / "report/estimates.csv", ESTIMATES)
    heads = rows[rows["model"].fillna("").str.endswith(f", {HEAD}")]
    heads = heads[heads["quantity"].isin(["transfer gap", "transfer loss"])]
    assert len(heads) == 2 * len(METRICS)
    assert heads["truth"].notna().all()


def test_the_benchmark_has_the_optimisers_that_its_folds_select(micro: Path) -> None:
    folder = micro / STUDY / "classify"
    runs = read_table(folder / "runs.parquet", RUNS)
    own = runs[(runs["trained_on"] == "target") & (runs["stage"] == "fine-tuned")]
    selected = read_json(folder / "benchmark-target.json")["name"]
    assert set(own.loc[own["arm"] == "full", "model"]) == {selected}


def test_the_contentious_faces_of_the_test_part_are_answered_too(micro: Path) -> None:
    folder = micro / STUDY
    labels = read_table(folder / "annotate/target/labels.parquet", LABELS)
    faces = read_table(folder / "acquire/target/faces.parquet", FACES)
    aligned = read_table(folder / "align/target/faces.parquet", ALIGNED)
    disputed = set(labels.loc[labels["provenance"] == "contentious", "face_id"])
    tested = set(faces.loc[faces["split"] == "test", "face_id"]) & set(aligned["face_id"])
    answers = read_table(folder / "classify/predictions.parquet", PREDICTIONS)
    answered = answers[(answers["dataset"] == "target") & ~answers["agreed"]]
    assert set(answered["face_id"]) == disputed & tested


def test_faces_cropped_again_are_answered_as_the_same_faces(micro: Path, tmp_path: Path) -> None:
    """With the whole crop as its middle the answers are those of the study itself."""
    folder = micro / STUDY
    study = load(yaml.safe_load((micro / "micro.yaml").read_text()))
    settings, names = study.classify, ["source", "target"]
    choice = read_json(folder / "classify/selected.json")
    predict_closer(
        selected=folder / "classify/selected.json",
        predictions=folder / "classify/predictions.parquet",
        trainings=[folder / "classify/configurations" / choice["folder"]],
        aligned=[folder / f"align/{name}/faces.parquet" for name in names],
        shards=[
            folder / f"align/{name}/{crop}/shard-{shard}.npy"
            for name in names
            for crop in grid.candidate_crops(settings)
            for shard in range(study.align.shards)
        ],
        weights=[],
        closer_predictions=tmp_path / "closer.parquet",
        candidates=TypeAdapter(Candidates).validate_python(grid.candidates(settings)),
        head=settings.training.head,
        extraction=settings.features,
        closer=0.999,
        datasets=names,
        threads=1,
        seed=study.seed,
    )
    keys = ["dataset", "face_id", "repeat"]
    again, closer = (
        read_table(path, PREDICTIONS).set_index(keys)["probability"]
        for path in (tmp_path / "closer.parquet", folder / "classify/closer_predictions.parquet")
    )
    every = read_table(folder / "classify/predictions.parquet", PREDICTIONS)
    own = (every["model"] == choice["name"]) & (every["trained_on"] == "source")
    own &= (every["arm"] == "full") & (every["part"] == "test")
    once = every[own].drop_duplicates(keys).set_index(keys)["probability"]
    assert set(once.index) == set(again.index) == set(closer.index)
    assert np.abs(again - once.loc[again.index]).max() < 0.01
    assert np.abs(closer - once.loc[closer.index]).max() > 0.001, "the closer ones are others"


def test_the_parts_of_each_gap_add_up_to_it(micro: Path) -> None:
    rows = read_table(micro / STUDY / "report/estimates.csv", ESTIMATES)
    parts = rows[rows["quantity"] == "part of the gap"]
    named = parts["group"].str.split(": ", n=2, expand=True)
    parts = parts.assign(gap=named[1], part=named[2])
    gaps = parts[parts["part"] == "all"].set_index(["gap", "tested_on"])["estimate"]
    sums = parts[parts["part"] != "all"].groupby(["gap", "tested_on"])["estimate"].sum()
    assert len(gaps) == 3
    assert np.abs(sums - gaps).max() < 1e-9
    about = {"quantity": "transfer gap", "metric": "balanced accuracy"}
    about |= {"model": parts["model"].iloc[0], "group": "all"}
    whole = rows[(rows[list(about)] == pd.Series(about)).all(axis=1) & rows["arm"].isna()]
    assert whole["estimate"].iloc[0] == pytest.approx(gaps["transfer gap × part", "target"])


def test_a_second_run_has_nothing_to_do(micro: Path) -> None:
    again = snakemake(micro, "--cores", "all", *MICRO)
    assert again.returncode == 0
    assert "Nothing to be done" in again.stdout


@pytest.mark.parametrize(
    ("module", "first", "untouched"),
    [
        ("acquire/drawing", "draw_faces", set()),
        ("align/geometry", "align_shard", {"draw_faces"}),
        ("annotate/merge", "merge_annotators", {"draw_faces", "align_shard"}),
        ("classify/training", "train_configurations", {"merge_annotators", "align_shard"}),
        ("partition/merge", "partition_target", {"draw_faces", "train_configurations"}),
        ("synthesise/losses", "train_stargan", {"train_configurations", "assign_roles"}),
        ("measure/realism", "measure_realism", {"train_stargan", "train_attribute_classifier"}),
        ("judge/pairs", "pair_outputs", {"draw_faces", "train_configurations", "train_stargan"}),
        ("report/page", "write_report", {"draw_faces", "train_stargan", "judge_pairs"}),
    ],
)
def test_an_edit_reruns_its_stage_and_what_follows(
    micro: Path, module: str, first: str, untouched: set[str]
) -> None:
    with appended(micro / f"workflow/scripts/facegap/{module}.py", "\n# an edit\n"):
        jobs = planned(snakemake(micro, "-n", *MICRO).stdout)
    assert first in jobs
    assert "write_report" in jobs
    assert not untouched & jobs.keys()


def test_an_edit_taken_back_reruns_nothing(micro: Path) -> None:
    with appended(micro / "workflow/scripts/facegap/seeds.py", "\n# an edit\n"):
        assert "draw_faces" in planned(snakemake(micro, "-n", *MICRO).stdout)
    assert "Nothing to be done" in snakemake(micro, "-n", *MICRO).stdout


def test_snakemakes_own_report_holds_tables_and_figures(micro: Path) -> None:
    made = snakemake(micro, "--report", "report.html", *MICRO)
    assert made.returncode == 0, made.stdout[-4000:]
    page = (micro / "report.html").read_text()
    assert all(name in page for name in ("table1.csv", "table5.csv", "figure4.png"))


def test_a_checkout_runs_its_own_library(tmp_path: Path) -> None:
    folder = copy_code(tmp_path / "another")
    drawn = f"{STUDY}/acquire/source/faces.parquet"
    mark = "\nraise SystemExit('this checkout')\n"
    with appended(folder / "workflow/scripts/facegap/acquire/collection.py", mark):
        refused = snakemake(folder, "--cores", "1", *MICRO, "--", drawn)
    assert refused.returncode != 0
    assert "\nthis checkout\n" in refused.stdout


def test_a_file_of_verifiers_reruns_no_training(micro: Path) -> None:
    verifier = "partition: {precision: 0.8, verification: {ada: {answers: verified.csv}}}"
    given = micro / "data/verified.csv"
    with appended(micro / "micro.yaml", f"\n{verifier}\n"):
        refused = snakemake(micro, "--cores", "1", *MICRO)
        assert "data/verified.csv does not exist" in refused.stdout
        given.parent.mkdir(exist_ok=True)
        given.write_text("face_id,side\n")
        jobs = planned(snakemake(micro, "-n", *MICRO).stdout)
        given.unlink()
    assert "partition_target" in jobs
    assert not {"merge_annotators", "train_configurations", "predict_pseudo_labels"} & jobs.keys()


def test_another_confidence_or_save_interval_trains_nothing_again(micro: Path) -> None:
    settings = "\nmeasure: {intervals: {confidence: 0.9}}\noperations: {save_seconds: 60}\n"
    with appended(micro / "micro.yaml", settings):
        jobs = planned(snakemake(micro, "-n", *MICRO).stdout)
    assert {"measure_agreement", "measure_sides", "measure_classification", "judge_pairs"} <= {
        *jobs
    }
    trained = {"extract_features", "train_configurations", "train_stargan"}
    assert not jobs.keys() & {*trained, "merge_annotators", "partition_target", "pair_outputs"}


def test_one_more_seed_or_backbone_trains_no_other_again(micro: Path) -> None:
    config = yaml.safe_load((micro / "micro.yaml").read_text())
    config["synthesise"]["seeds"].append(3)
    config["classify"]["grid"]["backbones"]["resnet50"] = "random"
    (micro / "more.yaml").write_text(yaml.safe_dump(config))
    jobs = planned(snakemake(micro, "-n", "--configfile", "more.yaml").stdout)
    assert jobs["train_stargan"] == len(config["synthesise"]["arms"])
    assert jobs["extract_features"] == 1
    assert jobs["train_configurations"] == 2


def test_one_more_arm_trains_and_measures_no_other_again(micro: Path) -> None:
    config = yaml.safe_load((micro / "micro.yaml").read_text())
    config["synthesise"]["arms"].append("mixed")
    (micro / "more.yaml").write_text(yaml.safe_dump(config))
    jobs = planned(snakemake(micro, "-n", "--configfile", "more.yaml").stdout)
    assert jobs["train_stargan"] == len(config["synthesise"]["seeds"])
    assert jobs["translate_faces"] == jobs["measure_realism"] == jobs["measure_arms"] == 1
    assert not jobs.keys() & {"assign_roles", "train_attribute_classifier", "pair_outputs"}


def test_a_changed_setting_reruns_what_depends_on_it(micro: Path) -> None:
    preference = "simulation: {preference: {male: 0.9, female: 0.9}}"
    design = yaml.safe_load((micro / "micro.yaml").read_text())["judge"]["design"]
    setting = f"judge: {{design: {design}, {preference}}}"
    with appended(micro / "micro.yaml", f"\n{setting}\n"):
        jobs = planned(snakemake(micro, "-n", *MICRO).stdout)
    assert {"simulate_responses", "judge_pairs", "tabulate_results"} <= jobs.keys()
    assert not {"draw_faces", "train_configurations", "train_stargan", "pair_outputs"} & jobs.keys()


@pytest.mark.long  # tests/cluster compares what comes before the synthesis, made on other nodes
def test_one_core_gives_the_same_bytes(undisturbed: Path, tmp_path: Path) -> None:
    folder = copy_code(tmp_path / "again")
    done = snakemake(folder, "--cores", "1", "--configfile", "micro.yaml")
    assert done.returncode == 0, done.stdout[-8000:]
    assert digests(folder / "results/micro") == digests(undisturbed / "results/micro")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("sead=1", "unknown key sead"),
        ("seed=one", "seed: "),
        ("boundary=race", "datasets.source.labels"),
        ("judge={pears: 3}", "judge: unknown key pears; allowed: design"),
    ],
)
def test_a_broken_config_stops_before_the_first_job(
    tmp_path: Path, setting: str, message: str
) -> None:
    folder = copy_code(tmp_path / "broken")
    refused = snakemake(folder, "--cores", "1", *MICRO, "--config", setting)
    assert refused.returncode != 0
    assert message in refused.stdout
    assert not (folder / "results").exists()


def test_missing_answers_stop_what_needs_them_and_not_the_way_to_the_page(
    tmp_path: Path,
) -> None:
    folder = copy_code(tmp_path / "people")
    people = "{annotators: {a: {answers: a.csv}, b: {answers: b.csv}}}"
    with appended(folder / "micro.yaml", f"\nannotate: {people}\n"):
        refused = snakemake(folder, "partition", "--cores", "1", *MICRO)
        assert refused.returncode != 0
        assert "data/a.csv does not exist; run snakemake align, then label" in refused.stdout
        assert "Finished jobid" not in refused.stdout
        faces = f"{STUDY}/acquire/target/faces.parquet"
        done = snakemake(folder, faces, "--cores", "1", *MICRO)
        assert done.returncode == 0, done.stdout[-4000:]


def test_missing_images_stop_before_the_first_job(tmp_path: Path) -> None:
    folder = copy_code(tmp_path / "nothing")
    gender = ("--configfile", "config/gender.yaml", "--config", "data_root=nowhere")
    refused = snakemake(folder, "--cores", "1", *gender)
    assert refused.returncode != 0
    assert "nowhere/UTKFace.tar.gz does not exist" in refused.stdout
    assert "utkface (non-commercial research only): UTKFace is for non-comm" in refused.stdout
    assert "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html" in refused.stdout
    assert "accept_terms: [celeba]" in refused.stdout
    assert "Finished jobid" not in refused.stdout

    operations = "{accept_terms: [utkface, celeba], offline: true}"
    with appended(folder / "config/gender.yaml", f"\noperations: {operations}\n"):
        refused = snakemake(folder, "--cores", "1", *gender)
    assert "nowhere/list_attr_celeba.txt does not exist; get it from https" in refused.stdout
    assert "Finished jobid" not in refused.stdout


def test_an_unwritable_place_stops_before_the_first_job(tmp_path: Path) -> None:
    folder = copy_code(tmp_path / "full")
    (folder / "results").write_text("a file in the way")
    refused = snakemake(folder, "--cores", "1", *MICRO)
    assert refused.returncode != 0
    assert "results: nothing can be written in results/micro" in refused.stdout
    assert "Finished jobid" not in refused.stdout


def test_results_without_the_records_of_what_made_them_are_told(tmp_path: Path) -> None:
    folder = copy_code(tmp_path / "moved")
    warning = "has no record of what made them"
    assert warning not in snakemake(folder, "-n", *MICRO).stdout
    (folder / STUDY / "acquire").mkdir(parents=True)
    assert warning in snakemake(folder, "-n", *MICRO).stdout


def test_the_papers_study_is_planned_without_its_data(tmp_path: Path) -> None:
    folder = copy_code(tmp_path / "paper")
    plan = snakemake(folder, "-n", "--configfile", "config/paper.yaml")
    assert plan.returncode == 0, plan.stdout[-4000:]
    jobs = planned(plan.stdout)
    assert jobs["train_stargan"] == 5
    assert 100 < sum(jobs.values()) < 1000


def test_each_stage_is_a_target(micro: Path) -> None:
    plan = snakemake(micro, "-n", *STAGES, *MICRO)
    assert "Nothing to be done" in plan.stdout
