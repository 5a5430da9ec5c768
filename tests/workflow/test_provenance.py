"""The record of a real run leads from each result to its job, and to what was fetched for it."""

from pathlib import Path

import yaml
from rocrate.rocrate import ROCrate
from runs import ROOT, STUDY


def test_a_result_is_traced_to_its_job_and_to_what_was_fetched(undisturbed: Path) -> None:
    crate = ROCrate(undisturbed / STUDY)
    run = crate.dereference("#run")
    made = [file.id for job in run["hasPart"] for file in job["result"]]
    assert sorted(made) == sorted({file.id for file in run["result"]} - {"settings.yaml"})
    by = {file.id: job.id for job in run["hasPart"] for file in job["result"]}
    assert by["align/target/faces.parquet"] == "#align/gather_shards-target"
    assert (
        by["synthesise/inside/seed-2/generator.safetensors"] == "#synthesise/train_stargan-inside-2"
    )
    assert by["report/figures/figure1.png"] == "#report/plot_figure1"
    fetched = {part["name"]: part["sha256"] for part in run["object"]}
    landmarker = yaml.safe_load((ROOT / "config/assets.yaml").read_text())["face_landmarker.task"]
    assert fetched == {"face_landmarker.task": landmarker["sha256"]}
