"""How far annotators agree, with intervals that know that one person has several pictures."""

from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facegap.annotate.merge import differ, is_simulated, one_errs, places_of, read_all
from facegap.answers import CHOICES, agreed_side, beside_each_other, sample_of
from facegap.files import write_json
from facegap.groups import group_name
from facegap.seeds import generator
from facegap.settings.annotate import Annotate
from facegap.settings.measure import Intervals
from facegap.statistics.agreement import alpha, coincidences, kappa, resampled
from facegap.statistics.annotators import FEWEST, errors
from facegap.statistics.bootstrap import cluster_counts
from facegap.statistics.interval import Interval, row
from facegap.statistics.proportions import cluster_wilson, correlated_wilson
from facegap.tables.acquire import FACES
from facegap.tables.annotate import LABELS
from facegap.tables.base import SIDES, read_table, write_table
from facegap.tables.measure import ESTIMATES
from facegap.tables.measure import estimates as table_of

Row = dict[str, Any]
ENOUGH = 100  # faces with three answers: of fewer the errors cannot be told apart


def measure_agreement(
    *,
    faces: Path,
    answers: list[Path],
    labels: Path,
    agreement: Path,
    estimates: Path,
    settings: Annotate,
    intervals: Intervals,
    study: str,
    seed: int,
) -> None:
    """Write how far the annotators agree: counts as JSON, `estimates` (ESTIMATES).

    `faces` (FACES), `answers` and `labels` (LABELS) are those of `merge_annotators`. Apart from
    the labels, since nothing is trained on it.
    """
    table = read_table(faces, FACES)
    sample = sample_of(table)
    places = places_of(answers, settings)
    each = read_all(places, settings, table)
    together = beside_each_other(each, places, settings.answers_per_face)
    again = {name: steady(table) for name, table in each.items()}
    about = about_faces(sample, each)
    rng = generator(seed, "agreement")
    rows = [
        *agreement_rows(together, about, again, rng, intervals.confidence),
        *annotator_errors(together, about["person"], settings, intervals.confidence),
    ]
    write_table(table_of(rows, study), estimates, ESTIMATES)
    counts = read_table(labels, LABELS)["provenance"].value_counts()
    facts = {
        "faces": len(together),
        "persons": int(about["person"].nunique()),
        "unanswered": len(sample) - len(together),
        "simulated": is_simulated(settings),
        **{name: int(counts.get(name, 0)) for name in ("agreed", "adjudicated", "contentious")},
        "annotators": {
            name: {"unsure": int((together[name] == "unsure").sum()), "repeated": len(again[name])}
            for name in places
        },
        "pairs": confusions(together),
    }
    write_json(facts, agreement)


def about_faces(sample: pd.DataFrame, answers: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """What agreement is broken down by, for each answered face: person, gender, tentative."""
    rows = pd.concat(answers.values())
    tentative = rows[rows["showing"] == 0].groupby("face_id")["tentative"].any()
    of_face = sample.set_index("face_id").reindex(tentative.index)
    person = of_face["subject_id"].fillna(tentative.index.to_series())
    return pd.DataFrame({"person": person, "gender": of_face["gender"], "tentative": tentative})


def steady(answers: pd.DataFrame) -> "pd.Series[bool]":
    """Whether one annotator answered (ANSWERS) alike on each face shown twice, by face id."""
    twice = answers.pivot(index="face_id", columns="showing", values="side")
    if 1 not in twice:
        return pd.Series(dtype=bool)
    twice = twice.dropna()
    return twice[0] == twice[1]


def agreement_rows(
    answers: pd.DataFrame,
    about: pd.DataFrame,
    again: Mapping[str, "pd.Series[bool]"],
    rng: np.random.Generator,
    confidence: float,
) -> Iterator[Row]:
    """Rows of ESTIMATES on the annotators' agreement.

    `answers` (faces, annotators) holds inside, outside or unsure; `about` is of `about_faces`;
    `again` has for each annotator `steady`. Raw agreement counts a face on which all name one side
    (unsure never agrees). Cohen's kappa (1960) and Krippendorff's alpha (nominal, 2011) take the
    three answers as they are. They are missing where all answers are one and the same, which leaves
    no chance agreement to correct for; their intervals as `resampled` says.
    """
    persons, same = about["person"], agreed_side(answers).notna()
    samples = cluster_counts(np.unique(persons.to_numpy(str)), rng)
    yield {"quantity": "raw agreement"} | _share(same, persons, confidence)
    certainty = about["tentative"].map({True: "tentative", False: "certain"})
    for factor, group in (
        ("gender", about["gender"].fillna("not known")),
        ("certainty", certainty),
    ):
        for value, here in group.groupby(group):
            part = _share(same[here.index], persons[here.index], confidence)
            name = group_name({factor: str(value)})
            yield {"quantity": "raw agreement", "group": name} | part
    faces = {"faces": len(answers), "persons": int(persons.nunique())}
    given = np.stack([(answers == word).sum(axis=1).to_numpy() for word in CHOICES], axis=1)
    of_all = resampled(alpha, _by_person(coincidences(given), persons), samples, confidence)
    yield {"quantity": "Krippendorff's alpha"} | row(of_all) | faces
    yield {"quantity": "answer error"} | row(answer_error(answers, persons, confidence)) | faces
    for pair in combinations(answers.columns, 2):
        two, model = answers[list(pair)], {"model": ", ".join(pair)}
        seen = two.notna().all(axis=1)
        both = agreed_side(two[seen]).notna()
        yield {"quantity": "raw agreement"} | model | _share(both, persons[seen], confidence)
        faces = {"faces": int(seen.sum()), "persons": int(persons[seen].nunique())}
        of_pair = resampled(kappa, _by_person(_confusion(two), persons), samples, confidence)
        yield {"quantity": "Cohen's kappa"} | model | row(of_pair) | faces
    for name in answers.columns:
        theirs = answers[name].dropna()
        inside = _share(theirs == "inside", persons[theirs.index], confidence)
        yield {"quantity": "inside share", "model": name, "answers": len(theirs)} | inside
        twice = again[name]
        part = _share(twice, persons[twice.index], confidence)
        yield {"quantity": "consistency", "model": name, "answers": len(twice)} | part


def annotator_errors(
    answers: pd.DataFrame,
    persons: "pd.Series[str]",
    settings: Annotate,
    confidence: float,
) -> Iterator[Row]:
    """Rows of how often each annotator is wrong, by side, of three or more (Dawid and Skene 1979).

    `answers` (faces, annotators); unsure is no answer here. No rows where a side has no answers, or
    too few faces have three to tell errors apart.
    """
    words = {None: -1, "inside": 0, "outside": 1}
    given = answers.apply(lambda column: column.map(words).fillna(-1).astype(int)).to_numpy()
    if given.shape[1] < FEWEST or ((given >= 0).sum(axis=1) >= FEWEST).sum() < ENOUGH:
        return
    found = errors(given, persons.to_numpy(str), confidence)
    for name, by_side, column in zip(answers.columns, found, given.T, strict=True):
        for side, interval in zip(SIDES, by_side, strict=True):
            yield {
                "quantity": "annotator error",
                "model": name,
                "group": group_name({"side": side}),
                **row(interval),
                "faces": int((column >= 0).sum()),
                "persons": int(persons[column >= 0].nunique()),
                "truth": settings.annotators[name].error,
            }


def answer_error(answers: pd.DataFrame, persons: "pd.Series[str]", confidence: float) -> Interval:
    """The probability that one answer of one annotator is wrong, from how often two differ.

    All pairs of annotators count, on faces where both name a side; see `merge.one_errs`.
    """
    differs = differ(answers)
    share = correlated_wilson(differs, persons[differs.index], confidence)
    return Interval(*one_errs(share).tolist())


def confusions(answers: pd.DataFrame) -> list[dict[str, Any]]:
    """Of each pair of annotators how often the first gave the answer of the row, the second that
    of the column.
    """
    return [
        {
            "annotators": list(pair),
            "answers": list(CHOICES),
            "confusion": _confusion(answers[list(pair)]).sum(0).astype(int).tolist(),
        }
        for pair in combinations(answers.columns, 2)
    ]


def _share(hits: "pd.Series[bool]", persons: "pd.Series[str]", confidence: float) -> Row:
    counts = {"faces": len(hits), "persons": int(persons.nunique())}
    return row(cluster_wilson(hits, persons, confidence)) | counts


def _confusion(two: pd.DataFrame) -> NDArray[np.float64]:
    """The confusion table (n, k, k) of each face, of the answers of two annotators."""
    first, second = (pd.Categorical(two[name], CHOICES).codes.astype(int) for name in two)
    table = np.zeros((len(two), len(CHOICES), len(CHOICES)))
    both = np.flatnonzero((first >= 0) & (second >= 0))
    table[both, first[both], second[both]] = 1
    return table


def _by_person(tables: NDArray[np.float64], persons: "pd.Series[str]") -> NDArray[np.float64]:
    """Sums of the faces' tables (n, k, k) over each person, persons in sorted order."""
    who = np.unique(persons.to_numpy(str), return_inverse=True)[1]
    flat = tables.reshape(len(tables), -1)
    sums = np.stack([np.bincount(who, column).astype(np.float64) for column in flat.T], axis=1)
    return sums.reshape(-1, *tables.shape[1:])
