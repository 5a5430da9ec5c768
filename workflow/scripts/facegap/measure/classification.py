"""What the classifiers of the grid do on either side, in numbers with intervals.

An estimate is the mean over the trainings of a configuration, and its interval accounts for persons
and trainings (facegap/statistics/performance.py). It is conditional on the training faces.
"""

from collections.abc import Iterator, Mapping
from itertools import combinations
from math import inf
from pathlib import Path
from typing import Any

import pandas as pd

from facegap.files import read_json
from facegap.groups import group_name
from facegap.measure.answers import answers, fine_tuned, mean_answers, parts
from facegap.measure.columns import bounded, difference, how_many
from facegap.measure.group_performance import by_group, calibration
from facegap.settings.measure import Intervals, Primary
from facegap.statistics.interval import row, within
from facegap.statistics.means import student
from facegap.statistics.multiplicity import holm
from facegap.statistics.performance import (
    LESS_IS_BETTER,
    METRICS,
    SKEWED,
    Answers,
    Measured,
    gap,
    interval_of,
    negated,
    on_logits,
    paired,
    sided_gap,
)
from facegap.tables.base import read_table, write_table
from facegap.tables.classify import RUNS
from facegap.tables.measure import ESTIMATES
from facegap.tables.measure import estimates as table_of

Row = dict[str, Any]
Rows = Iterator[Row]
Parts = Mapping[tuple[str, ...], Answers]  # of `parts`: by model, trained on, arm, data set, part
TRAINING = {  # column of RUNS: metric, and the data set that it is tested on
    "source_accuracy": ("accuracy", "source"),
    "target_accuracy": ("accuracy", "target"),
    "loss": ("cross-entropy", "target"),
    "training_loss": ("training cross-entropy", None),
    "epochs_to_convergence": ("epochs to convergence", None),
}
CONTENTIOUS = group_name({"contentious": "included"})
PRIMARY = "primary outcome"  # a family of one
HELD_OUT = "held-out source"  # a control: the source's validation part as if it were the target
METRIC = "balanced accuracy"  # by which configurations are selected, and pairs compared


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
    primary: Primary,
) -> None:
    """Write the estimates (ESTIMATES) of the classifiers.

    Of every configuration the means of its trainings, its performance on each test part, its gap
    between source and target, and its differences from the others on the target; of the selected
    one, too, what the transfer loses beside its benchmark, negative controls, how it was selected,
    its accuracy by groups and its calibration. `faces` (FACES) are in the order of `datasets`.
    """
    table, choice = read_table(runs, RUNS), read_json(selected)
    places = dict(zip(datasets, faces, strict=True))
    every = answers(predictions, fine_tuned(table), places)
    agreed = every[every["agreed"]]
    tested = parts(agreed)
    own = agreed[(agreed["model"] == choice["name"]) & (agreed["trained_on"] == "source")]
    from_source = mean_answers(own[(own["part"] == "test") & (own["arm"] == "full")])
    about = {"model": choice["name"], "trained_on": "source"}
    rows = [
        *_training_means(table, intervals.confidence),
        *performance(tested, intervals.confidence),
        *_majority(tested),
        *transfer(tested, choice["name"], intervals.confidence),
        *_with_contentious(every, choice["name"], intervals.confidence),
        *_tested_faces(every),
        *selection(choice["criteria"]),
        *({**about, **each} for each in by_group(from_source, places, intervals)),
        *({**about, **each} for each in calibration(from_source, intervals.confidence)),
        *differences(tested, intervals.confidence),
    ]
    rows = [_marked(each, primary, choice["name"]) for each in rows]
    of_task = table_of(({"task": "boundary", **each} for each in rows), study)
    write_table(of_task, estimates, ESTIMATES)


def _marked(each: Row, primary: Primary, selected: str) -> Row:
    """The row, and as its family whether it is the primary outcome."""
    names = (each["quantity"], each.get("metric"), each.get("model"))
    plain = not each.get("arm") and "group" not in each
    if plain and names == (primary.quantity, primary.metric, selected):
        return {**each, "family": PRIMARY}
    return each


def _training_means(runs: pd.DataFrame, confidence: float) -> Rows:
    """Rows of "training mean", over the repeats of each model, and of "trainings": how many.

    Student's interval knows no bounds, so it is cut at the metric's.
    """
    by = ["model", "trained_on", "arm"]
    for names, repeats in runs.groupby(by, sort=False):
        model, trained_on, arm = map(str, names)
        for column, (metric, tested_on) in TRAINING.items():
            values = repeats[column].dropna()
            if len(values):
                most = 1.0 if metric == "accuracy" else inf
                yield {
                    **{"quantity": "training mean", "metric": metric, "model": model},
                    **{"trained_on": trained_on, "arm": _arm(arm), "tested_on": tested_on},
                    **row(within(student(values, confidence), 0.0, most)),
                }
        counts = {"all": len(repeats), "converged": repeats["epochs_to_convergence"].count()}
        for metric, count in counts.items():
            yield {
                **{"quantity": "trainings", "metric": metric, "model": model},
                **{"trained_on": trained_on, "arm": _arm(arm), "estimate": float(count)},
            }


def performance(tested: Parts, confidence: float) -> Rows:
    """Rows of "performance" by each metric, and of "group gap", on each test part."""
    for (model, trained_on, arm, dataset, part), given in tested.items():
        if part != "test":
            continue
        about = {
            **{"model": model, "trained_on": trained_on, "arm": _arm(arm), "tested_on": dataset},
            **how_many(given),
        }
        for name, metric in METRICS.items():
            found = interval_of(metric(given), confidence)
            if name in SKEWED:
                found = on_logits(found, confidence)
            yield {"quantity": "performance", "metric": name, **about, **bounded(found, 0)}
        apart = interval_of(sided_gap(given), confidence)
        yield {
            "quantity": "group gap",
            "metric": "accuracy",
            **about,
            **difference(apart, confidence),
        }


def _majority(tested: Parts) -> Rows:
    """Rows of "majority class": one a test part."""
    by_dataset = {key[3]: given for key, given in tested.items() if key[4] == "test"}
    for dataset, given in by_dataset.items():
        share = float(given.inside.mean())
        about = {"tested_on": dataset, "faces": len(given.inside)}
        yield {"quantity": "majority class", "estimate": max(share, 1 - share), **about}


def transfer(tested: Parts, selected: str, confidence: float) -> Rows:
    """Rows of "transfer gap" of each model, of the selected one's "transfer loss", and controls.

    The gap is of one model on different persons, the loss of two on the same faces: the benchmark,
    trained on the target, less the model trained on the source. Of the control whose two
    sides are random halves, nothing can be true but zero.
    """
    for (model, trained_on, arm, dataset, part), source in tested.items():
        if (trained_on, dataset, part) != ("source", "source", "test"):
            continue
        about: Row = {"model": model, "trained_on": "source", "arm": _arm(arm)}
        if arm == "halves":
            about["truth"] = 0.0  # random labels
        target = tested.get((model, "source", arm, "target", "test"))
        benchmark = _benchmark(tested, arm)
        if target:
            yield from _gaps(source, target, {**about, "tested_on": "target"}, confidence)
        if target and benchmark and model == selected:
            yield from _losses(benchmark, target, {**about, "tested_on": "target"}, confidence)
        if model == selected:
            held_out = tested.get((model, "source", arm, "source", "validation"))
            if held_out:
                about |= {"arm": HELD_OUT, "tested_on": "source"}
                yield from _gaps(source, held_out, about, confidence)


def _with_contentious(every: pd.DataFrame, selected: str, confidence: float) -> Rows:
    """The selected model's transfer where contentious faces are tested too, if there are some."""
    own = every[every["arm"] == "full"]
    own = own[(own["model"] == selected) | (own["trained_on"] == "target")]
    if not own["agreed"].all():
        for each in transfer(parts(own), selected, confidence):
            if not each["arm"]:
                yield {**each, "group": CONTENTIOUS}


def _benchmark(tested: Parts, arm: str) -> Answers | None:
    """Of the model trained on the target, on its test part; None of a control too small."""
    where = ("target", arm, "target", "test")
    return next((given for key, given in tested.items() if key[1:] == where), None)


def _gaps(one: Answers, other: Answers, about: Row, confidence: float) -> Rows:
    for name, metric in METRICS.items():
        measured = _positive(name, gap(metric(one), metric(other)))
        yield {
            **{"quantity": "transfer gap", "metric": name, **about},
            **difference(interval_of(measured, confidence), confidence),
            **{key: value + how_many(other)[key] for key, value in how_many(one).items()},
        }


def _losses(benchmark: Answers, transferred: Answers, about: Row, confidence: float) -> Rows:
    for name, metric in METRICS.items():
        measured = _positive(name, paired(metric(benchmark), metric(transferred)))
        yield {
            **{"quantity": "transfer loss", "metric": name, **about},
            **difference(interval_of(measured, confidence), confidence),
            **how_many(transferred),
        }


def _tested_faces(every: pd.DataFrame) -> Rows:
    """Rows of "tested faces": of agreed sides, and with the contentious ones."""
    test = every[every["part"] == "test"].drop_duplicates(["dataset", "face_id"])
    for dataset, faces in test.groupby("dataset", sort=True):
        about = {"quantity": "tested faces", "tested_on": str(dataset)}
        yield {**about, "estimate": float(faces["agreed"].sum())}
        if not faces["agreed"].all():
            yield {**about, "group": CONTENTIOUS, "estimate": float(len(faces))}


def selection(criteria: Mapping[str, Any]) -> Rows:
    """Rows of "selection score" and "selection optimism", of each criterion that has both sides."""
    for name, facts in criteria.items():
        if facts["selected"] is not None:
            about = {
                **{"metric": "balanced accuracy", "model": facts["selected"]},
                **{"trained_on": "source", "group": group_name({"criterion": name})},
                **{"faces": facts["inside"] + facts["outside"], "persons": facts["persons"]},
            }
            yield {"quantity": "selection score", "estimate": facts["score"], **about}
            yield {"quantity": "selection optimism", "estimate": facts["optimism"], **about}


def differences(tested: Parts, confidence: float) -> Rows:
    """Rows of "difference": each pair of models of the source on the target's test part.

    Holm's correction (1979) is over all pairs.
    """
    where = ("source", "full", "target", "test")
    models = [key[0] for key in tested if key[1:] == where]
    tests: list[Row] = []
    for one, other in combinations(models, 2):
        first, second = (METRICS[METRIC](tested[name, *where]) for name in (one, other))
        tests.append(
            {
                **{"quantity": "difference", "metric": METRIC, "model": f"{one} − {other}"},
                **{"trained_on": "source", "tested_on": "target"},
                **difference(interval_of(paired(first, second), confidence), confidence),
                **{"family": "pairs of configurations", **how_many(tested[one, *where])},
            }
        )
    for test, adjusted in zip(tests, holm([test["p"] for test in tests]), strict=True):
        yield {**test, "adjusted_p": float(adjusted)}


def _positive(metric: str, difference: Measured) -> Measured:
    """Above zero where the target's, or the transferred, is worse."""
    return negated(difference) if metric in LESS_IS_BETTER else difference


def _arm(arm: str) -> str | None:
    return None if arm == "full" else arm
