"""Tables 1 to 5 as numbers: ours and its interval, beside the paper's where it is its study."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from facegap.configurations import HEAD, Configuration, configuration
from facegap.files import read_json
from facegap.groups import ALL, group_values
from facegap.published import NETWORKS
from facegap.report.rows import MISSING, as_rows, interval_of, rows_of
from facegap.settings.classify import Grid
from facegap.statistics.interval import Interval
from facegap.tables.base import read_table, write_table
from facegap.tables.measure import ESTIMATES
from facegap.tables.report import REPORTED

OPTIMISERS = {"adam": "Adam", "sgd": "SGD", "rmsprop": "RMSprop"}
Values = dict[tuple[str, str], Interval]  # by row and column
Notes = dict[tuple[str, str], str]  # likewise
NOTHING: dict[str, Any] = {"columns": [], "rows": {}}  # is printed of a study of one's own
PRINTED_SIDES = ("CelebC", "CelebO")
Pair = tuple[str, str]  # optimisers of head training and of fine-tuning


def tabulate_results(
    *,
    measure_estimates: Path,
    judge_estimates: Path | None,
    selected: Path | None,
    published: Path,
    tables: list[Path],
    settings: Grid,
    sides: dict[str, str],
    compared: list[str],
) -> None:
    """Write those of the five `tables` (REPORTED) that the study has.

    Tables 1 to 4: mean over repeats with Student's interval. Table 5: the preference by the model
    clustered by person; where it could not be fitted, shares of answers without an interval. The
    tables of `compared` have the paper's rows and columns, then rows of ours; all others have what
    was run.
    """
    columns = tuple(sides[side] for side in ("inside", "outside"))
    ours: dict[str, Values] = {}
    notes: dict[str, Notes] = {}
    if selected:
        runs = _Runs(read_table(measure_estimates, ESTIMATES), read_json(selected), settings)
        made = (_table1, _table2, _table3, _table4)
        ours = {f"table{number}": table(runs) for number, table in enumerate(made, 1)}
        notes = {"table3": _converged(runs)}
    if judge_estimates:
        printed_columns = PRINTED_SIDES if "table5" in compared else columns
        ours["table5"] = _table5(judge_estimates, printed_columns)
    printed = yaml.safe_load(published.read_text())
    for path in tables:
        theirs = printed[path.stem] if path.stem in compared else NOTHING
        write_table(beside(ours[path.stem], theirs, notes.get(path.stem)), path, REPORTED)


def beside(ours: Values, printed: Mapping[str, Any], notes: Notes | None = None) -> pd.DataFrame:
    """Our values with their notes, and the printed ones, row by row (REPORTED)."""
    theirs = {
        (row, column): float(value)
        for row, values in printed["rows"].items()
        for column, value in zip(printed["columns"], values, strict=True)
    }
    rows = []
    for row, column in dict.fromkeys([*theirs, *ours]):
        own = ours.get((row, column), interval_of(MISSING))
        value = theirs.get((row, column), float("nan"))
        note = (notes or {}).get((row, column))
        rows.append((row, column, *own, value, own.estimate - value, note))
    names = ["row", "column", "ours", "low", "high", "published", "difference", "note"]
    return pd.DataFrame(rows, columns=names)


class _Runs:
    """Means over the repeats of a configuration, by what the tables vary."""

    def __init__(self, estimates: pd.DataFrame, selected: Mapping[str, Any], grid: Grid) -> None:
        keys = ("metric", "model", "trained_on", "tested_on")
        rows = as_rows(rows_of(estimates, "training mean", arm=None))
        self._rows = {tuple(row[key] for key in keys): row for row in rows}
        counts = as_rows(rows_of(estimates, "trainings", arm=None))
        self._counts = {tuple(row[key] for key in keys[:3]): int(row["estimate"]) for row in counts}
        self.backbone: str = selected["backbone"]
        self.preprocessing: str = selected["preprocessing"]
        self.best: Pair = (selected["head_optimiser"], selected["fine_tuning_optimiser"])
        own = [row["model"] for row in rows if row["trained_on"] == "target"]
        names = [configuration(model) for model in own if not model.endswith(f", {HEAD}")]
        self.benchmark: Pair = next(
            ((each.head_optimiser, each.fine_tuning_optimiser) for each in names), self.best
        )
        self.loss = grid.printed_loss
        self.pairs: list[Pair] = [(head, fine) for head, fine in grid.optimiser_pairs]
        order = [*NETWORKS, *grid.backbones]  # the paper's in its order, then others
        self.backbones = sorted(grid.backbones, key=order.index)

    def mean(
        self,
        metric: str,
        backbone: str,
        preprocessing: str,
        *,
        pair: Pair | None = None,
        head: bool = False,
        trained_on: str = "source",
        tested_on: str | None = "target",
    ) -> Interval:
        """Of one configuration, after fine-tuning or of its `head`; NaN where it was not run.

        Without a `pair` of optimisers it is the grid's first.
        """
        name = Configuration(backbone, preprocessing, *(pair or self.pairs[0]))
        model = name.head_name if head else name.name
        return interval_of(self._rows.get((metric, model, trained_on, tested_on), MISSING))

    def both(self, *configuration: str, **more: Any) -> Iterator[tuple[str, Interval]]:
        """Source and target accuracy of a configuration."""
        for domain in ("source", "target"):
            yield domain, self.mean("accuracy", *configuration, tested_on=domain, **more)

    def converged(self, preprocessing: str, pair: Pair) -> str:
        """How many of the selected backbone's trainings on the source have converged, in words."""
        model = Configuration(self.backbone, preprocessing, *pair).name
        some, every = (self._counts[metric, model, "source"] for metric in ("converged", "all"))
        return f"{some} of {every} trainings converged"

    def ran(self, preprocessing: str, pair: Pair) -> bool:
        """Whether the selected backbone was run so."""
        model = Configuration(self.backbone, preprocessing, *pair).name
        return ("accuracy", model, "source", "target") in self._rows


def _table1(runs: _Runs) -> Values:
    return {
        (f"{NETWORKS.get(name, name)} ({words})", domain.title()): value
        for name in runs.backbones
        for head, words in ((True, "Tuned"), (False, "Fine Tuned"))
        for domain, value in runs.both(name, "plain", head=head)
    }


def _table2(runs: _Runs) -> Values:
    return {
        (NETWORKS.get(name, name), f"{words} {domain}"): value
        for name in runs.backbones
        for preprocessing, words in (("plain", "Unaugmented"), ("augmented", "Augmented"))
        for domain, value in runs.both(name, preprocessing)
    }


def _table3(runs: _Runs) -> Values:
    losses = {"target": ("cross-entropy", "target"), "training": ("training cross-entropy", None)}
    columns = {
        "Loss": losses[runs.loss],
        "Accuracy": ("accuracy", "target"),
        "Time": ("epochs to convergence", None),
    }
    return {
        (_named(pair), column): runs.mean(
            metric, runs.backbone, "augmented", pair=pair, tested_on=tested_on
        )
        for pair in runs.pairs
        if runs.ran("augmented", pair)
        for column, (metric, tested_on) in columns.items()
    }


def _named(pair: Pair) -> str:
    """A row of Table 3."""
    return f"{OPTIMISERS[pair[0]]}/{OPTIMISERS[pair[1]]}"


def _converged(runs: _Runs) -> Notes:
    """On how many trainings the epochs of Table 3 rest."""
    pairs = [pair for pair in runs.pairs if runs.ran("augmented", pair)]
    return {(_named(pair), "Time"): runs.converged("augmented", pair) for pair in pairs}


def _table4(runs: _Runs) -> Values:
    rows: dict[str, tuple[str, dict[str, Any]]] = {
        "Benchmark": (runs.preprocessing, {"trained_on": "target", "pair": runs.benchmark}),
        "Baseline": ("plain", {"head": True}),
        "Tuned": ("plain", {}),
        "Tuned + DataAugmentation": ("augmented", {}),
        "Tuned + PreProcessing + Optimisers": (runs.preprocessing, {"pair": runs.best}),
        **_single_techniques(runs),
    }
    return {
        (row, domain.title()): value
        for row, (preprocessing, more) in rows.items()
        for domain, value in runs.both(runs.backbone, preprocessing, **more)
    }


def _single_techniques(runs: _Runs) -> dict[str, tuple[str, dict[str, Any]]]:
    """Rows of ours: each technique without the others, on the selected backbone, if it was run."""
    first, *others = runs.pairs
    rows: dict[str, tuple[str, dict[str, Any]]] = {
        f"Tuned + {words} alone": (preprocessing, {})
        for words, preprocessing in (("crop", "cropped"), ("transforms", "transformed"))
        if runs.ran(preprocessing, first)
    }
    for pair in others:
        if runs.ran("plain", pair):
            rows[f"Tuned + {_named(pair)} alone"] = ("plain", {"pair": pair})
    return rows


def _table5(judge_estimates: Path, columns: tuple[str, ...]) -> Values:
    """The share of either side, `columns`, by value of the control; and of all."""
    judged = read_table(judge_estimates, ESTIMATES)
    tested = as_rows(rows_of(judged, "preference", metric="choice"))
    rows = tested or as_rows(rows_of(judged, "raw preference", model=None))
    values: Values = {}
    for row in sorted(rows, key=lambda row: row["group"] == ALL):
        group = group_values(row["group"])
        column = columns[1 if "chosen" in group else 0]
        values[group.get("control", ALL).title(), column] = interval_of(row)
    return values
