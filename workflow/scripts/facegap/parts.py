"""Parts of a training part that are kept for selection and calibration: whole persons, by seed."""

import numpy as np
import pandas as pd

from facegap.seeds import generator

SELECTION, CALIBRATION = "selection", "calibration"  # halves of the target's training part
VALIDATION = "validation"  # a share of the source's training part; no training sees it


def persons_of(faces: pd.DataFrame) -> "pd.Series[str]":
    """Who is on each of `faces` (FACES); a face whose person is not known is a person."""
    return faces["subject_id"].fillna("face " + faces["face_id"])


def sampled(persons: "pd.Series[str]", share: float, rng: np.random.Generator) -> "pd.Series[bool]":
    """Whether each face is of a sample of `share` of the `persons` (n,)."""
    names = np.sort(persons.unique())
    chosen = rng.permutation(names)[: round(share * len(names))]
    return persons.isin(chosen)


def halves(faces: pd.DataFrame, dataset: str, seed: int) -> "pd.Series[str]":
    """The split of a data set's `faces` (FACES), its training part as two halves of persons.

    Configurations are selected on one; the pseudo-labels' calibration and threshold are fitted on
    the other, which selected nothing.
    """
    split = faces["split"].astype(object)
    train = split == "train"
    first = sampled(persons_of(faces)[train], 0.5, generator(seed, "halves", dataset=dataset))
    split[train] = np.where(first, SELECTION, CALIBRATION)
    return split


def validated(faces: pd.DataFrame, share: float, seed: int) -> "pd.Series[str]":
    """The split of the source's `faces` (FACES), `share` of its training persons as validation."""
    split = faces["split"].astype(object)
    train = split == "train"
    taken = sampled(persons_of(faces)[train], share, generator(seed, "source_validation"))
    split[train] = np.where(taken, VALIDATION, "train")
    return split
