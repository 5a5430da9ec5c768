"""What the section "Models by group" shows: rows of ESTIMATES, arranged; nothing is computed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from facegap import theme
from facegap.groups import ALL, group_values
from facegap.report.rows import Row, as_rows, one, rows_of
from facegap.settings.models import LANDMARKER
from facegap.settings.study import Study

FIRST = {  # of each task's kind, the metric that the first screen speaks of
    name: k
    for k, name in enumerate(
        (
            *("balanced accuracy", "accuracy", "absolute error", "false non-match rate"),
            *("not found", "landmark error", "taken for blinking"),
        )
    )
}
MATCHES = ("false match rate", "false non-match rate")
ALPHA = 0.05
LINE = 0.23  # inches


def models(measured: pd.DataFrame, study: Study) -> dict[str, Any]:
    """Each audited model, the user's first: what it is, and its tasks; and contrasts of models.

    A task has its first metric, the rows of all faces, the range of groups by that metric that is
    the surest, and tables by factor.
    """
    performance = rows_of(measured, "model performance")
    names = [*study.models, LANDMARKER]
    found = []
    for name in names:
        own = performance[performance["model"] == name]
        settings = study.models.get(name)
        tasks = [
            _task(measured, name, str(dataset), str(task))
            for dataset, task in own[["tested_on", "task"]]
            .drop_duplicates()
            .itertuples(index=False)
        ]
        found.append({"name": name, "settings": settings, "tasks": tasks})
    disparities = as_rows(rows_of(measured, "disparity contrast"))
    return {
        "audited": found,
        "contrasts": as_rows(rows_of(measured, "model contrast", group=ALL)),
        "disparities": [row for row in disparities if (row["adjusted_p"] or 1) < ALPHA],
    }


def _task(measured: pd.DataFrame, model: str, dataset: str, task: str) -> dict[str, Any]:
    about = {"model": model, "tested_on": dataset, "task": task}
    rows = as_rows(rows_of(measured, "model performance", **about))
    metrics = list(dict.fromkeys(row["metric"] for row in rows))
    metrics = [name for name in metrics if name]
    first = min(metrics, key=_first)
    ranges = as_rows(rows_of(measured, "range of groups", **about, metric=first))
    against = as_rows(rows_of(measured, "group against the others", **about))
    ratios = {row["group"]: row for row in as_rows(rows_of(measured, "ratio of groups", **about))}
    named = [{**row, **_named(row), "ratio": ratios.get(row["group"])} for row in ranges]
    # a verdict is that of the groups' own tests; a range says how far the groups of a factor lie
    surest = min(
        (row for row in against if row["metric"] in (first, *MATCHES) and row["p"] is not None),
        key=lambda row: (row["adjusted_p"], row["p"]),
        default=None,
    )
    factor = " × ".join(group_values(surest["group"])) if surest else None
    return {
        **about,
        "first": first,
        "metrics": metrics,
        "all": {row["metric"]: row for row in rows if row["group"] == ALL},
        "factors": _factors(rows, against, first),
        "ranges": named,
        "surest": surest,
        "range": next((row for row in named if row["factor"] == factor), None),
        "threshold": next((row["threshold"] for row in rows if row["threshold"]), None),
        "missing": one(measured, "missing outputs", **about),
        "bounds": one(measured, "performance with missing outputs", **about),
    }


def _named(row: Row) -> dict[str, str]:
    """The factor and the worst group of a range."""
    factor, _, worst = row["group"].partition(": worst ")
    return {"factor": factor, "worst": worst}


def _factors(rows: Sequence[Row], against: Sequence[Row], first: str) -> dict[str, list[Row]]:
    """By factor, the groups with the task's first metric, and how they differ from the others."""
    differences = {row["group"]: row for row in against if row["metric"] == first}
    found: dict[str, list[Row]] = {}
    for row in rows:
        if row["metric"] in (first, None) and row["group"] != ALL:
            values = group_values(row["group"])
            named = {**row, "words": ", ".join(values.values())}
            named["against"] = differences.get(row["group"])
            found.setdefault(" × ".join(values), []).append(named)
    return found


def plot_models(*, estimates: Path, png: Path, svg: Path, display: theme.Display) -> None:
    """The user's models beside each other: a panel a task, a line a group, a colour a model."""
    table = rows_of(estimates, "model performance")
    table = table[table["model"] != LANDMARKER]
    _plot(table, ["tested_on", "task"], "model", png, svg, display)


def plot_landmarker(*, estimates: Path, png: Path, svg: Path, display: theme.Display) -> None:
    """The landmarker: a panel a measure and data set, a line a group."""
    table = rows_of(estimates, "model performance", model=LANDMARKER)
    _plot(table[table["task"] != "Smiling"], ["tested_on", "metric"], "model", png, svg, display)


def plot_detection_errors(*, estimates: Path, png: Path, svg: Path, display: theme.Display) -> None:
    """Recognisers: a panel a model and factor, a curve a group, both error rates on log scales."""
    theme.use()
    table = rows_of(estimates, "detection error trade-off")
    table = table[(table["share"] > 0) & (table["estimate"] > 0) & (table["group"] != ALL)]
    factors = table["group"].map(lambda name: " × ".join(group_values(name)))
    panels = list(table.groupby(["model", factors], sort=False))
    columns = min(2, max(1, len(panels)))
    lines = max(1, -(-len(panels) // columns))
    figure, grid = plt.subplots(
        lines, columns, figsize=(3.6 * columns, 3.0 * lines), squeeze=False, layout="constrained"
    )
    for axes in grid.flat[len(panels) :]:
        axes.set_axis_off()
    for axes, ((model, factor), own) in zip(grid.flat, panels, strict=False):
        for k, (group, curve) in enumerate(own.groupby("group", sort=False)):
            words = ", ".join(group_values(str(group)).values())
            colour = theme.SERIES[k % len(theme.SERIES)]
            style = ("-", "--", ":", "-.")[k // len(theme.SERIES) % 4]
            axes.plot(curve["share"], curve["estimate"], color=colour, ls=style, label=words)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_title(f"{model}, by {factor}", fontsize=9)
        axes.set_xlabel("false match rate")
        axes.set_ylabel("false non-match rate")
        axes.legend(fontsize=7)
    theme.save_as(figure, [png, svg])


def _plot(
    table: pd.DataFrame,
    keys: list[str],
    series: str,
    png: Path,
    svg: Path,
    display: theme.Display,
) -> None:
    """Panels by `keys`: the first metric of each in every group, colours by `series`."""
    theme.use()
    panels = []
    for named, own in table[table["estimate"].notna()].groupby(keys, sort=False):
        first = min(own["metric"].unique(), key=_first)
        shown = own[own["metric"] == first]
        groups = list(dict.fromkeys(shown["group"]))
        if len(groups) > 1:
            panels.append((named, str(first), shown, groups))
    sizes = [len(groups) + 2.2 for *_, groups in panels] or [1.0]
    figure, grid = plt.subplots(
        len(sizes),
        figsize=(7.2, LINE * sum(sizes) + 0.6),
        height_ratios=sizes,
        squeeze=False,
        layout="constrained",
    )
    names = list(dict.fromkeys(table[series]))
    for axes, panel in zip(grid[:, 0], panels, strict=False):
        _panel(axes, *panel[2:], series, names)
        (dataset, what), metric = panel[0], panel[1]
        words = metric if what == metric else f"{what}: {metric}"
        axes.set_title(f"{words}, {display.datasets.get(str(dataset), dataset)}", fontsize=9)
    if not panels:
        grid[0, 0].set_axis_off()
    elif len(names) > 1:
        handles = grid[0, 0].get_legend_handles_labels()
        figure.legend(*handles, loc="outside upper left", ncols=4, fontsize=8)
    theme.save_as(figure, [png, svg])


def _panel(
    axes: Axes, shown: pd.DataFrame, groups: list[str], series: str, names: list[str]
) -> None:
    for k, name in enumerate(names):
        rows = {row["group"]: row for row in as_rows(shown[shown[series] == name])}
        if not rows:
            continue
        y = np.array([groups.index(group) for group in rows], dtype=float)
        y += 0.5 * ((k + 0.5) / len(names) - 0.5)
        values = {
            key: np.array([row[key] for row in rows.values()], dtype=float)
            for key in ("estimate", "low", "high")
        }
        colour = theme.SERIES[k % len(theme.SERIES)]
        if ALL in rows:
            axes.axvline(rows[ALL]["estimate"], color=colour, linewidth=0.8, ls="--", zorder=0)
        reach = theme.reach(values["low"], values["estimate"], values["high"])
        axes.errorbar(values["estimate"], y, xerr=reach, color=colour, label=name, **theme.OURS)
    words = ["all faces" if group == ALL else group for group in groups]
    axes.set_yticks(range(len(groups)), words)
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")


def _first(metric: Any) -> int:
    return FIRST.get(str(metric), len(FIRST))
