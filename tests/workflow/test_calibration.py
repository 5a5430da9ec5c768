"""Calibration: a transfer loss of known cause is found, and no gap where there is no cause."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest
import yaml
from calibration import realism
from calibration.pool import Stored, population
from calibration.studies import Scenario, Sizes, of_world, summary
from runs import copy_code, snakemake

from facegap.tables.base import read_table
from facegap.tables.measure import ESTIMATES


@pytest.mark.long
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
    config["classify"]["grid"] = {
        "backbones": {"vgg16": "random"},
        "selected_backbone": "vgg16",
        "single_techniques": False,
        "optimiser_pairs": [["adam", "adam"]],
    }
    config["classify"]["training"]["repeats"] = 4
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


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_one_known_difference_is_named(seed: int, tmp_path: Path) -> None:
    """More pictures of the target are dim, and nothing else differs."""
    folder = copy_code(tmp_path / "facegap")
    config = yaml.safe_load((folder / "config/config.yaml").read_text())
    dim = {"source": 0.25, "target": 0.75}
    config |= {"seed": seed}
    config["acquire"]["drawn"] |= {"capture_distance": 0.0, "dim": dim}
    (folder / "dim.yaml").write_text(yaml.safe_dump(config))
    estimates = "results/drawn/measure/parts.parquet"
    done = snakemake(folder, estimates, "--cores", "all", "--configfile", "dim.yaml")
    assert done.returncode == 0, done.stdout[-8000:]
    table = read_table(folder / estimates, ESTIMATES).set_index("group")
    parts = table[table.index.str.startswith("gap: transfer gap × part: ")]
    parts.index = parts.index.str.removeprefix("gap: transfer gap × part: ")
    assert parts.loc["capture", "low"] > 0
    for name in ("composition", "crop", "remainder"):
        assert abs(parts.loc[name, "estimate"]) < parts.loc["capture", "estimate"], name


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    """A small population, at capture distance 0 and 1."""
    with ThreadPoolExecutor(1) as executor:
        found = population(executor, tests=500, trains=500, distances=[0.0, 1.0], seed=5)
    return found.save(tmp_path_factory.mktemp("people"))


def simulated(people: Stored, scenario: Scenario) -> pd.DataFrame:
    """The summary of 60 studies of three worlds."""
    sizes = Sizes(200, 120, 200, 200)
    worlds = [of_world(people, scenario, sizes, 20, world) for world in range(3)]
    table = summary(pd.concat(worlds), ["transfer loss", "transfer gap"])
    return table[table["metric"] == "balanced accuracy"].set_index("quantity")


@pytest.mark.long
def test_intervals_hold_the_truth_and_find_a_planted_loss(people: Stored) -> None:
    """The short version of docs/calibration.md: 60 studies, so 87 to 100% of them."""
    planted = simulated(people, Scenario("planted", 1.0))
    assert planted["held"].min() >= 0.866
    assert planted["truth"]["transfer loss"] > 0.05
    assert planted["estimate"]["transfer loss"] == pytest.approx(
        planted["truth"]["transfer loss"], abs=0.02
    )
    assert planted["found"]["transfer loss"] > 0.8
    nothing = simulated(people, Scenario("nothing", 0.0, same_training=True))
    assert nothing["truth"].abs().max() < 1e-9
    assert nothing["held"].min() >= 0.866
    assert (nothing["found"] + nothing["held"]).to_list() == pytest.approx([1, 1])


@pytest.mark.long
def test_the_known_damage_of_a_translator_is_found() -> None:
    damage = realism.Damage("more outside", (0.2, 0.5), (0.2, 0.5))
    table = summary(realism.simulated(damage, 100, 5, 800, 900), ["realism gap"])
    found = table.set_index("metric")
    assert found["truth"]["corrected attribute transfer"] == pytest.approx(-0.3, abs=0.05)
    assert found["held"].min() >= 0.88
    assert found["estimate"]["corrected attribute transfer"] == pytest.approx(-0.3, abs=0.08)
    assert found["found"]["corrected attribute transfer"] > 0.5
