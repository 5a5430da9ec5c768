"""Figures: one registry, the same bytes each time, nothing cut off, and the right faces in them."""

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_type_hints

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from facegap import theme
from facegap.report import crossed, models, plots, sheets
from facegap.report.figures import FIGURES, plot_of
from facegap.report.page import SECTIONS
from facegap.tables.acquire import REJECTED
from facegap.tables.align import ALIGNED
from facegap.tables.annotate import LABELS
from facegap.tables.base import read_table, write_table
from facegap.tables.measure import ESTIMATES, SCORES, estimates
from facegap.tables.partition import FACE_SIDES
from facegap.tables.report import REPORTED
from facegap.tables.synthesise import TRANSLATIONS

DISPLAY = theme.Display(
    sides={"inside": "A", "outside": "B"}, datasets={"source": "source (utkface)"}
)
SECTION_TEMPLATES = Path(inspect.getfile(sheets)).parent


def same_twice(folder: Path, plot: Callable[..., None], **inputs: Any) -> bool:
    """Whether two plots have the same bytes, as PNG and as SVG."""
    for name in "ab":
        plot(**inputs, png=folder / f"{name}.png", svg=folder / f"{name}.svg")
    assert (folder / "a.png").stat().st_size > 3000
    return all(
        (folder / f"a.{end}").read_bytes() == (folder / f"b.{end}").read_bytes()
        for end in ("png", "svg")
    )


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that would be written."""
    figures: list[Figure] = []
    monkeypatch.setattr(theme, "save_as", lambda figure, paths: figures.append(figure))
    return figures


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)
def test_an_entry_of_the_registry_fits_its_plot_function(figure: Any) -> None:
    function = plot_of(f"facegap_plot_{figure.name}")
    assert function is plot_of(f"plot_{figure.name}")
    names = set(inspect.signature(function).parameters)
    assert names == {*figure.inputs, *figure.params, "png", "svg"}
    assert function.__module__ == f"facegap.{figure.module}"
    assert get_type_hints(function)["png"] is Path
    assert figure.alt
    assert figure.caption.endswith(".")


def test_the_page_has_a_place_for_every_figure() -> None:
    assert len({figure.name for figure in FIGURES}) == len(FIGURES)
    texts = [(SECTION_TEMPLATES / section.template).read_text() for section in SECTIONS]
    for figure in FIGURES:
        call = f'pictures("{figure.section}")'
        if figure.section.startswith("table"):
            call = f"result({figure.section.removeprefix('table')})"
        assert sum(text.count(call) for text in texts) == 1, figure.name


def samples(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    plain = rng.integers(0, 255, (2, 8, 8, 3)).astype("uint8")
    copies = rng.integers(0, 255, (2, 3, 8, 8, 3)).astype("uint8")
    dataset = np.array(["source", "target"])
    np.savez(folder / "samples.npz", plain=plain, crop=plain, copies=copies, dataset=dataset)
    return folder / "samples.npz"


def table(folder: Path, epochs: float = 45.0) -> Path:
    rows = [
        ("Adam/SGD", "Loss", 1.6, 0.0, 3.4, 0.446),
        ("Adam/SGD", "Accuracy", 0.6, 0.3, 0.9, 0.721),
        ("Adam/SGD", "Time", np.nan, np.nan, np.nan, epochs),
    ]
    columns = ["row", "column", "ours", "low", "high", "published"]
    frame = pd.DataFrame(rows, columns=columns)
    frame["difference"] = frame["ours"] - frame["published"]
    frame["note"] = None
    write_table(frame, folder / "table.csv", REPORTED)
    return folder / "table.csv"


def rows(folder: Path, *given: dict[str, Any]) -> Path:
    write_table(estimates(given, "small"), folder / "estimates.parquet", ESTIMATES)
    return folder / "estimates.parquet"


def gap(folder: Path) -> dict[str, Path]:
    """Rows of a selected and another model, with equal terms and a control."""
    name = "vgg16, augmented, adam/sgd"
    part = {"metric": "balanced accuracy", "low": -0.1, "estimate": 0.1, "high": 0.3}
    (folder / "selected.json").write_text(json.dumps({"name": name}))
    path = rows(
        folder,
        {**part, "quantity": "transfer gap", "model": "vgg16, plain, adam/sgd"},
        *(
            {**part, "quantity": quantity, "model": name, "arm": arm}
            for arm in (None, "equal", "exchanged")
            for quantity in ("transfer gap", "transfer loss")
        ),
        {**part, "quantity": "transfer loss", "metric": "accuracy", "model": name},
    )
    return {"classification": path, "selected": folder / "selected.json"}


def test_sheets_are_the_same_bytes_each_time(tmp_path: Path) -> None:
    assert same_twice(tmp_path, sheets.plot_preprocessing, samples=samples(tmp_path))


def test_plots_are_the_same_bytes_each_time(tmp_path: Path) -> None:
    assert same_twice(tmp_path, models.plot_gap, **gap(tmp_path))


def tasks(folder: Path) -> Path:
    """Rows of two tasks, one of which the source alone has, and one dose curve."""
    part = {"metric": "balanced accuracy", "low": 0.6, "estimate": 0.7, "high": 0.8}
    sets = {"gender": ("source", "target"), "Smiling": ("source",)}
    heads = [
        {**part, "task": task, "trained_on": one, "tested_on": other, "share": share}
        for task, names in sets.items()
        for one in names
        for other in names
        for share in (0.0, 0.25, 0.5, 1.0)
        if task == "gender" or share != 0.25
    ]
    return rows(
        folder,
        *({**row, "quantity": "group gap"} for row in heads),
        *(
            {**row, "quantity": "task performance", "group": f"side: {side}"}
            for row in heads
            for side in ("inside", "outside")
        ),
        *({**part, "quantity": "interaction", "task": task} for task in ("all", *sets)),
        *(
            {**part, "quantity": "own-side advantage", "task": "gender", "group": f"side: {side}"}
            for side in ("inside", "outside")
        ),
        {**part, "quantity": "data-set effect", "task": "gender", "tested_on": "target"}
        | {"trained_on": "source"},
    )


def test_crossed_designs_are_matrices_with_a_gap_where_there_is_no_label(
    tmp_path: Path, shown: list[Figure]
) -> None:
    display = theme.Display({"inside": "A", "outside": "B"}, {"source": "s", "target": "t"})
    about = {"task_estimates": tasks(tmp_path), "display": display}
    crossed.plot_crossed(**about, png=tmp_path, svg=tmp_path)
    gender, smiling = shown[0].axes[:2]
    assert [len(axes.texts) for axes in (gender, smiling)] == [24, 6]
    assert {text.get_text() for text in gender.texts} == {"70"}
    labels = [label.get_text() for label in gender.get_yticklabels()]
    assert labels == [
        f"{name}, {side}" for name in ("source", "target") for side in ("A", "both", "B")
    ]
    crossed.plot_effects(**about, png=tmp_path, svg=tmp_path)
    assert [axes.get_title(loc="left") for axes in shown[1].axes] == ["all", "gender", "Smiling"]
    lines = [label.get_text() for label in shown[1].axes[1].get_yticklabels()]
    assert lines == [
        *("own side, on A", "own side, on B", "interaction (their sum)"),
        "own data set, on target (source’s)",
    ]
    crossed.plot_dose(**about, png=tmp_path, svg=tmp_path)
    assert [axes.get_title(loc="left") for axes in shown[2].axes[:2]] == [
        "gender, source",
        "gender, target",
    ]
    assert shown[2].axes[0].lines[0].get_xdata().tolist() == [0, 25, 50, 100]
    for figure in shown:
        plt.close(figure)


def test_the_learning_curve_stands_beside_the_transferred_model(
    tmp_path: Path, shown: list[Figure]
) -> None:
    part = {"metric": "balanced accuracy", "low": 0.6, "estimate": 0.7, "high": 0.8}
    curve = [
        {**part, "quantity": "learning curve", "answers": n, "group": f"labelled faces: {n}"}
        for n in (64, 16)
    ]
    path = rows(tmp_path, *curve, {**part, "quantity": "performance", "model": "m"})
    crossed.plot_learning_curve(learning_curve=path, png=tmp_path, svg=tmp_path)
    (axes,) = shown[0].axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["16", "64"]
    assert axes.lines[0].get_ydata()[0] == pytest.approx(70)
    plt.close(shown[0])


def test_the_loss_stands_first_and_the_controls_last(tmp_path: Path, shown: list[Figure]) -> None:
    models.plot_gap(**gap(tmp_path), png=tmp_path, svg=tmp_path)
    lines = [label.get_text() for label in shown[0].axes[0].get_yticklabels()]
    assert lines == [
        "transfer loss",
        "transfer loss, equally many training faces",
        "transfer gap",
        "transfer gap, equally many training faces",
        "gap of vgg16, plain, adam/sgd",
        "gap of vgg16, augmented, adam/sgd",
        "transfer loss, labels exchanged",
        "transfer gap, labels exchanged",
    ]
    plt.close(shown[0])


def test_nothing_of_a_table_lies_off_its_axes(tmp_path: Path, shown: list[Figure]) -> None:
    plots.plot_table(table=table(tmp_path), png=tmp_path, svg=tmp_path)
    loss, accuracy, time = shown[0].axes
    assert covers(loss, 0.0, 3.4)
    assert covers(accuracy, 0.3, 0.9)
    assert covers(time, 45.0, 45.0)
    plt.close(shown[0])


def test_published_points_stand_only_where_something_is_published(
    tmp_path: Path, shown: list[Figure]
) -> None:
    plots.plot_table(table=table(tmp_path), png=tmp_path, svg=tmp_path)
    alone = read_table(tmp_path / "table.csv", REPORTED).assign(published=np.nan)
    write_table(alone[:2], tmp_path / "table.csv", REPORTED)
    plots.plot_table(table=tmp_path / "table.csv", png=tmp_path, svg=tmp_path)
    for figure, published in zip(shown, (True, False), strict=True):
        names = [text.get_text() for legend in figure.legends for text in legend.texts]
        assert names == (["ours", "published"] if published else [])
        points = [axes.collections[-1].get_offsets() for axes in figure.axes]
        drawn = [np.isfinite(np.ma.filled(at, np.nan).astype(float)).all() for at in points]
        assert any(drawn) == published
        plt.close(figure)


def test_no_epochs_at_all_are_an_empty_panel(tmp_path: Path, shown: list[Figure]) -> None:
    plots.plot_table(table=table(tmp_path, epochs=np.nan), png=tmp_path, svg=tmp_path)
    assert shown[0].axes[2].get_xlim() == (0, 1)
    plt.close(shown[0])


def covers(axes: Axes, low: float, high: float) -> bool:
    left, right = axes.get_xlim()
    return left <= low and high < right


@pytest.mark.parametrize("simulated", [True, False])
def test_a_table_of_simulated_answers_says_so(
    tmp_path: Path, shown: list[Figure], simulated: bool
) -> None:
    (tmp_path / "summary.json").write_text(f'{{"simulated": {str(simulated).lower()}}}')
    plots.plot_simulated_table(
        table=table(tmp_path), judge_summary=tmp_path / "summary.json", png=tmp_path, svg=tmp_path
    )
    assert ("simulated" in shown[0].axes[0].get_title(loc="right")) == simulated
    plt.close(shown[0])


def realism(folder: Path) -> Path:
    interval = {"low": 0.4, "high": 0.6}
    seeds = [
        {"quantity": "realism", "metric": metric, "seed": seed, "estimate": 0.5, **interval}
        | {"group": f"domain: {domain}", "attribute": attribute}
        for metric in ("FID",)
        for seed in (1, 2)
        for domain in ("in-domain", "out-domain")
        for attribute in (None, "Bangs")
    ]
    apart = {"metric": "FID", "estimate": -0.1, "low": -0.2, "high": 0.0, "p": 0.04}
    means = [{**row, "seed": None, "low": None, "high": None} for row in seeds[:2]]
    gaps = [{**apart, "quantity": "realism gap"}, {**apart, "quantity": "null realism gap"}]
    gaps += [{**apart, "quantity": "realism gap", "group": "control: male"}]
    gaps += [
        {
            "metric": "FID",
            "quantity": "realism floor",
            "group": f"domain: {domain}",
            "estimate": 0.3,
        }
        for domain in ("in-domain", "out-domain")
    ]
    return rows(folder, *seeds, *means, *gaps)


def test_realism_has_a_line_a_seed_and_its_gaps_in_words(
    tmp_path: Path, shown: list[Figure]
) -> None:
    plots.plot_realism(realism=realism(tmp_path), png=tmp_path, svg=tmp_path)
    panels = [axes for axes in shown[0].axes if axes.get_title(loc="left")]
    assert [axes.get_title(loc="left") for axes in panels] == ["FID"]
    assert len(panels[0].containers) == 2
    assert panels[0].get_xlabel() == "gap −0.1 [−0.2, 0]\nbetween halves [−0.2, 0]"
    floors = [line for line in panels[0].lines if line.get_linestyle() == "--"]
    assert [list(line.get_ydata()) for line in floors] == [[0.3, 0.3]] * 2
    plt.close(shown[0])


@pytest.mark.parametrize("lost", [{"female": 9, "male": 2}, {"female": 0, "male": 0}])
def test_rejections_are_the_same_pictures_each_time(tmp_path: Path, lost: dict[str, int]) -> None:
    shares = [
        {"quantity": "rejected share", "tested_on": "source", "group": f"gender: {name}"}
        | {"estimate": count / 20, "low": 0.0, "high": 0.6, "adjusted_p": 0.02 if count else None}
        for name, count in lost.items()
    ]
    places = rows(tmp_path, *shares)
    assert same_twice(tmp_path, plots.plot_rejected, rejected_shares=places, display=DISPLAY)
    count = sum(lost.values())
    noise = np.random.default_rng(0).integers(0, 255, (count, 96, 96, 3), dtype=np.uint8)
    np.save(tmp_path / "rejected.npy", noise)
    names = [f"f{k}" for k in range(count)]
    frame = pd.DataFrame({"path": names, "face_id": names, "reason": "no face was found"})
    write_table(frame.astype(str), tmp_path / "rejected.csv", REJECTED)
    given = {"rejected": [tmp_path / "rejected.csv"], "thumbnails": [tmp_path / "rejected.npy"]}
    assert same_twice(tmp_path, sheets.plot_rejected_faces, **given, display=DISPLAY, seed=1)


def test_data_sets_without_groups_are_a_sentence(tmp_path: Path, shown: list[Figure]) -> None:
    plots.plot_rejected(rejected_shares=rows(tmp_path), display=DISPLAY, png=tmp_path, svg=tmp_path)
    assert "no groups to compare" in shown[0].axes[0].get_title(loc="left")
    plt.close(shown[0])


def crops(folder: Path, faces: int) -> tuple[list[Path], Path]:
    ids = [f"f{k}" for k in range(faces)]
    pictures = np.arange(faces, dtype="uint8")[:, None, None, None]
    np.save(folder / "shard-0.npy", np.broadcast_to(pictures, (faces, 4, 4, 3)))
    aligned = pd.DataFrame({"face_id": ids, "row": range(faces)})
    write_table(aligned, folder / "aligned.parquet", ALIGNED)
    return [folder / "shard-0.npy"], folder / "aligned.parquet"


@pytest.mark.parametrize(
    ("provenance", "side", "confidence", "title", "faces"),
    [
        (
            ["agreed", "contentious", "agreed"],
            "outside",
            None,
            "Faces on which people differ: 1, placed 1 in B",
            [1],
        ),
        (["pseudo-label"] * 3, "inside", [0.9, 0.5, 0.7], "No face is contentious", [0, 1, 2]),
        (["own label"] * 3, "inside", None, None, []),
    ],
)
def test_figure_3_shows_contentious_faces_or_says_that_there_are_none(
    tmp_path: Path,
    shown: list[Figure],
    provenance: list[str],
    side: str,
    confidence: list[float] | None,
    title: str | None,
    faces: list[int],
) -> None:
    shards, aligned = crops(tmp_path, 3)
    placed = pd.DataFrame({"face_id": ["f0", "f1", "f2"], "side": side, "provenance": provenance})
    placed["simulated"] = False
    placed["confidence"] = pd.Series(confidence, dtype=float) if confidence else np.nan
    write_table(placed, tmp_path / "sides.parquet", FACE_SIDES)
    own = placed.iloc[:0][["face_id", "side", "provenance"]].assign(annotators="", simulated=False)
    write_table(own, tmp_path / "labels.parquet", LABELS)
    sheets.plot_contentious(
        target_labels=tmp_path / "labels.parquet",
        sides=tmp_path / "sides.parquet",
        target_crops=shards,
        target_aligned=aligned,
        display=DISPLAY,
        png=tmp_path,
        svg=tmp_path,
    )
    axes = shown[0].axes[0]
    assert [int(image.get_array()[0, 0, 0]) for image in axes.get_images()] == faces
    words = " ".join(text.get_text() for text in axes.texts)
    assert (title or "labels the boundary itself") in words
    plt.close(shown[0])


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
    frame = pd.DataFrame({"face_id": faces * 2, "kind": ["original"] * 10 + ["translation"] * 10})
    frame = frame.assign(
        row=range(20),
        subject_id=frame["face_id"],
        domain=["in-domain" if face[0] == "a" else "out-domain" for face in frame["face_id"]],
        control=pd.Series(dtype="str"),
        attribute=pd.Series([None] * 10 + ["Dark"] * 10, dtype="str"),
        value=pd.array([pd.NA] * 10 + [1] * 10, dtype="Int8"),
    )
    write_table(frame[list(TRANSLATIONS.columns)], tmp_path / "t.parquet", TRANSLATIONS)
    sure = [0.5, 0.9, 0.1, 0.7, 0.3, 0.2, 0.4, 0.6, 0.8, 1.0]
    scores = pd.DataFrame({"seed": 1, "row": range(10, 20), "shown": sure})
    scores = pd.concat([scores, scores.assign(seed=2, shown=0.5)]).assign(identity=0, perceptual=0)
    write_table(scores, tmp_path / "s.parquet", SCORES)
    images = np.repeat(np.arange(20, dtype=np.uint8), 8 * 8 * 3).reshape(20, 8, 8, 3)
    np.save(tmp_path / "t.npy", images)
    given: dict[str, Any] = {}

    def sheet(pictures: Any, **words: Any) -> Figure:
        given.update(words, pictures=[[picture[0, 0, 0] for picture in row] for row in pictures])
        return Figure()

    monkeypatch.setattr(sheets, "_sheet", sheet)
    sheets.plot_translations(
        arrays=tmp_path / "t.npy",
        translations=tmp_path / "t.parquet",
        scores=tmp_path / "s.parquet",
        display=DISPLAY,
        seed_of_synthesis=1,
        png=tmp_path / "f.png",
        svg=tmp_path / "f.svg",
    )
    assert given["pictures"] == [[1, 11], [0, 10], [2, 12], [9, 19], [7, 17], [5, 15]]
    assert given["rows"][0::3] == ["A\nbest", "B\nbest"]
    assert given["captions"] == [["original", "dark added"]] * 6
    assert given["line"] == 3


def test_each_arm_is_a_point_of_either_sides_line(tmp_path: Path, shown: list[Figure]) -> None:
    """The arm inside calls the sides domains; all lie at their share of outside faces."""
    paths = []
    for arm, share in (("inside", 0.0), ("0.25", 0.25), ("outside", 1.0)):
        names = ("domain: in-domain", "domain: out-domain")
        if arm != "inside":
            names = ("side: inside", "side: outside")
        rows = [
            {"quantity": "realism", "metric": "KID", "arm": arm, "share": share, "group": name}
            | {"estimate": value - share / 10, "low": 0.1, "high": 0.9}
            for name, value in zip(names, (0.4, 0.6), strict=True)
        ]
        rows.append({**rows[0], "seed": 1, "estimate": 9.0})
        paths.append(tmp_path / f"{arm}.parquet")
        write_table(estimates(rows, "study"), paths[-1], ESTIMATES)
    crossed.plot_arms_dose(
        every_realism=paths, png=tmp_path / "a.png", svg=tmp_path / "a.svg", display=DISPLAY
    )
    lines = [
        line.get_xydata() for line in shown[0].axes[0].get_lines() if len(line.get_xdata()) == 3
    ]
    values = sorted(np.asarray(line)[:, 1].round(3).tolist() for line in lines[::1])
    assert [0.4, 0.375, 0.3] in values
    assert [0.6, 0.575, 0.5] in values


def test_a_waterfall_begins_with_the_gap_and_ends_with_what_remains(
    tmp_path: Path, shown: list[Figure]
) -> None:
    values = {"all": 0.2, "composition": 0.05, "capture": None, "crop": -0.02, "remainder": 0.17}
    rows = [
        {"quantity": "part of the gap", "tested_on": "target", "metric": "accuracy"}
        | {"group": f"gap: group gap × part: {name}"}
        | ({} if value is None else {"estimate": value, "low": value - 0.1, "high": value + 0.1})
        for name, value in values.items()
    ]
    write_table(estimates(rows, "study"), tmp_path / "parts.parquet", ESTIMATES)
    crossed.plot_parts(
        parts=tmp_path / "parts.parquet",
        png=tmp_path / "a.png",
        svg=tmp_path / "a.svg",
        display=DISPLAY,
    )
    axes = shown[0].axes[0]
    ends = sorted(
        (round(bar.get_x(), 6), round(bar.get_x() + bar.get_width(), 6)) for bar in axes.patches
    )
    assert ends == [(0, 17), (0, 20), (15, 17), (20, 15)]
    assert any("hardly overlap" in text.get_text() for text in axes.texts)
