"""What the grid plans for a job, as its params: typed, and without the code that plans."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from facegap.settings.classify import Augmentation

ARMS = ("full", "equal", "exchanged", "halves")  # see facegap/classify/arms.py
FOLDS = 5
FOLD_ARMS = tuple(f"fold-{k}" for k in range(1, FOLDS + 1))  # select a benchmark's optimisers


@dataclass(frozen=True)
class Preprocessed:
    """How faces are preprocessed: the crop, and the augmentation of training faces, if any."""

    crop: str
    augmentation: Augmentation | None


@dataclass(frozen=True)
class Extraction:
    """What is extracted with one backbone: its preprocessings, and the parts that each needs."""

    input_size: int  # pixels
    preprocessings: dict[str, Preprocessed]
    parts: dict[str, dict[str, list[str]]]  # by preprocessing and data set


@dataclass(frozen=True)
class TrainingPlan:
    """What is trained on one backbone and preprocessing."""

    input_size: int
    preprocessed: Preprocessed
    optimiser_pairs: list[tuple[str, str]]
    candidate: bool  # whether its models may be selected, so that they are written


@dataclass(frozen=True)
class ArmsPlan:
    """What is trained beside the grid, on one data set."""

    arms: list[str]  # of arms.py
    pairs: list[tuple[str, str]]  # of optimisers, each tried once; none: the selected, all repeats


@dataclass(frozen=True)
class TaskPlan:
    """How a task's heads are trained."""

    shares: list[float]  # of faces outside in training
    trainings: int
    tests: list[str]  # parts
    young_below: int | None  # years; of Young alone


@dataclass(frozen=True)
class MultiversePlan:
    """Which readings of the paper are tried with heads."""

    # backbones and preprocessings whose features there are, and whether their weights are trained
    cached: list[tuple[str, str, bool]]
    trained_on: list[str]  # data sets
    datasets: list[str]  # to test on
    most: int  # readings that are trained
    trainings: int


@dataclass(frozen=True)
class Reading:
    """One way to train the heads."""

    backbone: str
    preprocessing: str
    activations: str
    standardise: bool
    terms: str  # whole or equal training parts
    optimiser: str
    library: str  # whose further numbers the optimiser has


@dataclass(frozen=True)
class Candidate:
    """A backbone that may be selected."""

    input_size: int
    pretrained: bool  # its first weights come from a file


@dataclass(frozen=True)
class Candidates:
    """What may be selected: backbones, and preprocessings."""

    backbones: dict[str, Candidate]
    preprocessings: dict[str, Preprocessed]

    def weights_of(self, backbone: str, files: Sequence[Path]) -> Path | None:
        """The first weights of a backbone, of the `files` of all pretrained candidates."""
        pretrained = [name for name, each in self.backbones.items() if each.pretrained]
        return dict(zip(pretrained, files, strict=True)).get(backbone)


@dataclass(frozen=True)
class Choice:
    """How a configuration is selected."""

    criterion: str  # of settings.classify.Selection
    protocol: str
    backbone: str  # or best
    first_pair: tuple[str, str]
