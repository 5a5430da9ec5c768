"""Labeled Faces in the Wild: persons are its only labels."""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from facegap.acquire.readers.parts import Collection, images_in, rejected_row, rejected_rows


def read(images: Path, texts: Sequence[Path]) -> Collection:
    """Labeled Faces in the Wild from its folder or a zip: `Name_Name/Name_Name_0001.jpg`.

    Persons are its only labels. A file that is not named for its folder is rejected.
    """
    paths, others = images_in(images)
    rows, rejected = [], rejected_rows(others)
    for path in paths:
        file = PurePosixPath(path)
        if re.fullmatch(rf"{re.escape(file.parent.name)}_\d{{4}}", file.stem):
            rows.append((path, file.parent.name))
        else:
            rejected.append(rejected_row(path, "not named [person]/[person]_[number]"))
    table = pd.DataFrame(rows, columns=["path", "subject_id"])
    table["age"], table["gender"], table["race_raw"] = np.nan, None, None
    return Collection(table, rejected, "Labeled Faces in the Wild", "for research")
