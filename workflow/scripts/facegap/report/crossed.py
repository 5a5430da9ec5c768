"""What the boundary does, in pictures: the crossed designs, their effects, the dose curve."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from facegap import theme
from facegap.configurations import CROSSED
from facegap.groups import ALL, group_values
from facegap.quantity import REALISM
from facegap.report.plots import BETTER
from facegap.report.rows import Row, as_rows, rows_of
from facegap.tables.base import DOMAINS, SIDES

NAMES = dict(zip(CROSSED, ("inside", "both", "outside"), strict=True))
METRIC = "balanced accuracy"
LINE = 0.27  # inches a row
EFFECTS = (  # quantity, words, colour
    ("own-side advantage", "own side, on {side}", "blue"),
    ("interaction", "interaction (their sum)", "orange"),
    ("data-set effect", "own data set, on {set} ({other}’s)", "grey"),
)


def plot_crossed(*, task_estimates: Path, png: Path, svg: Path, display: theme.Display) -> None:
    """A task a panel: accuracy of every head (rows) on each side of each data set (columns)."""
    table = rows_of(task_estimates, "task performance")
    table = table[table["share"].isin(CROSSED)]
    tasks = list(table["task"].unique())
    theme.use()
    names = {**display.sides, "both": "both"}
    sets = [name for name in display.datasets if name in set(table["tested_on"])]
    size = (1.2 + 0.62 * 2 * len(sets) * len(tasks), 1.5 + 0.36 * 3 * len(sets))
    figure, grid = plt.subplots(
        1, len(tasks), figsize=size, squeeze=False, sharey=True, layout="constrained"
    )
    rows = [(name, share) for name in sets for share in CROSSED]
    columns = [(name, side) for name in sets for side in SIDES]
    for axes, task in zip(grid[0], tasks, strict=True):
        own = as_rows(table[table["task"] == task])
        values = np.full((len(rows), len(columns)), np.nan)  # a set may not have the label
        for row in own:
            place = rows.index((row["trained_on"], row["share"]))
            side = row["group"].removeprefix("side: ")
            values[place, columns.index((row["tested_on"], side))] = row["estimate"]
        shown = axes.imshow(100 * values, cmap="cividis", vmin=50, vmax=100, aspect="auto")
        for (y, x), value in np.ndenumerate(values):
            if np.isfinite(value):
                colour = "white" if value < 0.75 else "black"
                axes.text(x, y, f"{100 * value:.0f}", ha="center", va="center", color=colour)
        axes.set_xticks(range(len(columns)), [names[side] for _, side in columns])
        axes.set_yticks(range(len(rows)), [f"{name}, {names[NAMES[s]]}" for name, s in rows])
        axes.grid(visible=False)
        for k in range(1, len(sets)):
            axes.axhline(3 * k - 0.5, color="white", linewidth=3)
            axes.axvline(2 * k - 0.5, color="white", linewidth=3)
        axes.set_title(task, fontsize=9)
        axes.set_xlabel("   |   ".join(sets))
    grid[0, 0].set_ylabel("trained on")
    figure.colorbar(shown, ax=grid, label="balanced accuracy, percent", pad=0.02)
    theme.save_as(figure, [png, svg])


def plot_effects(*, task_estimates: Path, png: Path, svg: Path, display: theme.Display) -> None:
    """A task a panel: the advantages of the own side, their sum, and of the own data set."""
    theme.use()
    every = {
        quantity: rows_of(task_estimates, quantity, metric=METRIC) for quantity, _, _ in EFFECTS
    }
    tasks = list(every["interaction"]["task"].unique())
    lines = {task: _lines(every, task, display) for task in tasks}
    figure, grid = plt.subplots(
        len(tasks),
        figsize=(6.6, sum(LINE * len(part) + 0.45 for part in lines.values()) + 0.4),
        height_ratios=[len(part) + 1 for part in lines.values()],
        squeeze=False,
        sharex=True,
        layout="constrained",
    )
    for axes, (task, part) in zip(grid[:, 0], lines.items(), strict=True):
        _intervals(axes, part, 100)
        axes.set_title(task, fontsize=9)
    grid[-1, 0].set_xlabel("points of balanced accuracy; above zero the own is the better")
    theme.save_as(figure, [png, svg])


def _lines(every: dict[str, Any], task: str, display: theme.Display) -> list[tuple[str, str, Row]]:
    """Words, colour and row of each line of a task."""
    found = []
    for quantity, words, colour in EFFECTS:
        table = every[quantity]
        rows = as_rows(table[table["task"] == task])
        if quantity != "data-set effect":
            rows = [row for row in rows if row["trained_on"] is None]
        for row in rows:
            side = display.sides.get(row["group"].removeprefix("side: "), "")
            where = {"set": row["tested_on"], "other": row["trained_on"]}
            found.append((words.format(side=side, **where), colour, row))
    return found


def _intervals(axes: Axes, lines: list[tuple[str, str, Row]], unit: float) -> None:
    axes.axvline(0, color=theme.COLOURS["black"], linewidth=1)
    for y, (_, colour, row) in enumerate(lines):
        if row["low"] is None:  # nothing varies
            axes.plot(unit * row["estimate"], y, "o", color=theme.COLOURS[colour])
            continue
        low, estimate, high = (unit * row[name] for name in ("low", "estimate", "high"))
        reach = theme.reach([low], [estimate], [high])
        axes.errorbar(estimate, y, xerr=reach, color=theme.COLOURS[colour], **theme.OURS)
    axes.set_yticks(range(len(lines)), [words for words, _, _ in lines])
    axes.set_ylim(len(lines) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")


def plot_arms(*, arms: Path, png: Path, svg: Path, display: theme.Display) -> None:
    """A measure a panel: the advantages of the own side's generators, and their sum."""
    tests = rows_of(arms, "realism interaction", attribute=None, group=ALL)
    metrics = [name for name in REALISM if (tests["metric"] == name).any()]
    figure, panels = _panels(metrics, height=3 * LINE + 0.7, sharey=True)
    for axes, metric in zip(panels, metrics, strict=True):
        about = {"metric": metric, "attribute": None}
        lines = [
            (f"own side, on {display.sides[side]}", "blue", row)
            for side in SIDES
            for row in as_rows(rows_of(arms, "realism advantage", group=f"side: {side}", **about))
        ]
        own = tests[tests["metric"] == metric]
        lines += [("interaction (their sum)", "orange", row) for row in as_rows(own)]
        _intervals(axes, lines, 1)
        axes.set_title(metric, fontsize=9)
    figure.supxlabel(
        "in units of the measure; above zero the own side’s are the better", fontsize=9
    )
    theme.save_as(figure, [png, svg])


def _panels(metrics: list[str], height: float, *, sharey: bool) -> tuple[Figure, list[Axes]]:
    """A figure with a panel a metric, three in a line."""
    theme.use()
    lines = -(-len(metrics) // 3) or 1
    figure, grid = plt.subplots(
        lines,
        3,
        figsize=(7.6, lines * height + 0.4),
        squeeze=False,
        sharey=sharey,
        layout="constrained",
    )
    for axes in grid.flat[len(metrics) :]:
        axes.axis("off")
    return figure, list(grid.flat[: len(metrics)])


def plot_arms_dose(
    *, every_realism: list[Path], png: Path, svg: Path, display: theme.Display
) -> None:
    """A measure a panel: each side's value by the share of outside faces in training."""
    tables = [rows_of(path, "realism", attribute=None, seed=None) for path in every_realism]
    table = pd.concat(tables).sort_values("share")
    names = {f"domain: {domain}": side for domain, side in zip(DOMAINS, SIDES, strict=True)}
    table["side"] = table["group"].replace(names).str.removeprefix("side: ")
    table = table[table["side"].isin(SIDES)]
    metrics = [name for name in REALISM if (table["metric"] == name).any()]
    figure, panels = _panels(metrics, height=2.3, sharey=False)
    for axes, metric in zip(panels, metrics, strict=True):
        for k, side in enumerate(SIDES):
            part = table[(table["metric"] == metric) & (table["side"] == side)]
            axes.errorbar(
                100 * part["share"] + 0.6 * (2 * k - 1),
                part["estimate"],
                yerr=theme.reach(part["low"], part["estimate"], part["high"]),
                color=theme.SERIES[k],
                label=f"translations of {display.sides[side]}",
                **{**theme.OURS, "fmt": "o-"},
            )
        axes.set_title(metric, fontsize=9)
        axes.set_ylabel(BETTER.get(metric, "less is better"), fontsize=8)
        axes.set_xlabel(f"{display.sides['outside']} in training, percent", fontsize=8)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper left", ncols=2)
    theme.save_as(figure, [png, svg])


def plot_parts(*, parts: Path, png: Path, svg: Path, display: theme.Display) -> None:
    """A gap a panel: from the gap, what each part accounts for, to what remains."""
    table = rows_of(parts, "part of the gap")
    table["gap"], table["part"] = (
        [group_values(group)[name] for group in table["group"]] for name in ("gap", "part")
    )
    panels = list(table.groupby(["gap", "tested_on"], sort=False))
    theme.use()
    figure, grid = plt.subplots(
        len(panels),
        figsize=(6.6, len(panels) * (5 * LINE + 0.55) + 0.4),
        squeeze=False,
        sharex=True,
        layout="constrained",
    )
    for axes, ((gap, tested_on), part) in zip(grid[:, 0], panels, strict=True):
        _waterfall(axes, {row["part"]: row for row in as_rows(part)})
        inside, outside = display.sides.values()
        words = (
            f"source less {tested_on}"
            if gap == "transfer gap"
            else f"{inside} less {outside}, {tested_on}"
        )
        axes.set_title(f"{gap}: {words}", fontsize=9)
    grid[-1, 0].set_xlabel("points of accuracy")
    theme.save_as(figure, [png, svg])


def _waterfall(axes: Axes, parts: Mapping[str, Row]) -> None:
    """A bar a part, each beginning where the one before ends; the last is what remains."""
    axes.axvline(0, color=theme.COLOURS["black"], linewidth=1)
    left = 100 * parts["all"]["estimate"]
    for y, (name, row) in enumerate(parts.items()):
        if row["estimate"] is None:
            axes.text(
                0.01,
                y,
                "no number: the groups hardly overlap",
                va="center",
                fontsize=8,
                transform=axes.get_yaxis_transform(),
            )
            continue
        low, value, high = (
            100 * row[key] if row[key] is not None else np.nan
            for key in ("low", "estimate", "high")
        )
        whole = name in ("all", "remainder")
        start, end = (0.0, value) if whole else (left, left - value)
        left = left if whole else end
        colour = theme.COLOURS["grey" if whole else "blue"]
        axes.barh(y, end - start, left=start, height=0.55, color=colour, alpha=0.75)
        reach = theme.reach([low], [value], [high])
        axes.errorbar(
            end,
            y,
            xerr=reach if whole else reach[::-1],
            color=theme.COLOURS["black"],
            **{**theme.OURS, "fmt": "none"},
        )
    axes.set_yticks(range(len(parts)), ["the gap" if name == "all" else name for name in parts])
    axes.set_ylim(len(parts) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")


def plot_multiverse(*, multiverse: Path, png: Path, svg: Path) -> None:
    """The outcome of each reading in order, with its interval; below it, how each was read."""
    table = rows_of(multiverse, "reading").sort_values("estimate").reset_index(drop=True)
    factors = pd.DataFrame([group_values(group) for group in table["group"]])
    factors["metric"] = table["metric"]
    lines = [
        (name, value)
        for name in factors
        for value in sorted(factors[name].unique())
        if factors[name].nunique() > 1
    ]
    theme.use()
    figure, (above, below) = plt.subplots(
        2,
        figsize=(7.2, 2.9 + 0.17 * len(lines)),
        height_ratios=[2.4, max(0.17 * len(lines), 0.2)],
        sharex=True,
        layout="constrained",
    )
    x = np.arange(len(table))
    found = (table["low"] > 0) | (table["high"] < 0)
    for which, colour in ((found, "blue"), (~found, "grey")):
        own = table[which]
        above.errorbar(
            x[which],
            100 * own["estimate"],
            yerr=100 * theme.reach(own["low"], own["estimate"], own["high"]),
            color=theme.COLOURS[colour],
            **{**theme.OURS, "markersize": 2.5, "capsize": 0, "linewidth": 0.8},
        )
    above.axhline(0, color=theme.COLOURS["black"], linewidth=1)
    above.set_ylabel("points; with interval")
    for y, (name, value) in enumerate(lines):
        at = x[factors[name] == value]
        below.plot(at, np.full(len(at), y), "|", color=theme.COLOURS["black"], markersize=4)
    below.set_yticks(range(len(lines)), [f"{name}: {value}" for name, value in lines], fontsize=6.5)
    below.set_ylim(len(lines) - 0.5, -0.5)
    below.grid(visible=False)
    below.set_xticks([])
    below.set_xlabel("readings, by their outcome")
    theme.save_as(figure, [png, svg])


def plot_dose(*, task_estimates: Path, png: Path, svg: Path, display: theme.Display) -> None:
    """By the share of faces outside in training: accuracy on either side, and the gap below it."""
    tables = [rows_of(task_estimates, name) for name in ("task performance", "group gap")]
    tables = [table[table["trained_on"] == table["tested_on"]] for table in tables]
    several = tables[1].groupby("task")["share"].nunique()
    dosed = several.index[several > len(CROSSED)]
    performance, gaps = (table[table["task"].isin(dosed)] for table in tables)
    theme.use()
    panels = list(gaps[["task", "tested_on"]].drop_duplicates().itertuples(index=False))
    figure, grid = plt.subplots(
        2,
        len(panels),
        figsize=(1.0 + 2.9 * len(panels), 4.3),
        squeeze=False,
        sharex=True,
        sharey="row",
        layout="constrained",
    )
    for (above, below), (task, dataset) in zip(grid.T, panels, strict=True):
        of_panel = [
            table[(table["task"] == task) & (table["tested_on"] == dataset)].sort_values("share")
            for table in (performance, gaps)
        ]
        for k, side in enumerate(SIDES):
            part = of_panel[0][of_panel[0]["group"] == f"side: {side}"]
            line = {"color": theme.SERIES[k], "label": f"tested on {display.sides[side]}"}
            above.plot(100 * part["share"], 100 * part["estimate"], "o-", **line)
        gap = of_panel[1]
        below.axhline(0, color=theme.COLOURS["black"], linewidth=1)
        below.errorbar(
            100 * gap["share"],
            100 * gap["estimate"],
            yerr=100 * theme.reach(gap["low"], gap["estimate"], gap["high"]),
            color=theme.SERIES[2],
            **{**theme.OURS, "fmt": "o-"},
        )
        above.set_title(f"{task}, {dataset}", fontsize=9)
        below.set_xlabel(f"{display.sides['outside']} in training, percent")
    grid[0, 0].set_ylabel("balanced accuracy,\npercent")
    grid[1, 0].set_ylabel(
        f"gap: {display.sides['inside']} less {display.sides['outside']},\npoints"
    )
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside upper left", ncols=2)
    theme.save_as(figure, [png, svg])


def plot_learning_curve(*, learning_curve: Path, png: Path, svg: Path) -> None:
    """Accuracy on the target by its labelled faces, beside the transferred model's."""
    curve = rows_of(learning_curve, "learning curve").sort_values("answers")
    (transferred,) = as_rows(rows_of(learning_curve, "performance"))
    theme.use()
    figure, axes = plt.subplots(figsize=(6.6, 3.2), layout="constrained")
    low, estimate, high = (100 * transferred[name] for name in ("low", "estimate", "high"))
    axes.axhspan(low, high, color=theme.COLOURS["orange"], alpha=0.15, linewidth=0)
    axes.axhline(estimate, color=theme.COLOURS["orange"], label="trained on the source")
    axes.errorbar(
        curve["answers"].astype(float),
        100 * curve["estimate"],
        yerr=100 * theme.reach(curve["low"], curve["estimate"], curve["high"]),
        color=theme.COLOURS["blue"],
        label="trained on faces of the target",
        **{**theme.OURS, "fmt": "o-"},
    )
    axes.set_xscale("log", base=2)
    axes.set_xticks(curve["answers"], curve["answers"].astype(str))
    axes.set_xlabel("labelled faces of the target that train")
    axes.set_ylabel("balanced accuracy, percent")
    figure.legend(loc="outside upper left", ncols=2)
    theme.save_as(figure, [png, svg])
