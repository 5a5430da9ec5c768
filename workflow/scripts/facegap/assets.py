"""The files that facegap can fetch, as config/assets.yaml lists them. Light: the Snakefile asks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

MANIFEST = Path(__file__).parents[3] / "config/assets.yaml"


def manifest() -> Mapping[str, Any]:
    """The entries of config/assets.yaml, by file."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast
    entries: Mapping[str, Any] = yaml.load(MANIFEST.read_text(), loader)
    return entries


def backbone_weights() -> dict[str, str]:
    """The files of the published weights of facegap's own backbones, by backbone."""
    return {entry["backbone"]: file for file, entry in manifest().items() if "backbone" in entry}
