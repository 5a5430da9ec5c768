"""Trainings that are cut short and go on: the same bytes, nothing trained twice, nothing stale."""

import gc
import json
import logging
import multiprocessing
import os
import re
import shutil
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from facegap.classify import backbones, configurations, training
from facegap.classify.configurations import train_arms, train_configurations
from facegap.classify.heads import Head
from facegap.classify.plans import (
    FOLD_ARMS,
    ArmsPlan,
    Candidate,
    Candidates,
    Preprocessed,
    TrainingPlan,
)
from facegap.errors import StoppedError, TrainingError
from facegap.settings.classify import Features, Training
from facegap.tables.base import read_table, write_table
from facegap.tables.classify import ENTRIES, PREDICTIONS, RUNS

BACKBONE = "lcnet_035"  # small: nearly every test trains it anew
SETTINGS: dict[str, Any] = {
    "head": {"hidden": [8, 8]},
    "head_training": {"epochs": 3, "batch": 16, "rates": {"adam": 0.01, "rmsprop": 0.01}},
    "fine_tuning": {"epochs": 3, "batch": 8, "rates": {"adam": 1e-5, "sgd": 1e-5}},
    "standardise": True,
    "repeats": 2,
}
EXTRACTION = Features(input_size=32, unfrozen_layers=2)
PAIRS = [("adam", "sgd"), ("rmsprop", "adam")]
MADE = Preprocessed("none", None)
PLAN = TrainingPlan(32, MADE, PAIRS, True)
EPOCHS = 3 * (2 * 2 + 2 * 2)  # as _shuffled is called: of each head, and of each fine-tuning
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
        table = pd.DataFrame({"face_id": [f"{name}{k}" for k in range(24)], "copy": 0})
        table["split"] = ["train"] * 16 + ["test"] * 8
        table["inside"] = np.arange(24) % 2 == 0
        table["row"] = range(24)
        table = table.assign(person=table["face_id"], agreed=True)
        write_table(table, path / "entries.parquet", ENTRIES)
        boundary = np.abs(rng.normal(size=(24, net.width))).astype(np.float16)
        np.save(path / "boundary.npy", boundary)
        with torch.no_grad():
            np.save(path / "pooled.npy", net.pooled(torch.from_numpy(boundary).float()).numpy())
    about = {
        "network": net.digest,
        "preprocessings": {"plain": {"crop": "none", "augmentation": None}},
    }
    (folder / "about.json").write_text(json.dumps(about))
    return folder


@pytest.fixture(autouse=True)
def saves_every_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """However short it is."""
    monkeypatch.setattr(configurations, "SHORT", 0.0)


def train(folder: Path, cached: Path, **changes: Any) -> None:
    arguments = {
        **{"features": cached, "weights": None, "crops": [], "configurations": folder},
        **{"backbone": BACKBONE, "preprocessing": "plain", "plan": PLAN},
        **{"datasets": ["source", "target"], "extraction": EXTRACTION},
        **{"settings": Training.model_validate(SETTINGS), "threads": 1, "seed": 1},
    }
    train_configurations(**(arguments | changes))


@pytest.fixture(scope="module")
def whole(cached: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The outputs of a training that nothing disturbed."""
    folder = tmp_path_factory.mktemp("whole") / "trained"
    train(folder, cached)
    return outputs(folder)


@pytest.fixture
def play(cached: Path, tmp_path: Path) -> Play:
    """Train, with arguments changed; the folder."""

    def played(**changes: Any) -> Path:
        train(tmp_path / "trained", **({"cached": cached} | changes))
        return tmp_path / "trained"

    return played


def outputs(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def disturb(
    patch: pytest.MonkeyPatch, when: Callable[[int], None] = lambda count: None
) -> list[int]:
    """Call `when` with the number of each beginning epoch; the list of those that have begun.

    Head training counts each of its heads.
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


# in head training; in the first fine-tuning; between two; in the last
@pytest.mark.parametrize(("epoch", "finished"), [(5, 0), (13, 12), (15, 15), (23, 21)])
def test_a_cut_training_goes_on_and_trains_nothing_twice(
    play: Play,
    whole: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    epoch: int,
    finished: int,
) -> None:
    cut(play, monkeypatch, epoch)
    assert [path.name for path in tmp_path.iterdir()] == ["trained.resume"]
    begun = disturb(monkeypatch)
    assert outputs(play()) == whole
    assert len(begun) == EPOCHS - finished
    assert [path.name for path in tmp_path.iterdir()] == ["trained"]


@pytest.mark.parametrize(("epoch", "warn"), [(8, 0), (13, 12), (14, 12), (14, 13), (23, 22)])
def test_a_warning_keeps_the_epochs_of_the_training_that_it_comes_in(
    play: Play, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, epoch: int, warn: int
) -> None:
    cut(play, monkeypatch, epoch, warn)
    begun = disturb(monkeypatch)
    assert outputs(play()) == whole
    assert len(begun) == EPOCHS - (4 if warn == 0 else warn + 1)


def test_real_kills_at_random_change_no_byte(
    play: Play, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each process is warned by SIGTERM in an epoch and ended by SIGKILL in a later one."""
    monkeypatch.setenv("SLURM_JOB_ID", "7")
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


def test_sigterm_outside_slurm_saves_and_ends(
    play: Play, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)

    def when(count: int) -> None:
        if count == 1:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        begun = disturb(patch, when)
        with pytest.raises(StoppedError, match="ended by SIGTERM, with its state saved"):
            play()
    assert len(begun) == 4, "the epoch at hand, of all heads, and no further one"
    again = disturb(monkeypatch)
    assert outputs(play()) == whole
    assert len(again) == EPOCHS - 4


@pytest.mark.parametrize(
    "changes",
    [
        {"settings": Training.model_validate(SETTINGS | {"momentum": 0.5})},
        {"plan": replace(PLAN, optimiser_pairs=PAIRS[::-1])},
        {"plan": replace(PLAN, preprocessed=Preprocessed("ears-chin", None))},
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
    assert len(list((tmp_path / "trained.resume").glob("*.resume"))) == 3
    other = Path(shutil.copytree(cached, tmp_path / "features"))
    crop = changes.get("plan", PLAN).preprocessed.crop
    about: dict[str, Any] = {"network": network(changes.get("seed", 1)).digest}
    about["preprocessings"] = {"plain": {"crop": crop, "augmentation": None}}
    (other / "about.json").write_text(json.dumps(about))
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
        table = read_table(path, ENTRIES)
        write_table(table.assign(inside=~table["inside"]), path, ENTRIES)
    begun = disturb(monkeypatch)
    play(cached=other)
    assert len(begun) == EPOCHS


def test_a_state_of_other_code_is_not_taken_up(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    cut(play, monkeypatch, 20)
    monkeypatch.setattr(configurations, "digests", lambda _: [{"classify/heads.py": "another"}])
    begun = disturb(monkeypatch)
    play()
    assert len(begun) == EPOCHS


def test_a_short_fine_tuning_is_done_again_unless_its_job_was_warned(
    play: Play, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(configurations, "SHORT", 60.0)
    cut(play, monkeypatch, 20, warn=16)
    begun = disturb(monkeypatch)
    assert outputs(play()) == whole
    assert len(begun) == EPOCHS - (12 + 2), (
        "head training, and the second fine-tuning's first epochs"
    )


def test_a_damaged_state_costs_its_own_training(
    play: Play, whole: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut(play, monkeypatch, 20)
    path = tmp_path / "trained.resume/adam-sgd-0.resume"
    path.write_bytes(path.read_bytes()[:-100])
    begun = disturb(monkeypatch)
    assert outputs(play()) == whole
    assert len(begun) == EPOCHS - 15


def test_models_that_are_done_leave_memory_with_their_configuration(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive = []

    def count(_: int) -> None:
        gc.collect()
        alive.append(sum(type(found) is Head for found in gc.get_objects()))

    disturb(monkeypatch, count)
    play()
    assert max(alive) == 1 + SETTINGS["repeats"], (
        "the trained heads, and those of one configuration"
    )


def test_a_second_job_on_the_same_training_is_refused(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(count: int) -> None:
        if count == 13:
            with pytest.raises(TrainingError, match="another process trains here"):
                play()

    begun = disturb(monkeypatch, meanwhile)
    play()
    assert len(begun) == EPOCHS


def arms(folder: Path, cached: Path, planned: Sequence[str], pairs: list[tuple[str, str]]) -> Path:
    """Train arms on the target, in small batches; the folder."""
    selected = folder / "selected.json"
    selected.write_text(json.dumps({"name": f"{BACKBONE}, plain, adam/sgd"}))
    small = {"head_training": {**SETTINGS["head_training"], "batch": 8}}
    train_arms(
        selected=selected,
        features=[cached],
        weights=[],
        crops=[],
        configurations=folder / "arms",
        candidates=Candidates({BACKBONE: Candidate(32, False)}, {"plain": MADE}),
        extraction=EXTRACTION,
        settings=Training.model_validate(SETTINGS | small),
        datasets=["source", "target"],
        dataset="target",
        plan=ArmsPlan([*planned], pairs),
        threads=1,
        seed=1,
    )
    return folder / "arms"


def test_the_benchmark_goes_on_too_and_says_how_long_it_takes(
    cached: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def play(name: str = "cut") -> Path:
        (tmp_path / name).mkdir(exist_ok=True)
        return arms(tmp_path / name, cached, ["full"], [])

    cut(play, monkeypatch, 9)
    with caplog.at_level(logging.INFO):
        assert outputs(play()) == outputs(play("whole"))
    assert "on target, fine-tuned, repeat 0: resumed after epoch 3 of 3" in caplog.text
    assert "1 of 2 trainings: speed not known yet" in caplog.text
    assert re.search(r"2 of 2 trainings: \S+ a second, 0 s left", caplog.text)


def test_an_arm_is_the_same_beside_another(cached: Path, tmp_path: Path) -> None:
    def answers(*planned: str) -> pd.DataFrame:
        (tmp_path / "-".join(planned)).mkdir()
        folder = arms(tmp_path / "-".join(planned), cached, planned, [])
        return read_table(folder / "predictions.parquet", PREDICTIONS)

    parts = [answers("full"), answers("equal")]
    assert not parts[0]["probability"].equals(parts[1]["probability"])
    pd.testing.assert_frame_equal(
        answers("full", "equal"), pd.concat(parts, ignore_index=True), check_exact=True
    )


def test_each_training_with_exchanged_labels_has_its_own_and_goes_on_after_a_cut(
    cached: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels: list[tuple[str, str]] = []
    true = configurations.arm_of

    def noted(*given: Any) -> Any:
        found = true(*given)
        own = found["target"].entries
        labels.append((given[2], str(own.loc[own["split"] == "train", "inside"].tolist())))
        return found

    def play(name: str = "cut") -> Path:
        (tmp_path / name).mkdir(exist_ok=True)
        return arms(tmp_path / name, cached, ["equal", "exchanged"], [])

    monkeypatch.setattr(configurations, "arm_of", noted)
    cut(play, monkeypatch, 15)
    folder = play()
    assert outputs(folder) == outputs(play("whole"))
    repeats = SETTINGS["repeats"]
    assert len(set(labels)) == 1 + repeats
    runs = read_table(folder / "runs.parquet", RUNS)
    counts = runs[runs["stage"] == "fine-tuned"].groupby("arm")["repeat"].agg(sorted)
    assert counts.to_dict() == {name: [*range(repeats)] for name in ("equal", "exchanged")}


def test_all_folds_are_trained_and_go_on_from_the_one_that_was_cut(
    cached: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Path(shutil.copytree(cached, tmp_path / "features"))
    table = read_table(own / "plain/target/entries.parquet", ENTRIES)
    again = table.index >= 16  # the first persons once more, as they are tested where held out
    table.loc[again, ["face_id", "person"]] = table.loc[:7, ["face_id", "person"]].to_numpy()
    table.loc[again, "split"] = "selection"
    write_table(table, own / "plain/target/entries.parquet", ENTRIES)

    def play(name: str = "cut") -> Path:
        (tmp_path / name).mkdir(exist_ok=True)
        return arms(tmp_path / name, own, FOLD_ARMS, PAIRS)

    cut(play, monkeypatch, 30)  # a fold has three epochs of two heads and two fine-tunings
    begun = disturb(monkeypatch)
    folder = play()
    assert len(begun) < 5 * 3 * 4 - 20, "what was done is not done again"
    assert outputs(folder) == outputs(play("whole"))
    answers = read_table(folder / "predictions.parquet", PREDICTIONS)
    runs = read_table(folder / "runs.parquet", RUNS)
    assert set(runs["arm"]) == set(FOLD_ARMS)
    assert runs.groupby("arm")["head_optimiser"].nunique().eq(2).all()
    held = answers.drop_duplicates(["arm", "face_id"])["face_id"]
    assert sorted(held) == sorted(table.loc[again, "face_id"]), "each person is held out once"
