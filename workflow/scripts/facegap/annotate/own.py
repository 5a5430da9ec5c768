"""Labels that a data set carries itself, as sides of the boundary."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from facegap import tables
from facegap.annotate.sample import require_both_sides
from facegap.boundary import sides_of

log = logging.getLogger(__name__)


def label_own(
    faces_parquet: str | Path, labels_parquet: str | Path, *, own_label: Mapping[str, Any]
) -> None:
    """Write the labels (LABELS) of all faces (FACES) that carry one; the others are counted.

    `own_label` is the data set's mapping from its words to sides, see `sides_of`. Raises
    `DataError` at a word that is in neither list, and where a split lacks a side.
    """
    faces = tables.read(faces_parquet, tables.FACES)
    side = sides_of(faces, own_label, faces_parquet)
    labels = pd.DataFrame({"face_id": faces["face_id"], "side": side})[side.notna()]
    labels = labels.assign(provenance="own label", annotators="data set", simulated=False)
    log.info("%d faces carry no %s and have no label", side.isna().sum(), own_label["column"])
    require_both_sides(labels, faces, faces_parquet)
    tables.write(labels, labels_parquet, tables.LABELS)
    log.info("sides: %s", labels["side"].value_counts().to_dict())
