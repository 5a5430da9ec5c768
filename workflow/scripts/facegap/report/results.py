"""Tables 1 to 5 as numbers: ours, its interval, the published value and the difference."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from facegap import tables
from facegap.files import read_json
from facegap.intervals import Interval, of_mean

PAPERS = {"resnet50": "ResNet50", "vgg16": "VGG16", "vgg19": "VGG19", "vggface": "VGGFace"}
OPTIMISERS = {"adam": "Adam", "sgd": "SGD", "rmsprop": "RMSprop"}
DOMAINS = {"in-domain": "CelebC", "out-domain": "CelebO"}
Cells = dict[tuple[str, str], Interval]


def tabulate_results(
    runs: str | Path,
    kept: str | Path,
    table5: str | Path,
    published: str | Path,
    outputs: Sequence[str | Path],
    *,
    confidence: float,
) -> None:
    """Write the five tables (REPORTED), in the order of `outputs`.

    Tables 1 to 4: mean over repeats with Student's interval. Table 5: shares of answers with
    Wilson's interval. Rows and columns have the paper's names; rows of ours that the paper has not
    follow its own.
    """
    grid = _Grid(tables.read(runs, tables.RUNS), read_json(kept), confidence)
    printed = yaml.safe_load(Path(published).read_text())
    ours = [_table1(grid), _table2(grid), _table3(grid), _table4(grid)]
    ours.append(_table5(tables.read(table5, tables.TABLE5)))
    for number, (cells, path) in enumerate(zip(ours, outputs, strict=True), 1):
        tables.write(beside(cells, printed[f"table{number}"]), path, tables.REPORTED)


def beside(ours: Cells, printed: Mapping[str, Any]) -> pd.DataFrame:
    """Our cells and the printed ones, row by row (REPORTED)."""
    theirs = {
        (row, column): float(value)
        for row, values in printed["rows"].items()
        for column, value in zip(printed["columns"], values, strict=True)
    }
    rows = []
    for row, column in dict.fromkeys([*theirs, *ours]):
        found = ours.get((row, column), Interval(*[float("nan")] * 3))
        value = theirs.get((row, column), float("nan"))
        rows.append((row, column, *found, value, found.estimate - value))
    names = ["row", "column", "ours", "low", "high", "published", "difference"]
    return pd.DataFrame(rows, columns=names)


class _Grid:
    """The runs of the grid, asked for by cell."""

    def __init__(self, runs: pd.DataFrame, kept: Mapping[str, Any], confidence: float) -> None:
        self.runs, self.confidence = runs, confidence
        self.backbone: str = kept["backbone"]
        self.best = (kept["tune_optimiser"], kept["fine_tune_optimiser"])
        self.view: str = kept["view"]
        self.first = self._pair((runs["trained_on"] == "source") & (runs["view"] == "plain"))
        self.in_domain = self._pair(runs["trained_on"] == "target")

    def _pair(self, mask: "pd.Series[bool]") -> tuple[str, str]:
        """The optimisers of the first of these runs: the grid comes in the config's order."""
        if not mask.any():
            return self.best
        first = self.runs[mask].iloc[0]
        return str(first["tune_optimiser"]), str(first["fine_tune_optimiser"])

    def mean(
        self,
        measure: str,
        backbone: str,
        view: str,
        stage: str = "fine-tuned",
        pair: tuple[str, str] | None = None,
        trained_on: str = "source",
    ) -> Interval:
        """Mean over the repeats of one cell; NaN where it was not run."""
        tune, fine_tune = pair or self.first
        wanted = {
            "backbone": backbone,
            "view": view,
            "stage": stage,
            "tune_optimiser": tune,
            "fine_tune_optimiser": fine_tune,
            "trained_on": trained_on,
        }
        mask = (self.runs[list(wanted)] == pd.Series(wanted)).all(axis=1)
        found = of_mean(self.runs.loc[mask, measure].dropna(), self.confidence)
        most = 1 if measure.endswith("accuracy") else np.inf
        low, high = np.clip([found.low, found.high], 0, most)  # Student's interval has no bounds
        return Interval(found.estimate, float(low), float(high))

    def both(self, *cell: Any, **more: Any) -> Iterator[tuple[str, Interval]]:
        """Source and target accuracy of a cell."""
        for domain in ("source", "target"):
            yield domain, self.mean(f"{domain}_accuracy", *cell, **more)

    def backbones(self) -> list[str]:
        """Those that were run: the paper's in its order, then the others in the config's."""
        there = list(dict.fromkeys(self.runs["backbone"]))
        return sorted(there, key=lambda name: [*PAPERS, *there].index(name))


def _table1(grid: _Grid) -> Cells:
    return {
        (f"{PAPERS.get(name, name)} ({words})", domain.title()): value
        for name in grid.backbones()
        for stage, words in (("tuned", "Tuned"), ("fine-tuned", "Fine Tuned"))
        for domain, value in grid.both(name, "plain", stage)
    }


def _table2(grid: _Grid) -> Cells:
    return {
        (PAPERS.get(name, name), f"{words} {domain}"): value
        for name in grid.backbones()
        for view, words in (("plain", "Unaugmented"), ("augmented", "Augmented"))
        for domain, value in grid.both(name, view)
    }


def _table3(grid: _Grid) -> Cells:
    kept = grid.runs[(grid.runs["backbone"] == grid.backbone) & (grid.runs["view"] == "augmented")]
    columns = {"Loss": "loss", "Accuracy": "target_accuracy", "Time": "epochs_to_convergence"}
    pairs = kept[kept["trained_on"] == "source"][["tune_optimiser", "fine_tune_optimiser"]]
    return {
        (f"{OPTIMISERS[tune]}/{OPTIMISERS[fine]}", column): grid.mean(
            measure, grid.backbone, "augmented", pair=(tune, fine)
        )
        for tune, fine in pairs.drop_duplicates().itertuples(index=False)
        for column, measure in columns.items()
    }


def _table4(grid: _Grid) -> Cells:
    kept = grid.backbone
    rows: dict[str, dict[str, Any]] = {
        "Benchmark": {"view": grid.view, "trained_on": "target", "pair": grid.in_domain},
        "Baseline": {"view": "plain", "stage": "tuned"},
        "Tuned": {"view": "plain"},
        "Tuned + DataAugmentation": {"view": "augmented"},
        "Tuned + PreProcessing + Optimisers": {"view": grid.view, "pair": grid.best},
        **_alone(grid),
    }
    return {
        (row, domain.title()): value
        for row, cell in rows.items()
        for domain, value in grid.both(kept, **cell)
    }


def _alone(grid: _Grid) -> dict[str, dict[str, Any]]:
    """Rows of ours: each technique without the others, on the kept backbone, if they were run."""
    rows: dict[str, dict[str, Any]] = {
        "Tuned + crop alone": {"view": "cropped"},
        "Tuned + transforms alone": {"view": "transformed"},
    }
    plain = grid.runs[(grid.runs["backbone"] == grid.backbone) & (grid.runs["view"] == "plain")]
    pairs = plain[["tune_optimiser", "fine_tune_optimiser"]].drop_duplicates()
    for tune, fine in pairs.itertuples(index=False):
        if (tune, fine) != grid.first:
            name = f"Tuned + {OPTIMISERS[tune]}/{OPTIMISERS[fine]} alone"
            rows[name] = {"view": "plain", "pair": (tune, fine)}
    there = set(grid.runs.loc[grid.runs["backbone"] == grid.backbone, "view"])
    return {name: row for name, row in rows.items() if row["view"] in there}


def _table5(shares: pd.DataFrame) -> Cells:
    return {
        (row["control"].title(), DOMAINS[row["domain"]]): Interval(
            row["share"], row["low"], row["high"]
        )
        for row in shares.to_dict("records")
    }
