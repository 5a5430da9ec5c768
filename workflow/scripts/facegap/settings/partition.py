"""Settings of the stage partition."""

from typing import Literal

from pydantic import Field

from facegap.settings.annotate import People
from facegap.settings.base import Section


class Partition(Section):
    """Stage partition."""

    by_person: bool = Field(
        True, description="A person's label is passed on to all of their pictures."
    )
    precision: float = Field(
        0.95,
        ge=0.5,
        le=0.999,
        description=(
            "Share of the accepted pseudo-labels that is to be right; the probability from which"
            " they are accepted is the least that is shown to reach it on the half of the"
            " annotated training part that selects no configuration."
        ),
    )
    confidence: float = Field(
        0.9,
        ge=0.5,
        le=0.999,
        description=(
            "How sure that is to be: the precision is missed in at most the rest of all studies."
            " Where it cannot be shown, no pseudo-label is accepted and all persons are queued. It"
            " takes log(1 - confidence) / log(precision) labelled persons without an error: 22 for"
            " a precision of 0.9, and 45 for 0.95."
        ),
    )
    verification: People = Field(
        {},
        description=(
            "Who verified the persons that no accepted pseudo-label placed: like"
            " annotate.annotators, on faces of partition/target/queue.csv. None: they are left"
            " out."
        ),
    )
    contentious: Literal["inside", "outside", "left out"] = Field(
        "outside", description="Where contentious faces go."
    )
