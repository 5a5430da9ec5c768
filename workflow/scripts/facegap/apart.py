"""Work on many inputs in a process of its own: one that native code dies of ends nothing else."""

import logging
import multiprocessing
import signal
import traceback
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from typing import TypeVar

import cv2

from facegap.errors import DiedError, FacegapError

A = TypeVar("A")
B = TypeVar("B")
Work = Callable[[Sequence[A]], Iterator[B]]

OF_NATIVE_CODE = {
    *(signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL),
    *(signal.SIGTRAP, signal.SIGSYS),
}

log = logging.getLogger(__name__)


def apart(work: Work[A, B], inputs: Sequence[A], lost: Callable[[A, str], B]) -> Iterator[B]:
    """What `work` yields in another process, one value of each of `inputs`, in their order.

    Of an input that ends the process, twice and the second time as its first, it is what `lost`
    makes of the input and a reason; the others are worked on all the same. The process is a fork,
    so nothing is loaded anew. A `DiedError` says that the process ends without any input, or was
    ended from outside; an error in it is raised here.
    """
    rest, again = inputs, False
    while rest:
        done = 0
        try:
            for value in _values(work, rest):
                yield value
                done += 1
            return
        except _DeathError as death:
            if again and not done:
                _refuse_without_input(work)
                reason = f"native code ended on it ({death})"
                log.warning("%s: %s", reason, rest[0])
                yield lost(rest[0], reason)
                rest, again = rest[1:], False
            else:
                rest, again = rest[done:], True


class _DeathError(Exception):
    """The process ended by itself, without a word."""


def _refuse_without_input(work: Work[A, B]) -> None:
    try:
        list(_values(work, []))
    except _DeathError as death:
        raise DiedError(
            f"native code ends ({death}) on this machine before it has an input; its words are in"
            " the log"
        ) from death


def _values(work: Work[A, B], inputs: Sequence[A]) -> Iterator[B]:
    """What `work` yields, from a fork of this process; a `_DeathError` where that ends early."""
    cv2.setNumThreads(1)  # ends OpenCV's threads: a fork has none, and would wait for them for ever
    context = multiprocessing.get_context("fork")
    receiving, sending = context.Pipe(duplex=False)
    child = context.Process(target=_send, args=(work, inputs, receiving, sending), daemon=True)
    child.start()
    sending.close()
    try:
        while message := receiving.recv():
            value, error = message
            if error is not None:
                raise error
            yield value
    except EOFError:
        child.join()
        _refuse_from_outside(child.exitcode or 0)
        raise _DeathError(_words(child.exitcode or 0)) from None
    finally:
        receiving.close()
        child.terminate()  # where what it yields is no longer wanted; else it has ended
        child.join()


def _send(
    work: Work[A, B], inputs: Sequence[A], receiving: Connection, sending: Connection
) -> None:
    """In the fork: a pair for each value, or one with the error, and nothing at the end."""
    receiving.close()  # so that this process ends with the one that it works for
    try:
        for value in work(inputs):
            sending.send((value, None))
        sending.send(None)
    except BrokenPipeError:
        return
    except Exception as error:
        if not isinstance(error, FacegapError):
            error.add_note(traceback.format_exc())
        sending.send((None, error))


def _words(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit status {code}"


def _refuse_from_outside(code: int) -> None:
    if code < 0 and -code not in OF_NATIVE_CODE:
        raise DiedError(
            f"the process that reads the images was ended by {_words(code)}, as where memory runs"
            " out; run it again, with more memory if it was that"
        )
