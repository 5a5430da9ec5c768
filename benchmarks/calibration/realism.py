"""Simulated studies of realism, with a translator whose damage is known.

The translator draws the same picture with the attribute changed, which is all that a perfect one
could do, and then does damage, by side: it leaves a share of the faces unchanged, and blurs the
others. A study samples persons of either side, and the translator's seeds, of a population that the
very code of `measure` is asked about as a whole for the truth. Of the corrected attribute transfer
the truth is the share that was changed, whatever the classifier sees.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facegap.acquire.collection import draw_pictures
from facegap.acquire.persons import GROUPS, Picture, pictures_of
from facegap.acquire.splits import Sampling
from facegap.align.geometry import cut
from facegap.measure.gaps import Scores, image_scores, realism_gap
from facegap.measure.recogniser import (
    Recogniser,
    load_recogniser,
    recognise,
    train_attribute_classifier,
)
from facegap.measure.recognition import Recognised, Translated, corrected
from facegap.network import settle
from facegap.settings.acquire import Drawn, Split
from facegap.settings.align import Centre
from facegap.settings.measure import AttributeClassifier
from facegap.settings.synthesise import Attributes
from facegap.tables.acquire import FACES
from facegap.tables.align import ALIGNED
from facegap.tables.base import SIDES, write_table
from facegap.tables.partition import FACE_SIDES
from facegap.tables.synthesise import ROLES

ATTRIBUTE = "Bangs"
CROP = Centre(size=32, box=122)
SEEDS, OF_A_STUDY = 30, 5  # of the translator
PERSONS = 30  # of either side in a study
CONFIDENCE = 0.95
METRICS = ("corrected attribute transfer", "attribute transfer", "identity preservation")
Images = NDArray[np.uint8]
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Damage:
    """What the translator does to faces of either side, inside first."""

    name: str
    unchanged: tuple[float, float]  # share of faces
    blurred: tuple[float, float]  # share of a blurred picture in the others


@dataclass(frozen=True)
class Faces:
    """Measured faces: who, which side, whether they show the attribute; what the networks see."""

    person: NDArray[np.int64]
    inside: NDArray[np.bool_]
    labels: NDArray[np.bool_]
    seen: NDArray[np.bool_]  # of the real face
    identity: Values  # of the real face
    changed: NDArray[np.bool_]  # (seeds, n), by the translator
    shown: Values  # (seeds, n): whether the classifier sees what was wanted
    cosine: Values  # (seeds, n), with the real face


def simulated(
    damage: Damage, count: int, seed: int, trains: int = 1500, measured: int = 3000
) -> pd.DataFrame:
    """A row a metric of each of `count` studies of a translator that does this `damage`.

    The classifier is trained on `trains` pictures, the studies' are sampled of `measured` others.
    """
    with tempfile.TemporaryDirectory() as folder:
        faces = population(damage, Path(folder), seed, trains, measured)
    return studies(faces, damage.name, count, seed)


def population(damage: Damage, folder: Path, seed: int, trains: int, measured: int) -> Faces:
    """The measured faces, translated with the damage; the classifier is written to `folder`."""
    device = settle(1)
    pictures = _pictures(seed, trains + measured)
    classifier = folder / "classifier.safetensors"
    _train(pictures[:trains], folder, classifier, seed)
    network, _ = load_recogniser(classifier, device)
    trained_on = {each.subject_id for each in pictures[:trains]}
    asked = [each for each in pictures[trains:] if each.subject_id not in trained_on]
    images = _crops(asked, seed)
    changed = _crops([_changed(each) for each in asked], seed)
    inside = np.array([each.truth["group"] == GROUPS[0] for each in asked])
    labels = np.array([bool(each.truth[ATTRIBUTE]) for each in asked])
    names = np.array([each.subject_id for each in asked])
    real = recognise(network, images, device, layers=False)
    rng = np.random.default_rng([seed, 1])
    of_seeds = [
        _asked(network, *_translated(images, changed, inside, damage, rng), labels, real.identity)
        for _ in range(SEEDS)
    ]
    done, shown, cosine = (np.stack(each) for each in zip(*of_seeds, strict=True))
    seen = real.shown[:, 0] > 0.5
    person = np.unique(names, return_inverse=True)[1]
    return Faces(person, inside, labels, seen, real.identity, done, shown, cosine)


def studies(faces: Faces, name: str, count: int, seed: int) -> pd.DataFrame:
    """A row a metric of each of `count` simulated studies: the gap, its truth, what it found."""
    rng = np.random.default_rng(seed)
    persons = [np.unique(faces.person[faces.inside == side]) for side in (True, False)]
    everybody = [np.flatnonzero(faces.inside == side) for side in (True, False)]
    own = [faces.person[rows] for rows in everybody]
    truth = dict(_gaps(faces, everybody, own, np.arange(SEEDS)))
    changed = [faces.changed[:, rows].mean() for rows in everybody]
    truth[METRICS[0]] = {"estimate": changed[1] - changed[0]}
    pictures = pd.Series(np.arange(len(faces.person))).groupby(faces.person).indices
    found = []
    for study in range(count):
        seeds = rng.integers(0, SEEDS, OF_A_STUDY)
        sampled = [rng.choice(side, PERSONS) for side in persons]
        rows = [np.concatenate([pictures[who] for who in side]) for side in sampled]
        who = [
            np.repeat(np.arange(PERSONS), [len(pictures[one]) for one in side]) for side in sampled
        ]
        for metric, row in _gaps(faces, rows, who, seeds):
            about = {"scenario": name, "study": study, "quantity": "realism gap", "metric": metric}
            found.append({**about, **row, "truth": truth[metric]["estimate"]})
    return pd.DataFrame(found)


def _gaps(
    faces: Faces,
    rows: Sequence[NDArray[np.int64]],
    who: Sequence[NDArray[np.int64]],
    seeds: NDArray[np.int64],
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The gaps of all metrics between the faces `rows` of either side, of the persons `who`."""
    scores: dict[str, list[Scores]] = {name: [] for name in METRICS}
    for own, persons in zip(rows, who, strict=True):
        real = Recognised(
            persons, faces.labels[own, None], faces.seen[own, None], faces.identity[own]
        )
        shown = faces.shown[np.ix_(seeds, own)]
        made = Translated(persons, np.zeros(len(own), np.int64), ~faces.labels[own], shown)
        both = corrected(real, made)
        if both is not None:
            scores[METRICS[0]].append(both[0])
        for name, values in zip(
            METRICS[1:], (shown, faces.cosine[np.ix_(seeds, own)]), strict=True
        ):
            scores[name].append(image_scores(values, persons, np.arange(len(own))))
    for name, (inside, outside) in scores.items():
        yield name, realism_gap(inside, outside, CONFIDENCE)


def _pictures(seed: int, count: int) -> list[Picture]:
    sampling = Sampling(count, Split(train=count - 1, test=1))
    drawn = Drawn(pictures_per_person=2, inside_share=0.5)
    return pictures_of(dataset="target", sampling=sampling, drawn=drawn, seed=seed)


def _changed(picture: Picture) -> Picture:
    """The same picture with the attribute the other way round."""
    return replace(picture, person=replace(picture.person, bangs=not picture.person.bangs))


def _crops(pictures: Sequence[Picture], seed: int) -> Images:
    found = []
    for start in range(0, len(pictures), 250):
        drawn = draw_pictures(pictures[start : start + 250], distance=1.0, seed=seed)
        both = zip(drawn.images, drawn.landmarks, strict=True)
        found += [cut(image, points, "centre", CROP) for image, points in both]
    return np.stack(found)


def _translated(
    images: Images,
    changed: Images,
    inside: NDArray[np.bool_],
    damage: Damage,
    rng: np.random.Generator,
) -> tuple[Images, NDArray[np.bool_]]:
    """What one seed of the translator makes of the faces, and which of them it changed.

    Seeds differ: each blurs by a factor of its own, and leaves a share of its own unchanged.
    """
    factor = float(np.exp(rng.normal(0, 0.2)))
    unchanged, blurred = (
        np.where(inside, *(min(1.0, factor * each) for each in of_sides))
        for of_sides in (damage.unchanged, damage.blurred)
    )
    done = rng.random(len(images)) >= unchanged
    made = np.where(done[:, None, None, None], changed, images)
    soft = np.stack([cv2.GaussianBlur(image, (0, 0), 2.0) for image in made])
    share = blurred[:, None, None, None]
    return ((1 - share) * made + share * soft).round().astype(np.uint8), done


def _asked(
    network: Recogniser,
    made: Images,
    done: NDArray[np.bool_],
    labels: NDArray[np.bool_],
    identity: Values,
) -> tuple[NDArray[np.bool_], Values, Values]:
    """Which were changed, which show what was wanted, and the cosine with the real face."""
    sight = recognise(network, made, settle(1), layers=False)
    shown = ((sight.shown[:, 0] > 0.5) != labels).astype(float)
    return done, shown, (sight.identity * identity).sum(1)


def _train(pictures: Sequence[Picture], folder: Path, classifier: Path, seed: int) -> None:
    """The attribute classifier, by the code of `measure`, on faces of nobody who is measured."""
    ids = [each.face_id for each in pictures]
    known = pd.DataFrame({"face_id": ids, "path": [each.path for each in pictures]})
    known["subject_id"] = [each.subject_id for each in pictures]
    known = known.assign(split="train", age=None, gender=None, race_raw=None)
    known[ATTRIBUTE] = pd.Series([each.truth[ATTRIBUTE] for each in pictures], dtype="Int8")
    write_table(known, folder / "faces.parquet", FACES)
    rows = pd.DataFrame({"face_id": ids, "row": range(len(ids))})
    write_table(rows, folder / "aligned.parquet", ALIGNED)
    side = np.where([each.truth["group"] == GROUPS[0] for each in pictures], *SIDES)
    sides = pd.DataFrame({"face_id": ids, "side": side, "provenance": "own label"})
    write_table(sides.assign(confidence=1.0, simulated=True), folder / "sides.parquet", FACE_SIDES)
    nobody = pd.DataFrame(columns=list(ROLES.columns))
    write_table(ROLES.coerce_dtype(nobody), folder / "roles.parquet", ROLES)
    np.save(folder / "crops.npy", _crops(pictures, seed))
    train_attribute_classifier(
        roles=folder / "roles.parquet",
        sides=folder / "sides.parquet",
        faces=folder / "faces.parquet",
        aligned=folder / "aligned.parquet",
        crops=[folder / "crops.npy"],
        classifier=classifier,
        attributes=Attributes(names=[ATTRIBUTE]),
        settings=AttributeClassifier(iterations=600, batch=32),
        threads=1,
        seed=seed,
    )
