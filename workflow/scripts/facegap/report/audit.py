"""What the section "Models by group" shows: rows of ESTIMATES, arranged; nothing is computed."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from facegap import theme
from facegap.audit_metrics import NEITHER, OF_PAIRS, better
from facegap.groups import ALL, group_name, group_values
from facegap.report.rows import Row, as_rows, one, rows_of
from facegap.report.verdict import (
    ACROSS,
    TONES,
    beside,
    either_way,
    factor_of,
    in_words,
    judged_in,
    metrics_by_factor,
    order,
    parts,
    spoken_of,
    value,
    verdict,
)
from facegap.settings.models import LANDMARKER
from facegap.settings.study import Study
from facegap.tables.base import DOMAINS

EVERY_PAIR = "all pairs of groups"  # how measure names pairs of two groups
BAND = r"^(skin tone|hue): (-?[\d.]+) to (-?[\d.]+)$"
LINE = 0.23  # inches
MOST = 60  # lines of a panel


def models(measured: pd.DataFrame, study: Study) -> dict[str, Any]:
    """Each audited model, the user's first: what it is, and its tasks; and contrasts of models.

    A task has the metrics that its groups are judged by, the rows of all faces, how sure it is
    that groups differ, and tables by factor.
    """
    performance = rows_of(measured, "model performance")
    names = [*study.by_group, LANDMARKER]
    found = []
    for name in names:
        own = performance[performance["model"] == name]
        keys = own[["tested_on", "task"]].drop_duplicates().itertuples(index=False)
        tasks = [_task(measured, study, name, str(dataset), str(task)) for dataset, task in keys]
        found.append({"name": name, "settings": study.models.get(name), "tasks": tasks})
    return {
        "audited": found,
        "tested_on": performance["tested_on"].unique().tolist(),
        "editors": [_editor(measured, study, name) for name in study.editors],
        "contrasts": [
            {**row, "better": _better(row)}
            for row in as_rows(rows_of(measured, "model contrast", group=ALL))
        ],
        "disparities": sorted(
            _disparities(measured, 1 - study.measure.intervals.confidence), key=order
        ),
    }


def _editor(measured: pd.DataFrame, study: Study, name: str) -> dict[str, Any]:
    """An editor: each measure of realism on either side, over all attributes, and its gap."""
    rows = []
    for gap in as_rows(rows_of(measured, "realism gap", arm=name, attribute=None, group=ALL)):
        about = {"arm": name, "metric": gap["metric"], "attribute": None, "seed": None}
        sides = [
            one(measured, "realism", **about, group=group_name({"domain": domain}))
            for domain in DOMAINS
        ]
        rows.append({"gap": gap, "sides": sides})
    missing = one(measured, "missing outputs", model=name)
    return {"name": name, "settings": study.models[name], "rows": rows, "missing": missing}


def _task(
    measured: pd.DataFrame, study: Study, model: str, dataset: str, task: str
) -> dict[str, Any]:
    about = {"model": model, "tested_on": dataset, "task": task}
    rows = as_rows(rows_of(measured, "model performance", **about))
    metrics = [name for name in dict.fromkeys(row["metric"] for row in rows) if name]
    first = spoken_of(metrics)
    judged = metrics_by_factor(rows, first)
    shown = list(dict.fromkeys([*first, *(name for own in judged.values() for name in own)]))
    tests = as_rows(rows_of(measured, "group against the others", **about))
    spoken = [row["metric"] in judged.get(factor_of(row["group"]), first) for row in tests]
    own = either_way([row for row, is_spoken in zip(tests, spoken, strict=True) if is_spoken], rows)
    others = [row for row, is_spoken in zip(tests, spoken, strict=True) if not is_spoken]
    alpha = 1 - study.measure.intervals.confidence
    bounds = as_rows(rows_of(measured, "performance with missing outputs", **about))
    return {
        **about,
        "first": first[-1],
        "shown": shown,
        "judged": judged_in(judged, first),
        "metrics": metrics,
        "all": {row["metric"]: row for row in rows if row["group"] == ALL},
        "factors": _factors(rows, tests, shown),
        "ranges": list(_ranges(measured, about, judged)),
        "verdict": verdict(own, alpha),
        "beside": beside(either_way(others, rows), alpha),
        "threshold": next((row["threshold"] for row in rows if row["threshold"]), None),
        "thresholds": _thresholds(measured, study, about),
        "missing": one(measured, "missing outputs", **about),
        "bounds": [row for row in bounds if row["metric"] == first[-1]],
    }


def _ranges(
    measured: pd.DataFrame, about: Mapping[str, str], judged: Mapping[str, Sequence[str]]
) -> Iterator[dict[str, Any]]:
    """By factor how far its groups lie apart, and the worst; of pairs the ratios of their rates."""
    ratios = as_rows(rows_of(measured, "ratio of groups", **about))
    for row in as_rows(rows_of(measured, "range of groups", **about)):
        factor, _, worst = row["group"].partition(": worst ")
        if row["metric"] in judged.get(factor, ()):
            ratio = [each for each in ratios if each["group"] == row["group"]]
            ratio = [each for each in ratio if each["metric"] == row["metric"]]
            words = value(factor, worst) if row["estimate"] else "none: all equal"
            yield {"factor": factor, "worst": words, "range": row, "ratio": next(iter(ratio), None)}
    for row in ratios if {row["metric"] for row in ratios} & set(OF_PAIRS) else ():
        ((factor, words),) = group_values(row["group"]).items()
        yield {"factor": f"{factor}, {words}", "worst": row["metric"], "range": None, "ratio": row}


def _better(row: Row) -> str | None:
    """Which of two models does better over all faces; None where the interval holds both."""
    names = row["model"].split(" − ")
    way = better(row["metric"])
    if row["low"] is None or row["low"] <= 0 <= row["high"] or row["metric"] in NEITHER:
        return None
    return str(names[0] if (row["estimate"] > 0) == (way == "more") else names[1])


def _disparities(measured: pd.DataFrame, alpha: float) -> Iterator[dict[str, Any]]:
    """Contrasts of how far groups lie apart that are sure, with what each model's own gap is."""
    gaps = {
        (row["model"], row["tested_on"], row["task"], row["metric"], row["group"]): row
        for row in as_rows(rows_of(measured, "group against the others"))
    }
    for row in as_rows(rows_of(measured, "disparity contrast")):
        if row["adjusted_p"] is None or row["adjusted_p"] >= alpha:
            continue
        keys = (row["tested_on"], row["task"], row["metric"], row["group"])
        own = {name: gaps.get((name, *keys)) for name in row["model"].split(" − ")}
        if all(own.values()):
            even = min(own, key=lambda name: abs(own[name]["estimate"]))  # type: ignore[index]
            yield {**row, "gaps": own, "even": even, "words": in_words(row["group"])}


def _thresholds(measured: pd.DataFrame, study: Study, about: Mapping[str, str]) -> list[Row]:
    """Of a recogniser, the threshold of each factor, and on whom it was set."""
    groups = set(rows_of(measured, "model performance", **about)["group"])
    set_on = study.measure.verification.set_on
    found = []
    for row in as_rows(rows_of(measured, "verification threshold", **about)):
        factor = group_values(row["group"]).get("by", ALL)
        own = set_on in groups and " × ".join(group_values(set_on)) == factor
        found.append({**row, "factor": factor, "set_on": in_words(set_on) if own else "all"})
    return found


def absence(row: Row, study: Study) -> str:
    """Why a group has no number: too few persons, or none is defined there."""
    enough = (row["persons"] or 0) >= study.measure.groups.least_persons
    return "not defined" if enough and row["metric"] not in OF_PAIRS else "hidden"


def _listed(row: Row) -> bool:
    across = row["group"].startswith(ACROSS)
    return not across or (row["estimate"] is not None and row["group"].endswith(f": {EVERY_PAIR}"))


def _factors(
    rows: Sequence[Row], tests: Sequence[Row], metrics: Sequence[str]
) -> dict[str, list[Row]]:
    """By factor, the groups: of each the first of `metrics` with a number, and each metric's.

    Across groups all pairs together, if there are any; single pairs of groups are in the estimates.
    """
    against = {(row["metric"], row["group"]): row for row in tests}
    own = {
        (row["metric"], row["group"]): row
        for row in rows
        if row["metric"] in metrics and _listed(row)
    }
    found: dict[str, list[Row]] = {}
    for group in dict.fromkeys(group for _, group in own if group != ALL):
        own_parts = parts(group)
        values = [own.get((metric, group)) for metric in metrics]
        first = next(row for row in values if row is not None)
        words = ", ".join(value(*part) for part in own_parts)
        tested = [against.get((metric, group)) for metric in metrics]
        pairs = list(zip(metrics, values, tested, strict=True))
        found.setdefault(" × ".join(dict(own_parts)), []).append(
            {**first, "words": words, "values": pairs}
        )
    return found


def plot_models(*, estimates: Path, png: Path, svg: Path, display: theme.Display) -> None:
    """The user's models beside each other: a panel a task, a line a group, a colour a model.

    Bands of tones have a figure of their own, and pairs across groups the table.
    """
    table = rows_of(estimates, "model performance")
    apart = table["group"].str.startswith(ACROSS) | table["group"].str.match(BAND)
    table = table[(table["model"] != LANDMARKER) & ~apart]
    _plot(table, ["tested_on", "task"], "model", png, svg, display)


def plot_tones(*, estimates: Path, png: Path, svg: Path, display: theme.Display) -> None:
    """The user's models along skin tone and hue: a line a task's metric, a colour a model."""
    theme.use()
    table = rows_of(estimates, "model performance").dropna(subset="estimate")
    table = table[table["model"] != LANDMARKER]
    names = list(dict.fromkeys(table["model"]))
    bands = table["group"].str.extract(BAND)
    table = table.assign(tone=bands[0], at=bands[[1, 2]].astype(float).mean(axis=1))
    lines = [
        (dataset, task, metric, own[own["metric"] == metric].dropna(subset="at"))
        for (dataset, task), own in table.groupby(["tested_on", "task"], sort=False)
        for metric in spoken_of(own["metric"].unique().tolist())
    ]
    lines = [line for line in lines if len(line[3])]
    figure, grid = plt.subplots(
        max(1, len(lines)),
        len(TONES),
        figsize=(7.2, 2.2 * max(1, len(lines)) + 0.4),
        squeeze=False,
        sharey="row",
        sharex="col",
        layout="constrained",
    )
    for axes, (dataset, task, metric, own) in zip(grid, lines, strict=False):
        axes[0].set_ylabel(metric)
        axes[0].set_title(f"{task}, {display.datasets.get(str(dataset), dataset)}", fontsize=9)
        for panel, tone in zip(axes, TONES, strict=True):
            for k, name in enumerate(names):
                part = own[(own["tone"] == tone) & (own["model"] == name)].sort_values("at")
                reach = theme.reach(part["low"], part["estimate"], part["high"])
                colour = theme.SERIES[k % len(theme.SERIES)]
                panel.plot(part["at"], part["estimate"], color=colour, linewidth=0.8, alpha=0.5)
                panel.errorbar(
                    part["at"], part["estimate"], reach, color=colour, label=name, **theme.OURS
                )
    for panel, tone in zip(grid[-1], TONES, strict=True):
        panel.set_xlabel(f"{tone}, degrees")
    if lines and len(names) > 1:
        figure.legend(
            *grid[0, 0].get_legend_handles_labels(), loc="outside upper left", ncols=4, fontsize=8
        )
    theme.save_as(figure, [png, svg])


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
    """Panels by `keys` and metric: the groups that it judges, colours by `series`."""
    theme.use()
    panels = []
    for named, own in table[table["estimate"].notna()].groupby(keys, sort=False):
        first = spoken_of(own["metric"].unique().tolist())
        judged = metrics_by_factor(as_rows(own), first)
        for metric in dict.fromkeys([*first, *(name for each in judged.values() for name in each)]):
            rows = own[own["metric"] == metric]
            spoken = [
                group == ALL or metric in judged.get(factor_of(group), first)
                for group in rows["group"]
            ]
            shown = rows[spoken]
            groups = list(dict.fromkeys(shown["group"]))
            if len(groups) > 1:
                panels.append((named, metric, shown, groups[:MOST], len(groups[MOST:])))
    sizes = [len(groups) + 2.2 for *_, groups, _ in panels] or [1.0]
    figure, grid = plt.subplots(
        len(sizes),
        figsize=(7.2, LINE * sum(sizes) + 0.6),
        height_ratios=sizes,
        squeeze=False,
        layout="constrained",
    )
    names = list(dict.fromkeys(table[series]))
    for axes, panel in zip(grid[:, 0], panels, strict=False):
        (dataset, what), metric, shown, groups, more = panel
        _panel(axes, shown, groups, series, names)
        words = metric if what == metric else f"{what}: {metric}"
        if more:
            axes.set_xlabel(f"{more} more groups are in the table alone", fontsize=8)
        axes.set_title(f"{words}, {display.datasets.get(str(dataset), dataset)}", fontsize=9)
    if not panels:
        grid[0, 0].set_axis_off()
    elif len(names) > 1:
        handles = [axes.get_legend_handles_labels() for axes in grid[:, 0]]
        by_name = {
            name: line for lines, words in handles for line, name in zip(lines, words, strict=True)
        }
        known = [name for name in names if name in by_name]
        figure.legend(
            [by_name[name] for name in known], known, loc="outside upper left", ncols=4, fontsize=8
        )
    theme.save_as(figure, [png, svg])


def _panel(
    axes: Axes, shown: pd.DataFrame, groups: list[str], series: str, names: list[str]
) -> None:
    for k, name in enumerate(names):
        own = as_rows(shown[shown[series] == name])
        rows = {row["group"]: row for row in own if row["group"] in groups}
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
    words = ["all faces" if group == ALL else in_words(group) for group in groups]
    axes.set_yticks(range(len(groups)), words)
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
