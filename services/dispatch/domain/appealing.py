"""A department's appeal against a deadline: asked once for an order, decided by the lead. Granted, the deadline leaves the
figures; the fact that it was missed stays."""

from dataclasses import replace
from datetime import datetime

from services.dispatch.domain.evidence import with_flag, without_flag
from services.dispatch.domain.incident import Appeal, Happened, Incident, Line, NotAllowed, Order, Told, with_order
from services.dispatch.domain.states import OrderState

DEADLINE_APPEALED = "deadline_appealed"
"""Somebody's appeal waits for the lead: the queue can be narrowed to it."""

_NOBODYS = (OrderState.RETURNED, OrderState.WITHDRAWN)


def appeal(incident: Incident, order: Order, at: datetime, reason: str) -> tuple[Incident, list[Happened]]:
    """The department says why the deadline should not count. No clock changes. Raises `NotAllowed`."""
    if order.state in _NOBODYS:
        raise NotAllowed(f"the order is {order.state}: its deadline does not count")
    if order.excused is not None or order.appeal is not None:
        raise NotAllowed("the deadline of this order was appealed or excused already")
    line = Line(at, f"department:{order.department}", f"order {order.id}: deadline appealed", reason)
    asked = with_order(with_flag(incident, DEADLINE_APPEALED), replace(order, appeal=Appeal(at, reason)))
    return replace(asked, history=(*asked.history, line)), []


def excuse(incident: Incident, order: Order, actor: str, at: datetime, reason: str) -> tuple[Incident, list[Happened]]:
    """Take the deadline out of the figures, appealed or not. A department that appealed is told. Raises `NotAllowed`."""
    if order.excused is not None:
        raise NotAllowed("the deadline of this order is excused already")
    excused = replace(order, excused=reason)
    return _answered(incident, excused, actor, at, reason, "deadline excused", granted=True)


def refuse(incident: Incident, order: Order, actor: str, at: datetime, reason: str) -> tuple[Incident, list[Happened]]:
    """The deadline counts. The department is told why. Raises `NotAllowed`."""
    if order.appeal is None or order.appeal.granted is not None:
        raise NotAllowed("no appeal against the deadline of this order waits for an answer")
    return _answered(incident, order, actor, at, reason, "deadline appeal refused", granted=False)


def _answered(
    incident: Incident, order: Order, actor: str, at: datetime, reason: str, what: str, *, granted: bool
) -> tuple[Incident, list[Happened]]:
    told: list[Happened] = []
    if order.appeal is not None:
        order = replace(order, appeal=replace(order.appeal, granted=granted, answer=reason))
        told = [Told("correct", order.id, reason=reason)]
    answered = with_order(incident, order)
    if not any(one.appeal is not None and one.appeal.granted is None for one in answered.orders):
        answered = without_flag(answered, DEADLINE_APPEALED)
    line = Line(at, actor, f"order {order.id}: {what}", reason)
    return replace(answered, history=(*answered.history, line)), told
