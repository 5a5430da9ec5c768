"""Figures of the classifiers: every group and pair is in them, and the same bytes each time."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from facegap import theme
from facegap.groups import group_name
from facegap.report import models
from facegap.tables.base import write_table
from facegap.tables.measure import ESTIMATES, estimates

DISPLAY = theme.Display(sides={"inside": "Caucasian", "outside": "Other"}, datasets={})
ESTIMATE = {"estimate": 0.8, "low": 0.7, "high": 0.86, "faces": 90}
GROUPS: list[dict[str, str]] = [
    {},
    {"side": "inside"},
    {"side": "outside"},
    {"side": "inside", "gender": "male"},
    {"side": "outside", "gender": "female"},
]


@pytest.fixture
def plotted(tmp_path: Path) -> list[tuple[Callable[..., None], dict[str, Any]]]:
    """Each plot function and its inputs: rows of each kind, and two faces with their saliency."""
    both = ("source", "target")
    rows: list[dict[str, Any]] = [
        {"quantity": "group performance", "tested_on": name, "group": group_name(group), **ESTIMATE}
        for name in both
        for group in GROUPS
    ]
    rows += [
        {"quantity": "calibration", "tested_on": name, "group": f"bin: {k}", "share": k / 4}
        | ESTIMATE
        for name in both
        for k in range(5)
    ]
    rows += [
        {"quantity": "performance", "metric": metric, "trained_on": a, "tested_on": b}
        | {"model": "selected" if a == "source" else "benchmark", **ESTIMATE, "estimate": value}
        for metric, value in (("balanced accuracy", 0.8), ("accuracy", 0.75))
        for a in both
        for b in (*both, "third")
    ]
    write_table(estimates(rows, "small"), tmp_path / "estimates.parquet", ESTIMATES)
    rng = np.random.default_rng(0)
    np.savez(
        tmp_path / "saliency.npz",
        face=rng.integers(0, 256, (2, 16, 16, 3), dtype=np.uint8),
        saliency=rng.normal(size=(2, 16, 16)).astype(np.float32),
        dataset=np.array(both),
        side=np.array(["inside", "outside"]),
        face_id=np.array(["a", "b"]),
    )
    table = {"classification": tmp_path / "estimates.parquet"}
    (tmp_path / "selected.json").write_text('{"name": "selected"}')
    return [
        (models.plot_groups, {**table, "display": DISPLAY}),
        (models.plot_calibration, {**table, "display": DISPLAY}),
        (models.plot_transfer, {**table, "selected": tmp_path / "selected.json"}),
        (models.plot_saliency, {"saliency": tmp_path / "saliency.npz", "display": DISPLAY}),
    ]


def test_the_same_bytes_each_time(
    tmp_path: Path, plotted: list[tuple[Callable[..., None], dict[str, Any]]]
) -> None:
    for plot, given in plotted:
        for name in "ab":
            plot(**given, png=tmp_path / f"{name}.png", svg=tmp_path / f"{name}.svg")
        for end in ("png", "svg"):
            one, two = (tmp_path / f"{name}.{end}" for name in "ab")
            assert one.read_bytes() == two.read_bytes()


def test_groups_and_sides_have_the_names_for_readers(
    tmp_path: Path,
    plotted: list[tuple[Callable[..., None], dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    figures: list[Figure] = []
    monkeypatch.setattr(theme, "save_as", lambda figure, paths: figures.append(figure))
    for plot, given in plotted:
        plot(**given, png=tmp_path, svg=tmp_path)
    groups, calibration, transfer, saliency = figures
    lines = [label.get_text() for label in groups.axes[0].get_yticklabels()]
    assert lines == ["all", "Caucasian", "Other", "Caucasian, male", "Other, female"]
    assert "Caucasian" in calibration.axes[0].get_xlabel()
    words = [text.get_text() for text in transfer.axes[0].texts]
    assert words.count("0.800\n[0.70, 0.86]") == 6, "nothing was trained on the third"
    titles = [axes.get_title("left") for axes in saliency.axes]
    assert titles[:2] == ["source\nCaucasian", "target\nOther"]
    for figure in figures:
        plt.close(figure)
