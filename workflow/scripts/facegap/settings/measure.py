"""Settings of the stage measure."""

from typing import Annotated

from pydantic import Field

from facegap.settings.base import Count, Rate, Section, Unique


class AttributeClassifier(Section):
    """The classifier of attributes, trained on real faces, that judges translations."""

    iterations: Count = Field(4000, description="Training steps.")
    batch: Count = Field(64, description="Faces a step.")
    rate: Rate = Field(0.001, description="Learning rate.")


class Intervals(Section):
    """Of every estimate."""

    confidence: float = Field(0.95, gt=0.5, lt=1, description="Of every interval.")
    age_bands: Annotated[
        list[Annotated[int, Field(ge=1, le=150)]],
        Field(min_length=1),
        Unique(),
    ] = Field(
        [30, 50],
        description="Years at which a new age band begins, where groups are told apart by age.",
    )


class Measure(Section):
    """Stage measure."""

    intervals: Intervals = Field(
        default_factory=Intervals, description="Confidence, and how groups are formed."
    )
    attribute_classifier: AttributeClassifier = Field(
        default_factory=AttributeClassifier,
        description=(
            "Of attributes, trained on real faces; says whether a translation shows its attribute."
        ),
    )
