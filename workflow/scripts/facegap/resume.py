"""A training's state on disk: whole, checked, for one training only, and never an output.

It lies beside the outputs and is not declared, since Snakemake deletes the outputs of a job that
fails. The state before the last is kept too, in case the last is damaged.
"""

import fcntl
import hashlib
import io
import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from facegap.errors import DataError, StoppedError, TrainingError
from facegap.files import remove_parts_of_the_dead, whole
from facegap.tensors import load

log = logging.getLogger(__name__)
VERSION = 1  # of what a state holds; one of another version is not resumed
_CHECK = hashlib.sha256().digest_size


class Resume:
    """The resume file of one training; `digest` tells its settings and data."""

    def __init__(self, path: Path, digest: str) -> None:
        """`path` need not exist."""
        self.path, self.digest = path, f"{VERSION} {digest}"
        self._previous = path.with_name(f"{path.stem}.previous{path.suffix}")

    def load(self) -> dict[str, Any] | None:
        """The newest sound state with our digest, its tensors on the CPU, or None."""
        for path in (self.path, self._previous):
            try:
                state = _read(path)
            except FileNotFoundError:
                continue
            except (DataError, OSError) as error:
                log.warning("%s; not resumed from", error)
                continue
            if state["digest"] == self.digest:
                return state
            log.info("%s: of other settings, data or version; not resumed from", path)
        return None

    @contextmanager
    def taken_up(self) -> Iterator[None]:
        """Say of a state of this training that cannot be taken up where it lies."""
        try:
            yield
        except Exception as error:  # what a state lacks shows wherever it is put back
            raise TrainingError(
                f"{self.path}: its state does not fit this training ({type(error).__name__}:"
                f" {error}); delete {self.path.name} and {self._previous.name}, and the training"
                " begins anew"
            ) from error

    def save(self, state: dict[str, Any]) -> None:
        """Write `state`; a disk that is full costs this state, not the training."""
        buffer = io.BytesIO()
        torch.save({**state, "digest": self.digest}, buffer)
        content = buffer.getbuffer()
        try:
            with whole(self.path) as temporary:
                with temporary.open("wb") as file:
                    file.write(hashlib.sha256(content).digest())
                    file.write(content)
                if self.path.exists():
                    self.path.replace(self._previous)
        except DataError as error:
            log.error("no state saved, the training goes on: %s", error)

    def remove(self) -> None:
        """There is nothing left to resume."""
        for path in (self.path, self._previous):
            path.unlink(missing_ok=True)
        remove_parts_of_the_dead(self.path)  # of one killed as it saved, where no save followed

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the file for this process; a `TrainingError` where another one holds it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lock = self.path.with_suffix(".lock")
        with lock.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise TrainingError(
                    f"{lock}: another process trains here; end it before you start a new one"
                ) from None
            yield
            lock.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    if hashlib.sha256(content[_CHECK:]).digest() != content[:_CHECK]:
        raise DataError(f"{path}: truncated or damaged")
    state = load(io.BytesIO(content[_CHECK:]), path, "a state")
    if not isinstance(state, dict) or "digest" not in state:
        raise DataError(f"{path}: holds no state of a training")
    return state


class Warnings:
    """Signals that announce the end: whether one has come since it was last asked."""

    def __init__(self) -> None:
        """No signal yet."""
        self._came = self._ends = False

    def came(self) -> bool:
        """Ask, and forget."""
        came, self._came = self._came, False
        return came

    def note(self, number: int, frame: FrameType | None) -> None:
        """Take a signal."""
        self._ends |= number == signal.SIGTERM and "SLURM_JOB_ID" not in os.environ
        then = "then this job ends" if self._ends else "and the training goes on"
        log.info("%s: the state is saved after this step, %s", signal.Signals(number).name, then)
        self._came = True

    def saved(self) -> None:
        """The state is on disk: raises `StoppedError` where the process was asked to end."""
        if self._ends:
            raise StoppedError(
                "ended by SIGTERM, with its state saved: start the workflow again, and the training"
                " goes on from there"
            )


@contextmanager
def warned() -> Iterator[Warnings]:
    """Take SIGTERM and SIGURG as warnings, upon which a state is to be saved.

    SIGURG, and SIGTERM within a job of SLURM, announce an end that comes by itself: a job that is
    preempted and leaves on its own counts as failed, one that saves and goes on is queued again.
    Elsewhere SIGTERM asks the process to end, which `Warnings.saved` does. Only a process's
    main thread can take signals.
    """
    warnings = Warnings()
    taken = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGURG):
            taken[number] = signal.signal(number, warnings.note)
    try:
        yield warnings
    finally:
        for number, handler in taken.items():
            signal.signal(number, handler)
