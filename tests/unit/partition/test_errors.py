"""The estimated label error against the true one, over studies whose truth is known."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from facegap.acquire.splits import split_faces
from facegap.annotate.agreement import answer_error
from facegap.annotate.merge import merge
from facegap.answers import beside_each_other, simulated_answers
from facegap.partition.errors import label_error, true_error
from facegap.partition.merge import decide, evidence_of, merged_answers, unanimous
from facegap.partition.pseudo_labels import accept, pseudo_labelled
from facegap.parts import halves
from facegap.settings.acquire import Split
from facegap.settings.annotate import Tentative
from facegap.statistics.interval import Interval

ERRORS = {"ada": 0.03, "ben": 0.05}
SEEDS = range(100)


def drawn_study(
    seed: int,
    *,
    persons: int = 1500,
    split: Split = Split(train=0.15, test=0.2),  # noqa: B008 - frozen
    errors: Any = None,
    sharpness: float = 3.0,
    precision: float = 0.93,
    by_person: bool = True,
    verifiers: Any = None,
    placed: str | None = None,
) -> tuple[dict[str, Any], tuple[float, int]]:
    """The estimated and the true label error of one study on persons without pictures.

    With `placed`, of the faces that were placed on that side.

    Everything is the product's own but the classifier, whose logits are `sharpness` times the
    truth, with noise of the person and of the picture.
    """
    rng = np.random.default_rng(seed)
    errors = errors or ERRORS
    sizes = 1 + rng.poisson(3, persons)
    person = np.repeat(np.arange(persons), sizes)
    side = np.where(rng.random(persons) < 0.7, "inside", "outside")
    faces = pd.DataFrame(
        {
            "face_id": [f"{k:06}" for k in range(len(person))],
            "subject_id": pd.Series(person).map("p{}".format),
        }
    )
    faces["split"] = split_faces(faces["subject_id"], split, rng)
    truth = pd.Series(side[person], faces["face_id"], dtype="str")
    sample = truth[faces["split"].isin(["train", "test"]).to_numpy()]
    tentative = Tentative()
    answers = {
        name: simulated_answers(sample, error=e, tentative=tentative, repeated=0.05, rng=rng)
        for name, e in errors.items()
    }
    together = beside_each_other(answers, {name: name for name in answers})
    labels = merge(together, pd.Series(dtype=str))
    labels = labels.assign(annotators="+".join(answers), simulated=True)
    who = faces.set_index("face_id")["subject_id"].reindex(together.index)
    error = answer_error(together, who, 0.95)
    sign = np.where(side == "inside", 1, -1)
    logits = sharpness * sign[person] + 2 * rng.normal(size=persons)[person]
    logits = logits + rng.normal(size=len(person))
    raw = pd.DataFrame({"face_id": faces["face_id"], "probability": expit(logits)})
    faces["split"] = halves(faces, "target", seed)
    known = pseudo_labelled(faces, labels, raw, by_person=by_person)
    calibrated, queue, _ = accept(known, precision=precision, confidence=0.9)
    checks = [
        simulated_answers(
            truth[queue["face_id"].sort_values()], error=e, tentative=tentative, repeated=0, rng=rng
        )
        for e in ({} if verifiers is None else verifiers).values()
    ]
    evidence = evidence_of(
        faces, labels, calibrated, merged_answers(checks), faces["face_id"], by_person=by_person
    )
    sides = decide(evidence, contentious="outside", error=error.estimate)
    own = sides if placed is None else sides[sides["side"] == placed]
    return label_error(evidence, sides, error, 0.95, placed), true_error(own, truth)


def coverage(**settings: Any) -> tuple[float, pd.DataFrame]:
    """The share of the studies whose interval holds the truth, and a row a study."""
    rows = []
    for seed in SEEDS:
        parts, (share, faces) = drawn_study(seed, **settings)
        rows.append({**parts["all"], "true": share, "faces": faces})
    table = pd.DataFrame(rows)
    assert (table["answers"] == table["faces"]).all()
    inside = (table["low"] <= table["true"]) & (table["true"] <= table["high"])
    return float(inside.mean()), table


@pytest.mark.long
def test_the_interval_covers_the_true_error() -> None:
    covered, table = coverage(persons=700, split=Split(train=0.4, test=0.3))
    assert 0.9 <= covered <= 0.98
    assert (table["true"] > table["high"]).mean() <= 0.05, "the error is seldom larger than said"
    assert abs((table["estimate"] - table["true"]).mean()) < 0.004


@pytest.mark.long
def test_of_the_few_placed_outside_more_are_wrong_and_that_is_estimated() -> None:
    """An error of all together would say too little of the measured faces outside."""
    true = []
    for placed in ("inside", "outside"):
        covered, table = coverage(placed=placed, persons=700, split=Split(train=0.4, test=0.3))
        assert 0.85 <= covered <= 0.98
        assert abs((table["estimate"] - table["true"]).mean()) < 0.01
        true.append(table["true"].mean())
    assert true[1] > 1.3 * true[0]


def test_people_who_err_more_are_seen_to_and_taken_into_account() -> None:
    for seed in range(3):
        parts, _ = drawn_study(seed, errors={"ada": 0.1, "ben": 0.1})
        careful, _ = drawn_study(seed)
        assert parts["people"]["estimate"] > careful["people"]["estimate"]
        assert parts["people"]["low"] < unanimous(0.1, 2) < parts["people"]["high"]


@pytest.mark.parametrize(("error", "people", "wrong"), [(0.1, 1, 0.1), (0.1, 2, 1 / 82)])
def test_the_error_of_several_who_answer_the_same(error: float, people: int, wrong: float) -> None:
    assert unanimous(Interval(error, 0.0, 0.5), people) == pytest.approx([wrong, 0.0, 0.5])


def test_verified_persons_are_as_sure_as_their_verifiers_and_the_truth_is_counted() -> None:
    held = 0
    for seed in range(20):
        parts, (share, faces) = drawn_study(seed, verifiers={"cyd": 0.04})
        assert parts["verified"]["answers"] > 0
        assert parts["verified"]["estimate"] == pytest.approx(0.04, abs=0.02)
        assert parts["all"]["answers"] == faces
        held += parts["all"]["low"] <= share <= parts["all"]["high"]
    assert held >= 17
