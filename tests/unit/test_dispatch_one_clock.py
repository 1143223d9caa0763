"""Whatever is done in whatever order: an order has one clock, and no level fires early or twice."""

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from services.dispatch.domain import agenda, clocks, happening, running
from services.dispatch.domain.clocks import Limit, Priority, Unit
from services.dispatch.domain.incident import Incident, NotAllowed, Order, with_order
from services.dispatch.domain.ladder import RUNGS
from services.dispatch.domain.routing import SYSTEM
from services.dispatch.domain.states import OPEN_ORDERS, State
from tests.support.dispatching import RECEIVED, WEEK, dispatched

STEPS = ("pause", "park", "resume", "extend", "safe", "reopen", "reoffer", "tick", "recompute")
STAFF = "staff:s1"
SHARES = dict(RUNGS)

steps = st.lists(st.tuples(st.sampled_from(STEPS), st.integers(1, 40 * 60)), max_size=14)
limits = st.builds(Limit, st.integers(1, 12), st.sampled_from([Unit.URGENT_HOURS, Unit.WORKING_HOURS]))
priorities = st.sampled_from([Priority.E, Priority.U, Priority.N])


def step(found: Incident, what: str, at: datetime, limit: Limit) -> Incident:
    """One thing that people, departments or time may do; what the rules forbid changes nothing."""
    match what:
        case "pause" | "park" if found.state in (State.DISPATCHED, State.IN_PROGRESS):
            why, state = ("needs_info", State.NEEDS_INFO) if what == "pause" else ("parked", State.PARKED)
            return replace(running.pause(found, at, WEEK, STAFF, why, at + timedelta(days=2)), state=state)  # type: ignore[arg-type]
        case "resume" if found.pause:
            return replace(running.resume(found, at, WEEK, STAFF), state=found.pause.back_to)
        case "extend":
            return running.extend(found, found.orders[-1].id, at + timedelta(hours=3), at, WEEK, STAFF)
        case "safe" if found.state in (State.DISPATCHED, State.IN_PROGRESS):
            return running.temporary_safe(found, at, Limit(2, Unit.WORKING_DAYS), WEEK, STAFF)
        case "reopen" if not found.pause:
            ended, _ = happening.withdraw_open(found, STAFF, at, "reopened")
            return offered(replace(running.reopen(ended, at, STAFF), state=State.DISPATCHED), at, limit)
        case "reoffer" if found.state is State.DISPATCHED:
            returned = found.orders[-1]
            ended, _ = happening.withdraw_open(found, STAFF, at, "another department")
            return offered(ended, at, limit, returned if returned.cycle == found.cycle else None)
        case "recompute":
            return running.recompute(found, at, WEEK, SYSTEM)[0]
    return found


def offered(found: Incident, at: datetime, limit: Limit, like: Order | None = None) -> Incident:
    return with_order(found, running.begin(found, f"inc.{len(found.orders) + 1}", "water", at, limit, WEEK, like))


def check(found: Incident, at: datetime) -> None:
    """Of every open order as it stands at `at`, right after everything that was due has happened."""
    for order in found.orders:
        names = [one.level for one in order.fired]
        assert len(names) == len(set(names)), "twice"
        assert all(one.at >= one.due for one in order.fired), "early"
        if order.state in OPEN_ORDERS:
            clock = order.clock
            assert clock is not None
            used = spent(found, order, at)
            for level in [name for name in names if name in SHARES]:
                # on the clock that runs now, unless it fired on the emergency's or before more time was granted
                assert clock.repair or clock.granted or used >= clock.seconds * SHARES[level] / 100 - 0.01, level
            for level, share in RUNGS:
                assert level in names or used < clock.seconds * share / 100 + 0.01, f"{level} is late"


def spent(found: Incident, order: Order, at: datetime) -> float:
    """Own time used up, counted minute by minute in another way than the code does: all that passed, less the pauses."""
    clock = order.clock
    assert clock is not None
    whole = clocks.elapsed(clock.started, at, clock.wall, WEEK)
    for pause in found.pauses:
        start, end = max(pause.since, clock.started), min(pause.over_at or at, at)
        whole -= clocks.elapsed(start, end, clock.wall, WEEK)
    return whole.total_seconds()


@settings(max_examples=150, deadline=None)
@given(steps, limits, priorities)
def test_no_sequence_runs_two_clocks_or_fires_a_level_twice_or_early(
    doings: list[tuple[str, int]], limit: Limit, priority: Priority
) -> None:
    at = RECEIVED
    blank = replace(dispatched(priority=priority), orders=())
    found = offered(blank, at, limit)
    for what, minutes in doings:
        at += timedelta(minutes=minutes)
        found, _ = happening.happen(found, at, WEEK)
        try:
            found = step(found, what, at, limit)
        except NotAllowed:
            continue
        found, _ = happening.happen(found, at, WEEK)
        check(found, at)
        assert happening.happen(found, at, WEEK) == (found, [])
        wake = agenda.next_at(found)
        assert wake is None or wake > at
