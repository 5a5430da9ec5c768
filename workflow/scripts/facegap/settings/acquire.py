"""Settings of the data sets and of the stage acquire."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from facegap.kinds import KINDS, is_tar
from facegap.settings.base import Below, Count, Section, Share, Text, Unique, Words, paper, refuse

Trains = Annotated[int, Field(ge=1)] | Annotated[float, Field(ge=0, lt=1)]
Tests = Annotated[int, Field(ge=1)] | Annotated[float, Field(gt=0, le=1)]


def unknown_columns(names: Iterable[str], kind: str) -> Iterator[str]:
    """Says which of `names` are no columns of the faces of a known kind, if any are."""
    known = KINDS[kind].columns
    if known is not None and (unknown := [name for name in names if name not in known]):
        has = f"it has {', '.join(known)}" if known else "it has none"
        yield f"{', '.join(unknown)} is no column of {kind} faces; {has}"


class Split(Section):
    """Parts sampled by seed, by person where persons are known; what is left is `rest`."""

    train: Trains = Field(description="Number of faces to train on, or share of all (below 1).")
    test: Tests = Field(description="Number of faces to test on, or share of all (up to 1).")
    pictures: Count | None = Field(
        None,
        description=(
            "At most so many pictures of a person are in a part, by seed; the person's others"
            " rest. With 1 a sample of faces is one of persons."
        ),
    )
    test_pictures: Count | None = Field(
        None,
        description=(
            "At most so many pictures of a person are in the test part; with 1 it has as many"
            " persons as faces, and so the narrowest intervals. The person's others rest; of drawn"
            " persons no others are drawn. Without: as pictures says."
        ),
    )
    strata: Annotated[list[Text], Unique()] = Field(
        [],
        description=(
            "Columns (gender, race_raw, a binary attribute) whose values have the same shares in"
            " each part as in the whole."
        ),
    )

    @model_validator(mode="after")
    def _of_one_kind(self) -> Self:
        parts = (self.train, self.test)
        if len({isinstance(part, int) for part in parts}) == 2:
            refuse([((), "give train and test both as numbers, or both as shares")])
        if isinstance(self.train, float) and sum(parts) > 1 + 1e-9:
            refuse([((), "train and test are more than all of the faces")])
        return self


class OwnLabel(Section):
    """Which values of which column are inside and outside."""

    column: Text = Field(description="Column of the data set's faces.")
    inside: Words | None = Field(None, description="Values that are inside.")
    outside: Words | None = Field(None, description="Values that are outside.")
    below: float | None = Field(
        None, description="For a column of numbers: below it is inside, the others outside."
    )

    @model_validator(mode="after")
    def _both_sides(self) -> Self:
        listed = {side for side in ("inside", "outside") if getattr(self, side) is not None}
        if (self.below is not None) == bool(listed):
            refuse([((), "give the values inside and outside, or a number below which is inside")])
        if len(listed) == 1:
            refuse([((), f"gives the values {listed.pop()} only; both sides are needed")])
        both = [value for value in self.inside or [] if value in (self.outside or [])]
        refuse([((), f"{value!r} is both inside and outside") for value in both[:1]])
        return self


class Dataset(Section):
    """One data set."""

    kind: Text = Field(
        json_schema_extra={"enum": list(KINDS)},
        description="; ".join(f"{name}: {kind.words}" for name, kind in KINDS.items())
        + ". What is not below data_root is fetched (docs/data.md).",
    )
    images: Below | Annotated[list[Below], Field(min_length=1)] | None = Field(
        None,
        description=(
            "Folder, .zip or tar (plain, .gz, .xz, .bz2) of images below data_root, or several"
            " tars, as UTKFace's pictures in the wild come in. Without: the official file's name;"
            " for a folder it has to be given."
        ),
    )
    table: Below | None = Field(None, description="For kind folder: the CSV, below data_root.")
    faces: Annotated[int, Field(ge=2)] | None = Field(
        None, description="How many faces to use, whole persons sampled by seed; null for all."
    )
    split: Split = Field(
        Split(train=0.0, test=1.0),
        description=(
            "Parts to train and to test on; the rest of the target is not annotated. Without: all"
            " faces test, for audits of models that are trained elsewhere."
        ),
        json_schema_extra=paper("2.1 (target 2000 and 500)"),
    )
    labels: Literal["own", "people"] = Field(
        "own",
        description=(
            "Where the boundary's labels come from. own: the data set carries them. people:"
            " annotators label the train and test parts (stage annotate)."
        ),
    )
    own_label: OwnLabel | None = Field(
        None,
        description=(
            "Which values of which column are inside and outside. Known for race (White inside),"
            " gender (male inside, unless sides calls female so), age (CelebA's Young inside;"
            " elsewhere below 40 years) and group (drawn faces); needed for any other boundary, or"
            " where the set has words of its own."
        ),
        json_schema_extra=paper("2.1"),
    )

    @field_validator("kind")
    @classmethod
    def _known(cls, kind: str) -> str:
        if kind not in KINDS:
            raise ValueError(f"{kind!r} is no kind of data set; allowed: {', '.join(KINDS)}")
        return kind

    @model_validator(mode="after")
    def _possible(self) -> Self:
        refuse(self._impossible())
        return self

    def _impossible(self) -> Iterator[tuple[tuple[str, ...], str]]:
        if self.kind == "folder" and not (self.images and self.table):
            yield (), "kind folder needs images and table"
        if self.kind == "drawn" and self.faces is None:
            yield ("faces",), "say how many faces to draw"
        if self.images is not None and self.kind == "drawn":
            yield ("images",), f"not read for the kind {self.kind}; take it out"
        if self.table is not None and self.kind != "folder":
            yield ("table",), f"not read for the kind {self.kind}; take it out"
        if self.kind == "drawn" and self.split.test_pictures and self.split.strata:
            words = "drawn persons of the test part are drawn, not sampled, with test_pictures"
            yield ("split", "strata"), f"{words}; take one of the two out"
        for words in unknown_columns(self.split.strata, self.kind):
            yield ("split", "strata"), words
        for words in unknown_columns([self.own_label.column] if self.own_label else [], self.kind):
            yield ("own_label", "column"), words
        if isinstance(self.images, list) and not all(map(is_tar, self.images)):
            yield (
                ("images",),
                "a list is for tars, as .tar.gz; name one folder or zip instead",
            )
        parts = (self.split.train, self.split.test)
        if self.faces and isinstance(parts[0], int) and sum(parts) > self.faces:
            yield ("split",), f"{sum(parts)} faces, but faces is {self.faces}"


class Drawn(Section):
    """The drawn collections; parameters of the faces in docs/drawn-faces.md."""

    capture_distance: Share = Field(
        1.0,
        description=(
            "How far the target's capture style lies from the source's; at 0 both collections are"
            " drawn alike and no gap may be found."
        ),
    )
    dim: dict[str, Share] = Field(
        {},
        description=(
            "Share of the pictures of a data set that are taken in next to no light, by its name:"
            " a difference in capture that both sets share, and that makes a face hard."
        ),
    )
    group_distance: Share = Field(
        1.0,
        description=(
            "How far the faces of group B lie from those of group A; at 0 nothing in a picture"
            " tells the groups apart, nobody could label them, and the data sets' own labels are"
            " used (labels: own)."
        ),
    )
    pictures_per_person: Count = Field(4, description="Mean number.")
    inside_share: Share = Field(0.5, description="Share of persons of group A.")


class Duplicates(Section):
    """What is the same picture twice, and what becomes of it. Drawn faces have no duplicates."""

    distance: Annotated[int, Field(ge=0, le=64)] | None = Field(
        32,
        description=(
            "Two images are near-duplicates, the same picture, where their perceptual hashes, or"
            " one's and the other's mirror image's, differ in at most so many of 256 bits"
            " (docs/data.md has what was measured). They are in one part of the split. null: only"
            " files of the same bytes are."
        ),
    )
    leave_out: bool = Field(
        True,
        description=(
            "A person of whom the source has a picture too is in no training or test part of the"
            " target; all pictures of the person rest. So it is with any further data set and"
            " those before it."
        ),
    )


class Acquire(Section):
    """Stage acquire."""

    duplicates: Duplicates = Field(
        default_factory=Duplicates, description="Pictures that are there twice."
    )

    drawn: Drawn = Field(default_factory=Drawn, description="The drawn collections.")
