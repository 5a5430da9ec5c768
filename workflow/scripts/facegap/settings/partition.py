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
            "Share of the accepted pseudo-labels that is to be right; the confidence from which"
            " they are accepted is the least that reaches it on the annotated train part."
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
