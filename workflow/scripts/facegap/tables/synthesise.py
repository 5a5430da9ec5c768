"""What synthesise hands on: the faces' roles, and translations."""

import pandera.pandas as pa

from facegap.tables.base import SIDES, integer, table, text
from facegap.tables.partition import SIDE_PROVENANCES

ROLES = table(
    {
        "face_id": text(unique=True),
        "row": integer(),  # of the aligned crops
        "role": text("train", "in-domain", "out-domain", "reference"),  # real faces to compare with
        "side": text(*SIDES),
        "provenance": text(*SIDE_PROVENANCES),  # of the side
        "control": text(nullable=True),  # value of the column that pairs are matched on
        "subject_id": text(),
        "pair": integer(nullable=True),  # of one face inside and one outside that train, from 0 on
    },
    "roles",
)
TRANSLATIONS = table(
    {
        "row": integer(),  # of translations.npy
        "face_id": text(),
        "subject_id": text(),
        "domain": text("in-domain", "out-domain"),
        "control": text(nullable=True),
        "kind": text("original", "reconstruction", "translation"),
        "attribute": text(nullable=True),  # the one changed; missing unless kind is translation
        "value": pa.Column("Int8", nullable=True),  # what it was changed to
    },
    "translations",
)
