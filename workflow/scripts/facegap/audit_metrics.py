"""The metrics of audited models: which way is better, and between what they lie. Light."""

from typing import Literal

Better = Literal["more", "less", "nearer to zero"]

LESS = (
    *("false positive rate", "Brier score", "absolute error", "not found", "landmark error"),
    *("taken for blinking", "taken for smiling", "false match rate", "false non-match rate"),
)
SIGNED = ("bias", "calibration bias")
NEITHER = (*SIGNED, "taken for blinking", "taken for smiling")  # of which more is not worse
UNBOUNDED = ("absolute error", "landmark error", "bias")
BOUNDED = (  # whose best and worst case with missing outputs is known
    *("accuracy", "balanced accuracy", "true positive rate", "false positive rate", "AUROC"),
    *("Brier score", "not found", "false non-match rate"),
)
OF_PAIRS = ("false match rate", "false non-match rate")  # whose groups are compared by ratios


def better(metric: str) -> Better:
    """Which values of a metric are the better ones."""
    return "less" if metric in LESS else "nearer to zero" if metric in SIGNED else "more"
