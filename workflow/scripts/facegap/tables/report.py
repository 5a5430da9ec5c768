"""What report writes: a table beside the published one."""

from facegap.tables.base import real, table, text

REPORTED = table(
    {
        "row": text(),
        "column": text(),
        "ours": real(nullable=True),
        "low": real(nullable=True),
        "high": real(nullable=True),
        "published": real(nullable=True),
        "difference": real(nullable=True),  # ours - published
        "note": text(nullable=True),  # beside ours
    },
    "table beside the published one",
)
