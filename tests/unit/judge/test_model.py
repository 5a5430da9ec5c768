"""The headline finds nothing where nothing is, and power is that of the tests that are printed."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from facegap import cli
from facegap.groups import ALL
from facegap.judge.model import absences, effects, model, preferences
from facegap.statistics.power import estimate, power, simulate
from facegap.statistics.proportions import wilson
from facegap.tables.measure import estimates

CONTROLS = ["male", "female"]
MEN = "control: male"


def simulated(
    rng: np.random.Generator, studies: int, share: float, design: tuple[int, int, int]
) -> Iterator[pd.DataFrame]:
    """Answers of studies of participants, pairs of each, and persons, half of them men."""
    participants, pairs, persons = design
    halves = [
        simulate(rng, studies, share, participants, pairs // 2, persons // 2) for _ in CONTROLS
    ]
    people = pd.Series(np.tile(halves[0].participant, 2)).astype("category")
    controls = pd.Series(np.repeat(CONTROLS, len(people) // 2)).astype("category")
    for k in range(studies):
        one, two = (
            np.concatenate([getattr(half, side)[k] for half in halves]) for side in ("one", "two")
        )
        apart = np.repeat([0, persons], len(people) // 2)
        yield pd.DataFrame(
            {
                "chose_in": np.concatenate([half.chose_in[k] for half in halves]),
                "control": controls,
                "participant": people,
                "in_left": np.arange(len(people)) % 2 == 0,
                "in_subject": one + apart,
                "out_subject": two + apart,
            }
        )


def found(answers: pd.DataFrame) -> list[dict[str, Any]]:
    """What the page prints of them: of all, then Table 5."""
    return list(preferences(model(answers, CONTROLS), "preference", 0.95, metric="choice"))


def p_values(answers: pd.DataFrame) -> list[float]:
    """Of all, and of men."""
    return [row["p"] for row in found(answers)[:2]]


def test_with_nothing_to_find_the_headline_finds_it_in_5_of_100_studies() -> None:
    """And with intervals that take answers as independent it was found in 19."""
    false, naive, of_rows, adjusted, studies = 0, 0, 0, 0, 600
    for answers in simulated(np.random.default_rng(1), studies, 0.5, (3, 300, 40)):
        headline, *table5 = found(answers)
        assert headline["group"] == ALL
        false += not headline["low"] <= 0.5 <= headline["high"]
        of_rows += min(row["p"] for row in table5) < 0.05
        adjusted += min(row["adjusted_p"] for row in table5) < 0.05
        plain = wilson(int(answers["chose_in"].sum()), len(answers), 0.95)
        naive += not plain.low <= 0.5 <= plain.high
    assert 0.03 <= false / studies <= 0.07
    assert naive / studies > 0.15, "Wilson's"
    assert adjusted / studies <= 0.07 < of_rows / studies, "two tests find more than one does"


@pytest.mark.parametrize("design", [(3, 300, 40), (3, 60, 20)])
def test_what_is_called_detectable_is_found_8_times_of_10(design: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(1)
    shares = [
        row["estimate"]
        for answers in simulated(rng, 50, 0.5, design)
        for row in absences(model(answers, CONTROLS), 0.95)
        if (row["quantity"], row["group"]) == ("detectable preference", MEN)
    ]
    share = float(np.mean(shares))
    tests = [p_values(answers)[1] < 0.05 for answers in simulated(rng, 200, share, design)]
    assert np.mean(tests) == pytest.approx(0.8, abs=0.1)


def test_each_row_has_its_error_and_what_it_could_have_found() -> None:
    (answers,) = simulated(np.random.default_rng(3), 1, 0.6, (3, 300, 40))
    fitted = model(answers, CONTROLS)
    table = estimates(found(answers), "test").set_index("group")
    assert list(table.index) == [
        ALL,
        *(f"control: {name}{side}" for name in CONTROLS for side in ("", " × chosen: out-domain")),
    ]
    of_all, men, others = (table.loc[name] for name in (ALL, MEN, f"{MEN} × chosen: out-domain"))
    assert (men["answers"], of_all["answers"]) == (450, 900)
    assert (men["persons"], of_all["persons"], men["participants"]) == (20, 40, 3)
    odds = logit(table.loc[[MEN, "control: female"], "estimate"].astype(float))
    assert of_all["estimate"] == pytest.approx(expit(odds.mean()))
    assert [1 - others[name] for name in ("estimate", "high", "low")] == pytest.approx(
        [men[name] for name in ("estimate", "low", "high")]
    )
    assert others["p"] == men["p"]
    assert np.isnan(of_all["adjusted_p"])
    smaller, larger = sorted(table.loc[[MEN, "control: female"], "p"])
    assert table["adjusted_p"].min() == pytest.approx(min(2 * smaller, 1))
    assert table["adjusted_p"].max() == pytest.approx(max(larger, min(2 * smaller, 1)))
    reach = (logit(men["high"]) - logit(men["low"])) / 2
    assert reach == pytest.approx(2.093024 * men["standard_error"], rel=1e-5), "t of 19 degrees"
    wanted = (2.093024 + 0.860951) * men["standard_error"]
    assert men["smallest_detectable_effect"] == pytest.approx(wanted, rel=1e-5)
    absent = estimates(absences(fitted, 0.95), "test").set_index(["quantity", "group"])["estimate"]
    assert absent["detectable preference", MEN] == pytest.approx(expit(wanted))
    end = abs(logit(men["estimate"])) + 1.729133 * men["standard_error"]
    assert absent["preference bound", MEN] == pytest.approx(expit(end), rel=1e-5)


def test_answers_that_cancel_out_on_each_person_have_no_error_and_no_model() -> None:
    four = pd.DataFrame(
        {
            "chose_in": [True, False, False, True] * 2,
            "control": np.repeat(CONTROLS, 4),
            "participant": "p1",
            "in_left": [True, True, False, False] * 2,
            "in_subject": [*"aabb", *"eeff"],
            "out_subject": [*"cdcd", *"ghgh"],
        }
    )
    fitted = model(four, CONTROLS)
    assert fitted.reason == "too few answers to estimate an error"
    assert not list(preferences(fitted, "preference", 0.95))


def test_the_fast_estimator_is_the_models() -> None:
    rng = np.random.default_rng(2)
    studies = simulate(rng, 5, 0.6, participants=3, pairs=300, persons=40)
    quick = estimate(studies)
    for chose_in, one, two, share, width in zip(
        *studies[:3], quick.share, quick.half_width(0.95), strict=True
    ):
        answers = pd.DataFrame(
            {
                "chose_in": chose_in,
                "control": "male",
                "participant": studies.participant.astype(str),
                "in_left": np.arange(900) % 2 == 0,
                "in_subject": one.astype(str),
                "out_subject": two.astype(str),
            }
        )
        of_all = next(preferences(model(answers, ["male"]), "preference", 0.95))
        assert of_all["estimate"] == pytest.approx(share, abs=0.004)
        assert (of_all["high"] - of_all["low"]) / 2 == pytest.approx(width, rel=0.08)


def test_the_power_of_a_row_is_how_often_that_row_is_found() -> None:
    """With half the answers and persons of the whole study, it is much less than the whole's."""
    studies = simulated(np.random.default_rng(4), 200, 0.6, (3, 300, 40))
    rejected = np.mean([np.array(p_values(answers)) < 0.05 for answers in studies], axis=0)
    for group, (pairs, persons) in enumerate(((300, 40), (150, 20))):
        promised = power(0.6, 3, pairs, persons=persons, seed=1)["power"]
        assert rejected[group] == pytest.approx(promised, abs=0.08)
    assert rejected[0] - rejected[1] > 0.15


def test_effects_have_an_error_and_a_size_of_their_own() -> None:
    (answers,) = simulated(np.random.default_rng(5), 1, 0.6, (3, 300, 40))
    left, apart = effects(model(answers, CONTROLS), 0.95)
    assert (left["quantity"], apart["group"]) == ("left effect", "control: male − female")
    assert (left["persons"], apart["persons"]) == (40, 20)
    assert apart["low"] < apart["estimate"] < apart["high"]
    assert apart["smallest_detectable_effect"] > 2.8 * apart["standard_error"]


def test_the_command_prints_a_row_a_design_and_test(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--share", "0.6", "--participants", "3", "6", "--pairs", "50", "--persons", "30"]
    assert cli.main(["judge", "power", *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == [
        *("test", "share", "participants", "pairs", "persons", "power"),
        *("half_width", "detectable"),
    ]
    assert [line.split("0.600")[0].strip() for line in lines[1:]] == [
        *("all answers", "a row of Table 5") * 2
    ]
    whole, part = (line.split()[-6:] for line in lines[1:3])
    assert (whole[1:3], part[1:3]) == (["50", "30"], ["25", "15"])
    assert float(part[3]) < float(whole[3])
    assert float(whole[5]) < float(part[5]) < 1
