"""What happens by itself, over the commit lane: the ladder, acceptance, closing, parking, and one clock whatever happens."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.dispatch.domain import agenda, happening, running
from services.dispatch.domain.agenda import What
from services.dispatch.domain.clocks import Priority
from services.dispatch.domain.incident import Incident
from services.dispatch.domain.ladder import Level
from services.dispatch.domain.states import OrderState, State
from services.dispatch.domain.updates import apply
from services.dispatch.handlers import ReceiveReport
from services.dispatch.rules import LocalHours
from services.dispatch.store import INCIDENTS
from services.dispatch.ticking import Tick
from shared.context import Context
from shared.contracts.dispatch_order import DispatchOrder
from shared.contracts.incident_changed import IncidentChanged
from shared.mongo.lane import Lane
from shared.mongo.work import Document, Ref
from shared.reference.calendars import Calendar
from tests.support.dispatching import (
    PLACE,
    RECEIVED,
    WEEK,
    ZONE,
    StubRules,
    calendar_file,
    dispatched,
    incident,
    report,
    update,
    words,
)
from tests.support.lanes import published
from tests.support.lanes import running as lane_over
from tests.support.memory import MemoryTransactor

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
STAFF = "staff:s1"


def fired(found: Incident) -> list[Level]:
    return [one.level for one in found.orders[0].fired]


def at_hour(found: Incident, hours: float) -> Incident:
    after, _ = happening.happen(found, RECEIVED + timedelta(hours=hours), WEEK)
    return after


def test_each_level_comes_in_its_time_and_once() -> None:
    found, steps = dispatched(), []
    for minutes in range(0, 30 * 60, 20):
        before = found
        found, happened = happening.happen(found, RECEIVED + timedelta(minutes=minutes), WEEK)
        steps += [(minutes, *words(happened))] if happened else []
        assert (found == before) is (not happened)
    assert steps == [
        (120, "Reminded", "remind"),
        (320, "Escalated", "escalate"),
        (360, "Escalated", "escalate"),
        (480, "Escalated", "escalate"),
        (1440, "Escalated", "escalate"),
    ]
    assert fired(found) == [*list(Level)[1:], Level.ACCEPT_MISSED]
    assert agenda.next_at(found) is None


def test_after_a_long_outage_every_level_fires_on_its_own_the_oldest_first() -> None:
    late, happened = happening.happen(dispatched(), RECEIVED + 2 * DAY, WEEK)
    assert words(happened) == ["Reminded", "remind", *["Escalated", "escalate"] * 4]
    assert [one.due for one in late.orders[0].fired] == sorted(one.due for one in late.orders[0].fired)


def test_levels_that_had_passed_before_the_offer_are_one_message() -> None:
    found, happened = happening.happen(dispatched(at=RECEIVED + 6 * HOUR), RECEIVED + 6 * HOUR, WEEK)
    assert words(happened) == ["Escalated", "escalate"]
    assert fired(found) == [Level.REMINDER, Level.DEPARTMENT_LEAD, Level.COMMUNITY_LEAD]
    assert all(one.late_start for one in found.orders[0].fired)
    later, happened = happening.happen(found, RECEIVED + 3 * DAY, WEEK)
    assert fired(later)[3:] == [Level.SUBDISTRICT_LEAD, Level.ACCEPT_MISSED]


def test_an_order_that_was_accepted_or_has_ended_is_not_escalated_for_that() -> None:
    accepted, _ = apply(dispatched(), update("accepted"), RECEIVED)
    assert Level.ACCEPT_MISSED not in fired(at_hour(accepted, 99))
    done, _ = apply(dispatched(), update("done"), RECEIVED)
    assert [item.what for item in agenda.to_come(done)] == [What.CLOSE]


def test_scenario_30_a_comment_five_minutes_before_the_deadline_moves_nothing() -> None:
    """Progress is the comment of a department; what staff or riders write is not even told to the clock."""
    accepted, _ = apply(dispatched(), update("accepted"), RECEIVED)
    working, _ = apply(accepted, update("progress", seen=2), RECEIVED + HOUR)
    deadline = working.orders[0].due_at
    commented, _ = apply(working, update("progress", seen=3, reason="on our way"), deadline - timedelta(minutes=5))
    assert commented.orders[0].due_at == deadline
    assert commented.orders[0].clock == working.orders[0].clock
    assert agenda.next_at(commented) == agenda.next_at(working)
    before, _ = happening.happen(commented, deadline - timedelta(milliseconds=1), WEEK)
    after, _ = happening.happen(before, deadline, WEEK)
    assert Level.COMMUNITY_LEAD not in fired(before)
    assert fired(after)[-1] is Level.COMMUNITY_LEAD


def test_a_pause_holds_what_has_not_come_and_nothing_else() -> None:
    paused = replace(
        running.pause(dispatched(), RECEIVED + 3 * HOUR, WEEK, STAFF, "needs_info"), state=State.NEEDS_INFO
    )
    found, _ = happening.happen(paused, RECEIVED + 6 * DAY, WEEK)
    assert fired(found) == [Level.REMINDER]


def test_no_answer_for_seven_days_closes_without_action() -> None:
    paused = replace(running.pause(dispatched(), RECEIVED, WEEK, STAFF, "needs_info"), state=State.NEEDS_INFO)
    assert agenda.next_at(paused) == RECEIVED + 7 * DAY
    closed, happened = happening.happen(paused, RECEIVED + 7 * DAY, WEEK)
    assert (closed.state, closed.orders[0].state) == (State.CLOSED_NO_ACTION, OrderState.WITHDRAWN)
    assert words(happened) == ["closed_no_action", "withdrawn", "withdraw"]
    assert agenda.next_at(closed) is None


def test_a_parked_incident_comes_back_by_itself_with_the_time_it_had_left() -> None:
    spring = RECEIVED + 120 * DAY
    before = dispatched()
    parked = replace(running.pause(before, RECEIVED + HOUR, WEEK, "lead:l1", "parked", spring), state=State.PARKED)
    assert agenda.next_at(parked) == spring
    back, happened = happening.happen(parked, spring, WEEK)
    assert (back.state, words(happened)) == (State.DISPATCHED, ["dispatched", "correct"])
    assert WEEK.between(spring, back.orders[0].due_at) == 3 * HOUR


def test_resolved_is_closed_after_seven_days() -> None:
    done, _ = apply(dispatched(), update("done"), RECEIVED)
    assert at_hour(done, 7 * 24 - 0.1).state is State.RESOLVED
    assert at_hour(done, 7 * 24).state is State.CLOSED


def test_an_emergency_without_a_place_escalates_after_five_minutes() -> None:
    lost = incident(State.TRIAGED, priority=Priority.E, place={**PLACE, "grid": None})
    found, happened = happening.happen(lost, RECEIVED + timedelta(minutes=5), WEEK)
    assert words(happened) == ["Escalated"]
    assert (found.fired[0].level, found.fired[0].reason) == (Level.SUBDISTRICT_LEAD, "place_uncertain")
    assert happening.happen(lost, RECEIVED + timedelta(minutes=5, milliseconds=-1), WEEK)[1] == []
    assert agenda.next_at(found) is None
    assert agenda.next_at(replace(lost, priority=Priority.U)) is None


def test_staff_who_do_not_decide_and_foreign_deadlines_are_told_of_once() -> None:
    waits = incident(State.TRIAGED, decide_by=RECEIVED + HOUR, foreign_due_at=RECEIVED + 2 * HOUR)
    found, _ = happening.happen(waits, RECEIVED + DAY, WEEK)
    assert [one.reason for one in found.fired] == ["undecided_return", "foreign_deadline"]
    assert found.flags == ("foreign_deadline",)
    assert happening.happen(found, RECEIVED + DAY, WEEK) == (found, [])


class Clocked(MemoryTransactor):
    """A store whose time is what the test says."""

    def __init__(self) -> None:
        super().__init__()
        self.now = RECEIVED


class Office:
    """Dispatch over a lane, with a timer that is a call."""

    def __init__(self, store: Clocked, lane: Lane) -> None:
        self.store, self.lane, self.rules = store, lane, StubRules()

    async def receive(self, **changes: Any) -> None:
        story = Context("rider:rider-1", "story-1", "incident-reported:inc")
        await self.lane.submit(ReceiveReport(INCIDENTS, self.rules, report(**changes), story))

    async def tick(self, after: timedelta) -> None:
        self.store.now = RECEIVED + after
        await self.lane.submit(Tick(INCIDENTS, self.rules, "inc", "tick-1"))

    @property
    def document(self) -> Document:
        found = self.store.documents[Ref("incidents", "inc")]
        assert found is not None
        return found


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    store = Clocked()
    async with lane_over(store) as lane:
        yield Office(store, lane)


async def test_what_is_told_when_a_level_fires(office: Office) -> None:
    await office.receive()
    await office.tick(9 * HOUR)
    told = [message for _, message in published(office.store, "dispatch.water")]
    assert [(one.data.kind, one.data.level, one.data.seq) for one in told if isinstance(one.data, DispatchOrder)] == [
        ("offer", None, 1),
        ("remind", None, 2),
        ("escalate", "department_lead", 3),
        ("escalate", "community_lead", 4),
        ("escalate", "subdistrict_lead", 5),
    ]
    changes = [message.data for _, message in published(office.store, "incident-changed")]
    raised = [one for one in changes if isinstance(one, IncidentChanged) and one.kind in ("reminder", "escalated")]
    assert [(one.kind, one.level, one.actor_kind, one.order.id if one.order else None) for one in raised] == [
        ("reminder", None, "system", "inc.1"),
        ("escalated", "department_lead", "system", "inc.1"),
        ("escalated", "community_lead", "system", "inc.1"),
        ("escalated", "subdistrict_lead", "system", "inc.1"),
    ]


async def test_late_start_is_flagged_where_it_is_told(office: Office) -> None:
    office.store.now = RECEIVED + 7 * HOUR
    await office.receive()
    await office.tick(7 * HOUR)
    _, (_, escalate) = published(office.store, "dispatch.water")
    assert isinstance(escalate.data, DispatchOrder)
    assert escalate.data.level == "community_lead"
    assert escalate.data.work_order is not None
    assert "late_start" in escalate.data.work_order.flags
    change = published(office.store, "incident-changed")[-1][1].data
    assert isinstance(change, IncidentChanged)
    assert (change.kind, change.flags) == ("escalated", ("late_start",))


async def test_every_saved_incident_knows_when_it_wakes(office: Office) -> None:
    await office.receive()
    for hours in (0, 1, 2.5, 5.5, 7, 30):
        await office.tick(timedelta(hours=hours))
        assert office.document["wake_at"] == agenda.next_at(INCIDENTS.load(office.document))
    assert office.document["wake_at"] is None


async def test_a_tick_too_early_or_twice_writes_nothing(office: Office) -> None:
    await office.receive()
    before = office.document
    await office.tick(HOUR)
    await office.lane.submit(Tick(INCIDENTS, office.rules, "nobody", "tick-1"))
    assert office.document is before
    await office.tick(2 * HOUR)
    written = office.store.transactions
    await office.tick(2 * HOUR)
    assert office.store.transactions == written


async def test_an_incident_from_before_there_were_clocks_gets_one(office: Office) -> None:
    await office.receive()
    old = {name: value for name, value in office.document.items() if name != "wake_at"}
    old["orders"] = [{name: value for name, value in old["orders"][0].items() if name not in ("clock", "fired")}]
    office.store.documents[Ref("incidents", "inc")] = old
    await office.tick(HOUR)
    assert office.document["wake_at"] == RECEIVED + 2 * HOUR


async def test_scenario_34_the_calendar_comes_and_fired_levels_stay(office: Office) -> None:
    await office.receive()
    await office.tick(2 * HOUR)
    assert office.document["orders"][0]["calendar_unconfirmed"]
    # Wednesday turns out to have been a holiday
    file = calendar_file("2026-11-25", {"start": "2026-11-25T09:00", "due": "2026-11-26T09:00"})
    hours = LocalHours(Calendar({2026: file}), ZONE)
    office.rules.hours = lambda subdistrict: hours  # type: ignore[method-assign]
    await office.tick(3 * HOUR)
    found = INCIDENTS.load(office.document)
    assert (fired(found), found.orders[0].calendar_unconfirmed) == ([Level.REMINDER], False)
    assert found.orders[0].due_at.astimezone(ZONE).strftime("%a %H:%M") == "Thu 12:00"
    assert published(office.store)[-1][1].data.kind == "correct"  # type: ignore[attr-defined]
    before = office.document
    await office.tick(3 * HOUR)
    assert office.document is before
    await office.tick(26 * HOUR)
    assert fired(INCIDENTS.load(office.document)) == [Level.REMINDER, Level.DEPARTMENT_LEAD]
