"""The user's editors: what they made of the measured faces, as the synthesis's own translations."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facegap.crops import Crops
from facegap.errors import DataError
from facegap.exported import face_by_name
from facegap.files import whole
from facegap.model_translations import Changes, read_translations
from facegap.tables.base import DOMAINS, read_table, write_table
from facegap.tables.measure import ESTIMATES
from facegap.tables.measure import estimates as table_of
from facegap.tables.synthesise import ROLES, TRANSLATIONS

log = logging.getLogger(__name__)
DATASET = "target"


def take_translations(
    *,
    outputs: Path,
    changes: Path,
    roles: Path,
    crops: list[Path],
    array: Path,
    translations: Path,
    estimates: Path,
    study: str,
    audited: str,
    seed: int,
) -> None:
    """Write the images (uint8 (n, s, s, 3) RGB) and table (TRANSLATIONS) of the editor `audited`.

    `outputs` is the user's folder or zip, `changes` (TRANSLATIONS) what was asked of it. Originals
    are the exported `crops`. Changes without an image are counted (ESTIMATES) and left out. Raises
    `DataError` naming each line that cannot be used, and where one side has no translation.
    """
    asked = read_table(changes, TRANSLATIONS)
    shards = Crops(crops)
    rows_of = read_table(roles, ROLES).set_index("face_id")["row"]
    made = asked["kind"] == "translation"
    wanted = Changes(asked[made].reset_index(drop=True), shards.size)
    names = face_by_name(DATASET, asked["face_id"].unique(), seed)
    there = read_translations(outputs, names, wanted)  # all is looked at before any is written
    given = (~made).to_numpy(bool, copy=True)
    given[np.flatnonzero(made)[there]] = True
    table = asked[given].reset_index(drop=True).assign(row=range(int(given.sum())))
    _require_both(table, outputs)
    place = np.full(len(there), -1)
    place[there] = np.flatnonzero(table["kind"] == "translation")
    with whole(array) as temporary:
        shape = (len(table), *shards.shape[1:])
        images = np.lib.format.open_memmap(temporary, "w+", np.uint8, shape)

        def take(change: int, image: NDArray[np.uint8]) -> None:
            images[place[change]] = image

        read_translations(outputs, names, wanted, take)
        for k in np.flatnonzero(table["kind"] == "original"):
            images[k] = shards.take(rows_of[table["face_id"].iloc[k]])[0]
        images.flush()
    write_table(table, translations, TRANSLATIONS)
    lost = int(len(there) - there.sum())
    counted = {"quantity": "missing outputs", "model": audited, "tested_on": DATASET}
    rows = [{**counted, "task": "editing", "estimate": float(lost), "faces": len(there)}]
    write_table(table_of(rows, study), estimates, ESTIMATES)
    log.info("%s: %d of %d changes", audited, len(there) - lost, len(there))


def _require_both(table: pd.DataFrame, outputs: Path) -> None:
    """Refuse translations of one side alone."""
    for domain in DOMAINS:
        own = (table["domain"] == domain) & (table["kind"] == "translation")
        if not own.any():
            raise DataError(f"{outputs}: no translation of a face {domain}; translate both sides")
