"""What follows for the incident once an order has ended."""

from dataclasses import dataclass, replace
from datetime import datetime

from services.dispatch.domain import running
from services.dispatch.domain.agenda import DECIDE_WITHIN
from services.dispatch.domain.clocks import Hours, Limit
from services.dispatch.domain.incident import (
    Happened,
    Incident,
    Line,
    Order,
    OrderChanged,
    Resolved,
    Told,
    all_came_back,
    is_resolved,
    move,
    with_order,
)
from services.dispatch.domain.routing import SYSTEM, next_order
from services.dispatch.domain.states import OPEN_ORDERS, OrderState, State, Who

_ON_THEIR_WAY = (State.DISPATCHED, State.IN_PROGRESS)


@dataclass(frozen=True, slots=True)
class Terms:
    """What reference data says for this incident: its limit, the repair's once nobody is in danger, who exists."""

    limit: Limit
    hours: Hours
    departments: frozenset[str]
    repair: Limit | None = None


def settle(incident: Incident, now: datetime, happened: list[Happened]) -> tuple[Incident, list[Happened]]:
    """Resolved if nothing is open and something done; back to triage if everything came back; else as it is.

    While it waits (a question, parked) nothing follows: `settle` is asked again when it goes on. What was made safe has no
    way back to triage: staff decide who repairs it.
    """
    if is_resolved(incident) and incident.state in (*_ON_THEIR_WAY, State.TEMPORARY_SAFE):
        moved, changed = move(incident, State.RESOLVED, Who.SYSTEM, SYSTEM, now)
        return replace(moved, resolved_at=now, decide_by=None), [*happened, changed, Resolved()]
    if all_came_back(incident) and incident.state in _ON_THEIR_WAY:
        moved, changed = move(incident, State.TRIAGED, Who.SYSTEM, SYSTEM, now)
        return moved, [*happened, changed]
    if all_came_back(incident) and incident.state is State.TEMPORARY_SAFE:
        return replace(incident, decide_by=incident.decide_by or now + DECIDE_WITHIN), happened
    return incident, happened


def after_return(
    incident: Incident, returned: Order, terms: Terms | None, now: datetime, happened: list[Happened]
) -> tuple[Incident, list[Happened]]:
    """The first return with a suggestion goes there by itself, once; after a second one people decide in time."""
    returns = [o for o in incident.orders if o.cycle == incident.cycle and o.state is OrderState.RETURNED]
    if len(returns) > 1:
        due = replace(incident, decide_by=incident.decide_by or now + DECIDE_WITHIN)
        return settle(due, now, happened)
    to = returned.suggested_department
    if terms is None or to is None or not _may_get(incident, to, terms):
        return settle(incident, now, happened)
    again = running.begin(incident, next_order(incident), to, now, terms.limit, terms.hours, like=returned)
    line = Line(now, SYSTEM, f"order {again.id} offered to {to}", f"suggested by {returned.department}")
    offered = replace(with_order(incident, again), history=(*incident.history, line))
    return offered, [*happened, OrderChanged("offered", again.id), Told("offer", again.id)]


def _may_get(incident: Incident, department: str, terms: Terms) -> bool:
    """Whether it exists, and neither has the work nor was asked in vain; nothing new is offered while the incident waits."""
    asked = {o.department for o in incident.orders if o.cycle == incident.cycle}
    on = incident.state in (*_ON_THEIR_WAY, State.TEMPORARY_SAFE)
    return on and department in terms.departments and department not in asked


def open_orders(incident: Incident) -> list[Order]:
    """What departments still have to do."""
    return [order for order in incident.orders if order.state in OPEN_ORDERS]


def correct(incident: Incident) -> list[Told]:
    """Whoever works on it is told the whole order once more: something in it has changed."""
    return [Told("correct", order.id) for order in open_orders(incident)]
