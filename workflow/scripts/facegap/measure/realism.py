"""How good translations are, in numbers: in-domain and out-domain, each seed, with intervals.

`attribute transfer`: share of translations in which the classifier sees the changed value.
`corrected attribute transfer`: the same, corrected by the classifier's errors on real faces.
`identity preservation`: cosine of a face's and its translation's place among persons.
`perceptual distance`: of a face and its translation, layer by layer, as LPIPS (Zhang et al. 2018)
but with the classifier's layers, all counting alike.
`reconstruction error`: mean absolute difference of a face and its reconstruction, pixels 0 to 1.
`KID`, `FID`: between real faces and translations of others, as many on both sides of the boundary;
`classifier kernel distance`, `classifier Frechet distance` without Inception's weights.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from facegap.attributes import read_labels
from facegap.crops import Crops
from facegap.groups import group_name
from facegap.measure.distances import Features, inception_features
from facegap.measure.gaps import (
    Scores,
    adjusted,
    central,
    image_scores,
    null_gaps,
    random_halves,
    realism,
    realism_gap,
)
from facegap.measure.outputs import (
    ALL_TOGETHER,
    Group,
    groups_of_images,
    image_values,
    metrics_of,
    read_outputs,
    scores_table,
)
from facegap.measure.recogniser import Recogniser, Sight, load_recogniser, recognise
from facegap.measure.recognition import (
    Recognised,
    Translated,
    corrected,
    identity_rows,
    recognition_rows,
)
from facegap.measure.sets import INCEPTION, OWN, SetDistances, plan_sets, set_distances
from facegap.measure.values import Measure, family, named, write_values
from facegap.network import settle
from facegap.progress import paced
from facegap.quantity import PRIMARY
from facegap.seeds import generator
from facegap.settings.measure import Intervals, Realism
from facegap.tables.base import DOMAINS, SIDES, read_table, write_table
from facegap.tables.measure import ESTIMATES, SCORES
from facegap.tables.measure import estimates as table_of
from facegap.tables.synthesise import ROLES

log = logging.getLogger(__name__)
Row = dict[str, Any]
Values = NDArray[np.float64]
SIDE_OF = dict(zip(DOMAINS, SIDES, strict=True))
CORRECTED = "corrected attribute transfer"


@dataclass(frozen=True)
class Data:
    """What all metrics are of: the images' table and groups, and real faces by domain."""

    table: pd.DataFrame
    groups: list[Group]
    real: dict[str, Recognised]
    attributes: list[str]
    seeds: list[int]
    confidence: float
    seed: int  # of the study
    arm: str = "inside"
    share: float | None = 0.0  # of outside faces in the arm's training

    def rows(self, domain: str, which: NDArray[np.bool_]) -> NDArray[np.int64]:
        """The rows of the images `which` (n,) of a domain."""
        return np.flatnonzero((self.table["domain"] == domain).to_numpy() & which)


@dataclass(frozen=True)
class Metric:
    """A metric of one group of images: the scores of both domains.

    `null` are the gaps between halves of the in-domain persons, of all together alone.
    """

    name: str
    group: Group
    scores: dict[str, Scores]
    null: Values | None

    @property
    def measure(self) -> Measure:
        """Without its values."""
        return Measure(self.name, self.group.attribute, self.group.named())


def measure_realism(
    *,
    arrays: list[Path],
    translations: list[Path],
    classifier: Path,
    roles: Path,
    faces: Path,
    crops: list[Path],
    inception: Path | None,
    estimates: Path,
    scores: Path,
    values: Path,
    study: str,
    arm: str,
    seeds: list[int],
    share: float | None,
    intervals: Intervals,
    settings: Realism,
    threads: int,
    seed: int,
) -> None:
    """Write the measures of both domains and their gaps (ESTIMATES), and each translation's scores.

    All is of one `arm` of the synthesis, which trained on a `share` of outside faces, or of the
    user's editor of that name, whose share is None.
    `arrays` (uint8 (n, s, s, 3) RGB) and `translations` (TRANSLATIONS) have a file for each of the
    synthesis's `seeds`; `inception` are its weights, if there are any. `roles` (ROLES) and `crops`
    give the real faces of the measured persons. `scores` is a table SCORES; `values` are for the
    comparison with other arms (facegap/measure/values.py).
    """
    device = settle(threads)
    network, attributes = load_recogniser(classifier, device)
    table, images = read_outputs(arrays, translations)
    assigned = read_table(roles, ROLES)
    disputed = assigned.loc[assigned["provenance"] == "contentious", "face_id"]
    groups = groups_of_images(table, attributes, disputed)
    real = _real_faces(network, assigned, faces, Crops(crops), attributes, device)
    data = Data(table, groups, real, attributes, seeds, intervals.confidence, seed, arm, share)
    plan = plan_sets(table, groups, settings.null_splits, seeds, seed)
    of_images, sets, scored = [], [], []
    for which, own in paced(list(zip(seeds, images, strict=True)), "seeds", log):
        sight = recognise(network, own, device, layers=True)
        of_images.append(image_values(table, own, sight, attributes))
        scored.append(scores_table(table, of_images[-1], which))
        features = _features(table, own, sight, inception, device)
        sets.append(set_distances(plan, which, features, INCEPTION if inception else OWN))
    metrics = [
        *_metrics_of_images(data, of_images, settings.null_splits),
        *_metrics_of_sets(data, sets),
    ]
    rows = [*realism_rows(data, metrics, settings.primary)]
    if arm == "inside":  # no arm has a part in what real faces are
        rows += [*_floors(sets), *_recognition(data)]
    write_table(table_of(rows, study), estimates, ESTIMATES)
    write_table(pd.concat(scored), scores, SCORES)
    write_values(((metric.measure, metric.scores) for metric in metrics), values)
    for each in rows:
        if str(each.get("family")).startswith(PRIMARY):
            ends = {name: each.get(name) for name in ("estimate", "low", "high")}
            log.info("gap of %s: %s", each["metric"], ends)


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


def _real_faces(
    network: Recogniser,
    assigned: pd.DataFrame,
    faces: Path,
    crops: Crops,
    attributes: Sequence[str],
    device: torch.device,
) -> dict[str, Recognised]:
    """By domain what the networks see in all real faces of the measured persons (ROLES)."""
    found = {}
    for domain, side in zip(DOMAINS, SIDES, strict=True):
        own = assigned[(assigned["role"] != "train") & (assigned["side"] == side)]
        sight = recognise(network, crops.take(own["row"]), device, layers=False)
        labels = read_labels(faces, own["face_id"], attributes) > 0.5
        persons = own["subject_id"].to_numpy()
        found[domain] = Recognised(persons, labels, sight.shown > 0.5, sight.identity)
    return found


def _metrics_of_images(
    data: Data, values: Sequence[Mapping[str, Values]], null_splits: int
) -> Iterator[Metric]:
    """Those that are means over single images, with the corrected transfer."""
    each = {name: np.stack([of_seed[name] for of_seed in values]) for name in values[0]}
    for k, group in enumerate(data.groups):
        for name, of in metrics_of(group):
            known = of & ~np.isnan(each[name][0])
            own = {domain: data.rows(domain, known) for domain in DOMAINS}
            if all(map(len, own.values())):
                found = {domain: _images(data, each[name], rows) for domain, rows in own.items()}
                null = _null(data, found[DOMAINS[0]], null_splits) if k == ALL_TOGETHER else None
                yield Metric(name, group, found, null)
        yield from _corrected(data, group, each["attribute transfer"], null_splits)


def _images(data: Data, values: Values, rows: NDArray[np.int64]) -> Scores:
    persons, faces = (data.table[name].to_numpy()[rows] for name in ("subject_id", "face_id"))
    return image_scores(values[:, rows], persons, faces)


def _null(data: Data, inside: Scores, null_splits: int) -> Values | None:
    """The gaps between halves of the in-domain persons; None of a single person."""
    if inside.persons < 2:
        return None
    rng = generator(data.seed, "realism_halves")
    return null_gaps(inside, random_halves(inside.persons, null_splits, rng))


def _corrected(data: Data, group: Group, transfer: Values, null_splits: int) -> Iterator[Metric]:
    """Attribute transfer corrected; nothing where the classifier cannot be built on."""
    column = data.table["attribute"].map({name: k for k, name in enumerate(data.attributes)})
    found, null = {}, None
    for domain in DOMAINS:
        rows = data.rows(domain, group.made)
        made = Translated(
            data.table["subject_id"].to_numpy()[rows],
            np.asarray(column.iloc[rows], np.int64),
            data.table["value"].iloc[rows].to_numpy(bool),
            transfer[:, rows],
        )
        both = corrected(data.real[domain], made) if len(rows) else None
        if both is None:
            about = group.attribute or group.named()
            log.warning("attribute transfer, %s, is not corrected: too few faces, or a", about)
            log.warning("classifier hardly better than chance (docs/method.md)")
            return
        found[domain], of_images = both
        if domain == DOMAINS[0] and group is data.groups[ALL_TOGETHER]:
            null = _null(data, image_scores(of_images, made.persons, rows), null_splits)
    yield Metric(CORRECTED, group, found, null)


def _metrics_of_sets(data: Data, sets: Sequence[SetDistances]) -> Iterator[Metric]:
    """The distances; the null check is the mean over seeds, each with splits of its own."""
    for name, k in dict.fromkeys((name, k) for name, k, _ in sets[0].values):
        found = {}
        for domain in DOMAINS:
            values = np.stack([of_seed.values[name, k, domain] for of_seed in sets])
            rows = data.rows(domain, data.groups[k].made)
            persons, faces = (data.table[c].iloc[rows].nunique() for c in ("subject_id", "face_id"))
            found[domain] = Scores(values, np.arange(values.shape[1]), faces, persons)
        null = None
        if k == ALL_TOGETHER and name in sets[0].null:
            null = np.mean([of_seed.null[name] for of_seed in sets], axis=0)
        yield Metric(name, data.groups[k], found, null)


def realism_rows(data: Data, metrics: Sequence[Metric], primary: Sequence[str]) -> Iterator[Row]:
    """Of each metric both domains, of each seed and the mean; the gaps; the null check's."""
    gaps = []
    for metric in metrics:
        group = metric.group
        about: Row = {"metric": metric.name, "attribute": group.attribute}
        about |= {"arm": data.arm, "share": data.share}
        for domain, of in metric.scores.items():
            # of another arm neither domain is what the words say; of an editor nobody knows
            crossed = data.arm != "inside" and data.share is not None
            of_arm = {"side": SIDE_OF[domain]} if crossed else {"domain": domain}
            place = {**about, "quantity": "realism", "group": group.named(**of_arm)}
            for which, values in zip(data.seeds, of.values, strict=True):
                alone = replace(of, values=values[None])
                yield {**place, "seed": which, **realism(metric.name, alone, data.confidence)}
            yield {**place, **realism(metric.name, of, data.confidence)}
        place = {**about, "quantity": "realism gap", "group": group.named()}
        inside, outside = (metric.scores[domain] for domain in DOMAINS)
        gap = realism_gap(inside, outside, data.confidence)
        tests = family(metric.measure, named(primary))
        if data.arm != "inside":
            tests += f", arm {data.arm}"
        gaps.append({**place, **gap, "family": tests})
        if metric.null is not None:
            null = central(metric.null, data.confidence)
            yield {**place, "quantity": "null realism gap", **null, "method": "splits"}
    yield from adjusted(gaps)


def _floors(sets: Sequence[SetDistances]) -> Iterator[Row]:
    """What sets of real faces are apart, which no seed has a part in."""
    for (metric, domain), values in sets[0].floors.items():
        yield {
            "quantity": "realism floor",
            "metric": metric,
            "group": group_name({"domain": domain}),
            "estimate": float(values.mean()),
            "standard_error": float(values.std(ddof=1)),
            "method": "splits",
        }


def _recognition(data: Data) -> Iterator[Row]:
    for domain, side in zip(DOMAINS, SIDES, strict=True):
        rng = generator(data.seed, "identity_of_real_faces", side=side)
        yield from recognition_rows(data.real[domain], data.attributes, side, data.confidence)
        yield from identity_rows(data.real[domain], side, rng, data.confidence)
