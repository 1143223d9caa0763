"""Ends without a repair, and work that is taken back."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from services.dispatch.domain import running
from services.dispatch.domain.clocks import Hours
from services.dispatch.domain.incident import (
    Happened,
    Incident,
    Line,
    NotAllowed,
    Order,
    OrderChanged,
    Resolved,
    StateChanged,
    Told,
    move,
    move_order,
)
from services.dispatch.domain.settling import open_orders, settle
from services.dispatch.domain.states import OPEN_ORDERS, OrderState, State, Who

SELF_FIXED = "self_fixed"
BEFORE_AND_AFTER = 2


def end(
    incident: Incident, target: State, who: Who, actor: str, at: datetime, reason: str, hours: Hours
) -> tuple[Incident, list[Happened]]:
    """Close it as `rejected`, `duplicate` or `closed_no_action`; whoever still works on it is called off, no clock stands.

    Raises `NotAllowed`.
    """
    ended, changed = move(running.resume(incident, at, hours, actor), target, who, actor, at, reason)
    ended, happened = call_off(ended, open_orders(ended), actor, at, reason)
    return replace(ended, decide_by=None), [changed, *happened]


def withdraw(
    incident: Incident, order: Order, actor: str, at: datetime, reason: str
) -> tuple[Incident, list[Happened]]:
    """Take one order back. Raises `NotAllowed`."""
    if order.state not in OPEN_ORDERS:
        raise NotAllowed(f"the order is {order.state}: there is nothing to take back")
    called_off, happened = call_off(incident, [order], actor, at, reason)
    return settle(called_off, at, happened)


def call_off(
    incident: Incident, orders: Iterable[Order], actor: str, at: datetime, reason: str
) -> tuple[Incident, list[Happened]]:
    """Withdraw these open orders and tell their departments."""
    happened: list[Happened] = []
    for order in orders:
        incident = move_order(incident, order, OrderState.WITHDRAWN, actor, at, "withdrawn", reason=reason)
        happened += [OrderChanged("withdrawn", order.id, reason), Told("withdraw", order.id, reason=reason)]
    return incident, happened


def decide_appeal(
    incident: Incident, actor: str, at: datetime, reason: str, *, granted: bool
) -> tuple[Incident, list[Happened]]:
    """The reporter does not agree that it was rejected. Refused, he is told once more, with the reason.

    Raises `NotAllowed`.
    """
    if incident.state is not State.REJECTED:
        raise NotAllowed(f"the incident is {incident.state}: only a rejection can be appealed")
    if granted:
        won, changed = move(incident, State.TRIAGED, Who.STAFF, actor, at, reason)
        return won, [changed]
    line = Line(at, actor, "appeal refused", reason)
    kept = replace(incident, history=(*incident.history, line))
    return kept, [StateChanged(State.REJECTED, State.REJECTED, reason)]


def self_fixed(incident: Incident, actor: str, at: datetime, reason: str) -> tuple[Incident, list[Happened]]:
    """The rider put it right himself, and his photos before and after show it; one that was not reported so may have both among
    its photos. Raises `NotAllowed`."""
    if not incident.photo_ids or len(incident.shown_photos) < BEFORE_AND_AFTER:
        raise NotAllowed("self_fixed needs a photo from before and one from after")
    fixed, changed = move(incident, State.RESOLVED, Who.STAFF, actor, at, reason)
    return replace(fixed, resolved_at=at, decide_by=None), [changed, Resolved("self_fixed")]


def entered_at(incident: Incident) -> datetime:
    """Since when it has been in its state."""
    arrow = f"-> {incident.state}"
    return next((line.at for line in reversed(incident.history) if line.what.endswith(arrow)), incident.t0)
