"""Faces set aside: the share of each group, and whether one loses more of them than another."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray
from statsmodels.stats.multitest import multipletests

from facegap import tables, theme
from facegap.boundary import same_groups
from facegap.intervals import of_clustered_share
from facegap.report.groups import bands_of_age, in_order
from facegap.seeds import generator

GROUPINGS = ("boundary", "gender", "race", "age")  # in the order of the series' colours
DRAWS = 1999  # random labellings of a test
LINE = 0.26  # inches a group


def measure_rejected(
    faces: Mapping[str, str | Path],
    rejected: Mapping[str, str | Path],
    labels: Mapping[str, str | Path],
    output: str | Path,
    *,
    names: Mapping[str, str],
    age_bands: Sequence[int],
    confidence: float,
    seed: int,
) -> None:
    """Write the share of faces that alignment set aside, by collection and group (SET_ASIDE).

    Groups are those of the collections' own labels (gender, race, age) and the sides of the
    boundary where people or the collection say so; `names` are what to call the sides, `age_bands`
    the years at which a band begins. Intervals are Wilson's, with as many trials as there are
    persons. A group's difference from the others is tested by exchanging labels between persons at
    random; the p values of all tests are adjusted together (Holm 1979).
    """
    parts = []
    for dataset, path in faces.items():
        table = tables.read(path, tables.FACES)
        aside = table["face_id"].isin(tables.read(rejected[dataset], tables.REJECTED)["face_id"])
        person = table["subject_id"].fillna(table["face_id"])
        sides = tables.read(labels[dataset], tables.LABELS).set_index("face_id")["side"]
        boundary = table["face_id"].map(sides).map(dict(names))
        own = {
            name: groups
            for name, groups in _own(table, age_bands).items()
            if not same_groups(groups, boundary)
        }
        groupings = {"boundary": boundary, **own}
        for grouping, groups in groupings.items():
            known = groups.notna()
            if groups[known].nunique() < 2:
                continue
            rng = generator(seed, "report", "rejected", dataset, grouping)
            cells = (groups[known], aside[known], person[known])
            parts.append(_shares(*cells, confidence).assign(dataset=dataset, grouping=grouping))
            parts[-1]["p"] = exchanged(*cells, rng)
    shares = pd.concat(parts) if parts else pd.DataFrame(columns=list(tables.SET_ASIDE.columns))
    columns = list(tables.SET_ASIDE.columns)
    tables.write(_adjusted(shares)[columns], output, tables.SET_ASIDE)


def _own(table: pd.DataFrame, age_bands: Sequence[int]) -> dict[str, pd.Series]:
    """The collection's own labels as groups."""
    return {
        "gender": table["gender"],
        "race": table["race_raw"],
        "age": bands_of_age(table["age"], age_bands),
    }


def _shares(
    groups: pd.Series, aside: pd.Series, person: pd.Series, confidence: float
) -> pd.DataFrame:
    rows = []
    for group in in_order(groups.unique()):
        own = groups == group
        found = of_clustered_share(aside[own], person[own], confidence)
        rows.append((group, int(own.sum()), int(aside[own].sum()), *found))
    return pd.DataFrame(rows, columns=["group", "faces", "set_aside", "share", "low", "high"])


def exchanged(
    groups: pd.Series, aside: pd.Series, person: pd.Series, rng: np.random.Generator
) -> float:
    """The p value of equal shares in all groups: labels exchanged at random between persons.

    The faces of a person under one label go together. NaN where no or every face was set aside.
    """
    if aside.all() or not aside.any():
        return float("nan")
    units = pd.DataFrame({"person": person, "group": groups, "aside": aside})
    sums = units.groupby(["person", "group"], sort=True)["aside"].agg(["sum", "size"])
    code = pd.factorize(sums.index.get_level_values("group"), sort=True)[0]
    lost, size = sums["sum"].to_numpy(float), sums["size"].to_numpy(float)
    seen = _spread(code, lost, size)
    draws = [_spread(rng.permutation(code), lost, size) for _ in range(DRAWS)]
    return float((1 + np.sum(np.array(draws) >= seen - 1e-12)) / (1 + DRAWS))


def _spread(code: NDArray[np.int64], lost: NDArray[np.float64], size: NDArray[np.float64]) -> float:
    """Spread of the groups' shares around the common one, weighted by their faces."""
    faces, gone = np.bincount(code, size), np.bincount(code, lost)
    return float((faces * (gone / faces - lost.sum() / size.sum()) ** 2).sum())


def _adjusted(shares: pd.DataFrame) -> pd.DataFrame:
    tests = shares.drop_duplicates(["dataset", "grouping"]).dropna(subset=["p"])
    adjusted = pd.Series(dtype=float)
    if len(tests):
        keys = pd.MultiIndex.from_frame(tests[["dataset", "grouping"]])
        adjusted = pd.Series(multipletests(tests["p"], method="holm")[1], index=keys)
    keys = pd.MultiIndex.from_frame(shares[["dataset", "grouping"]])
    return shares.assign(adjusted=adjusted.reindex(keys).to_numpy(float))


def draw_rejected(
    shares: str | Path, outputs: Sequence[str | Path], *, names: Mapping[str, str]
) -> None:
    """The share set aside of each group with its interval, and the adjusted p of each grouping."""
    table = tables.read(shares, tables.SET_ASIDE)
    theme.use()
    counts = [len(table[table["dataset"] == name]) for name in table["dataset"].unique()] or [0]
    figure, grid = plt.subplots(
        len(counts),
        figsize=(6.6, LINE * (sum(counts) + 2 * len(counts)) + 0.5),
        height_ratios=[count + 1.2 for count in counts],
        squeeze=False,
        sharex=True,
        layout="constrained",
    )
    if table.empty:
        grid[0, 0].set_title("The collections know no groups to compare.", fontsize=9)
    groups = table.groupby("dataset", sort=False)
    for axes, (dataset, part) in zip(grid[:, 0], groups, strict=False):
        _draw_collection(axes, part.reset_index(drop=True))
        axes.set_title(names[str(dataset)], fontsize=9)
    grid[-1, 0].set_xlabel("faces set aside by the alignment, percent")
    grid[-1, 0].set_xlim(left=0)
    theme.save_as(figure, outputs)


def _draw_collection(axes: Axes, part: pd.DataFrame) -> None:
    groupings = list(part["grouping"].unique())
    for y, row in enumerate(part.to_dict("records")):
        values = [100 * row[name] for name in ("low", "share", "high")]
        reach = [[values[1] - values[0]], [values[2] - values[1]]]
        colour = theme.SERIES[GROUPINGS.index(row["grouping"])]
        axes.errorbar(values[1], y, xerr=reach, color=colour, **theme.OURS)
    axes.set_yticks(part.index, part["grouping"] + ": " + part["group"].astype(str))
    axes.set_ylim(len(part) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    for grouping in groupings:
        rows = part.index[part["grouping"] == grouping]
        if rows[0]:
            axes.axhline(rows[0] - 0.5, color="#BBBBBB", linewidth=0.8)
        p = part["adjusted"][rows[0]]
        if np.isfinite(p):
            axes.annotate(
                f"p = {p:.3f}" if p >= 0.001 else "p < 0.001",
                (1.01, float(np.mean(rows))),
                xycoords=("axes fraction", "data"),
                fontsize=8,
                va="center",
            )
