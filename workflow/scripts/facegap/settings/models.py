"""Settings of audited models: the user's own, by what they gave out for a study's faces."""

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from facegap.settings.base import Below, Count, Section, Share, Text, Words, refuse

ModelKind = Literal["classifier", "regressor", "recogniser", "detector", "editor"]
# groups that need no column of their own, or are asked for in every study, whatever a set has
MEASURED = ("side", "race_raw", "gender", "age", "skin tone", "hue")
LANDMARKER = "landmarker"  # the name of the one that every study audits


class ThresholdFrom(Section):
    """A threshold that is set on the faces of one group and carried to the others."""

    group: Text = Field(description='As "race_raw: White", or "all".')
    false_positive_rate: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.1, description="The largest that the faces of this group may have."
    )


class ModelTask(Section):
    """What one output of a model is judged by."""

    truth: Text | None = Field(
        None, description="Column of the faces that has the right answers. null: the task's name."
    )
    positive: Words | None = Field(
        None,
        description=(
            "Values of that column that a score is the probability of. null: 1, or male of gender;"
            " without a score the labels are compared with the column as they are."
        ),
    )
    threshold: Share = Field(0.5, description="From this score on a face is positive.")
    threshold_from: ThresholdFrom | None = Field(
        None, description="Set the threshold on one group instead."
    )


class Simulated(Section):
    """A rule in place of a model, on the truth of drawn faces."""

    error: Share | dict[Text, Share] = Field(
        description='How often it is wrong, or by group of persons: {"group: A": 0.05, all: 0.2}.'
    )


class Model(Section):
    """A model to audit, by its outputs. Nothing is trained."""

    kind: ModelKind = Field(
        description=(
            "What its outputs are. classifier, regressor: a CSV of face, task, and score, label or"
            " value. recogniser: embeddings, .npz or .parquet of face and vector. detector: a CSV"
            " of face, found, box and points. editor: a folder or zip of images and"
            " translations.csv of face, attribute, value and file."
        )
    )
    outputs: Below | None = Field(None, description="Its file, below data_root.")
    dataset: Text | None = Field(
        None, description="The data set whose faces it saw. null: the only one, else the target."
    )
    trained_on_these: bool | Literal["unknown"] = Field(
        "unknown", description="Whether it was trained on these faces; printed beside its numbers."
    )
    version: Text | None = Field(None, description="For people to tell versions apart.")
    tasks: dict[Text, ModelTask] = Field(
        {}, description="Of a classifier or regressor: each task, as its CSV calls it."
    )
    simulated: Simulated | None = Field(
        None, description="A rule instead of a file, for drawn faces: it calibrates the audit."
    )

    @model_validator(mode="after")
    def _possible(self) -> Self:
        refuse(self._impossible())
        return self

    def _impossible(self) -> Iterator[tuple[tuple[str, ...], str]]:
        answers = self.kind in ("classifier", "regressor")
        if (self.outputs is None) == (self.simulated is None):
            yield ("outputs",), "give the file of its outputs, or simulated for drawn faces"
        if answers and not self.tasks:
            yield ("tasks",), f"say what the {self.kind} answers: {{Smiling: {{}}}}, for example"
        if not answers and self.tasks:
            yield ("tasks",), f"a {self.kind} has none; take it out"
        if self.simulated and self.kind != "classifier":
            yield ("simulated",), "only classifiers are simulated"
        for name, task in self.tasks.items():
            if self.kind == "regressor" and (task.threshold_from or task.positive):
                yield ("tasks", name), "a regressor has no threshold and no positive value"


class Groups(Section):
    """Groups of persons that models are measured in."""

    by: list[Text] = Field(
        ["side", "race_raw", "gender", "age"],
        description=(
            "side (of the boundary), age (in bands), or columns of the faces with few words; those"
            " that a data set has. Each has its own tests."
        ),
    )
    crossings: list[Annotated[list[Text], Field(min_length=2)]] = Field(
        [], description="Groups by several of these at once: [[race_raw, gender]]."
    )
    tones: Annotated[int, Field(ge=0, le=20)] = Field(
        5, description="Bands of equal size of skin tone (ITA) and of hue; 0: none."
    )
    least_persons: Annotated[int, Field(ge=2)] = Field(
        20, description="Groups of fewer persons are hidden: counted, without a number."
    )

    @property
    def columns(self) -> list[str]:
        """The columns of the faces that a data set may be asked for."""
        every = [*self.by, *(name for crossing in self.crossings for name in crossing)]
        return [name for name in dict.fromkeys(every) if name not in MEASURED]


class Verification(Section):
    """How recognisers are measured."""

    pairs: Count = Field(1_000_000, description="Pairs of different persons, at most.")
    false_match_rate: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.001,
        description=(
            "At which the threshold is set; where fewer than 30 false matches are to be expected,"
            " the lowest rate that the pairs support."
        ),
    )
    set_on: Text = Field(
        "all",
        description=(
            'The group on which it is set: all, or "gender: male". Groups of another factor are'
            " compared at the threshold of all faces whose group is known."
        ),
    )
