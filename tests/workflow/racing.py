"""Two at once on a database, at the moment that hurts."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

SECONDS = 0.3  # that a transaction gives the other one, which may have to wait for its end


@contextmanager
def meanwhile(engine: sa.Engine, words: str, act: Callable[[], Any]) -> Iterator[None]:
    """Begin `act` elsewhere right after this thread's first statement with `words` in it.

    The statement's transaction goes on when `act` has ended, or after a while; what `act` raises
    is raised at the end of the block.
    """
    here = threading.get_ident()
    begun: list[Future[Any]] = []
    with ThreadPoolExecutor(1) as pool:

        def after(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
            if threading.get_ident() == here and words in statement and not begun:
                begun.append(pool.submit(act))
                wait(begun, SECONDS)

        sa.event.listen(engine, "after_cursor_execute", after)
        try:
            yield
        finally:
            sa.event.remove(engine, "after_cursor_execute", after)
    assert begun, f"no statement with {words}"
    begun[0].result()
