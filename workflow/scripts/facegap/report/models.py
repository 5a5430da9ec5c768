"""The classifiers in pictures: by group, calibration, the transfer matrix, what they look at."""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import TwoSlopeNorm

from facegap import theme
from facegap.files import read_json
from facegap.groups import ALL, group_values, in_order
from facegap.report.rows import as_rows, rows_of

LINE = 0.30  # inches a row
ARMS = {
    "equal": "equally many training faces",
    "exchanged": "labels exchanged",
    "halves": "two halves of one side",
}


def plot_gap(*, classification: Path, selected: Path, png: Path, svg: Path) -> None:
    """The selected model's transfer loss and gap, every configuration's gap, negative controls."""
    about: dict[str, Any] = {"metric": "balanced accuracy", "group": ALL}
    losses = as_rows(rows_of(classification, "transfer loss", **about))
    gaps = as_rows(rows_of(classification, "transfer gap", **about))
    name = read_json(selected)["name"]
    own = [row for row in gaps if row["model"] == name]
    named = [
        (f"transfer {word}{_arm(row)}", row)
        for word, some in (("loss", losses), ("gap", own))
        for row in sorted(some, key=lambda row: row["arm"] or "")
    ]
    lines = [
        *(("orange", words, row) for words, row in named if row["arm"] in (None, "equal")),
        *(("blue", f"gap of {row['model']}", row) for row in gaps if row["arm"] is None),
        *(("grey", words, row) for words, row in named if row["arm"] not in (None, "equal")),
    ]
    theme.use()
    figure, axes = plt.subplots(figsize=(7.2, LINE * len(lines) + 0.7), layout="constrained")
    axes.axvline(0, color=theme.COLOURS["black"], linewidth=1)
    for y, (colour, _, row) in enumerate(lines):
        low, estimate, high = (100 * row[key] for key in ("low", "estimate", "high"))
        reach = theme.reach([low], [estimate], [high])
        axes.errorbar(estimate, y, xerr=reach, color=theme.COLOURS[colour], **theme.OURS)
        if y and colour != lines[y - 1][0]:
            axes.axhline(y - 0.5, color="#BBBBBB", linewidth=0.8)
    axes.set_yticks(range(len(lines)), [words for _, words, _ in lines])
    axes.set_ylim(len(lines) - 0.5, -0.5)
    axes.set_xlabel("points of balanced accuracy; above zero the target is the worse")
    theme.save_as(figure, [png, svg])


def _arm(row: dict[str, Any]) -> str:
    """How the training differs, in words."""
    return f", {ARMS.get(row['arm'], row['arm'])}" if row["arm"] else ""


def plot_groups(*, classification: Path, png: Path, svg: Path, display: theme.Display) -> None:
    """Accuracy of every group of persons on each test part, with intervals; one line a group."""
    table = rows_of(classification, "group performance")
    named = [group_values(group) for group in table["group"]]
    table["factors"] = [" × ".join(values) or ALL for values in named]
    table["group"] = [", ".join(values.values()) or ALL for values in named]
    theme.use()
    lines = [
        (factors, group)
        for factors, part in table.groupby("factors", sort=False)
        for group in in_order(part["group"].unique())
    ]
    datasets = list(table["tested_on"].unique())
    size = (7.2, 0.25 * len(lines) + 0.9)
    figure, axes = plt.subplots(figsize=size, layout="constrained")
    for k, dataset in enumerate(datasets):
        part = table[table["tested_on"] == dataset]
        keys = zip(part["factors"], part["group"], strict=True)
        y = np.array([lines.index(key) for key in keys]) + 0.5 * ((k + 0.5) / len(datasets) - 0.5)
        reach = theme.reach(part["low"], part["estimate"], part["high"])
        colour = theme.SERIES[k % len(theme.SERIES)]
        axes.errorbar(part["estimate"], y, xerr=reach, color=colour, label=dataset, **theme.OURS)
    axes.set_yticks(range(len(lines)), [_named(group, display.sides) for _, group in lines])
    axes.set_ylim(len(lines) - 0.5, -0.5)
    for line in range(1, len(lines)):  # a rule between groups of other factors
        if lines[line][0] != lines[line - 1][0]:
            axes.axhline(line - 0.5, color="#BBBBBB", linewidth=0.8)
    axes.grid(visible=False, axis="y")
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel("accuracy of the selected configuration")
    figure.legend(loc="outside upper left", ncols=4, fontsize=8)
    theme.save_as(figure, [png, svg])


def _named(group: str, sides: dict[str, str]) -> str:
    """The group for a reader: the names of the sides for inside and outside."""
    return ", ".join(sides.get(part, part) for part in group.split(", "))


def plot_calibration(*, classification: Path, png: Path, svg: Path, display: theme.Display) -> None:
    """How often a face is inside, by the probability it was given; the diagonal is calibrated."""
    table = rows_of(classification, "calibration")
    theme.use()
    figure, axes = plt.subplots(figsize=(4.6, 4.2), layout="constrained")
    axes.plot([0, 1], [0, 1], color=theme.COLOURS["grey"], linewidth=1, linestyle="--", zorder=1)
    for k, (dataset, part) in enumerate(table.groupby("tested_on", sort=False)):
        reach = theme.reach(part["low"], part["estimate"], part["high"])
        colour = theme.SERIES[k % len(theme.SERIES)]
        axes.plot(part["share"], part["estimate"], color=colour, linewidth=0.8, alpha=0.5)
        axes.errorbar(
            part["share"], part["estimate"], reach, color=colour, label=dataset, **theme.OURS
        )
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel(f"probability of {display.sides['inside']} that was given")
    axes.set_ylabel(f"share that is {display.sides['inside']}")
    figure.legend(loc="outside upper left", ncols=4, fontsize=8)
    theme.save_as(figure, [png, svg])


def plot_transfer(*, classification: Path, selected: Path, png: Path, svg: Path) -> None:
    """Balanced accuracy of the model selected on each data set, tested on each."""
    import seaborn as sns  # takes a second, which the other figures of this module need not wait

    table = rows_of(classification, "performance", metric="balanced accuracy", arm=None)
    own = table["model"] == read_json(selected)["name"]
    table = table[own | (table["trained_on"] != "source")]
    theme.use()
    names = list(dict.fromkeys([*table["trained_on"], *table["tested_on"]]))
    grid = table.pivot_table(index="trained_on", columns="tested_on", values="estimate")
    grid = grid.reindex(index=names, columns=names)
    words = grid.astype(object)
    for row in table.to_dict("records"):
        span = f"[{row['low']:.2f}, {row['high']:.2f}]"
        words.loc[row["trained_on"], row["tested_on"]] = f"{row['estimate']:.3f}\n{span}"
    size = 1.35 * len(names)
    figure, axes = plt.subplots(figsize=(size + 2.3, size + 0.8), layout="constrained")
    low = min(0.4, float(np.nanmin(grid.to_numpy())))
    sns.heatmap(
        grid,
        annot=words,
        fmt="",
        cmap="cividis",
        vmin=low,
        vmax=1,
        linewidths=1,
        ax=axes,
        annot_kws={"fontsize": 8},
        cbar_kws={"label": "balanced accuracy"},
    )
    axes.set_xlabel("tested on")
    axes.set_ylabel("trained on")
    axes.tick_params(axis="y", rotation=0)
    theme.save_as(figure, [png, svg])


def plot_saliency(*, saliency: Path, png: Path, svg: Path, display: theme.Display) -> None:
    """A few faces of each data set, and below each what its pixels speak for."""
    theme.use()
    inside, outside = display.sides["inside"], display.sides["outside"]
    arrays = np.load(saliency, allow_pickle=False)
    count = len(arrays["face"])
    figure, grid = plt.subplots(
        2, count, figsize=(7.2, 7.2 / count * 2 + 0.85), squeeze=False, layout="compressed"
    )
    for k in range(count):
        above, below = grid[:, k]
        above.imshow(arrays["face"][k])
        below.imshow(arrays["face"][k].mean(2), cmap="gray", vmin=0, vmax=255)
        values = arrays["saliency"][k]
        most = max(float(np.quantile(np.abs(values), 0.99)), 1e-12)
        strength = np.clip(np.abs(values) / most, 0, 1) * 0.85
        scale = TwoSlopeNorm(0, -most, most)
        shown = below.imshow(values, cmap="PuOr", norm=scale, alpha=strength)
        side = display.sides[str(arrays["side"][k])]
        above.set_title(f"{arrays['dataset'][k]}\n{side}", fontsize=8)
        for axes in (above, below):
            axes.set_xticks([])
            axes.set_yticks([])
            axes.grid(visible=False)
            axes.spines[:].set_visible(False)
    bar = figure.colorbar(shown, ax=grid, orientation="horizontal", fraction=0.05, aspect=50)
    bar.set_ticks([-most, 0, most], labels=[f"for {outside}", "", f"for {inside}"])
    theme.save_as(figure, [png, svg])
