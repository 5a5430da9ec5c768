"""UTKFace: labels are in the file names."""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import pandas as pd

from facegap.acquire.readers.parts import (
    NO_IMAGE,
    OLDEST,
    Collection,
    images_in,
    rejected_row,
    rejected_rows,
    stem,
)
from facegap.tables.acquire import GENDERS

UTKFACE_NAME = re.compile(r"(\d{1,3})_([01])_([0-4])_(?:\d+\.|\d{8,})")
UTKFACE_RACES = ("White", "Black", "Asian", "Indian", "Others")


def read(images: Path, texts: Sequence[Path]) -> Collection:
    """UTKFace, aligned or in the wild, from a folder or a zip: labels are in the file names.

    `[age]_[gender]_[race]_[time].jpg`, of an aligned face with `.chip.jpg` behind it: gender 0
    male, 1 female; race 0 to 4 White, Black, Asian, Indian, Others (the authors' page). The real
    set has a few that end otherwise (`.pg`, `jpg`), which are images too. Names without all labels
    are rejected, never guessed. Persons are not known.
    """
    paths, others = images_in(images)
    stems = {stem(path) for path in paths}  # another file of one lies beside its image
    for path in [path for path, reason in others.items() if reason == NO_IMAGE]:
        if UTKFACE_NAME.match(PurePosixPath(path).name) and stem(path) not in stems:
            paths.append(path)
            del others[path]
    rows, rejected = [], rejected_rows(others)
    for path in paths:
        found = UTKFACE_NAME.match(PurePosixPath(path).name)
        if found is None:
            reason = "name is not [age]_[gender 0-1]_[race 0-4]_[time], so its labels are unknown"
            rejected.append(rejected_row(path, reason))
        elif int(found[1]) > OLDEST:
            rejected.append(rejected_row(path, f"age {found[1]} in its name, above {OLDEST} years"))
        else:
            age, gender, race = (int(part) for part in found.groups())
            rows.append((path, float(age), GENDERS[gender], UTKFACE_RACES[race]))
    table = pd.DataFrame(rows, columns=["path", "age", "gender", "race_raw"])
    table["subject_id"] = None
    return Collection(table, rejected, "UTKFace", "non-commercial research only")
