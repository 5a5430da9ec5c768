"""What partition hands on: the side of every face of the target."""

from facegap.tables.annotate import PROVENANCES
from facegap.tables.base import SIDES, flag, integer, real, table, text

SIDE_PROVENANCES = (*PROVENANCES, "by person", "pseudo-label", "verified", "no label", "no face")

CALIBRATED = table(
    {
        "face_id": text(unique=True),
        "probability": real(0, 1),  # of inside: calibrated, the same for all of a person's faces
        "accepted": flag(),  # sure enough to be taken as it is
    },
    "calibrated pseudo-labels",
)
QUEUE = table(
    {
        "face_id": text(unique=True),  # one face a person, the one nearest to the person's mean
        "subject_id": text(nullable=True),
        "probability": real(0, 1),
    },
    "queue of persons to verify",
)  # the most uncertain first
EVIDENCE = table(
    {
        "face_id": text(unique=True),
        "split": text("selection", "calibration", "test", "rest"),
        "person": integer(),  # a person of its own without partition.by_person
        "subject": integer(),  # who it is in any case
        "label": text(*SIDES, nullable=True),  # the face's own, by people or the data set
        "provenance": text(*PROVENANCES, nullable=True),  # of that label
        "annotators": integer(),  # who gave it
        "inside": integer(),  # faces of the person with that label
        "outside": integer(),
        "labelled": integer(),  # with any, contentious ones too
        "verified_inside": integer(),
        "verified_outside": integer(),
        "verified": integer(),
        "verifiers": integer(),  # the fewest people behind a verification of the person
        "probability": real(0, 1, nullable=True),  # of inside: the calibrated pseudo-label
        "accepted": flag(),
        "aligned": flag(),  # crops of it exist
        "simulated": flag(),
    },
    "evidence",
)  # row i is of the same face as row i of FACE_SIDES
FACE_SIDES = table(
    {
        "face_id": text(unique=True),
        "side": text(*SIDES, nullable=True),  # missing: left out
        "provenance": text(*SIDE_PROVENANCES),
        "confidence": real(0, 1, nullable=True),
        "simulated": flag(),  # no person gave the labels that the sides come from
    },
    "sides",
)
