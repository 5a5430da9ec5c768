"""Tables 1 to 5: which configurations stand in which row, and what stands beside them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from facegap.configurations import Configuration
from facegap.report.tables import beside, tabulate_results
from facegap.settings.classify import Grid
from facegap.statistics.interval import Interval, row
from facegap.statistics.means import student
from facegap.tables.base import read_table, write_table
from facegap.tables.measure import ESTIMATES, estimates
from facegap.tables.report import REPORTED

PUBLISHED = Path(__file__).parents[3] / "config/published.yaml"
GRID = Grid.model_validate(
    {
        "backbones": {"vgg16": "random", "vggface": "random"},
        "optimiser_pairs": [["adam", "adam"], ["rmsprop", "sgd"], ["sgd", "adam"]],
    }
)
BEST = ("rmsprop", "sgd")
ALL_TABLES = [f"table{number}" for number in range(1, 6)]


def means(
    backbone: str,
    preprocessing: str,
    source: float | None,
    target: float,
    *,
    pair: tuple[str, str] = ("adam", "adam"),
    head: bool = False,
    trained_on: str = "source",
) -> Iterator[dict[str, Any]]:
    """The means of two repeats, the second 0.02 more accurate than the first."""
    configuration = Configuration(backbone, preprocessing, *pair)
    about = {"quantity": "training mean", "trained_on": trained_on}
    about |= {"model": configuration.head_name if head else configuration.name}
    accuracy = {**about, "metric": "accuracy"}
    if source is not None:
        yield {**accuracy, "tested_on": "source", **row(student([source, source + 0.02], 0.95))}
    yield {**accuracy, "tested_on": "target", **row(student([target, target + 0.02], 0.95))}
    loss = row(student([0.5, 0.6], 0.95))
    yield {**about, "metric": "cross-entropy", "tested_on": "target", **loss}
    yield {**about, "metric": "training cross-entropy", **row(student([0.1, 0.2], 0.95))}
    converged = 0 if pair == ("sgd", "adam") else 2
    if converged:
        yield {**about, "metric": "epochs to convergence", **row(student([10, 11], 0.95))}
    for metric, count in (("all", 3), ("converged", converged)):
        yield {**about, "quantity": "trainings", "metric": metric, "estimate": float(count)}


def grid() -> Iterator[dict[str, Any]]:
    for backbone, base in (("vgg16", 0.5), ("vggface", 0.6)):
        gains = {"plain": 0.0, "augmented": 0.1}
        gains |= {"cropped": 0.05, "transformed": 0.02} if backbone == "vggface" else {}
        for name, gain in gains.items():
            yield from means(backbone, name, 0.8, base + gain, head=True)
            yield from means(backbone, name, 0.9, base + gain + 0.04)
    yield from means("vggface", "plain", 0.9, 0.66, pair=BEST)
    yield from means("vggface", "augmented", 0.9, 0.88, pair=BEST)
    yield from means("vggface", "augmented", 0.9, 0.8, pair=("sgd", "adam"))
    yield from means("vggface", "augmented", None, 0.7, pair=BEST, trained_on="target")


def tables_of(
    folder: Path,
    rows: list[dict[str, Any]],
    judged: list[dict[str, Any]],
    grid: Grid,
    compared: list[str],
    best: dict[str, str],
) -> list[pd.DataFrame]:
    """The tables of a study with these training means and rows of judge."""
    write_table(estimates(rows, "small"), folder / "measured.parquet", ESTIMATES)
    (folder / "selected.json").write_text(json.dumps(best))
    write_table(estimates(judged, "small"), folder / "judged.parquet", ESTIMATES)
    (folder / "out").mkdir(exist_ok=True)
    outputs = [folder / f"out/table{number}.csv" for number in range(1, 6)]
    tabulate_results(
        measure_estimates=folder / "measured.parquet",
        judge_estimates=folder / "judged.parquet",
        selected=folder / "selected.json",
        published=PUBLISHED,
        tables=outputs,
        settings=grid,
        sides={"inside": "young", "outside": "old"},
        compared=compared,
    )
    return [read_table(path, REPORTED).set_index(["row", "column"]) for path in outputs]


SHARES = {"all": 0.56, "control: male": 0.6, "control: male × chosen: out-domain": 0.4}
JUDGED = [
    *(
        {"quantity": "preference", "metric": "choice", "group": group, "estimate": share}
        | {"low": 0.3, "high": 0.7, "p": 0.1}
        for group, share in SHARES.items()
    ),
    {"quantity": "preference", "metric": "realism", "estimate": 0.9, "low": 0.8, "high": 1.0},
    *(
        {"quantity": "raw preference", "group": group, "estimate": share + 0.01}
        for group, share in SHARES.items()
    ),
    {"quantity": "raw preference", "model": "participant-1", "estimate": 0.9},
]
SELECTED = {
    **dict(zip(("head_optimiser", "fine_tuning_optimiser"), BEST, strict=True)),
    **{"backbone": "vggface", "preprocessing": "augmented"},
}


@pytest.fixture
def tabled(tmp_path: Path) -> list[pd.DataFrame]:
    return tables_of(tmp_path, list(grid()), JUDGED, GRID, ALL_TABLES, SELECTED)


@pytest.mark.parametrize(
    ("number", "row", "column", "ours", "published"),
    [
        (1, "VGG16 (Tuned)", "Target", 0.51, 0.421),
        (1, "VGGFace (Fine Tuned)", "Source", 0.91, 1.00),
        (2, "VGGFace", "Unaugmented target", 0.65, 0.482),
        (2, "VGG16", "Augmented target", 0.65, 0.678),
        (3, "Adam/Adam", "Accuracy", 0.75, 0.681),
        (3, "RMSprop/SGD", "Loss", 0.55, 0.291),
        (3, "RMSprop/SGD", "Time", 10.5, 45),
        (4, "Benchmark", "Target", 0.71, 0.83),
        (4, "Baseline", "Target", 0.61, 0.452),
        (4, "Tuned", "Target", 0.65, 0.482),
        (4, "Tuned + DataAugmentation", "Target", 0.75, 0.621),
        (4, "Tuned + PreProcessing + Optimisers", "Target", 0.89, 0.91),
        (4, "Tuned + crop alone", "Target", 0.70, None),
        (4, "Tuned + transforms alone", "Target", 0.67, None),
        (4, "Tuned + RMSprop/SGD alone", "Target", 0.67, None),
        (5, "Male", "CelebC", 0.60, 0.60),
        (5, "Male", "CelebO", 0.40, 0.40),
        (5, "All", "CelebC", 0.56, None),
    ],
)
def test_a_value_is_the_mean_of_the_repeats_beside_the_printed_one(
    tabled: list[pd.DataFrame],
    number: int,
    row: str,
    column: str,
    ours: float,
    published: float | None,
) -> None:
    value = tabled[number - 1].loc[(row, column)]
    assert value["ours"] == pytest.approx(ours)
    assert value["low"] < value["ours"] < value["high"]
    if published is None:
        assert pd.isna(value["published"])
        return
    assert value["published"] == pytest.approx(published)
    assert value["difference"] == pytest.approx(ours - published)


def test_the_epochs_say_how_many_trainings_have_converged(tabled: list[pd.DataFrame]) -> None:
    notes = tabled[2]["note"].dropna()
    assert notes["RMSprop/SGD", "Time"] == "2 of 3 trainings converged"
    never = tabled[2].loc[("SGD/Adam", "Time")]
    assert never["note"] == "0 of 3 trainings converged"
    assert never[["ours", "low", "high"]].isna().all()
    assert len(notes) == 3
    assert all(table["note"].isna().all() for table in (*tabled[:2], *tabled[3:]))


def test_either_loss_can_be_printed(tmp_path: Path) -> None:
    for name, expected in (("target", 0.55), ("training", 0.15)):
        settings = GRID.model_copy(update={"printed_loss": name})
        table = tables_of(tmp_path, list(grid()), JUDGED, settings, ALL_TABLES, SELECTED)[2]
        assert table.loc[("Adam/Adam", "Loss"), "ours"] == pytest.approx(expected)


def test_what_was_not_run_is_empty_and_not_left_out(tabled: list[pd.DataFrame]) -> None:
    missing = tabled[0].loc[("ResNet50 (Tuned)", "Source")]
    assert missing["published"] == 0.751
    assert missing[["ours", "low", "high", "difference"]].isna().all()
    assert tabled[3].loc[("Benchmark", "Source")].isna()["ours"]


def test_another_study_has_rows_of_its_own_and_nothing_printed(tmp_path: Path) -> None:
    """One network of timm, one pair of optimisers: no row of dashes beside published values."""
    name = "mobilenetv3_small_100"
    own = Grid.model_validate(
        {
            "backbones": {name: "random"},
            "optimiser_pairs": [["adam", "adam"]],
            "selected_backbone": name,
        }
    )
    rows = [
        *means(name, "plain", 0.9, 0.6, head=True),
        *means(name, "plain", 0.9, 0.7),
        *means(name, "augmented", 0.9, 0.8),
        *means(name, "plain", None, 0.75, trained_on="target"),
    ]
    best = {"backbone": name, "preprocessing": "plain"}
    best |= {"head_optimiser": "adam", "fine_tuning_optimiser": "adam"}
    tables = tables_of(tmp_path, rows, JUDGED, own, [], best)
    assert [list(dict.fromkeys(table.index.get_level_values("row"))) for table in tables] == [
        [f"{name} (Tuned)", f"{name} (Fine Tuned)"],
        [name],
        ["Adam/Adam"],
        [
            "Benchmark",
            "Baseline",
            "Tuned",
            "Tuned + DataAugmentation",
            "Tuned + PreProcessing + Optimisers",
        ],
        ["Male", "All"],
    ]
    for table in tables:
        assert table[["published", "difference"]].isna().all().all()
        assert table["ours"].groupby("row").count().min() >= 1
    assert list(dict.fromkeys(tables[4].index.get_level_values("column"))) == ["young", "old"]


def test_without_a_model_table_5_has_shares_and_no_interval(tmp_path: Path) -> None:
    raw = [row for row in JUDGED if row["quantity"] == "raw preference"]
    table5 = tables_of(tmp_path, list(grid()), raw, GRID, ["table5"], SELECTED)[4]
    assert table5.loc[("Male", "CelebC"), "ours"] == pytest.approx(0.61)
    assert table5["low"].isna().all()


def test_a_row_that_the_paper_has_not_follows_its_own() -> None:
    printed = {"columns": ["CelebC"], "rows": {"Male": [0.6]}}
    table = beside({("Young", "CelebC"): Interval(0.5, 0.4, 0.6)}, printed)
    assert list(table["row"]) == ["Male", "Young"]
    assert table["published"].isna().tolist() == [False, True]


def test_everything_printed_is_written_down() -> None:
    printed = yaml.safe_load(PUBLISHED.read_text())
    values = {
        name: len(t["rows"]) * len(t["columns"]) for name, t in printed.items() if "rows" in t
    }
    assert values == {"table1": 16, "table2": 16, "table3": 12, "table4": 10, "table5": 4}
    for table in printed.values():
        for printed_row in table.get("rows", {}).values() if isinstance(table, dict) else ():
            assert len(printed_row) == len(table["columns"])
    counts = {name: entry["value"] for name, entry in printed["counts"].items()}
    assert counts["inside"] + counts["outside"] + counts["left_out"] == counts["target"]
    assert counts["annotated_train"] + counts["annotated_test"] == counts["annotated"]
    for item in printed["contradictions"]:
        assert set(item) == {"what", "print", "place", "reading"}
    assert set(printed["figures"]) == {f"figure{number}" for number in range(1, 5)}


def test_the_printed_values_are_those_of_the_paper() -> None:
    """Sums of every table's columns, added up by hand from the print."""
    printed = yaml.safe_load(PUBLISHED.read_text())
    sums = {
        "table1": [7.195, 3.341],
        "table2": [4.0, 1.723, 4.0, 2.562],
        "table3": [1.501, 3.183, 139],
        "table4": [4.84, 3.295],
        "table5": [1.13, 0.87],
    }
    for name, expected in sums.items():
        columns = zip(*printed[name]["rows"].values(), strict=True)
        assert [sum(column) for column in columns] == pytest.approx(expected)
