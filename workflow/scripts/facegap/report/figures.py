"""Figures 1 to 4, and every table as a plot of our intervals beside the published points."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from facegap import tables, theme
from facegap.crops import Crops
from facegap.seeds import generator

COLUMNS = 8


def draw_samples(
    crops: Mapping[str, Sequence[str | Path]],
    aligned: Mapping[str, str | Path],
    names: Mapping[str, str],
    outputs: Sequence[str | Path],
    *,
    seed: int,
) -> None:
    """Figure 1: two rows of each collection, drawn by seed; `names` are what to call them."""
    pictures: list[list[NDArray[np.uint8]]] = []
    labels: list[str] = []
    for dataset in ("target", "source"):
        faces = len(tables.read(aligned[dataset], tables.ALIGNED))
        rng = generator(seed, "report", "figure1", dataset)
        rows = np.sort(rng.choice(faces, min(faces, 2 * COLUMNS), replace=False))
        pictures += _in_rows(Crops(crops[dataset]).take(rows), COLUMNS)
        labels += [names[dataset]] * (len(pictures) - len(labels))
    _save(_sheet(pictures, rows=labels), outputs)


def draw_augmentations(samples: str | Path, outputs: Sequence[str | Path]) -> None:
    """Figure 2: faces as they come, cropped from ear to ear and brow to chin, and random views."""
    with np.load(samples) as arrays:
        plain, crop, views = arrays["plain"], arrays["crop"], arrays["views"]
    labels = ["as it\ncomes", "face crop", *(f"view {k + 1}" for k in range(views.shape[1]))]
    _save(_sheet([plain, crop, *views.swapaxes(0, 1)], rows=labels), outputs)


def draw_contentious(
    labels: str | Path,
    sides: str | Path,
    crops: Sequence[str | Path],
    aligned: str | Path,
    outputs: Sequence[str | Path],
) -> None:
    """Figure 3: faces that labels differ on; without any, the least confident proposals."""
    rows = tables.read(aligned, tables.ALIGNED)["face_id"]
    placed = tables.read(sides, tables.FACE_SIDES)
    people = tables.read(labels, tables.LABELS)
    contentious = pd.concat(
        table.loc[table["provenance"] == "contentious", "face_id"] for table in (people, placed)
    )
    doubtful = placed.dropna(subset=["confidence"]).sort_values(["confidence", "face_id"])
    if len(chosen := rows[rows.isin(contentious)]):
        title = "Contentious: people's labels of the face or the person differ"
    elif len(chosen := rows[rows.isin(doubtful["face_id"].head(2 * COLUMNS))]):
        title = "None was contentious: the least confident proposals"
    else:
        _save(_words("The data set labels the boundary itself: no face is contentious."), outputs)
        return
    pictures = Crops(crops).take(chosen.index[: 2 * COLUMNS].to_numpy())
    _save(_sheet(_in_rows(pictures, COLUMNS), title=title), outputs)


def draw_translations(
    arrays: str | Path,
    table: str | Path,
    sides: Mapping[str, str],
    outputs: Sequence[str | Path],
    *,
    seed: int,
    faces: int = 4,
) -> None:
    """Figure 4: unseen faces of both sides, and each with one attribute changed; faces by seed."""
    rows = tables.read(table, tables.TRANSLATIONS)
    pictures = np.load(arrays, mmap_mode="r")
    attributes = sorted(rows["attribute"].dropna().unique())
    sheet, labels = [], []
    for domain in ("in-domain", "out-domain"):
        part = rows[rows["domain"] == domain]
        known = np.sort(part["face_id"].unique())
        rng = generator(seed, "report", "figure4", domain)
        for face in np.sort(rng.choice(known, min(faces, len(known)), replace=False)):
            own = part[part["face_id"] == face]
            original = own[own["kind"] == "original"]["row"].iloc[0]
            changed = own[own["kind"] == "translation"].set_index("attribute")["row"]
            cells = [pictures[original]]
            cells += [pictures[changed[a]] if a in changed else None for a in attributes]
            sheet.append(cells)
            labels.append(f"{sides[domain]}\n{domain}")
    columns = ["original", *(name.replace("_", " ") for name in attributes)]
    _save(_sheet(sheet, rows=labels, columns=columns, break_at=len(sheet) // 2), outputs)


def draw_tables(paths: Sequence[str | Path], outputs: Sequence[str | Path]) -> None:
    """Tables 1 to 5 in one figure: ours with intervals, and the published points."""
    theme.use()
    figure, grid = plt.subplots(3, 2, figsize=(9.5, 11.5))
    for number, (path, axes) in enumerate(zip(paths, grid.ravel(), strict=False), 1):
        table = tables.read(path, tables.REPORTED)
        _dots(axes, table[table["column"] != "Time"], f"Table {number}")  # epochs are no shares
    key = grid[-1, -1]
    key.axis("off")
    key.errorbar([], [], xerr=[], fmt="o", markersize=4, capsize=2, color="black", label="ours")
    key.scatter([], [], label="published", **theme.PUBLISHED)
    key.legend(loc="upper left", fontsize=9)
    _save(figure, outputs)


def draw_realism(realism: str | Path, outputs: Sequence[str | Path]) -> None:
    """Each measure of realism, in-domain and out-domain, one line a seed; intervals are drawn."""
    theme.use()
    table = tables.read(realism, tables.REALISM)
    table = table[table["attribute"].isna()]
    metrics = sorted(table["metric"].unique())
    figure, grid = plt.subplots(
        1, len(metrics), figsize=(2.6 * len(metrics) + 0.6, 3), squeeze=False
    )
    for axes, metric in zip(grid[0], metrics, strict=True):
        for _, seed in table[table["metric"] == metric].groupby("seed"):
            seed = seed.sort_values("domain")
            error = np.abs(seed[["low", "high"]].to_numpy().T - seed["value"].to_numpy())
            axes.errorbar(
                seed["domain"],
                seed["value"],
                yerr=error,
                marker="o",
                markersize=4,
                capsize=2,
                color=theme.COLOURS["blue"],
                alpha=0.6,
                linewidth=1,
            )
        axes.set_title(metric)
        axes.margins(x=0.25)
    _save(figure, outputs)


def _dots(axes: Axes, table: pd.DataFrame, title: str) -> None:
    """One row of the table a line, one colour a column."""
    rows, columns = list(table["row"].unique()), list(table["column"].unique())
    colours = [theme.COLOURS[name] for name in ("blue", "orange", "green", "purple")]
    for k, (column, colour) in enumerate(zip(columns, colours, strict=False)):
        part = table[table["column"] == column]
        y = np.array([rows.index(row) for row in part["row"]]) + 0.16 * (k - (len(columns) - 1) / 2)
        reach = np.abs(part[["low", "high"]].sub(part["ours"], axis=0)).fillna(0).to_numpy().T
        dots = {"fmt": "o", "markersize": 4, "capsize": 2, "color": colour, "label": column}
        axes.errorbar(part["ours"], y, xerr=reach, **dots)
        axes.scatter(part["published"], y, **{**theme.PUBLISHED, "color": colour})
    axes.set_yticks(range(len(rows)), rows)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(0, max(1.03, 1.05 * np.nanmax(table[["ours", "published"]])))
    axes.set_title(title, pad=14 + 11 * -(-len(columns) // 2))
    place: dict[str, Any] = {
        "loc": "lower left",
        "bbox_to_anchor": (-0.3, 0.99),
        "columnspacing": 0.8,
    }
    axes.legend(**place, ncols=2, fontsize=7, handletextpad=0.1).set_in_layout(False)


def _in_rows(pictures: NDArray[np.uint8], columns: int) -> list[list[NDArray[np.uint8]]]:
    return [list(pictures[k : k + columns]) for k in range(0, len(pictures), columns)]


def _sheet(
    pictures: Sequence[Sequence[NDArray[np.uint8] | None]],
    rows: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    title: str | None = None,
    break_at: int | None = None,
) -> Figure:
    """Pictures side by side, labelled; a wider gap above row `break_at`."""
    theme.use()
    height, width = len(pictures), max(len(row) for row in pictures)
    size = min(0.95, 8.0 / width)
    left = 0.75 if rows else 0.05
    figure = plt.figure(figsize=(size * width + left, size * height + 0.5), layout="none")
    spaces = figure.add_gridspec(
        height,
        width,
        wspace=0.04,
        hspace=0.04,
        left=left / (size * width + left),
        right=0.995,
        bottom=0.01,
        top=1 - 0.35 / (size * height + 0.5),
    )
    for i, row in enumerate(pictures):
        for j, picture in enumerate(row):
            axes = figure.add_subplot(spaces[i, j])
            axes.set(xticks=[], yticks=[])
            axes.grid(visible=False)
            for spine in axes.spines.values():
                spine.set_visible(False)
            if picture is not None:
                axes.imshow(picture, interpolation="lanczos")
            else:
                axes.set_facecolor("#F2F2F2")
                axes.text(0.5, 0.5, "has it", ha="center", va="center", fontsize=7, color="#777777")
            if columns and i == 0:
                axes.set_title(columns[j], fontsize=8, fontweight="normal", loc="center", pad=3)
            if rows and j == 0 and (i == 0 or rows[i] != rows[i - 1]):
                axes.set_ylabel(rows[i], fontsize=8)
            if break_at and i == break_at:
                axes.spines["top"].set(visible=True, linewidth=2.5, color=theme.COLOURS["black"])
    if title:
        figure.suptitle(title, fontsize=9, fontweight="bold", x=0.01, ha="left")
    return figure


def _words(words: str) -> Figure:
    """A plain sentence where there is nothing to show."""
    theme.use()
    figure, axes = plt.subplots(figsize=(6.5, 0.8))
    axes.axis("off")
    axes.text(0.5, 0.5, words, ha="center", va="center", fontsize=10)
    return figure


def _save(figure: Figure, outputs: Sequence[str | Path]) -> None:
    for path in outputs:
        theme.save(figure, path)
    plt.close(figure)
