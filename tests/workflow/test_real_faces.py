"""The gender study on real faces, small. They lie beside the repository and are never committed."""

from pathlib import Path

import pandas as pd
import pytest
import yaml
from runs import ROOT, copy_code, snakemake

FACES = ROOT.parent / "shared/faces"


@pytest.mark.skipif(not FACES.is_dir(), reason=f"no real faces at {FACES}: see docs/data.md")
def test_real_faces_run_to_the_report(tmp_path: Path) -> None:
    folder = copy_code(tmp_path / "facegap")
    config = yaml.safe_load((folder / "config/gender.yaml").read_text())
    micro = yaml.safe_load((folder / "micro.yaml").read_text())
    config["data_root"] = str(FACES)
    config["parts"] = ["classify", "partition", "synthesise"]  # people's part needs no real faces
    config["datasets"]["source"] |= {"faces": 120, "split": {"train": 80, "test": 40}}
    config["datasets"]["target"] |= {"faces": 160, "split": {"train": 80, "test": 60}}
    config["align"] = micro["align"]
    config["classify"] = micro["classify"]
    config["classify"]["grid"] |= {
        "backbones": {"resnet50": "random"},
        "selected_backbone": "resnet50",
        "single_techniques": True,
    }
    # which the micro study has, and which need no real faces either
    config["classify"] |= {"learning_curve": {}, "multiverse": {"readings": 0}}
    config["classify"]["label_error"] = {"rates": []}
    dose = {"tasks": ["Young"], "shares": [0.25]}
    config["classify"]["tasks"] = {"labels": ["Young", "Smiling"], "trainings": 2, "dose": dose}
    config["synthesise"] = micro["synthesise"] | {
        "attributes": {"names": ["Black_Hair", "Brown_Hair", "Smiling"], "control": "Young"},
        "roles": micro["synthesise"]["roles"] | {"translated": 12},
        "seeds": [1],
    }
    config["synthesise"]["training"] |= {"iterations": 10}
    config["measure"] = micro["measure"]
    (folder / "small.yaml").write_text(yaml.safe_dump(config))

    done = snakemake(folder, "--cores", "all", "--configfile", "small.yaml")

    assert done.returncode == 0, done.stdout[-8000:]
    study = folder / "results/gender"
    assert (study / "report/index.html").stat().st_size > 100_000
    aligned = len(pd.read_parquet(study / "align/target/faces.parquet"))
    assert aligned >= 0.95 * 160
    sides = pd.read_parquet(study / "partition/target/sides.parquet")
    assert set(sides["provenance"]) == {"own label"}
    tasks = pd.read_parquet(study / "measure/tasks.parquet")
    heads = tasks[tasks["quantity"] == "task performance"]
    trained_on = heads.groupby("task")["trained_on"].unique()
    assert set(trained_on["Young"]) == {"source", "target"}, "UTKFace has ages"
    assert set(trained_on["Smiling"]) == {"target"}
