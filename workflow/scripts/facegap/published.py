"""Whether a study is the paper's, so that its tables stand beside the printed ones. Light."""

from collections.abc import Iterator

from facegap.settings.classify import Backbone
from facegap.settings.study import Study

NETWORKS = {"resnet50": "ResNet50", "vgg16": "VGG16", "vgg19": "VGG19", "vggface": "VGGFace"}
DATASETS = {"source": "utkface", "target": "celeba"}


def differs(study: Study) -> dict[str, list[str]]:
    """Why counts, table1, … table5 of published.yaml do not stand beside ours, in words.

    Each list is empty where it does. A study is the paper's when it has its boundary and data
    sets; Tables 1 to 4 when it has its four networks, too, all networks starting from weights; and
    Table 5 when people answered, on pairs that are alike in gender.
    """
    data, networks, answers = (
        list(words(study)) for words in (_in_data, _in_networks, _in_answers)
    )
    tables = {f"table{number}": data + networks for number in range(1, 5)}
    return {"counts": data, **tables, "table5": data + answers}


def compared(study: Study) -> list[str]:
    """The tables that stand beside the paper's."""
    return [name for name, words in differs(study).items() if name != "counts" and not words]


def _in_data(study: Study) -> Iterator[str]:
    if study.boundary != "race":
        yield f"its boundary is {study.boundary}, not race"
    for name, kind in DATASETS.items():
        if name not in study.datasets:
            yield f"it has no {name}"
            continue
        given = study.datasets[name].kind
        if given == "drawn":
            yield f"its {name} is drawn"
        elif given != kind:
            yield f"its {name} is {given}, not {kind}"


def _in_networks(study: Study) -> Iterator[str]:
    backbones = study.classify.grid.backbones
    if missing := [words for name, words in NETWORKS.items() if name not in backbones]:
        yield f"it has no {' and no '.join(missing)}"
    first = {
        name: given.weights if isinstance(given, Backbone) else given
        for name, given in backbones.items()
    }
    if "random" in first.values():
        yield "its networks start from random weights"


def _in_answers(study: Study) -> Iterator[str]:
    if study.judge.responses is None:
        yield "its answers are simulated"
    control = study.synthesise.attributes.control
    if control != "gender":
        yield f"its pairs are alike in {control}, not in gender"
