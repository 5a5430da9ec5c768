"""A kind of number that the table of estimates may hold, and names that several share. Light."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Quantity:
    """A kind of number."""

    stage: str  # that writes it
    formula: str
    unit: str
    interval: str
    metrics: tuple[str, ...] = ()  # that it is given of, if not of one alone


REALISM = (
    *("corrected attribute transfer", "attribute transfer", "identity preservation"),
    *("perceptual distance", "reconstruction error", "KID", "FID"),
    *("classifier kernel distance", "classifier Frechet distance"),
)
PRIMARY = "primary realism"  # the family of tests of the measures that the settings call so
METRICS = ("balanced accuracy", "accuracy", "AUROC", "Brier score")
HOLDS = (
    "Student's t with Satterthwaite's degrees of freedom; accounts for persons and, of several"
    " trainings, these"
)
CLUSTERED = "two-way clustered by the persons of both images, Student's t"
CLUSTERED_THREE_WAYS = (
    "three-way clustered by participants and by the persons of both images, Student's t on the"
    " fewest of these"
)
