"""A model's measures in groups of persons: each, against the others, and how far they range.

Measures are means over faces, or metrics of two kinds of faces, with their variance over whole
persons (facegap/statistics/performance.py). A range of groups is judged by all of their pairwise
differences at once, so that it is not found more often where there are more groups.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from facegap.audit_metrics import Better
from facegap.errors import DataError
from facegap.groups import group_name, in_order
from facegap.measure.columns import difference
from facegap.settings.models import Groups
from facegap.statistics.interval import Interval, within
from facegap.statistics.interval import row as row_of
from facegap.statistics.multiplicity import holm
from facegap.statistics.performance import (
    Estimate,
    Measured,
    clustered,
    gap,
    interval_of,
    on_logits,
)

Row = dict[str, Any]
Chosen = NDArray[np.bool_]  # (n,), of the faces
RATIO = "ratio of groups"
MOST = 200  # groups of a factor
DRAWS = 20_000  # of normal deviates, for the largest of all pairwise differences


@dataclass(frozen=True)
class Metric:
    """A measure of a model: of some faces, `of` gives it, or None where it has no meaning there.

    Between `low` and `high`. Where it is `skewed` near an end its interval is symmetric in the
    logit. `better` says which values are.
    """

    of: Callable[[Chosen], Measured | None]
    low: float = 0.0
    high: float = 1.0
    skewed: bool = False
    better: Better = "more"


@dataclass(frozen=True)
class Grouping:
    """Groups of one factor, or of a crossing of factors: the name of each face's, or missing."""

    factor: str
    names: "pd.Series[str]"  # (n,)

    def groups(self) -> list[str]:
        """The groups that some face is in, in order."""
        return in_order(self.names.dropna().unique())

    def chosen(self, name: str) -> Chosen:
        """The faces of a group."""
        found: Chosen = (self.names == name).to_numpy(bool)
        return found


def groupings(
    faces: pd.DataFrame, columns: Mapping[str, "pd.Series[str]"], settings: Groups
) -> list[Grouping]:
    """Those of the settings that the faces (n) have, at least two groups of each.

    Raises `DataError` where a factor makes more than MOST.

    `columns` has the group of each face by factor; other factors are columns of `faces`.
    """
    factors = [[name] for name in settings.by] + [[*names] for names in settings.crossings]
    if settings.tones:
        factors += [[name] for name in ("skin tone", "hue") if name in columns]
    found = []
    for names in factors:
        parts = [columns.get(name, faces.get(name)) for name in names]
        known = [part for part in parts if part is not None]
        if len(known) < len(names):
            continue
        words = [part.map(_word).reset_index(drop=True) for part in known]
        table = pd.concat(words, axis=1, keys=names)
        complete = table.notna().all(axis=1)
        named = pd.Series(None, index=table.index, dtype=object)
        rows = table[complete].itertuples(index=False, name=None)
        named[complete] = [group_name(dict(zip(names, row, strict=True))) for row in rows]
        if named.nunique() > MOST:
            raise DataError(
                f"measure.groups: {' × '.join(names)} makes {named.nunique()} groups; name columns"
                f" with few words, that make at most {MOST}"
            )
        if named.nunique() > 1:
            found.append(Grouping(" × ".join(names), named))
    return found


def _word(value: Any) -> str | None:
    if pd.isna(value):
        return None
    return f"{value:g}" if isinstance(value, float) else str(value)


def bands(values: "pd.Series[float]", count: int) -> "pd.Series[str]":
    """Bands of about equally many of the values (n,), named by their ends; missing where one is."""
    edges = np.unique(np.nanquantile(values, np.linspace(0, 1, count + 1)).round(1))
    if len(edges) < 3:
        return pd.Series([None] * len(values), index=values.index, dtype=object)
    names = [f"{low:g} to {high:g}" for low, high in pairwise(edges)]
    inner = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(names) - 1)
    found = pd.Series(np.array(names, dtype=object)[inner], index=values.index)
    return found.where(values.notna(), None)


def group_rows(
    metrics: Mapping[str, Metric],
    person: NDArray[np.int64],
    every: Sequence[Grouping],
    settings: Groups,
    confidence: float,
    rng: np.random.Generator,
) -> Iterator[Row]:
    """Rows (columns of ESTIMATES) of each metric: of all faces, in each group, and of the groups.

    "model performance" of all and of each group, without a number where too few persons have a part
    in it, or where it has no meaning, as balanced accuracy of faces of one kind;
    "group against the others", with p adjusted over all groups (Holm); and "range of groups" and
    "ratio of groups", with the worst group named.
    """
    everybody = np.ones(len(person), dtype=bool)
    for name, metric in metrics.items():
        whole = metric.of(everybody)
        if whole is None:
            continue
        about: Row = {"metric": name}
        found = _estimate(whole, metric, confidence)
        yield {"quantity": "model performance", **about, **_value(found, metric), **_counts(whole)}
        tests: list[Row] = []
        spreads: list[Row] = []
        for grouping in every:
            estimates, rows = _of_groups(metric, grouping, person, settings, confidence)
            yield from ({**about, **each} for each in rows)
            tests += _against(metric, grouping, list(estimates), confidence)
            spreads += ranges(estimates, metric, grouping, confidence, rng)
        yield from ({**about, **each} for each in spreads if each["quantity"] == RATIO)
        for words, family in (("groups against the others", tests), ("ranges of groups", spreads)):
            own = [each for each in family if each["quantity"] != RATIO]
            for each, p in zip(own, holm([each["p"] for each in own]), strict=True):
                yield {**about, **each, "family": f"{words}, {name}", "adjusted_p": float(p)}


def _of_groups(
    metric: Metric,
    grouping: Grouping,
    person: NDArray[np.int64],
    settings: Groups,
    confidence: float,
) -> tuple[dict[str, Estimate], list[Row]]:
    """The estimates of the groups that are shown, and the rows of all."""
    estimates, rows = {}, []
    for name in grouping.groups():
        chosen = grouping.chosen(name)
        row: Row = {"quantity": "model performance", "group": name}
        measured = metric.of(chosen)
        if measured is None:
            row |= {"faces": int(chosen.sum()), "persons": len(np.unique(person[chosen]))}
        else:
            row |= _counts(measured)
            if row["persons"] >= settings.least_persons:
                estimates[name] = _estimate(measured, metric, confidence)
                row |= _value(estimates[name], metric)
        rows.append(row)
    return estimates, rows


def _estimate(measured: Measured, metric: Metric, confidence: float) -> Estimate:
    found = interval_of(clustered(measured), confidence)
    return on_logits(found, confidence) if metric.skewed else found


def _value(found: Estimate, metric: Metric) -> Row:
    interval = within(found.interval, metric.low, metric.high)
    return {**row_of(interval), "standard_error": found.error}


def _counts(measured: Measured) -> Row:
    """The faces and persons that have a part in it."""
    persons = np.concatenate([part.person for part in measured.strata])
    return {"faces": len(persons), "persons": len(np.unique(persons))}


def shown_groups(
    grouping: Grouping, metric: Metric, least: int
) -> Iterator[tuple[str, Chosen, Measured]]:
    """Those groups in whose `metric` `least` persons or more have a part: name, faces, value."""
    for name in grouping.groups():
        chosen = grouping.chosen(name)
        measured = metric.of(chosen)
        if measured is not None and _counts(measured)["persons"] >= least:
            yield name, chosen, measured


def _against(
    metric: Metric, grouping: Grouping, shown: Sequence[str], confidence: float
) -> Iterator[Row]:
    """Each group less all others of its factor; of two groups the first less the second."""
    known = grouping.names.notna().to_numpy(bool)
    for name in shown if len(shown) > 2 else shown[: len(shown) - 1]:
        own = grouping.chosen(name)
        one, other = metric.of(own), metric.of(known & ~own)
        if one is not None and other is not None:
            found = interval_of(clustered(gap(one, other)), confidence)
            reach = metric.high - metric.low
            columns = difference(found, confidence, -reach, reach)
            yield {"quantity": "group against the others", "group": name, **columns}


def ranges(
    estimates: Mapping[str, Estimate],
    metric: Metric,
    grouping: Grouping,
    confidence: float,
    rng: np.random.Generator,
) -> Iterator[Row]:
    """Rows of "range of groups" and "ratio of groups": the best less and over the worst.

    Simultaneous intervals of all differences between two groups (Tukey's, with groups of unequal
    variance): the range is at least the largest lower end, and at most the largest upper one.
    """
    names = [name for name, each in estimates.items() if each.error > 0]
    if len(names) < 2:
        return
    values = np.array([estimates[name].interval.estimate for name in names])
    errors = np.array([estimates[name].error for name in names])
    freedom = np.array([estimates[name].freedom for name in names])
    badness = {"more": -values, "less": values, "nearer to zero": np.abs(values)}
    worst = names[int(badness[metric.better].argmax())]
    group = f"{grouping.factor}: worst {_short(worst, grouping.factor)}"
    about: Row = {"group": group, "answers": len(names)}
    reach = metric.high - metric.low
    spread = _spread(values, errors, freedom, confidence, rng)
    yield {"quantity": "range of groups", **about, **spread.columns(0.0, reach)}
    if (values > 0).all() and metric.low == 0:
        logs = _spread(np.log(values), errors / values, freedom, confidence, rng)
        ends = np.exp([-logs.interval.estimate, -logs.interval.high, -logs.interval.low]).tolist()
        yield {"quantity": RATIO, **about, **row_of(Interval(*ends)), "p": logs.p}


def _short(name: str, factor: str) -> str:
    """The group's own words, where the factor is named beside it."""
    return name.removeprefix(f"{factor}: ")


@dataclass(frozen=True)
class Spread:
    """How far values lie apart, at the most, and p of their being equal."""

    interval: Interval
    p: float

    def columns(self, low: float, high: float) -> Row:
        """As columns of ESTIMATES."""
        return {**row_of(within(self.interval, low, high)), "p": self.p}


def _spread(
    values: NDArray[np.float64],
    errors: NDArray[np.float64],
    freedom: NDArray[np.float64],
    confidence: float,
    rng: np.random.Generator,
) -> Spread:
    """Of estimates (k,) with their standard errors and degrees of freedom."""
    pairs = np.array(list(combinations(range(len(values)), 2)))
    one, other = pairs.T
    apart = np.abs(values[one] - values[other])
    error = np.hypot(errors[one], errors[other])
    few = float(freedom.min())
    # normal deviates over a common chi, of as many degrees as the group of fewest
    deviates = rng.normal(size=(DRAWS, len(values))) * errors
    scale = np.sqrt(rng.chisquare(few, DRAWS) / few)
    largest = (np.abs(deviates[:, one] - deviates[:, other]) / error).max(1) / scale
    if len(pairs) == 1:
        reach = float(special.stdtrit(few, (1 + confidence) / 2))
        p = float(2 * special.stdtr(few, -float(apart[0] / error[0])))
    else:
        reach = float(np.quantile(largest, confidence))
        p = float((1 + (largest >= (apart / error).max()).sum()) / (1 + DRAWS))
    low, high = (apart - reach * error).max(), (apart + reach * error).max()
    return Spread(Interval(float(apart.max()), max(float(low), 0.0), float(high)), p)
