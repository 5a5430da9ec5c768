"""A sheet of translations to look at: real faces, and each with one attribute changed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from facegap import theme

EACH = 4  # faces a domain


def draw_sheet(
    table: pd.DataFrame,
    images: NDArray[np.uint8],
    attributes: Sequence[str],
    sides: Mapping[str, str],
    sheet_png: str | Path,
) -> None:
    """Draw `EACH` faces of both domains, a row a face, alternating over the control's values.

    `table` (TRANSLATIONS) is that of `images` (n, s, s, 3). The faces are the same for every
    seed. A cell is empty where a face has the attribute already and it can only be set.
    """
    theme.use()
    chosen = {str(domain): _faces(part) for domain, part in table.groupby("domain")}
    columns = ["real", "reconstruction", *attributes]
    height, width = sum(map(len, chosen.values())), len(columns)
    figure, grid = plt.subplots(
        height,
        width,
        figsize=(0.95 * width + 0.6, 0.95 * height + 0.6),
        squeeze=False,
        gridspec_kw={"wspace": 0.03, "hspace": 0.03},
        layout="none",
    )
    lines = [(domain, face) for domain, faces in chosen.items() for face in faces]
    for cells, (domain, face) in zip(grid, lines, strict=True):
        own = table[table["face_id"] == face]
        for axes, column in zip(cells, columns, strict=True):
            _cell(axes, own, column, images)
        if face == chosen[domain][0]:
            side = sides["inside" if domain == "in-domain" else "outside"]
            cells[0].set_ylabel(f"{side} ({domain})", loc="top", fontsize=8)
    for axes, column in zip(grid[0], columns, strict=True):
        axes.set_title(column.replace("_", " "), fontsize=8, fontweight="normal", loc="center")
    top, left = 1 - 0.3 / figure.get_figheight(), 0.5 / figure.get_figwidth()
    figure.subplots_adjust(left=left, right=0.995, bottom=0.01, top=top)
    theme.save(figure, sheet_png)
    plt.close(figure)


def _faces(part: pd.DataFrame) -> list[str]:
    """The first faces of each value of the control in turn, persons before further pictures."""
    originals = part[part["kind"] == "original"].drop_duplicates("subject_id")
    turn = originals.groupby("control", dropna=False).cumcount()
    ordered = originals.assign(turn=turn).sort_values(["turn", "control"], kind="stable")
    return list(ordered["face_id"].head(EACH))


def _cell(axes: Axes, own: pd.DataFrame, column: str, images: NDArray[np.uint8]) -> None:
    """One image of a face whose rows are `own`, with what the attribute was changed to."""
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    kind = {"real": "original"}.get(column, column)
    found = own[(own["kind"] == kind) | (own["attribute"] == column)]
    if len(found):
        axes.imshow(images[found["row"].iloc[0]], interpolation="lanczos")
        if found["kind"].iloc[0] == "translation":
            _mark(axes, "+" if found["value"].iloc[0] else "−")


def _mark(axes: Axes, sign: str) -> None:
    """What was done to the attribute, in a corner of the image."""
    disc: dict[str, Any] = {
        "boxstyle": "circle,pad=0.12",
        "facecolor": "white",
        "alpha": 0.85,
        "linewidth": 0,
    }
    axes.text(
        0.9, 0.1, sign, fontsize=7, ha="center", va="center", bbox=disc, transform=axes.transAxes
    )
