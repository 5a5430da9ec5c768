"""Figures write the same bytes; the page's numbers are words a reader can take in."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

from facegap import theme
from facegap.report.figures import draw_augmentations
from facegap.report.page import count, number, percent, span


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_a_figure_is_the_same_bytes_each_time(suffix: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    plain, views = rng.integers(0, 255, (2, 8, 8, 3)), rng.integers(0, 255, (2, 3, 8, 8, 3))
    arrays = {"plain": plain.astype("uint8"), "views": views.astype("uint8")}
    np.savez(tmp_path / "samples.npz", crop=arrays["plain"], **arrays)
    paths = [tmp_path / f"{name}.{suffix}" for name in "ab"]
    for path in paths:
        draw_augmentations(tmp_path / "samples.npz", [path])
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_figure_that_fails_leaves_nothing(tmp_path: Path) -> None:
    theme.use()
    figure, _ = plt.subplots()
    figure.savefig = None  # type: ignore[method-assign, assignment]
    with pytest.raises(TypeError):
        theme.save(figure, tmp_path / "x.png")
    assert not list(tmp_path.iterdir())
    plt.close(figure)


def test_numbers_as_a_reader_sees_them() -> None:
    assert number(None) == number(float("nan")) == "–"
    assert number(-0.12345) == "−0.123"
    assert span(0.1, 0.25, 2) == "[0.10, 0.25]"
    assert span(None, 0.2) == span(0.1, float("nan")) == ""
    assert percent(0.5678) == "56.8 %"
    assert count(202599) == "202\u202f599"
