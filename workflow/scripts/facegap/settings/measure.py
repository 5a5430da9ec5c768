"""Settings of the stage measure."""

from typing import Annotated, Literal

from pydantic import Field

from facegap.settings.base import Count, Rate, Section, Unique, paper
from facegap.settings.models import Groups, Verification


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


class Primary(Section):
    """The primary outcome, fixed before the study runs and printed with the settings' digest."""

    quantity: Literal["transfer loss", "transfer gap"] = Field(
        "transfer loss",
        description=(
            "Of the selected configuration. transfer loss: on the same target faces, the model"
            " trained in the target less that trained in the source. transfer gap: of one model,"
            " source less target, on different persons."
        ),
    )
    metric: Literal["balanced accuracy", "accuracy", "AUROC", "Brier score"] = Field(
        "balanced accuracy",
        description="By which it is judged; accuracy, the paper's, moves with the sides' shares.",
    )
    margin: float = Field(
        0.05,
        gt=0,
        lt=1,
        description=(
            "An outcome whose 90% interval lies within this of zero is called equivalent to none."
        ),
    )


class KnownTruth(Section):
    """What the estimates are compared with where both data sets are drawn."""

    persons: Annotated[int, Field(ge=0)] = Field(
        5000, description="Further persons, with a picture each in the target's style. 0: none."
    )
    both_styles: Count = Field(
        500,
        description="How many of them are drawn in the source's style too, from the same streams.",
    )
    trainings: Annotated[int, Field(ge=2)] = Field(
        30, description="Further trainings of the head, on the same training faces."
    )


class GapParts(Section):
    """What accounts for the gaps of the selected configuration."""

    closer: float = Field(
        0.85,
        gt=0.5,
        lt=1,
        description=(
            "Side of the middle of a crop, of its own, that a model sees when test faces are"
            " cropped again, closer: what of a gap lies in the frame around the face."
        ),
    )
    least_overlap: float = Field(
        0.2,
        gt=0,
        le=1,
        description=(
            "Share of effective members that either group keeps, at the least, when the groups are"
            " reweighted to be alike; below it no number is given."
        ),
    )


class Realism(Section):
    """Of the translations."""

    primary: Annotated[
        list[
            Literal[
                "corrected attribute transfer",
                "attribute transfer",
                "identity preservation",
                "perceptual distance",
                "reconstruction error",
                "kernel distance",
                "Frechet distance",
            ]
        ],
        Field(min_length=1),
        Unique(),
    ] = Field(
        ["corrected attribute transfer", "identity preservation", "kernel distance"],
        description=(
            "Measures whose gaps, of all attributes and of both values of the control together, are"
            " the primary family of tests; all others are exploratory. Kernel distance is the KID"
            " where Inception's weights are at hand, Frechet distance the FID."
        ),
        json_schema_extra=paper("3.4 (transfer, identity, realism)"),
    )
    null_splits: Annotated[int, Field(ge=20)] = Field(
        200,
        description="Random halves of the in-domain persons, for the gaps of the null check.",
    )


class Measure(Section):
    """Stage measure."""

    primary: Primary = Field(
        default_factory=Primary, description="The outcome that the study is judged by."
    )
    intervals: Intervals = Field(
        default_factory=Intervals, description="Confidence, and how groups are formed."
    )
    known_truth: KnownTruth = Field(
        default_factory=KnownTruth,
        description=(
            "What a study of drawn faces is calibrated by: what is true of the heads of the"
            " selected configuration, beside what this study estimates of them."
        ),
    )
    parts: GapParts = Field(
        default_factory=GapParts, description="What accounts for the gaps of the selected model."
    )
    attribute_classifier: AttributeClassifier = Field(
        default_factory=AttributeClassifier,
        description=(
            "Of attributes, trained on real faces; says whether a translation shows its attribute."
        ),
    )
    realism: Realism = Field(default_factory=Realism, description="Of the translations.")
    groups: Groups = Field(
        default_factory=Groups, description="Groups of persons that audited models are measured in."
    )
    verification: Verification = Field(
        default_factory=Verification, description="Of audited recognisers."
    )
