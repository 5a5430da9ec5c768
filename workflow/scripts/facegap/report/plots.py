"""Numbers as pictures: each table beside the published one, the gap of each cell, realism."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from facegap import tables, theme
from facegap.files import read_json
from facegap.report.gap import cell_name

WIDTH = 5.2  # inches: half a page, beside the table
LINE = 0.30  # inches a row and column
UNITS = {"Loss": "cross-entropy", "Time": "epochs"}
BETTER = {
    "attribute transfer": "share, more is better",
    "identity preservation": "cosine, more is better",
}


def draw_tables(
    paths: Sequence[str | Path],
    outputs: Sequence[Sequence[str | Path]],
    simulated: Sequence[str] = (),
) -> None:
    """One figure a table: ours with intervals, and the published points, line by line.

    Columns of one unit share an axis; loss and epochs have their own, and nothing is cut off.
    Tables named in `simulated`, whose answers no person gave, say so.
    """
    for path, places in zip(paths, outputs, strict=True):
        table = tables.read(path, tables.REPORTED)
        units = {str(name): UNITS.get(str(name), "share") for name in table["column"].unique()}
        groups = [
            table[table["column"].map(units) == unit] for unit in dict.fromkeys(units.values())
        ]
        theme.use()
        rows = list(table["row"].unique())
        lines = len(rows) * table["column"].nunique()
        size = (WIDTH, 0.24 * lines + 0.12 * len(rows) + 0.5 + 0.6 * len(groups))
        figure, grid = plt.subplots(len(groups), figsize=size, squeeze=False, layout="constrained")
        for axes, group in zip(grid[:, 0], groups, strict=True):
            _beside(axes, group, rows, units[str(group["column"].iloc[0])])
        _key(figure, table, len(groups))
        if Path(path).stem in simulated:
            grid[0, 0].set_title("ours: simulated answers", loc="right", fontsize=9)
        theme.save_as(figure, places)


def _beside(axes: Axes, table: pd.DataFrame, rows: Sequence[str], unit: str) -> None:
    columns = list(table["column"].unique())
    for k, column in enumerate(columns):
        part = table[table["column"] == column]
        offset = 0.76 * ((k + 0.5) / len(columns) - 0.5)
        y = np.array([rows.index(row) for row in part["row"]]) + offset
        colour = theme.SERIES[k]
        reach = part[["low", "high"]].sub(part["ours"], axis=0).abs().fillna(0).to_numpy().T
        axes.errorbar(part["ours"], y, xerr=reach, color=colour, **theme.OURS)
        axes.scatter(part["published"], y, edgecolors=colour, **theme.PUBLISHED)
    axes.set_yticks(range(len(rows)), [row.replace(" + ", " +\n") for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    for line in range(1, len(rows)):
        axes.axhline(line - 0.5, color="#E4E4E4", linewidth=0.8, zorder=0)
    axes.grid(visible=False, axis="y")
    if unit == "share":
        axes.set_xlim(-0.02, 1.03)
        accuracy = all(column.lower().endswith(("source", "target")) for column in columns)
        several = "accuracy" if accuracy else "share"
        axes.set_xlabel(several if len(columns) > 1 else f"{columns[0].lower()}, {unit}")
    else:
        axes.set_xlim(0, 1.06 * float(np.nanmax(table[["ours", "high", "published"]].to_numpy())))
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.set_xlabel(f"{columns[0].lower()}, {unit}")


def _key(figure: Figure, table: pd.DataFrame, groups: int) -> None:
    """What the marks are; names of columns where an axis holds more than one."""
    columns = list(table["column"].unique())
    key: list[Any] = []
    if groups == 1:
        key += [Line2D([], [], color=theme.SERIES[k], lw=3) for k in range(len(columns))]
    grey = theme.COLOURS["black"]
    key.append(Line2D([], [], color=grey, marker="o", markersize=4, lw=1.2))
    hollow: dict[str, Any] = {"marker": "D", "markersize": 5, "markerfacecolor": "none", "lw": 0}
    key.append(Line2D([], [], color=grey, **hollow))
    names = [*(columns if groups == 1 else []), "ours", "published"]
    figure.legend(key, names, loc="outside upper left", ncols=min(len(names), 4), fontsize=8)


def draw_gap(gap: str | Path, outputs: Sequence[str | Path]) -> None:
    """Source minus target accuracy of every cell and of all, with intervals over persons."""
    found: Mapping[str, Any] = read_json(gap)
    names = ["all cells", *(cell_name(cell) for cell in found["cells"])]
    values = [100 * np.array(list(_ends(part))) for part in (found["all"], *found["cells"])]
    theme.use()
    figure, axes = plt.subplots(figsize=(7.2, LINE * len(names) + 0.7), layout="constrained")
    axes.axvline(0, color=theme.COLOURS["black"], linewidth=1)
    for y, (low, estimate, high) in enumerate(values):
        colour = theme.COLOURS["orange" if y == 0 else "blue"]
        reach = [[estimate - low], [high - estimate]]
        axes.errorbar(estimate, y, xerr=reach, color=colour, **theme.OURS)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.axhline(0.5, color="#BBBBBB", linewidth=0.8)
    axes.set_xlabel("source accuracy minus target accuracy, percentage points")
    theme.save_as(figure, outputs)


def _ends(part: Mapping[str, Any]) -> tuple[float, float, float]:
    gap = part["gap"]
    return gap["low"], gap["estimate"], gap["high"]


def draw_realism(realism: str | Path, gaps: str | Path, outputs: Sequence[str | Path]) -> None:
    """Each measure, a line a seed from in-domain to out-domain, and beside it their gap.

    The accuracy of the classifier on the originals says nothing of the outputs: it is no panel.
    """
    tested = [tables.read(realism, tables.REALISM), tables.read(gaps, tables.REALISM_GAPS)]
    table, apart = (
        part[
            part["attribute"].isna()
            & part["control"].isna()
            & (part["metric"] != "classifier accuracy")
        ]
        for part in tested
    )
    metrics, seeds = sorted(table["metric"].unique()), sorted(table["seed"].unique())
    theme.use()
    lines = -(-len(metrics) // 3) or 1
    figure, grid = plt.subplots(
        lines, 3, figsize=(7.6, 2.6 * lines), squeeze=False, layout="constrained"
    )
    for axes in grid.flat[len(metrics) :]:
        axes.axis("off")
    for axes, metric in zip(grid.flat, metrics, strict=False):
        part = table[table["metric"] == metric]
        for k, seed in enumerate(seeds):
            own = part[part["seed"] == seed]
            x = own["domain"].map({"in-domain": 0, "out-domain": 1}) + 0.36 * (
                (k + 0.5) / len(seeds) - 0.5
            )
            reach = own[["low", "high"]].sub(own["value"], axis=0).abs().fillna(0).to_numpy().T
            axes.plot(x, own["value"], color=theme.COLOURS["grey"], linewidth=0.8, zorder=1)
            axes.errorbar(x, own["value"], yerr=reach, color=theme.COLOURS["blue"], **theme.OURS)
        axes.set_xticks([0, 1], ["in-domain", "out-domain"])
        axes.set_xlim(-0.45, 1.45)
        axes.grid(visible=False, axis="x")
        axes.set_title(metric, fontsize=9)
        axes.set_ylabel(BETTER.get(metric, "less is better"), fontsize=8)
        axes.set_xlabel(_told(apart[apart["metric"] == metric]), fontsize=7)
    theme.save_as(figure, outputs)


def _told(apart: pd.DataFrame) -> str:
    """The gap and the null check's, in words."""
    words = []
    for comparison, name in (("boundary", "gap"), ("null", "null check")):
        for gap in apart[apart["comparison"] == comparison].to_dict("records"):
            numbers = (f"{gap[key]:.2g}" for key in ("gap", "low", "high"))
            words.append("{} {} [{}, {}]".format(name, *numbers).replace("-", "−"))
    return "\n".join(words)
