"""The quantities of audited models (docs/audit.md), as facegap/quantities.py has the others."""

from facegap.audit_metrics import BOUNDED, OF_PAIRS
from facegap.quantity import Quantity

OF_MODELS = (
    *("accuracy", "balanced accuracy", "true positive rate", "false positive rate", "AUROC"),
    *("Brier score", "calibration bias", "absolute error", "bias", "not found", "landmark error"),
    "box overlap",
    *("taken for blinking", "taken for smiling"),
)
STUDENT = (
    "Student's t over persons, of shares with a standard error of at least Wilson's where all are"
    " right; of the AUROC and the Brier score on logits"
)
AUDIT = {
    "model performance": Quantity(
        "measure",
        "of an audited model on the test faces of a data set, of all or of a group: mean over faces"
        " (balanced accuracy: mean over the kinds of right answers). calibration bias: score less"
        " truth. landmark error: over the distance between the eyes. box overlap: intersection over"
        " union with the box around the known points. taken for blinking, smiling: share of found"
        " faces whose blendshape is at least 0.4, 0.5. faces, persons: those with a"
        " part in it. Without a number: fewer persons than measure.groups.least_persons, or not"
        " defined",
        "share; years or the task's unit",
        STUDENT,
        (*OF_MODELS, *OF_PAIRS),
    ),
    "group against the others": Quantity(
        "measure",
        "a group less all other faces whose group is known; of two groups the first less the"
        " second. Of false match rates their ratio, of false non-match rates that of their odds",
        "share; ratio",
        f"{STUDENT}; p adjusted over the groups of a metric (Holm)",
        (*OF_MODELS, *OF_PAIRS),
    ),
    "range of groups": Quantity(
        "measure",
        "of the groups of a factor that are shown (answers: how many), the best less the worst; the"
        " worst is named",
        "share; the task's unit",
        "simultaneous intervals of all differences of two groups: the largest lower end to the"
        " largest upper one; p: of no difference, by the largest of them,"
        " adjusted over the factors (Holm)",
        OF_MODELS,
    ),
    "ratio of groups": Quantity(
        "measure",
        "of the same groups, the smallest over the largest; of false match and non-match rates the"
        " largest over the smallest, and over the geometric mean (NIST)",
        "ratio",
        "as the range, of logarithms; of pairs, percentile bootstrap over persons",
        (*OF_MODELS, *OF_PAIRS),
    ),
    "missing outputs": Quantity(
        "measure", "expected test faces for which a model gave nothing", "faces", "none"
    ),
    "performance with missing outputs": Quantity(
        "measure",
        "the measure of the given outputs; its interval: if all missing ones were wrong, or right",
        "share",
        "worst and best case",
        BOUNDED,
    ),
    "model contrast": Quantity(
        "measure",
        "of two audited models (one − other) on the same faces for which both gave something",
        "share; the task's unit",
        "Student's t over persons",
        OF_MODELS,
    ),
    "disparity contrast": Quantity(
        "measure",
        "how much more the one model differs between a group and the others than the other model",
        "share; the task's unit",
        "Student's t over persons; p adjusted over all contrasts (Holm)",
        OF_MODELS,
    ),
    "verification threshold": Quantity(
        "measure",
        "cosine above which two pictures match, by factor (by); share: the false match rate at"
        " which it is set",
        "cosine",
        "none",
    ),
    "detection error trade-off": Quantity(
        "measure",
        "of a recogniser in a group, the false non-match rate at the threshold whose false match"
        " rate is share",
        "share",
        "none",
    ),
}
