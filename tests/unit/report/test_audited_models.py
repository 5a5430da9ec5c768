"""What the page and the card say of audited models: who does worse, and how sure that is."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from facegap.report.audit import models, plot_models
from facegap.report.model_card import write_audit_card
from facegap.report.verdict import in_words, metrics_by_factor
from facegap.settings.load import load
from facegap.settings.study import Study
from facegap.tables.base import write_table
from facegap.tables.measure import ESTIMATES, estimates
from facegap.theme import Display

ON = {"tested_on": "faces", "task": "Smiling"}
OURS = {"model": "ours", **ON}


@pytest.fixture
def study() -> Study:
    classifier = {"kind": "classifier", "outputs": "a.csv", "tasks": {"Smiling": {}, "Young": {}}}
    given: dict[str, Any] = {
        "study": "mine",
        "parts": [],
        "datasets": {"faces": {"kind": "drawn", "faces": 8}},
        "models": {
            "ours": classifier,
            "theirs": classifier,
            "verifier": {"kind": "recogniser", "outputs": "a.npz"},
        },
    }
    return load(given)


def value(group: str, estimate: float | None, **about: Any) -> dict[str, Any]:
    low, high = (None, None) if estimate is None else (estimate - 0.02, estimate + 0.02)
    row = {"quantity": "model performance", "metric": "balanced accuracy", **OURS}
    counts = {"faces": 100, "persons": 50}
    return {
        **row,
        "group": group,
        "estimate": estimate,
        "low": low,
        "high": high,
        **counts,
        **about,
    }


def test_of(group: str, estimate: float, p: float, **about: Any) -> dict[str, Any]:
    row = {"quantity": "group against the others", "metric": "balanced accuracy", **OURS}
    ends = {"low": estimate - 0.02, "high": estimate + 0.02, "p": p / 2, "adjusted_p": p}
    return {**row, "group": group, "estimate": estimate, **ends, **about}


test_of.__test__ = False  # type: ignore[attr-defined]


def table(*rows: dict[str, Any]) -> Any:
    return estimates(rows, "mine")


def verdict(study: Study, *tests: dict[str, Any]) -> dict[str, Any]:
    rows = [value("all", 0.9), value("gender: male", 0.9), value("gender: female", 0.8)]
    found = models(table(*rows, *tests), study)["audited"][0]
    answer: dict[str, Any] = found["tasks"][0]["verdict"]
    return answer


def test_of_two_groups_the_worse_is_named(study: Study) -> None:
    found = verdict(study, test_of("gender: female", 0.1, 0.01))
    assert found["found"]["group"] == "gender: male"
    assert found["way"] == "worse"
    assert found["found"]["estimate"] == pytest.approx(-0.1)
    assert (found["found"]["low"], found["found"]["high"]) == pytest.approx((-0.12, -0.08))


def test_words_of_a_data_set_come_before_tones_and_worse_before_better(study: Study) -> None:
    tests = [
        test_of("hue: 1 to 2", -0.3, 0.0001),
        test_of("race_raw: a", 0.2, 0.001),
        test_of("race_raw: b", -0.1, 0.01),
        test_of("race_raw: c", -0.1, 0.2),
    ]
    found = verdict(study, *tests)
    assert (found["found"]["group"], found["way"]) == ("race_raw: b", "worse")
    assert found["also"] == ["hue: 1 to 2°"]
    only = verdict(study, tests[0])
    assert only["found"]["group"] == "hue: 1 to 2"


def test_where_nothing_is_found_the_page_has_what_may_have_been_missed(study: Study) -> None:
    tests = [test_of("race_raw: a", -0.05, 0.3), test_of("race_raw: b", 0.01, 0.9)]
    found = verdict(study, *tests)
    assert found["found"] is None
    assert found["reach"] == pytest.approx(0.07)
    assert found["open"]["group"] == "race_raw: a"
    assert verdict(study) is None


def test_by_factor_the_worst_group_and_the_way_to_it_are_there(study: Study) -> None:
    ends = {"metric": "balanced accuracy", **OURS, "group": "race_raw: worst b"}
    rows = [
        *(value("all", 0.9), value("race_raw: a", 0.9), value("race_raw: b", 0.7)),
        {"quantity": "range of groups", **ends, "estimate": 0.2, "low": 0.1, "high": 0.3},
        {"quantity": "ratio of groups", **ends, "estimate": 0.7, "low": 0.6, "high": 0.9},
    ]
    (found,) = models(table(*rows), study)["audited"][0]["tasks"][0]["ranges"]
    assert (found["factor"], found["worst"]) == ("race_raw", "b")
    assert (found["range"]["estimate"], found["ratio"]["estimate"]) == (0.2, 0.7)


def test_of_equal_groups_none_is_the_worst(study: Study) -> None:
    ends = {"metric": "balanced accuracy", **OURS, "group": "race_raw: worst b"}
    rows = [value("all", 0.9), value("race_raw: a", 0.9), value("race_raw: b", 0.9)]
    rows += [{"quantity": "range of groups", **ends, "estimate": 0.0, "low": 0.0, "high": 0.1}]
    (found,) = models(table(*rows), study)["audited"][0]["tasks"][0]["ranges"]
    assert found["worst"] == "none: all equal"


def test_groups_of_one_right_answer_each_are_judged_by_accuracy(study: Study) -> None:
    """As gender is by gender: balanced accuracy has no meaning there."""
    accuracy = {"metric": "accuracy"}
    found = ("range of groups", "gender: worst male", 0.3, 0.2)
    spread = dict(zip(("quantity", "group", "estimate", "low"), found, strict=True))
    rows = [
        *(value("all", 0.9), value("all", 0.8, **accuracy)),
        *(value("gender: female", None), value("gender: male", None)),
        value("gender: female", 0.9, **accuracy),
        value("gender: male", 0.6, **accuracy),
        *(value("race_raw: a", 0.9), value("race_raw: b", 0.9)),
        *(value("race_raw: a", 0.9, **accuracy), value("race_raw: b", 0.8, **accuracy)),
        test_of("gender: female", 0.3, 0.0001, **accuracy),
        test_of("race_raw: a", 0.0, 0.9),
        test_of("race_raw: a", 0.1, 0.01, **accuracy),
        {**OURS, **accuracy, **spread, "high": 0.4},
    ]
    task = models(table(*rows), study)["audited"][0]["tasks"][0]
    assert task["verdict"]["found"]["group"] == "gender: male"
    assert task["verdict"]["found"]["metric"] == "accuracy"
    assert task["shown"] == ["balanced accuracy", "accuracy"]
    assert [each["worst"] for each in task["ranges"]] == ["male"]
    groups = [
        (metric, row["estimate"]) for metric, row, _ in task["factors"]["gender"][0]["values"]
    ]
    assert groups == [("balanced accuracy", None), ("accuracy", 0.9)]
    assert task["judged"] == ["balanced accuracy", "accuracy (of gender)"]
    beside = [{"metric": "accuracy", "way": "worse", "groups": ["race_raw: b"]}]
    assert task["beside"] == beside, "accuracy by race is not what race is judged by, and is said"


def test_what_groups_are_judged_by_does_not_hang_on_how_many_models_are_drawn() -> None:
    """Two models of one group each that has a number are not two groups."""
    alone = value("gender: male", 0.9), value("gender: female", None)
    compared = (value(f"gender: {word}", 0.9, metric="accuracy") for word in ("male", "female"))
    rows = [*alone, *compared]
    rows += [{**row, "model": "theirs"} for row in rows]
    assert metrics_by_factor(rows, ["balanced accuracy"]) == {"gender": ["accuracy"]}


def test_more_that_is_not_worse_is_said_to_be_more(study: Study) -> None:
    found = verdict(study, test_of("race_raw: a", 0.1, 0.01))
    assert found["way"] == "better"
    rows = [value("all", 0.1, metric="taken for smiling")]
    test = test_of("race_raw: a", 0.1, 0.01, metric="taken for smiling")
    answer = models(table(*rows, test), study)["audited"][0]["tasks"][0]["verdict"]
    assert answer["way"] == "higher"


def test_models_that_lie_apart_by_group_are_told_by_their_gaps(study: Study) -> None:
    gap = {"quantity": "disparity contrast", "metric": "accuracy", **ON}
    rows = [
        value("all", 0.9),
        *(
            test_of("gender: male", estimate, 0.5, metric="accuracy", model=name)
            for name, estimate in (("ours", -0.2), ("theirs", 0.01))
        ),
        {**gap, "model": "ours − theirs", "group": "gender: male", "estimate": -0.21}
        | {"low": -0.3, "high": -0.1, "p": 0.001, "adjusted_p": 0.004},
        {**gap, "quantity": "model contrast", "model": "ours − theirs", "metric": "Brier score"}
        | {"estimate": 0.1, "low": 0.05, "high": 0.15, "p": 0.001},
    ]
    found = models(table(*rows), study)
    assert found["disparities"][0]["even"] == "theirs"
    assert found["contrasts"][0]["better"] == "theirs", "less of a Brier score"


def test_of_a_recogniser_both_rates_are_shown_and_worse_is_more(study: Study) -> None:
    about = {"model": "verifier", "task": "verification"}
    rates = [
        value(group, estimate, **about, metric=metric, answers=pairs)
        for metric, estimate in (("false match rate", 0.001), ("false non-match rate", 0.1))
        for group, pairs in (("all", 900), ("gender: male", 400), ("gender: female", 300))
    ]
    odds = {"estimate": 0.25, "low": 0.2, "high": 0.5}
    test = test_of("gender: female", 0.25, 0.001, **about, metric="false match rate") | odds
    threshold = {"quantity": "verification threshold", **about, "tested_on": "faces"}
    thresholds = {**threshold, "group": "by: gender", "estimate": 0.4, "share": 0.001}
    found = models(table(*rates, test, thresholds), study)["audited"]
    (task,) = next(model for model in found if model["name"] == "verifier")["tasks"]
    assert task["shown"] == ["false match rate", "false non-match rate"]
    assert (task["verdict"]["found"]["group"], task["verdict"]["way"]) == ("gender: male", "worse")
    assert task["verdict"]["found"]["estimate"] == pytest.approx(4)
    assert task["verdict"]["found"]["low"] == pytest.approx(2)
    assert [row["factor"] for row in task["thresholds"]] == ["gender"]
    groups = task["factors"]["gender"]
    assert [pair[1]["answers"] for pair in groups[0]["values"]] == [400, 400]


def test_the_card_has_each_task_apart_and_says_which_group(study: Study, tmp_path: Path) -> None:
    rows = [
        each
        for task in ("Smiling", "Young")
        for each in (
            value("all", 0.9, task=task),
            value("gender: male", 0.9, task=task),
            value("gender: female", 0.8, task=task),
            value("gender: other", None, task=task, persons=7),
            value("age: 0 to 29", None, task=task),
            test_of("gender: female", -0.1, 0.0001, task=task),
            value("all", 0.9, task=task, metric="accuracy"),
            test_of("gender: female", -0.1, 0.0001, task=task, metric="accuracy"),
        )
    ]
    write_table(table(*rows), tmp_path / "estimates.parquet", ESTIMATES)
    write_audit_card(
        measure_estimates=tmp_path / "estimates.parquet",
        card=tmp_path / "card.md",
        config=study,
        audited="ours",
    )
    _, metadata, text = (tmp_path / "card.md").read_text().split("---\n", 2)
    results = yaml.safe_load(metadata)["model-index"][0]["results"]
    assert [each["task"]["name"] for each in results] == ["Smiling", "Young"]
    assert [len(each["metrics"]) for each in results] == [4, 4], "two of all, two groups"
    assert "worse, balanced accuracy −0.100 [−0.120, −0.080] less the others" in text
    assert "adjusted p < 0.001" in text
    assert "Groups differ by accuracy, too, each adjusted by itself." in text
    assert "| gender: other | 100 | 7 | hidden |" in text
    assert "| age: 0 to 29 | 100 | 50 | not defined |" in text


def test_tones_are_in_degrees_with_a_true_minus() -> None:
    assert in_words("gender: male × skin tone: -3.5 to 2") == "gender: male × skin tone: −3.5 to 2°"


def test_a_figure_has_every_model_and_no_more_lines_than_fit(tmp_path: Path) -> None:
    rows = [value("all", 0.9, task="Young", model="theirs"), value("all", 0.9)]
    rows += [value(f"race_raw: {k:03}", 0.8) for k in range(400)]
    rows += [value("gender: male", 0.8, task="Young", model="theirs")]
    write_table(table(*rows), tmp_path / "estimates.parquet", ESTIMATES)
    display = Display(sides={}, datasets={"faces": "faces (drawn)"})
    svg = tmp_path / "a.svg"
    plot_models(
        estimates=tmp_path / "estimates.parquet",
        png=tmp_path / "a.png",
        svg=svg,
        display=display,
    )
    for words in ("ours", "theirs", "341 more groups are in the table alone"):
        assert words in svg.read_text()
