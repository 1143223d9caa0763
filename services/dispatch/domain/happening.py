"""What happens by itself, carried out: by server time, oldest first, each once."""

from dataclasses import replace
from datetime import datetime

from services.dispatch.domain import agenda, running
from services.dispatch.domain.agenda import INCIDENT_LEVEL, Item, What
from services.dispatch.domain.clocks import Hours
from services.dispatch.domain.incident import (
    Escalated,
    Happened,
    Incident,
    Line,
    Order,
    OrderChanged,
    Reminded,
    Told,
    move,
    move_order,
    number,
    with_order,
)
from services.dispatch.domain.ladder import Fired, Level
from services.dispatch.domain.pausing import come_back
from services.dispatch.domain.routing import SYSTEM
from services.dispatch.domain.states import OPEN_ORDERS, OrderState, State, Who

NO_ANSWER = "no answer for 7 days"


def happen(incident: Incident, now: datetime, hours: Hours) -> tuple[Incident, list[Happened]]:
    """Everything that is due by `now`. Idempotent: what has happened is no longer due."""
    happened: list[Happened] = []
    while items := agenda.due(incident, now):
        incident, more = _happen(incident, items[0], now, hours)
        happened += more
    return incident, happened


def withdraw_open(incident: Incident, actor: str, at: datetime, reason: str) -> tuple[Incident, list[Happened]]:
    """Every order that is still open ends, and its department is told why. Messages are numbered."""
    happened: list[Happened] = []
    for order in [order for order in incident.orders if order.state in OPEN_ORDERS]:
        incident = move_order(incident, order, OrderState.WITHDRAWN, actor, at, "withdrawn", reason=reason)
        happened += [OrderChanged("withdrawn", order.id, reason), Told("withdraw", order.id, reason=reason)]
    return number(incident, happened)


def _happen(incident: Incident, item: Item, now: datetime, hours: Hours) -> tuple[Incident, list[Happened]]:
    match item.what:
        case What.LEVEL | What.LATE_START:
            return _fire(incident, item, now)
        case What.CLOSE:
            closed, changed = move(incident, State.CLOSED, Who.SYSTEM, SYSTEM, now)
            return closed, [changed]
        case What.NO_ANSWER:
            return _give_up(incident, now, hours)
        case What.PARKED_END:
            return _come_back(incident, now, hours)
        case _:
            return _tell_of_wait(incident, item, now)


def _fire(incident: Incident, item: Item, now: datetime) -> tuple[Incident, list[Happened]]:
    """The level, or all that had passed before the offer as one message: the highest of them, flagged."""
    order = next(order for order in incident.orders if order.id == item.order)
    late, highest = item.what is What.LATE_START, item.levels[-1]
    fired = tuple(Fired(level, _due(order, level), now, late, cycle=order.cycle) for level in item.levels)
    what = f"order {order.id}: {', '.join(item.levels)}" + (" (late_start)" if late else "")
    incident = with_order(incident, replace(order, fired=(*order.fired, *fired)))
    incident = replace(incident, history=(*incident.history, Line(now, SYSTEM, what)))
    told: list[Happened] = (
        [Reminded(order.id, late), Told("remind", order.id, late_start=late)]
        if highest is Level.REMINDER
        else [Escalated(highest, order.id, late_start=late), Told("escalate", order.id, level=highest, late_start=late)]
    )
    return number(incident, told)


def _due(order: Order, level: Level) -> datetime:
    moments = order.clock.moments if order.clock else ()
    return next(moment.at for moment in moments if moment.level is level)


def _give_up(incident: Incident, now: datetime, hours: Hours) -> tuple[Incident, list[Happened]]:
    """The clocks' pause is over with the case; it never counts as resolved."""
    over = running.resume(incident, now, hours, SYSTEM)
    withdrawn, told = withdraw_open(over, SYSTEM, now, NO_ANSWER)
    closed, changed = move(withdrawn, State.CLOSED_NO_ACTION, Who.SYSTEM, SYSTEM, now, NO_ANSWER)
    return closed, [changed, *told]


def _come_back(incident: Incident, now: datetime, hours: Hours) -> tuple[Incident, list[Happened]]:
    """Back to where it was, and every department learns its new deadline."""
    return number(*come_back(incident, Who.SYSTEM, SYSTEM, now, hours))


def _tell_of_wait(incident: Incident, item: Item, now: datetime) -> tuple[Incident, list[Happened]]:
    level, reason = INCIDENT_LEVEL[item.what], item.what.value
    fired = Fired(level, item.at, now, reason=reason, cycle=incident.cycle)
    flags = dict.fromkeys((*incident.flags, reason)) if item.what is What.FOREIGN_DUE else incident.flags
    line = Line(now, SYSTEM, f"{level}: {reason}")
    told = replace(incident, fired=(*incident.fired, fired), flags=tuple(flags), history=(*incident.history, line))
    return told, [Escalated(level, reason=reason)]
