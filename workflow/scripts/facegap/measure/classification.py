"""What the classifiers of the grid do on either side, in numbers with intervals.

A face's repeats are averaged first and whole persons are resampled, so neither repeats nor a
person's pictures count as independent (Efron and Tibshirani 1993, section 8.5).
"""

from collections.abc import Iterator
from itertools import combinations
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from facegap.configurations import configuration
from facegap.errors import DataError
from facegap.files import read_json
from facegap.measure.answers import answers, mean_answers
from facegap.measure.group_performance import by_group, calibration
from facegap.measure.performance import METRICS, with_interval
from facegap.seeds import generator
from facegap.settings.measure import Intervals
from facegap.statistics.bootstrap import (
    cluster_counts,
    difference_interval,
    mean_interval,
    percentile,
)
from facegap.statistics.interval import Interval, row, within
from facegap.statistics.means import student
from facegap.statistics.multiplicity import holm
from facegap.statistics.proportions import exact_p
from facegap.tables.base import read_table, write_table
from facegap.tables.classify import RUNS
from facegap.tables.measure import ESTIMATES
from facegap.tables.measure import estimates as table_of

Rows = Iterator[dict[str, Any]]
DRAWS = 1000  # of the bootstraps but the transfer gap's
TRAINING = {  # column of RUNS: metric, and the data set that it is tested on
    "source_accuracy": ("accuracy", "source"),
    "target_accuracy": ("accuracy", "target"),
    "loss": ("cross-entropy", "target"),
    "epochs_to_convergence": ("epochs to convergence", None),
}


def measure_classification(
    *,
    runs: Path,
    predictions: Path,
    selected: Path,
    faces: list[Path],
    estimates: Path,
    study: str,
    datasets: list[str],
    intervals: Intervals,
    seed: int,
) -> None:
    """Write the estimates (ESTIMATES) of the classifiers.

    Of every configuration the means of its trainings, its performance on each test part, the gap
    between source and target, and its differences from the others on the target; of the selected
    one, too, its accuracy by groups, its calibration, and how it transfers between all data sets.
    `faces` (FACES) are in the order of `datasets`.
    """
    table = read_table(runs, RUNS)
    places = dict(zip(datasets, faces, strict=True))
    single = answers(predictions, table, places)
    mean = mean_answers(single)
    chosen = str(read_json(selected)["name"])
    own = mean[mean["model"] == chosen]
    from_source = own[own["trained_on"] == "source"]
    selected_rows = [
        *by_group(from_source, places, intervals),
        *calibration(from_source, intervals.confidence),
    ]
    rows = [
        *_training_means(table, intervals.confidence),
        *_performance(mean, intervals.confidence, seed),
        *transfer_gaps(single[single["trained_on"] == "source"], intervals.confidence, seed),
        *({"model": chosen, "trained_on": "source", **each} for each in selected_rows),
        *differences(mean, intervals.confidence, seed),
        *_transfer_matrix(own, intervals.confidence, seed),
    ]
    of_task = table_of(({"task": "boundary", **each} for each in rows), study)
    write_table(of_task, estimates, ESTIMATES)


def _training_means(runs: pd.DataFrame, confidence: float) -> Rows:
    """Rows of "training mean": over the repeats of each model.

    Student's interval knows no bounds, so it is cut at the metric's.
    """
    for names, repeats in runs.groupby(["model", "trained_on"], sort=False):
        for column, (metric, tested_on) in TRAINING.items():
            values = repeats[column].dropna()
            if len(values):
                most = 1.0 if metric == "accuracy" else inf
                yield {
                    **{"quantity": "training mean", "metric": metric, "model": names[0]},
                    **{"trained_on": names[1], "tested_on": tested_on},
                    **row(within(student(values, confidence), 0.0, most)),
                }


def _performance(mean: pd.DataFrame, confidence: float, seed: int) -> Rows:
    """Rows of "performance": the same persons are resampled for every model."""
    by = ["model", "trained_on", "dataset"]
    for names, part in mean.groupby(by, sort=True):
        model, trained_on, dataset = map(str, names)
        rng = generator(seed, "performance", dataset=dataset)
        counts = cluster_counts(part["person"], rng, DRAWS)
        inside, probability = part["inside"].to_numpy(bool), part["probability"].to_numpy()
        for name, metric in METRICS.items():
            yield {
                **{"quantity": "performance", "metric": name, "model": model},
                **{"trained_on": trained_on, "tested_on": dataset},
                **row(with_interval(metric, inside, probability, counts, confidence)),
                **{"faces": len(part), "persons": part["person"].nunique()},
            }


def transfer_gaps(single: pd.DataFrame, confidence: float, seed: int) -> Rows:
    """Rows of "transfer gap" and what it is made of: of each model, and of all together.

    `single` are the `answers` of models trained on the source.
    """
    for model, part in single.groupby("model", sort=True):
        of = configuration(str(model))
        rng = generator(
            seed,
            "transfer_gap",
            backbone=of.backbone,
            preprocessing=of.preprocessing,
            head=of.head_optimiser,
            fine_tuning=of.fine_tuning_optimiser,
        )
        yield from _transfer_gap(part, str(model), rng, confidence)
    yield from _transfer_gap(single, "all", generator(seed, "transfer_gap_of_all"), confidence)


def _transfer_gap(
    single: pd.DataFrame, model: str, rng: np.random.Generator, confidence: float
) -> Rows:
    by_face = single.groupby(["dataset", "face_id", "person"], sort=True)
    faces = by_face.agg(right=("right", "mean"), inside=("inside", "first")).reset_index()
    sets = dict(list(faces.groupby("dataset")))
    for name in ("source", "target"):
        if name not in sets:
            raise DataError(f"predictions: none of {model} on the {name}'s test part")
    for name in ("source", "target"):
        part, share = sets[name], float(sets[name]["inside"].mean())
        about = {"model": model, "trained_on": "source", "tested_on": name, "faces": len(part)}
        yield {"quantity": "mean accuracy", "estimate": float(np.mean(part["right"])), **about}
        yield {"quantity": "majority class", "estimate": max(share, 1 - share), **about}
    source, target = ((sets[name]["right"], sets[name]["person"]) for name in ("source", "target"))
    yield {
        **{"quantity": "transfer gap", "model": model},
        **{"trained_on": "source", "tested_on": "target"},
        **row(difference_interval(source, target, rng, confidence)),
        "faces": sum(len(sets[name]) for name in ("source", "target")),
        "persons": sum(sets[name]["person"].nunique() for name in ("source", "target")),
    }


def differences(mean: pd.DataFrame, confidence: float, seed: int) -> Rows:
    """Rows of "difference" and "right alone": each pair of models on the target's test part.

    A paired bootstrap over persons; McNemar's exact test takes faces as independent, Holm's
    correction (1979) is over all pairs.
    """
    target = mean[(mean["dataset"] == "target") & (mean["trained_on"] == "source")]
    wide = target.pivot_table(index=["face_id", "person"], columns="model", values="right")
    persons = wide.index.get_level_values("person")
    counts = cluster_counts(persons, generator(seed, "differences"), DRAWS)
    where = {"trained_on": "source", "tested_on": "target"}
    tests: list[dict[str, Any]] = []
    for one, other in combinations(wide.columns, 2):
        first, second = (wide[name].to_numpy(float) > 0.5 for name in (one, other))
        apart = first.astype(float) - second
        sampled = counts @ apart / counts.sum(1)
        alone = int((first & ~second).sum()), int((~first & second).sum())
        p = exact_p(alone[0], sum(alone))
        tests.append(
            {
                **{"quantity": "difference", "model": f"{one} − {other}", **where},
                **row(percentile(float(apart.mean()), sampled, confidence)),
                **{"p": 1.0 if p is None else p, "family": "pairs of configurations"},
                **{"faces": len(wide), "persons": persons.nunique()},
            }
        )
        for name, count in ((f"{one} − {other}", alone[0]), (f"{other} − {one}", alone[1])):
            yield {"quantity": "right alone", "model": name, **where, "estimate": float(count)}
    for test, adjusted in zip(tests, holm([test["p"] for test in tests]), strict=True):
        yield {**test, "adjusted_p": float(adjusted)}


def _transfer_matrix(own: pd.DataFrame, confidence: float, seed: int) -> Rows:
    """Rows of "transfer matrix": one model trained on each data set and tested on each."""
    parts = {
        (str(trained), str(tested)): (part["right"].astype(float), part["person"])
        for (trained, tested), part in own.groupby(["trained_on", "dataset"], sort=False)
    }
    for (trained, tested), part in parts.items():
        rng = generator(seed, "transfer_matrix", trained_on=trained, tested_on=tested)
        accuracy = mean_interval(*part, rng, confidence, DRAWS)
        gap = difference_interval(parts[trained, trained], part, rng, confidence, DRAWS)
        if trained == tested:
            gap = Interval(0.0, 0.0, 0.0)
        for metric, interval in (("accuracy", accuracy), ("accuracy gap", gap)):
            yield {
                **{"quantity": "transfer matrix", "metric": metric, "model": own["model"].iloc[0]},
                **{"trained_on": trained, "tested_on": tested},
                **row(interval),
                "faces": len(part[0]),
            }
