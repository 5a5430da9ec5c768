"""Where the files of data sets lie: the user's own, or the assets that facegap fetches. Light."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facegap.acquire.manifest import obstacles
from facegap.assets import ASSETS, located
from facegap.kinds import KINDS, is_tar
from facegap.settings.study import Study

UNPACKED = "<results>/acquire/{name}/images.zip"


@dataclass(frozen=True)
class Place:
    """Where one data set's files lie."""

    originals: list[str]  # of the images, as the user has them; of drawn faces none
    images: str  # folder or zip that the images are read from
    texts: list[str]  # files of labels beside the images
    reader: str  # module of facegap.acquire.readers; of drawn faces none


def places(study: Study, assets: Mapping[str, Any]) -> dict[str, Place]:
    """Where the files of each data set lie. Raises `ConfigError` as `located` does."""
    return {name: _place(study, name, assets) for name in study.datasets}


def samplings(study: Study) -> dict[str, dict[str, Any]]:
    """Which faces of each data set are used, of `Sampling`: who labels them changes nothing."""
    return {
        name: dataset.model_dump(mode="json", include={"faces", "split"})
        for name, dataset in study.datasets.items()
    }


def amounts(study: Study) -> dict[str, dict[str, int | None]]:
    """How many faces of each data set are used, of `Amount`: their split changes nothing there."""
    return {name: {"faces": dataset.faces} for name, dataset in study.datasets.items()}


def splits(study: Study) -> dict[str, dict[str, Any]]:
    """The split of each data set."""
    return {name: dataset.split.model_dump(mode="json") for name, dataset in study.datasets.items()}


def earlier(study: Study, table: str) -> dict[str, list[str]]:
    """By data set, the `table` of each that comes before it: the source, the target, then others.

    Drawn faces are no pictures of anybody, so their data sets are left out.
    """
    order = sorted(
        study.datasets,
        key=lambda name: ["source", "target"].index(name) if name in ("source", "target") else 2,
    )
    real = [name for name in order if KINDS[study.datasets[name].kind].reader]
    return {name: [table.format(name=other) for other in real[: real.index(name)]] for name in real}


def fresh_styles(study: Study) -> list[str]:
    """The data sets in whose styles fresh persons are drawn, for what is true of a drawn study.

    None of a study whose source or target is not drawn, or that trains no classifier.
    """
    pair = ["source", "target"]
    if "classify" not in study.parts or not study.measure.known_truth.persons:
        return []
    return pair if all(study.datasets[name].kind == "drawn" for name in pair) else []


def by_hand(
    data_root: str, assets: Mapping[str, Any], wanted: dict[str, Any]
) -> Callable[[Any], list[str]]:
    """An input function: an asset that the user has put below `data_root`, or nothing.

    The entries of the assets that jobs ask for are noted in `wanted`.
    """

    def found(wildcards: Any) -> list[str]:
        wanted[wildcards.asset] = assets[wildcards.asset]
        path = f"{data_root}/{wildcards.asset}"
        return [path] if Path(path).exists() else []

    return found


def missing_assets(study: Study, wanted: Mapping[str, Any], folder: str) -> str | None:
    """Why some of the assets `wanted` (by name) cannot be had, and what to do; None if all can.

    What lies in `folder` already is no obstacle.
    """
    absent = {
        name: entry for name, entry in sorted(wanted.items()) if not Path(folder, name).exists()
    }
    operations = study.operations
    return obstacles(absent, study.data_root, operations.accept_terms, operations.offline)


def _place(study: Study, name: str, assets: Mapping[str, Any]) -> Place:
    dataset, kind = study.datasets[name], KINDS[study.datasets[name].kind]
    if not kind.reader:
        return Place([], UNPACKED.format(name=name), [], "")
    key, root = f"datasets.{name}.images", study.data_root
    if dataset.images is None:
        originals = [located(root, key, kind.images, assets)]
    else:
        given = [dataset.images] if isinstance(dataset.images, str) else dataset.images
        originals = [located(root, key, [image], assets) for image in given]
    packed = is_tar(originals[0])
    images = UNPACKED.format(name=name) if packed else originals[0]
    return Place(originals, images, _texts(study, name, originals, assets), kind.reader)


def _texts(
    study: Study, name: str, originals: Sequence[str], assets: Mapping[str, Any]
) -> list[str]:
    """The files of labels: those of the kind, and the optional ones that exist or are fetched."""
    dataset, kind, root = study.datasets[name], KINDS[study.datasets[name].kind], study.data_root
    if dataset.table is not None:
        return [located(root, f"datasets.{name}.table", [dataset.table], assets)]
    paths = [located(root, f"data_root ({text})", [text], assets) for text in kind.texts]
    if kind.any_text:
        paths = [path for path in paths if Path(path).exists()] or paths
    fetched = originals[0].startswith(ASSETS)
    for text in kind.optional_texts:
        path = located(root, f"data_root ({text})", [text], assets)
        paths += [path] if fetched or Path(path).exists() else []
    return paths
