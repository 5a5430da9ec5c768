import logging

import pytest

from facegap.progress import Pace, duration, paced


def test_speed_and_time_left() -> None:
    times = iter([100.0, 150.0, 200.0])
    pace = Pace(total=1000, clock=lambda: next(times))
    assert pace.words(100) == "2 a second, 7 min 30 s left"
    assert pace.words(1000) == "10 a second, 0 s left"


def test_what_was_done_before_a_resume_is_no_speed() -> None:
    times = iter([0.0, 0.0, 10.0])
    pace = Pace(total=1000, done=900, clock=lambda: next(times))
    assert pace.words(900) == "speed not known yet"
    assert pace.words(910) == "1 a second, 1 min 30 s left"


def test_a_line_is_due_once_a_minute() -> None:
    times = iter([0.0, 59.0, 60.0, 61.0, 120.0])
    pace = Pace(total=10, clock=lambda: next(times))
    assert [pace.due() for _ in range(4)] == [False, True, False, True]


def test_a_loop_gives_every_item_and_says_at_the_end_how_fast_it_was(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO):
        assert list(paced(range(0, 10, 4), "batches of 4", logging.getLogger("x"))) == [0, 4, 8]
        assert not list(paced([], "batches of 4", logging.getLogger("x")))
    (words,) = caplog.messages
    assert words.startswith("3 of 3 batches of 4: ")
    assert words.endswith(" a second, 0 s left")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (59.6, "1 min 0 s"), (3600, "1 h 0 min"), (93784, "26 h 3 min")],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words
