"""What annotate hands on: the labels of the boundary, and people's answers."""

from facegap.tables.base import SIDES, flag, integer, table, text

PROVENANCES = ("own label", "agreed", "adjudicated", "contentious")

LABELS = table(
    {
        "face_id": text(unique=True),
        "side": text(*SIDES, nullable=True),  # missing: contentious
        "provenance": text(*PROVENANCES),
        "annotators": text(),  # names joined by "+", or "data set"
        "simulated": flag(),
    },
    "labels",
)
ANSWERS = table(
    {
        "face_id": text(),
        "side": text(*SIDES, "unsure"),
        "tentative": flag(),  # the annotator marked the answer as a guess
        "showing": integer(),  # 0: the first; 1: shown again, to see how steady the annotator is
    },
    "annotator's answers",
    more=True,  # a program's answers say so: simulated
)
