"""Deadlines: working time of a week without a calendar, urgent time by the wall clock, and what always holds."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.reference.beidajie import DIRECTORY
from services.dispatch.domain.clocks import Limit, Priority, Unit, accept_by, add, due
from services.dispatch.rules import ReferenceRules
from shared.reference import load
from tests.support.dispatching import WEEK, ZONE

WH, WD, UH, UD = Unit.WORKING_HOURS, Unit.WORKING_DAYS, Unit.URGENT_HOURS, Unit.URGENT_DAYS
FORMAT = "%a %d %b %H:%M"


def local(day: int, clock: str, month: int = 11) -> datetime:
    return datetime.combine(datetime(2026, month, day).date(), time.fromisoformat(clock), ZONE)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("start", "limit", "expected"),
    [
        # 25 November 2026 is a Wednesday
        (local(25, "09:40"), Limit(1, WH), "Wed 25 Nov 10:40"),
        (local(25, "08:00"), Limit(4, WH), "Wed 25 Nov 12:00"),
        (local(25, "11:30"), Limit(1, WH), "Wed 25 Nov 14:30"),
        (local(25, "12:00"), Limit(1, WH), "Wed 25 Nov 15:00"),
        (local(25, "13:15"), Limit(1, WH), "Wed 25 Nov 15:00"),
        (local(25, "17:00"), Limit(1, WH), "Wed 25 Nov 18:00"),
        (local(25, "17:00"), Limit(2, WH), "Thu 26 Nov 09:00"),
        (local(25, "18:00"), Limit(1, WH), "Thu 26 Nov 09:00"),
        (local(25, "23:59"), Limit(1, WH), "Thu 26 Nov 09:00"),
        (local(25, "00:01"), Limit(1, WH), "Wed 25 Nov 09:00"),
        (local(27, "17:00"), Limit(2, WH), "Mon 30 Nov 09:00"),
        (local(28, "10:00"), Limit(4, WH), "Mon 30 Nov 12:00"),
        (local(29, "23:00"), Limit(1, WD), "Mon 30 Nov 18:00"),
        (local(25, "17:00"), Limit(2, WD), "Fri 27 Nov 17:00"),
        (local(26, "17:00"), Limit(2, WD), "Mon 30 Nov 17:00"),
        (local(25, "09:00"), Limit(8, WD), "Mon 07 Dec 09:00"),
        (local(27, "09:00"), Limit(4, UH), "Fri 27 Nov 13:00"),
        (local(27, "09:00"), Limit(2, UD), "Sun 29 Nov 09:00"),
    ],
)  # fmt: skip
def test_scenario_34_without_a_calendar_file(start: datetime, limit: Limit, expected: str) -> None:
    deadline = add(start.astimezone(UTC), limit, WEEK)
    assert deadline.at.astimezone(ZONE).strftime(FORMAT) == expected
    assert deadline.at.tzinfo is UTC
    assert deadline.unconfirmed is (limit.unit in (WH, WD))


SAMPLE = ReferenceRules(load(DIRECTORY)).hours("140302003")


@pytest.mark.parametrize(
    ("start", "limit", "expected"),
    [
        (local(30, "17:00", 9), Limit(2, WD), "Fri 09 Oct 17:00"),
        (local(30, "17:00", 9), Limit(16, WH), "Fri 09 Oct 17:00"),
        (local(30, "17:00", 9), Limit(3, WD), "Sat 10 Oct 17:00"),
        (local(25, "09:00", 9), Limit(1, WH), "Mon 28 Sep 09:00"),
        (local(10, "09:00", 10), Limit(4, WH), "Sat 10 Oct 15:00"),
    ],
)
def test_scenario_34_with_the_official_days_of_2026(start: datetime, limit: Limit, expected: str) -> None:
    deadline = due(Priority.N, limit, start.astimezone(UTC), SAMPLE)
    assert (deadline.at.astimezone(ZONE).strftime(FORMAT), deadline.unconfirmed) == (expected, False)


def test_scenario_34_emergencies_ignore_the_calendar() -> None:
    start = local(1, "03:00", 10)
    assert due(Priority.E, Limit(2, UH), start, SAMPLE).at == start + timedelta(hours=2)
    assert due(Priority.U, Limit(2, UD), start, SAMPLE).at == start + timedelta(days=2)
    assert accept_by(Priority.E, start, SAMPLE) == start + timedelta(minutes=15)
    assert accept_by(Priority.N, start, SAMPLE) == local(8, "18:00", 10)


def test_scenario_34_2027_has_no_file_yet() -> None:
    start = datetime(2026, 12, 31, 9, 0, tzinfo=UTC)  # 17:00 in Beidajie
    deadline = due(Priority.N, Limit(2, WH), start, SAMPLE)
    assert (deadline.at.astimezone(ZONE).strftime(FORMAT), deadline.unconfirmed) == ("Fri 01 Jan 09:00", True)


def test_the_zone_is_the_sub_districts_not_the_servers() -> None:
    """20:00 UTC on Friday is Saturday in Beidajie; 23:30 UTC on Sunday is Monday 07:30."""
    assert add(datetime(2026, 11, 27, 20, tzinfo=UTC), Limit(1, WH), WEEK).at == local(30, "09:00")
    assert add(datetime(2026, 11, 29, 23, 30, tzinfo=UTC), Limit(1, WH), WEEK).at == local(30, "09:00")


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (Limit(1, UH), timedelta(hours=1)),
        (Limit(2, UH), timedelta(hours=2)),
        (Limit(4, UH), timedelta(hours=2)),
        (Limit(1, UD), timedelta(hours=2)),
        (Limit(1, WH), timedelta(hours=1)),
        (Limit(2, WH), timedelta(hours=2)),
        (Limit(1, WD), timedelta(hours=2)),
    ],
)
@pytest.mark.parametrize("start", [local(25, "11:50"), local(25, "23:30"), local(28, "03:00")])
def test_danger_to_life_counts_by_the_wall_clock_and_two_hours_at_most(
    start: datetime, limit: Limit, expected: timedelta
) -> None:
    deadline = due(Priority.E, limit, start, WEEK)
    assert (deadline.at - start, deadline.unconfirmed) == (expected, False)


@pytest.mark.parametrize("priority", [Priority.U, Priority.N, Priority.L])
def test_the_two_hour_cap_is_for_danger_to_life_only(priority: Priority) -> None:
    assert due(priority, Limit(2, UD), local(28, "03:00"), WEEK).at == local(30, "03:00")


@pytest.mark.parametrize(
    ("priority", "expected"),
    [
        (Priority.E, local(27, "17:15")),
        (Priority.U, local(27, "18:00")),
        (Priority.N, local(30, "17:00")),
        (Priority.L, local(30, "17:00")),
    ],
)
def test_an_offer_has_to_be_answered_within_the_time_of_its_class(priority: Priority, expected: datetime) -> None:
    assert accept_by(priority, local(27, "17:00"), WEEK) == expected


moments = st.datetimes(datetime(2026, 1, 1), datetime(2028, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
limits = st.builds(Limit, st.integers(1, 40), st.sampled_from(Unit))
working_limits = st.builds(Limit, st.integers(1, 40), st.sampled_from([WH, WD]))


def is_working(at: datetime) -> bool:
    """Within a span; a deadline may stand on its end but not on its beginning, where no time has been worked yet."""
    clock = at.astimezone(ZONE)
    spans = ((time(8), time(12)), (time(14), time(18)))
    return clock.weekday() < 5 and any(opens < clock.time() <= closes for opens, closes in spans)


def worked(start: datetime, end: datetime) -> timedelta:
    """Working time between two moments, counted span by span in another way than the code does."""
    total, day = timedelta(), start.astimezone(ZONE).date()
    while day <= end.astimezone(ZONE).date():
        for opens, closes in ((8, 12), (14, 18)) if day.weekday() < 5 else ():
            begin, finish = (datetime.combine(day, time(hour), ZONE) for hour in (opens, closes))
            total += max(timedelta(), min(end, finish) - max(start, begin))
        day += timedelta(days=1)
    return total


@given(moments, working_limits)
def test_working_deadlines_lie_in_working_time_and_exactly_the_limit_away(start: datetime, limit: Limit) -> None:
    deadline = add(start, limit, WEEK)
    assert deadline.unconfirmed
    assert is_working(deadline.at)
    assert worked(start, deadline.at) == timedelta(hours=limit.value * (8 if limit.unit is WD else 1))


@given(moments, st.timedeltas(timedelta(), timedelta(days=10)), limits, st.sampled_from(Priority))
def test_later_starts_and_longer_limits_never_end_earlier(
    start: datetime, later: timedelta, limit: Limit, priority: Priority
) -> None:
    first = due(priority, limit, start, WEEK).at
    assert start < first <= due(priority, limit, start + later, WEEK).at
    assert first <= due(priority, Limit(limit.value + 1, limit.unit), start, WEEK).at
    assert start < accept_by(priority, start, WEEK) <= accept_by(priority, start + later, WEEK)


@given(moments, st.integers(1, 20), st.integers(1, 20))
def test_working_limits_add_up(start: datetime, one: int, two: int) -> None:
    there = add(add(start, Limit(one, WH), WEEK).at, Limit(two, WH), WEEK)
    assert there == add(start, Limit(one + two, WH), WEEK)
