"""What acquire hands on: the faces of a data set, and what was rejected."""

from facegap.tables.base import flag, integer, real, table, text

SPLITS = ("train", "test", "rest")
GENDERS = ("male", "female")

KNOWN = {
    "face_id": text(unique=True),
    "path": text(),  # inside the data set's image folder or zip
    "subject_id": text(nullable=True),  # missing: the person is not known
    "age": real(0, 150, nullable=True),
    "gender": text(*GENDERS, nullable=True),
    "race_raw": text(nullable=True),  # the data set's own word
}
SAMPLED = table(
    {
        **KNOWN,
        "file_digest": text(nullable=True),  # missing: the file was not readable
        "look": text(nullable=True),  # perceptual hash, 256 bits in hex; missing: not decodable
        "mirrored_look": text(nullable=True),  # of the mirror image
    },
    "sampled faces",
    more=True,
)
FACES = table(
    {
        **KNOWN,
        "split": text(*SPLITS),  # rest: in neither, e.g. the faces of the target nobody annotated
    },
    "faces",
    more=True,  # binary attributes: 0, 1 or missing, Int8; drawn faces add group and landmarks
)
# columns beside a data set's own: no attribute may have such a name
OURS = {*SAMPLED.columns, *FACES.columns, "group", "landmarks", "official_landmarks"}
OURS -= {name for name in KNOWN if name != "face_id"}
REJECTED = table(
    {"path": text(), "face_id": text(nullable=True), "reason": text()}, "rejected images"
)
DUPLICATES = table(  # of a data set's faces: each with the nearest of its own or another set's
    {
        "face_id": text(),
        "path": text(),
        "other_dataset": text(),  # the face's own one, or another
        "other": text(),  # face_id there
        "distance": integer(),  # bits of 256 in which their perceptual hashes differ
        "mirrored": flag(),  # whether one is alike to the other's mirror image
        "same_bytes": flag(),  # of their files
        "differs": text(nullable=True),  # labels of one data set in which they differ, joined by +
    },
    "duplicates",
)
