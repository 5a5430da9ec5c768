"""Settings of the stage judge."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from facegap.settings.base import Below, Count, Section, Share, Text, Unique, paper, refuse
from facegap.settings.recruitment import Recruitment


class Design(Section):
    """What each participant is shown."""

    participants: Count = Field(3, description="Participants.", json_schema_extra=paper("3.4"))
    pairs: Count = Field(
        300, description="Pairs of each participant.", json_schema_extra=paper("3.4")
    )
    overlap: bool = Field(
        False,
        description=(
            "Whether everybody compares the same pairs (agreement can be measured) or each their"
            " own (more persons are seen). The paper does not say."
        ),
    )
    attention: Share = Field(
        0.05,
        description=(
            "Attention pairs (one image plainly spoiled) beside the pairs, as a share of them."
        ),
    )
    repeats: Share = Field(
        0.05,
        description="Pairs shown again with left and right exchanged, as a share of the pairs.",
    )
    originals: Share = Field(
        0.0,
        description=(
            "Pairs of untouched photographs, one of either side, beside the pairs, as a share of"
            " them: how far people like the photographs of one side better, which is no doing of"
            " the generator's (docs/human-study.md)."
        ),
    )
    training: int = Field(
        4, ge=0, description="Pairs to practise on first, which are not analysed."
    )
    familiarity: int = Field(
        40,
        ge=0,
        description=(
            "Persons of each side that each participant is asked about (did you know them?); 0 for"
            " no question."
        ),
        json_schema_extra=paper("4"),
    )
    criteria: bool = Field(
        False,
        description=(
            "Whether to ask for realism, transfer and identity one by one beside the overall"
            " choice, which is all that the paper asked for."
        ),
        json_schema_extra=paper("3.4"),
    )
    break_every: Count = Field(75, description="Pairs between breaks.")


class Familiarity(Section):
    """Probability that a simulated participant knows a person, by side."""

    in_domain: Share = Field(0.7, alias="in-domain", description="Of the inside.")
    out_domain: Share = Field(0.4, alias="out-domain", description="Of the outside.")


class Simulation(Section):
    """Simulated participants, until there are people's answers.

    They try the analysis, so what they prefer and know is plainly not what the paper printed:
    among men there is nothing to find, among women more than the paper found.
    """

    preference: dict[str, Share] = Field(
        {"male": 0.5, "female": 0.7},
        description=(
            "Probability to choose the in-domain output, by value of the control column (for a"
            ' binary attribute such as Young: "Young" and "not Young"). Not the published values:'
            " by default there is nothing to find among men, and a preference among women that a"
            " small study finds."
        ),
    )
    liking: Share = Field(
        0.5,
        gt=0,
        lt=1,
        description="Probability to choose the in-domain photograph of two untouched ones.",
    )
    familiarity: Familiarity = Field(
        default_factory=Familiarity, description="Probability to know a person, by side."
    )


class OwnSide(Section):
    """An optional question at the end: on which side of the boundary participants are themselves.

    It is about people, so it is asked only where it is set, may be left unanswered, and is stored
    apart from the answers.
    """

    question: Text | None = Field(None, description="The question; null: it is not asked.")
    answers: dict[Text, Literal["inside", "outside"] | None] = Field(
        {},
        description=(
            "Each answer that may be chosen, and the side that it stands for (null: neither);"
            " not to say is always one."
        ),
    )
    fewest: int = Field(
        5,
        ge=5,
        description="Participants that a side has at the least; of fewer nothing is shown or kept.",
    )

    @model_validator(mode="after")
    def _of_both_sides(self) -> Self:
        if self.question and not {"inside", "outside"} <= set(self.answers.values()):
            refuse([(("answers",), "none for inside or none for outside; name answers of both")])
        if self.answers and not self.question:
            refuse([(("question",), "what are these answers to? Write the question")])
        return self


class Judge(Section):
    """Stage judge."""

    design: Design = Field(default_factory=Design, description="What each participant is shown.")
    compared: Annotated[list[Text], Unique(), Field(min_length=1)] = Field(
        ["inside"],
        description=(
            "Whose translations are compared: those of arms of the synthesis, or of audited"
            " editors. Of several each makes as many of the pairs, Table 5 is of the first, and the"
            " others stand beside it."
        ),
    )
    attention_threshold: Share = Field(
        0.8,
        description=(
            "Who passes fewer of their attention pairs is left out of the estimates; the report"
            " shows them with and without."
        ),
    )
    least_pixels: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description=(
            "With each answer the page notes how many pixels of the screen a picture was wide,"
            " which window and zoom decide, and answers on pictures of fewer are left out of all"
            " estimates: a rule fixed before there are answers; null: nothing is noted."
        ),
    )
    equivalence_margin: float | None = Field(
        None,
        gt=0,
        lt=0.5,
        description=(
            "How far from one half a share may lie and count as no preference (0.05: 45% to 55%),"
            " fixed before there are answers; null: the report never calls a preference equivalent"
            " to none."
        ),
    )
    responses: Below | None = Field(
        None,
        description=(
            "File below data_root of real answers: the database of `facegap judge serve`"
            " (.sqlite), or a CSV (pair_id, participant, choice left or right, and seconds if"
            " known), such as `facegap judge export` writes; null for simulated participants."
        ),
    )
    familiarity_responses: Below | None = Field(
        None,
        description=(
            "With a CSV of answers, the CSV below data_root of person_id, participant and known"
            " (true or false)."
        ),
    )
    own_side_responses: Below | None = Field(
        None,
        description=(
            "With a CSV of answers, the CSV below data_root of participant and side (inside or"
            " outside): participants' own sides, where they were asked."
        ),
    )
    simulation: Simulation = Field(
        default_factory=Simulation, description="Simulated participants."
    )
    own_side: OwnSide = Field(
        default_factory=OwnSide,
        description="Participants' own side of the boundary, asked at the end.",
    )
    recruitment: Recruitment = Field(
        default_factory=Recruitment,
        description="One link for all participants, as platforms send them.",
    )

    @model_validator(mode="after")
    def _of_somebody(self) -> Self:
        seen = {self.responses: "responses"}
        for name in ("familiarity_responses", "own_side_responses"):
            place = getattr(self, name)
            if place and not self.responses:
                refuse([((name,), "whose? Give judge.responses too")])
            if place and place in seen:
                words = f"the file of judge.{seen[place]}; one would be written over the other"
                refuse([((name,), words)])
            seen[place] = name
        return self
