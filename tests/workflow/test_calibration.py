"""Calibration: a transfer gap of known cause is found, and none where there is no cause."""

from pathlib import Path

import pytest
import yaml
from runs import copy_code, snakemake

from facegap.tables.base import read_table
from facegap.tables.measure import ESTIMATES


@pytest.mark.parametrize("distance", [1.0, 0.0])
def test_a_gap_is_found_where_the_pictures_differ_and_only_there(
    distance: float, tmp_path: Path
) -> None:
    folder = copy_code(tmp_path / "facegap")
    config = yaml.safe_load((folder / "config/config.yaml").read_text())
    config["acquire"]["drawn"]["capture_distance"] = distance
    config["datasets"]["source"] |= {"faces": 320, "split": {"train": 190, "test": 130}}
    config["datasets"]["target"] |= {"faces": 190, "split": {"train": 40, "test": 150}}
    config["classify"]["grid"] = {
        "backbones": {"vgg16": "random"},
        "selected_backbone": "vgg16",
        "single_techniques": False,
        "optimiser_pairs": [["adam", "adam"]],
    }
    config["classify"]["training"]["repeats"] = 2
    (folder / "calibration.yaml").write_text(yaml.safe_dump(config))

    estimates = "results/drawn/measure/classification.parquet"
    done = snakemake(folder, estimates, "--cores", "all", "--configfile", "calibration.yaml")

    assert done.returncode == 0, done.stdout[-8000:]
    table = read_table(folder / estimates, ESTIMATES)
    (gap,) = table.query("quantity == 'transfer gap' and model == 'all'").itertuples()
    assert gap.low > 0 if distance else gap.low <= 0 <= gap.high
