"""An estimate as columns of ESTIMATES."""

from typing import Any

from facegap.statistics.absence import equivalence_bound, smallest_detectable
from facegap.statistics.interval import row, within
from facegap.statistics.performance import Answers, Estimate, two_sided_p

Row = dict[str, Any]


def bounded(estimate: Estimate, low: float, high: float = 1.0) -> Row:
    """A value between `low` and `high`."""
    interval = within(estimate.interval, low, high)
    return {**row(interval), "standard_error": estimate.error, "method": estimate.method}


def difference(estimate: Estimate, confidence: float, low: float = -1.0, high: float = 1.0) -> Row:
    """A difference between `low` and `high`, with what of no difference can be said."""
    value, error, freedom = estimate.interval.estimate, estimate.error, estimate.freedom
    return {
        **bounded(estimate, low, high),
        "p": two_sided_p(estimate),
        "smallest_detectable_effect": smallest_detectable(error, freedom, confidence),
        "equivalence_bound": equivalence_bound(value, error, freedom, confidence),
    }


def how_many(answers: Answers) -> dict[str, int]:
    """How many faces and persons an estimate rests on."""
    return {"faces": len(answers.person), "persons": len(set(answers.person.tolist()))}
