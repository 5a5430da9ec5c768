"""How good translations are, in numbers: in-domain and out-domain, each seed, with intervals.

`reconstruction error`: mean absolute difference of a face and its reconstruction, pixels 0 to 1.
`attribute transfer`: share of translations in which the classifier sees the changed value.
`classifier accuracy`: the same classifier on the real faces, the most that transfer could show.
`classifier Frechet distance`: between features of real faces and of all translations; not the
FID, whose features are Inception's.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from facegap import seeds, tables
from facegap.errors import DataError
from facegap.intervals import Interval, of_clusters
from facegap.network import settle
from facegap.synthesise.attributes import read_labels
from facegap.synthesise.recogniser import load_recogniser, recognise

DRAWS = 200  # of the bootstrap of the Frechet distance
Features = NDArray[np.float64]


def measure_realism(
    translations_npy: Sequence[str | Path],
    translations_parquet: Sequence[str | Path],
    classifier_safetensors: str | Path,
    faces_parquet: str | Path,
    realism_parquet: str | Path,
    *,
    synthesis_seeds: Sequence[int],
    confidence: float,
    threads: int,
    seed: int,
) -> None:
    """Write the measures (REALISM); the arrays and tables are one for each of `synthesis_seeds`."""
    device = settle(threads)
    network, attributes = load_recogniser(classifier_safetensors, device)
    rows = []
    for which, npy, parquet in zip(
        synthesis_seeds, translations_npy, translations_parquet, strict=True
    ):
        table, images = _outputs(npy, parquet)
        features, seen = recognise(network, images, device)
        for domain, part in table.groupby("domain"):
            rng = seeds.generator(seed, "synthesise", "realism", which, str(domain))
            labels = read_labels(faces_parquet, part["face_id"], attributes)
            at = part.index.to_numpy()
            measures = (
                _reconstruction(part, images, rng, confidence),
                _seen(part, seen[at], labels, attributes, rng, confidence),
                _distance(part, features[at], rng, confidence),
            )
            rows += [{"seed": which, "domain": domain, **row} for m in measures for row in m]
    tables.write(pd.DataFrame(rows), realism_parquet, tables.REALISM)


def frechet_distance(one: Features, other: Features) -> float:
    """Between normal distributions of the two sets' (n, d) means and covariances.

    Dowson and Landau 1982, as in the FID (Heusel et al. 2017).
    """
    apart = one.mean(0) - other.mean(0)
    first, second = np.cov(one, rowvar=False), np.cov(other, rowvar=False)
    common = np.linalg.eigvals(first @ second).real.clip(min=0)  # of a product of such: none below
    value = apart @ apart + np.trace(first) + np.trace(second) - 2 * np.sqrt(common).sum()
    return max(float(value), 0.0)


def _outputs(npy: str | Path, parquet: str | Path) -> tuple[pd.DataFrame, NDArray[np.uint8]]:
    table = tables.read(parquet, tables.TRANSLATIONS)
    try:
        images: NDArray[np.uint8] = np.load(npy, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{npy}: not readable as an array of images: {error}") from error
    if len(images) != len(table) or list(table["row"]) != list(range(len(table))):
        raise DataError(f"{npy}: {len(images)} images, but {parquet} tells of {len(table)}")
    return table, images


def _reconstruction(
    part: pd.DataFrame, images: NDArray[np.uint8], rng: np.random.Generator, confidence: float
) -> Iterator[dict[str, object]]:
    originals, made = (
        part[part["kind"] == kind].set_index("face_id") for kind in ("original", "reconstruction")
    )
    errors = [
        np.abs(images[a].astype(np.int16) - images[b]).mean() / 255
        for a, b in zip(originals["row"], made.loc[originals.index, "row"], strict=True)
    ]
    found = of_clusters(errors, originals["subject_id"], rng, confidence)
    yield _row("reconstruction error", None, found, originals.index)


def _seen(
    part: pd.DataFrame,
    seen: NDArray[np.bool_],
    labels: NDArray[np.float32],
    attributes: Sequence[str],
    rng: np.random.Generator,
    confidence: float,
) -> Iterator[dict[str, object]]:
    """Attribute transfer, and accuracy on the real faces: over all attributes, and each."""
    original = (part["kind"] == "original").to_numpy()
    right = seen == (labels > 0.5)
    together = pd.Series(right[original].mean(1))
    every = part[original]
    for k, name in [(None, None), *enumerate(attributes)]:
        hits = together if k is None else right[original][:, k]
        found = of_clusters(hits, every["subject_id"], rng, confidence)
        yield _row("classifier accuracy", name, found, every["face_id"])
    column = part["attribute"].map({name: k for k, name in enumerate(attributes)})
    translated = column.notna().to_numpy()
    which = column[translated].astype(int).to_numpy()
    hits = seen[translated, which] == part["value"][translated].to_numpy(bool)
    moved = part[translated].assign(hit=hits)
    for name in [None, *attributes]:
        own = moved if name is None else moved[moved["attribute"] == name]
        if len(own):
            found = of_clusters(own["hit"], own["subject_id"], rng, confidence)
            yield _row("attribute transfer", name, found, own["face_id"])


def _distance(
    part: pd.DataFrame, features: Features, rng: np.random.Generator, confidence: float
) -> Iterator[dict[str, object]]:
    """The Frechet distance, its interval normal with the error that a bootstrap of persons gives.

    A bootstrap's own quantiles would lie too high: drawing persons twice makes sets less alike.
    """
    kinds, persons = part["kind"].to_numpy(), part["subject_id"].to_numpy()
    real, made = kinds == "original", kinds == "translation"
    value = frechet_distance(features[real], features[made])
    names = np.unique(persons)
    members = {name: np.flatnonzero(persons == name) for name in names}
    drawn = []
    for _ in range(DRAWS):
        at = np.concatenate([members[name] for name in rng.choice(names, len(names))])
        drawn.append(frechet_distance(features[at][real[at]], features[at][made[at]]))
    reach = float(stats.norm.ppf((1 + confidence) / 2) * np.std(drawn, ddof=1))
    found = Interval(value, max(value - reach, 0.0), value + reach)
    yield _row("classifier Frechet distance", None, found, part["face_id"])


def _row(
    metric: str, attribute: str | None, found: Interval, faces: "pd.Series[str] | pd.Index[str]"
) -> dict[str, object]:
    return {
        "metric": metric,
        "attribute": attribute,
        "value": found.estimate,
        "low": found.low,
        "high": found.high,
        "faces": int(faces.nunique()),
    }
