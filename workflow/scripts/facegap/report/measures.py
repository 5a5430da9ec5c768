"""Measures beside accuracy, of every cell and of groups of persons, always with intervals.

Everything is worked out from the predictions of fine-tuned runs on the test parts. A face's
probability is the mean over the repeats of its cell; intervals are a bootstrap over persons, drawn
whole, since a person's pictures are not independent (Efron and Tibshirani 1993, section 8.5).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from facegap import tables
from facegap.boundary import same_groups
from facegap.files import read_json
from facegap.intervals import Interval, of_cluster_difference, of_clustered_share, of_clusters
from facegap.report.gap import CELL, cell_name, persons
from facegap.report.groups import bands_of_age
from facegap.seeds import generator

DRAWS = 1000  # of the bootstrap
BINS = 10  # of the calibration curve, of equal numbers of faces
LEAST = 10  # persons in a group that is told apart
Counts = NDArray[np.float64]  # how often each face was drawn: (draws, n)


def measure_models(
    runs: str | Path,
    predictions: str | Path,
    kept: str | Path,
    faces: Mapping[str, str | Path],
    *,
    measures: str | Path,
    groups: str | Path,
    comparisons: str | Path,
    calibration: str | Path,
    transfer: str | Path,
    age_bands: Sequence[int],
    confidence: float,
    seed: int,
) -> None:
    """Write the five tables of what the classifiers do, beside their accuracy.

    `faces` (FACES) are by data set, `kept` names the kept cell. `measures` (MEASURES): each cell on
    each test part; `groups` (GROUPS): the kept cell by side, gender, age band and their crossings;
    `comparisons` (COMPARISONS): each pair of cells on the target; `calibration` (CALIBRATION): the
    kept cell's curve; `transfer` (TRANSFER): trained on each data set, tested on each.
    """
    said = probabilities(runs, predictions, faces)
    chosen = read_json(kept)
    own = said[(said[CELL] == [chosen[key] for key in CELL]).all(axis=1)]
    from_source = own[own["trained_on"] == "source"]
    for table, path, schema in (
        (_measures(said, confidence, seed), measures, tables.MEASURES),
        (by_group(from_source, faces, age_bands, confidence), groups, tables.GROUPS),
        (compared(said, confidence, seed), comparisons, tables.COMPARISONS),
        (calibrated(from_source, confidence), calibration, tables.CALIBRATION),
        (_transfer(own, confidence, seed), transfer, tables.TRANSFER),
    ):
        tables.write(table, path, schema)


def probabilities(
    runs: str | Path, predictions: str | Path, faces: Mapping[str, str | Path]
) -> pd.DataFrame:
    """A row a test face of each data set and fine-tuned cell, the mean over its repeats.

    Columns: those of the cell, trained_on, dataset, face_id, person, inside, probability.
    """
    table = tables.read(runs, tables.RUNS)
    tuned = table.loc[table["stage"] == "fine-tuned", ["run", *CELL, "trained_on"]]
    said = tables.read(predictions, tables.PREDICTIONS).merge(tuned, on="run")
    by = [*CELL, "trained_on", "dataset", "face_id"]
    said = said.groupby(by, sort=True).agg(
        inside=("inside", "first"), probability=("probability", "mean")
    )
    return said.reset_index().merge(persons(faces), on=["dataset", "face_id"])


def _measures(said: pd.DataFrame, confidence: float, seed: int) -> pd.DataFrame:
    """MEASURES: the same persons are drawn for every cell, so that cells can be told apart."""
    rows = []
    for names, cell in said.groupby([*CELL, "trained_on", "dataset"], sort=True):
        where = dict(zip([*CELL, "trained_on", "dataset"], map(str, names), strict=True))
        drawn = drawn_persons(
            cell["person"], generator(seed, "report", "measures", where["dataset"])
        )
        inside, said_inside = cell["inside"].to_numpy(bool), cell["probability"].to_numpy()
        for name, measure in MEASURED.items():
            found = _bootstrapped(measure, inside, said_inside, drawn, confidence)
            rows.append({**where, "measure": name, **_ends(found), "faces": len(cell)})
    return pd.DataFrame(rows, columns=list(tables.MEASURES.columns))


def drawn_persons(person: "pd.Series[str]", rng: np.random.Generator) -> Counts:
    """How often each face is drawn when whole persons are, DRAWS times: (DRAWS, n)."""
    _, number = np.unique(person.to_numpy(str), return_inverse=True)
    count = int(number.max()) + 1
    drawn = rng.multinomial(count, np.full(count, 1 / count), DRAWS)
    faces: Counts = drawn[:, number].astype(float)
    return faces


def _bootstrapped(
    measure: Callable[[NDArray[np.bool_], NDArray[np.float64], Counts], NDArray[np.float64]],
    inside: NDArray[np.bool_],
    said: NDArray[np.float64],
    drawn: Counts,
    confidence: float,
) -> Interval:
    estimate = float(measure(inside, said, np.ones((1, len(said))))[0])
    found = measure(inside, said, drawn)
    found = found[np.isfinite(found)]
    if not len(found) or not np.isfinite(estimate):
        return Interval(estimate, float("nan"), float("nan"))
    low, high = np.quantile(found, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(estimate, float(low), float(high))


def _accuracy(
    inside: NDArray[np.bool_], said: NDArray[np.float64], drawn: Counts
) -> NDArray[np.float64]:
    right = ((said >= 0.5) == inside).astype(float)
    share: NDArray[np.float64] = drawn @ right / drawn.sum(1)
    return share


def _balanced(
    inside: NDArray[np.bool_], said: NDArray[np.float64], drawn: Counts
) -> NDArray[np.float64]:
    right = (said >= 0.5) == inside
    with np.errstate(invalid="ignore"):
        of_sides = [drawn @ (right & side) / (drawn @ side) for side in (inside, ~inside)]
    mean: NDArray[np.float64] = np.mean(of_sides, axis=0)
    return mean


def _auroc(
    inside: NDArray[np.bool_], said: NDArray[np.float64], drawn: Counts
) -> NDArray[np.float64]:
    """The chance that a face inside is given more than one outside; ties count one half.

    Weighted ranks (Mann and Whitney 1947), for all draws at once; scikit-learn's takes one.
    """
    values, place = np.unique(said, return_inverse=True)
    tied = np.zeros((len(values), 2, len(drawn)))
    np.add.at(tied, (place, inside.astype(int)), drawn.T)
    outside, within = tied[:, 0], tied[:, 1]
    below = np.cumsum(outside, axis=0) - outside / 2
    with np.errstate(invalid="ignore"):
        share: NDArray[np.float64] = (within * below).sum(0) / (within.sum(0) * outside.sum(0))
    return share


def _brier(
    inside: NDArray[np.bool_], said: NDArray[np.float64], drawn: Counts
) -> NDArray[np.float64]:
    score: NDArray[np.float64] = drawn @ (said - inside) ** 2 / drawn.sum(1)
    return score


MEASURED = {
    "accuracy": _accuracy,
    "balanced accuracy": _balanced,
    "AUROC": _auroc,
    "Brier score": _brier,
}


def by_group(
    said: pd.DataFrame,
    faces: Mapping[str, str | Path],
    age_bands: Sequence[int],
    confidence: float,
) -> pd.DataFrame:
    """The accuracy of one cell in each group of each test part (GROUPS).

    Groups: all, side, gender, age band, and each crossing of these; those of fewer than LEAST
    persons are left out, and what parts a data set's faces as the boundary does stands once.
    Intervals are Wilson's over persons, of use at 0 and 1, too.
    """
    known = said.merge(_groups(faces, age_bands), on=["dataset", "face_id"])
    known["side"] = np.where(known["inside"], "inside", "outside")
    for factor in ("gender", "age"):
        for _, part in known.groupby("dataset"):
            if same_groups(part["side"], part[factor]):
                known.loc[part.index, factor] = None
    known["right"] = (known["probability"] >= 0.5) == known["inside"]
    rows = []
    for factors in _crossings(["side", "gender", "age"]):
        for names, part in known.dropna(subset=factors).groupby(["dataset", *factors], sort=True):
            count = part["person"].nunique()
            if count < LEAST:
                continue
            found = of_clustered_share(part["right"], part["person"], confidence)
            where = {"dataset": names[0], "factors": " × ".join(factors) or "all"}
            where["group"] = ", ".join(map(str, names[1:])) or "all"
            rows.append({**where, **_ends(found), "faces": len(part), "persons": count})
    return pd.DataFrame(rows, columns=list(tables.GROUPS.columns))


def _crossings(factors: Sequence[str]) -> Iterator[list[str]]:
    for count in range(len(factors) + 1):
        for some in combinations(factors, count):
            yield list(some)


def _groups(faces: Mapping[str, str | Path], age_bands: Sequence[int]) -> pd.DataFrame:
    """The gender and the age band of each face, missing where the data set does not say."""
    parts = []
    for dataset, path in faces.items():
        table = tables.read(path, tables.FACES)
        known = table[["face_id", "gender"]].assign(dataset=dataset, age=None)
        if table["age"].notna().any():
            known["age"] = bands_of_age(table["age"], age_bands)
        elif "Young" in table:  # CelebA has no years
            known["age"] = table["Young"].map({1: "young", 0: "not young"})
        parts.append(known)
    return pd.concat(parts)


def compared(said: pd.DataFrame, confidence: float, seed: int) -> pd.DataFrame:
    """Each pair of cells trained on the source, on the target's test part (COMPARISONS).

    The difference of their accuracies with a paired bootstrap over persons; McNemar's exact test
    takes faces as independent, Holm's correction (1979) is over the whole table.
    """
    target = said[(said["dataset"] == "target") & (said["trained_on"] == "source")]
    target = target.assign(right=(target["probability"] >= 0.5) == target["inside"])
    wide = target.pivot_table(index=["face_id", "person"], columns=CELL, values="right")
    person = pd.Series(wide.index.get_level_values("person"))
    drawn = drawn_persons(person, generator(seed, "report", "comparisons"))
    rows = []
    for one, other in combinations(wide.columns, 2):
        first, second = (wide[cell].to_numpy(float) > 0.5 for cell in (one, other))
        difference = first.astype(float) - second
        draws = drawn @ difference / drawn.sum(1)
        low, high = np.quantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2])
        apart = [[0, int((first & ~second).sum())], [int((~first & second).sum()), 0]]
        rows.append(
            {
                "one": cell_name(dict(zip(CELL, one, strict=True))),
                "other": cell_name(dict(zip(CELL, other, strict=True))),
                "difference": float(difference.mean()),
                "low": float(low),
                "high": float(high),
                "one_alone": apart[0][1],
                "other_alone": apart[1][0],
                "p": float(mcnemar(apart, exact=True).pvalue) if apart[0][1] + apart[1][0] else 1.0,
            }
        )
    table = pd.DataFrame(rows, columns=[n for n in tables.COMPARISONS.columns if n != "holm"])
    table["holm"] = multipletests(table["p"], method="holm")[1] if len(table) else []
    return table


def calibrated(said: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """How often a face is inside, by the probability it was given (CALIBRATION).

    Bins of equal numbers of faces, equal probabilities in one bin; Wilson's interval over persons.
    """
    rows = []
    for dataset, part in said.groupby("dataset", sort=True):
        part = part.assign(bin=pd.qcut(part["probability"], BINS, labels=False, duplicates="drop"))
        for number, (_, faces) in enumerate(part.groupby("bin", sort=True)):
            found = of_clustered_share(faces["inside"], faces["person"], confidence)
            given = float(faces["probability"].mean())
            row = {"dataset": dataset, "bin": number, "probability": given}
            rows.append({**row, **_ends(found), "faces": len(faces)})
    return pd.DataFrame(rows, columns=list(tables.CALIBRATION.columns))


def _transfer(own: pd.DataFrame, confidence: float, seed: int) -> pd.DataFrame:
    """The kept cell trained on each data set and tested on each (TRANSFER); the fall beside it."""
    own = own.assign(right=((own["probability"] >= 0.5) == own["inside"]).astype(float))
    parts = {
        (str(trained), str(tested)): (part["right"], part["person"])
        for (trained, tested), part in own.groupby(["trained_on", "dataset"], sort=False)
    }
    rows = []
    for (trained, tested), part in parts.items():
        rng = generator(seed, "report", "transfer", trained, tested)
        found = of_clusters(*part, rng, confidence, DRAWS)
        fall = of_cluster_difference(parts[trained, trained], part, rng, confidence, DRAWS)
        if trained == tested:
            fall = Interval(0.0, 0.0, 0.0)
        where = {"trained_on": trained, "tested_on": tested}
        falls = {"fall": fall.estimate, "fall_low": fall.low, "fall_high": fall.high}
        rows.append({**where, **_ends(found), **falls, "faces": len(part[0])})
    return pd.DataFrame(rows, columns=list(tables.TRANSFER.columns))


def _ends(found: Interval) -> dict[str, float]:
    return {"value": found.estimate, "low": found.low, "high": found.high}
