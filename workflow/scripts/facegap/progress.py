"""How fast a long loop goes, and how long it will still take."""

import logging
import time
from collections.abc import Callable, Collection, Iterator
from typing import TypeVar

Item = TypeVar("Item")


class Pace:
    """The speed of a loop of `total` steps since `done` of them; a resumed one begins later."""

    def __init__(
        self, total: int, done: int = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """The clock gives seconds."""
        self._total, self._first, self._clock = total, done, clock
        self._start = self._told = clock()

    def due(self, seconds: float = 60) -> bool:
        """Whether so much time has passed since it last was due: a log needs a line a minute."""
        now = self._clock()
        if now - self._told < seconds:
            return False
        self._told = now
        return True

    def words(self, done: int) -> str:
        """For a log: "12.3 a second, 1 h 20 min left", by the average since the beginning."""
        passed = self._clock() - self._start
        if done <= self._first or passed <= 0:
            return "speed not known yet"
        speed = (done - self._first) / passed
        return f"{speed:.3g} a second, {duration((self._total - done) / speed)} left"


def paced(items: Collection[Item], what: str, log: logging.Logger) -> Iterator[Item]:
    """Each of `items`; a line a minute says how many are done, how fast, and how long is left."""
    pace = Pace(len(items))
    for done, item in enumerate(items, 1):
        yield item
        if pace.due() or done == len(items):
            log.info("%d of %d %s: %s", done, len(items), what, pace.words(done))


def duration(seconds: float) -> str:
    """Seconds in the two largest units that say something."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
