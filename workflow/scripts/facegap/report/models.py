"""The classifiers in pictures: by group, calibration, the transfer matrix, what they look at."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.colors import TwoSlopeNorm

from facegap import tables, theme
from facegap.report.groups import in_order

Outputs = Sequence[str | Path]


def draw_models(
    groups: str | Path,
    calibration: str | Path,
    transfer: str | Path,
    saliency: str | Path,
    outputs: Sequence[Outputs],
    sides: Mapping[str, str],
) -> None:
    """The four figures of the kept cell, each as the files of one of `outputs`, in this order."""
    by_group, curve, matrix, looks = outputs
    draw_groups(tables.read(groups, tables.GROUPS), by_group, sides)
    draw_calibration(tables.read(calibration, tables.CALIBRATION), curve, sides)
    draw_transfer(tables.read(transfer, tables.TRANSFER), matrix)
    draw_saliency(saliency, looks, sides)


def draw_groups(table: pd.DataFrame, outputs: Outputs, sides: Mapping[str, str]) -> None:
    """Accuracy of every group of persons on each test part, with intervals; one line a group."""
    theme.use()
    lines = [
        (factors, group)
        for factors, part in table.groupby("factors", sort=False)
        for group in in_order(part["group"].unique())
    ]
    datasets = list(table["dataset"].unique())
    size = (7.2, 0.25 * len(lines) + 0.9)
    figure, axes = plt.subplots(figsize=size, layout="constrained")
    for k, dataset in enumerate(datasets):
        part = table[table["dataset"] == dataset]
        keys = zip(part["factors"], part["group"], strict=True)
        y = np.array([lines.index(key) for key in keys]) + 0.5 * ((k + 0.5) / len(datasets) - 0.5)
        reach = part[["low", "high"]].sub(part["value"], axis=0).abs().to_numpy().T
        colour = theme.SERIES[k % len(theme.SERIES)]
        axes.errorbar(part["value"], y, xerr=reach, color=colour, label=dataset, **theme.OURS)
    axes.set_yticks(range(len(lines)), [_named(group, sides) for _, group in lines])
    axes.set_ylim(len(lines) - 0.5, -0.5)
    for line in range(1, len(lines)):  # a rule where other factors are told apart
        if lines[line][0] != lines[line - 1][0]:
            axes.axhline(line - 0.5, color="#BBBBBB", linewidth=0.8)
    axes.grid(visible=False, axis="y")
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel("accuracy of the kept cell")
    figure.legend(loc="outside upper left", ncols=4, fontsize=8)
    theme.save_as(figure, outputs)


def _named(group: str, sides: Mapping[str, str]) -> str:
    """The group in people's words: the names of the sides for inside and outside."""
    return ", ".join(sides.get(part, part) for part in group.split(", "))


def draw_calibration(table: pd.DataFrame, outputs: Outputs, sides: Mapping[str, str]) -> None:
    """How often a face is inside, by the probability it was given; the diagonal is calibrated."""
    theme.use()
    figure, axes = plt.subplots(figsize=(4.6, 4.2), layout="constrained")
    axes.plot([0, 1], [0, 1], color=theme.COLOURS["grey"], linewidth=1, linestyle="--", zorder=1)
    for k, (dataset, part) in enumerate(table.groupby("dataset", sort=False)):
        reach = part[["low", "high"]].sub(part["value"], axis=0).abs().to_numpy().T
        colour = theme.SERIES[k % len(theme.SERIES)]
        axes.plot(part["probability"], part["value"], color=colour, linewidth=0.8, alpha=0.5)
        axes.errorbar(
            part["probability"], part["value"], reach, color=colour, label=dataset, **theme.OURS
        )
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel(f"probability of {sides['inside']} that was given")
    axes.set_ylabel(f"share that is {sides['inside']}")
    figure.legend(loc="outside upper left", ncols=4, fontsize=8)
    theme.save_as(figure, outputs)


def draw_transfer(table: pd.DataFrame, outputs: Outputs) -> None:
    """Accuracy of the kept cell trained on each data set (rows), tested on each (columns)."""
    theme.use()
    names = list(dict.fromkeys([*table["trained_on"], *table["tested_on"]]))
    grid = table.pivot_table(index="trained_on", columns="tested_on", values="value")
    grid = grid.reindex(index=names, columns=names)
    words = grid.astype(object)
    for row in table.to_dict("records"):
        span = f"[{row['low']:.2f}, {row['high']:.2f}]"
        words.loc[row["trained_on"], row["tested_on"]] = f"{row['value']:.3f}\n{span}"
    side = 1.35 * len(names)
    figure, axes = plt.subplots(figsize=(side + 2.3, side + 0.8), layout="constrained")
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
        cbar_kws={"label": "accuracy"},
    )
    axes.set_xlabel("tested on")
    axes.set_ylabel("trained on")
    axes.tick_params(axis="y", rotation=0)
    theme.save_as(figure, outputs)


def draw_saliency(saliency: str | Path, outputs: Outputs, sides: Mapping[str, str]) -> None:
    """A few faces of each data set, and below each what its pixels say for or against inside."""
    theme.use()
    found = np.load(saliency, allow_pickle=False)
    count = len(found["face"])
    figure, grid = plt.subplots(
        2, count, figsize=(7.2, 7.2 / count * 2 + 0.85), squeeze=False, layout="compressed"
    )
    for k in range(count):
        above, below = grid[:, k]
        above.imshow(found["face"][k])
        below.imshow(found["face"][k].mean(2), cmap="gray", vmin=0, vmax=255)
        values = found["saliency"][k]
        most = max(float(np.quantile(np.abs(values), 0.99)), 1e-12)
        strength = np.clip(np.abs(values) / most, 0, 1) * 0.85
        scale = TwoSlopeNorm(0, -most, most)
        shown = below.imshow(values, cmap="PuOr", norm=scale, alpha=strength)
        above.set_title(f"{found['dataset'][k]}\n{sides[str(found['side'][k])]}", fontsize=8)
        for axes in (above, below):
            axes.set_xticks([])
            axes.set_yticks([])
            axes.grid(visible=False)
            axes.spines[:].set_visible(False)
    bar = figure.colorbar(shown, ax=grid, orientation="horizontal", fraction=0.05, aspect=50)
    bar.set_ticks(
        [-most, 0, most], labels=[f"for {sides['outside']}", "", f"for {sides['inside']}"]
    )
    theme.save_as(figure, outputs)
