"""Decisions about a deadline: more time, and what another house expects. Appeals: `appealing.py`."""

from dataclasses import replace
from datetime import datetime

from services.dispatch.domain import running
from services.dispatch.domain.incident import (
    Foreign,
    Happened,
    Incident,
    Line,
    NotAllowed,
    Order,
    OrderChanged,
    Told,
    move_order,
    with_order,
)
from services.dispatch.domain.settling import Terms
from services.dispatch.domain.states import OPEN_ORDERS, OrderState


def decide_extension(
    incident: Incident, order: Order, actor: str, at: datetime, reason: str, terms: Terms, *, granted: bool
) -> tuple[Incident, list[Happened]]:
    """Answer a department that asked for more time. Raises `NotAllowed`."""
    if order.extension_asked_until is None or order.state not in OPEN_ORDERS:
        raise NotAllowed("the department is not asking for time")
    asked, word = order.extension_asked_until, "granted" if granted else "refused"
    if granted:
        incident = running.extend(incident, order.id, asked, at, terms.hours, actor)
    else:
        incident = with_order(incident, replace(order, extension_asked_until=None))
    line = Line(at, actor, f"order {order.id}: time until {asked.isoformat()} {word}", reason)
    return replace(incident, history=(*incident.history, line)), [
        OrderChanged("extension", order.id, reason, until=asked if granted else None, extension=word),
        Told("correct", order.id, reason=reason),
    ]


def verify(incident: Incident, order: Order, actor: str, at: datetime) -> tuple[Incident, list[Happened]]:
    """Staff have looked: it is done. Raises `NotAllowed`."""
    return move_order(incident, order, OrderState.VERIFIED, actor, at, "verified"), []


def hand_over(incident: Incident, foreign: Foreign, actor: str, at: datetime) -> tuple[Incident, list[Happened]]:
    """Another house has it too, under its own number; its deadline is watched from now on."""
    line = Line(at, actor, f"handed over to {foreign.to} as {foreign.number}, due {foreign.deadline.isoformat()}")
    return replace(incident, foreign=foreign, foreign_due_at=foreign.deadline, history=(*incident.history, line)), []
