"""Epochs till convergence: never a ceiling, of any scale, right where the answer is known."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facegap.classify import configurations
from facegap.classify.configurations import Job, _outcomes
from facegap.classify.training import Saving, epochs_to_convergence
from facegap.configurations import Configuration
from facegap.resume import Resume, Warnings
from facegap.settings.classify import Training

SHARE = 0.05
CURVES = st.lists(st.integers(1, 1000), min_size=1, max_size=40).map(lambda v: np.array(v) / 256)


@given(CURVES)
def test_never_before_the_first_epoch_or_beyond_the_last(losses: np.ndarray) -> None:
    found = epochs_to_convergence(losses, SHARE)
    assert found is None or 1 <= found <= len(losses)


@given(CURVES, st.sampled_from([0.25, 3.0, 1000.0]), st.sampled_from([0.0, 0.5, 10.0]))
def test_neither_scale_nor_shift_changes_it(losses: np.ndarray, scale: float, shift: float) -> None:
    found = epochs_to_convergence(losses, SHARE)
    assert epochs_to_convergence(scale * losses + shift, SHARE) == found


@pytest.mark.parametrize("constant", [1.5, 2, 3, 5, 8])
@pytest.mark.parametrize("floor", [0.0, 0.3])
def test_an_exponential_fall_ends_where_the_formula_says(constant: float, floor: float) -> None:
    """A centred mean of an exponential is the exponential times a constant, `c`."""
    epochs = 12 * int(constant + 1)
    losses = floor + 0.4 * np.exp(-np.arange(epochs) / constant)
    c = (1 + 2 * np.cosh(1 / constant) + 2 * np.cosh(2 / constant)) / 5
    exact = constant * np.log(c / SHARE) + 1
    assert epochs_to_convergence(losses, SHARE) == int(np.ceil(exact))
    plain = constant * np.log(1 / SHARE) + 1  # of the curve as it is
    assert 0 <= exact - plain < 1


@pytest.mark.parametrize("epochs", [2, 5, 6, 30])
def test_a_line_that_still_falls_has_not_converged(epochs: int) -> None:
    assert epochs_to_convergence(np.linspace(0.7, 0.1, epochs), SHARE) is None


@given(st.integers(6, 40), st.floats(0.06, 0.5), st.floats(0.001, 0.04))
def test_what_falls_in_the_last_five_epochs_decides(epochs: int, more: float, less: float) -> None:
    for fall, converged in ((more, False), (less, True)):
        losses = np.concatenate([np.full(epochs, 1.0), np.full(epochs, fall)])
        losses = np.concatenate([losses, np.linspace(fall, 0, 6)[1:]])
        assert (epochs_to_convergence(losses, SHARE) is not None) == converged


@pytest.mark.parametrize("losses", [[0.4], [0.7] * 30, [0.3, 0.4, 0.5], [0.1] + 29 * [0.1 + 1e-12]])
def test_a_loss_that_never_falls_has_no_way_to_go(losses: list[float]) -> None:
    assert epochs_to_convergence(np.array(losses), SHARE) == 1


@pytest.mark.parametrize("noise", [0.02, 0.05])
def test_a_plateau_with_noise_is_not_waited_out(noise: float) -> None:
    """The fall is over in epoch 7; the first from which all stay near the lowest is 29 to 31."""
    rng = np.random.default_rng(0)
    curve = 0.3 + 0.4 * np.exp(-np.arange(30) / 2)
    found = [
        epochs_to_convergence(curve * (1 + rng.normal(0, noise, 30)), SHARE) for _ in range(500)
    ]
    has = [epoch for epoch in found if epoch is not None]
    assert 6 <= np.median(has) <= 10
    assert np.quantile(has, 0.8) <= 12
    assert len(has) > 0.8 * len(found)


def curve(kind: str, epochs: int) -> np.ndarray:
    return np.exp(-np.arange(epochs)) if kind == "converged" else np.linspace(1, 0, epochs)


@pytest.mark.parametrize("head", ["converged", "falling"])
@pytest.mark.parametrize("fine", ["converged", "falling"])
def test_head_and_fine_tuning_are_added_and_missing_if_either_is(
    head: str, fine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    each = Configuration("vgg16", "plain", "adam", "sgd")
    job = Job([each], "source", "full", {}, None, Training(repeats=2), None, 1, None, tmp_path)  # type: ignore[arg-type]

    class Heads:
        def of_repeat(self, place: int) -> None: ...

    curves = np.stack([curve(head, 30)] * 2, 1)
    monkeypatch.setattr(configurations, "trained_heads", lambda *_: (Heads(), curves))
    after = curve(fine, 20)
    monkeypatch.setattr(configurations, "_fine_tuned", lambda *_: (("tail", "head"), after))

    def states(name: str) -> Saving:
        return Saving(Resume(tmp_path / name, "digest"), Warnings())

    outcomes = _outcomes(job, states, {})
    epochs = {outcome.stage: outcome.epochs for outcome in outcomes}
    alone = {
        kind: epochs_to_convergence(curve(kind, 30), SHARE) for kind in ("converged", "falling")
    }
    assert alone["falling"] is None
    assert epochs["head"] == alone[head]
    both = "falling" not in (head, fine)
    assert epochs["fine-tuned"] == (2 * alone["converged"] if both else None)
