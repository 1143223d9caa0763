"""Everything that happens by itself: what is to come of an incident, when the next of it is, and what is due by now."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from services.dispatch.domain.clocks import Priority
from services.dispatch.domain.incident import Incident, Order
from services.dispatch.domain.ladder import Level
from services.dispatch.domain.states import OPEN_ORDERS, OVER, OrderState, State

CLOSE_AFTER = timedelta(days=7)
NO_ANSWER_AFTER = timedelta(days=7)
TRIAGE_WITHIN = timedelta(minutes=5)
"""An emergency that nobody could be named for is not left in triage longer."""

DECIDE_WITHIN = timedelta(minutes=30)
"""After a second return staff decide: `decide_by` = then + this."""


class What(StrEnum):
    """Kinds of things that happen by themselves."""

    LEVEL = "level"
    LATE_START = "late_start"
    TRIAGE_WAITS = "place_uncertain"
    UNDECIDED = "undecided_return"
    FOREIGN_DUE = "foreign_deadline"
    CLOSE = "close"
    NO_ANSWER = "no_answer"
    PARKED_END = "parked_end"


INCIDENT_LEVEL: dict[What, Level] = {
    What.TRIAGE_WAITS: Level.SUBDISTRICT_LEAD,
    What.UNDECIDED: Level.COMMUNITY_LEAD,
    What.FOREIGN_DUE: Level.COMMUNITY_LEAD,
}
"""Who learns that the incident itself waits too long."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that happens `at`, or as soon after as anybody looks. `levels`: of the order, in their order."""

    at: datetime
    what: What
    order: str | None = None
    levels: tuple[Level, ...] = ()


def next_at(incident: Incident) -> datetime | None:
    """When something happens by itself, None if never; the document's `wake_at`."""
    return min((item.at for item in to_come(incident)), default=None)


def due(incident: Incident, now: datetime) -> list[Item]:
    """What should have happened by `now`, oldest first."""
    return sorted((item for item in to_come(incident) if item.at <= now), key=lambda item: item.at)


def to_come(incident: Incident) -> Iterator[Item]:
    """Everything that happens unless something else happens before."""
    if incident.state in OVER:
        return
    if incident.state is State.RESOLVED:
        if incident.resolved_at is not None:
            yield Item(incident.resolved_at + CLOSE_AFTER, What.CLOSE)
        return
    for order in incident.orders:
        if order.state in OPEN_ORDERS:
            yield from _ladder(order)
    yield from _waiting(incident)
    yield from _of_incident(incident)


def _ladder(order: Order) -> Iterator[Item]:
    gone = {fired.level for fired in order.fired}
    if order.state is not OrderState.OFFERED:
        gone.add(Level.ACCEPT_MISSED)
    left = [moment for moment in (order.clock.moments if order.clock else ()) if moment.level not in gone]
    late = tuple(moment.level for moment in left if moment.at <= order.offered_at)
    if late:
        yield Item(order.offered_at, What.LATE_START, order.id, late)
    yield from (Item(m.at, What.LEVEL, order.id, (m.level,)) for m in left if m.level not in late)


def _waiting(incident: Incident) -> Iterator[Item]:
    """What ends by itself: a question without an answer, and parking."""
    pause = incident.pause
    if pause and incident.state is State.NEEDS_INFO:
        yield Item(pause.since + NO_ANSWER_AFTER, What.NO_ANSWER)
    if pause and incident.state is State.PARKED and pause.ends:
        yield Item(pause.ends, What.PARKED_END)


def _of_incident(incident: Incident) -> Iterator[Item]:
    """Waits of the incident itself, each told of once a cycle."""
    waits: list[tuple[datetime | None, What]] = [
        (incident.foreign_due_at, What.FOREIGN_DUE),
        (incident.decide_by, What.UNDECIDED),  # whatever staff decide clears it
    ]
    offered = any(order.cycle == incident.cycle for order in incident.orders)
    if incident.state is State.TRIAGED and incident.priority is Priority.E and not offered:
        waits.append((incident.t0 + TRIAGE_WITHIN, What.TRIAGE_WAITS))
    told = {fired.reason for fired in incident.fired if fired.cycle == incident.cycle}
    yield from (Item(at, what) for at, what in waits if at is not None and what not in told)
