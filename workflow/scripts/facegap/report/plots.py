"""Numbers as pictures: tables beside the published ones, transfer gaps, realism, rejections."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from facegap import theme
from facegap.files import read_json
from facegap.groups import ALL, group_values
from facegap.quantity import REALISM
from facegap.report.rows import as_rows, rows_of
from facegap.tables.base import DOMAINS, read_table
from facegap.tables.report import REPORTED

WIDTH = 5.2  # inches: half a page, beside the table
LINE = 0.30  # inches a row and column
MOST = 60  # lines of a panel
GROUP_LINE = 0.26  # inches a group
UNITS = {"Loss": "cross-entropy", "Time": "epochs"}
BETTER = {
    "attribute transfer": "share, more is better",
    "corrected attribute transfer": "share, more is better",
    "identity preservation": "cosine, more is better",
}
FLOOR: dict[str, Any] = {"color": theme.COLOURS["orange"], "linewidth": 1, "linestyle": "--"}
GROUPINGS = ("boundary", "gender", "race", "age")  # in the order of the series' colours


def plot_table(*, table: Path, png: Path, svg: Path) -> None:
    """Our values with intervals, and the published points where there are any, line by line."""
    theme.save_as(_table(read_table(table, REPORTED)), [png, svg])


def plot_simulated_table(*, table: Path, judge_summary: Path, png: Path, svg: Path) -> None:
    """The same; a title says so where no person gave the answers."""
    figure = _table(read_table(table, REPORTED))
    if read_json(judge_summary)["simulated"]:
        figure.axes[0].set_title("ours: simulated answers", loc="right", fontsize=9)
    theme.save_as(figure, [png, svg])


def _table(table: pd.DataFrame) -> Figure:
    """Columns of one unit share an axis; loss and epochs have their own, and nothing is cut off."""
    units = {str(name): UNITS.get(str(name), "share") for name in table["column"].unique()}
    groups = [table[table["column"].map(units) == unit] for unit in dict.fromkeys(units.values())]
    theme.use()
    rows = list(table["row"].unique())
    lines = len(rows) * table["column"].nunique()
    size = (WIDTH, 0.24 * lines + 0.12 * len(rows) + 0.5 + 0.6 * len(groups))
    figure, grid = plt.subplots(len(groups), figsize=size, squeeze=False, layout="constrained")
    for axes, group in zip(grid[:, 0], groups, strict=True):
        _beside(axes, group, rows, units[str(group["column"].iloc[0])])
    _key(figure, table, len(groups))
    return figure


def _beside(axes: Axes, table: pd.DataFrame, rows: Sequence[str], unit: str) -> None:
    columns = list(table["column"].unique())
    for k, column in enumerate(columns):
        part = table[table["column"] == column]
        offset = 0.76 * ((k + 0.5) / len(columns) - 0.5)
        y = np.array([rows.index(row) for row in part["row"]]) + offset
        colour = theme.SERIES[k]
        reach = theme.reach(part["low"], part["ours"], part["high"])
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
        most = table[["ours", "high", "published"]].max().max()
        axes.set_xlim(0, 1.06 * float(most) if most > 0 else 1.0)  # of nothing to show, too
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.set_xlabel(f"{columns[0].lower()}, {unit}")


def _key(figure: Figure, table: pd.DataFrame, groups: int) -> None:
    """What the marks are, where there are two; names of columns that share an axis."""
    columns = list(table["column"].unique())
    names: list[str] = columns if groups == 1 else []
    key: list[Any] = [Line2D([], [], color=theme.SERIES[k], lw=3) for k in range(len(names))]
    if table["published"].notna().any():
        mark: dict[str, Any] = {"color": theme.COLOURS["black"], "markerfacecolor": "none", "lw": 0}
        key.append(Line2D([], [], color=mark["color"], marker="o", markersize=4, lw=1.2))
        key.append(Line2D([], [], marker="D", markersize=5, **mark))
        names = [*names, "ours", "published"]
    if names:
        width = 3 if len(columns) > 3 else 4  # names of four columns are long
        figure.legend(key, names, loc="outside upper left", ncols=width, fontsize=8)


def plot_realism(*, realism: Path, png: Path, svg: Path) -> None:
    """Each measure, a line a seed from in-domain to out-domain, and below it their gap.

    Distances have a dashed line where two sets of real faces of their size stand.
    """
    places = {f"domain: {domain}": place for place, domain in enumerate(DOMAINS)}
    table = rows_of(realism, "realism", attribute=None)
    table = table[table["seed"].notna() & table["group"].isin(places)]
    metrics = [name for name in REALISM if (table["metric"] == name).any()]
    seeds = sorted(table["seed"].unique())
    apart = [
        (words, rows_of(realism, quantity, attribute=None, group=ALL))
        for words, quantity in (
            ("gap {estimate:.2g} [{low:.2g}, {high:.2g}]", "realism gap"),
            ("between halves [{low:.2g}, {high:.2g}]", "null realism gap"),
        )
    ]
    floors = rows_of(realism, "realism floor", attribute=None)
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
            x = own["group"].map(places) + 0.36 * ((k + 0.5) / len(seeds) - 0.5)
            reach = theme.reach(own["low"], own["estimate"], own["high"])
            axes.plot(x, own["estimate"], color=theme.COLOURS["grey"], linewidth=0.8, zorder=1)
            axes.errorbar(x, own["estimate"], yerr=reach, color=theme.COLOURS["blue"], **theme.OURS)
        for _, floor in floors[floors["metric"] == metric].iterrows():
            x = places[floor["group"]]
            axes.plot([x - 0.4, x + 0.4], [floor["estimate"]] * 2, **FLOOR)
        axes.set_xticks([0, 1], DOMAINS)
        axes.set_xlim(-0.45, 1.45)
        axes.grid(visible=False, axis="x")
        axes.set_title(metric, fontsize=9)
        axes.set_ylabel(BETTER.get(metric, "less is better"), fontsize=8)
        below = [_gap(words, gaps[gaps["metric"] == metric]) for words, gaps in apart]
        axes.set_xlabel("\n".join(filter(None, below)), fontsize=7)
    theme.save_as(figure, [png, svg])


def _gap(words: str, gaps: pd.DataFrame) -> str:
    """A gap in `words`, which name columns of ESTIMATES; of none, nothing."""
    known = as_rows(gaps.dropna(subset=["estimate", "low", "high"]))
    return "\n".join(words.format(**row) for row in known).replace("-", "−")


def plot_rejected(*, rejected_shares: Path, png: Path, svg: Path, display: theme.Display) -> None:
    """The share of each group with its interval, and the adjusted p of each grouping.

    Groups of too few persons are not there, and of each data set at most MOST.
    """
    table = rows_of(rejected_shares, "rejected share").dropna(subset="estimate")
    every = table["tested_on"].value_counts()
    table = table.groupby("tested_on", sort=False).head(MOST)
    theme.use()
    counts = [len(table[table["tested_on"] == name]) for name in table["tested_on"].unique()] or [0]
    figure, grid = plt.subplots(
        len(counts),
        figsize=(6.6, GROUP_LINE * (sum(counts) + 2 * len(counts)) + 0.5),
        height_ratios=[count + 1.2 for count in counts],
        squeeze=False,
        sharex=True,
        layout="constrained",
    )
    if table.empty:
        grid[0, 0].set_title("The data sets know no groups to compare.", fontsize=9)
    groups = table.groupby("tested_on", sort=False)
    for axes, (dataset, part) in zip(grid[:, 0], groups, strict=False):
        _plot_dataset(axes, part.reset_index(drop=True))
        more = every[dataset] - len(part)
        words = f" (and {more} more groups, in the table alone)" if more else ""
        axes.set_title(f"{display.datasets[str(dataset)]}{words}", fontsize=9)
    grid[-1, 0].set_xlabel("faces rejected by the alignment, percent")
    grid[-1, 0].set_xlim(left=0)
    theme.save_as(figure, [png, svg])


def _plot_dataset(axes: Axes, part: pd.DataFrame) -> None:
    groupings = pd.Series([next(iter(group_values(group))) for group in part["group"]])
    for y, row in enumerate(part.to_dict("records")):
        values = [100 * row[name] for name in ("low", "estimate", "high")]
        reach = theme.reach(*([value] for value in values))
        colour = theme.SERIES[GROUPINGS.index(groupings[y])]
        axes.errorbar(values[1], y, xerr=reach, color=colour, **theme.OURS)
    axes.set_yticks(part.index, part["group"])
    axes.set_ylim(len(part) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    for grouping in groupings.unique():
        rows = part.index[groupings == grouping]
        if rows[0]:
            axes.axhline(rows[0] - 0.5, color="#BBBBBB", linewidth=0.8)
        p = part["adjusted_p"][rows[0]]
        if np.isfinite(p):
            axes.annotate(
                f"p = {p:.3f}" if p >= 0.001 else "p < 0.001",
                (1.01, float(np.mean(rows))),
                xycoords=("axes fraction", "data"),
                fontsize=8,
                va="center",
            )
