"""Figures 1 to 4 and the rejected faces: sheets of pictures."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from facegap import theme
from facegap.attributes import change_in_words
from facegap.crops import Crops
from facegap.seeds import generator
from facegap.tables.acquire import REJECTED
from facegap.tables.align import ALIGNED
from facegap.tables.annotate import LABELS
from facegap.tables.base import DOMAINS, SIDES, read_table
from facegap.tables.measure import SCORES
from facegap.tables.partition import FACE_SIDES
from facegap.tables.synthesise import TRANSLATIONS

COLUMNS = 8
LINE = 0.1  # inches, of a caption below a picture
REJECTED_FACES = 3 * COLUMNS  # pictures of a data set
MIDDLE: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 8}


def plot_samples(
    *,
    source_crops: list[Path],
    target_crops: list[Path],
    source_aligned: Path,
    target_aligned: Path,
    png: Path,
    svg: Path,
    display: theme.Display,
    seed: int,
) -> None:
    """Figure 1: two rows of each data set, sampled by `seed`."""
    pictures: list[list[NDArray[np.uint8]]] = []
    labels: list[str] = []
    for dataset, crops, aligned in (
        ("target", target_crops, target_aligned),
        ("source", source_crops, source_aligned),
    ):
        faces = len(read_table(aligned, ALIGNED))
        rng = generator(seed, "figure1", dataset=dataset)
        rows = np.sort(rng.choice(faces, min(faces, 2 * COLUMNS), replace=False))
        pictures += _in_rows(Crops(crops).take(rows), COLUMNS)
        labels += [display.datasets[dataset]] * (len(pictures) - len(labels))
    theme.save_as(_sheet(pictures, rows=labels), [png, svg])


def plot_preprocessing(*, samples: Path, png: Path, svg: Path) -> None:
    """Figure 2: faces as they come, cropped from ear to ear and brow to chin, and copies."""
    with np.load(samples) as arrays:
        plain, crop, copies = arrays["plain"], arrays["crop"], arrays["copies"]
        columns = [str(name) for name in arrays["dataset"]]
    labels = ["as it comes", "face crop", *(f"copy {k + 1}" for k in range(copies.shape[1]))]
    pictures = [plain, crop, *copies.swapaxes(0, 1)]
    theme.save_as(_sheet(pictures, rows=labels, columns=columns), [png, svg])


def plot_rejected_faces(
    *,
    rejected: list[Path],
    thumbnails: list[Path],
    png: Path,
    svg: Path,
    display: theme.Display,
    seed: int,
) -> None:
    """Faces that alignment rejected, sampled by `seed`, with reasons; grey: not readable.

    `rejected` (REJECTED) and `thumbnails` (uint8 (n, 96, 96, 3)) are in the order of the data sets.
    """
    sheet: list[list[NDArray[np.uint8]]] = []
    captions: list[list[str]] = []
    labels: list[str] = []
    for dataset, table, arrays in zip(display.datasets, rejected, thumbnails, strict=True):
        reasons = read_table(table, REJECTED)["reason"].to_numpy(str)
        rng = generator(seed, "rejected_faces", dataset=dataset)
        count = min(len(reasons), REJECTED_FACES)
        chosen = np.sort(rng.permutation(len(reasons))[:count])
        sheet += _in_rows(Crops([arrays]).take(chosen), COLUMNS)
        captions += [list(reasons[chosen[k : k + COLUMNS]]) for k in range(0, count, COLUMNS)]
        labels += [display.datasets[dataset]] * (len(sheet) - len(labels))
    if sheet:
        theme.save_as(_sheet(sheet, rows=labels, captions=captions), [png, svg])
    else:
        theme.save_as(_words("Alignment rejected no face."), [png, svg])


def plot_contentious(
    *,
    target_labels: Path,
    sides: Path,
    target_crops: list[Path],
    target_aligned: Path,
    png: Path,
    svg: Path,
    display: theme.Display,
) -> None:
    """Figure 3: faces that labels differ on; without any, the least certain of those placed."""
    rows = read_table(target_aligned, ALIGNED)["face_id"]
    placed = read_table(sides, FACE_SIDES)
    people = read_table(target_labels, LABELS)
    contentious = pd.concat(
        table.loc[table["provenance"] == "contentious", "face_id"] for table in (people, placed)
    )
    doubtful = placed.dropna(subset=["confidence"]).sort_values(["confidence", "face_id"])
    if len(chosen := rows[rows.isin(contentious)]):
        title = f"Faces on which people differ: {len(chosen)}, placed "
        title += _placed(placed[placed["face_id"].isin(chosen)], display.sides)
    elif len(chosen := rows[rows.isin(doubtful["face_id"].head(2 * COLUMNS))]):
        title = "No face is contentious; these are the least certain of those that got a side"
    else:
        nothing = _words("The data set labels the boundary itself: no face is contentious.")
        theme.save_as(nothing, [png, svg])
        return
    pictures = Crops(target_crops).take(chosen.index[: 2 * COLUMNS].to_numpy())
    theme.save_as(_sheet(_in_rows(pictures, COLUMNS), title=title), [png, svg])


def plot_translations(
    *,
    arrays: Path,
    translations: Path,
    scores: Path,
    png: Path,
    svg: Path,
    display: theme.Display,
    seed_of_synthesis: int,
) -> None:
    """Figure 4: of both sides' unseen faces the best, median and worst, each with one attribute
    changed at a time.

    The order is of how sure the classifier is of a face's changed attributes, on average
    (`shown`, SCORES): no face is picked by hand.
    """
    rows = read_table(translations, TRANSLATIONS)
    scored = read_table(scores, SCORES)
    shown = scored[scored["seed"] == seed_of_synthesis].set_index("row")["shown"]
    pictures = np.load(arrays, mmap_mode="r")
    attributes = sorted(rows["attribute"].dropna().unique())
    sheet, captions, labels = [], [], []
    for domain, side in zip(DOMAINS, SIDES, strict=True):
        part = rows[rows["domain"] == domain]
        means = part.assign(shown=part["row"].map(shown)).groupby("face_id")["shown"].mean()
        order = means.sort_values(ascending=False, kind="stable").index
        places = {"best": 0, "median": len(order) // 2, "worst": len(order) - 1}
        for rank, place in places.items():
            own = part[part["face_id"] == order[place]]
            original = own[own["kind"] == "original"]["row"].iloc[0]
            changed = own[own["kind"] == "translation"].set_index("attribute")
            asked = [changed.loc[a] if a in changed.index else None for a in attributes]
            sheet.append([pictures[original], *(_of(each, pictures) for each in asked)])
            captions.append(["original", *(_asked(each) for each in asked)])
            labels.append(f"{display.sides[side]}\n{rank}")
    theme.save_as(_sheet(sheet, rows=labels, captions=captions, line=3), [png, svg])


def _of(asked: "pd.Series[Any] | None", pictures: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """The picture of a row of TRANSLATIONS, if there is one."""
    return None if asked is None else pictures[asked["row"]]


def _asked(asked: "pd.Series[Any] | None") -> str:
    """What a row of TRANSLATIONS asks for, if there is one."""
    return "" if asked is None else change_in_words(str(asked.name), bool(asked["value"]))


def _placed(sides: pd.DataFrame, names: Mapping[str, str]) -> str:
    """How many on each side, or in none, in words."""
    counts = sides["side"].fillna("left out").value_counts()
    parts = [(names.get(side, side), counts.get(side, 0)) for side in (*SIDES, "left out")]
    return ", ".join(
        f"{count} in {name}" if name != "left out" else f"{count} left out"
        for name, count in parts
        if count
    )


def _in_rows(pictures: NDArray[np.uint8], columns: int) -> list[list[NDArray[np.uint8]]]:
    return [list(pictures[k : k + columns]) for k in range(0, len(pictures), columns)]


def _sheet(
    pictures: Sequence[Sequence[NDArray[np.uint8] | None]],
    rows: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    title: str | None = None,
    captions: Sequence[Sequence[str]] | None = None,
    line: int | None = None,
) -> Figure:
    """Pictures side by side. A label stands beside the middle of the rows that share it.

    `captions` stand below the pictures, one each, in at most three lines.

    Blocks of rows with different labels are set apart, or else the rows from `line` on. A missing
    picture is a grey field.
    """
    theme.use()
    height, width = len(pictures), max(len(row) for row in pictures)
    size = min(1.0, 7.6 / width)
    captions = [[_filled(caption) for caption in row] for row in captions or []]
    lines = max((caption.count("\n") + 1 for row in captions for caption in row), default=0)
    step = size + LINE * lines
    left, top = (0.5 if rows else 0.02), (0.24 if columns or title else 0.02)
    figure = plt.figure(figsize=(size * width + left, step * height + top))
    page = figure.add_axes((0, 0, 1, 1), xlim=(0, size * width + left), xticks=[], yticks=[])
    page.set_ylim(step * height + top, 0)
    page.axis("off")
    for i, row in enumerate(pictures):
        for j, picture in enumerate(row):
            x, y = left + size * j, top + step * i
            inner = (x + 0.02, x + size - 0.02, y + size - 0.02, y + 0.02)
            if picture is None:
                page.fill_between(inner[:2], inner[3], inner[2], color="#EEEEEE", linewidth=0)
                page.text(x + size / 2, y + size / 2, "not asked", color="#6A6A6A", **MIDDLE)
            else:
                page.imshow(picture, extent=inner, interpolation="lanczos", aspect="auto")
    for i, row_captions in enumerate(captions):
        for j, caption in enumerate(row_captions):
            x, y = left + size * (j + 0.5), top + step * i + size
            page.text(x, y, caption, fontsize=5.5, ha="center", va="top")
    for label, first, last in _blocks(rows or []):
        middle = top + step * (first + last + 1) / 2
        page.text(left / 2 - 0.02, middle, label, rotation=90, **MIDDLE)
        if first == line or (first and len(_blocks(rows or [])) < height):
            y = top + step * first
            page.plot([0.05, size * width + left], [y, y], color=theme.COLOURS["black"], lw=1)
    for j, name in enumerate(columns or []):
        page.text(left + size * (j + 0.5), top / 2, name, **MIDDLE)
    if title:
        page.text(0.03, top / 2, title, fontsize=9, va="center")
    page.set(xlim=(0, size * width + left), ylim=(step * height + top, 0))
    return figure


def _filled(caption: str) -> str:
    return textwrap.fill(caption, 20, max_lines=3, placeholder="…")


def _blocks(labels: Sequence[str]) -> list[tuple[str, int, int]]:
    """Runs of equal labels: the label, its first and its last row."""
    blocks: list[tuple[str, int, int]] = []
    for i, label in enumerate(labels):
        first = blocks.pop()[1] if blocks and blocks[-1][0] == label else i
        blocks.append((label, first, i))
    return blocks


def _words(words: str) -> Figure:
    """A plain sentence where there is nothing to show."""
    theme.use()
    figure, axes = plt.subplots(figsize=(6.5, 0.8))
    axes.axis("off")
    axes.text(0.5, 0.5, words, ha="center", va="center", fontsize=10)
    return figure
