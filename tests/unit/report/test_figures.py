"""Figures: the same bytes each time, nothing cut off, and the right faces in them."""

import json
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from facegap import tables, theme
from facegap.report import figures, plots


def drawn_twice(folder: Path, draw: object, *inputs: object) -> bool:
    """Whether two drawings have the same bytes, as PNG and as SVG."""
    names = [[folder / f"{name}.{suffix}" for suffix in ("png", "svg")] for name in "ab"]
    for paths in names:
        draw(*inputs, paths)  # type: ignore[operator]
    return all(a.read_bytes() == b.read_bytes() for a, b in zip(*names, strict=True))


def samples(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    plain = rng.integers(0, 255, (2, 8, 8, 3)).astype("uint8")
    views = rng.integers(0, 255, (2, 3, 8, 8, 3)).astype("uint8")
    dataset = np.array(["source", "target"])
    np.savez(folder / "samples.npz", plain=plain, crop=plain, views=views, dataset=dataset)
    return folder / "samples.npz"


def table(folder: Path) -> Path:
    rows = [
        ("Adam/SGD", "Loss", 1.6, 0.0, 3.4, 0.446),
        ("Adam/SGD", "Accuracy", 0.6, 0.3, 0.9, 0.721),
        ("Adam/SGD", "Time", np.nan, np.nan, np.nan, 45.0),
    ]
    columns = ["row", "column", "ours", "low", "high", "published"]
    frame = pd.DataFrame(rows, columns=columns)
    frame["difference"] = frame["ours"] - frame["published"]
    tables.write(frame, folder / "table.csv", tables.REPORTED)
    return folder / "table.csv"


def gap(folder: Path) -> Path:
    part = {"gap": {"low": -0.1, "estimate": 0.1, "high": 0.3}}
    cell = {"backbone": "vgg16", "view": "plain", "tune_optimiser": "adam"}
    cells = [{**cell, "fine_tune_optimiser": "sgd", **part}]
    (folder / "gap.json").write_text(json.dumps({"all": part, "cells": cells}))
    return folder / "gap.json"


def test_sheets_are_the_same_bytes_each_time(tmp_path: Path) -> None:
    assert drawn_twice(tmp_path, figures.draw_augmentations, samples(tmp_path))


def test_plots_are_the_same_bytes_each_time(tmp_path: Path) -> None:
    assert drawn_twice(tmp_path, plots.draw_gap, gap(tmp_path))


def test_nothing_of_a_table_lies_off_its_axes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Figure] = []
    monkeypatch.setattr(theme, "save_as", lambda figure, paths: kept.append(figure))
    plots.draw_tables([table(tmp_path)], [[tmp_path / "x.png"]])
    loss, accuracy, time = kept[0].axes
    assert covers(loss, 0.0, 3.4)
    assert covers(accuracy, 0.3, 0.9)
    assert covers(time, 45.0, 45.0)
    plt.close(kept[0])


def covers(axes: Axes, low: float, high: float) -> bool:
    left, right = axes.get_xlim()
    return left <= low and high < right


def crops(folder: Path, faces: int) -> tuple[list[Path], Path]:
    ids = [f"f{k}" for k in range(faces)]
    pictures = np.arange(faces, dtype="uint8")[:, None, None, None]
    np.save(folder / "shard-0.npy", np.broadcast_to(pictures, (faces, 4, 4, 3)))
    aligned = pd.DataFrame({"face_id": ids, "shard": 0, "row": range(faces)})
    tables.write(aligned, folder / "aligned.parquet", tables.ALIGNED)
    return [folder / "shard-0.npy"], folder / "aligned.parquet"


@pytest.mark.parametrize(
    ("provenance", "side", "confidence", "title", "shown"),
    [
        (
            ["agreed", "contentious", "agreed"],
            "outside",
            None,
            "Faces on which people differ: 1, placed 1 in B",
            [1],
        ),
        (["proposed"] * 3, "inside", [0.9, 0.5, 0.7], "No face is contentious", [0, 1, 2]),
        (["own label"] * 3, "inside", None, None, []),
    ],
)
def test_figure_3_shows_contentious_faces_or_says_that_there_are_none(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    provenance: list[str],
    side: str,
    confidence: list[float] | None,
    title: str | None,
    shown: list[int],
) -> None:
    shards, aligned = crops(tmp_path, 3)
    placed = pd.DataFrame({"face_id": ["f0", "f1", "f2"], "side": side, "provenance": provenance})
    placed["simulated"] = False
    placed["confidence"] = pd.Series(confidence, dtype=float) if confidence else np.nan
    tables.write(placed, tmp_path / "sides.parquet", tables.FACE_SIDES)
    own = placed.iloc[:0][["face_id", "side", "provenance"]].assign(annotators="", simulated=False)
    tables.write(own, tmp_path / "labels.parquet", tables.LABELS)
    kept: list[Figure] = []
    monkeypatch.setattr(theme, "save_as", lambda figure, paths: kept.append(figure))
    names = {"inside": "A", "outside": "B"}
    labels, sides = tmp_path / "labels.parquet", tmp_path / "sides.parquet"
    figures.draw_contentious(labels, sides, shards, aligned, names, [])
    axes = kept[0].axes[0]
    assert [int(image.get_array()[0, 0, 0]) for image in axes.get_images()] == shown
    words = " ".join(text.get_text() for text in axes.texts)
    assert (title or "labels the boundary itself") in words
    plt.close(kept[0])


def test_a_figure_that_fails_leaves_nothing(tmp_path: Path) -> None:
    theme.use()
    figure, _ = plt.subplots()
    figure.savefig = None  # type: ignore[method-assign, assignment]
    with pytest.raises(TypeError):
        theme.save(figure, tmp_path / "x.png")
    assert not list(tmp_path.iterdir())
    plt.close(figure)


def test_figure_4_shows_the_best_median_and_worst_by_score(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faces = [f"{side}{k}" for side in "ab" for k in range(5)]
    rows = pd.DataFrame({"face_id": faces * 2, "kind": ["original"] * 10 + ["translation"] * 10})
    rows = rows.assign(
        row=range(20),
        subject_id=rows["face_id"],
        domain=["in-domain" if face[0] == "a" else "out-domain" for face in rows["face_id"]],
        control=pd.Series(dtype="str"),
        attribute=pd.Series([None] * 10 + ["Dark"] * 10, dtype="str"),
        value=pd.array([pd.NA] * 10 + [1] * 10, dtype="Int8"),
    )
    tables.write(
        rows[list(tables.TRANSLATIONS.columns)], tmp_path / "t.parquet", tables.TRANSLATIONS
    )
    shown = [0.5, 0.9, 0.1, 0.7, 0.3, 0.2, 0.4, 0.6, 0.8, 1.0]
    scores = pd.DataFrame({"seed": 1, "row": range(10, 20), "shown": shown})
    scores = pd.concat([scores, scores.assign(seed=2, shown=0.5)]).assign(identity=0, perceptual=0)
    tables.write(scores, tmp_path / "s.parquet", tables.SCORES)
    images = np.repeat(np.arange(20, dtype=np.uint8), 8 * 8 * 3).reshape(20, 8, 8, 3)
    np.save(tmp_path / "t.npy", images)
    drawn: dict[str, Any] = {}

    def sheet(pictures: Any, **words: Any) -> Figure:
        drawn.update(words, pictures=[[picture[0, 0, 0] for picture in row] for row in pictures])
        return Figure()

    monkeypatch.setattr(figures, "_sheet", sheet)
    sides = {"in-domain": "A", "out-domain": "B"}
    files = (tmp_path / name for name in ("t.npy", "t.parquet", "s.parquet"))
    figures.draw_translations(*files, sides, [tmp_path / "f.png"], seed=1)
    assert drawn["pictures"] == [[1, 11], [0, 10], [2, 12], [9, 19], [7, 17], [5, 15]]
    assert drawn["rows"][0::3] == ["A\nbest", "B\nbest"]
    assert drawn["line"] == 3
