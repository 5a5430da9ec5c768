"""Estimates of several studies side by side: the same rows meet, and none is lost."""

import argparse
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from matplotlib.figure import Figure

from facegap import theme
from facegap.compare import MOST, add, as_text, headline, plot_comparison, side_by_side
from facegap.errors import DataError
from facegap.tables.base import write_table
from facegap.tables.measure import ESTIMATES, estimates

GAP = {"quantity": "transfer gap", "trained_on": "source", "tested_on": "target"}
BINS = [{"quantity": "calibration", "group": f"bin: {k}", "share": k / 10} for k in range(2)]


def study(folder: Path, *rows: dict[str, Any]) -> Path:
    """A finished study with these estimates."""
    place = folder / "report/estimates.csv"
    place.parent.mkdir(parents=True)
    write_table(estimates(rows, folder.name), place, ESTIMATES)
    return folder


@pytest.fixture
def studies(tmp_path: Path) -> list[Path]:
    """Two studies that share the gap of all; of each one model, and bins of its own."""
    interval = {"low": 0.0, "high": 0.4}
    moved = [{**row, "share": row["share"] + 0.01, "estimate": 0.5} for row in BINS]
    seeds = [{"quantity": "realism", "metric": "FID", "seed": k, "estimate": k} for k in (1, 2)]
    return [
        study(
            tmp_path / "a",
            {**GAP, "model": "all", "estimate": 0.2, **interval},
            {**GAP, "model": "vgg16, plain, adam/adam", "estimate": 0.3, **interval},
            *({**row, "estimate": 0.4} for row in BINS),
            *seeds,
        ),
        study(
            tmp_path / "b",
            {**GAP, "model": "all", "estimate": -0.1, **interval},
            {**GAP, "model": "mine, plain, adam/adam", "estimate": 0.1},
            *moved,
            *seeds,
        ),
    ]


def test_rows_of_the_same_keys_stand_side_by_side(studies: list[Path]) -> None:
    table = side_by_side(studies)
    gaps = table[table["quantity"] == "transfer gap"].set_index("model")
    assert gaps.loc["all", ("a", "estimate")] == 0.2
    assert gaps.loc["all", ("b", "estimate")] == -0.1
    assert gaps.loc["all", ("b", "high")] == 0.4
    assert pd.isna(gaps.loc["vgg16, plain, adam/adam", ("b", "estimate")])
    assert gaps.loc["mine, plain, adam/adam", ("b", "estimate")] == 0.1
    realism = table[table["quantity"] == "realism"]
    assert list(realism["seed"]) == list(realism["a", "estimate"]) == [1, 2]


def test_bins_meet_by_their_number(studies: list[Path]) -> None:
    table = side_by_side(studies)
    bins = table[table["quantity"] == "calibration"]
    assert list(bins["a", "estimate"]) == [0.4, 0.4]
    assert list(bins["b", "estimate"]) == [0.5, 0.5]


def test_powers_of_one_test_meet_by_their_true_share(tmp_path: Path) -> None:
    rows = [
        {"quantity": "power", "group": group, "share": share, "estimate": share / 2}
        for group in ("all", "control: male")
        for share in (0.5, 0.6)
    ]
    table = side_by_side([study(tmp_path / name, *rows) for name in "ab"])
    assert list(table["share"]) == [0.5, 0.6] * 2
    assert list(table["a", "estimate"]) == list(table["b", "estimate"]) == [0.25, 0.3] * 2


def test_versions_of_a_recogniser_meet_whatever_their_thresholds(tmp_path: Path) -> None:
    rate = {"quantity": "model performance", "metric": "false match rate", "model": "ours"}
    point = {"quantity": "detection error trade-off", "model": "ours", "share": 0.1}
    folders = [
        study(
            tmp_path / name,
            {**rate, "threshold": threshold, "estimate": threshold / 100},
            {**rate, "group": "gender: male", "threshold": threshold, "estimate": threshold / 50},
            {**point, "threshold": threshold, "estimate": 0.2},
        )
        for name, threshold in (("a", 0.4), ("b", 0.5))
    ]
    table = side_by_side(folders)
    assert list(table["a", "estimate"]) == [0.004, 0.008]
    assert list(table["b", "estimate"]) == [0.005, 0.01]
    assert list(headline(table, models=True)["group"]) == ["all"]
    assert list(headline(table, models=True, groups=True)["group"]) == ["all", "gender: male"]


def test_two_rows_of_one_key_are_refused(studies: list[Path], tmp_path: Path) -> None:
    twice = study(tmp_path / "c", *({"quantity": "log odds", "estimate": 0.1 * k} for k in (1, 2)))
    with pytest.raises(DataError, match=r"c/report/estimates\.csv: two rows of .*log odds"):
        side_by_side([*studies, twice])


def test_studies_of_one_name_have_their_paths(studies: list[Path], tmp_path: Path) -> None:
    again = study(tmp_path / "other/a", {**GAP, "model": "all", "estimate": 0.0})
    table = side_by_side([studies[0], again])
    assert {name for name, value in table.columns if value} == {str(studies[0]), str(again)}


def test_a_reader_sees_estimates_with_intervals(studies: list[Path]) -> None:
    table = side_by_side(studies, ["transfer gap"])
    assert list(headline(table, models=False)["model"]) == ["all"]
    text = as_text(headline(table, models=True))
    assert list(text["a"]) == ["0.200 [0.000, 0.400]", "0.300 [0.000, 0.400]", "–"]
    assert list(text["b"]) == ["−0.100 [0.000, 0.400]", "–", "0.100"]
    assert "seed" not in text


def test_of_tasks_a_reader_sees_what_is_over_data_sets(tmp_path: Path) -> None:
    head = {"trained_on": "source", "tested_on": "target", "metric": "balanced accuracy"}
    rows = [
        {"quantity": "group gap", "task": "Smiling", "share": 0.5, "estimate": 0.1, **head},
        {"quantity": "interaction", "task": "Smiling", "estimate": 0.2, **head},
        {"quantity": "interaction", "task": "Smiling", "estimate": 0.3},
        {"quantity": "transfer loss", "task": "boundary", "estimate": 0.4, **head},
    ]
    table = side_by_side([study(tmp_path / name, *rows) for name in "ab"])
    assert sorted(headline(table, models=False)["a", "estimate"]) == [0.3, 0.4]


def command(*arguments: str) -> None:
    parser = argparse.ArgumentParser()
    add(parser)
    given = parser.parse_args(arguments)
    given.command(given)


def test_the_command_prints_and_writes(
    studies: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "new/gaps"
    arguments = [*map(str, studies), "--quantity", "transfer gap", "--output", str(output)]
    command(*arguments)
    assert "vgg16, plain, adam/adam" in capsys.readouterr().out
    table = pd.read_csv(f"{output}.csv")
    assert list(table["a estimate"].dropna()) == [0.2, 0.3]
    assert list(table["b low"].dropna()) == [0.0]
    pictures = [Path(f"{output}.{end}").read_bytes() for end in ("png", "svg")]
    command(*arguments)
    assert pictures == [Path(f"{output}.{end}").read_bytes() for end in ("png", "svg")]


def test_what_is_not_printed_is_counted(
    studies: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command(*map(str, studies), "--output", str(tmp_path / "all"))
    printed = capsys.readouterr().out
    assert "and 6 more in" in printed
    assert len(pd.read_csv(tmp_path / "all.csv")) == 7


def test_a_figure_says_what_it_leaves_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures: list[Figure] = []
    monkeypatch.setattr(theme, "save_as", lambda figure, paths: figures.append(figure))
    rows = ({**GAP, "model": f"model {k}", "estimate": 0.1} for k in range(MOST + 3))
    plot_comparison(side_by_side([study(tmp_path / "a", *rows)]), [])
    axes = figures[0].axes[0]
    assert len(axes.get_yticks()) == MOST
    assert "3 more rows" in axes.get_xlabel()


def test_folders_without_estimates_and_nothing_to_compare_are_errors(
    studies: list[Path], tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=r"has no report/estimates\.csv"):
        side_by_side([studies[0], tmp_path / "nothing"])
    with pytest.raises(DataError, match="no estimates of familiarity in"):
        side_by_side(studies, ["familiarity"])
