"""One input that native code dies of is lost, and nothing else; other deaths are errors."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegap.apart import apart
from facegap.errors import DataError, DiedError

NATIVE = [signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL]


def doubled(numbers: Sequence[int], *, deadly: Sequence[int], death: int) -> Iterator[int]:
    """Twice each number, in a process that dies of `death` (exit status 0: 3) at the deadly."""
    for number in numbers:
        if number in deadly:
            os.kill(os.getpid(), death) if death else os._exit(3)
        yield 2 * number


def lost(number: int, reason: str) -> tuple[int, str]:
    return number, reason


@settings(max_examples=25, deadline=None)
@given(
    numbers=st.lists(st.integers(0, 30), max_size=12),
    deadly=st.sets(st.integers(0, 30), max_size=6),
    death=st.sampled_from([*NATIVE, 0]),
)
def test_the_others_are_worked_on_in_their_order(
    numbers: list[int], deadly: set[int], death: int
) -> None:
    found = list(apart(partial(doubled, deadly=list(deadly), death=death), numbers, lost))
    words = signal.Signals(death).name if death else "exit status 3"
    reason = f"native code ended on it ({words})"
    assert found == [(n, reason) if n in deadly else 2 * n for n in numbers]


def test_it_costs_one_process_where_nothing_dies() -> None:
    pids = list(apart(lambda numbers: (os.getpid() for _ in numbers), range(50), lost))
    assert len(set(pids)) == 1
    assert os.getpid() not in pids


def test_what_dies_once_is_not_lost(tmp_path: Path) -> None:
    """As of a fault that an earlier input left behind."""

    def flaky(numbers: Sequence[int]) -> Iterator[int]:
        for number in numbers:
            if number == 3 and not (tmp_path / "died").exists():
                (tmp_path / "died").touch()
                os.abort()
            yield number

    assert list(apart(flaky, range(6), lost)) == list(range(6))


def test_a_fork_does_not_wait_for_threads_that_it_has_not() -> None:
    code = """
import cv2, numpy as np
from facegap.apart import apart
picture = np.zeros((4000, 4000, 3), np.uint8)
def blurred(numbers):
    cv2.setNumThreads(2)
    for number in numbers:
        cv2.GaussianBlur(picture, (9, 9), 2)
        yield number
cv2.setNumThreads(4)
cv2.GaussianBlur(picture, (9, 9), 2)
print(list(apart(blurred, range(3), None)))
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout == "[0, 1, 2]\n", done.stderr


def test_code_that_dies_without_an_input_is_an_error() -> None:
    def broken(numbers: Sequence[int]) -> Iterator[int]:
        os.abort()
        yield from numbers

    with pytest.raises(DiedError, match=r"SIGABRT.* before it has an input"):
        list(apart(broken, [1, 2], lost))


@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGTERM])
def test_no_input_is_blamed_for_an_end_from_outside(death: int) -> None:
    with pytest.raises(DiedError, match=signal.Signals(death).name):
        list(apart(partial(doubled, deadly=[2], death=death), range(4), lost))


@pytest.mark.parametrize("error", [DataError("labels.csv: what"), ZeroDivisionError("x")])
def test_an_error_is_raised_here(error: Exception) -> None:
    def failing(numbers: Sequence[int]) -> Iterator[int]:
        yield numbers[0]
        raise error

    found = apart(failing, [1, 2], lost)
    assert next(found) == 1
    with pytest.raises(type(error), match=str(error)) as caught:
        next(found)
    notes = "".join(getattr(caught.value, "__notes__", []))
    assert ("in failing" in notes) == isinstance(error, ZeroDivisionError)


def test_the_process_ends_with_the_one_that_it_works_for() -> None:
    code = """
import time
from facegap.apart import apart
def slow(numbers):
    import os
    for _ in numbers:
        time.sleep(0.05)
        yield os.getpid()
for pid in apart(slow, range(10_000), None):
    print(pid, flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as job:
        assert job.stdout
        pid = int(job.stdout.readline())
        assert psutil.pid_exists(pid)
        job.kill()
    for _ in range(600):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.1)
    pytest.fail(f"{pid} is still at work")
