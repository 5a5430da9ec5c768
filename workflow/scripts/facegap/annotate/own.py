"""Labels that a data set carries itself, as sides of the boundary."""

import logging
from pathlib import Path

import pandas as pd

from facegap.annotate.sample import require_both_sides
from facegap.boundary import sides_of
from facegap.errors import DataError
from facegap.settings.acquire import OwnLabel
from facegap.tables.acquire import FACES
from facegap.tables.annotate import LABELS
from facegap.tables.base import read_table, write_table

log = logging.getLogger(__name__)


def label_own(*, faces: Path, labels: Path, own_label: OwnLabel | None) -> None:
    """Write the `labels` (LABELS) of all `faces` (FACES) that carry one; the others are counted.

    None where there is no `own_label`. Raises `DataError` at a word that `own_label` does not know,
    and where a split lacks a side.
    """
    if own_label is None:  # of an audit, which has no sides
        write_table(pd.DataFrame(columns=list(LABELS.columns)), labels, LABELS)
        return
    table = read_table(faces, FACES)
    side = sides_of(table, own_label, faces)
    if side.isna().all():
        raise DataError(
            f"{faces}: column {own_label.column}, which own_label.column names, is empty on every"
            " face; has the data set's own table a column of that name?"
        )
    own = pd.DataFrame({"face_id": table["face_id"], "side": side})[side.notna()]
    own = own.assign(provenance="own label", annotators="data set", simulated=False)
    log.info("%d faces carry no %s and have no label", side.isna().sum(), own_label.column)
    require_both_sides(own, table, faces)
    write_table(own, labels, LABELS)
    log.info("sides: %s", own["side"].value_counts().to_dict())
