"""From a report to the departments that must act."""

from dataclasses import replace
from datetime import datetime

from services.dispatch.domain import running
from services.dispatch.domain.clocks import Hours, Limit
from services.dispatch.domain.incident import (
    Happened,
    Incident,
    Line,
    OrderChanged,
    Route,
    Told,
    move,
    number,
    with_order,
)
from services.dispatch.domain.states import State, Who

SYSTEM = "system:dispatch"
NEEDS_LOCATION = "needs_location"
ROUTING_ERROR = "routing_error"
"""Rules could not decide about a certain place: an alert, because a rule is missing or wrong."""


def route(
    incident: Incident, found: Route | str, limit: Limit, hours: Hours, at: datetime
) -> tuple[Incident, list[Happened]]:
    """Triage a new incident and, if a rule decided, offer it. `found` is the route, or why there is none.

    An incident without a certain place, or one that no rule fits, stays in triage with the reason: never guessed, never skipped.
    """
    return number(*triage(incident, found, limit, hours, at))


def triage(
    incident: Incident, found: Route | str, limit: Limit, hours: Hours, at: datetime
) -> tuple[Incident, list[Happened]]:
    """As `route`, with what departments are told not numbered yet."""
    reason = found if isinstance(found, str) else None
    triaged, changed = move(incident, State.TRIAGED, Who.SYSTEM, SYSTEM, at, reason)
    if isinstance(found, str):
        return _left_in_triage(triaged), [changed]
    dispatched, happened = send(triaged, found, limit, hours, Who.SYSTEM, SYSTEM, at)
    return dispatched, [changed, *happened]


def _left_in_triage(incident: Incident) -> Incident:
    """Flagged by what staff must do: find the place, or decide what the rules could not."""
    flag = NEEDS_LOCATION if incident.place.get("grid") is None else ROUTING_ERROR
    return replace(incident, flags=tuple(dict.fromkeys((*incident.flags, flag))))


def offer(
    incident: Incident, chosen: Route, limit: Limit, hours: Hours, who: Who, actor: str, at: datetime
) -> tuple[Incident, list[Happened]]:
    """One order for each department. Raises `NotAllowed` if the incident is not waiting to be dispatched."""
    return number(*send(incident, chosen, limit, hours, who, actor, at))


def send(
    incident: Incident, chosen: Route, limit: Limit, hours: Hours, who: Who, actor: str, at: datetime
) -> tuple[Incident, list[Happened]]:
    """As `offer`, with what departments are told not numbered yet."""
    moved, changed = move(incident, State.DISPATCHED, who, actor, at)
    offered, happened = add_orders(
        replace(moved, route=chosen), chosen.departments, limit, hours, actor, at, chosen.rule
    )
    return offered, [changed, *happened]


def add_orders(
    incident: Incident,
    departments: tuple[str, ...],
    limit: Limit,
    hours: Hours,
    actor: str,
    at: datetime,
    why: str,
    kind: str = "offer",
) -> tuple[Incident, list[Happened]]:
    """One order more for each department, due by this cycle's clock; what happened is not numbered yet.

    `kind` is what they are told: `offer`, or `reopen` if they did it before and it did not hold.
    """
    happened: list[Happened] = []
    for department in departments:
        order = running.begin(incident, next_order(incident), department, at, limit, hours)
        line = Line(at, actor, f"order {order.id} offered to {department}", why)
        incident = replace(with_order(incident, order), history=(*incident.history, line), decide_by=None)
        happened += [OrderChanged("offered", order.id), Told(kind, order.id, reason=why if kind == "reopen" else None)]
    return incident, happened


def next_order(incident: Incident) -> str:
    """The id of the incident's next order: they are counted through all cycles."""
    return f"{incident.id}.{len(incident.orders) + 1}"


def incident_of(order_id: str) -> str:
    """The incident that an order id belongs to; the id is untrusted, so the incident may not exist."""
    return order_id.rpartition(".")[0]
