"""When a topic is stopped, how it is probed, and when it runs again."""

from collections.abc import Iterable

import pytest

from shared.kafka.breaker import CONSECUTIVE, PROBE_SECONDS, WINDOW, Breaker


class Time:
    """Stands until the test moves it."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def breaker(time: Time) -> Breaker:
    return Breaker(time)


def feed(breaker: Breaker, outcomes: Iterable[bool]) -> int | None:
    """The number of the outcome that opened it, from 1; None if none did."""
    for number, outcome in enumerate(outcomes, start=1):
        breaker.record(outcome)
        if breaker.open:
            return number
    return None


def test_fifty_failures_in_a_row_are_borne_and_one_more_is_not(breaker: Breaker) -> None:
    assert CONSECUTIVE == 50
    assert feed(breaker, [False] * 51) == 51


def test_a_success_begins_the_row_anew(breaker: Breaker) -> None:
    assert feed(breaker, [*[True] * 1000, *[False] * 50, True, *[False] * 49]) is None


def test_a_tenth_of_the_window_is_borne_and_more_is_not(breaker: Breaker) -> None:
    tenth = ([True] * 9 + [False]) * 100
    assert feed(breaker, tenth) is None
    assert feed(breaker, [False]) == 1  # it pushes a success out: 101 of 1,000


def test_more_than_a_tenth_of_the_last_thousand_opens_it(breaker: Breaker) -> None:
    assert WINDOW == 1_000
    assert feed(breaker, [True] * 1000) is None
    alternating = [False, True] * 200  # never two in a row
    opened = feed(breaker, alternating)
    assert opened == 201  # the 101st failure, all others of the last 1,000 fine


def test_a_share_of_a_few_outcomes_means_nothing(breaker: Breaker) -> None:
    assert feed(breaker, [False, True] * 49) is None
    assert feed(breaker, [False, True]) == 2  # now there are a hundred


def test_old_failures_leave_the_window(breaker: Breaker) -> None:
    assert feed(breaker, ([True] * 10 + [False]) * 90) is None
    assert feed(breaker, [True] * 1000) is None
    assert feed(breaker, [False, True] * 100) is None


def test_while_open_one_probe_a_minute_and_the_first_success_closes(breaker: Breaker, time: Time) -> None:
    assert breaker.seconds_to_probe() == 0
    feed(breaker, [False] * 51)
    assert breaker.seconds_to_probe() == PROBE_SECONDS == 60
    time.now += 59.5
    assert breaker.seconds_to_probe() == 0.5
    time.now += 100
    assert breaker.seconds_to_probe() == 0
    breaker.record(False)
    assert (breaker.open, breaker.seconds_to_probe()) == (True, 60)
    time.now += 60
    breaker.record(True)
    assert (breaker.open, breaker.seconds_to_probe()) == (False, 0)
    assert feed(breaker, [False] * 50) is None  # the past is forgotten
