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
TASK_PREDICTIONS = table(
    {
        "task": text(),
        "trained_on": text(),  # a data set
        "share": real(0, 1),  # of the faces outside in training: 0, inside alone; 1, outside alone
        "training_faces": integer(1),
        "repeat": integer(),
        "dataset": text(),
        "face_id": text(),
        "side": text(*SIDES),
        "positive": flag(),  # whether the face has the task's label
        "probability": real(0, 1),  # of its having it
    },
    "predictions of tasks",
)  # of the faces of agreed sides in the test parts, and the source's validation part
LEARNING_CURVE = table(
    {
        "training_faces": integer(1),
        "repeat": integer(),
        "face_id": text(),
        "inside": flag(),
        "probability": real(0, 1),  # of inside
    },
    "predictions of the learning curve",
)  # of the agreed faces of the target's test part
READINGS = table(
    {
        "backbone": text(),
        "preprocessing": text("plain", "cropped", "transformed", "augmented"),
        "activations": text("relu", "relu-then-sigmoid"),
        "standardise": flag(),
        "terms": text("whole", "equal"),  # training parts
        "optimiser": text("adam", "sgd", "rmsprop"),
        "library": text("torch", "keras"),
        "trained_on": text(),
        "repeat": integer(),
        "dataset": text(),
        "face_id": text(),
        "inside": flag(),
        "agreed": flag(),  # as in ENTRIES
        "probability": real(0, 1),  # of inside
    },
    "answers under other readings",
)  # of the test parts
MISLABELLED_TASKS = table(
    {
        **TASK_PREDICTIONS.columns,
        "rate": real(0, 1),  # as in MISLABELLED
        "simulation": integer(),
    },
    "predictions of tasks with wrong labels",
)
MISLABELLED = table(
    {
        "rate": real(0, 1),  # of further labels of the target that are wrong
        "simulation": integer(),
        "trained_on": text(),
        "dataset": text(),
        "repeat": integer(),
        "face_id": text(),
        "inside": flag(),  # with the further errors
        "probability": real(0, 1),  # of inside
    },
    "answers with wrong labels",
)  # of the agreed faces of the test parts
PSEUDO_LABELS = table(
    {"face_id": text(unique=True), "probability": real(0, 1)}, "pseudo-labels"
)  # probability of inside, mean over repeats of the selected configuration
