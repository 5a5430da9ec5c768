"""Cells that are cut short and go on: the same bytes, nothing trained twice, nothing stale."""

import gc
import json
import logging
import multiprocessing
import os
import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from facegap import tables
from facegap.classify import backbones, cells, training
from facegap.classify.cells import train_benchmark, train_cell
from facegap.classify.heads import Head
from facegap.errors import TrainingError

BACKBONE = "lcnet_035"  # small: nearly every test trains it anew
RECIPE: dict[str, Any] = {
    "head": {"hidden": [8, 8], "activations": "relu", "dropout": 0.5},
    "tune": {"epochs": 3, "batch": 16, "rates": {"adam": 0.01, "rmsprop": 0.01}},
    "fine_tune": {"epochs": 3, "batch": 8, "rates": {"adam": 1e-5, "sgd": 1e-5}, "layers": 2},
    "momentum": 0.9,
    "standardise": True,
    "repeats": 2,
    "convergence": {"tolerance": 0.05},
}
PAIRS = [["adam", "sgd"], ["rmsprop", "adam"]]
MADE: dict[str, Any] = {"crop": "none", "augmentation": None}
EPOCHS = 3 * (2 * 2 + 2 * 2)  # as _shuffled is called: by tuning, of each head, and fine-tuning
Play = Callable[..., Path]


class Killed(BaseException):
    """The end of a process, as it looks from inside."""


def network(seed: int) -> backbones.Network:
    cpu = torch.device("cpu")
    return backbones.network(BACKBONE, size=32, layers=2, weights=None, seed=seed, device=cpu)


@pytest.fixture(scope="module")
def cached(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The features of two small data sets."""
    folder = tmp_path_factory.mktemp("features")
    net = network(1)
    rng = np.random.default_rng(0)
    for name in ("source", "target"):
        path = folder / "plain" / name
        path.mkdir(parents=True)
        table = pd.DataFrame({"face_id": [f"{name}{k}" for k in range(24)], "view": 0})
        table["split"] = ["train"] * 16 + ["test"] * 8
        table["inside"] = np.arange(24) % 2 == 0
        table["row"] = range(24)
        tables.write(table, path / "entries.parquet", tables.ENTRIES)
        boundary = np.abs(rng.normal(size=(24, net.width))).astype(np.float16)
        np.save(path / "boundary.npy", boundary)
        with torch.no_grad():
            np.save(path / "pooled.npy", net.pooled(torch.from_numpy(boundary).float()).numpy())
    about = {"network": net.digest, "views": {"plain": MADE}}
    (folder / "about.json").write_text(json.dumps(about))
    return folder


@pytest.fixture(autouse=True)
def saves_every_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """However short it is."""
    monkeypatch.setattr(cells, "SHORT", 0.0)


def train(cell: Path, cached: Path, **changes: Any) -> None:
    arguments = {
        **{"cached": cached, "weights_file": None, "crops": [], "cell": cell},
        **{"backbone": BACKBONE, "view": "plain", "made": MADE, "pairs": PAIRS},
        **{"datasets": ["source", "target"], "recipe": RECIPE, "size": 32},
        **{"threads": 1, "seed": 1, "saved": True},
    }
    train_cell(**(arguments | changes))


@pytest.fixture(scope="module")
def whole(cached: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The outputs of a cell that nothing disturbed."""
    folder = tmp_path_factory.mktemp("whole") / "cell"
    train(folder, cached)
    return outputs(folder)


@pytest.fixture
def play(cached: Path, tmp_path: Path) -> Play:
    """Train a cell, with arguments changed; the folder."""

    def played(**changes: Any) -> Path:
        train(tmp_path / "cell", **({"cached": cached} | changes))
        return tmp_path / "cell"

    return played


def outputs(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def disturb(
    patch: pytest.MonkeyPatch, when: Callable[[int], None] = lambda count: None
) -> list[int]:
    """Call `when` with the number of each beginning epoch; the list of those that have begun.

    Tuning counts each of its heads.
    """
    true, begun = training._shuffled, list[int]()

    def counted(*arguments: Any) -> Any:
        begun.append(len(begun))
        when(begun[-1])
        return true(*arguments)

    patch.setattr(training, "_shuffled", counted)
    return begun


def cut(play: Play, monkeypatch: pytest.MonkeyPatch, epoch: int, warn: int | None = None) -> None:
    """Train and die as `epoch` begins, after a warning in the epoch `warn`."""

    def when(count: int) -> None:
        if count == epoch:
            raise Killed
        if count == warn:
            os.kill(os.getpid(), signal.SIGURG)

    with monkeypatch.context() as patch:
        disturb(patch, when)
        with pytest.raises(Killed):
            play()


# in tuning; in the first fine-tuning; between two; in the last
@pytest.mark.parametrize(("epoch", "finished"), [(5, 0), (13, 12), (15, 15), (23, 21)])
def test_a_cut_cell_goes_on_and_trains_nothing_twice(
    play: Play,
    whole: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    epoch: int,
    finished: int,
) -> None:
    cut(play, monkeypatch, epoch)
    assert [path.name for path in tmp_path.iterdir()] == ["cell.resume"]
    begun = disturb(monkeypatch)
    assert outputs(play()) == whole
    assert len(begun) == EPOCHS - finished
    assert [path.name for path in tmp_path.iterdir()] == ["cell"]


@pytest.mark.parametrize(("epoch", "warn"), [(8, 0), (13, 12), (14, 12), (14, 13), (23, 22)])
def test_a_warning_keeps_the_epochs_of_the_training_that_it_comes_in(
    play: Play, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, epoch: int, warn: int
) -> None:
    cut(play, monkeypatch, epoch, warn)
    begun = disturb(monkeypatch)
    assert outputs(play()) == whole
    assert len(begun) == EPOCHS - (4 if warn == 0 else warn + 1)


def test_real_kills_at_random_change_no_byte(play: Play, whole: dict[str, bytes]) -> None:
    """Each process is warned by SIGTERM in an epoch and ended by SIGKILL in a later one."""
    rng = np.random.default_rng(1)
    context = multiprocessing.get_context("fork")

    def mortal(warning: int, end: int) -> None:
        def when(count: int) -> None:
            if count == warning:
                os.kill(os.getpid(), signal.SIGTERM)
            if count == end:
                os.kill(os.getpid(), signal.SIGKILL)

        disturb(pytest.MonkeyPatch(), when)  # in a process of its own
        play()

    for _ in range(6):
        warning = int(rng.integers(0, 3))
        process = context.Process(target=mortal, args=(warning, warning + rng.integers(1, 4)))
        process.start()
        process.join(120)
        assert process.exitcode == -signal.SIGKILL
    assert outputs(play()) == whole


@pytest.mark.parametrize(
    "changes",
    [
        {"recipe": RECIPE | {"momentum": 0.5}},
        {"pairs": PAIRS[::-1]},
        {"made": MADE | {"crop": "ears-chin"}},
        {"seed": 2},
    ],
    ids=["momentum", "pairs", "crop", "seed"],
)
def test_states_of_other_settings_are_not_taken_up(
    play: Play,
    cached: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, Any],
) -> None:
    cut(play, monkeypatch, 20)
    assert len(list((tmp_path / "cell.resume").glob("*.resume"))) == 3
    other = Path(shutil.copytree(cached, tmp_path / "features"))
    digest, made = network(changes.get("seed", 1)).digest, changes.get("made", MADE)
    (other / "about.json").write_text(json.dumps({"network": digest, "views": {"plain": made}}))
    begun = disturb(monkeypatch)
    play(cached=other, **changes)
    assert len(begun) == EPOCHS


@pytest.mark.parametrize("of", ["features", "labels"])
def test_states_of_other_features_are_not_taken_up(
    play: Play, cached: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of: str
) -> None:
    cut(play, monkeypatch, 20)
    other = Path(shutil.copytree(cached, tmp_path / "features"))
    if of == "features":
        path = other / "plain/source/pooled.npy"
        np.save(path, np.load(path)[::-1])
    else:
        path = other / "plain/source/entries.parquet"
        table = tables.read(path, tables.ENTRIES)
        tables.write(table.assign(inside=~table["inside"]), path, tables.ENTRIES)
    begun = disturb(monkeypatch)
    play(cached=other)
    assert len(begun) == EPOCHS


def test_a_state_of_other_code_is_not_taken_up(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    cut(play, monkeypatch, 20)
    read = Path.read_bytes
    monkeypatch.setattr(
        Path, "read_bytes", lambda path: read(path) + b"#" * (path.name == "heads.py")
    )
    begun = disturb(monkeypatch)
    play()
    assert len(begun) == EPOCHS


def test_a_short_fine_tuning_is_done_again_unless_its_job_was_warned(
    play: Play, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cells, "SHORT", 60.0)
    cut(play, monkeypatch, 20, warn=16)
    begun = disturb(monkeypatch)
    assert outputs(play()) == whole
    assert len(begun) == EPOCHS - (12 + 2), "tuning, and the second fine-tuning's first epochs"


def test_a_damaged_state_costs_its_own_training(
    play: Play, whole: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut(play, monkeypatch, 20)
    path = tmp_path / "cell.resume/adam-sgd-0.resume"
    path.write_bytes(path.read_bytes()[:-100])
    begun = disturb(monkeypatch)
    assert outputs(play()) == whole
    assert len(begun) == EPOCHS - 15


def test_models_that_are_done_leave_memory_with_their_cell(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive = []

    def count(_: int) -> None:
        gc.collect()
        alive.append(sum(type(found) is Head for found in gc.get_objects()))

    disturb(monkeypatch, count)
    play()
    assert max(alive) == 1 + RECIPE["repeats"], "the tuned heads, and those of one cell"


def test_a_second_job_on_the_same_cell_is_refused(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(count: int) -> None:
        if count == 13:
            with pytest.raises(TrainingError, match="another process trains here"):
                play()

    begun = disturb(monkeypatch, meanwhile)
    play()
    assert len(begun) == EPOCHS


def test_the_benchmark_goes_on_too_and_says_how_long_it_takes(
    cached: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kept = {"backbone": BACKBONE, "view": "plain"}
    kept |= {"tune_optimiser": "adam", "fine_tune_optimiser": "sgd"}
    (tmp_path / "kept.json").write_text(json.dumps(kept))

    def play(name: str = "cut") -> Path:
        train_benchmark(
            kept=tmp_path / "kept.json",
            cached={BACKBONE: cached},
            weights_files={},
            crops=[],
            cell=tmp_path / name,
            dataset="target",
            views={"plain": MADE},
            datasets=["source", "target"],
            recipe=RECIPE,
            sizes={BACKBONE: 32},
            threads=1,
            seed=1,
        )
        return tmp_path / name

    cut(play, monkeypatch, 9)
    with caplog.at_level(logging.INFO):
        assert outputs(play()) == outputs(play("whole"))
    assert "target-fine-tuned-0: resumed after epoch 3 of 3" in caplog.text
    assert "1 of 2 trainings: speed not known yet" in caplog.text
    assert re.search(r"2 of 2 trainings: \S+ a second, 0 s left", caplog.text)
