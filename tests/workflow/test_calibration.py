"""Calibration: a transfer loss of known cause is found, and no gap where there is no cause."""

from pathlib import Path

import pytest
import yaml
from runs import copy_code, snakemake

from facegap.tables.base import read_table
from facegap.tables.measure import ESTIMATES


@pytest.mark.parametrize("distance", [1.0, 0.0])
def test_a_loss_is_found_where_the_pictures_differ_and_no_gap_where_they_do_not(
    distance: float, tmp_path: Path
) -> None:
    """At 0 both parts are of one distribution, so the gap of any one model is truly zero.

    The loss is not: its two models were trained on different persons.
    """
    folder = copy_code(tmp_path / "facegap")
    config = yaml.safe_load((folder / "config/config.yaml").read_text())
    config["acquire"]["drawn"]["capture_distance"] = distance
    split = {"train": 190, "test": 150, "test_pictures": 1}
    for dataset in ("source", "target"):
        config["datasets"][dataset] |= {"faces": 340, "split": split}
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
    (loss,) = table.query("family == 'primary outcome'").itertuples()
    assert loss.quantity == "transfer loss"
    own = table[(table["model"] == loss.model) & table["arm"].isna() & (table["group"] == "all")]
    (gap,) = own.query(f"quantity == 'transfer gap' and metric == '{loss.metric}'").itertuples()
    assert loss.low > 0 if distance else gap.low <= 0 <= gap.high
