"""Settings of the stage synthesise."""

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from facegap.configurations import BOTH, CROSSED, INSIDE, OUTSIDE
from facegap.settings.base import Count, Rate, Section, Share, Text, Unique, paper, refuse


class Attributes(Section):
    """What the generator changes, and what pairs of the human study have in common."""

    names: Annotated[list[Text], Field(min_length=1), Unique()] = Field(
        ["Black_Hair", "Blond_Hair", "Brown_Hair", "No_Beard", "Bangs", "Young"],
        description="Binary attributes that the generator gets, changed one at a time.",
        json_schema_extra=paper("3.2"),
    )
    exclusive: list[Annotated[list[Text], Field(min_length=2)]] = Field(
        [["Black_Hair", "Blond_Hair", "Brown_Hair"]],
        description="Attributes of which one excludes the others; setting one unsets them.",
    )
    least_together: Share = Field(
        0.0,
        description=(
            "A change is asked of a face only where its new value is met, with each other attribute"
            " of the face and with its control, at least this share as often on the faces trained"
            " on as if the two had nothing to do with each other: no bangs for who is bald, no"
            " beards on women. 0: every change is asked of every face."
        ),
        json_schema_extra=paper("3.2"),
    )
    control: Text = Field(
        "gender",
        description=(
            "Column whose values are alike within a pair of the human study: gender, or a binary"
            " attribute where the boundary is gender itself."
        ),
        json_schema_extra=paper("3.4 (gender)"),
    )

    @model_validator(mode="after")
    def _possible(self) -> Self:
        refuse(self._impossible())
        return self

    def _impossible(self) -> Iterator[tuple[tuple[str, ...], str]]:
        for group in self.exclusive:
            used = [name for name in group if name in self.names]
            if len(used) == 1:
                words = f"of {group} only {used[0]} is in synthesise.attributes.names"
                yield ("exclusive",), words


class Roles(Section):
    """Who trains and who is translated."""

    held_out: float = Field(
        0.1,
        gt=0,
        lt=1,
        description=(
            "Share of the inside persons that are never trained on; the in-domain faces are theirs."
            " Of the outside as many persons are measured, at most half."
        ),
        json_schema_extra=paper("3.4 (an unseen portion)"),
    )
    translated: Count = Field(2000, description="Unseen faces of each side that are translated.")
    training_faces: Count | None = Field(
        None,
        description=(
            "Faces that each arm trains on: so many of either side are matched, one by one, on the"
            " control and the attributes, and an arm has one face of each pair. null: every inside"
            " face that may train, for the arm inside alone."
        ),
    )
    contentious: Literal["left out", "measured"] = Field(
        "left out",
        description=(
            "Whether contentious faces, whose side is a rule's and nobody's word, are among the"
            " measured; then the gaps are reported without them too."
        ),
    )


class Generator(Section):
    """The generator's size."""

    channels: Count = Field(
        64, description="Of the first layer.", json_schema_extra=paper("Choi et al. 2018")
    )
    blocks: Count = Field(
        6, description="Residual blocks.", json_schema_extra=paper("Choi et al. 2018")
    )


class Discriminator(Section):
    """The discriminator's size."""

    channels: Count = Field(
        64, description="Of the first layer.", json_schema_extra=paper("Choi et al. 2018")
    )
    layers: Count = Field(
        6, description="Halving layers.", json_schema_extra=paper("Choi et al. 2018")
    )


class LossWeights(Section):
    """How much each loss counts beside the adversarial one."""

    penalty: float = Field(10, ge=0, description="Gradient penalty.")
    reconstruction: float = Field(10, ge=0, description="Cycle reconstruction.")
    classification: float = Field(1, ge=0, description="Attribute classification.")


class Gpu(Section):
    """How a GPU computes; a CPU always uses float32, but for bfloat16."""

    precision: Literal["float32", "tf32", "bfloat16"] = Field(
        "tf32", description="Of products and convolutions."
    )
    compile: bool = Field(True, description="Compile the networks (torch.compile).")


class Training(Section):
    """How StarGAN is trained."""

    generator: Generator = Field(default_factory=Generator, description="The generator's size.")
    discriminator: Discriminator = Field(
        default_factory=Discriminator, description="The discriminator's size."
    )
    weights: LossWeights = Field(
        default_factory=LossWeights,
        description="Of the losses.",
        json_schema_extra=paper("Choi et al. 2018"),
    )
    iterations: Count = Field(
        200_000, description="Discriminator steps.", json_schema_extra=paper("3.3")
    )
    discriminator_steps: Count = Field(
        5, description="Per generator step.", json_schema_extra=paper("3.3")
    )
    batch: Count = Field(16, description="Faces a step.", json_schema_extra=paper("3.3"))
    rate: Rate = Field(0.0001, description="Learning rate.", json_schema_extra=paper("3.3"))
    betas: Annotated[
        list[Annotated[float, Field(ge=0, lt=1)]], Field(min_length=2, max_length=2)
    ] = Field([0.5, 0.999], description="Of Adam.", json_schema_extra=paper("3.3"))
    decay: Share = Field(
        0.5,
        description="Last share of the iterations, over which the rate falls.",
        json_schema_extra=paper("Choi et al. 2018 (the last half)"),
    )
    schedule: Literal["linear", "published code"] = Field(
        "linear",
        description=(
            "How the rate falls. linear: to zero, as Choi et al. write. published code: by one"
            " iteration's part once every 1,000 iterations, as their code does, so that it ends at"
            " 0.999 of the start."
        ),
        json_schema_extra=paper("3.3"),
    )
    gpu: Gpu = Field(default_factory=Gpu, description="How a GPU computes.")


SHARES = {"inside": INSIDE, "mixed": BOTH, "outside": OUTSIDE}


class Synthesise(Section):
    """Stage synthesise."""

    arms: Annotated[
        list[Literal["inside", "outside", "mixed"] | Annotated[float, Field(gt=0, lt=1)]],
        Field(min_length=1),
        Unique(),
    ] = Field(
        ["inside"],
        description=(
            "Whom the generators train on: inside (the paper's; what people compare), outside,"
            " mixed (half of each side), or any other share of outside faces, for a dose curve. All"
            " train on roles.training_faces faces, in pairs by seed, and translate the same faces."
        ),
        json_schema_extra=paper("3.3 (inside alone)"),
    )
    seeds: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1), Unique()] = Field(
        [1, 2, 3, 4, 5],
        description="One StarGAN is trained with each, in each arm: [1, 2, 3] are three.",
        json_schema_extra=paper("3.3 (five initialisations)"),
    )
    attributes: Attributes = Field(
        default_factory=Attributes, description="What is changed, and what pairs have in common."
    )
    roles: Roles = Field(default_factory=Roles, description="Who trains, who is translated.")
    training: Training = Field(default_factory=Training, description="How StarGAN is trained.")

    @property
    def shares(self) -> dict[str, float]:
        """Of each arm, by its name, the share of outside faces in its training."""
        named = {str(arm): SHARES.get(str(arm), arm) for arm in self.arms}
        return {name: float(share) for name, share in named.items()}

    @property
    def crossed(self) -> bool:
        """Whether each side has an arm of its own."""
        return {"inside", "outside"} <= set(self.arms)

    @property
    def dosed(self) -> bool:
        """Whether there are arms for a curve over the share of outside faces."""
        return bool(set(self.shares.values()) - set(CROSSED))

    @model_validator(mode="after")
    def _possible(self) -> Self:
        refuse(self._impossible())
        return self

    def _impossible(self) -> Iterator[tuple[tuple[str, ...], str]]:
        faces, batch = self.roles.training_faces, self.training.batch
        if "inside" not in self.arms:
            yield ("arms",), "inside has to be among them: people compare its translations"
        if BOTH in self.arms:
            yield ("arms",), f"{BOTH} is mixed"
        if faces is None and len(self.arms) > 1:
            words = "several arms train on equally many faces; give a number"
            yield ("roles", "training_faces"), words
        if faces is not None and faces < batch:
            words = f"{faces}, fewer than a batch (synthesise.training.batch: {batch})"
            yield ("roles", "training_faces"), words
        for name, share in self.shares.items():
            if faces is not None and 0 < share < 1 and not 0 < round(share * faces) < faces:
                words = f"{name} of {faces} faces (synthesise.roles.training_faces) is none, or all"
                yield ("arms",), words
