"""How every figure looks and is written: readable in print, colour-blind safe, the same bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.rcsetup import cycler
from numpy.typing import ArrayLike, NDArray

from facegap.files import whole

mpl.use("Agg")
COLOURS = {  # four of Okabe and Ito's, which any eye can distinguish
    "blue": "#0072B2",
    "orange": "#D55E00",
    "green": "#009E73",
    "purple": "#CC79A7",
    "grey": "#8A8A8A",
    "black": "#1A1A1A",
}
SERIES = [COLOURS[name] for name in ("blue", "orange", "green", "purple")]
OURS: dict[str, Any] = {"fmt": "o", "markersize": 4, "capsize": 2, "linewidth": 1.2, "zorder": 2}
PUBLISHED: dict[str, Any] = {"marker": "D", "facecolors": "none", "s": 30, "zorder": 3}


@dataclass(frozen=True)
class Display:
    """What figures call things: sides by inside and outside, data sets by name, in their order."""

    sides: dict[str, str]
    datasets: dict[str, str]


def use() -> None:
    """Make every figure from now on look like the others.

    The style is seaborn's, as matplotlib has it: seaborn takes a second to load in each job.
    """
    plt.style.use("seaborn-v0_8-whitegrid")
    mpl.rcParams.update(
        {
            "axes.prop_cycle": cycler(color=list(COLOURS.values())),
            "font.family": "DejaVu Sans",
            "font.size": 9,
            "axes.titlesize": 10,
            "axes.titleweight": "bold",
            "axes.titlelocation": "left",
            "axes.labelsize": 9.6,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.edgecolor": "#555555",
            "grid.color": "#E4E4E4",
            "grid.linewidth": 0.8,
            "legend.fontsize": 8.8,
            "legend.frameon": False,
            "lines.linewidth": 1.2,
            "lines.markersize": 4.8,
            "patch.edgecolor": "white",
            "patch.force_edgecolor": True,
            "patch.linewidth": 0.8,
            "xtick.labelsize": 8.8,
            "ytick.labelsize": 8.8,
            "savefig.dpi": 200,
            "svg.hashsalt": "facegap",
            "svg.fonttype": "none",
        }
    )


def reach(low: ArrayLike, estimate: ArrayLike, high: ArrayLike) -> NDArray[np.float64]:
    """Lengths (2, n) of error bars; 0 where an end is missing or on the other side."""
    ends = np.array([np.subtract(estimate, low), np.subtract(high, estimate)], dtype=float)
    lengths: NDArray[np.float64] = np.nan_to_num(ends).clip(0)
    return lengths


def save(figure: Figure, path: str | Path) -> None:
    """Write `figure` at `path` (PNG or SVG by its suffix), whole, with no time in it."""
    path = Path(path)
    nothing = {"Software": None} if path.suffix == ".png" else {"Date": None, "Creator": None}
    with whole(path) as temporary:
        figure.savefig(temporary, metadata=nothing)


def save_as(figure: Figure, paths: Sequence[str | Path]) -> None:
    """Write `figure` at each of `paths`, and forget it."""
    for path in paths:
        save(figure, path)
    plt.close(figure)
