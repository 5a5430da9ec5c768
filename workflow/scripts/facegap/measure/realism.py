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
import torch
from numpy.typing import NDArray
from scipy import stats

from facegap.attributes import read_labels
from facegap.errors import DataError
from facegap.groups import group_name
from facegap.measure.distances import (
    Features,
    frechet_distance,
    inception_features,
    kernel_distance,
)
from facegap.measure.recogniser import Sight, load_recogniser, recognise
from facegap.network import settle
from facegap.progress import paced
from facegap.seeds import generator
from facegap.settings.measure import Intervals
from facegap.statistics.bootstrap import mean_interval, resample
from facegap.statistics.interval import Interval, row
from facegap.tables.base import DOMAINS, read_table, write_table
from facegap.tables.measure import ESTIMATES, SCORES
from facegap.tables.measure import estimates as table_of
from facegap.tables.synthesise import TRANSLATIONS

log = logging.getLogger(__name__)
DRAWS = 40  # of the bootstrap of a distance's error
HALVES = ("one half", "other half")  # of the in-domain persons, between which no gap may be
KEYS = ["metric", "attribute", "control"]
Rows = Iterator[dict[str, Any]]
Distances = dict[str, Callable[[Features, Features], float]]
INCEPTION: Distances = {"FID": frechet_distance, "KID": kernel_distance}
OWN: Distances = {
    f"classifier {name} distance": measure
    for name, measure in (("Frechet", frechet_distance), ("kernel", kernel_distance))
}


@dataclass(frozen=True)
class Outputs:
    """One seed's images: `table` (TRANSLATIONS) with `original`, the row of each one's face.

    `values` are per image: a column a metric, missing for images that it is not of. `features`
    (n, d) are those of the `distances`.
    """

    table: pd.DataFrame
    values: pd.DataFrame
    right: NDArray[np.bool_]  # (n, a): whether the classifier sees the face's own labels
    features: Features
    distances: Distances


def measure_realism(
    *,
    arrays: list[Path],
    translations: list[Path],
    classifier: Path,
    faces: Path,
    inception: Path | None,
    estimates: Path,
    scores: Path,
    study: str,
    seeds: list[int],
    intervals: Intervals,
    threads: int,
    seed: int,
) -> None:
    """Write the measures of both domains and their gaps (ESTIMATES), and each translation's scores.

    `arrays` (uint8 (n, s, s, 3) RGB) and `translations` (TRANSLATIONS) have a file for each of the
    synthesis's `seeds`; `inception` are its weights, if there are any. `scores` is a table SCORES.
    """
    device = settle(threads)
    network, attributes = load_recogniser(classifier, device)
    measured: list[dict[str, Any]] = []
    scored = []
    each = list(zip(seeds, arrays, translations, strict=True))
    for which, array, path in paced(each, "seeds", log):
        table, images = _read(array, path)
        sight = recognise(network, images, device)
        labels = read_labels(faces, table["face_id"], attributes)
        values = _values(table, images, sight, attributes)
        scored.append(_scores(table, values, which))
        features = _features(table, images, sight, inception, device)
        right = (sight.shown > 0.5) == (labels > 0.5)
        outputs = Outputs(table, values, right, features, INCEPTION if inception else OWN)
        rng = generator(seed, "realism", seed_of_synthesis=which)
        parts = halved(table, generator(seed, "realism_halves"))
        for pair in (DOMAINS, HALVES):
            own = {name: parts[name] for name in pair}
            for metric in measures(outputs, attributes, own, rng, intervals.confidence):
                measured.append({"seed": which, **metric})
    frame = pd.DataFrame(measured)
    rows = [
        *_of_domains(frame[frame["domain"].isin(DOMAINS)]),
        *gaps(frame, DOMAINS, intervals.confidence),
        *gaps(frame, HALVES, intervals.confidence),
    ]
    write_table(table_of(rows, study), estimates, ESTIMATES)
    write_table(pd.concat(scored), scores, SCORES)
    for gap in rows:
        if "gap" in gap["quantity"] and gap["attribute"] is None and gap["group"] == "all":
            ends = (gap.get(name, np.nan) for name in ("estimate", "low", "high"))
            log.info("%s, %s: %.4f [%.4f, %.4f]", gap["quantity"], gap["metric"], *ends)


def _read(array: Path, translations: Path) -> tuple[pd.DataFrame, NDArray[np.uint8]]:
    table = read_table(translations, TRANSLATIONS)
    try:
        images: NDArray[np.uint8] = np.load(array, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{array}: not readable as an array of images: {error}") from error
    if len(images) != len(table) or list(table["row"]) != list(range(len(table))):
        raise DataError(f"{array}: {len(images)} images, but {translations} lists {len(table)}")
    originals = table[table["kind"] == "original"].set_index("face_id")["row"]
    return table.assign(original=table["face_id"].map(originals)), images


def _features(
    table: pd.DataFrame,
    images: NDArray[np.uint8],
    sight: Sight,
    inception: Path | None,
    device: torch.device,
) -> Features:
    """Of each image: Inception's, or the classifier's in units of their spread over real faces."""
    if inception:
        return inception_features(images, inception, device)
    real = sight.features[(table["kind"] == "original").to_numpy()]
    spread = real.std(0)
    scaled: Features = (sight.features - real.mean(0)) / np.where(spread > 0, spread, 1)
    return scaled


def _values(
    table: pd.DataFrame, images: NDArray[np.uint8], sight: Sight, attributes: Sequence[str]
) -> pd.DataFrame:
    """Each image's metrics; `shown` is how sure the classifier is of a translation's value."""
    translated = np.flatnonzero(table["kind"] == "translation")
    origin = table["original"].to_numpy()
    column = table["attribute"].map({name: k for k, name in enumerate(attributes)})
    wanted = table["value"].iloc[translated].to_numpy(bool)
    certain = sight.shown[translated, column.iloc[translated].astype(int)]
    shown = np.where(wanted, certain, 1 - certain)
    values = pd.DataFrame(index=table.index, dtype=float)
    values.loc[translated, "shown"] = shown
    values.loc[translated, "attribute transfer"] = (shown > 0.5).astype(float)
    cosines = (sight.identity[translated] * sight.identity[origin[translated]]).sum(1)
    values.loc[translated, "identity preservation"] = cosines.clip(-1, 1)
    values.loc[translated, "perceptual distance"] = sum(
        ((layer[translated] - layer[origin[translated]]) ** 2).sum(1).mean((1, 2))
        for layer in sight.layers
    )
    rebuilt = np.flatnonzero(table["kind"] == "reconstruction")
    values.loc[rebuilt, "reconstruction error"] = [
        np.abs(images[k].astype(np.int16) - images[origin[k]]).mean() / 255 for k in rebuilt
    ]
    return values


def _scores(table: pd.DataFrame, values: pd.DataFrame, which: int) -> pd.DataFrame:
    translated = table["kind"] == "translation"
    return pd.DataFrame(
        {
            "seed": which,
            "row": table["row"][translated],
            "shown": values["shown"][translated],
            "identity": values["identity preservation"][translated],
            "perceptual": values["perceptual distance"][translated],
        }
    )


def halved(table: pd.DataFrame, rng: np.random.Generator) -> dict[str, NDArray[np.int64]]:
    """Rows of both domains, and of two halves of the in-domain persons."""
    parts = {name: np.flatnonzero(table["domain"] == name) for name in DOMAINS}
    inside = table.iloc[parts["in-domain"]]
    persons = rng.permutation(np.sort(inside["subject_id"].unique()))
    first = inside["subject_id"].isin(persons[: len(persons) // 2]).to_numpy()
    for name, half in zip(HALVES, (first, ~first), strict=True):
        parts[name] = parts["in-domain"][half]
    return parts


def measures(
    outputs: Outputs,
    attributes: Sequence[str],
    parts: dict[str, NDArray[np.int64]],
    rng: np.random.Generator,
    confidence: float,
) -> Rows:
    """Every metric of each part: all together, by attribute, and by value of the control.

    Of halves all together alone: the null check of the whole instrument. Keys: domain, the KEYS,
    and columns of ESTIMATES.
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
                    mean = _mean(table, values, at, rng, confidence)
                    yield {"domain": name, "metric": metric, **about, **mean}
        for row_of_sets in _of_sets(outputs, parts, fits, own, rng, confidence):
            yield {**row_of_sets, **about}


def _of_images(
    outputs: Outputs,
    attributes: Sequence[str],
    attribute: str | None,
    own: NDArray[np.bool_],
    fits: NDArray[np.bool_],
) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Metrics (n,) of single images, missing where an image is not of the group."""
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
    mean = mean_interval(values[at], persons, rng, confidence)
    names, which = np.unique(persons, return_inverse=True)
    residuals = np.bincount(which, values[at] - mean.estimate) / len(at)
    error = (len(names) / max(len(names) - 1, 1) * (residuals**2).sum()) ** 0.5
    return _columns(mean, error, len(names), table["face_id"].iloc[at].nunique())


def _of_sets(
    outputs: Outputs,
    parts: dict[str, NDArray[np.int64]],
    fits: NDArray[np.bool_],
    own: NDArray[np.bool_],
    rng: np.random.Generator,
    confidence: float,
) -> Rows:
    """Distances between real faces and translations, of as many of each in both parts.

    Intervals are normal, with the error that a bootstrap of persons gives. A bootstrap's own
    quantiles would lie too high: resampling persons makes sets less alike.
    """
    kind = outputs.table["kind"].to_numpy()
    real = {name: rows[fits[rows] & (kind[rows] == "original")] for name, rows in parts.items()}
    translated = {
        name: rows[own[rows] & (kind[rows] == "translation")] for name, rows in parts.items()
    }
    sizes = [min(map(len, group.values())) for group in (real, translated)]
    if min(sizes) < 4 or not outputs.distances:
        return
    reach = float(stats.norm.ppf((1 + confidence) / 2))
    for name in parts:
        rows = [
            np.sort(rng.choice(group[name], size, replace=False))
            for group, size in zip((real, translated), sizes, strict=True)
        ]
        persons = outputs.table["subject_id"].to_numpy()
        samples = list(_resampled(rows, persons, rng))
        count = len(np.unique(persons[np.concatenate(rows)]))
        for metric, distance in outputs.distances.items():
            value = distance(*(outputs.features[at] for at in rows))
            again = [distance(*(outputs.features[at] for at in sample)) for sample in samples]
            error = float(np.std(again, ddof=1))
            low = value - reach * error
            interval = Interval(value, max(low, 0.0) if value >= 0 else low, value + reach * error)
            yield {"domain": name, "metric": metric, **_columns(interval, error, count, sizes[0])}


def _resampled(
    rows: list[NDArray[np.int64]], persons: NDArray[Any], rng: np.random.Generator
) -> Iterator[list[NDArray[np.int64]]]:
    """Rows of both sets with persons resampled; a person's faces and translations together."""
    names = np.unique(persons[np.concatenate(rows)])
    members = [[at[persons[at] == name] for name in names] for at in rows]
    for _ in range(DRAWS):
        picked = resample(len(names), rng, 1)[0]
        sets = [np.concatenate([own[k] for k in picked]) for own in members]
        yield [sample if len(sample) > 1 else at for sample, at in zip(sets, rows, strict=True)]


def _columns(interval: Interval, error: float, persons: int, faces: int) -> dict[str, Any]:
    about = {"standard_error": float(error), "persons": persons, "faces": int(faces)}
    return {**row(interval), **about}


def _of_domains(rows: pd.DataFrame) -> Rows:
    """Rows of "realism": of each seed, and the mean over seeds, which has no seed."""
    keys = ["domain", *KEYS]
    means = rows.groupby(keys, dropna=False, sort=False)["estimate"].mean().reset_index()
    for each in [*rows.to_dict("records"), *means.to_dict("records")]:
        values = {str(name): None if pd.isna(value) else value for name, value in each.items()}
        group = _named(domain=values.pop("domain"), control=values.pop("control"))
        yield {"quantity": "realism", "group": group, **values}


def gaps(rows: pd.DataFrame, pair: Sequence[str], confidence: float) -> Rows:
    """Second part less first, paired by seed: mean over seeds, interval and test.

    The error has both what differs between seeds on these persons and what differs between
    persons; Student's t with Satterthwaite's degrees of freedom. Rows of "realism gap", or, of the
    halves, of "null realism gap".
    """
    quantity = "realism gap" if pair == DOMAINS else "null realism gap"
    for names, group in rows.groupby(KEYS, dropna=False, sort=False):
        given: list[Any] = list(names)
        metric, attribute, control = (None if pd.isna(name) else str(name) for name in given)
        parts = [group[group["domain"] == name].set_index("seed") for name in pair]
        both = parts[0].index.intersection(parts[1].index)
        if len(both):
            first, second = (part.loc[both] for part in parts)
            about = {"metric": metric, "attribute": attribute, "group": _named(control=control)}
            yield {"quantity": quantity, **about, **_gap(first, second, confidence)}


def _named(**values: str | None) -> str:
    """The group of these factors, of which some may be missing."""
    return group_name({factor: value for factor, value in values.items() if value is not None})


def _gap(first: pd.DataFrame, second: pd.DataFrame, confidence: float) -> dict[str, Any]:
    """Of the parts' rows, a seed each and in the same order."""
    apart = (second["estimate"] - first["estimate"]).to_numpy()
    persons = int(min(first["persons"].min(), second["persons"].min()))
    errors = first["standard_error"] ** 2 + second["standard_error"] ** 2
    terms = [(float(errors.mean()), persons - 1)]
    if len(apart) > 1:
        terms.append((float(apart.var(ddof=1)) / len(apart), len(apart) - 1))
    variance = sum(term for term, _ in terms)
    gap = {"estimate": float(apart.mean()), "persons": persons}
    if not (variance > 0 and persons > 1):
        return gap
    freedom = variance**2 / sum(term**2 / df for term, df in terms)
    reach = float(stats.t.ppf((1 + confidence) / 2, freedom)) * variance**0.5
    p = float(2 * stats.t.sf(abs(gap["estimate"]) / variance**0.5, freedom))
    ends = {"low": gap["estimate"] - reach, "high": gap["estimate"] + reach}
    return {**gap, **ends, "standard_error": variance**0.5, "p": p}
