"""Over simulated studies, intervals cover and tests reject as often as they promise."""

import numpy as np
import pandas as pd
import pytest

from facegap import cli
from facegap.judge.estimates import model
from facegap.judge.power import estimate, power, simulate

DESIGN = {"participants": 3, "pairs": 300, "persons": 40}


@pytest.mark.parametrize(("share", "truth"), [(0.5, 0.5), (0.6, 0.593)])
def test_over_500_studies_the_interval_covers_and_the_test_rejects(
    share: float, truth: float
) -> None:
    studies = simulate(np.random.default_rng(1), 500, share, **DESIGN)
    assert studies.truth == pytest.approx(truth, abs=0.001)
    found, width, p = estimate(studies)
    assert 0.93 <= (abs(found - studies.truth) <= width).mean() <= 0.97
    rejected = (p < 0.05).mean()
    assert 0.03 <= rejected <= 0.07 if share == 0.5 else rejected > 0.85


def test_the_fast_estimator_is_the_models() -> None:
    studies = simulate(np.random.default_rng(2), 5, 0.6, **DESIGN)
    for chose_in, one, two, share, width in zip(*studies[:3], *estimate(studies)[:2], strict=True):
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
        found = model(answers, ["male"], 0.95)["share"]["male"]
        assert found["estimate"] == pytest.approx(share, abs=0.004)
        assert (found["high"] - found["low"]) / 2 == pytest.approx(width, rel=0.08)


def test_power_grows_with_the_effect_and_with_the_answers() -> None:
    def of(share: float, participants: int) -> float:
        return power(share, participants, 100, persons=100, seed=1, studies=200)["power"]

    assert of(0.5, 3) < 0.12
    assert of(0.55, 3) < of(0.55, 10) < of(0.6, 10)
    assert of(0.6, 10) > 0.95
    assert power(0.55, 3, 100, persons=100, seed=1) == power(0.55, 3, 100, persons=100, seed=1)


def test_the_command_prints_a_row_a_design(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--share", "0.6", "--participants", "3", "6", "--pairs", "50", "--persons", "30"]
    assert cli.main(["judge", "power", *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == [
        *("share", "participants", "pairs", "persons", "power"),
        "half_width",
    ]
    assert len(lines) == 3
