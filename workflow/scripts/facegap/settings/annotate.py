"""Settings of the stage annotate, and of people who answer."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from facegap.settings.base import Below, Count, Name, Section, Share, Text, Words, paper, refuse


class AnswerWords(Section):
    """A file's own words for the answers."""

    inside: Words = Field(description="Words for inside.")
    outside: Words = Field(description="Words for outside.")
    unsure: Words | None = Field(None, description="Words for unsure.")

    @model_validator(mode="after")
    def _unambiguous(self) -> Self:
        sides: dict[str, str] = {}
        for side, words in self.model_dump().items():
            for word in map(str, words or []):
                if sides.setdefault(word, side) != side:
                    refuse([((), f"{word!r} is both {sides[word]} and {side}")])
        return self


SIDES_ALONE = AnswerWords(inside=["inside"], outside=["outside"])  # of a file without unsure


class Person(Section):
    """Who answers: a person with a file of answers, or a simulated one with an error rate."""

    answers: Below | None = Field(
        None,
        description=(
            "File of answers from elsewhere, below data_root: CSV, or an export of Label Studio"
            " (.json). It is never written; where the person has answered on the page and the round"
            " is closed, what that wrote is read instead."
        ),
    )
    face: Text | None = Field(None, description="Column (key of data) with the face.")
    side: Text | None = Field(None, description="Column (name of the choice) with the answer.")
    words: AnswerWords | None = Field(
        None, description="The file's own words; facegap's are inside, outside and unsure."
    )
    annotator: str | int | None = Field(
        None, description="Whose answers are meant, where the file has several people's."
    )
    annotator_column: Text | None = Field(None, description="Column that says whose they are.")
    error: Annotated[float, Field(ge=0, le=0.5)] | None = Field(
        None, description="For drawn faces only: the error rate of a simulated person."
    )

    @model_validator(mode="after")
    def _one_or_the_other(self) -> Self:
        if (self.answers is None) == (self.error is None):
            refuse([((), "give either answers, or the error of a simulated person")])
        others = (self.face, self.side, self.words, self.annotator, self.annotator_column)
        if self.error is not None and others != (None,) * len(others):
            refuse([((), "a simulated person has an error alone")])
        return self


def _different_people(people: Mapping[str, Person]) -> Mapping[str, Person]:
    """Refuse people and simulated ones together, and one person under two names."""
    refuse(_impossible(people))
    return people


def _impossible(people: Mapping[str, Person]) -> Iterator[tuple[tuple[str, ...], str]]:
    simulated = [name for name, person in people.items() if person.error is not None]
    if simulated and len(simulated) < len(people):
        yield (), f"{simulated[0]} is simulated; people and simulated ones do not mix"
    seen: dict[tuple[str | None, str | int | None], str] = {}
    for name, person in people.items():
        theirs = person.answers, person.annotator
        if person.answers is not None and seen.setdefault(theirs, name) != name:
            yield (name, "answers"), f"the same answers as {seen[theirs]}'s"


People = Annotated[dict[Name, Person], AfterValidator(_different_people)]


class Tentative(Section):
    """How probable it is that a simulated person marks an answer as tentative."""

    right: Share = Field(0.1, description="Probability for a right answer.")
    wrong: Share = Field(0.5, description="Probability for a wrong answer.")


class Annotate(Section):
    """Stage annotate."""

    annotators: People = Field(
        {},
        description=(
            "For a target with labels people: each annotator by name, with the file of their"
            " answers below data_root (docs/annotation.md), or, for drawn faces only, the error"
            " rate of a simulated one."
        ),
        json_schema_extra=paper("2.1 (two researchers)"),
    )
    adjudication: Below | None = Field(
        None,
        description="CSV below data_root (face_id, side) of decisions where annotators differ.",
    )
    answers_per_face: Count | None = Field(
        None,
        ge=2,
        description=(
            "How many of the annotators answer on each face: on the page it goes to who comes, the"
            " faces with the fewest answers first. Null: all of them."
        ),
    )
    known: Below | None = Field(
        None,
        description=(
            "CSV below data_root (face_id, side) of faces outside the sample whose side is known,"
            " for the page: the first of them train annotators, the others come unannounced among"
            " the faces and check them. They get no label."
        ),
    )
    training: int = Field(
        10,
        ge=0,
        description=(
            "How many of the known faces come first, each with what it is known as once it is"
            " answered."
        ),
    )
    repeated: Share = Field(
        0.05, description="Share of the sample that each annotator sees twice, for consistency."
    )
    tentative: Tentative = Field(
        default_factory=Tentative,
        description="Probability that a simulated person marks an answer as tentative.",
    )

    @model_validator(mode="after")
    def _enough_annotators(self) -> Self:
        if self.answers_per_face and self.answers_per_face > len(self.annotators):
            words = f"{self.answers_per_face}, of {len(self.annotators)} annotators; name more"
            refuse([(("answers_per_face",), words)])
        return self
