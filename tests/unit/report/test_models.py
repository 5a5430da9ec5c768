"""Figures of the classifiers: every group and cell is in them, and the same bytes each time."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from facegap import tables, theme
from facegap.report import models

SIDES = {"inside": "Caucasian", "outside": "Other"}
ESTIMATE = {"value": 0.8, "low": 0.7, "high": 0.86, "faces": 90}


def inputs(folder: Path) -> dict[str, Path]:
    """Small tables of each kind, and two faces with what their pixels say."""
    groups = [("all", "all"), ("side", "inside"), ("side", "outside")]
    groups += [("side × gender", "inside, male"), ("side × gender", "outside, female")]
    frames = {
        "groups": pd.DataFrame(
            [
                {"dataset": dataset, "factors": a, "group": b, **ESTIMATE, "persons": 30}
                for dataset in ("source", "target")
                for a, b in groups
            ]
        ),
        "calibration": pd.DataFrame(
            [
                {"dataset": dataset, "bin": k, "probability": k / 4, **ESTIMATE}
                for dataset in ("source", "target")
                for k in range(5)
            ]
        ),
        "transfer": pd.DataFrame(
            [
                {"trained_on": a, "tested_on": b, **ESTIMATE, "fall": 0, "fall_low": 0}
                for a in ("source", "target")
                for b in ("source", "target", "third")
            ]
        ).assign(fall_high=0.0),
    }
    for name, frame in frames.items():
        tables.write(frame, folder / f"{name}.csv", getattr(tables, name.upper()))
    rng = np.random.default_rng(0)
    np.savez(
        folder / "saliency.npz",
        face=rng.integers(0, 256, (2, 16, 16, 3), dtype=np.uint8),
        saliency=rng.normal(size=(2, 16, 16)).astype(np.float32),
        dataset=np.array(["source", "target"]),
        side=np.array(["inside", "outside"]),
        face_id=np.array(["a", "b"]),
    )
    return {name: folder / f"{name}.csv" for name in frames} | {"saliency": folder / "saliency.npz"}


def test_the_same_bytes_each_time(tmp_path: Path) -> None:
    given = inputs(tmp_path)
    for name in "ab":
        outputs = [[tmp_path / f"{name}{k}.png", tmp_path / f"{name}{k}.svg"] for k in range(4)]
        models.draw_models(**given, outputs=outputs, sides=SIDES)
    for path in tmp_path.glob("a?.*"):
        assert path.read_bytes() == (tmp_path / path.name.replace("a", "b", 1)).read_bytes()


def test_groups_and_cells_are_named_in_peoples_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Figure] = []
    monkeypatch.setattr(theme, "save_as", lambda figure, paths: kept.append(figure))
    models.draw_models(**inputs(tmp_path), outputs=[[], [], [], []], sides=SIDES)
    groups, calibration, transfer, saliency = kept
    lines = [label.get_text() for label in groups.axes[0].get_yticklabels()]
    assert lines == ["all", "Caucasian", "Other", "Caucasian, male", "Other, female"]
    assert "Caucasian" in calibration.axes[0].get_xlabel()
    words = [text.get_text() for text in transfer.axes[0].texts]
    assert words.count("0.800\n[0.70, 0.86]") == 6, "nothing was trained on the third"
    titles = [axes.get_title("left") for axes in saliency.axes]
    assert titles[:2] == ["source\nCaucasian", "target\nOther"]
    for figure in kept:
        plt.close(figure)
