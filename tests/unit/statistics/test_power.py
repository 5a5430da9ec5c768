"""Over simulated studies, intervals cover and tests reject as often as they promise."""

import numpy as np
import pytest

from facegap.statistics.power import estimate, power, simulate

DESIGN = {"participants": 3, "pairs": 300, "persons": 40}


@pytest.mark.parametrize(("share", "truth"), [(0.5, 0.5), (0.6, 0.593)])
def test_over_500_studies_the_interval_covers_and_the_test_rejects(
    share: float, truth: float
) -> None:
    studies = simulate(np.random.default_rng(1), 500, share, **DESIGN)
    assert studies.truth == pytest.approx(truth, abs=0.001)
    found = estimate(studies)
    covered = abs(found.share - studies.truth) <= found.half_width(0.95)
    assert 0.93 <= covered.mean() <= 0.97
    rejected = (found.p < 0.05).mean()
    assert 0.03 <= rejected <= 0.07 if share == 0.5 else rejected > 0.85


def test_power_grows_with_the_effect_and_with_the_answers() -> None:
    def of(share: float, participants: int) -> float:
        return power(share, participants, 100, persons=100, seed=1, studies=200)["power"]

    assert of(0.5, 3) < 0.12
    assert of(0.55, 3) < of(0.55, 10) < of(0.6, 10)
    assert of(0.6, 10) > 0.95
    assert power(0.55, 3, 100, persons=100, seed=1) == power(0.55, 3, 100, persons=100, seed=1)


def test_the_detectable_share_is_found_8_times_of_10() -> None:
    """A little less often, as the share over persons lies nearer to one half (see `simulate`)."""
    share = power(0.5, 3, 300, persons=100, seed=1)["detectable"]
    assert power(share, 3, 300, persons=100, seed=1)["power"] == pytest.approx(0.77, abs=0.06)
