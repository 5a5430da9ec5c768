"""Measures of classifiers: those of scikit-learn, over persons, and honest about small groups."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from facegap.configurations import Configuration
from facegap.errors import DataError
from facegap.groups import group_values
from facegap.measure.classification import differences, measure_classification
from facegap.measure.group_performance import BINS, LEAST, by_group, calibration
from facegap.settings.measure import Intervals, Primary
from facegap.statistics.means import student
from facegap.statistics.performance import METRICS, Answers
from facegap.tables.acquire import FACES
from facegap.tables.base import read_table, write_table
from facegap.tables.classify import PREDICTIONS, RUNS
from facegap.tables.measure import ESTIMATES

AUGMENTED = Configuration("vgg16", "augmented", "adam", "sgd")
PLAIN = replace(AUGMENTED, preprocessing="plain")
COUNT = 150
SELECTED = {
    **{"selected": AUGMENTED.name, "score": 0.9, "optimism": 0.01},
    **{"inside": 60, "outside": 60, "persons": 40},
}


def run(configuration: Configuration, trained_on: str, repeat: int, **more: Any) -> dict[str, Any]:
    """A row of RUNS, of a fine-tuned model unless `more` says else."""
    row = {
        "run": f"{configuration.name}-{trained_on}-{repeat}",
        "model": configuration.name,
        **asdict(configuration),
        **{"stage": "fine-tuned", "trained_on": trained_on, "arm": "full", "repeat": repeat},
        **{"source_accuracy": 0.9, "target_accuracy": 0.9, "loss": 0.1},
    }
    return {**row, "training_loss": 0.05, "epochs_to_convergence": 1, **more}


def predictions_of(
    configuration: Configuration,
    trained_on: str,
    dataset: str,
    inside: NDArray[np.bool_],
    right: NDArray[np.bool_],
    repeat: int = 0,
    arm: str = "full",
) -> pd.DataFrame:
    """Rows of PREDICTIONS: 0.8 for the right side of faces that are named by number."""
    sure = np.where(right == inside, 0.8, 0.2)
    table = pd.DataFrame({"label": np.where(inside, "inside", "outside"), "probability": sure})
    table["face_id"] = [f"{dataset}{k}" for k in range(len(table))]
    return table.assign(
        model=configuration.name,
        **{"repeat": repeat, "trained_on": trained_on, "dataset": dataset, "task": "boundary"},
        **{"arm": arm, "part": "test", "agreed": True},
    )


def measured(
    folder: Path,
    runs: Sequence[Mapping[str, Any]],
    predictions: Sequence[pd.DataFrame],
    faces: Mapping[str, pd.DataFrame],
    intervals: Intervals,
    primary: Primary | None = None,
) -> pd.DataFrame:
    """The estimates; the selected configuration is AUGMENTED."""
    for dataset, table in faces.items():
        write_table(table, folder / f"{dataset}.parquet", FACES)
    write_table(pd.DataFrame(runs), folder / "runs.parquet", RUNS)
    parts = pd.concat(predictions)[list(PREDICTIONS.columns)]
    write_table(parts, folder / "predictions.parquet", PREDICTIONS)
    criteria = {"source validation": {"selected": None}, "target test part": SELECTED}
    (folder / "selected.json").write_text(
        json.dumps({"name": AUGMENTED.name, "criteria": criteria})
    )
    measure_classification(
        runs=folder / "runs.parquet",
        predictions=folder / "predictions.parquet",
        selected=folder / "selected.json",
        faces=[folder / f"{dataset}.parquet" for dataset in faces],
        estimates=folder / "estimates.parquet",
        study="study",
        datasets=list(faces),
        intervals=intervals,
        primary=primary or Primary(),
    )
    return read_table(folder / "estimates.parquet", ESTIMATES)


def of(table: pd.DataFrame, quantity: str, **where: str) -> pd.DataFrame:
    """The rows of a quantity in which columns have these values."""
    fits = table["quantity"] == quantity
    for column, value in where.items():
        fits &= (table[column] == value).fillna(False).astype(bool)
    return table[fits]


def faces_of(dataset: str, persons: int) -> pd.DataFrame:
    """Three pictures a person; every other person is inside, the ages are 20 to 79."""
    ids = [f"{dataset}{k}" for k in range(3 * persons)]
    table = pd.DataFrame({"face_id": ids, "path": ids, "split": "test"})
    person = np.arange(3 * persons) // 3
    table["subject_id"] = [f"{dataset}-p{k}" for k in person]
    table["age"] = 20.0 + person % 60
    return table.assign(gender=np.where(person % 3 == 0, "male", "female"), race_raw=None)


def study(
    folder: Path,
    accuracy: dict[tuple[str, str], float],
    intervals: Intervals,
    persons: int = 40,
    primary: Primary | None = None,
) -> pd.DataFrame:
    """The estimates of one configuration trained on each data set, and of a worse one."""
    rng, runs, predictions = np.random.default_rng(0), [], []
    datasets = list(dict.fromkeys(tested for _, tested in accuracy))
    inside = np.arange(3 * persons) // 3 % 2 == 0
    for configuration, trained, worse in [
        *((AUGMENTED, trained, 0.0) for trained in datasets),
        (PLAIN, "source", 0.3),
    ]:
        runs.append(run(configuration, trained, 0))
        for dataset in datasets:
            right = rng.random(len(inside)) < accuracy[trained, dataset] - worse
            predictions.append(predictions_of(configuration, trained, dataset, inside, right))
    faces = {dataset: faces_of(dataset, persons) for dataset in datasets}
    return measured(folder, runs, predictions, faces, intervals, primary)


@pytest.fixture(scope="module")
def estimates(tmp_path_factory: pytest.TempPathFactory, intervals: Intervals) -> pd.DataFrame:
    names = ("source", "target", "third")
    accuracy = {(a, b): 0.95 if a == b else 0.7 for a in names for b in names}
    return study(tmp_path_factory.mktemp("classification"), accuracy, intervals)


def test_the_gap_that_was_planted_shows_in_every_metric(estimates: pd.DataFrame) -> None:
    own = of(estimates, "performance", model=AUGMENTED.name, trained_on="source")
    values = own.set_index(["tested_on", "metric"])
    gaps = of(estimates, "transfer gap", model=AUGMENTED.name).set_index("metric")
    assert list(gaps.index) == list(METRICS)
    for name in METRICS:
        source, target = (values.loc[(tested, name), "estimate"] for tested in ("source", "target"))
        worse = target - source if name == "Brier score" else source - target
        assert gaps.loc[name, "estimate"] == pytest.approx(worse), "exactly their difference"
        assert gaps.loc[name, "low"] > 0
    assert (own["persons"] == 40).all()
    assert (own["faces"] == 120).all()


def test_groups_and_their_crossings_add_up(estimates: pd.DataFrame) -> None:
    groups = of(estimates, "group performance")
    groups = groups.assign(factors=[" × ".join(group_values(name)) for name in groups["group"]])
    target = groups[groups["tested_on"] == "target"]
    every = target[target["group"] == "all"].iloc[0]
    assert every["faces"] == 120
    for factors in ("side", "gender", "age"):
        parts = target[target["factors"] == factors]
        mean = np.average(parts["estimate"], weights=parts["faces"].astype(int))
        assert parts["faces"].sum() == 120
        assert mean == pytest.approx(every["estimate"])
    ages = target.loc[target["factors"] == "age", "group"]
    assert sorted(ages) == ["age: 0 to 29", "age: 30 to 49", "age: 50 and over"]
    assert (groups["persons"] >= LEAST).all()
    assert "side × gender × age" not in set(groups["factors"]), "too few persons in each"


def test_a_factor_with_the_boundary_s_groups_is_counted_once(
    tmp_path: Path, intervals: Intervals
) -> None:
    table = faces_of("target", 40)
    inside = table["gender"] == "female"
    write_table(table, tmp_path / "faces.parquet", FACES)
    answers = table[["face_id"]].assign(
        dataset="target", person=table["subject_id"], inside=inside, right=inside
    )
    rows = by_group(answers, {"target": tmp_path / "faces.parquet"}, intervals)
    factors = {" × ".join(group_values(row["group"])) for row in rows}
    assert factors == {"", "side", "age", "side × age"}


def test_a_group_without_an_error_still_has_an_interval(
    tmp_path: Path, intervals: Intervals
) -> None:
    perfect = dict.fromkeys([(a, b) for a in ("source", "target") for b in ("source", "target")], 2)
    groups = of(study(tmp_path, perfect, intervals), "group performance")
    assert (groups["estimate"] == 1).all()
    assert (groups["low"] < 1).all()


def test_two_models_are_compared_on_the_same_faces(estimates: pd.DataFrame) -> None:
    pairs = of(estimates, "difference")
    assert len(pairs) == 1
    row = pairs.iloc[0]
    assert row["model"] == f"{AUGMENTED.name} − {PLAIN.name}"
    rows = of(estimates, "performance", metric="balanced accuracy", tested_on="target")
    values = rows[rows["trained_on"] == "source"].set_index("model")["estimate"]
    assert row["estimate"] == pytest.approx(values[AUGMENTED.name] - values[PLAIN.name])
    assert row["low"] > 0
    assert row["p"] < 0.01
    assert row["adjusted_p"] == row["p"]


def test_holms_correction_is_over_all_pairs() -> None:
    rng = np.random.default_rng(0)
    inside, person = np.arange(200) % 2 == 0, np.arange(200)
    tested = {}
    for k, accuracy in enumerate((0.9, 0.85, 0.6)):
        right = rng.random(200) < accuracy
        probability = np.where(right == inside, 0.8, 0.2)[None]
        tested[f"m{k}", "source", "full", "target", "test"] = Answers(inside, person, probability)
    table = pd.DataFrame(differences(tested, 0.95))
    assert len(table) == 3
    smallest = table.loc[table["p"].idxmin()]
    assert smallest["adjusted_p"] == pytest.approx(min(1, 3 * smallest["p"]))
    assert (table["adjusted_p"] >= table["p"]).all()


def test_the_transfer_loss_is_of_two_models_on_the_same_faces(estimates: pd.DataFrame) -> None:
    losses = of(estimates, "transfer loss").set_index("metric")
    rows = of(estimates, "performance", metric="balanced accuracy", tested_on="target")
    rows = rows[rows["model"] == AUGMENTED.name].set_index("trained_on")["estimate"]
    loss = losses.loc["balanced accuracy"]
    assert loss["estimate"] == pytest.approx(rows["target"] - rows["source"])
    assert loss["low"] > 0
    assert loss["faces"] == 120, "the target's alone"
    gap = of(estimates, "transfer gap", model=AUGMENTED.name).set_index("metric").iloc[0]
    assert gap["faces"] == 240
    primary = estimates[estimates["family"] == "primary outcome"]
    assert primary[["quantity", "metric"]].to_numpy().tolist() == [
        ["transfer loss", "balanced accuracy"]
    ]


def test_differences_say_what_could_have_been_found(estimates: pd.DataFrame) -> None:
    kinds = ("transfer gap", "transfer loss", "difference", "group gap")
    rows = estimates[estimates["quantity"].isin(kinds)]
    assert (rows["smallest_detectable_effect"] > 2.8 * rows["standard_error"]).all()
    assert (rows["equivalence_bound"] >= rows["estimate"].abs()).all()
    assert (rows["method"] == "persons").all(), "one training each"


def test_the_choice_and_its_optimism_are_rows(estimates: pd.DataFrame) -> None:
    score, optimism = (of(estimates, f"selection {name}") for name in ("score", "optimism"))
    assert score["estimate"].tolist() == [0.9]
    assert optimism["estimate"].tolist() == [0.01]
    assert score["group"].tolist() == ["criterion: target test part"], "the other has no choice"


def test_calibration_is_the_share_inside_by_the_probability() -> None:
    rng = np.random.default_rng(0)
    answers = pd.DataFrame({"probability": rng.random(4000), "dataset": "target"})
    answers["inside"] = rng.random(4000) < answers["probability"]
    answers["person"] = np.arange(4000).astype(str)
    curve = pd.DataFrame(calibration(answers, 0.95))
    assert len(curve) == BINS
    inside = (curve["low"] <= curve["share"]) & (curve["share"] <= curve["high"])
    assert inside.sum() >= 8
    constant = list(calibration(answers.assign(probability=0.5), 0.95))
    assert len(constant) <= 1


def test_means_of_trainings_are_over_repeats_and_of_heads_too(
    tmp_path: Path, intervals: Intervals
) -> None:
    faces = {dataset: faces_of(dataset, 10) for dataset in ("source", "target")}
    inside = np.arange(30) // 3 % 2 == 0
    predictions = [
        predictions_of(AUGMENTED, trained, dataset, inside, inside | True, repeat)
        for trained in faces
        for dataset in faces
        for repeat in range(3)
    ]
    values = [0.7, 0.8, 0.75]
    runs = [
        *(run(AUGMENTED, "source", k, target_accuracy=v) for k, v in enumerate(values)),
        run(AUGMENTED, "source", 0, run="head", model=AUGMENTED.head_name, stage="head", loss=0.4),
    ]
    runs[0]["source_accuracy"] = runs[0]["epochs_to_convergence"] = None
    runs[3]["epochs_to_convergence"] = None
    runs[1]["epochs_to_convergence"] = 7
    table = measured(tmp_path, runs, predictions, faces, intervals)
    means = of(table, "training mean")
    own = of(means, "training mean", model=AUGMENTED.name, metric="accuracy", tested_on="target")
    assert own[["estimate", "low", "high"]].iloc[0].tolist() == list(student(values, 0.95))
    head = means[means["model"] == AUGMENTED.head_name].set_index("metric")
    assert head.loc["cross-entropy", "estimate"] == pytest.approx(0.4)
    assert head["low"].isna().all(), "one repeat has no spread"
    losses = of(means, "training mean", metric="training cross-entropy")
    assert losses["estimate"].tolist() == [pytest.approx(0.05)] * 2
    assert losses["tested_on"].isna().all()
    epochs = of(means, "training mean", metric="epochs to convergence")
    assert epochs["tested_on"].isna().all()
    assert epochs["estimate"].tolist() == [4.0], "of those that converged; of none, no row"
    counts = of(table, "trainings").set_index(["model", "metric"])["estimate"]
    names = (AUGMENTED.name, AUGMENTED.head_name)
    assert [counts[name, "all"] for name in names] == [3, 1]
    assert [counts[name, "converged"] for name in names] == [2, 0]
    assert set(means["task"]) == {"boundary"}


def test_no_interval_of_a_mean_leaves_the_bounds_of_its_metric(
    tmp_path: Path, intervals: Intervals
) -> None:
    faces = {dataset: faces_of(dataset, 10) for dataset in ("source", "target")}
    inside = np.arange(30) // 3 % 2 == 0
    predictions = [
        predictions_of(AUGMENTED, trained, dataset, inside, inside | True, repeat)
        for trained in faces
        for dataset in faces
        for repeat in range(2)
    ]
    runs = [
        run(AUGMENTED, "source", k, source_accuracy=0.9 + k / 50, target_accuracy=k / 50, loss=loss)
        for k, loss in enumerate((0.5, 0.6))
    ]
    rows = measured(tmp_path, runs, predictions, faces, intervals)
    means = of(rows, "training mean").set_index(["metric", "tested_on"])
    assert means.loc[("accuracy", "source"), "high"] == 1  # 0.91 ± 12.7 * 0.01
    assert means.loc[("accuracy", "target"), "low"] == 0
    loss = means.loc[("cross-entropy", "target")]  # 0.55 ± 12.7 * 0.05
    assert loss["low"] == 0
    assert loss["high"] == pytest.approx(0.55 + 12.7062 * 0.05, abs=1e-3)


def transfers(
    folder: Path,
    intervals: Intervals,
    accuracy: Mapping[str, float],
    *,
    arms: Sequence[str] = ("full",),
    contentious: int = 0,
    repeats: int = 3,
) -> pd.DataFrame:
    """The estimates of AUGMENTED, trained on either data set in some arms; repeats answer alike.

    The accuracy is on the target, by what is trained on; the last `contentious` of its faces have
    no agreed side, and all answers on them are wrong.
    """
    rng, faces, runs, predictions = np.random.default_rng(3), {}, [], []
    inside = np.arange(COUNT) // 3 % 3 > 0  # two thirds
    for dataset in ("source", "target"):
        faces[dataset] = faces_of(dataset, COUNT // 3)
        for arm in arms:
            right = {name: rng.random(COUNT) < accuracy[dataset] for name in ("source", "target")}
            for repeat in range(repeats):
                named = f"{dataset}-{arm}-{repeat}"
                runs.append(run(AUGMENTED, dataset, repeat, arm=arm, run=named))
                for tested, own in right.items():
                    parts = predictions_of(AUGMENTED, dataset, tested, inside, own, repeat, arm)
                    if tested == "target" and contentious:
                        last = parts.index >= COUNT - contentious
                        parts["agreed"] = ~last
                        wrong = np.where(inside, 0.2, 0.8)
                        parts.loc[last, "probability"] = wrong[last]
                    predictions.append(parts)
    return measured(folder, runs, predictions, faces, intervals)


def test_controls_and_equal_terms_are_rows_of_their_own(
    tmp_path: Path, intervals: Intervals
) -> None:
    arms = ("full", "equal", "exchanged", "halves")
    table = transfers(tmp_path, intervals, {"source": 0.7, "target": 0.95}, arms=arms)
    for quantity in ("transfer gap", "transfer loss"):
        own = of(table, quantity, metric="balanced accuracy")
        assert own["arm"].isna().sum() == 1
        assert set(own["arm"].dropna()) == set(arms[1:])
    keys = ["quantity", "metric", "model", "trained_on", "arm", "tested_on", "group"]
    assert not table.duplicated(keys).any()


def test_a_control_of_too_few_persons_is_left_out_and_stops_nothing(
    tmp_path: Path, intervals: Intervals, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = predictions_of

    def few(*args: Any) -> pd.DataFrame:
        table = parts(*args)
        if args[-1] == "halves":
            table = table[(table["label"] == "inside") | (table.index < 3)]
        return table

    monkeypatch.setitem(globals(), "predictions_of", few)
    arms = ("full", "halves")
    table = transfers(tmp_path, intervals, {"source": 0.7, "target": 0.95}, arms=arms)
    for quantity in ("transfer gap", "transfer loss"):
        assert of(table, quantity, metric="accuracy")["arm"].isna().all()


def test_contentious_faces_are_counted_and_the_estimate_given_with_and_without_them(
    tmp_path: Path, intervals: Intervals
) -> None:
    table = transfers(tmp_path, intervals, {"source": 0.9, "target": 0.9}, contentious=30)
    counts = of(table, "tested faces", tested_on="target").set_index("group")["estimate"]
    assert counts.to_dict() == {"all": COUNT - 30, "contentious: included": COUNT}
    assert len(of(table, "tested faces", tested_on="source")) == 1
    gap = of(table, "transfer gap", metric="balanced accuracy").set_index("group")["estimate"]
    assert gap["contentious: included"] > gap["all"] + 0.1, "all answers on them are wrong"
    majority = of(table, "majority class", tested_on="target")
    assert majority["faces"].tolist() == [COUNT - 30]


def test_repeats_of_one_model_do_not_narrow_the_interval(
    tmp_path: Path, intervals: Intervals
) -> None:
    ends = ["estimate", "low", "high"]
    one, ten = (
        of(
            transfers(tmp_path, intervals, {"source": 0.9, "target": 0.8}, repeats=repeats),
            "transfer gap",
            metric="accuracy",
        )[ends].iloc[0]
        for repeats in (1, 10)
    )
    assert ten.tolist() == pytest.approx(one.tolist())


def test_a_part_that_shows_one_person_of_a_side_is_named_with_the_counts(
    tmp_path: Path, intervals: Intervals
) -> None:
    faces = {dataset: faces_of(dataset, 10) for dataset in ("source", "target")}
    inside = np.arange(30) < 27  # the last person's three pictures are outside
    predictions = [
        predictions_of(AUGMENTED, trained, dataset, inside, inside | True)
        for trained in faces
        for dataset in faces
    ]
    runs = [run(AUGMENTED, trained, 0) for trained in faces]
    with pytest.raises(DataError, match="shows 9 persons inside and 1 outside; an estimate"):
        measured(tmp_path, runs, predictions, faces, intervals)


def test_pairs_are_compared_whatever_the_shares_of_the_sides() -> None:
    """Three of four faces are inside: one model calls all so, the other none."""
    inside, person = np.arange(40) % 4 > 0, np.arange(40)
    tested = {
        (name, "source", "full", "target", "test"): Answers(inside, person, np.full((1, 40), p))
        for name, p in (("all", 0.8), ("none", 0.2))
    }
    (row,) = differences(tested, 0.95)
    assert row["metric"] == "balanced accuracy"
    assert row["estimate"] == pytest.approx(0)


def test_balanced_accuracy_comes_first() -> None:
    assert next(iter(METRICS)) == "balanced accuracy"


def test_each_arms_loss_is_of_the_two_models_of_that_arm(
    tmp_path: Path, intervals: Intervals
) -> None:
    arms = ("full", "equal", "exchanged", "halves")
    table = transfers(tmp_path, intervals, {"source": 0.7, "target": 0.9}, arms=arms)
    metric = {"metric": "balanced accuracy", "tested_on": "target"}
    losses = of(table, "transfer loss", **metric).fillna({"arm": "full"}).set_index("arm")
    values = of(table, "performance", **metric).fillna({"arm": "full"})
    values = values.set_index(["trained_on", "arm"])["estimate"]
    assert values["target"].nunique() == len(arms)
    assert set(losses.index) == set(arms)
    for arm in arms:
        expected = values["target", arm] - values["source", arm]
        assert losses.loc[arm, "estimate"] == pytest.approx(expected), arm


def test_one_row_is_the_primary_outcome_whatever_else_there_is(
    tmp_path: Path, intervals: Intervals
) -> None:
    """Neither another configuration's, nor that of another arm, nor with contentious faces."""
    accuracy = {"source": 0.7, "target": 0.95}
    arms = ("full", "equal", "exchanged")
    loss = transfers(tmp_path / "loss", intervals, accuracy, arms=arms, contentious=30)
    names = ("source", "target")
    of_sets = {(a, b): 0.95 if a == b else 0.7 for a in names for b in names}
    gap = study(tmp_path / "gap", of_sets, intervals, primary=Primary(quantity="transfer gap"))
    for table, quantity in ((loss, "transfer loss"), (gap, "transfer gap")):
        (row,) = table[table["family"] == "primary outcome"].to_dict("records")
        assert (row["quantity"], row["model"]) == (quantity, AUGMENTED.name)
        assert (row["metric"], row["group"]) == ("balanced accuracy", "all")
        assert pd.isna(row["arm"])


def test_an_estimate_is_the_mean_over_trainings_and_no_vote_of_them(
    tmp_path: Path, intervals: Intervals
) -> None:
    """On the target the third training is always wrong; the mean probability would not be."""
    faces = {dataset: faces_of(dataset, 10) for dataset in ("source", "target")}
    inside = np.arange(30) // 3 % 2 == 0
    always = np.ones(30, bool)
    predictions = [
        predictions_of(AUGMENTED, trained, dataset, inside, always ^ wrong, repeat)
        for trained in faces
        for dataset in faces
        for repeat, wrong in enumerate((False, False, dataset == "target"))
    ]
    runs = [run(AUGMENTED, trained, repeat) for trained in faces for repeat in range(3)]
    table = measured(tmp_path, runs, predictions, faces, intervals)
    own = of(table, "performance", metric="accuracy", trained_on="source", tested_on="target")
    assert own["estimate"].tolist() == [pytest.approx(2 / 3)]
    assert own["method"].tolist() == ["persons and trainings"]
