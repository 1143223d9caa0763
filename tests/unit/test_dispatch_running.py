"""What changes a clock: pauses keep what was left in the clock's own time, safety starts the repair's, extensions have limits."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from services.dispatch.domain import running
from services.dispatch.domain.clocks import Limit, Priority, Unit
from services.dispatch.domain.incident import Incident, NotAllowed, Order
from services.dispatch.domain.ladder import Level
from services.dispatch.domain.states import State
from services.dispatch.rules import LocalHours
from shared.reference.calendars import Calendar
from tests.support.dispatching import RECEIVED, WEEK, ZONE, calendar_file, dispatched

HOUR = timedelta(hours=1)
STAFF = "staff:s1"


def order_of(incident: Incident) -> Order:
    return incident.orders[-1]


def moments(incident: Incident) -> dict[Level, str]:
    clock = order_of(incident).clock
    assert clock is not None
    return {moment.level: local(moment.at) for moment in clock.moments}


def local(moment: datetime) -> str:
    return f"{moment.astimezone(ZONE):%a %H:%M}"


def test_levels_are_shares_of_the_working_time() -> None:
    # 4 working hours from Wed 09:40
    assert moments(dispatched()) == {
        Level.ACCEPT_MISSED: "Thu 09:40",
        Level.REMINDER: "Wed 11:40",
        Level.DEPARTMENT_LEAD: "Wed 14:52",
        Level.COMMUNITY_LEAD: "Wed 15:40",
        Level.SUBDISTRICT_LEAD: "Wed 17:40",
    }


def test_an_emergency_counts_day_and_night() -> None:
    evening = RECEIVED.replace(hour=14, minute=0)  # 22:00
    limit = Limit(2, Unit.WORKING_HOURS)
    order = running.begin(dispatched(priority=Priority.E, t0=evening), "inc.2", "water", evening, limit, WEEK)
    assert order.clock is not None
    assert order.clock.wall
    assert (local(order.due_at), local(order.accept_by)) == ("Thu 00:00", "Wed 22:15")
    assert [local(m.at) for m in order.clock.moments] == [
        "Wed 22:15",
        "Wed 23:00",
        "Wed 23:36",
        "Thu 00:00",
        "Thu 01:00",
    ]


def test_a_pause_keeps_the_working_time_that_was_left() -> None:
    paused = running.pause(dispatched(), RECEIVED + 2 * HOUR, WEEK, STAFF, "needs_info")
    assert moments(paused) == {Level.REMINDER: "Wed 11:40"}  # reached in the very moment
    assert order_of(paused).due_at == order_of(dispatched()).due_at
    # two hours were left; it runs again on Friday at 17:00
    again = running.resume(paused, RECEIVED + timedelta(days=2, hours=7, minutes=20), WEEK, STAFF)
    assert local(order_of(again).due_at) == "Mon 09:00"
    assert moments(again)[Level.COMMUNITY_LEAD] == "Mon 09:00"
    assert moments(again)[Level.ACCEPT_MISSED] == "Mon 15:00"  # 6 of 8 h were left to accept it
    assert [line.what for line in again.history[-3:]] == [
        "the clocks stand: needs_info",
        "the clocks run again",
        "order inc.1 is due 2026-11-30 01:00+0000",
    ]


def test_a_pause_after_the_deadline_moves_no_deadline() -> None:
    late = RECEIVED + timedelta(hours=6, minutes=30)  # 16:10, after 112 %
    paused = running.pause(dispatched(), late, WEEK, STAFF, "needs_info")
    again = running.resume(paused, late + timedelta(days=1), WEEK, STAFF)
    assert order_of(again).due_at == order_of(dispatched()).due_at
    assert moments(again)[Level.SUBDISTRICT_LEAD] == "Thu 17:40"


def test_two_pauses_at_once_are_refused_and_resuming_twice_does_nothing() -> None:
    paused = running.pause(dispatched(), RECEIVED, WEEK, STAFF, "needs_info")
    with pytest.raises(NotAllowed, match="stand already"):
        running.pause(paused, RECEIVED, WEEK, STAFF, "parked")
    again = running.resume(paused, RECEIVED, WEEK, STAFF)
    assert running.resume(again, RECEIVED + HOUR, WEEK, STAFF) is again


def test_what_is_offered_later_does_not_get_the_pause_back() -> None:
    triaged = replace(dispatched(), state=State.TRIAGED, orders=())
    paused = running.pause(triaged, RECEIVED + HOUR, WEEK, STAFF, "needs_info")
    again = running.resume(paused, RECEIVED + 2 * HOUR, WEEK, STAFF)
    order = running.begin(again, "inc.1", "water", RECEIVED + 2 * HOUR, Limit(4, Unit.WORKING_HOURS), WEEK)
    assert local(order.due_at) == "Wed 16:40"


def test_what_is_offered_anew_keeps_the_deadline_with_its_extension() -> None:
    longer = running.extend(dispatched(), "inc.1", RECEIVED + 7 * HOUR, RECEIVED, WEEK, STAFF)
    other = running.begin(
        longer, "inc.2", "fire", RECEIVED + HOUR, Limit(9, Unit.WORKING_DAYS), WEEK, like=order_of(longer)
    )
    assert (other.due_at, local(other.accept_by)) == (order_of(longer).due_at, "Thu 10:40")


def test_temporary_safety_starts_the_repair_clock_once() -> None:
    emergency = dispatched(priority=Priority.E)
    safe = running.temporary_safe(emergency, RECEIVED + HOUR, Limit(5, Unit.WORKING_DAYS), WEEK, STAFF)
    order = order_of(safe)
    assert order.clock is not None
    assert (order.safe_at, order.safe_by) == (RECEIVED + HOUR, order_of(emergency).due_at)
    assert order.clock.repair
    assert not order.clock.wall
    assert local(order.due_at) == "Wed 10:40"
    later = running.begin(safe, "inc.2", "fire", RECEIVED + 2 * HOUR, Limit(2, Unit.URGENT_HOURS), WEEK)
    assert later.due_at == order.due_at
    with pytest.raises(NotAllowed, match="already"):
        running.temporary_safe(safe, RECEIVED + HOUR, Limit(5, Unit.WORKING_DAYS), WEEK, STAFF)


def test_extensions_are_at_most_two_and_at_most_the_limit_each() -> None:
    once = running.extend(dispatched(), "inc.1", RECEIVED + 7 * HOUR, RECEIVED, WEEK, STAFF)
    assert local(order_of(once).due_at) == "Wed 16:40"
    assert moments(once)[Level.REMINDER] == "Wed 14:10"
    twice = running.extend(once, "inc.1", RECEIVED + 8 * HOUR, RECEIVED, WEEK, STAFF)
    with pytest.raises(NotAllowed, match="2 times"):
        running.extend(twice, "inc.1", RECEIVED + 9 * HOUR, RECEIVED, WEEK, STAFF)
    with pytest.raises(NotAllowed, match="at most the original"):
        running.extend(dispatched(), "inc.1", RECEIVED + timedelta(days=9), RECEIVED, WEEK, STAFF)
    with pytest.raises(NotAllowed, match="has passed"):
        running.extend(dispatched(), "inc.1", RECEIVED + 9 * HOUR, RECEIVED + 8 * HOUR, WEEK, STAFF)
    paused = running.pause(dispatched(), RECEIVED, WEEK, STAFF, "needs_info")
    with pytest.raises(NotAllowed, match="stands"):
        running.extend(paused, "inc.1", RECEIVED + 7 * HOUR, RECEIVED, WEEK, STAFF)


def test_a_new_cycle_has_a_clock_of_its_own() -> None:
    paused = running.pause(dispatched(), RECEIVED, WEEK, STAFF, "needs_info")
    anew = running.reopen(paused, RECEIVED + timedelta(days=1), STAFF)
    order = running.begin(anew, "inc.2", "water", anew.t0, Limit(4, Unit.WORKING_HOURS), WEEK)
    assert (anew.cycle, anew.pause, order.cycle, local(order.due_at)) == (2, None, 2, "Thu 15:40")


def test_scenario_34_a_calendar_that_comes_later_moves_what_it_had_not_confirmed() -> None:
    before = dispatched(priority=Priority.N, t0=RECEIVED)
    assert order_of(before).calendar_unconfirmed
    file = calendar_file("2026-11-25", {"start": "2026-11-25T09:00", "due": "2026-11-26T09:00"})
    hours = LocalHours(Calendar({2026: file}), ZONE)
    after, moved = running.recompute(before, RECEIVED, hours, "system:dispatch")
    assert moved == ("inc.1",)
    assert (local(order_of(after).due_at), order_of(after).calendar_unconfirmed) == ("Thu 12:00", False)
    assert after.history[-1].what == "order inc.1 is due 2026-11-26 04:00+0000: the calendar has come"
    again, moved = running.recompute(after, RECEIVED, hours, "system:dispatch")
    assert (again is after, moved) == (True, ())
