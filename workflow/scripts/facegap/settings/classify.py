"""Settings of the stage classify."""

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from facegap.assets import backbone_weights
from facegap.settings.align import CropName
from facegap.settings.base import (
    Below,
    Count,
    Rate,
    Section,
    Share,
    Text,
    Unique,
    paper,
    refuse,
)
from facegap.settings.crossed import LabelError, LearningCurve, Multiverse, Tasks

Optimiser = Literal["adam", "sgd", "rmsprop"]
UNCUT = ("gemma4_vit",)  # timm's families whose path through their layers the image decides
InputSize = Annotated[int, Field(ge=32, le=512)]


class Backbone(Section):
    """A network and its first weights."""

    weights: Below = Field(
        description=(
            "random, pretrained (as published), or a file below data_root (.pth, .safetensors; of"
            " VGGFace also Keras' .h5)."
        )
    )
    input_size: InputSize | None = Field(
        None, description="Size in pixels for this network alone; else classify.features'."
    )
    revision: Annotated[str, Field(pattern="^[0-9a-f]{40}$")] | None = Field(
        None, description="Of timm's pretrained weights: the commit at Hugging Face, else the last."
    )
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = Field(
        None,
        description=(
            "Of timm's pretrained weights: the file's; another file is refused. Without, the job's"
            " log has the revision and the sha256 of what came."
        ),
    )


class Grid(Section):
    """The axes of the grid. No job takes them whole, so one more backbone reruns no other."""

    backbones: dict[
        Annotated[str, Field(pattern=r"^[a-z0-9_]+([.][a-z0-9_]+)?$")], Text | Backbone
    ] = Field(
        {
            "resnet50": "pretrained",
            "vgg16": "pretrained",
            "vgg19": "pretrained",
            "vggface": "pretrained",
        },
        min_length=1,
        description=(
            f"Networks of the grid and their first weights: {', '.join(backbone_weights())}, or"
            " any model of timm by its name. `name: weights` is short for `name: {weights: ...}`."
        ),
        json_schema_extra=paper("2.1"),
    )
    protocol: Literal["coordinate", "factorial"] = Field(
        "coordinate",
        description=(
            "coordinate: one factor at a time, the best selected. factorial: every backbone with"
            " every preprocessing and every pair of optimisers; the best of all is selected."
        ),
        json_schema_extra=paper("2.3"),
    )
    single_techniques: bool = Field(
        True,
        description=(
            "Also run the selected backbone with each technique alone: the crop without"
            " transforms, the transforms without the crop, and every pair of optimisers without"
            " either."
        ),
    )
    optimiser_pairs: Annotated[
        list[Annotated[list[Optimiser], Field(min_length=2, max_length=2)]],
        Field(min_length=1),
        Unique(),
    ] = Field(
        [["adam", "adam"], ["adam", "sgd"], ["rmsprop", "sgd"], ["sgd", "rmsprop"]],
        description=(
            "Optimisers of head training and of fine-tuning; the first pair is used where none is"
            " varied."
        ),
        json_schema_extra=paper("2.2, Table 3"),
    )
    printed_loss: Literal["target", "training"] = Field(
        "target",
        description=(
            "Table 3's loss: on the target's test part, or of the last epoch of fine-tuning. Both"
            " are estimates."
        ),
        json_schema_extra=paper("2.3, Table 3"),
    )
    selected_backbone: Text = Field(
        "vggface",
        description=(
            "Backbone of Tables 3 and 4: one of the backbones by name, or best, the best by"
            " classify.selection with the first pair of optimisers, as coordinate descent does."
        ),
        json_schema_extra=paper("2.3 (VGGFace)"),
    )

    @model_validator(mode="after")
    def _possible(self) -> Self:
        refuse(self._impossible())
        return self

    def _impossible(self) -> Iterator[tuple[tuple[str, ...], str]]:
        if self.selected_backbone not in ("best", *self.backbones):
            words = f"{self.selected_backbone} is not among classify.grid.backbones"
            yield ("selected_backbone",), words
        own = backbone_weights()
        others = [name for name in self.backbones if name not in own]
        if others:
            import timm  # takes seconds, and is not needed by facegap's own

            for name in others:
                if not timm.is_model(name):
                    near = ", ".join(timm.list_models(f"*{name[:5]}*")[:5]) or "timm.list_models()"
                    yield (
                        ("backbones",),
                        f"{name} is neither {', '.join(own)} nor a model of timm (such as {near})",
                    )
                elif timm.models.model_entrypoint(name).__module__.rpartition(".")[2] in UNCUT:
                    yield ("backbones", name), "cannot be cut into two parts; name another model"


class Selection(Section):
    """On which faces a configuration is selected, by balanced accuracy."""

    criterion: Literal["source validation", "target training half", "target test part"] = Field(
        "target training half",
        description=(
            "Faces that select the configuration, which also gives the pseudo-labels. target"
            " training half: half of the persons of the target's training part; the other half"
            " calibrates. source validation: needs no label of the target. target test part: the"
            " very faces that it is reported on, as in the paper. The report shows all three with"
            " their optimism."
        ),
        json_schema_extra=paper("2.3"),
    )
    validation: float = Field(
        0.2,
        ge=0,
        le=0.5,
        description=(
            "Share of the persons of the source's training part that validate, and train nothing."
        ),
    )


class PreprocessingCrops(Section):
    """Crops of the two kinds of runs."""

    plain: CropName = Field("none", description="Crop of unaugmented runs.")
    augmented: CropName = Field("ears-chin", description="Crop of augmented runs.")


class Augmentation(Section):
    """Random copies of each training face."""

    copies: Count = Field(2, description="Augmented copies of each face in the cache.")
    fresh: bool = Field(
        False,
        description=(
            "Fine-tuning samples a new copy of each face in each epoch, and runs the frozen part"
            " on it, in place of the cached ones; exact, and as slow as that."
        ),
    )
    zoom: float = Field(0.2, ge=0, lt=1, description="± share.")
    shear: float = Field(10, ge=0, le=45, description="± degrees.")
    flip: bool = Field(
        True,
        description="Mirror half of the copies, which the paper does not name.",
        json_schema_extra=paper("2.2"),
    )
    shuffle: Share = Field(
        0.1,
        description=(
            '"Randomised shuffling", read as an exchange of random patches: probability that a'
            " copy has two of its patches (a quarter of its size) exchanged."
        ),
    )


class Features(Section):
    """What the frozen part of a network gives, and is kept."""

    input_size: InputSize = Field(
        200,
        description="Size in pixels that faces enter the backbones with.",
        json_schema_extra=paper("2.2 (200)"),
    )
    unfrozen_layers: Count = Field(
        5,
        description=(
            "Last weight layers of the body that are fine-tuned. 3 for the paper's five as Keras"
            " counts VGG16's layers, 1 where the head's four are among the five (docs/method.md)."
        ),
        json_schema_extra=paper("2.2 (the last 5 layers)"),
    )
    cache: Literal["float16", "float32"] = Field(
        "float16",
        description=(
            "Type of the activations that are kept for fine-tuning; float16 takes half the room"
            " and keeps three digits."
        ),
    )


class Head(Section):
    """The classifier's head."""

    hidden: Annotated[list[Count], Field(min_length=1)] = Field(
        [64, 64, 64], description="Units of the hidden layers."
    )
    activations: Literal["relu", "relu-then-sigmoid"] = Field(
        "relu",
        description=(
            "relu: after each hidden layer, sigmoid on the output. relu-then-sigmoid: the other"
            " reading of the text, ReLU after the first layer and sigmoid after all later ones."
        ),
    )
    dropout: float = Field(0.5, ge=0, lt=1, description="Share of units left out in training.")


class HeadRates(Section):
    """Learning rates of head training."""

    adam: Rate = Field(0.001, description="Of Adam.", json_schema_extra=paper("2.1"))
    sgd: Rate = Field(0.01, description="Of SGD; the paper does not say.")
    rmsprop: Rate = Field(0.001, description="Of RMSprop; the paper does not say.")


class FineTuningRates(Section):
    """Learning rates of fine-tuning; lower, values not said."""

    adam: Rate = Field(0.0001, description="Of Adam; the paper does not say.")
    sgd: Rate = Field(0.001, description="Of SGD; the paper does not say.")
    rmsprop: Rate = Field(0.0001, description="Of RMSprop; the paper does not say.")


class HeadTraining(Section):
    """The head on frozen features."""

    epochs: Count = Field(30, description="Epochs.", json_schema_extra=paper("2.1"))
    batch: Count = Field(128, description="Faces a step.", json_schema_extra=paper("2.1"))
    rates: HeadRates = Field(
        default_factory=HeadRates, description="Learning rate of each optimiser."
    )


class FineTuning(Section):
    """The last layers and the head, from the trained head on."""

    epochs: Count = Field(30, description="Epochs.", json_schema_extra=paper("2.2"))
    batch: Count = Field(128, description="Faces a step.", json_schema_extra=paper("2.2"))
    rates: FineTuningRates = Field(
        default_factory=FineTuningRates, description="Learning rate of each optimiser."
    )


class Training(Section):
    """How a configuration is trained."""

    head: Head = Field(
        default_factory=Head,
        description="The classifier's head.",
        json_schema_extra=paper("2.1 (three dense layers of 64, dropout 0.5)"),
    )
    standardise: bool = Field(
        False,
        description=(
            "Bring each feature to mean 0 and variance 1 on the training part before the head. The"
            " paper does not say; random backbones need it."
        ),
    )
    head_training: HeadTraining = Field(
        default_factory=HeadTraining, description="The head on frozen features."
    )
    fine_tuning: FineTuning = Field(
        default_factory=FineTuning,
        description="The last layers and the head, from the trained head on.",
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="Of SGD; Keras has none by default.")
    optimisers: Literal["torch", "keras"] = Field(
        "torch",
        description=(
            "Whose further numbers the optimisers have. torch: RMSprop with rho 0.99, epsilon 1e-8."
            " keras: as in Keras 2.2, RMSprop with rho 0.9, epsilon 1e-7 throughout, and Adam's"
            " beside the root of the second moment before its bias is taken off."
        ),
        json_schema_extra=paper("2.2 (Adam, SGD, RMSprop)"),
    )
    repeats: int = Field(
        5,
        ge=2,
        description="Trainings of each configuration, each with its own seed.",
        json_schema_extra=paper("2.3 (n = 5)"),
    )
    tolerance: float = Field(
        0.05,
        gt=0,
        lt=1,
        description=(
            "Table 3's epochs: the first by which the training loss, smoothed over five epochs, has"
            " come down to within this share of the way from its first to its lowest value, head"
            " training and fine-tuning added. A loss that still falls by more than this share in"
            " its last five epochs has not converged: it has no such epoch, and is counted."
        ),
        json_schema_extra=paper("2.3, Table 3"),
    )


class Classify(Section):
    """Stage classify."""

    grid: Grid = Field(default_factory=Grid, description="The axes of the grid.")
    selection: Selection = Field(
        default_factory=Selection, description="On which faces a configuration is selected."
    )
    crops: PreprocessingCrops = Field(
        default_factory=PreprocessingCrops,
        description="Crop of the unaugmented and of the augmented runs.",
        json_schema_extra=paper("2.2"),
    )
    augmentation: Augmentation = Field(
        default_factory=Augmentation,
        description="Random copies of each training face, cached.",
        json_schema_extra=paper("2.2"),
    )
    features: Features = Field(
        default_factory=Features, description="What the frozen part of a network gives."
    )
    training: Training = Field(
        default_factory=Training, description="How a configuration is trained."
    )
    tasks: Tasks = Field(
        default_factory=Tasks,
        description=(
            "Tasks beside the boundary, which tell what crossing it does from what crossing the"
            " data sets does (docs/crossed.md)."
        ),
    )
    learning_curve: LearningCurve = Field(
        default_factory=LearningCurve,
        description=(
            "How many labelled faces of the target reach what the model of the source reaches"
            " there (docs/crossed.md)."
        ),
    )
    label_error: LabelError = Field(
        default_factory=LabelError,
        description="The outcomes of heads without the error of people's labels (docs/method.md).",
    )
    multiverse: Multiverse = Field(
        default_factory=Multiverse,
        description=(
            "What the primary outcome would have been under other readings of the paper"
            " (docs/method.md) that need no further features."
        ),
    )
