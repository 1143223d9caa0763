"""What a department's message does to its order. A refusal is a business answer, never a dead letter."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from services.dispatch.domain.evidence import flagged
from services.dispatch.domain.incident import (
    Happened,
    Incident,
    Line,
    NotAllowed,
    Order,
    OrderChanged,
    Told,
    move,
    move_order,
    number,
    with_order,
)
from services.dispatch.domain.pausing import make_safe
from services.dispatch.domain.settling import Terms, after_return, settle
from services.dispatch.domain.states import OPEN_ORDERS, OrderState, State, Who

CLOCK_SKEW = timedelta(minutes=2)
"""A department's clock further off than this is noted; server time counts in any case."""


@dataclass(frozen=True, slots=True)
class Update:
    """One message of a department about one of its orders. `evidence` are ids of photos with a verified receipt."""

    id: str
    department: str
    order: str
    seen_seq: int
    kind: Literal["accepted", "returned", "progress", "done", "extension_asked"]
    at: datetime
    reason: str | None = None
    suggested_department: str | None = None
    extension_until: datetime | None = None
    evidence: tuple[str, ...] = ()
    temporary_safe: bool = False
    mismatch: str | None = None
    """Why its evidence does not fit the incident, if it does not: noted for people, never a reason to refuse."""


class UpdateRefused(Exception):
    """`code` is for programs (unknown_order, stale, not_allowed, evidence_missing, reason_missing), the text for people."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def apply(
    incident: Incident, update: Update, now: datetime, terms: Terms | None = None
) -> tuple[Incident, list[Happened]]:
    """The incident after the update, and what happened. Raises `UpdateRefused`.

    `now` is server time and is what counts; `update.at` is only compared with it. Without `terms` nothing is offered by
    itself to a department that another one suggests.
    """
    order = incident.order(update.order)
    if order is None or order.department != update.department:
        # the same answer for "no such order" and "not yours": nobody learns what others have
        raise UpdateRefused("unknown_order", f"{update.department} has no order {update.order}")
    check_seen(order, update.seen_seq)
    incident = _note_skew(incident, order, update, now)
    try:
        changed, happened = _KINDS[update.kind](incident, order, update, now, terms)
    except NotAllowed as error:
        raise UpdateRefused("not_allowed", str(error)) from None
    return number(changed, [*happened, Told("ack", order.id, update.id)])


def check_seen(order: Order, seen_seq: int) -> None:
    """Raises `UpdateRefused`: it knows more than there is, or speaks of an order that is over without knowing it."""
    if seen_seq > order.seq or (seen_seq < order.seq and order.state not in OPEN_ORDERS):
        raise UpdateRefused("stale", f"the order is at message {order.seq}, the update saw {seen_seq}")


def _actor(update: Update) -> str:
    return f"department:{update.department}"


def _note_skew(incident: Incident, order: Order, update: Update, now: datetime) -> Incident:
    if abs(update.at - now) <= CLOCK_SKEW and update.at >= order.offered_at - CLOCK_SKEW:
        return incident
    line = Line(now, _actor(update), f"order {order.id}: clock_skew, the department says {update.at.isoformat()}")
    return replace(incident, history=(*incident.history, line))


def _accepted(
    incident: Incident, order: Order, update: Update, now: datetime, terms: Terms | None
) -> tuple[Incident, list[Happened]]:
    moved = move_order(incident, order, OrderState.ACCEPTED, _actor(update), now, "accepted", accepted_at=now)
    happened: list[Happened] = [OrderChanged("accepted", order.id)]
    return _in_progress(moved, update, now, happened)


def _in_progress(
    incident: Incident, update: Update, now: datetime, happened: list[Happened]
) -> tuple[Incident, list[Happened]]:
    """The first acceptance brings the incident on its way."""
    if incident.state is not State.DISPATCHED:
        return incident, happened
    moved, changed = move(incident, State.IN_PROGRESS, Who.DEPARTMENT, _actor(update), now)
    return moved, [*happened, changed]


def _progress(
    incident: Incident, order: Order, update: Update, now: datetime, terms: Terms | None
) -> tuple[Incident, list[Happened]]:
    if order.state is OrderState.WORKING:
        line = Line(now, _actor(update), f"order {order.id} progress", update.reason)
        worked = replace(incident, history=(*incident.history, line))
    else:
        worked = move_order(incident, order, OrderState.WORKING, _actor(update), now, "working", reason=update.reason)
    worked = flagged(worked, update.mismatch, now)
    return _made_safe(worked, update, now, terms) if update.temporary_safe else (worked, [])


def _made_safe(
    incident: Incident, update: Update, now: datetime, terms: Terms | None
) -> tuple[Incident, list[Happened]]:
    """Nobody is in danger any more: what remains is the repair, by its own clock."""
    if incident.state is State.TEMPORARY_SAFE:
        return incident, []
    if not update.reason:
        raise UpdateRefused("reason_missing", "progress: say what was done to make it safe")
    if terms is None or terms.repair is None:
        raise NotAllowed("this category has no temporary safety: report it done when it is repaired")
    safe, changed = make_safe(incident, Who.DEPARTMENT, _actor(update), now, update.reason, terms)
    return safe, [replace(changed, photo_ids=update.evidence)]


def _done(
    incident: Incident, order: Order, update: Update, now: datetime, terms: Terms | None
) -> tuple[Incident, list[Happened]]:
    if incident.photo_required and not update.evidence:
        raise UpdateRefused("evidence_missing", "done needs the receipt of an after-photo for this category")
    happened: list[Happened] = []
    if order.state is OrderState.OFFERED:
        incident, happened = _accepted(incident, order, update, now, terms)
        order = replace(order, state=OrderState.ACCEPTED, accepted_at=now)
    incident = flagged(incident, update.mismatch, now)
    moved = move_order(
        incident, order, OrderState.DONE, _actor(update), now, "done", done_at=now, evidence=update.evidence
    )
    happened = [*happened, OrderChanged("done", order.id)]
    return settle(moved, now, happened)


def _returned(
    incident: Incident, order: Order, update: Update, now: datetime, terms: Terms | None
) -> tuple[Incident, list[Happened]]:
    if not update.reason:
        raise UpdateRefused("reason_missing", "reason: a return needs one")
    moved = move_order(
        incident,
        order,
        OrderState.RETURNED,
        _actor(update),
        now,
        "returned",
        reason=update.reason,
        suggested_department=update.suggested_department,
    )
    returned = replace(order, suggested_department=update.suggested_department)
    return after_return(moved, returned, terms, now, [OrderChanged("returned", order.id, update.reason)])


def _extension_asked(
    incident: Incident, order: Order, update: Update, now: datetime, terms: Terms | None
) -> tuple[Incident, list[Happened]]:
    """Noted for staff to decide; the clock goes on until they do."""
    if order.state not in OPEN_ORDERS:
        raise NotAllowed(f"the order is {order.state}, its time cannot be extended")
    if update.extension_until is None or not update.reason:
        raise UpdateRefused("reason_missing", "extension_until, reason: both are needed to ask for more time")
    if now > order.due_at:
        raise UpdateRefused("not_allowed", "more time can only be asked for before the deadline")
    line = Line(now, _actor(update), f"order {order.id} asks for time until {update.extension_until}", update.reason)
    noted = with_order(incident, replace(order, extension_asked_until=update.extension_until))
    return replace(noted, history=(*noted.history, line)), [
        OrderChanged("extension", order.id, update.reason, until=update.extension_until, extension="asked")
    ]


_KINDS = {
    "accepted": _accepted,
    "returned": _returned,
    "progress": _progress,
    "done": _done,
    "extension_asked": _extension_asked,
}
