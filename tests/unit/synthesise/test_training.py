"""A training interrupted anywhere ends in the same bytes; a bad one stops and names the step."""

import io
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gpu import as_on_a_gpu, asking
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from facegap import resume as resuming
from facegap.errors import DataError, StoppedError, TrainingError
from facegap.settings.operations import Operations
from facegap.settings.synthesise import Attributes, Roles
from facegap.settings.synthesise import Training as Settings
from facegap.synthesise import training as module
from facegap.synthesise.roles import assign_roles
from facegap.synthesise.trained import load_generator
from facegap.synthesise.training import (
    Faces,
    Setup,
    batch_at,
    rate_at,
    read_faces,
    train_stargan,
    trained_on,
)
from facegap.tables.base import read_table
from facegap.tables.synthesise import ROLES

ATTRIBUTES = Attributes(names=["Dark", "Fair", "Striped"], exclusive=[["Dark", "Fair"]])
Study = Any  # of conftest.py
SETTINGS: dict[str, Any] = {
    "generator": {"channels": 4, "blocks": 1},
    "discriminator": {"channels": 4, "layers": 2},
    "weights": {"penalty": 10, "reconstruction": 10, "classification": 1},
    "iterations": 12,
    "discriminator_steps": 2,
    "batch": 4,
    "rate": 0.002,
    "betas": [0.5, 0.999],
    "decay": 0.5,
    "gpu": {"precision": "float32", "compile": False},
}
PENALTY = "discriminator_penalty"
RARELY = {"save_seconds": 10**9, "save_steps": 1000}  # each draws a sheet of faces


class Killed(BaseException):
    """The process dies: nothing in the library catches this."""


def give_roles(study: Study, training_faces: int | None = None) -> None:
    assign_roles(
        sides=study.sides,
        faces=study.faces,
        aligned=study.aligned,
        roles=study.roles,
        attributes=ATTRIBUTES,
        settings=Roles(held_out=0.3, translated=6, training_faces=training_faces),
        seed=1,
    )


@pytest.fixture
def play(study: Study, tmp_path: Path) -> Callable[..., Path]:
    """Train into a folder by name, with settings changed; the folder."""
    give_roles(study)

    def train(name: str, seed: int = 1, share: float = 0.0, **changes: Any) -> Path:
        folder = tmp_path / name
        operations = {key: changes.pop(key, value) for key, value in RARELY.items()}
        train_stargan(
            roles=study.roles,
            faces=study.faces,
            crops=study.shards,
            generator=folder / "generator.safetensors",
            attributes=ATTRIBUTES,
            settings=Settings(**{**SETTINGS, **changes}),
            share=share,
            operations=Operations(**operations),
            threads=1,
            seed=seed,
        )
        return folder

    return train


def kill(
    play: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    step: int,
    version: int = 1,
    **changes: Any,
) -> None:
    """Train into "killed", in a process that dies before step `step`, counted from 0."""
    true = batch_at

    def deadly(number: int, *rest: Any) -> Any:
        if number == step:
            raise Killed
        return true(number, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(module, "batch_at", deadly)
        patch.setattr(resuming, "VERSION", version)
        with pytest.raises(Killed):
            play("killed", save_seconds=0, **changes)


def curves(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """The points of each curve, once each: step and value.

    TensorBoard's own way to leave out points that were added twice goes by the files' seconds, and
    here several trainings begin within one.
    """
    board = EventAccumulator(
        str(folder / "tensorboard"), size_guidance={"scalars": 0}, purge_orphaned_data=False
    ).Reload()
    return {
        name: sorted({(event.step, event.value) for event in board.Scalars(name)})
        for name in board.Tags()["scalars"]
    }


def values(folder: Path, name: str) -> np.ndarray:
    """The values of one curve."""
    return np.array([value for _, value in curves(folder)[name]])


def outputs(folder: Path) -> tuple[bytes, dict[str, list[tuple[int, float]]]]:
    """The generator and the curves."""
    return (folder / "generator.safetensors").read_bytes(), curves(folder)


def test_kills_at_any_step_change_no_byte(
    play: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = outputs(play("whole", save_steps=5))
    for step in (1, 4, 5, 11):
        kill(play, monkeypatch, step, save_steps=5)
    folder = play("killed", save_seconds=0, save_steps=5)
    assert outputs(folder) == whole
    left = sorted(path.name for path in folder.iterdir())
    assert left == ["checkpoints", "generator.safetensors", "tensorboard"]


def test_twenty_real_kills_at_random_change_no_byte(play: Callable[..., Path]) -> None:
    """Each process is ended by SIGKILL, within 20 ms of reaching a step, wherever it then is."""
    changes = {"iterations": 60, "save_steps": 20}
    whole = play("whole", **changes)
    true, rng = batch_at, np.random.default_rng(1)

    def mortal(target: int, delay: float) -> None:
        def deadly(step: int, *rest: Any) -> Any:
            if step >= target:
                threading.Timer(delay, os.kill, (os.getpid(), signal.SIGKILL)).start()
            return true(step, *rest)

        module.batch_at = deadly  # in a process of its own
        play("killed", save_seconds=0, **changes)

    for target in sorted(rng.integers(1, 50, 20).tolist()):
        context = multiprocessing.get_context("fork")
        process = context.Process(target=mortal, args=(target, rng.uniform(0, 0.02)))
        process.start()
        process.join(60)
        assert process.exitcode == -signal.SIGKILL
    killed = play("killed", save_seconds=0, **changes)
    assert outputs(killed) == outputs(whole)
    for path in sorted((whole / "checkpoints").iterdir()):
        assert (killed / "checkpoints" / path.name).read_bytes() == path.read_bytes()


def test_checkpoints_and_curves_are_there_to_look_at(play: Callable[..., Path]) -> None:
    folder = play("one", save_steps=5)
    names = sorted(path.name for path in (folder / "checkpoints").iterdir())
    stems = ["step-0000005", "step-0000010"]
    assert names == [f"{stem}.{end}" for stem in stems for end in ("png", "safetensors")]
    first, last = (
        load_generator(folder / "checkpoints" / n, torch.device("cpu")) for n in names[1::2]
    )
    assert not torch.equal(first[0].enter.weight, last[0].enter.weight)
    assert set(curves(folder)) == {*module.TERMS, "rate"}


@pytest.mark.parametrize(
    ("precision", "apart"), [("float32", 1e-3), ("tf32", 1e-3), ("bfloat16", 0.3)]
)
def test_as_on_a_gpu_it_trains_to_the_same_but_for_rounding(
    play: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, precision: str, apart: float
) -> None:
    """Channels last and compiled, by a backend that needs no GPU's code; killed, and resumed.

    bfloat16 is the one of a GPU's precisions that a CPU has as well.
    """
    exact = play("exact")
    laid_out, compiled, true = [], [], torch.nn.Module.compile

    def by_eager(self: torch.nn.Module) -> None:
        weights = [each for each in self.parameters() if each.dim() == 4]
        laid_out.append(all(w.is_contiguous(memory_format=torch.channels_last) for w in weights))
        compiled.append(type(self).__name__)
        true(self, backend="eager")

    monkeypatch.setattr(torch.nn.Module, "compile", by_eager)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 0)
    asked = as_on_a_gpu(monkeypatch, module)
    gpu = {"precision": precision, "compile": True}
    try:
        kill(play, monkeypatch, 7, gpu=gpu)
        found = play("killed", save_seconds=0, gpu=gpu)
        assert torch.get_float32_matmul_precision() == (
            "high" if precision == "tf32" else "highest"
        )
    finally:
        torch.set_float32_matmul_precision("highest")
    assert asked == asking(module)
    assert compiled == ["Generator", "Discriminator"] * 2
    assert all(laid_out)
    for name in module.TERMS:
        assert np.allclose(values(exact, name), values(found, name), rtol=apart, atol=apart)
    assert (precision != "bfloat16") or (values(exact, PENALTY) != values(found, PENALTY)).any()


def test_it_is_taken_up_where_it_was_left(
    play: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kill(play, monkeypatch, 7)
    with caplog.at_level(logging.INFO):
        play("killed")
    assert "resumed at step 7" in caplog.text


@pytest.mark.parametrize("changes", [{"rate": 0.001}, {"seed": 2}, {"iterations": 14}])
def test_a_state_of_other_settings_is_ignored(
    play: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    kill(play, monkeypatch, 7)
    assert outputs(play("killed", **changes)) == outputs(play("whole", **changes))


def test_a_state_of_other_faces_is_ignored(
    play: Callable[..., Path], study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill(play, monkeypatch, 7)
    for path in study.shards:
        np.save(path, np.load(path)[:, ::-1])
    assert outputs(play("killed")) == outputs(play("whole"))


def test_a_state_of_other_code_is_ignored(
    play: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kill(play, monkeypatch, 7)
    monkeypatch.setattr(module, "digests", lambda _: [{"synthesise/losses.py": "another"}])
    with caplog.at_level(logging.INFO):
        assert outputs(play("killed")) == outputs(play("whole"))
    assert "resumed at step" not in caplog.text


def test_a_newer_version_s_state_is_ignored(
    play: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    kill(play, monkeypatch, 7, version=resuming.VERSION + 1)
    assert outputs(play("killed")) == outputs(play("whole"))


@pytest.mark.parametrize("damage", ["last", "both"])
def test_a_damaged_state_falls_back_to_the_one_before(
    play: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    damage: str,
) -> None:
    kill(play, monkeypatch, 7)
    folder = play("whole").parent / "killed"
    damaged = [folder / "training.resume", folder / "training.previous.resume"]
    for path in damaged[: 1 if damage == "last" else 2]:
        path.write_bytes(path.read_bytes()[:-100])
    with caplog.at_level(logging.INFO):
        assert outputs(play("killed")) == outputs(play("whole"))
    assert "truncated or damaged" in caplog.text
    assert ("resumed at step 6" in caplog.text) == (damage == "last")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGURG])
def test_a_warning_saves_and_the_training_goes_on(
    play: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    number: signal.Signals,
) -> None:
    true = batch_at

    def warning(step: int, *rest: Any) -> Any:
        if step == 5:
            os.kill(os.getpid(), number)
        return true(step, *rest)

    monkeypatch.setenv("SLURM_JOB_ID", "7")
    with monkeypatch.context() as patch, caplog.at_level(logging.INFO):
        patch.setattr(module, "batch_at", warning)
        warned = outputs(play("warned"))
    assert "state saved at step 6" in caplog.text
    assert warned == outputs(play("whole"))
    assert signal.getsignal(number) in (signal.SIG_DFL, signal.SIG_IGN)


def test_sigterm_outside_slurm_saves_and_ends(
    play: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    true, steps = batch_at, []

    def asked_to_end(step: int, *rest: Any) -> Any:
        steps.append(step)
        if step == 5:
            os.kill(os.getpid(), signal.SIGTERM)
        return true(step, *rest)

    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    with monkeypatch.context() as patch, caplog.at_level(logging.INFO):
        patch.setattr(module, "batch_at", asked_to_end)
        with pytest.raises(StoppedError, match=r"ended by SIGTERM, with its state saved: start"):
            play("ended")
    assert steps[-1] == 5, "at once"
    assert "SIGTERM: the state is saved after this step, then this job ends" in caplog.text
    with caplog.at_level(logging.INFO):
        assert outputs(play("ended")) == outputs(play("whole"))
    assert "resumed at step 6" in caplog.text


def test_a_second_training_of_the_same_is_refused(
    play: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    true, tried = batch_at, []

    def meanwhile(step: int, *rest: Any) -> Any:
        if step == 3:
            monkeypatch.setattr(module, "batch_at", true)
            with pytest.raises(TrainingError, match="another process trains here"):
                play("one")
            tried.append(step)
        return true(step, *rest)

    monkeypatch.setattr(module, "batch_at", meanwhile)
    play("one")
    assert tried == [3]


def test_a_full_disk_costs_the_state_and_not_the_training(
    play: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(path: Path) -> Any:
        raise DataError(f"cannot write {path}: no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(resuming, "whole", full)
        poor = outputs(play("poor", save_seconds=0))
    assert "no space left" in caplog.text
    assert poor == outputs(play("rich"))


@pytest.mark.parametrize(
    ("rates", "words"),
    [({"rate": 1e30}, r"step \d+: the loss \w+ is"), ({"rate": 10.0}, r"step \d+: the loss")],
)
def test_a_loss_that_explodes_stops_the_training_and_is_named(
    play: Callable[..., Path], tmp_path: Path, rates: dict[str, float], words: str
) -> None:
    with pytest.raises(TrainingError, match=words):
        play("bad", **rates)
    assert not list(tmp_path.glob("bad/*.safetensors"))


def test_a_loss_that_is_no_number_is_named_with_its_step(
    play: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    true = batch_at

    def poisoned(step: int, *rest: Any) -> Any:
        batch = true(step, *rest)
        return replace(batch, faces=batch.faces * float("nan")) if step == 6 else batch

    monkeypatch.setattr(module, "batch_at", poisoned)
    with pytest.raises(TrainingError, match="step 7: the loss discriminator_real is nan"):
        play("bad", save_seconds=0)
    saved = io.BytesIO((tmp_path / "bad/training.resume").read_bytes()[32:])
    state = torch.load(saved, weights_only=True)
    assert state["step"] == 6, "the last good state is kept"


def test_fewer_faces_than_a_batch_are_refused(play: Callable[..., Path]) -> None:
    with pytest.raises(
        TrainingError, match=r"synthesise.training.batch: 500 faces, but there are only"
    ):
        play("few", batch=500)


def test_the_curves_have_the_terms_of_every_step(play: Callable[..., Path]) -> None:
    for points in curves(play("one")).values():
        assert [step for step, _ in points] == [2, 4, 6, 8, 10, 12]
        assert np.isfinite([value for _, value in points]).all()
        assert len({value for _, value in points}) > 1


def test_the_generator_is_read_back_as_it_was(play: Callable[..., Path]) -> None:
    path = play("one") / "generator.safetensors"
    generator, attributes = load_generator(path, torch.device("cpu"))
    assert attributes == ATTRIBUTES.names
    assert generator.enter.weight.shape == (4, 6, 7, 7)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(DataError, match=r"generator.safetensors: not readable"):
        load_generator(path, torch.device("cpu"))


def settings(**changes: Any) -> Settings:
    given = {"iterations": 100, "discriminator_steps": 5, "rate": 0.1, "betas": [0.5, 0.9]}
    return Settings(**{**SETTINGS, **given, **changes})


def test_the_rate_is_level_and_then_falls_to_zero() -> None:
    rates = [rate_at(step, settings()) for step in range(100)]
    assert rates[:51] == [0.1] * 51
    assert np.allclose(np.diff(rates[50:]), -0.1 / 50)
    assert rates[-1] == pytest.approx(0.1 / 50)
    assert {rate_at(step, settings(decay=0.0)) for step in range(100)} == {0.1}


@pytest.mark.parametrize(("iterations", "last"), [(200_000, 100_000), (7_300, 3_650), (900, 450)])
def test_the_published_codes_rate_is_that_of_its_loop(iterations: int, last: int) -> None:
    """Written out as it is published: lowered after an iteration, by a part of the first rate."""
    given = settings(iterations=iterations, decay=0.5, rate=0.0001, schedule="published code")
    rate, lowered = 0.0001, 0
    for i in range(iterations):
        if i % 97 == 0 or i in (last - 1, last, last + 999, last + 1000, iterations - 1):
            assert rate_at(i, given) == pytest.approx(rate, rel=1e-9)
        if (i + 1) % 1000 == 0 and (i + 1) > (iterations - last):
            rate, lowered = rate - 0.0001 / last, lowered + 1
    assert lowered == iterations // 1000 - (iterations - last) // 1000
    if iterations == 200_000:
        assert rate == pytest.approx(0.999 * 0.0001)
        assert rate_at(iterations - 1, settings(iterations=iterations)) < 1e-5


def test_an_epoch_shows_every_face_once_with_its_own_label(
    play: Callable[..., Path], study: Study
) -> None:
    play("one", iterations=2)
    faces = read_faces(study.roles, study.faces, study.shards, ATTRIBUTES, 0.0)
    setup = Setup(settings(), tuple(ATTRIBUTES.names), 1, 1)
    faces = Faces(faces.crops, faces.rows[:20], faces.labels[:20])
    known = {faces.crops.take([row]).tobytes(): i for i, row in enumerate(faces.rows)}
    cpu, orders = torch.device("cpu"), []
    for epoch in range(2):
        seen, mirrored = [], 0
        for step in range(5 * epoch, 5 * epoch + 5):
            batch = batch_at(step, setup, faces, cpu)
            images = ((batch.faces + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
            for image, label in zip(images, batch.labels, strict=True):
                straight = image.tobytes() in known
                mirrored += not straight
                face = known[(image if straight else image[:, ::-1]).tobytes()]
                assert label.tolist() == faces.labels[face].tolist()
                seen.append(face)
            assert sorted(batch.labels.tolist()) == sorted(batch.wanted.tolist())
        assert sorted(seen) == list(range(20))
        assert 0 < mirrored < 20
        orders.append(seen)
    assert orders[0] != orders[1]


def test_arms_differ_in_nothing_but_which_face_of_a_pair_they_see(
    study: Study,
) -> None:
    give_roles(study, 20)
    roles = read_table(study.roles, ROLES)
    arms = {share: trained_on(roles, share) for share in (0.0, 0.25, 0.5, 1.0)}
    for share, own in arms.items():
        assert list(own["pair"]) == list(range(20)), "in the order of the pairs"
        outside = (own["side"] == "outside").to_numpy()
        assert outside.tolist() == [True] * round(20 * share) + [False] * (20 - round(20 * share))
    faces = [
        read_faces(study.roles, study.faces, study.shards, ATTRIBUTES, share) for share in arms
    ]
    assert [list(each.rows) for each in faces] == [list(own["row"]) for own in arms.values()]
    first, last = (own.set_index("pair") for own in (arms[0.0], arms[1.0]))
    assert (first["control"] == last["control"]).all()


def test_an_arm_of_the_other_side_has_other_weights_of_its_own(
    play: Callable[..., Path], study: Study
) -> None:
    give_roles(study, 20)
    weights = [
        (play(str(share), share=share) / "generator.safetensors").read_bytes()
        for share in (0.0, 1.0, 1.0)
    ]
    assert weights[0] != weights[1] == weights[2]
