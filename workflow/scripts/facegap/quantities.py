"""What the table of estimates may hold: each quantity with its formula, unit and interval.

Light, and read by the schema, the codebook (docs/estimates.md) and the tests.
"""

from facegap.audit_quantities import AUDIT
from facegap.crossed_quantities import CROSSED
from facegap.quantity import CLUSTERED, CLUSTERED_THREE_WAYS, HOLDS, METRICS, REALISM, Quantity

QUANTITIES = {
    "training mean": Quantity(
        "measure",
        "mean over the repeats of one configuration; of epochs to convergence, over those that"
        " converged; training cross-entropy: with dropout, in the last epoch",
        "share; cross-entropy in nats; epochs",
        "Student's t over repeats, cut at the bounds of the metric",
        ("accuracy", "cross-entropy", "training cross-entropy", "epochs to convergence"),
    ),
    "trainings": Quantity(
        "measure",
        "repeats of one configuration; converged: those that have epochs to convergence",
        "trainings",
        "none",
        ("all", "converged"),
    ),
    "performance": Quantity(
        "measure",
        "mean over the trainings of a model, on one test part. balanced accuracy: (sensitivity +"
        " specificity) / 2. Brier score: mean of (probability - side)^2",
        "share; Brier score",
        HOLDS,
        METRICS,
    ),
    "group gap": Quantity(
        "measure",
        "of one model on one test part, the inside less the outside. Of the boundary: sensitivity"
        " less specificity (accuracy); of a task: its balanced accuracy on the faces of a side",
        "share",
        HOLDS,
        ("accuracy", "balanced accuracy"),
    ),
    "majority class": Quantity(
        "measure", "accuracy of always answering the more frequent side", "share", "none"
    ),
    "tested faces": Quantity(
        "measure",
        "faces of a test part on whose side annotators agree; contentious: included: with those on"
        " which they differ, on the side of partition.contentious",
        "faces",
        "none",
    ),
    "transfer gap": Quantity(
        "measure",
        "of one model of the source: metric on the source's test part less that on the target's"
        " (Brier score: target less source)",
        "share; Brier score",
        HOLDS,
        METRICS,
    ),
    "transfer loss": Quantity(
        "measure",
        "on the target's test part: metric of the benchmark, trained on the target, less that of"
        " the selected model, trained on the source (Brier score: the other way round)",
        "share; Brier score",
        HOLDS,
        METRICS,
    ),
    "selection score": Quantity(
        "measure",
        "of the configuration that a criterion selects, on the faces that select it",
        "share",
        "none",
        ("balanced accuracy",),
    ),
    "selection optimism": Quantity(
        "measure",
        "mean over samples of persons of the score there of what is selected there, less its score"
        " on all persons",
        "share",
        "none",
        ("balanced accuracy",),
    ),
    "group performance": Quantity(
        "measure",
        "accuracy of the selected configuration in a group of persons",
        "share",
        "Wilson's, with Kish's effective number of persons",
    ),
    "difference": Quantity(
        "measure",
        "of one configuration less another on the target, the same faces",
        "share",
        f"{HOLDS}; p: its own test, Holm's correction",
        ("balanced accuracy",),
    ),
    "calibration": Quantity(
        "measure",
        "share of faces inside, in bins of equally many faces by probability (share: its mean)",
        "share",
        "Wilson's, with Kish's effective number of persons",
    ),
    "rejected share": Quantity(
        "measure",
        "share of a group's faces that alignment rejected",
        "share",
        "Wilson's, with Kish's effective number of persons; p: labels exchanged between persons",
    ),
    "realism": Quantity(
        "measure",
        "mean over images of a domain, or distance of real faces and translations of others;"
        " without a seed, the mean over seeds",
        "share; cosine; distance",
        "Student's t of persons, and without a seed of seeds too, cut at the bounds of the metric",
        REALISM,
    ),
    "realism gap": Quantity(
        "measure",
        "out-domain less in-domain, paired by seed, mean over seeds",
        "as the metric",
        "Student's t of persons and seeds, Satterthwaite's degrees of freedom; p: its own test,"
        " Holm's correction over the family",
        REALISM,
    ),
    "null realism gap": Quantity(
        "measure",
        "the same between random halves of the in-domain persons: the mean over the splits",
        "as the metric",
        "no interval: the central share of the splits' gaps",
        REALISM,
    ),
    "realism floor": Quantity(
        "measure",
        "distance of two sets of real faces of different persons of a domain, as large as those of"
        " the distance of translations; mean over the same splits",
        "as the metric",
        "none; standard error: the standard deviation over the splits",
        REALISM[-4:],
    ),
    "role": Quantity(
        "measure",
        "faces that train the generator, are measured, or may not be measured",
        "faces",
        "none",
    ),
    "faces of the other side": Quantity(
        "measure",
        "of the measured faces of a domain, those that truly lie on the other side: the labels'"
        " error by provenance and side, times the faces of each",
        "faces",
        "square-and-add, with the chance of which persons are measured",
    ),
    "attribute recognition": Quantity(
        "measure",
        "share of the real faces with an attribute (sensitivity) or without (specificity) that the"
        " attribute classifier sees right; persons that it never saw",
        "share",
        "Wilson's, with the persons' correlation estimated",
        ("sensitivity", "specificity"),
    ),
    "identity of real faces": Quantity(
        "measure",
        "mean cosine of two pictures of one person, or of two persons of one side, on the scale of"
        " identity preservation",
        "cosine",
        "percentile bootstrap over persons",
        ("same person", "different persons"),
    ),
    "annotator error": Quantity(
        "annotate",
        "probability that an annotator (model) is wrong on a face of a side, of three answers or"
        " more a face: Dawid and Skene's model, in which answers are independent given the side",
        "share",
        "normal of the log odds, with the sandwich error by persons; missing of fewer than two"
        " estimated errors",
    ),
    "raw agreement": Quantity(
        "annotate",
        "share of faces on which all annotators (or a pair) name one side",
        "share",
        "Wilson's, with Kish's effective number of persons",
    ),
    "Krippendorff's alpha": Quantity(
        "annotate and judge",
        "1 - observed / expected disagreement, nominal",
        "agreement beyond chance",
        "percentile bootstrap over persons, or (choice: of participants) over pairs, of 20 or more",
        ("choice",),
    ),
    "Cohen's kappa": Quantity(
        "annotate",
        "(observed - expected agreement) / (1 - expected), of two annotators",
        "agreement beyond chance",
        "percentile bootstrap over persons, of 20 or more",
    ),
    "Fleiss' kappa": Quantity(
        "judge",
        "agreement on pairs compared equally often",
        "agreement beyond chance",
        "none",
        ("choice",),
    ),
    "response time": Quantity(
        "judge",
        "quartiles of the time that an answer took",
        "seconds",
        "none",
        ("lower quartile", "median", "upper quartile"),
    ),
    "inside share": Quantity(
        "annotate",
        "share of an annotator's answers that are inside",
        "share",
        "Wilson's, with Kish's effective number of persons",
    ),
    "consistency": Quantity(
        "annotate and judge",
        "share of the items shown twice that got the same answer",
        "share",
        "Wilson's, over persons or (choice: of participants) over answers",
        ("choice",),
    ),
    "answer error": Quantity(
        "annotate",
        "probability that one answer is wrong, (1 - sqrt(1 - 2d)) / 2 of the share d that differs",
        "share",
        "Wilson's, with the persons' correlation estimated",
    ),
    "label error": Quantity(
        "partition",
        "share of the sides of a provenance (and placed on a side) that is wrong (answers: the"
        " faces it applies to)",
        "share",
        "Wilson's, with the persons' correlation; of all, square-and-add",
    ),
    "pseudo-label precision": Quantity(
        "partition",
        "share of the accepted pseudo-labels that say what people say, on a part",
        "share",
        "Wilson's, with the persons' correlation estimated",
    ),
    "pseudo-label calibration": Quantity(
        "partition",
        "share of test faces inside, by tenths of the calibrated probability (share: its mean)",
        "share",
        "none",
    ),
    "preference": Quantity(
        "judge",
        "share of answers that chose the in-domain output, over participants and left and right"
        " alike (logistic regression); of all, the mean log odds over the control's values; p: of"
        " one half, Holm's correction over the control's values",
        "share; standard error and smallest detectable effect: log odds",
        CLUSTERED,
        ("choice", "realism", "transfer", "identity"),
    ),
    "preference of everybody": Quantity(
        "judge",
        "the same, with those who failed the attention pairs",
        "share; standard error and smallest detectable effect: log odds",
        CLUSTERED,
    ),
    "preference at large": Quantity(
        "judge",
        "chance that anybody chooses the in-domain output, participants being a sample of people:"
        " mean log odds over the control's values, of ten participants or more; p: of one half",
        "share; standard error and smallest detectable effect: log odds",
        CLUSTERED_THREE_WAYS,
    ),
    "preference at large of everybody": Quantity(
        "judge",
        "the same, with those who failed the attention pairs",
        "share; standard error and smallest detectable effect: log odds",
        CLUSTERED_THREE_WAYS,
    ),
    "preference by own side": Quantity(
        "judge",
        "preference at large of participants who are on one side of the boundary themselves (rater)"
        " and said so; of either side at least as many as judge.own_side.fewest",
        "share; standard error and smallest detectable effect: log odds",
        CLUSTERED_THREE_WAYS,
    ),
    "preference difference by own side": Quantity(
        "judge",
        "of the preference, between participants who are inside themselves and outside",
        "log odds ratio",
        CLUSTERED_THREE_WAYS,
    ),
    "baseline preference": Quantity(
        "judge",
        "share of answers that chose the in-domain photograph of two untouched ones, by the model"
        " of the preference without it",
        "share; standard error and smallest detectable effect: log odds",
        CLUSTERED,
    ),
    "preference without baseline": Quantity(
        "judge",
        "the preference less the baseline preference, as log odds in one model of both, by value of"
        " the control and of all (mean over the values); p: of one half, Holm's correction over the"
        " values",
        "share; standard error and smallest detectable effect: log odds",
        CLUSTERED,
    ),
    "preference by maker": Quantity(
        "judge",
        "the same, of all, between the outputs of one arm or editor (model) of several",
        "share; standard error and smallest detectable effect: log odds",
        CLUSTERED,
    ),
    "preference difference by maker": Quantity(
        "judge",
        "of the preference, between the outputs of the first arm or editor and of another (model:"
        " first − other); p: Holm's correction over the others",
        "log odds ratio",
        CLUSTERED,
    ),
    "adjusted preference": Quantity(
        "judge",
        "the same, as if both persons of a pair were equally known",
        "share; standard error and smallest detectable effect: log odds",
        CLUSTERED,
    ),
    "raw preference": Quantity(
        "judge", "share of answers that chose the in-domain output, as printed", "share", "none"
    ),
    "detectable preference": Quantity(
        "judge",
        "the share above one half (as far below it, alike) that is found 8 times in 10: one half"
        " moved by the smallest detectable effect",
        "share",
        "none",
    ),
    "preference bound": Quantity(
        "judge",
        "equivalence bound: the end of the 90% interval of the preference that lies further from"
        " one half, above it",
        "share",
        "none",
    ),
    "preference difference": Quantity(
        "judge",
        "of the preference, one value of the control against another",
        "log odds ratio",
        CLUSTERED,
    ),
    "familiarity effect": Quantity(
        "judge",
        "of knowing the person of the in-domain image only, on the choice of it",
        "log odds ratio",
        CLUSTERED,
    ),
    "left effect": Quantity(
        "judge",
        "of an output's being on the left, on the choice of it",
        "log odds ratio",
        CLUSTERED,
    ),
    "participant bootstrap": Quantity(
        "judge",
        "the raw preference, with participants and persons of both images resampled",
        "share",
        "pigeonhole bootstrap (Owen 2007)",
    ),
    "left share": Quantity("judge", "share of answers that chose the left image", "share", "none"),
    "log odds": Quantity(
        "judge",
        "log((chosen + 1/2) / (not chosen + 1/2)) of the in-domain output",
        "log odds",
        "none",
    ),
    "correlation": Quantity(
        "judge",
        "Spearman's, over seeds and attributes, of the log odds with a metric of realism, in-domain"
        " less out-domain",
        "correlation",
        "percentile bootstrap over points",
        REALISM,
    ),
    "familiarity": Quantity(
        "judge",
        "share of persons of a domain that participants knew",
        "share",
        "Wilson's",
    ),
    "power": Quantity(
        "judge",
        "share of simulated studies of the size of this row that reject one half by its own test,"
        " at a true share (share)",
        "share",
        "none",
    ),
    **CROSSED,
    **AUDIT,
}
