"""Audits of a model: what is planted is found, what is missing is bounded, and thresholds."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegap.errors import DataError
from facegap.exported import exported_name, face_by_name
from facegap.measure.audited import Audited
from facegap.measure.judged import classified, regressed, threshold_on
from facegap.measure.models import bounds_of, contrast_models, measure_model, task_of
from facegap.measure.simulated_model import simulate_model
from facegap.settings.measure import Intervals
from facegap.settings.models import Groups, Model, ModelTask
from facegap.tables.acquire import FACES
from facegap.tables.align import ALIGNED, MEASURES
from facegap.tables.annotate import LABELS
from facegap.tables.base import read_table, write_table
from facegap.tables.measure import ESTIMATES

PERSONS = 300  # two pictures each
FACES_OF = ["faces", "measures", "labels"]
BY = Groups(by=["group", "gender"], tones=0)


def written(folder: Path, seed: int = 0, lost: int = 0) -> dict[str, Any]:
    """The tables of a data set of drawn faces, of which the first `lost` were not aligned."""
    rng = np.random.default_rng(seed)
    ids = [f"face{k}" for k in range(2 * PERSONS)]
    table = pd.DataFrame({"face_id": ids, "path": ids, "split": "test"})
    table["subject_id"] = np.repeat([f"p{k}" for k in range(PERSONS)], 2)
    table["group"] = np.repeat(rng.choice(["A", "B"], PERSONS), 2)
    table["gender"] = np.repeat(rng.choice(["male", "female"], PERSONS), 2)
    table["age"] = np.repeat(rng.integers(18, 80, PERSONS), 2).astype(float)
    table["Smiling"] = rng.integers(0, 2, 2 * PERSONS)
    write_table(table.assign(race_raw=None), folder / "faces.parquet", FACES)
    found = table.loc[lost:, ["face_id"]].reset_index(drop=True)
    numbers = {name: 0.0 for name in MEASURES.columns if name not in ("face_id", "aligned")}
    measures = found.assign(**numbers, aligned=True).astype({"faces": int})
    write_table(measures.assign(faces=1, size=50.0), folder / "measures.parquet", MEASURES)
    write_table(found.assign(row=range(len(found))), folder / "aligned.parquet", ALIGNED)
    write_table(pd.DataFrame(columns=list(LABELS.columns)), folder / "labels.parquet", LABELS)
    places = {name: folder / f"{name}.parquet" for name in FACES_OF}
    return {
        **places,
        **{"audited": "ours", "sides": {"inside": "A", "outside": "B"}},
        **{"groups": BY, "intervals": Intervals(), "seed": 1},
    }


def model(**given: Any) -> Model:
    return Model.model_validate(
        {"kind": "classifier", "dataset": "faces", "tasks": {"Smiling": {}}, **given}
    )


def measured(folder: Path, job: dict[str, Any], given: Model, outputs: Path) -> pd.DataFrame:
    measure_model(
        **job,
        outputs=outputs,
        aligned=folder / "aligned.parquet",
        estimates=folder / f"{job['audited']}.parquet",
        by_face=folder / f"{job['audited']}-faces.parquet",
        study="study",
        model=given,
    )
    return read_table(folder / f"{job['audited']}.parquet", ESTIMATES)


def simulated(folder: Path, job: dict[str, Any], error: Any) -> pd.DataFrame:
    given = model(simulated={"error": error})
    simulate_model(**job, outputs=folder / "outputs.csv", model=given)
    return measured(folder, job, given, folder / "outputs.csv")


def rows(table: pd.DataFrame, **where: Any) -> pd.DataFrame:
    for name, value in where.items():
        table = table[table[name] == value]
    return table


def test_a_planted_gap_is_found_and_an_even_model_has_none(tmp_path: Path) -> None:
    found = {"unfair": 0, "even": 0}
    for seed in range(6):
        (folder := tmp_path / str(seed)).mkdir()
        job = written(folder, seed)
        for name, error in (("unfair", {"group: B": 0.25, "all": 0.05}), ("even", 0.1)):
            table = simulated(folder, job | {"audited": name}, error)
            own = rows(table, quantity="range of groups", metric="accuracy")
            best = own.loc[own["adjusted_p"].idxmin()]
            found[name] += int(best["adjusted_p"] < 0.05)
            if name == "unfair":
                assert best["group"] == "group: worst B"
                truth = rows(table, quantity="group against the others", metric="accuracy")
                assert truth.iloc[0]["truth"] == pytest.approx(0.2)
    assert found == {"unfair": 6, "even": 0}


def test_outputs_that_are_missing_are_counted_and_bounded(tmp_path: Path) -> None:
    job = written(tmp_path, lost=10)
    table = read_table(tmp_path / "faces.parquet", FACES)
    own = table.iloc[50:]  # ten were never aligned, forty have no output
    names = [exported_name("faces", face, 1) for face in own["face_id"]]
    answers = own["Smiling"].astype(float).to_numpy()
    given = pd.DataFrame(
        {"face": names, "score": np.where(np.arange(550) < 55, 1 - answers, answers)}
    )
    given.to_csv(tmp_path / "outputs.csv", index=False)
    found = measured(tmp_path, job, model(outputs="outputs.csv"), tmp_path / "outputs.csv")
    (lost,) = rows(found, quantity="missing outputs").to_dict("records")
    assert (lost["estimate"], lost["faces"]) == (40, 590)
    bounds = rows(found, quantity="performance with missing outputs", group="all")
    ends = bounds.set_index("metric").loc["accuracy"]
    assert ends["estimate"] == pytest.approx(495 / 550)
    assert (ends["low"], ends["high"]) == pytest.approx((495 / 590, 535 / 590))
    assert set(bounds["metric"]) == {
        *("accuracy", "balanced accuracy", "true positive rate", "false positive rate"),
        *("AUROC", "Brier score"),
    }
    assert (bounds["low"] < bounds["estimate"]).all()
    assert (bounds["estimate"] < bounds["high"]).all()
    (accuracy,) = rows(found, quantity="model performance", metric="accuracy", group="all").to_dict(
        "records"
    )
    assert accuracy["estimate"] == pytest.approx(495 / 550)
    assert accuracy["faces"] == 550, "those that it answered"


@settings(max_examples=30)
@given(st.data())
def test_bounds_hold_whatever_the_missing_outputs_are(data: st.DataObject) -> None:
    size = data.draw(st.integers(8, 30))
    numbers = st.floats(0, 1, allow_subnormal=False)
    scores = np.array(data.draw(st.lists(numbers, min_size=size, max_size=size)))
    truth = pd.Series([0, 1] * size).head(size)
    lost = np.array(data.draw(st.lists(st.booleans(), min_size=size, max_size=size)))
    lost[:4] = False
    person = np.arange(size)
    table = pd.DataFrame({"face_id": [f"f{k}" for k in range(size)], "Smiling": truth})
    on = Audited("faces", table, person, [])
    given = pd.DataFrame({"score": np.where(lost, np.nan, scores), "label": None})
    task = task_of(on, "Smiling", ModelTask(), "classifier", given, [], truth)
    judged = task.judge(given)
    names = table.loc[lost, "face_id"].tolist()
    known = {row["metric"]: row for row in bounds_of(on, task, judged, names, BY)}
    everybody = np.ones(size, bool)
    whole = task.judge(given.assign(score=scores)).metrics()
    for name, row in known.items():
        value = whole[name].of(everybody)
        assert value is not None
        assert row["low"] - 1e-9 <= value.estimate <= row["high"] + 1e-9, name
    assert set(known) == set(whole) - {"calibration bias"}


@pytest.mark.parametrize(
    ("tasks", "outputs", "words"),
    [
        ({"Smiling": {"positive": ["yes"]}}, {"score": 0.5}, "positive has 'yes', which no test"),
        ({"Smiling": {"truth": "subject_id"}}, {"label": "1"}, "none of the file's labels"),
        ({"Smiling": {"truth": "gender", "positive": None}}, {"score": 0.5}, None),
        ({"Smiling": {"truth": "group"}}, {"score": 0.5}, "no test face is 1 or male"),
        (
            {"Smiling": {"truth": "age"}},
            {"score": 0.5},
            "no test face is 1 or male|name the values",
        ),
        ({"Smiling": {"truth": "race_raw"}}, {"score": 0.5}, "no test face has a value"),
        ({"Smiling": {"truth": "Grinning"}}, {"score": 0.5}, "no column Grinning"),
    ],
)
def test_a_truth_that_cannot_be_one_is_named(
    tasks: dict[str, Any], outputs: dict[str, Any], words: str | None, tmp_path: Path
) -> None:
    job = written(tmp_path)
    faces = read_table(tmp_path / "faces.parquet", FACES)["face_id"]
    pd.DataFrame({"face": faces, **outputs}).to_csv(tmp_path / "outputs.csv", index=False)
    given = model(outputs="outputs.csv", tasks=tasks)
    if words is None:
        measured(tmp_path, job, given, tmp_path / "outputs.csv")
        return
    with pytest.raises(DataError, match=words):
        measured(tmp_path, job, given, tmp_path / "outputs.csv")


def test_a_threshold_of_one_group_is_carried_to_the_others(tmp_path: Path) -> None:
    job = written(tmp_path)
    table = read_table(tmp_path / "faces.parquet", FACES)
    rng = np.random.default_rng(0)
    scores = rng.uniform(0, 0.6, len(table)) + 0.4 * table["Smiling"].to_numpy()
    scores = np.where(table["group"] == "B", scores * 0.9, scores)
    given = pd.DataFrame({"face": table["face_id"], "score": scores.round(6)})
    given.to_csv(tmp_path / "outputs.csv", index=False)
    source = {"group": "group: A", "false_positive_rate": 0.2}
    tasks = {"Smiling": {"threshold_from": source}}
    ours = model(outputs="outputs.csv", tasks=tasks)
    found = measured(tmp_path, job, ours, tmp_path / "outputs.csv")
    rates = rows(found, metric="false positive rate", quantity="model performance")
    by_group = rates.set_index("group")["estimate"]
    assert 0.19 <= by_group["group: A"] <= 0.2
    assert by_group["group: B"] < 0.15
    assert rates["threshold"].nunique() == 1
    wrong = model(outputs="x", tasks={"Smiling": {"threshold_from": {"group": "group: C"}}})
    with pytest.raises(DataError, match="no group group: C to set a threshold on; there are"):
        measured(tmp_path, job, wrong, tmp_path / "outputs.csv")


@given(
    st.lists(st.floats(0, 1, allow_subnormal=False), min_size=5, max_size=60),
    st.floats(0.01, 0.9, allow_subnormal=False),
)
def test_the_threshold_is_the_least_that_keeps_the_rate(scores: list[float], rate: float) -> None:
    values = np.array(scores)
    nobody, everybody = np.zeros(len(values), bool), np.ones(len(values), bool)
    threshold = threshold_on(values, nobody, everybody, rate)
    assert threshold is not None
    assert np.mean(values >= threshold) <= rate + 1e-9
    assert np.mean(values >= values[values < threshold].max()) > rate - 1e-9, "at the next one"


def test_labels_of_several_kinds_and_numbers() -> None:
    truth = pd.Series(["a", "b", "c", "a", None])
    outputs = pd.DataFrame({"score": [np.nan] * 5, "label": ["a", "b", "a", None, "a"]})
    outputs.index = pd.Index(list("vwxyz"))  # of face ids, as from a file
    judged = classified("emotion", outputs, truth, np.arange(5), None, 0.5)
    right = judged.values["accuracy"]
    assert right[:3].tolist() == [1, 1, 0]
    assert np.isnan(right[3:]).all(), "nothing was answered, or is known"
    assert "true positive rate" not in judged.values
    outputs = pd.DataFrame({"value": [30.0, 40.0, np.nan]})
    aged = regressed("age", outputs, pd.Series([33.0, 39.0, 20.0]), np.arange(3))
    assert aged.values["absolute error"][:2].tolist() == [3, 1]
    assert aged.values["bias"][:2].tolist() == [-3, 1]


def test_contrasts_are_of_the_same_faces(tmp_path: Path) -> None:
    job = written(tmp_path)
    for name, error in (("unfair", {"group: B": 0.3, "all": 0.05}), ("even", 0.05)):
        simulated(tmp_path, job | {"audited": name}, error)
    contrast_models(
        by_face=[tmp_path / f"{name}-faces.parquet" for name in ("unfair", "even")],
        **{name: [job[name]] for name in FACES_OF},
        estimates=tmp_path / "contrasts.parquet",
        study="study",
        datasets=["faces"],
        **{name: job[name] for name in ("sides", "groups", "intervals")},
    )
    table = read_table(tmp_path / "contrasts.parquet", ESTIMATES)
    own = rows(table, metric="accuracy", quantity="model contrast").set_index("group")
    assert set(own["model"]) == {"even − unfair"}
    assert own.loc["group: B", "low"] > 0.1
    assert own.loc["group: A", "low"] < 0 < own.loc["group: A", "high"]
    apart = rows(table, metric="accuracy", quantity="disparity contrast").set_index("group")
    assert apart.loc["group: A", "adjusted_p"] < 0.01
    assert apart.loc["group: A", "estimate"] < 0, "even lies less apart"


def test_exported_names_say_nothing_and_come_back() -> None:
    ids = ["123_male_White.jpg", "b"]
    names = [exported_name("faces", face, 1) for face in ids]
    assert len({*names, *(exported_name("faces", face, 2) for face in ids)}) == 4
    assert all(len(name) == 16 and set(name) <= set("0123456789abcdef") for name in names)
    known = face_by_name("faces", ids, 1)
    assert [known[name] for name in (*names, *ids)] == ids * 2
