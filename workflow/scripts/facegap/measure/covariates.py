"""What is known of faces, as numbers: who is on them, and how they were taken."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facegap.attributes import labels_of

Values = NDArray[np.float64]
FEWEST = 0.5  # share of the faces of a data set of which a thing has to be known
ALIKE = 0.99  # correlation of a column with the sides, which is then their other name
FAR = 4.0  # standard deviations, beyond which a value counts as so far
LOGARITHMS = ("size", "sharpness")
TURNED = ("yaw", "pitch", "roll")
CAPTURE = (*LOGARITHMS, *TURNED, "light", "tint_red", "tint_yellow", "skin_tone", "hue")


def composition(
    faces: Sequence[pd.DataFrame], attributes: Sequence[str], young_below: int | None
) -> list[pd.DataFrame]:
    """Gender, age (or Young) and `attributes` of each table of `faces` (FACES), by face id.

    What is not known in all tables of at least half of the faces is left out.
    """
    found: list[dict[str, pd.Series[float]]] = [{} for _ in faces]
    aged = all(table["age"].notna().mean() >= FEWEST for table in faces)
    for name in dict.fromkeys(("gender", "age" if aged else "Young", *attributes)):
        for table, known in zip(faces, found, strict=True):
            if name == "age":
                values: pd.Series[float] | None = table.set_index("face_id")["age"].astype(float)
            else:
                values = labels_of(table, name, young_below)
            if values is not None and values.notna().mean() >= FEWEST:
                known[name] = values
    common = [name for name in found[0] if all(name in known for known in found)]
    ids = [pd.Index(table["face_id"]) for table in faces]
    return [
        pd.DataFrame({name: known[name] for name in common}, index=own)
        for own, known in zip(ids, found, strict=True)
    ]


def capture(measures: pd.DataFrame) -> pd.DataFrame:
    """Columns of `measures` (MEASURES) by face id: sizes as logarithms, turns whichever way."""
    table = measures.set_index("face_id")[list(CAPTURE)].astype(float)
    for name in LOGARITHMS:
        table[name] = np.log(table[name].clip(lower=1e-3))
    for name in TURNED:
        table[name] = table[name].abs()
    return table


def matrix(table: pd.DataFrame, inside: NDArray[np.bool_], *, sides: bool) -> Values:
    """The columns of `table` (n rows) and, with `sides`, whether a face is `inside`: (n, k).

    A missing value is the mean, with a column that says so. A column that says no more than the
    sides is left out; far values count as `FAR` standard deviations.
    """
    columns = [inside.astype(float)] if sides else []
    for name in table:
        values = table[name].to_numpy(float)
        missing = np.isnan(values)
        if missing.all():
            continue
        values = np.where(missing, np.nanmean(values), values)
        reach = FAR * values.std()
        values = values.clip(values.mean() - reach, values.mean() + reach)
        if values.std() > 0 and abs(np.corrcoef(values, inside)[0, 1]) < ALIKE:
            columns.append(values)
        if missing.any():
            columns.append(missing.astype(float))
    return np.column_stack(columns) if columns else np.empty((len(inside), 0))
