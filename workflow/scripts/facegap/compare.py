"""Estimates of several studies side by side: `facegap compare results/a results/b`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from facegap import theme
from facegap.audit_quantities import AUDIT
from facegap.errors import DataError
from facegap.files import whole
from facegap.groups import ALL
from facegap.numbers import number, span
from facegap.quantities import QUANTITIES
from facegap.tables.base import as_csv, read_table
from facegap.tables.measure import ESTIMATES

KEYS = [  # what tells one estimate of a study from another
    *("quantity", "metric", "task", "model", "arm", "seed", "trained_on", "tested_on", "group"),
    *("attribute", "share", "threshold", "method"),
]
NAMED = {  # before the value, where it does not speak for itself
    **{"trained_on": "trained on", "tested_on": "tested on", "seed": "seed"},
    **{"share": "share", "threshold": "threshold"},
}
VALUES = ["estimate", "low", "high"]
CURVE = "detection error trade-off"  # whose points differ from study to study
PLACE = "report/estimates.csv"  # below a study
MOST = 60  # lines of the figure
LINE = 0.24  # inches a line and study


def add(parser: argparse.ArgumentParser) -> None:
    """Give `parser` the arguments of the command."""
    parser.add_argument(
        "results", nargs="+", type=Path, metavar="RESULTS", help="folders such as results/drawn"
    )
    parser.add_argument(
        "--quantity",
        action="append",
        choices=sorted(QUANTITIES),
        metavar="QUANTITY",
        help="only this quantity (docs/estimates.md); may be given several times",
    )
    parser.add_argument(
        "--groups",
        action="store_true",
        help="single groups, too, in what is printed and in the figure",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("comparison"),
        help="where to write .csv, .png and .svg (default: comparison)",
    )
    parser.set_defaults(
        command=lambda given: compare(
            given.results, given.output, quantities=given.quantity, groups=given.groups
        )
    )


def compare(
    results: Sequence[Path],
    output: Path,
    *,
    quantities: Sequence[str] | None = None,
    groups: bool = False,
) -> None:
    """Print the rows of several studies side by side, and write them with a figure.

    Writes `output`.csv (KEYS, and estimate, low and high of each study), .png and .svg. What is
    printed and in the figure is of all faces (with `groups`, of single ones, too), attributes and
    seeds, and, without `quantities`, of no single model. Raises `DataError` where a folder has no
    estimates, or nothing is left to compare.
    """
    table = side_by_side(results, quantities)
    shown = headline(table, models=bool(quantities), groups=groups)
    with pd.option_context("display.max_rows", None, "display.width", None):
        print(as_text(shown).to_string(index=False))
    if left := len(table) - len(shown):
        print(f"and {left} more in {output}.csv")
    flat = table.copy()
    flat.columns = [" ".join(filter(None, name)) for name in table.columns]
    output.parent.mkdir(parents=True, exist_ok=True)
    with whole(output.with_name(f"{output.name}.csv")) as temporary:
        temporary.write_text(as_csv(flat), encoding="utf-8", newline="")
    plot_comparison(shown, [output.with_name(f"{output.name}{end}") for end in (".png", ".svg")])


def side_by_side(results: Sequence[Path], quantities: Sequence[str] | None = None) -> pd.DataFrame:
    """Rows by KEYS, in the order of the first study that has them.

    Columns have two levels: (key, ""), and (study, estimate), (study, low), (study, high).
    """
    parts = []
    for study, folder in zip(_names(results), results, strict=True):
        if not (folder / PLACE).is_file():
            raise DataError(f"{folder} has no {PLACE}; name folders of finished studies")
        rows = read_table(folder / PLACE, ESTIMATES)
        rows = rows[rows["quantity"].isin(quantities or QUANTITIES)]
        rows = rows[rows["quantity"] != CURVE]
        rows.loc[rows["quantity"].isin(AUDIT), ["threshold", "share"]] = None  # results, too
        bins = rows["quantity"].str.endswith("calibration")
        rows.loc[bins, "share"] = None  # of a bin: a result, as its estimate is
        for key in rows.loc[rows.duplicated(KEYS), KEYS].dropna(axis=1).to_dict("records"):
            raise DataError(f"{folder / PLACE}: two rows of {key}; run this study again")
        parts.append(rows[[*KEYS, *VALUES]].assign(study=study))
    long = pd.concat(parts, ignore_index=True)
    if long.empty:
        raise DataError(f"no estimates of {', '.join(quantities or [])} in {_list(results)}")
    long["row"] = long.groupby(KEYS, dropna=False, sort=False).ngroup()
    keys = long.drop_duplicates("row").set_index("row")[KEYS]
    keys.columns = pd.MultiIndex.from_product([KEYS, [""]])
    values = long.pivot(index="row", columns="study", values=VALUES).swaplevel(axis=1)
    studies = [(study, value) for study in _names(results) for value in VALUES]
    return keys.join(values.reindex(columns=pd.MultiIndex.from_tuples(studies)))


def headline(table: pd.DataFrame, *, models: bool, groups: bool = False) -> pd.DataFrame:
    """The rows of all faces, attributes and seeds, of single `models` or not; of none, all rows.

    With `groups` those of single groups, too.

    Of tasks beside the boundary those over data sets: single heads of them are dozens.
    """
    of_all = (groups | (table["group"] == ALL)) & table["attribute"].isna() & table["seed"].isna()
    of_head = table["task"].notna() & (table["task"] != "boundary") & table["trained_on"].notna()
    of_all &= ~of_head
    if not models:
        of_all &= table["model"].isna() | (table["model"] == ALL)
    return table[of_all] if of_all.any() else table


def as_text(table: pd.DataFrame) -> pd.DataFrame:
    """A column a key that has a value, and one a study, "0.234 [0.132, 0.329]"."""
    keys = [key for key in KEYS if table[key].notna().any()]
    text = pd.DataFrame({key: table[key].astype(object).fillna("") for key in keys})
    for study in _studies(table):
        text[study] = [
            f"{number(estimate)} {span(low, high)}".strip()
            for estimate, low, high in table[study][VALUES].itertuples(index=False)
        ]
    return text


def plot_comparison(table: pd.DataFrame, paths: Sequence[Path]) -> None:
    """An axis a quantity and metric, a line a row, a colour a study; at most MOST lines."""
    shown = table.head(MOST)
    studies = _studies(table)
    panels = shown.groupby(["quantity", "metric"], dropna=False, sort=False)
    sizes = [len(part) * max(1.0, len(studies) / 2) + 2 for _, part in panels]
    theme.use()
    figure, grid = plt.subplots(
        len(sizes),
        figsize=(7.6, LINE * sum(sizes) + 0.5),
        height_ratios=sizes,
        squeeze=False,
        layout="constrained",
    )
    for axes, ((quantity, metric), part) in zip(grid[:, 0], panels, strict=True):
        _panel(axes, part, studies)
        named = f"{quantity}: {metric}" if isinstance(metric, str) else str(quantity)
        axes.set_title(named, fontsize=9)
    figure.legend(
        *grid[0, 0].get_legend_handles_labels(), loc="outside upper left", ncols=4, fontsize=8
    )
    if len(table) > MOST:
        axes.set_xlabel(f"{len(table) - MOST} more rows are in the table alone", fontsize=8)
    theme.save_as(figure, paths)


def _panel(axes: Axes, part: pd.DataFrame, studies: Sequence[str]) -> None:
    keys = [key for key in KEYS[2:] if part[key].nunique(dropna=False) > 1]
    lines = [
        ", ".join(f"{NAMED.get(key, '')} {row[key]}".strip() for key in keys if pd.notna(row[key]))
        or ALL
        for row in part[keys].droplevel(1, axis=1).to_dict("records")
    ]
    for k, study in enumerate(studies):
        estimate, low, high = (part[study, name].astype(float) for name in VALUES)
        y = np.arange(len(part)) + 0.5 * ((k + 0.5) / len(studies) - 0.5)
        colour = theme.SERIES[k % len(theme.SERIES)]
        reach = theme.reach(low, estimate, high)
        axes.errorbar(estimate, y, xerr=reach, color=colour, label=study, **theme.OURS)
    axes.set_yticks(range(len(part)), lines)
    axes.set_ylim(len(part) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")


def _names(results: Sequence[Path]) -> list[str]:
    """The folders' own names; their paths where two have the same."""
    names = [folder.name for folder in results]
    return names if len(set(names)) == len(names) else [str(folder) for folder in results]


def _studies(table: pd.DataFrame) -> list[str]:
    first, second = (table.columns.get_level_values(level) for level in range(2))
    return list(dict.fromkeys(first[second != ""]))


def _list(results: Sequence[Path]) -> str:
    return ", ".join(str(folder) for folder in results)
