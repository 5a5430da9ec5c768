"""The power of a study is that of the model that analyses it, and a command prints it."""

import numpy as np
import pandas as pd
import pytest

from facegap import cli
from facegap.judge.model import model, model_rows
from facegap.statistics.power import estimate, simulate

DESIGN = {"participants": 3, "pairs": 300, "persons": 40}


def test_the_fast_estimator_is_the_models() -> None:
    studies = simulate(np.random.default_rng(2), 5, 0.6, **DESIGN)
    for chose_in, one, two, share, width in zip(
        *studies[:3], *estimate(studies, 0.95)[:2], strict=True
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
        found = next(model_rows(model(answers, ["male"]), 0.95))
        assert found["estimate"] == pytest.approx(share, abs=0.004)
        assert (found["high"] - found["low"]) / 2 == pytest.approx(width, rel=0.08)


def test_the_command_prints_a_row_a_design(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--share", "0.6", "--participants", "3", "6", "--pairs", "50", "--persons", "30"]
    assert cli.main(["judge", "power", *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == [
        *("share", "participants", "pairs", "persons", "power"),
        "half_width",
    ]
    assert len(lines) == 3
