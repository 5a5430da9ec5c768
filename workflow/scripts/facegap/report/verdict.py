"""Whether the groups of an audited model differ, in which metric, and how it is said."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from facegap.audit_metrics import NEITHER, OF_PAIRS, better
from facegap.groups import ALL, group_values
from facegap.report.rows import Row

FIRST = {  # of each task's kind, the metric that the first screen speaks of
    name: k
    for k, name in enumerate(
        (
            *("balanced accuracy", "accuracy", "absolute error", *OF_PAIRS),
            *("not found", "landmark error", "taken for blinking"),
        )
    )
}
TONES = ("skin tone", "hue")  # in degrees
ACROSS = "across "  # how measure names pairs of two groups


def spoken_of(metrics: Sequence[str]) -> list[str]:
    """Of a task's metrics the one that the first screen speaks of; of pairs both error rates."""
    pairs = [name for name in OF_PAIRS if name in metrics]
    return pairs or [min(metrics, key=lambda name: FIRST.get(name, len(FIRST)))]


def metrics_by_factor(rows: Sequence[Row], first: Sequence[str]) -> dict[str, list[str]]:
    """By factor the metrics that its groups are judged by: `first`, where two groups have a number.

    Where they have none, as balanced accuracy of gender has in groups by gender, the next of FIRST
    that two groups have: one metric, named before its values are looked at.
    """
    found: dict[str, list[str]] = {}
    for factor in dict.fromkeys(factor_of(row["group"]) for row in rows if row["group"] != ALL):
        own = [row for row in rows if factor_of(row["group"]) == factor]
        shown = {(row["metric"], row["group"]): None for row in own if row["estimate"] is not None}
        known = Counter(metric for metric, _ in shown)  # each once, of however many models
        compared = [name for name, groups in known.items() if groups > 1]
        defined = not compared or any(name in compared for name in first)
        found[factor] = list(first) if defined else spoken_of(compared)
    return found


def factor_of(group: str) -> str:
    """The factor of a group, or its factors, as one text."""
    return " × ".join(group_values(group))


def either_way(tests: Sequence[Row], rows: Sequence[Row]) -> list[Row]:
    """The tests; of the two groups of a factor, of which the first alone is tested, both."""
    found = list(tests)
    for row in tests:
        factors = [*group_values(row["group"])]
        named = {each["group"] for each in rows if [*group_values(each["group"])] == factors}
        if len(named) == 2 and row["low"] is not None:
            (other,) = named - {row["group"]}
            ends = [row[key] for key in ("estimate", "high", "low")]
            turned = (
                [1 / end if end else math.inf for end in ends]
                if row["metric"] in OF_PAIRS
                else [-end for end in ends]
            )
            values = dict(zip(("estimate", "low", "high"), turned, strict=True))
            found.append({**row, "group": other, **values})
    return found


def verdict(tests: Sequence[Row], alpha: float) -> dict[str, Any] | None:
    """Whether groups differ, and the surest that does: words of a data set come before tones,
    single ones before crossings, and those that do worse before those that do better.

    Without any, how large a difference the intervals leave open. None where nothing was compared.
    """
    known = [row for row in tests if row["adjusted_p"] is not None]
    if not known:
        return None
    sure = [row for row in known if row["adjusted_p"] < alpha]
    named = [row for row in known if not _of_tone(row["group"])] or known
    if sure:
        first, *others = sorted(sure, key=order)
        one_way = [row for row in others if _way(row) == _way(first)]
        also = [in_words(row["group"]) for row in one_way]
        return {"found": first, "way": _way(first), "also": also}
    widest = max(named, key=_reach)
    return {"found": None, "open": widest, "reach": _reach(widest)}


def beside(tests: Sequence[Row], alpha: float) -> list[dict[str, Any]]:
    """By metric, of those that the verdict does not speak of, the groups that surely do worse."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in sorted((row for row in tests if row["adjusted_p"] is not None), key=order):
        if row["adjusted_p"] < alpha and _way(row) in ("worse", "higher"):
            found.setdefault((row["metric"], _way(row)), []).append(in_words(row["group"]))
    return [{"metric": name, "way": way, "groups": own} for (name, way), own in found.items()]


def judged_in(judged: Mapping[str, Sequence[str]], first: Sequence[str]) -> list[str]:
    """The metrics that factors are judged by, with the factor where it is not as the others."""
    plain = [name for name in first if any(name in own for own in judged.values())]
    others = [
        f"{name} (of {factor})"
        for factor, own in judged.items()
        for name in own
        if name not in first
    ]
    return [*plain, *others] or list(first)


def order(row: Row) -> tuple[bool, int, bool, float, float]:
    """By which rows are put: a data set's words, few factors, and those that do worse first."""
    factors = len(group_values(row["group"]))
    return _of_tone(row["group"]), factors, _way(row) == "better", row["adjusted_p"], row["p"]


def _of_tone(group: str) -> bool:
    return any(factor in TONES for factor in group_values(group))


def _way(row: Row) -> str:
    """Whether a group does better or worse than the others, or has higher or lower values."""
    neutral = 1.0 if row["metric"] in OF_PAIRS else 0.0
    more = row["estimate"] > neutral
    way = better(row["metric"])
    if row["metric"] in NEITHER:
        return "higher" if more else "lower"
    return "better" if more == (way == "more") else "worse"


def _reach(row: Row) -> float:
    """The largest difference from the others, or ratio to them, that the interval leaves open."""
    if row["low"] is None:
        return 0.0
    if row["metric"] in OF_PAIRS:
        return float(max(row["high"], 1 / row["low"] if row["low"] > 0 else math.inf))
    return float(max(abs(row["low"]), abs(row["high"])))


def in_words(group: str) -> str:
    """A group for a reader: bands of skin tone and hue have their unit and a true minus."""
    return " × ".join(f"{factor}: {value(factor, word)}" for factor, word in parts(group))


def value(factor: str, word: str) -> str:
    """A factor's word for a reader."""
    is_band = factor.removeprefix(ACROSS) in TONES and any(map(str.isdigit, word))
    return f"{word.replace('-', '−')}°" if is_band else word


def parts(group: str) -> list[tuple[str, str]]:
    """The factors of a group and their words."""
    return list(group_values(group).items())
