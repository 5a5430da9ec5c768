"""What classify hands on: runs, predictions and pseudo-labels."""

from facegap.tables.base import SIDES, flag, integer, real, table, text

PARTS = ("train", "validation", "selection", "calibration", "test")  # see facegap/parts.py
ARMS = ("full", "equal", "exchanged", "halves", *(f"fold-{k}" for k in range(1, 6)))
ENTRIES = table(
    {
        "face_id": text(),
        "person": text(),
        "split": text(*PARTS),
        "copy": integer(),  # 0: the face as it is; from 1 on an augmented copy
        "inside": flag(),
        "agreed": flag(),  # not where annotators differ: then the side is partition.contentious
        "row": integer(),  # of the aligned crops
    },
    "entries of the features",
)  # row i of this table is row i of the arrays beside it
RUNS = table(
    {
        "run": text(unique=True),
        "model": text(),  # the configuration's name, the same for all of its repeats
        "backbone": text(),
        "preprocessing": text("plain", "cropped", "transformed", "augmented"),
        "stage": text("head", "fine-tuned"),
        "head_optimiser": text("adam", "sgd", "rmsprop"),
        "fine_tuning_optimiser": text("adam", "sgd", "rmsprop"),
        "trained_on": text(),  # a data set; target: the in-domain benchmark
        "arm": text(*ARMS),  # see facegap/classify/arms.py
        "repeat": integer(),
        "source_accuracy": real(0, 1, nullable=True),
        "target_accuracy": real(0, 1, nullable=True),
        "loss": real(0, nullable=True),  # binary cross-entropy on the target's test part
        "training_loss": real(0),  # of the last epoch of the run's own stage
        "epochs_to_convergence": integer(1, nullable=True),  # missing: has not converged
    },
    "runs",
)
CURVES = table(
    {"run": text(), "epoch": integer(1), "loss": real(0)}, "curves"
)  # loss: mean over the training part, of the run's own stage
PREDICTIONS = table(
    {
        "model": text(),  # the configuration's name
        "repeat": integer(),
        "trained_on": text(),
        "arm": text(*ARMS),
        "dataset": text(),
        "part": text(*PARTS),
        "face_id": text(),
        "task": text(),  # boundary
        "label": text(*SIDES),  # the face's own
        "agreed": flag(),  # as in ENTRIES
        "probability": real(0, 1),  # of inside
    },
    "predictions",
)
PSEUDO_LABELS = table(
    {"face_id": text(unique=True), "probability": real(0, 1)}, "pseudo-labels"
)  # probability of inside, mean over repeats of the selected configuration
