"""Settings of crossed designs (docs/crossed.md): heads of the stage classify beside the grid."""

from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import Field, model_validator

from facegap.settings.base import Name, Section, Text, Unique, refuse


class Dose(Section):
    """Between one side and the other: how much of the other side's faces is enough."""

    tasks: Annotated[list[Text], Unique()] = Field(
        [], description="Tasks that have a dose curve; each is among labels."
    )
    shares: Annotated[list[Annotated[float, Field(gt=0, lt=1)]], Field(min_length=1), Unique()] = (
        Field(
            [0.05, 0.1, 0.25],
            description=(
                "Shares of outside faces in training, at a fixed number of faces, beside none, half"
                " and all."
            ),
        )
    )


class FineTuned(Section):
    """Tasks whose tail is fine-tuned as well, as that of the selected configuration was."""

    tasks: Annotated[list[Text], Unique()] = Field(
        [], description="Which; each is among labels. None: heads alone."
    )
    trainings: Annotated[int, Field(ge=2)] = Field(
        3, description="Trainings on each side and on both, in each data set."
    )


class Tasks(Section):
    """Tasks beside the boundary: heads trained inside, outside and on both, and tested on both."""

    labels: Annotated[list[Name], Unique()] = Field(
        [],
        description=(
            "What is learnt: gender, Young, or any binary attribute of the faces; a task runs in"
            " each data set that has its label. None: no task."
        ),
    )
    young_below: Annotated[int, Field(ge=1, le=150)] = Field(
        40, description="Years below which a face is Young where a data set has ages alone."
    )
    trainings: Annotated[int, Field(ge=2)] = Field(
        10, description="Trainings of each head, each with its own sample of the training faces."
    )
    dose: Dose = Field(
        default_factory=Dose, description="The dose curve: training on shares of either side."
    )

    fine_tuned: FineTuned = Field(
        default_factory=FineTuned, description="Fine-tuning tails for tasks."
    )

    @model_validator(mode="after")
    def _possible(self) -> Self:
        refuse(self._impossible())
        return self

    def _impossible(self) -> Iterator[tuple[tuple[str, ...], str]]:
        for key, names in (("dose", self.dose.tasks), ("fine_tuned", self.fine_tuned.tasks)):
            for name in names:
                if name not in self.labels:
                    yield (key, "tasks"), f"{name} is not among classify.tasks.labels"
        if set(self.dose.shares) == {0.5}:
            words = "half is trained on in any case; name further shares"
            yield ("dose", "shares"), words
        if "all" in self.labels:
            yield ("labels",), "all is what all tasks together are called; rename the column"
        if {"gender", "Male"} <= set(self.labels):
            yield ("labels",), "gender and Male are one label; name one of them"


class LearningCurve(Section):
    """Heads of the boundary on some of the target's labelled faces."""

    faces: Annotated[list[Annotated[int, Field(ge=2)]], Unique()] = Field(
        [],
        description=(
            "Numbers of labelled training faces of the target, the sides in their shares. None: no"
            " learning curve."
        ),
    )
    trainings: Annotated[int, Field(ge=2)] = Field(
        10, description="Trainings on each number of faces, each on its own sample."
    )


class LabelError(Section):
    """What wrong labels of people do to the outcomes of heads, by making more of them wrong."""

    rates: Annotated[list[Annotated[float, Field(gt=0, lt=0.5)]], Unique()] = Field(
        [0.03, 0.06, 0.1],
        description=(
            "Shares of the target's labels that are wrong beside those that are, from which the"
            " outcomes without any are extrapolated; three or more. None: not done."
        ),
    )
    simulations: Annotated[int, Field(ge=2)] = Field(5, description="Of each rate.")
    trainings: Annotated[int, Field(ge=2)] = Field(3, description="Of the heads, in each.")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        words = "a parabola needs three rates or more"
        refuse([(("rates",), words)] if 0 < len(self.rates) < 3 else [])
        return self


class Multiverse(Section):
    """The primary outcome of heads under other readings of the paper."""

    readings: Annotated[int, Field(ge=0, le=256)] = Field(
        64,
        description=(
            "How many, at most: of each training's reading the four ways to count its answers; of"
            " more trainings a sample by seed. 0: none."
        ),
    )
    trainings: Annotated[int, Field(ge=2)] = Field(3, description="Of each reading.")
