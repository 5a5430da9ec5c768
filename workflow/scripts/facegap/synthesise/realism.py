"""How good translations are, in numbers: in-domain and out-domain, each seed, with intervals.

`attribute transfer`: share of translations in which the classifier sees the changed value.
`classifier accuracy`: the same classifier on the real faces, the most that transfer could show.
`identity preservation`: cosine of a face's and its translation's place among persons.
`perceptual distance`: of a face and its translation, layer by layer, as LPIPS (Zhang et al. 2018)
but with the classifier's layers, all counting alike.
`reconstruction error`: mean absolute difference of a face and its reconstruction, pixels 0 to 1.
`FID`, `KID`: between real faces and their translations, as many on both sides of the boundary;
`classifier Frechet distance`, `classifier kernel distance` without Inception's weights.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from facegap import seeds, tables
from facegap.errors import DataError
from facegap.intervals import Interval, of_clusters
from facegap.network import settle
from facegap.progress import paced
from facegap.synthesise.attributes import read_labels
from facegap.synthesise.distances import (
    Features,
    frechet_distance,
    inception_features,
    kernel_distance,
)
from facegap.synthesise.recogniser import Sight, load_recogniser, recognise

log = logging.getLogger(__name__)
DRAWS = 40  # of the bootstrap of a distance's error
HALVES = ("one half", "other half")  # of the in-domain persons, between which no gap may be
Rows = list[dict[str, Any]]
Distances = dict[str, Callable[[Features, Features], float]]
INCEPTION: Distances = {"FID": frechet_distance, "KID": kernel_distance}
OWN: Distances = {
    f"classifier {name} distance": measure
    for name, measure in (("Frechet", frechet_distance), ("kernel", kernel_distance))
}


@dataclass(frozen=True)
class Outputs:
    """One seed's images: `table` (TRANSLATIONS) with `original`, the row of each one's face.

    `values` are per image: one column a measure, missing where it says nothing of the image.
    `features` (n, d) are those of the `distances`.
    """

    table: pd.DataFrame
    values: pd.DataFrame
    right: NDArray[np.bool_]  # (n, a): whether the classifier sees the face's own labels
    features: Features
    distances: Distances


def measure_realism(
    translations_npy: Sequence[str | Path],
    translations_parquet: Sequence[str | Path],
    classifier_safetensors: str | Path,
    faces_parquet: str | Path,
    inception_pth: Sequence[str | Path],
    realism_parquet: str | Path,
    gaps_parquet: str | Path,
    scores_parquet: str | Path,
    *,
    synthesis_seeds: Sequence[int],
    confidence: float,
    threads: int,
    seed: int,
) -> None:
    """Write the measures (REALISM), the gaps (REALISM_GAPS) and each translation's (SCORES).

    The arrays and tables are one for each of `synthesis_seeds`; `inception_pth` is one file, or
    none.
    """
    device = settle(threads)
    network, attributes = load_recogniser(classifier_safetensors, device)
    measured: Rows = []
    scores = []
    each = list(zip(synthesis_seeds, translations_npy, translations_parquet, strict=True))
    for which, npy, parquet in paced(each, "seeds", log):
        table, images = _read(npy, parquet)
        sight = recognise(network, images, device)
        labels = read_labels(faces_parquet, table["face_id"], attributes)
        values = _values(table, images, sight, attributes)
        scores.append(_scores(table, values, which))
        if inception_pth:
            features = inception_features(images, inception_pth[0], device)
        else:
            features = _standardised(sight.features, table)
        right = (sight.shown > 0.5) == (labels > 0.5)
        outputs = Outputs(table, values, right, features, INCEPTION if inception_pth else OWN)
        rng = seeds.generator(seed, "synthesise", "realism", which)
        parts = _parts(table, seeds.generator(seed, "synthesise", "realism", "halves"))
        for pair in (tables.DOMAINS, HALVES):
            for row in _measures(outputs, attributes, {k: parts[k] for k in pair}, rng, confidence):
                measured.append({"seed": which, **row})
    rows = pd.DataFrame(measured)
    gaps = pd.DataFrame(
        [*_gaps(rows, tables.DOMAINS, confidence), *_gaps(rows, HALVES, confidence)]
    )
    rows = rows[rows["domain"].isin(tables.DOMAINS)]
    tables.write(rows, realism_parquet, tables.REALISM)
    tables.write(gaps, gaps_parquet, tables.REALISM_GAPS)
    tables.write(pd.concat(scores), scores_parquet, tables.SCORES)
    for gap in gaps[gaps["attribute"].isna() & gaps["control"].isna()].to_dict("records"):
        log.info(
            "%s, %s: %.4f [%.4f, %.4f]",
            *(gap[key] for key in ("comparison", "metric", "gap", "low", "high")),
        )


def _read(npy: str | Path, parquet: str | Path) -> tuple[pd.DataFrame, NDArray[np.uint8]]:
    table = tables.read(parquet, tables.TRANSLATIONS)
    try:
        images: NDArray[np.uint8] = np.load(npy, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{npy}: not readable as an array of images: {error}") from error
    if len(images) != len(table) or list(table["row"]) != list(range(len(table))):
        raise DataError(f"{npy}: {len(images)} images, but {parquet} tells of {len(table)}")
    originals = table[table["kind"] == "original"].set_index("face_id")["row"]
    return table.assign(original=table["face_id"].map(originals)), images


def _values(
    table: pd.DataFrame, images: NDArray[np.uint8], sight: Sight, attributes: Sequence[str]
) -> pd.DataFrame:
    """Each image's measures; `shown` is how sure the classifier is of a translation's value."""
    made = np.flatnonzero(table["kind"] == "translation")
    origin = table["original"].to_numpy()
    column = table["attribute"].map({name: k for k, name in enumerate(attributes)})
    wanted = table["value"].iloc[made].to_numpy(bool)
    certain = sight.shown[made, column.iloc[made].astype(int)]
    shown = np.where(wanted, certain, 1 - certain)
    values = pd.DataFrame(index=table.index, dtype=float)
    values.loc[made, "shown"] = shown
    values.loc[made, "attribute transfer"] = (shown > 0.5).astype(float)
    cosines = (sight.identity[made] * sight.identity[origin[made]]).sum(1)
    values.loc[made, "identity preservation"] = cosines.clip(-1, 1)
    values.loc[made, "perceptual distance"] = sum(
        ((layer[made] - layer[origin[made]]) ** 2).sum(1).mean((1, 2)) for layer in sight.layers
    )
    rebuilt = np.flatnonzero(table["kind"] == "reconstruction")
    values.loc[rebuilt, "reconstruction error"] = [
        np.abs(images[k].astype(np.int16) - images[origin[k]]).mean() / 255 for k in rebuilt
    ]
    return values


def _standardised(features: Features, table: pd.DataFrame) -> Features:
    """Features in units of their spread over the real faces of both sides."""
    real = features[(table["kind"] == "original").to_numpy()]
    spread = real.std(0)
    scaled: Features = (features - real.mean(0)) / np.where(spread > 0, spread, 1)
    return scaled


def _scores(table: pd.DataFrame, values: pd.DataFrame, which: int) -> pd.DataFrame:
    made = table["kind"] == "translation"
    return pd.DataFrame(
        {
            "seed": which,
            "row": table["row"][made],
            "shown": values["shown"][made],
            "identity": values["identity preservation"][made],
            "perceptual": values["perceptual distance"][made],
        }
    )


def _parts(table: pd.DataFrame, rng: np.random.Generator) -> dict[str, NDArray[np.int64]]:
    """Rows of both domains, and of two halves of the in-domain persons."""
    parts = {name: np.flatnonzero(table["domain"] == name) for name in tables.DOMAINS}
    inside = table.iloc[parts["in-domain"]]
    persons = rng.permutation(np.sort(inside["subject_id"].unique()))
    first = inside["subject_id"].isin(persons[: len(persons) // 2]).to_numpy()
    for name, half in zip(HALVES, (first, ~first), strict=True):
        parts[name] = parts["in-domain"][half]
    return parts


def _measures(
    outputs: Outputs,
    attributes: Sequence[str],
    parts: dict[str, NDArray[np.int64]],
    rng: np.random.Generator,
    confidence: float,
) -> Iterator[dict[str, Any]]:
    """Every measure of each part: all together, by attribute, and by value of the control.

    Halves are only told apart all together: the null check of the whole instrument.
    """
    table = outputs.table
    groups: list[tuple[str | None, str | None]] = [(None, None)]
    if HALVES[0] not in parts:
        groups += [(name, None) for name in attributes]
        groups += [(None, str(value)) for value in sorted(table["control"].dropna().unique())]
    for attribute, control in groups:
        about = {"attribute": attribute, "control": control}
        fits = np.ones(len(table), bool)
        if control is not None:
            fits &= (table["control"] == control).to_numpy()
        own = fits & ((table["attribute"] == attribute).to_numpy() if attribute else True)
        for name, rows in parts.items():
            for metric, values in _of_images(outputs, attributes, attribute, own, fits):
                at = rows[~np.isnan(values[rows])]
                if len(at):
                    found = _mean(table, values, at, rng, confidence)
                    yield {"domain": name, "metric": metric, **about, **found}
        yield from _of_sets(outputs, parts, fits, own, about, rng, confidence)


def _of_images(
    outputs: Outputs,
    attributes: Sequence[str],
    attribute: str | None,
    own: NDArray[np.bool_],
    fits: NDArray[np.bool_],
) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Measures (n,) of single images, missing where an image is not of the group."""
    for metric in ("attribute transfer", "identity preservation", "perceptual distance"):
        yield metric, np.where(own, outputs.values[metric], np.nan)
    if attribute is None:
        yield "reconstruction error", np.where(fits, outputs.values["reconstruction error"], np.nan)
    real = fits & (outputs.table["kind"] == "original").to_numpy()
    right = outputs.right[:, attributes.index(attribute)] if attribute else outputs.right.mean(1)
    yield "classifier accuracy", np.where(real, right, np.nan)


def _mean(
    table: pd.DataFrame,
    values: NDArray[np.float64],
    at: NDArray[np.int64],
    rng: np.random.Generator,
    confidence: float,
) -> dict[str, Any]:
    """The mean of the images `at`, its bootstrap interval and standard error over persons."""
    persons = table["subject_id"].to_numpy()[at]
    found = of_clusters(values[at], persons, rng, confidence)
    names, which = np.unique(persons, return_inverse=True)
    residuals = np.bincount(which, values[at] - found.estimate) / len(at)
    error = (len(names) / max(len(names) - 1, 1) * (residuals**2).sum()) ** 0.5
    return _row(found, error, len(names), table["face_id"].iloc[at].nunique())


def _of_sets(
    outputs: Outputs,
    parts: dict[str, NDArray[np.int64]],
    fits: NDArray[np.bool_],
    own: NDArray[np.bool_],
    about: dict[str, str | None],
    rng: np.random.Generator,
    confidence: float,
) -> Iterator[dict[str, Any]]:
    """Distances between real faces and translations, of as many of each in both parts.

    Intervals are normal, with the error that a bootstrap of persons gives. A bootstrap's own
    quantiles would lie too high: drawing persons twice makes sets less alike.
    """
    kind = outputs.table["kind"].to_numpy()
    real = {name: rows[fits[rows] & (kind[rows] == "original")] for name, rows in parts.items()}
    made = {name: rows[own[rows] & (kind[rows] == "translation")] for name, rows in parts.items()}
    sizes = [min(map(len, group.values())) for group in (real, made)]
    if min(sizes) < 4 or not outputs.distances:
        return
    reach = float(stats.norm.ppf((1 + confidence) / 2))
    for name in parts:
        rows = [
            np.sort(rng.choice(group[name], size, replace=False))
            for group, size in zip((real, made), sizes, strict=True)
        ]
        persons = outputs.table["subject_id"].to_numpy()
        drawn = list(_redrawn(rows, persons, rng))
        count = len(np.unique(persons[np.concatenate(rows)]))
        for metric, distance in outputs.distances.items():
            value = distance(*(outputs.features[at] for at in rows))
            again = [distance(*(outputs.features[at] for at in draw)) for draw in drawn]
            error = float(np.std(again, ddof=1))
            low = value - reach * error
            found = Interval(value, max(low, 0.0) if value >= 0 else low, value + reach * error)
            yield {"domain": name, "metric": metric, **about, **_row(found, error, count, sizes[0])}


def _redrawn(
    rows: list[NDArray[np.int64]], persons: NDArray[Any], rng: np.random.Generator
) -> Iterator[list[NDArray[np.int64]]]:
    """Rows of both sets with persons drawn again; a person's faces and translations together."""
    names = np.unique(persons[np.concatenate(rows)])
    members = [[at[persons[at] == name] for name in names] for at in rows]
    for _ in range(DRAWS):
        picked = rng.integers(0, len(names), len(names))
        found = [np.concatenate([own[k] for k in picked]) for own in members]
        yield [drawn if len(drawn) > 1 else at for drawn, at in zip(found, rows, strict=True)]


def _row(found: Interval, error: float, persons: int, faces: int) -> dict[str, Any]:
    return {
        "value": found.estimate,
        "low": found.low,
        "high": found.high,
        "error": float(error),
        "persons": persons,
        "faces": int(faces),
    }


def _gaps(rows: pd.DataFrame, pair: Sequence[str], confidence: float) -> Iterator[dict[str, Any]]:
    """Second part less first, paired by seed: mean over seeds, interval and test.

    The error has both what differs between seeds on these persons and what differs between
    persons; Student's t with Satterthwaite's degrees of freedom.
    """
    keys = ["metric", "attribute", "control"]
    for (metric, attribute, control), group in rows.groupby(keys, dropna=False, sort=False):
        sides = [group[group["domain"] == name].set_index("seed") for name in pair]
        both = sides[0].index.intersection(sides[1].index)
        if both.empty:
            continue
        first, second = (side.loc[both] for side in sides)
        apart = (second["value"] - first["value"]).to_numpy()
        persons = int(min(first["persons"].min(), second["persons"].min()))
        terms = [(float((first["error"] ** 2 + second["error"] ** 2).mean()), persons - 1)]
        if len(apart) > 1:
            terms.append((float(apart.var(ddof=1)) / len(apart), len(apart) - 1))
        variance = sum(term for term, _ in terms)
        gap, low, high, p = float(apart.mean()), np.nan, np.nan, np.nan
        if variance > 0 and persons > 1:
            freedom = variance**2 / sum(term**2 / df for term, df in terms)
            reach = float(stats.t.ppf((1 + confidence) / 2, freedom)) * variance**0.5
            low, high = gap - reach, gap + reach
            p = float(2 * stats.t.sf(abs(gap) / variance**0.5, freedom))
        yield {
            "comparison": "boundary" if pair == tables.DOMAINS else "null",
            **dict(zip(keys, (metric, attribute, control), strict=True)),
            **{"gap": gap, "low": low, "high": high, "p": p, "seeds": len(both)},
        }
