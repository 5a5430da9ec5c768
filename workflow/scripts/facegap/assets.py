"""The files that facegap can fetch, as config/assets.yaml lists them. Light: the Snakefile asks."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from facegap.errors import ConfigError

MANIFEST = Path(__file__).parents[3] / "config/assets.yaml"
ASSETS = "<assets>/"  # Snakemake's path variable


def manifest() -> Mapping[str, Any]:
    """The entries of config/assets.yaml, by file."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast
    entries: Mapping[str, Any] = yaml.load(MANIFEST.read_text(), loader)
    return entries


def backbone_weights() -> dict[str, str]:
    """The files of the published weights of facegap's own backbones, by backbone."""
    return {entry["backbone"]: file for file, entry in manifest().items() if "backbone" in entry}


def located(data_root: str, key: str, names: Sequence[str], assets: Mapping[str, Any]) -> str:
    """The first of `names` that lies below `data_root`; else the asset of the first name.

    Raises `ConfigError` where it is neither; `key` is the setting that names it.
    """
    paths = [f"{data_root}/{name}" for name in names]
    existing = [path for path in paths if Path(path).exists()]
    if existing:
        return existing[0]
    if names[0] in assets:
        return f"{ASSETS}{names[0]}"
    raise ConfigError(f"{key}: {paths[0]} does not exist; name one that does, below data_root")
