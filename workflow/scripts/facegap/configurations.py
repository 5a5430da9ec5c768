"""A configuration of the grid, and its name in tables, figures and on the page. Light."""

from dataclasses import dataclass

HEAD = "head"  # ends the names of runs whose head alone was trained
CROSSED = INSIDE, BOTH, OUTSIDE = 0.0, 0.5, 1.0  # faces outside, of all that a model learns from


@dataclass(frozen=True)
class Configuration:
    """What varies over the grid; the columns of RUNS by the same names."""

    backbone: str
    preprocessing: str
    head_optimiser: str
    fine_tuning_optimiser: str

    @property
    def name(self) -> str:
        """Of its fine-tuned model: "vggface, augmented, adam/sgd"."""
        return f"{self.backbone}, {self.preprocessing}, {self.optimisers}"

    @property
    def head_name(self) -> str:
        """Of the model before fine-tuning: "vggface, augmented, adam/sgd, head"."""
        return f"{self.name}, {HEAD}"

    @property
    def optimisers(self) -> str:
        """Of head training and of fine-tuning: "adam/sgd"."""
        return f"{self.head_optimiser}/{self.fine_tuning_optimiser}"


def configuration(name: str) -> Configuration:
    """The configuration of a `name` or `head_name`; a `ValueError` where it is neither."""
    backbone, preprocessing, optimisers, *_ = name.split(", ")
    head, fine_tuning = optimisers.split("/")
    return Configuration(backbone, preprocessing, head, fine_tuning)


def fine_tuned(task: str) -> str:
    """The name of a task whose tail is fine-tuned: "Smiling, fine-tuned"."""
    return f"{task}, fine-tuned"
