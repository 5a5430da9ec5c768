"""What judge hands on: blinded pairs, their key, and people's answers."""

import pandera.pandas as pa

from facegap.tables.base import SIDES, flag, integer, real, table, text

CRITERIA = ("realism", "transfer", "identity")  # that the paper names

PAIRS = table(
    {
        "pair_id": text(unique=True),
        "participant": text(),
        "position": integer(),
        "training": flag(),  # shown first, to learn the page; not analysed
        "attribute": text(nullable=True),  # none: both images are untouched originals
        "value": pa.Column("Int8", nullable=True),  # what it was changed to in both images
        "control": text(),
        "expected": text("left", "right", nullable=True),  # of an attention pair: the unspoiled one
        "left_image": text(),  # blinded image ids, names in images.zip
        "right_image": text(),
        "left_original": text(),  # the faces that the images were made of
        "right_original": text(),
    },
    "pairs",
)
PERSONS = table(
    {
        "person_id": text(unique=True),
        "participant": text(),
        "position": integer(),
        "image": text(),  # of the original face, in images.zip
    },
    "persons to recognise",
)
KEY = table(
    {
        "pair_id": text(unique=True),
        "kind": text("training", "compared", "attention", "repeat", "originals"),
        "comparison": text(),  # the same for pairs of the same two images
        "repeats": text(nullable=True),  # the pair_id that this one shows again, sides exchanged
        "degraded": text("left", "right", nullable=True),  # of an attention pair
        "maker": text(),  # of both images: an arm, or an audited editor
        "seed": integer(),
        "left_domain": text("in-domain", "out-domain"),
        "left_row": integer(),  # of the translations.npy of maker and seed
        "right_row": integer(),
        "left_original_row": integer(),
        "right_original_row": integer(),
        "left_subject": text(),
        "right_subject": text(),
    },
    "key of the pairs",
)
PERSONS_KEY = table(
    {
        "person_id": text(unique=True),
        "participant": text(),
        "subject_id": text(),
        "domain": text("in-domain", "out-domain"),
    },
    "key of the persons",
)
RESPONSES = table(
    {
        "pair_id": text(),
        "participant": text(),  # several may have answered the list of pairs of one
        "choice": text("left", "right"),
        **{name: text("left", "right", nullable=True) for name in CRITERIA},  # if asked
        "seconds": real(0, nullable=True),
        "pixels": real(0, nullable=True),  # of the screen that a picture was wide, if noted
        "simulated": flag(),
    },
    "responses",
    unique=("pair_id", "participant"),
)
RATERS = table(
    {
        "participant": text(unique=True),
        "side": text(*SIDES),  # their own; none of a side with few participants
    },
    "participants' own sides",
)
FAMILIAR = table(
    {
        "person_id": text(),
        "participant": text(),
        "known": flag(),  # to the participant, before the study
        "simulated": flag(),
    },
    "persons known to participants",
    unique=("person_id", "participant"),
)
