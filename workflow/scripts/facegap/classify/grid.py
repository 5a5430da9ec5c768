"""The grid: which configurations there are, what each job needs, and who may be selected.

Light: the Snakefile asks, and no job imports it, since its answers are params (of plans.py). The
grid is the paper's coordinate descent: every backbone on plain and on augmented faces with the
first pair of optimisers (Tables 1 and 2), every pair on the selected backbone (Table 3), and the
selected configuration again, trained on the target (Table 4) and in other ways (arms.py). With
`selected_backbone: best`, Table 3 is run for each. The selected backbone is run with each technique
alone, too. With `protocol: factorial`, every backbone is run on every preprocessing with every
pair.
"""

from collections.abc import Mapping
from typing import Any

from facegap.assets import ASSETS, backbone_weights, located
from facegap.classify.plans import ARMS, FOLD_ARMS
from facegap.configurations import CROSSED
from facegap.settings.classify import Backbone, Classify

OWN_PARTS = ["train", "selection", "calibration", "test"]  # where a benchmark may be trained
SOURCE_PARTS = ["train", "validation", "test"]
BOTH = ("source", "target")
COUNTED = 4  # ways of which a reading's answers are counted (facegap/measure/multiverse.py)
Plain = dict[str, Any]  # what Snakemake compares as it is


def preprocessings(settings: Classify) -> dict[str, Plain]:
    """The two techniques, crop and augmentation, apart and together; of `Preprocessed`."""
    crops = settings.crops
    transforms = settings.augmentation.model_dump(mode="json")
    return {
        "plain": {"crop": crops.plain, "augmentation": None},
        "cropped": {"crop": crops.augmented, "augmentation": None},
        "transformed": {"crop": crops.plain, "augmentation": transforms},
        "augmented": {"crop": crops.augmented, "augmentation": transforms},
    }


def crops(settings: Classify) -> list[str]:
    """The crops that the networks see, each once."""
    return list(dict.fromkeys([settings.crops.plain, settings.crops.augmented]))


def backbones(settings: Classify) -> dict[str, Backbone]:
    """The networks; `name: random` is short for `name: {weights: random}`."""
    return {
        name: given if isinstance(given, Backbone) else Backbone(weights=given)
        for name, given in settings.grid.backbones.items()
    }


def candidate_backbones(settings: Classify) -> list[str]:
    """The backbones of which one may be selected."""
    grid = settings.grid
    every = grid.protocol == "factorial" or grid.selected_backbone == "best"
    return list(grid.backbones) if every else [grid.selected_backbone]


def candidate_preprocessings(settings: Classify) -> list[str]:
    """The preprocessings of which one may be selected."""
    return list(preprocessings(settings)) if _factorial(settings) else ["augmented"]


def runs_on(settings: Classify, backbone: str) -> list[str]:
    """The preprocessings that a backbone is run on: the paper's two, or each technique alone."""
    single = settings.grid.single_techniques and backbone in candidate_backbones(settings)
    every = _factorial(settings) or single
    return list(preprocessings(settings)) if every else ["plain", "augmented"]


def pairs_run(settings: Classify, backbone: str, preprocessing: str) -> list[list[str]]:
    """Pairs of optimisers of one backbone and preprocessing: the first, or all where varied."""
    grid = settings.grid
    varied = ["plain", "augmented"] if grid.single_techniques else ["augmented"]
    every = _factorial(settings) or (
        backbone in candidate_backbones(settings) and preprocessing in varied
    )
    pairs = optimiser_pairs(settings)
    return pairs if every else pairs[:1]


def extractions(settings: Classify, datasets: list[str]) -> dict[str, Plain]:
    """What is extracted with each backbone; of `Extraction`.

    Of the source every part is needed; of other data sets the training part only where a model
    may be selected or trained on it.
    """
    made = preprocessings(settings)
    return {
        name: {
            "input_size": size,
            "preprocessings": {which: made[which] for which in runs_on(settings, name)},
            "parts": {
                which: {
                    dataset: (
                        SOURCE_PARTS
                        if dataset == "source"
                        else OWN_PARTS
                        if _candidate(settings, name, which)
                        else ["test"]
                    )
                    for dataset in datasets
                }
                for which in runs_on(settings, name)
            },
        }
        for name, size in _sizes(settings).items()
    }


def trainings(settings: Classify) -> dict[str, dict[str, Plain]]:
    """What is trained, by backbone and preprocessing; of `TrainingPlan`."""
    made = preprocessings(settings)
    return {
        name: {
            which: {
                "input_size": size,
                "preprocessed": made[which],
                "optimiser_pairs": pairs_run(settings, name, which),
                "candidate": _candidate(settings, name, which),
            }
            for which in runs_on(settings, name)
        }
        for name, size in _sizes(settings).items()
    }


def folders(settings: Classify, *, candidates: bool = False) -> list[str]:
    """The trainings as "backbone-preprocessing", by preprocessing; or the `candidates` alone."""
    planned = trainings(settings)
    pairs = (
        [(name, which) for name in planned for which in planned[name]]
        if candidates
        else [(name, which) for which in preprocessings(settings) for name in planned]
    )
    return [
        f"{name}-{which}"
        for name, which in pairs
        if which in planned[name] and (not candidates or planned[name][which]["candidate"])
    ]


def candidates(settings: Classify) -> Plain:
    """What may be selected; of `Candidates`."""
    sizes, made = _sizes(settings), preprocessings(settings)
    given = backbones(settings)
    return {
        "backbones": {
            name: {"input_size": sizes[name], "pretrained": given[name].weights != "random"}
            for name in candidate_backbones(settings)
        },
        "preprocessings": {which: made[which] for which in candidate_preprocessings(settings)},
    }


def candidate_crops(settings: Classify) -> list[str]:
    """The crops of the preprocessings that may be selected, each once."""
    made = preprocessings(settings)
    return list(dict.fromkeys(made[which]["crop"] for which in candidate_preprocessings(settings)))


def fresh_crops(settings: Classify) -> dict[str, list[str]]:
    """The crop, by preprocessing, of which each epoch of fine-tuning samples its copies anew."""
    fresh = settings.augmentation.fresh
    return {
        which: [made["crop"]] if fresh and made["augmentation"] else []
        for which, made in preprocessings(settings).items()
    }


def choice(settings: Classify) -> Plain:
    """How a configuration is selected; of `Choice`."""
    grid = settings.grid
    return {
        "criterion": settings.selection.criterion,
        "protocol": grid.protocol,
        "backbone": grid.selected_backbone,
        "first_pair": list(grid.optimiser_pairs[0]),
    }


def arms(settings: Classify, datasets: list[str]) -> dict[str, dict[str, Plain]]:
    """The trainings of the selected configuration beside the grid's; of `ArmsPlan`.

    Each data set but the source has a benchmark (full), and folds to select its optimisers by.
    """
    full = {name: [] if name == "source" else ["full"] for name in datasets}
    others = {name: [*ARMS[1:]] if name in BOTH else [] for name in datasets}
    folds = {"arms": [*FOLD_ARMS], "pairs": optimiser_pairs(settings)}
    return {
        "arms": {name: {"arms": full[name] + others[name], "pairs": []} for name in datasets},
        "folds": dict.fromkeys(datasets, folds),
    }


def tasks(settings: Classify) -> dict[str, Plain]:
    """How the heads of each task are trained and tested; of `TaskPlan`.

    The source's validation part trains nothing, so it tests, too, unless it selects.
    """
    given = settings.tasks
    selects = settings.selection.criterion == "source validation"
    return {
        name: {
            "shares": sorted({*CROSSED, *(given.dose.shares if name in given.dose.tasks else [])}),
            "trainings": given.trainings,
            "tests": ["test"] if selects else ["validation", "test"],
            "young_below": given.young_below if name == "Young" else None,
        }
        for name in given.labels
    }


def fine_tuned_tasks(settings: Classify) -> dict[str, Plain]:
    """How the tails of each task that has any are trained and tested; of `TaskPlan`."""
    given = settings.tasks.fine_tuned
    plans = tasks(settings)
    own = {"shares": [*CROSSED], "trainings": given.trainings}
    return {name: plans[name] | own for name in given.tasks}


def multiverse(settings: Classify, quantity: str) -> Plain:
    """Which readings are tried for the outcome `quantity`; of `MultiversePlan`.

    A transfer loss needs heads of the target, whose training part has features of the candidates
    alone; a transfer gap has every cached backbone and preprocessing.
    """
    of_loss = quantity == "transfer loss"
    multiverse = settings.multiverse
    return {
        "cached": [
            [name, which, given.weights != "random"]
            for name, given in backbones(settings).items()
            for which in runs_on(settings, name)
            if not of_loss or _candidate(settings, name, which)
        ],
        "trained_on": ["source", "target"] if of_loss else ["source"],
        "datasets": [*BOTH],
        "most": max(1, multiverse.readings // COUNTED) if multiverse.readings else 0,
        "trainings": multiverse.trainings,
    }


def optimiser_pairs(settings: Classify) -> list[list[str]]:
    """The pairs of optimisers that a benchmark chooses of: the same as the source's models."""
    return [[*pair] for pair in settings.grid.optimiser_pairs]


def timm_models(settings: Classify) -> list[str]:
    """The backbones whose published weights timm has."""
    return [
        name
        for name, given in backbones(settings).items()
        if given.weights == "pretrained" and name not in backbone_weights()
    ]


def weights_files(
    settings: Classify, data_root: str, assets: Mapping[str, Any]
) -> dict[str, str | list[str]]:
    """The file of each backbone's first weights; of random ones none.

    Raises `ConfigError` where a file that the settings name does not exist.
    """
    published, found = backbone_weights(), dict[str, str | list[str]]()
    for name, given in backbones(settings).items():
        if given.weights == "random":
            found[name] = []
        elif given.weights == "pretrained":
            found[name] = ASSETS + published.get(name, f"timm/{name}.safetensors")
        else:
            key = f"classify.grid.backbones.{name}.weights"
            found[name] = located(data_root, key, [given.weights], assets)
    return found


def _sizes(settings: Classify) -> dict[str, int]:
    return {
        name: given.input_size or settings.features.input_size
        for name, given in backbones(settings).items()
    }


def _factorial(settings: Classify) -> bool:
    return settings.grid.protocol == "factorial"


def _candidate(settings: Classify, backbone: str, preprocessing: str) -> bool:
    return backbone in candidate_backbones(settings) and preprocessing in candidate_preprocessings(
        settings
    )
