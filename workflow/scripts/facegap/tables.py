"""The tables that stages hand to each other: one schema each, checked when written and when read.

`side` is the side of the boundary, `inside` or `outside`; `inside` is where the synthesis is
trained (CelebC in the paper) and the positive class of the classifiers. Display names are the
config's.
"""

import csv
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pandera.pandas as pa
import pyarrow as arrow
import pyarrow.parquet as parquet

from facegap.errors import DataError
from facegap.files import whole

SIDES = ("inside", "outside")
SPLITS = ("train", "test", "rest")
GENDERS = ("male", "female")
DOMAINS = ("in-domain", "out-domain")  # faces of the side that a generator is trained on, or not
PROVENANCES = ("own label", "agreed", "adjudicated", "contentious")
SIDE_PROVENANCES = (*PROVENANCES, "by person", "proposed", "verified", "no label", "no face")


def _text(*allowed: str, nullable: bool = False, unique: bool = False) -> pa.Column:
    checks = pa.Check.isin(allowed) if allowed else None
    return pa.Column(str, checks, nullable=nullable, unique=unique)


def _real(
    low: float | None = None, high: float | None = None, *, nullable: bool = False
) -> pa.Column:
    bounds = []
    if low is not None:
        bounds.append(pa.Check.ge(low))
    if high is not None:
        bounds.append(pa.Check.le(high))
    return pa.Column("float64", bounds, nullable=nullable)


def _whole(low: int = 0) -> pa.Column:
    return pa.Column("int64", pa.Check.ge(low))


def _flag() -> pa.Column:
    return pa.Column(bool)


def _table(
    columns: Mapping[str, pa.Column], name: str, *, more: bool = False
) -> pa.DataFrameSchema:
    return pa.DataFrameSchema(dict(columns), name=name, strict=not more, coerce=True)


FACES = _table(
    {
        "face_id": _text(unique=True),
        "path": _text(),  # inside the data set's image folder or zip
        "subject_id": _text(nullable=True),  # missing: the person is not known
        "split": _text(*SPLITS),  # rest: in neither, e.g. the faces of the target nobody annotated
        "age": _real(0, 150, nullable=True),
        "gender": _text(*GENDERS, nullable=True),
        "race_raw": _text(nullable=True),  # the data set's own word
    },
    "faces",
    more=True,  # binary attributes: 0, 1 or missing, Int8; drawn faces add group and landmarks
)
REJECTED = _table(
    {"path": _text(), "face_id": _text(nullable=True), "reason": _text()}, "rejected images"
)
DUPLICATES = _table(
    {
        "path": _text(),
        "face_id": _text(unique=True),
        "same_as": _text(),  # face_id of the first of the same bytes, itself included
        "differs": _text(nullable=True),  # the labels in which they differ, joined by "+"
    },
    "duplicates",
)
ALIGNED = _table(
    {"face_id": _text(unique=True), "shard": _whole(), "row": _whole()}, "aligned faces"
)  # row i of this table is row i of the shards of every crop, one after another
LANDMARKS = _table(
    {"face_id": _text(unique=True), "landmarks": pa.Column(object)}, "landmarks"
)  # landmarks: 136 float32, x0 y0 x1 y1 ... of the 68 points, pixels of the image as read
FOUND = _table(
    {
        "face_id": _text(unique=True),
        "image": _text(),  # digest of its file
        "points": pa.Column(object),  # k x 136 float32 of its k faces
        "poses": pa.Column(object),  # k x 3 float32: yaw, pitch, roll
    },
    "faces found in images",
)
FACE_MEASURES = _table(
    {
        "face_id": _text(unique=True),
        "faces": _whole(1),  # found in the image
        "size": _real(0),  # side of the square from ear to ear and brow to chin, pixels
        "sharpness": _real(0),  # variance of the Laplacian at 128 pixels from ear to ear
        "yaw": _real(-180, 180),  # degrees; positive to the right of the image
        "pitch": _real(-180, 180),  # positive up
        "roll": _real(-180, 180),  # positive where the left eye is the lower one
        "aligned": _flag(),  # or set aside
    },
    "measures of the faces found",
)
LABELS = _table(
    {
        "face_id": _text(unique=True),
        "side": _text(*SIDES, nullable=True),  # missing: contentious
        "provenance": _text(*PROVENANCES),
        "annotators": _text(),  # names joined by "+", or "data set"
        "simulated": _flag(),
    },
    "labels",
)
ANSWERS = _table(
    {
        "face_id": _text(),
        "side": _text(*SIDES, "unsure"),
        "tentative": _flag(),  # the annotator marked the answer as a guess
        "showing": _whole(),  # 0: the first; 1: shown again, to see how steady the annotator is
    },
    "annotator's answers",
    more=True,  # a program's answers say so: simulated
)
ENTRIES = _table(
    {
        "face_id": _text(),
        "split": _text("train", "test"),
        "view": _whole(),  # 0: as it is; from 1 on a random view
        "inside": _flag(),
        "row": _whole(),  # of the aligned crops
    },
    "entries of the features",
)  # row i of this table is row i of the arrays beside it
RUNS = _table(
    {
        "run": _text(unique=True),
        "backbone": _text(),
        "view": _text("plain", "cropped", "transformed", "augmented"),
        "stage": _text("tuned", "fine-tuned"),
        "trained_on": _text(),  # a data set; target: the in-domain benchmark
        "tune_optimiser": _text("adam", "sgd", "rmsprop"),
        "fine_tune_optimiser": _text("adam", "sgd", "rmsprop"),
        "repeat": _whole(),
        "source_accuracy": _real(0, 1, nullable=True),
        "target_accuracy": _real(0, 1),
        "loss": _real(0),  # binary cross-entropy on the target's test part
        "epochs_to_convergence": _whole(1),
    },
    "runs",
)
CURVES = _table(
    {"run": _text(), "epoch": _whole(1), "loss": _real(0)}, "curves"
)  # loss: mean over the training part, of the run's own stage
PREDICTIONS = _table(
    {
        "run": _text(),
        "dataset": _text(),
        "face_id": _text(),
        "inside": pa.Column(bool),  # the label
        "probability": _real(0, 1),  # of inside
    },
    "predictions",
)
SET_ASIDE = _table(
    {
        "dataset": _text(),
        "grouping": _text("gender", "race", "age", "boundary"),
        "group": _text(),
        "faces": _whole(),
        "set_aside": _whole(),  # of these, by the alignment
        "share": _real(0, 1),
        "low": _real(0, 1),
        "high": _real(0, 1),
        "p": _real(0, 1, nullable=True),  # of the grouping: missing where none was set aside
        "adjusted": _real(0, 1, nullable=True),  # for all tests of the table (Holm)
    },
    "shares set aside",
)
PROPOSALS = _table(
    {"face_id": _text(unique=True), "probability": _real(0, 1)}, "proposals"
)  # probability of inside, mean over repeats of the kept model
WEIGHED = _table(
    {
        "face_id": _text(unique=True),
        "probability": _real(0, 1),  # of inside: calibrated, the same for all of a person's faces
        "accepted": _flag(),  # sure enough to be taken as it is
    },
    "weighed proposals",
)
QUEUE = _table(
    {
        "face_id": _text(unique=True),  # one face a person, the one nearest to the person's mean
        "subject_id": _text(nullable=True),
        "probability": _real(0, 1),
    },
    "queue of persons to verify",
)  # the most uncertain first
_ESTIMATE = {
    "value": _real(nullable=True),
    "low": _real(nullable=True),
    "high": _real(nullable=True),
}
_CELL = {name: _text() for name in ("backbone", "view", "tune_optimiser", "fine_tune_optimiser")}
MEASURES = _table(
    {
        **_CELL,
        "trained_on": _text(),
        "dataset": _text(),
        "measure": _text("accuracy", "balanced accuracy", "AUROC", "Brier score"),
        **_ESTIMATE,  # mean probability of the repeats; the interval is over persons
        "faces": _whole(1),
    },
    "measures",
)
GROUPS = _table(
    {
        "dataset": _text(),
        "factors": _text(),  # all, or what is told apart, joined by ×
        "group": _text(),
        **_ESTIMATE,  # accuracy of the kept cell
        "faces": _whole(1),
        "persons": _whole(1),
    },
    "accuracy by group",
)
COMPARISONS = _table(
    {
        "one": _text(),
        "other": _text(),
        "difference": _real(-1, 1),  # accuracy of one minus that of other, on the target
        "low": _real(-1, 1),
        "high": _real(-1, 1),
        "one_alone": _whole(),  # faces that one alone gets right
        "other_alone": _whole(),
        "p": _real(0, 1),  # McNemar's exact test
        "holm": _real(0, 1),  # the same, corrected over the table
    },
    "comparisons",
)
CALIBRATION = _table(
    {
        "dataset": _text(),
        "bin": _whole(),
        "probability": _real(0, 1),  # mean of those given
        **_ESTIMATE,  # share of faces that are inside
        "faces": _whole(1),
    },
    "calibration",
)
TRANSFER = _table(
    {
        "trained_on": _text(),
        "tested_on": _text(),
        **_ESTIMATE,  # accuracy of the kept cell, so trained
        "fall": _real(-1, 1),  # from the test part of the data set it was trained on
        "fall_low": _real(-1, 1),
        "fall_high": _real(-1, 1),
        "faces": _whole(1),
    },
    "transfer matrix",
)
FACE_SIDES = _table(
    {
        "face_id": _text(unique=True),
        "side": _text(*SIDES, nullable=True),  # missing: left out
        "provenance": _text(*SIDE_PROVENANCES),
        "confidence": _real(0, 1, nullable=True),
        "simulated": _flag(),  # no person gave the labels that the sides come from
    },
    "sides",
)
CAST = _table(
    {
        "face_id": _text(unique=True),
        "row": _whole(),  # of the aligned crops
        "role": _text("train", "in-domain", "out-domain"),
        "control": _text(nullable=True),  # value of the column that pairs are matched on
        "subject_id": _text(),
    },
    "faces of the synthesis",
)
TRANSLATIONS = _table(
    {
        "row": _whole(),  # of translations.npy
        "face_id": _text(),
        "subject_id": _text(),
        "domain": _text("in-domain", "out-domain"),
        "control": _text(nullable=True),
        "kind": _text("original", "reconstruction", "translation"),
        "attribute": _text(nullable=True),  # the one changed; missing unless kind is translation
        "value": pa.Column("Int8", nullable=True),  # what it was changed to
    },
    "translations",
)
REALISM = _table(
    {
        "seed": _whole(),
        "domain": _text("in-domain", "out-domain"),
        "metric": _text(),
        "attribute": _text(nullable=True),  # missing: all together
        "control": _text(nullable=True),  # missing: all its values together
        "value": _real(),
        "low": _real(nullable=True),
        "high": _real(nullable=True),
        "error": _real(0),  # standard error over persons
        "persons": _whole(),
        "faces": _whole(),
    },
    "realism",
)
REALISM_GAPS = _table(
    {
        "comparison": _text("boundary", "null"),  # null: halves of the in-domain persons
        "metric": _text(),
        "attribute": _text(nullable=True),
        "control": _text(nullable=True),
        "gap": _real(),  # out-domain less in-domain, paired by seed, mean over seeds
        "low": _real(nullable=True),
        "high": _real(nullable=True),
        "p": _real(0, 1, nullable=True),  # of no gap
        "seeds": _whole(1),
    },
    "gaps in realism",
)
SCORES = _table(
    {
        "seed": _whole(),
        "row": _whole(),  # of translations.npy; translations alone
        "shown": _real(0, 1),  # how sure the classifier is of the wanted value
        "identity": _real(-1, 1),  # cosine with the original
        "perceptual": _real(0),  # distance to the original
    },
    "scores of translations",
)
PAIRS = _table(
    {
        "pair_id": _text(unique=True),
        "participant": _text(),
        "position": _whole(),
        "training": _flag(),  # shown first, to learn the page; not analysed
        "attribute": _text(),
        "value": pa.Column("Int8"),  # what the attribute was changed to in both images
        "control": _text(),
        "left_image": _text(),  # blinded image ids, names in images.zip
        "right_image": _text(),
        "left_original": _text(),  # the faces that the images were made of
        "right_original": _text(),
    },
    "pairs",
)
PERSONS = _table(
    {
        "person_id": _text(unique=True),
        "participant": _text(),
        "position": _whole(),
        "image": _text(),  # of the original face, in images.zip
    },
    "persons to recognise",
)
KEY = _table(
    {
        "pair_id": _text(unique=True),
        "kind": _text("training", "compared", "attention", "repeat"),
        "comparison": _text(),  # the same for pairs of the same two images
        "repeats": _text(nullable=True),  # the pair_id that this one shows again, sides exchanged
        "degraded": _text("left", "right", nullable=True),  # of an attention pair
        "seed": _whole(),
        "left_domain": _text("in-domain", "out-domain"),
        "left_row": _whole(),  # of the seed's translations.npy
        "right_row": _whole(),
        "left_original_row": _whole(),
        "right_original_row": _whole(),
        "left_subject": _text(),
        "right_subject": _text(),
    },
    "key of the pairs",
)
PERSONS_KEY = _table(
    {
        "person_id": _text(unique=True),
        "participant": _text(),
        "subject_id": _text(),
        "domain": _text("in-domain", "out-domain"),
    },
    "key of the persons",
)
RESPONSES = _table(
    {
        "pair_id": _text(unique=True),
        "participant": _text(),
        "choice": _text("left", "right"),
        "realism": _text("left", "right", nullable=True),  # the criteria one by one, if asked
        "transfer": _text("left", "right", nullable=True),
        "identity": _text("left", "right", nullable=True),
        "seconds": _real(0, nullable=True),
        "simulated": _flag(),
    },
    "responses",
)
FAMILIAR = _table(
    {
        "person_id": _text(unique=True),
        "participant": _text(),
        "known": _flag(),  # to the participant, before the study
        "simulated": _flag(),
    },
    "persons known to participants",
)
BRADLEY_TERRY = _table(
    {
        "by": _text("all", "seed", "attribute", "seed and attribute"),
        "seed": pa.Column("Int64", nullable=True),
        "attribute": _text(nullable=True),
        "answers": _whole(),
        "chosen": _whole(),  # of these, the in-domain output
        "score": _real(),  # Bradley-Terry: log strength of in-domain over out-domain
        "low": _real(),
        "high": _real(),
        "simulated": _flag(),
    },
    "Bradley-Terry scores",
)
TABLE5 = _table(
    {
        "control": _text(),
        "domain": _text("in-domain", "out-domain"),
        "answers": _whole(),  # on pairs with this control value
        "chosen": _whole(),  # of these, how many chose the output of this domain
        "share": _real(0, 1, nullable=True),  # missing: no answers
        "low": _real(0, 1),  # Wilson's interval
        "high": _real(0, 1),
        "p": _real(0, 1, nullable=True),  # exact binomial test of the share against one half
        "simulated": _flag(),
    },
    "table 5",
)
REPORTED = _table(
    {
        "row": _text(),
        "column": _text(),
        "ours": _real(nullable=True),
        "low": _real(nullable=True),
        "high": _real(nullable=True),
        "published": _real(nullable=True),
        "difference": _real(nullable=True),  # ours - published
    },
    "table beside the published one",
)


def write(
    frame: pd.DataFrame,
    path: str | Path,
    schema: pa.DataFrameSchema,
    about: Mapping[str, str] | None = None,
) -> None:
    """Check `frame` and write it whole, as parquet or, when `path` ends so, as CSV.

    `about` goes into the parquet metadata (source, licence, whether simulated).
    """
    checked = _check(frame.reset_index(drop=True), path, schema)
    with whole(path) as temporary:
        if temporary.suffix == ".csv":
            temporary.write_text(_as_csv(checked), encoding="utf-8", newline="")
        else:
            table = arrow.Table.from_pandas(checked, preserve_index=False)
            metadata = {
                **(table.schema.metadata or {}),
                **{k: str(v) for k, v in (about or {}).items()},
            }
            parquet.write_table(table.replace_schema_metadata(metadata), temporary)


def _as_csv(frame: pd.DataFrame) -> str:
    text = frame.to_csv(index=False, lineterminator="\n")
    if "\r" in text:  # alone it is not quoted, and read as the end of a row
        text = frame.to_csv(index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    return text


def read(path: str | Path, schema: pa.DataFrameSchema) -> pd.DataFrame:
    """The checked table at `path`; a `DataError` names the file, the column and the first rows."""
    try:
        frame = _csv(path, schema) if str(path).endswith(".csv") else pd.read_parquet(path)
    except (OSError, ValueError) as error:  # arrow's and pandas' errors are among these
        raise DataError(f"{path}: not readable as a table: {error}") from error
    return _check(frame, path, schema)


def _csv(path: str | Path, schema: pa.DataFrameSchema) -> pd.DataFrame:
    """Text columns stay text: a face called 000123 keeps its zeros, and null is a name."""
    text = {name: str for name, column in schema.columns.items() if "str" in str(column.dtype)}
    return pd.read_csv(path, dtype=text, keep_default_na=False, na_values=[""])


def about(path: str | Path) -> dict[str, str]:
    """What `write` was told about the parquet table at `path`."""
    metadata: dict[bytes, bytes] = parquet.read_schema(path).metadata or {}
    return {
        k.decode(): v.decode() for k, v in metadata.items() if k not in (b"pandas", b"ARROW:schema")
    }


def _check(frame: pd.DataFrame, path: str | Path, schema: pa.DataFrameSchema) -> pd.DataFrame:
    try:
        return schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        found = error.failure_cases.head(3).to_dict("records")
        cases = "; ".join(
            f"column {case['column']}: {case['check']} (found {case['failure_case']!r}"
            + (f", row {case['index']})" if case["index"] is not None else ")")
            for case in found
        )
        raise DataError(f"{path}: not a table of {schema.name}: {cases}") from error
