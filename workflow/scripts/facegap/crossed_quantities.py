"""The quantities of crossed designs (docs/crossed.md), as facegap/quantities.py has the others."""

from facegap.quantity import HOLDS, REALISM, Quantity

CROSSED = {
    "task performance": Quantity(
        "measure",
        "of the heads of a task (share: of faces outside in training) on the faces of a side: mean"
        " of the accuracies on those with its label and those without",
        "share",
        HOLDS,
        ("balanced accuracy",),
    ),
    "own-side advantage": Quantity(
        "measure",
        "on the faces of a side: heads trained on that side less heads trained on the other, on"
        " equally many faces with equal shares of the task's label. Without a data set: each data"
        " set's own heads on its own faces, mean over data sets",
        "share; log odds",
        HOLDS,
        ("balanced accuracy", "log odds"),
    ),
    "interaction": Quantity(
        "measure",
        "sum of the own-side advantages on either side: the group gap of the heads trained inside"
        " less that of the heads trained outside",
        "share; log odds",
        f"{HOLDS}; p without a data set: its own test, Holm's correction over the tasks",
        ("balanced accuracy", "log odds"),
    ),
    "data-set effect": Quantity(
        "measure",
        "on the faces of one data set (tested on), both sides alike: heads trained there on both"
        " sides less those of the other data set (trained on)",
        "share",
        HOLDS,
        ("balanced accuracy",),
    ),
    "training faces": Quantity(
        "measure", "faces that each head of a task is trained on", "faces", "none"
    ),
    "without label error": Quantity(
        "measure",
        "an outcome (group: transfer loss, transfer gap; group gap of the head of the"
        " source in the target; a task's interaction and own-side advantages in the target; realism"
        " gap and interaction) as it would be with right labels. Of heads: extrapolated (SIMEX) by"
        " a parabola over further errors to the error of people's labels. Of realism: divided by 1"
        " less the shares of measured faces, in-domain and out-domain, that lie on the other side."
        " labels: as they are, no error; errors"
        " alike, as if annotators erred on the same faces, so that agreement hides it. share: the"
        " error taken off",
        "share; as the metric",
        "Student's t, with the variance extrapolated as the estimate (Stefanski and Cook 1995;"
        " delta method) and that of the error",
        ("balanced accuracy", "accuracy", *REALISM),
    ),
    "reading": Quantity(
        "measure",
        "the primary outcome (transfer loss or gap) of heads trained and counted as one reading of"
        " the paper says (group: backbone, preprocessing, activations, standardised, training"
        " parts, optimiser, contentious faces)",
        "share",
        HOLDS,
        ("balanced accuracy", "accuracy"),
    ),
    "multiverse": Quantity(
        "measure",
        "over all readings that were tried: share whose interval lies above zero, or below it, and"
        " the median",
        "share",
        "none",
        ("above zero", "below zero", "median"),
    ),
    "part of the gap": Quantity(
        "measure",
        "of the transfer gap (source, target: balanced accuracy) or the group gap (inside, outside:"
        " accuracy) of the selected configuration: by how much it changes when the two groups are"
        " made alike in composition or capture (overlap weights), or all faces are cropped again,"
        " closer; mean over all orders (Shapley). remainder: what is left. The parts and the"
        " remainder add up to the gap (all)",
        "share",
        "Student's t; accounts for persons (200 bootstrap samples, weights and all) and trainings",
        ("balanced accuracy", "accuracy"),
    ),
    "overlap": Quantity(
        "measure",
        "of two groups that are made alike, the smaller effective share: (sum of weights)^2 / (n ×"
        " sum of squared weights), or the mean of twice the weights where that is less",
        "share",
        "none",
        ("balanced accuracy", "accuracy"),
    ),
    "halving share": Quantity(
        "measure",
        "share of faces outside in training, of a fixed number, at which the group gap of a task"
        " (each data set's own heads on its own faces, mean over data sets), or a realism gap, is"
        " half of what it is with none; linear between the shares",
        "share",
        "percentile bootstrap over persons and trainings; none where more than one of twenty"
        " samples have no such share",
        ("balanced accuracy", *REALISM),
    ),
    "learning curve": Quantity(
        "measure",
        "of heads of the boundary that trained on some of the target's labelled faces (group:"
        " labelled faces), on its test part",
        "share",
        HOLDS,
        ("balanced accuracy",),
    ),
    "break-even faces": Quantity(
        "measure",
        "labelled faces of the target whose heads are as good on its test part as the head of the"
        " selected configuration, trained on the source; linear in the logarithm of the number",
        "faces",
        "percentile bootstrap over persons and trainings; none where more than one of twenty"
        " samples have no such number",
        ("balanced accuracy",),
    ),
    "interaction difference": Quantity(
        "measure",
        "interaction of the heads of one data set (trained on) on its own faces, less that of"
        " another (tested on)",
        "share",
        HOLDS,
        ("balanced accuracy",),
    ),
    "realism advantage": Quantity(
        "measure",
        "on the same faces of a side: the generators trained on that side less those trained on the"
        " other, on equally many faces matched on control and attributes; positive is better (of"
        " errors and distances with the other sign)",
        "as the metric",
        "Student's t of persons and pairs of seeds",
        REALISM,
    ),
    "realism interaction": Quantity(
        "measure",
        "sum of the realism advantages on either side: how hard a side is cancels",
        "as the metric",
        "Student's t of persons and pairs of seeds, Satterthwaite's degrees of freedom; p: its own"
        " test, Holm's correction over the family",
        REALISM,
    ),
    "matching": Quantity(
        "measure",
        "share of the inside faces of the training pairs that have an attribute, less that of the"
        " outside ones",
        "share",
        "none",
    ),
}
