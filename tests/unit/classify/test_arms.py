"""Trainings in other ways: on whom, with which labels, and never on a face that is tested."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from facegap.classify.arms import arm_of
from facegap.classify.features import Cached, entries, parted
from facegap.classify.plans import ARMS, FOLD_ARMS
from facegap.errors import TrainingError


def faces(persons: int, pictures: int, seed: int = 0) -> pd.DataFrame:
    """FACES of persons of whom 70% train and 30% test; every third is outside."""
    person = np.repeat(np.arange(persons), pictures)
    ids = [f"f{k}" for k in range(len(person))]
    tests = np.random.default_rng(seed).random(persons) < 0.3
    table = pd.DataFrame({"face_id": ids, "subject_id": [f"p{who}" for who in person]})
    table["split"] = np.where(tests[person], "test", "train")
    return table.assign(side=np.where(person % 3 == 0, "outside", "inside"))


def cached(dataset: str, persons: int, pictures: int = 2, copies: int = 2) -> Cached:
    """Features of the faces in all parts of a data set."""
    table = faces(persons, pictures)
    parts = ["train", "selection", "calibration", "test"]
    if dataset == "source":
        parts = ["train", "validation", "test"]
    found = entries(
        parted(dataset, table, 0.2, 1),
        table.assign(provenance="agreed"),
        table[["face_id"]].assign(row=range(len(table))),
        parts,
        copies,
        contentious="outside",
        place="labels",
    )
    pooled = np.zeros((len(found), 2), np.float32)
    return Cached(found, pooled, pooled)


def trained(entries: pd.DataFrame) -> set[str]:
    return set(entries.loc[entries["split"] == "train", "person"])


def of_tests(entries: pd.DataFrame) -> set[str]:
    parts = ["test", "validation", "selection", "calibration"]
    return set(entries.loc[entries["split"].isin(parts), "person"])


@settings(max_examples=30)
@given(st.integers(20, 60), st.integers(1, 4))
def test_nobody_is_measured_on_whom_a_model_was_trained(persons: int, pictures: int) -> None:
    sets = {name: cached(name, persons, pictures) for name in ("source", "target")}
    source = sets["source"].entries
    assert not trained(source) & of_tests(source)
    target = sets["target"].entries
    halves = [
        set(target.loc[target["split"] == part, "person"]) for part in ("selection", "calibration")
    ]
    assert not halves[0] & halves[1]
    assert halves[0] | halves[1] == trained(target)
    for arm in (*ARMS, *FOLD_ARMS):
        for dataset in ("source", "target") if arm in ARMS else ("target",):
            own = arm_of(sets, dataset, arm, 1)[dataset].entries
            tests = set(own.loc[own["split"] == "test", "person"])
            assert trained(own)
            assert not trained(own) & tests, arm


def test_folds_hold_out_everybody_once_as_their_faces_are() -> None:
    sets = {"target": cached("target", 40)}
    held: list[str] = []
    for arm in FOLD_ARMS:
        own = arm_of(sets, "target", arm, 1)["target"].entries
        test = own[own["split"] == "test"]
        assert (test["copy"] == 0).all()
        assert trained(own) | set(test["person"]) == trained(sets["target"].entries)
        held += test["person"].unique().tolist()
    assert sorted(held) == sorted(trained(sets["target"].entries))


def test_equal_terms_are_as_many_faces_of_either_data_set() -> None:
    sets = {"source": cached("source", 60), "target": cached("target", 25)}
    counts = {}
    for dataset in ("source", "target"):
        own = arm_of(sets, dataset, "equal", 1)[dataset].entries
        train = own[own["split"] == "train"]
        counts[dataset] = train["face_id"].nunique()
        assert (train.groupby("face_id").size() == 2).all(), "each with its copies"
    assert counts["source"] == counts["target"] > 0


def test_exchanged_labels_keep_the_shares_and_say_nothing_of_the_person() -> None:
    sets = {name: cached(name, 60) for name in ("source", "target")}
    before = arm_of(sets, "source", "equal", 1)["source"].entries
    own = arm_of(sets, "source", "exchanged", 1)["source"].entries
    test = own["split"] == "test"
    pd.testing.assert_series_equal(own.loc[test, "inside"], before.loc[test, "inside"])
    train = own[own["split"] == "train"]
    assert (train.groupby("person")["inside"].nunique() == 1).all()
    truth = train["face_id"].map(sets["source"].entries.groupby("face_id")["inside"].first())
    assert 0.2 < (train["inside"] == truth).mean() < 0.8
    assert train["inside"].mean() == pytest.approx(truth.mean(), abs=0.05)


def test_over_trainings_with_exchanged_labels_one_half_is_right() -> None:
    """Each exchange leans to a side, and the trainings' interval knows: none shares another's."""
    sets = {name: cached(name, 60) for name in ("source", "target")}
    rng = np.random.default_rng(1)
    held, leaning = [], []
    for seed in range(80):
        truth = sets["source"].entries["inside"].to_numpy()
        features = 3.0 * truth[:, None] + rng.normal(size=(len(truth), 3))
        right = []
        for repeat in range(5):
            own = arm_of(sets, "source", "exchanged", seed, repeat)["source"].entries
            train, test = (own["split"] == part for part in ("train", "test"))
            centred = features - features[train].mean(0)
            weights = centred[train].T @ (
                own.loc[train, "inside"] - own.loc[train, "inside"].mean()
            )
            right.append(((centred[test] @ weights > 0) == truth[test]).mean())
        mean, error = np.mean(right), np.std(right, ddof=1) / np.sqrt(5)
        held.append(abs(mean - 0.5) <= stats.t.ppf(0.975, 4) * error)
        leaning.append(abs(right[0] - 0.5) > 0.2)
    assert np.mean(held) > 0.9
    assert np.mean(leaning) > 0.4, "so that five of one exchange would be as wrong, and as sure"


def test_halves_are_of_the_persons_inside_alone_in_training_and_test() -> None:
    sets = {name: cached(name, 60) for name in ("source", "target")}
    truth = faces(60, 2).set_index("face_id")["side"]
    for name, view in arm_of(sets, "source", "halves", 1).items():
        used = view.entries[view.entries["split"].isin(["train", "test"])]
        assert (used["face_id"].map(truth) == "inside").all(), name
        assert 0.3 < used.drop_duplicates("person")["inside"].mean() < 0.7


def test_contentious_faces_test_alone_and_are_marked() -> None:
    table = faces(30, 2)
    labels = table.assign(provenance="agreed")
    labels.loc[::5, ["side", "provenance"]] = [None, "contentious"]
    arguments: dict[str, Any] = {
        "faces": parted("target", table, 0.2, 1),
        "labels": labels,
        "aligned": table[["face_id"]].assign(row=range(len(table))),
        "parts": ["train", "selection", "calibration", "test"],
        "copies": 0,
        "place": "labels",
    }
    found = entries(**arguments, contentious="outside")
    marked = found[~found["agreed"]]
    assert set(marked["split"]) == {"test"}
    assert not marked["inside"].any()
    without = entries(**arguments, contentious="left out")
    assert without["agreed"].all()
    assert len(without) == len(found) - len(marked)


@pytest.mark.parametrize("lost", ["crops", "agreement"])
def test_a_part_without_a_face_left_is_refused_with_its_counts(lost: str) -> None:
    table = faces(30, 2)
    tests = table["split"] == "test"
    labels = table.assign(provenance="agreed")
    crops = table[["face_id"]].assign(row=range(len(table)))
    if lost == "crops":
        crops = crops[~tests]
    else:
        labels.loc[tests, ["side", "provenance"]] = [None, "contentious"]
    have = (0, tests.sum()) if lost == "crops" else (tests.sum(), 0)
    words = "of {} faces {} have a crop, {} an agreed side".format(tests.sum(), *have)
    with pytest.raises(TrainingError, match=f"labels: no face of the part test .*{words}"):
        entries(
            parted("target", table, 0.2, 1),
            labels,
            crops,
            ["train", "test"],
            0,
            contentious="outside",
            place="labels",
        )


def test_too_few_persons_for_folds_or_exchange_are_counted() -> None:
    sets = {name: cached(name, 5, 4) for name in ("source", "target")}
    with pytest.raises(TrainingError, match="5 folds need 5 at the least"):
        arm_of(sets, "target", "fold-1", 1)
    one = sets["source"].entries
    first = one.loc[one["split"] == "train", "person"].iloc[0]
    one = one[(one["split"] != "train") | (one["person"] == first)].reset_index(drop=True)
    sets["source"] = Cached(one, sets["source"].boundary, sets["source"].pooled)
    with pytest.raises(TrainingError, match="labels of 1 training person cannot be exchanged"):
        arm_of(sets, "source", "exchanged", 1)


def test_half_of_the_training_persons_select_and_the_others_calibrate() -> None:
    table = parted("target", faces(60, 2), 0.2, 1)
    persons = table.groupby("part")["person"].nunique()
    assert abs(persons["selection"] - persons["calibration"]) <= 1
    assert table.groupby("person")["part"].nunique().eq(1).all()
