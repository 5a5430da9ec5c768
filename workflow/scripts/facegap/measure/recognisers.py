"""The user's recognisers: false matches and non-matches of their embeddings, by group."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facegap.exported import face_by_name
from facegap.groups import age_band, group_name
from facegap.measure.audited import audited_faces
from facegap.measure.by_group import Grouping
from facegap.measure.verification import ALL, FMR, VerificationPlan, Verified, verify
from facegap.measure.verification_pairs import PER_PERSON
from facegap.model_embeddings import read_embeddings
from facegap.model_outputs import missing
from facegap.seeds import generator
from facegap.settings.measure import Intervals
from facegap.settings.models import Groups, Model, Verification
from facegap.statistics.interval import Interval, row
from facegap.statistics.multiplicity import holm
from facegap.tables.align import ALIGNED
from facegap.tables.base import read_table, write_table
from facegap.tables.measure import ESTIMATES
from facegap.tables.measure import estimates as table_of

Row = dict[str, Any]
TASK = "verification"
METRICS = {"FMR": "false match rate", "FNMR": "false non-match rate"}
AGAINST = "group against the others"
CURVE = 40  # points of a DET curve that are written


def measure_recogniser(
    *,
    outputs: Path,
    faces: Path,
    aligned: Path,
    measures: Path,
    labels: Path,
    estimates: Path,
    study: str,
    model: Model,
    audited: str,
    sides: dict[str, str],
    groups: Groups,
    verification: Verification,
    intervals: Intervals,
    seed: int,
) -> None:
    """Write the estimates (ESTIMATES) of the recogniser `audited`, whose embeddings are `outputs`.

    Each factor has its own pairs, of two persons alike in gender and age band, and its threshold:
    set on its group `verification.set_on`, or else on all. Expected are the test faces that are
    `aligned` (ALIGNED); those without an embedding are counted, and the false non-match rate is
    bounded as if their pairs had matched, or had not.
    """
    dataset = str(model.dataset)
    on = audited_faces(
        dataset, faces, measures, labels, sides=sides, settings=groups, intervals=intervals
    )
    ids = on.faces["face_id"]
    given, vectors = read_embeddings(outputs, face_by_name(dataset, ids, seed))
    place = pd.Series(np.arange(len(given), dtype=float), index=given).reindex(ids).to_numpy()
    plan = VerificationPlan(
        verification.pairs,
        verification.false_match_rate,
        verification.set_on,
        confidence=intervals.confidence,
    )
    embedded = Embedded(vectors, place, on.person, _alike(on.faces, intervals))
    rng = generator(seed, "verification", model=audited)
    rows: list[Row] = []
    found = ids.isin(read_table(aligned, ALIGNED)["face_id"])
    for grouping in (Grouping(ALL, pd.Series([ALL] * len(ids))), *on.groupings):
        of_factor = list(_of_factor(embedded, grouping, plan, groups.least_persons, rng))
        rows += (*of_factor, *_bounds(embedded, grouping, found.to_numpy(bool), of_factor))
    expected = ids[found]
    lost = len(missing(given, expected.tolist()))
    rows.append({"quantity": "missing outputs", "estimate": float(lost), "faces": len(expected)})
    about: Row = {"model": audited, "tested_on": dataset, "task": TASK}
    write_table(
        table_of([{**about, **each} for each in _adjusted(rows)], study), estimates, ESTIMATES
    )


def of_pairs(metric: str) -> Row:
    """What the rows of a rate have in common."""
    return {"quantity": "model performance", "metric": METRICS[metric]}


@dataclass(frozen=True)
class Embedded:
    """Test faces (n): of each the row of `vectors` (m, d) that is its, NaN where it has none."""

    vectors: NDArray[np.float32]
    place: NDArray[np.float64]
    person: NDArray[np.int64]
    alike: NDArray[np.int64]  # codes of gender and age band, -1: unknown


def _of_factor(
    faces: Embedded,
    grouping: Grouping,
    plan: VerificationPlan,
    least: int,
    rng: np.random.Generator,
) -> Iterator[Row]:
    """The rows of one factor; groups with embeddings of fewer than `least` persons are counted."""
    has = np.isfinite(faces.place)
    names = grouping.names.to_numpy()
    persons = pd.Series(faces.person[has]).groupby(names[has]).nunique()
    shown = [name for name in grouping.groups() if persons.get(name, 0) >= least]
    codes = pd.Series(range(len(shown)), index=shown).reindex(names).to_numpy(float)
    chosen = has & np.isfinite(codes)
    if chosen.any():
        person, code = faces.person[chosen], codes[chosen].astype(np.int64)
        own = faces.vectors[faces.place[chosen].astype(int)]
        set_on = plan.set_on if plan.set_on in shown else ALL
        parts = (person, code, faces.alike[chosen], shown, replace(plan, set_on=set_on))
        pictures = pd.Series(person).groupby(code).value_counts()
        several = (pictures > 1).groupby(level=0).sum()
        few = {shown[k] for k in several.index[several < least].astype(int)}
        whole = grouping.factor == ALL
        yield from _rows(grouping, verify(own, *parts, rng), set() if whole else few)
    for group in grouping.groups():
        if group not in shown:
            faces_of = has & grouping.chosen(group)
            counts = len(np.unique(faces.person[faces_of]))
            for metric in METRICS:
                about = {**of_pairs(metric), "group": group, "faces": int(faces_of.sum())}
                yield {**about, "persons": counts}


def _bounds(
    faces: Embedded, grouping: Grouping, expected: NDArray[np.bool_], rows: Sequence[Row]
) -> Iterator[Row]:
    """Each false non-match rate of `rows` with the pairs that lack a vector: all matched, or none.

    A person counts with as many pairs as are compared.
    """
    for each in rows:
        value = each.get("estimate")
        if each.get("metric") != METRICS["FNMR"] or each["quantity"] != "model performance":
            continue
        own = expected & grouping.chosen(each["group"])
        pairs = _genuine(faces.person[own & np.isfinite(faces.place)])
        total = _genuine(faces.person[own])
        if value is not None and np.isfinite(value) and total > pairs:
            ends = Interval(value, value * pairs / total, (value * pairs + total - pairs) / total)
            about = {"quantity": "performance with missing outputs", "metric": each["metric"]}
            yield {**about, "group": each["group"], **row(ends), "faces": int(own.sum())}


def _genuine(person: NDArray[np.int64]) -> int:
    """How many pairs of one person there are."""
    pictures = np.unique(person, return_counts=True)[1]
    return int(np.minimum(pictures * (pictures - 1) // 2, PER_PERSON).sum())


def _alike(faces: pd.DataFrame, intervals: Intervals) -> NDArray[np.int64]:
    """Codes of gender and age band (n,), as far as a data set has them; -1 where one is unknown."""
    columns = {"gender": faces["gender"], "age": age_band(faces["age"], intervals.age_bands)}
    known = pd.DataFrame({name: each for name, each in columns.items() if each.notna().any()})
    if known.empty:
        return np.zeros(len(faces), dtype=np.int64)
    codes, _ = pd.factorize(known.agg(tuple, axis=1))
    return np.where(known.notna().all(axis=1), codes, -1).astype(np.int64)


def _rows(grouping: Grouping, found: Verified, few: Collection[str]) -> Iterator[Row]:
    """The rows of one factor; of all faces together the rates alone.

    Groups in which too `few` persons have several pictures get no false non-match rate.
    """
    factor = grouping.factor
    plain = factor.replace(" × ", " and ")  # a factor of its own, as names of groups have it
    by = ALL if factor == ALL else group_name({"by": factor})
    about: Row = {"threshold": found.threshold, "group": by}
    yield {
        **{"quantity": "verification threshold", **about},
        **{"estimate": found.threshold, "share": found.rate},
    }
    tested = found.groups if len(found.groups) > 2 else found.groups[:-1]  # of two the first
    for each in found.groups:
        counts: Row = {"group": each.name, "faces": each.faces, "persons": each.persons}
        for metric, rate, others, pairs in (
            ("FMR", each.fmr, each.fmr_to_others, each.impostors),
            ("FNMR", each.fnmr, each.fnmr_to_others, each.genuine),
        ):
            named: Row = {"metric": METRICS[metric], **counts}
            hidden = metric == "FNMR" and each.name in few
            value = {} if hidden else {**row(rate), "threshold": found.threshold}
            yield {"quantity": "model performance", **named, **value, "answers": pairs}
            if each in tested and not hidden:
                ratio = Interval(*np.exp(others.interval).tolist())
                p = None if np.isnan(others.p) else others.p
                yield {"quantity": AGAINST, **named, **row(ratio), "p": p}
    for across in found.across:
        if factor != ALL:
            words = " and ".join(each.removeprefix(f"{factor}: ") for each in across.groups)
            group = group_name({f"across {plain}": words or "all pairs of groups"})
            yield {
                **of_pairs("FMR"),
                "group": group,
                **row(across.fmr),
                "answers": across.impostors,
            }
    for ratios in found.ratios if factor != ALL else ():
        metric = METRICS["FMR" if ratios.metric == FMR else "FNMR"]
        if few and ratios.metric != FMR:
            continue
        for words, ratio in (("smallest", ratios.to_smallest), ("mean", ratios.to_mean)):
            group = group_name({plain: f"largest to {words}"})
            yield {"quantity": "ratio of groups", "metric": metric, "group": group, **row(ratio)}
    for curve in (each for each in found.curves if each.name not in few):
        points = np.unique(np.linspace(0, len(curve.fmr) - 1, CURVE).astype(int))
        for k in points if len(curve.fmr) else ():
            yield {
                **{"quantity": "detection error trade-off", "group": curve.name},
                **{"share": float(curve.fmr[k]), "estimate": float(curve.fnmr[k])},
                "threshold": float(curve.threshold[k]),
            }


def _adjusted(rows: list[Row]) -> Iterator[Row]:
    """The rows, with p of the groups of all factors adjusted together, by metric (Holm)."""
    adjusted = {}
    for metric in METRICS.values():
        own = [k for k, each in enumerate(rows) if _is_test(each, metric)]
        values = [float("nan") if rows[k]["p"] is None else rows[k]["p"] for k in own]
        for k, p in zip(own, holm(values), strict=True):
            family = f"groups against the others, {metric}"
            adjusted[k] = {"family": family, "adjusted_p": None if np.isnan(p) else float(p)}
    yield from ({**each, **adjusted.get(k, {})} for k, each in enumerate(rows))


def _is_test(each: Row, metric: str) -> bool:
    return bool(each["quantity"] == AGAINST and each["metric"] == metric)
