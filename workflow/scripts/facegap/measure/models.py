"""The user's own models: what they gave out for the test faces, measured by group."""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from facegap.audit_metrics import BOUNDED
from facegap.errors import DataError, listed
from facegap.exported import face_by_name
from facegap.measure.audited import Audited, audited_faces
from facegap.measure.by_group import Chosen, group_rows, shown_groups
from facegap.measure.columns import difference
from facegap.measure.judged import (
    Judged,
    as_words,
    classified,
    detected,
    is_positive,
    paired_metric,
    regressed,
    threshold_on,
)
from facegap.measure.truths import truth_of
from facegap.model_outputs import missing, read_detections, read_predictions
from facegap.seeds import generator
from facegap.settings.measure import Intervals
from facegap.settings.models import Groups, Model, ModelTask, ThresholdFrom
from facegap.statistics.interval import Interval, row
from facegap.statistics.multiplicity import holm
from facegap.statistics.performance import clustered, gap, interval_of
from facegap.tables.align import ALIGNED
from facegap.tables.base import read_table, write_table
from facegap.tables.measure import BY_FACE, ESTIMATES
from facegap.tables.measure import estimates as table_of

log = logging.getLogger(__name__)
Row = dict[str, Any]


def measure_model(
    *,
    outputs: Path,
    faces: Path,
    aligned: Path,
    measures: Path,
    labels: Path,
    estimates: Path,
    by_face: Path,
    study: str,
    model: Model,
    audited: str,
    sides: dict[str, str],
    groups: Groups,
    intervals: Intervals,
    seed: int,
) -> None:
    """Write the estimates (ESTIMATES) of the model `audited`, and what it gave `by_face` (BY_FACE).

    `outputs` is the user's file, of a classifier, regressor or detector. Expected are the test
    faces, of a detector all and else those that are `aligned` (ALIGNED); what is missing of them is
    counted, and bounds say what it could hide. Raises `DataError` naming each line that cannot be
    used.
    """
    dataset = str(model.dataset)
    on = audited_faces(
        dataset, faces, measures, labels, sides=sides, settings=groups, intervals=intervals
    )
    expected = on.faces["face_id"]
    if model.kind != "detector":
        expected = expected[expected.isin(read_table(aligned, ALIGNED)["face_id"])]
    truths = _truths(on, model)
    rows: list[Row] = []
    parts = []
    for task in tasks_of(on, model, outputs, seed, faces):
        judged = task.judge(task.given)
        about: Row = {"task": judged.task}
        for each in task_rows(on, judged, groups, intervals.confidence, seed, audited):
            rows.append({**about, **each, **truths(each)})
        lost = missing(task.faces, expected.tolist())
        counted: Row = {"quantity": "missing outputs", "estimate": float(len(lost))}
        rows.append({**about, **counted, "faces": len(expected)})
        if lost and task.extreme is not None:
            rows += ({**about, **each} for each in bounds_of(on, task, judged, lost, groups))
        parts += [_by_face(on, judged, metric) for metric in judged.values]
    about = {"model": audited, "tested_on": dataset}
    write_table(table_of([{**about, **each} for each in rows], study), estimates, ESTIMATES)
    every = pd.concat(parts, ignore_index=True).assign(model=audited)
    write_table(every[list(BY_FACE.columns)], by_face, BY_FACE)
    log.info("%s: %d tasks, %d rows", audited, len(parts), len(rows))


@dataclass(frozen=True)
class Task:
    """What a model gave out for one task.

    `given` has a row a face (n), missing where it gave nothing; `faces` are the ids of those for
    which it gave something. `judge` holds such rows against the truth; `extreme` gives those of a
    model that is always right (True) or wrong, where there is such a thing.
    """

    given: pd.DataFrame
    faces: list[str]
    judge: Callable[[pd.DataFrame], Judged]
    extreme: Callable[[bool], pd.DataFrame] | None = None


def tasks_of(
    audited: Audited, model: Model, outputs: Path, seed: int, place: Path
) -> Iterator[Task]:
    """The tasks that the user's file `outputs` answers.

    `place` is the table of the faces, for messages. Raises `DataError` for each line that cannot be
    used, and where a task's truth is not what its settings say.
    """
    ids = audited.faces["face_id"]
    names = face_by_name(audited.dataset, ids, seed)
    if model.kind == "detector":
        found = read_detections(outputs, names)
        given = found.set_index("face_id").reindex(ids)
        judge = partial(detected, faces=audited.faces, person=audited.person)
        yield Task(given, found["face_id"].tolist(), judge, partial(_detections, len(ids)))
        return
    table = read_predictions(outputs, names, dict.fromkeys(model.tasks, model.kind))
    for name, settings in model.tasks.items():
        own = table[table["task"] == name]
        given = own.set_index("face_id").reindex(ids)
        truth = truth_of(audited, name, settings, model.kind, given, place)
        yield task_of(audited, name, settings, model.kind, given, own["face_id"].tolist(), truth)


def task_rows(
    audited: Audited, judged: Judged, groups: Groups, confidence: float, seed: int, name: str
) -> Iterator[Row]:
    """The rows of all metrics of a task, by group."""
    rng = generator(seed, "ranges_of_groups", model=name, task=judged.task)
    parts = (judged.metrics(), judged.person, audited.groupings, groups, confidence, rng)
    for each in group_rows(*parts):
        yield {**each, "threshold": judged.threshold}


def task_of(
    audited: Audited,
    name: str,
    settings: ModelTask,
    kind: str,
    given: pd.DataFrame,
    faces: list[str],
    truth: "pd.Series[Any]",
) -> Task:
    """A task of a classifier or regressor, beside the right answers."""
    if kind == "regressor":
        return Task(given, faces, lambda rows: regressed(name, rows, truth, audited.person))
    threshold = settings.threshold
    if settings.threshold_from is not None:
        threshold = _carried(audited, truth, settings, given, settings.threshold_from, name)
    parts = (truth, audited.person, settings.positive, threshold)
    scored = bool(given["score"].notna().any())
    extreme = partial(_answers, truth, settings.positive, scored)
    return Task(given, faces, lambda rows: classified(name, rows, *parts), extreme)


def _answers(
    truth: "pd.Series[Any]", positive: list[Any] | None, scored: bool, right: bool
) -> pd.DataFrame:
    """What a classifier would give that is always `right`, or always wrong."""
    truly = is_positive(truth, positive)
    if scored:
        return pd.DataFrame({"score": (truly == right).astype(float), "label": None})
    words = as_words(truth)
    wrong = np.where(truly, " ", words[truly].iloc[0] if truly.any() else " ")
    return pd.DataFrame({"score": np.nan, "label": words.to_numpy(object) if right else wrong})


def _detections(count: int, right: bool) -> pd.DataFrame:
    """What a detector would give that finds all of `count` faces, or none."""
    rows = pd.DataFrame({"found": [right] * count, "points": [None] * count})
    return rows.assign(**dict.fromkeys(("x", "y", "width", "height"), np.nan))


def _carried(
    audited: Audited,
    truth: "pd.Series[Any]",
    settings: ModelTask,
    given: pd.DataFrame,
    source: ThresholdFrom,
    task: str,
) -> float:
    """The threshold that is set on one group."""
    own: Chosen = np.ones(len(truth), dtype=bool)
    if source.group != "all":
        found = [each for each in audited.groupings if source.group in set(each.names.dropna())]
        if not found:
            known = [name for each in audited.groupings for name in each.names.dropna().unique()]
            raise DataError(
                f"task {task}: there is no group {source.group} to set a threshold on; there are"
                f" {listed(sorted(known))}"
            )
        own = found[0].chosen(source.group)
    judged = classified(task, given, truth, audited.person, settings.positive, 0.5)
    if judged.answers is None:
        raise DataError(f"task {task}: a threshold is set on scores, and the file has labels alone")
    own = own & truth.notna().to_numpy(bool)
    scores = given["score"].to_numpy(float)
    threshold = threshold_on(scores, judged.answers.inside, own, source.false_positive_rate)
    if threshold is None:
        raise DataError(f"task {task}: no negative face of {source.group} to set a threshold on")
    return threshold


def bounds_of(
    audited: Audited, task: Task, judged: Judged, lost: list[str], groups: Groups
) -> Iterator[Row]:
    """What each metric could be with the faces that are missing, of all and of each group."""
    assert task.extreme is not None
    unknown = audited.faces["face_id"].isin(lost).to_numpy(bool)
    everybody = np.ones(len(unknown), dtype=bool)
    ends = []
    for right in (False, True):
        filled = task.given.reset_index(drop=True).astype(object)
        other = task.extreme(right)
        filled.loc[unknown, other.columns] = other.loc[unknown].astype(object)
        ends.append(task.judge(filled.astype(task.given.dtypes.to_dict())).metrics())
    for name, metric in judged.metrics().items():
        if name not in BOUNDED:
            continue
        chosen = [("all", everybody)]
        for grouping in audited.groupings:
            shown = shown_groups(grouping, metric, groups.least_persons)
            chosen += [(group, own) for group, own, _ in shown if (own & unknown).any()]
        for group, own in chosen:
            of = [
                found for each in (metric, *(end[name] for end in ends)) if (found := each.of(own))
            ]
            if len(of) == 3:
                value, *reach = (each.estimate for each in of)
                about: Row = {"quantity": "performance with missing outputs", "metric": name}
                known = Interval(value, min(reach), max(reach))
                yield {**about, "group": group, **row(known), "faces": int(own.sum())}


def _by_face(audited: Audited, judged: Judged, metric: str) -> pd.DataFrame:
    table = pd.DataFrame({"face_id": audited.faces["face_id"], "value": judged.values[metric]})
    about = {"dataset": audited.dataset, "task": judged.task, "metric": metric}
    return table.dropna().assign(**about)


def _truths(audited: Audited, model: Model) -> Any:
    """Of a simulated model, a function from a row to its columns of truth: of accuracy."""
    if model.simulated is None:
        return lambda each: {}
    wrong = errors_of(audited, model.simulated.error)
    chosen = {name: g.chosen(name) for g in audited.groupings for name in g.names.dropna().unique()}
    factors = {name: g for g in audited.groupings for name in g.names.dropna().unique()}

    def truth(each: Row) -> Row:
        name = each.get("group", "all")
        if each["metric"] != "accuracy" or (name != "all" and name not in chosen):
            return {}
        own = chosen.get(name, np.ones(len(wrong), dtype=bool))
        if each["quantity"] == "model performance":
            return {"truth": float(1 - wrong[own].mean())}
        if each["quantity"] == "group against the others":
            others = factors[name].names.notna().to_numpy(bool) & ~own
            return {"truth": float(wrong[others].mean() - wrong[own].mean())}
        return {}

    return truth


def errors_of(audited: Audited, error: float | Mapping[str, float]) -> np.ndarray:
    """How often a simulated model is wrong on each face (n,): by the first group that has it."""
    given = {"all": error} if isinstance(error, float | int) else dict(error)
    found = np.full(len(audited.faces), float(given.pop("all", 0.0)))
    for name, share in given.items():
        own = [each.chosen(name) for each in audited.groupings if name in set(each.names.dropna())]
        if not own:
            raise DataError(f"simulated.error: there is no group {name} among the groups measured")
        found[own[0]] = share
    return found


def contrast_models(
    *,
    by_face: list[Path],
    faces: list[Path],
    measures: list[Path],
    labels: list[Path],
    estimates: Path,
    study: str,
    datasets: list[str],
    sides: dict[str, str],
    groups: Groups,
    intervals: Intervals,
) -> None:
    """Write the paired contrasts (ESTIMATES) of each two models of `by_face` (BY_FACE).

    On the faces for which both gave something: "model contrast" of all faces and of each group, and
    "disparity contrast": how much more one model differs between a group and the others. `faces`,
    `measures` and `labels` are in the order of `datasets`.
    """
    places = zip(datasets, faces, measures, labels, strict=True)
    read = partial(audited_faces, sides=sides, settings=groups, intervals=intervals)
    audited = {name: read(name, *paths) for name, *paths in places}
    table = pd.concat([read_table(path, BY_FACE) for path in by_face], ignore_index=True)
    rows: list[Row] = []
    for (dataset, task, metric), own in table.groupby(["dataset", "task", "metric"], sort=True):
        on = audited[str(dataset)]
        values = {
            str(name): part.set_index("face_id")["value"].reindex(on.faces["face_id"]).to_numpy()
            for name, part in own.groupby("model", sort=True)
        }
        for one, other in combinations(values, 2):
            about: Row = {"task": task, "metric": metric, "tested_on": dataset}
            about |= {"model": f"{one} − {other}"}
            pair = values[one], values[other]
            found = _contrasts(on, str(metric), pair, groups, intervals.confidence)
            rows += ({**about, **each} for each in found)
    tests = [each for each in rows if each["quantity"] == "disparity contrast"]
    for each, p in zip(tests, holm([each["p"] for each in tests]), strict=True):
        each |= {"family": "disparity contrasts", "adjusted_p": float(p)}
    write_table(table_of(rows, study), estimates, ESTIMATES)


def _contrasts(
    on: Audited,
    name: str,
    values: tuple[np.ndarray, np.ndarray],
    groups: Groups,
    confidence: float,
) -> Iterator[Row]:
    metric = paired_metric(name, *values, on.person)
    everybody = np.ones(len(on.person), dtype=bool)
    chosen = {"all": everybody}
    for each in on.groupings:
        shown = list(shown_groups(each, metric, groups.least_persons))
        chosen |= {group: own for group, own, _ in shown}
        for group, own, one in shown if len(shown) > 2 else shown[:1]:
            other = metric.of(each.names.notna().to_numpy(bool) & ~own)
            if other is not None:
                found = interval_of(clustered(gap(one, other)), confidence)
                columns = difference(found, confidence, 2 * metric.low, 2 * metric.high)
                yield {"quantity": "disparity contrast", "group": group, **columns}
    for group, own in chosen.items():
        measured = metric.of(own)
        if measured is not None:
            found = interval_of(clustered(measured), confidence)
            columns = difference(found, confidence, metric.low, metric.high)
            yield {"quantity": "model contrast", "group": group, **columns}
