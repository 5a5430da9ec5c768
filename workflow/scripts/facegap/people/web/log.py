"""A log that says a thing once a minute, however often it happens."""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable

MINUTE = 60.0
REMEMBERED = 1000  # different messages


class OnceAMinute(logging.Filter):
    """Lets a message pass once a minute, and then says how often it came in between."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Tell the time by `clock`, in seconds."""
        super().__init__()
        self.clock = clock
        self.seen: OrderedDict[str, tuple[float, int]] = OrderedDict()  # when, and how often since

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether `record` is logged."""
        message = record.getMessage()
        error = record.exc_info[1] if record.exc_info else None
        key = f"{record.levelname} {message} {error!r}"[:1000]
        now = self.clock()
        since, more = self.seen.get(key, (now - MINUTE, 0))
        if now - since < MINUTE:
            self.seen[key] = (since, more + 1)
            return False
        self.seen[key] = (now, 0)
        self.seen.move_to_end(key)
        if len(self.seen) > REMEMBERED:
            self.seen.popitem(last=False)
        if more:
            record.msg, record.args = f"{message.rstrip()} ({more} more times since)", ()
        return True


def start_log() -> None:
    """Log to standard error, with the time; handlers that are there stay as they are, and alone."""
    handler = logging.StreamHandler()
    handler.addFilter(OnceAMinute())
    words = "%(asctime)s %(levelname)s %(message)s"
    logging.basicConfig(level=logging.INFO, format=words, handlers=[handler])
