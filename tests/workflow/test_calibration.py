"""Calibration: a planted gap is found, and none is found where none was planted."""

import json
from pathlib import Path

import pytest
import yaml
from runs import copy_code, snakemake


@pytest.mark.parametrize("planted", [1.0, 0.0])
def test_the_gap_that_was_planted_is_the_gap_that_is_found(planted: float, tmp_path: Path) -> None:
    folder = copy_code(tmp_path / "facegap")
    config = yaml.safe_load((folder / "config/config.yaml").read_text())
    config["acquire"]["drawn"]["gap"] = planted
    config["datasets"]["source"] |= {"faces": 320, "split": {"train": 190, "test": 130}}
    config["datasets"]["target"] |= {"faces": 190, "split": {"train": 40, "test": 150}}
    config["classify"] |= {
        "backbones": {"vgg16": "random"},
        "kept_backbone": "vgg16",
        "alone": False,
        "optimiser_pairs": [["adam", "adam"]],
        "repeats": 2,
    }
    (folder / "calibration.yaml").write_text(yaml.safe_dump(config))

    gap = "results/drawn/report/gap.json"
    done = snakemake(folder, gap, "--cores", "all", "--configfile", "calibration.yaml")

    assert done.returncode == 0, done.stdout[-8000:]
    found = json.loads((folder / gap).read_text())
    assert found["planted"] == planted
    if planted:
        assert found["all"]["gap"]["low"] > 0
        assert "The planted gap was found" in found["verdict"]
    else:
        assert found["all"]["gap"]["low"] <= 0 <= found["all"]["gap"]["high"]
        assert "none was found" in found["verdict"]
