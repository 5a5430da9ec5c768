"""What acquire hands on: the faces of a data set, and what was rejected."""

from facegap.tables.base import real, table, text

SPLITS = ("train", "test", "rest")
GENDERS = ("male", "female")

FACES = table(
    {
        "face_id": text(unique=True),
        "path": text(),  # inside the data set's image folder or zip
        "subject_id": text(nullable=True),  # missing: the person is not known
        "split": text(*SPLITS),  # rest: in neither, e.g. the faces of the target nobody annotated
        "age": real(0, 150, nullable=True),
        "gender": text(*GENDERS, nullable=True),
        "race_raw": text(nullable=True),  # the data set's own word
    },
    "faces",
    more=True,  # binary attributes: 0, 1 or missing, Int8; drawn faces add group and landmarks
)
REJECTED = table(
    {"path": text(), "face_id": text(nullable=True), "reason": text()}, "rejected images"
)
DUPLICATES = table(
    {
        "path": text(),
        "face_id": text(unique=True),
        "same_as": text(),  # face_id of the first of the same bytes, itself included
        "differs": text(nullable=True),  # the labels in which they differ, joined by "+"
    },
    "duplicates",
)
