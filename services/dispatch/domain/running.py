"""What changes a clock, and nothing else does: pauses, temporary safety, a granted extension, a calendar file, a new cycle.

A clock is never counted on: its deadline and its levels are computed from the facts (start, pauses, length) each time one of
these happens. So an order has one clock whatever the order of events, and comments cannot touch it.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from services.dispatch.domain import clocks
from services.dispatch.domain.clocks import Deadline, Hours, Limit
from services.dispatch.domain.incident import Incident, Line, NotAllowed, Order, with_order
from services.dispatch.domain.ladder import RUNGS, Clock, Level, Moment, Pause, Repair
from services.dispatch.domain.states import OPEN_ORDERS, OrderState

MOST_EXTENSIONS = 2


def begin(
    incident: Incident,
    id_: str,
    department: str,
    at: datetime,
    limit: Limit,
    hours: Hours,
    like: Order | None = None,
) -> Order:
    """A new order, offered at `at`. Its clock began with the cycle; `like`: an order that came back, whose deadline it keeps."""
    clock = _clock(incident, limit, hours)
    if like and like.clock and like.clock.repair == clock.repair:
        clock = like.clock
    order = Order(
        id=id_,
        department=department,
        state=OrderState.OFFERED,
        cycle=incident.cycle,
        offered_at=at,
        accept_by=clocks.accept_by(incident.priority, at, hours),
        due_at=like.due_at if like else clock.started,  # until it is counted below
        calendar_unconfirmed=False,
        clock=clock,
    )
    return recount(incident, order, hours)


def pause(
    incident: Incident,
    at: datetime,
    hours: Hours,
    actor: str,
    why: Literal["needs_info", "parked"],
    ends: datetime | None = None,
) -> Incident:
    """The clocks stand from `at`. Call it before the state changes: where the incident was is where it comes back to.

    Raises `NotAllowed` if they stand already.
    """
    if incident.pause:
        raise NotAllowed(f"the clocks stand already: {incident.pause.why}")
    stands = Pause(at, why, incident.state, ends)
    paused = _told(incident, at, actor, f"the clocks stand: {why}")
    return _recounted(replace(paused, pauses=(*incident.pauses, stands)), hours)


def resume(incident: Incident, at: datetime, hours: Hours, actor: str) -> Incident:
    """The clocks run on with the time that was left; as it was if they ran. A line for each order says until when."""
    if incident.pause is None:
        return incident
    over = replace(incident.pause, over_at=at)
    running = _told(incident, at, actor, "the clocks run again")
    return _with_lines(_recounted(replace(running, pauses=(*incident.pauses[:-1], over)), hours), at, actor)


def temporary_safe(incident: Incident, at: datetime, limit: Limit, hours: Hours, actor: str) -> Incident:
    """Emergency clocks stop; the repair's, of length `limit` in its own unit, run from `at`.

    Raises `NotAllowed` the second time.
    """
    if incident.repair:
        raise NotAllowed("it is temporarily safe already")
    safe = replace(_told(incident, at, actor, "emergency clocks stop"), repair=Repair(limit, at))
    for order in _open(incident):
        made_safe = replace(order, clock=_clock(safe, limit, hours), safe_at=at, safe_by=order.due_at)
        safe = with_order(safe, recount(safe, made_safe, hours))
    return _with_lines(safe, at, actor)


def extend(incident: Incident, order_id: str, until: datetime, at: datetime, hours: Hours, actor: str) -> Incident:
    """The granted extension: the order is due at `until`, counted in its own time.

    Raises `NotAllowed` after the deadline, while the clock stands, the third time, and for more than the limit once more.
    """
    order = incident.order(order_id)
    if order is None or order.state not in OPEN_ORDERS or order.clock is None:
        raise NotAllowed("only the time of an open order can be extended")
    extra = clocks.elapsed(order.due_at, until, order.clock.wall, hours)
    _check_extension(incident, order, order.clock, extra, at)
    granted = (*order.clock.granted, extra.total_seconds())
    clock = replace(order.clock, seconds=order.clock.seconds + extra.total_seconds(), granted=granted)
    longer = recount(incident, replace(order, clock=clock, extension_asked_until=None), hours)
    return _told(with_order(incident, longer), at, actor, f"order {order_id} is due {longer.due_at:%Y-%m-%d %H:%M%z}")


def _check_extension(incident: Incident, order: Order, clock: Clock, extra: timedelta, at: datetime) -> None:
    if incident.pause:
        raise NotAllowed("the clock stands; extend it once it runs again")
    if at > order.due_at:
        raise NotAllowed("the deadline has passed")
    if len(clock.granted) >= MOST_EXTENSIONS:
        raise NotAllowed(f"it was extended {MOST_EXTENSIONS} times already")
    original = clock.seconds - sum(clock.granted)
    if not 0 < extra.total_seconds() <= original:
        raise NotAllowed("an extension is more than nothing and at most the original limit once more")


def reopen(incident: Incident, at: datetime, actor: str) -> Incident:
    """A new cycle, whose clock starts at `at`; orders are offered anew, the old ones keep what they had."""
    pauses = tuple(replace(one, over_at=one.over_at or at) for one in incident.pauses)
    anew = replace(
        incident, cycle=incident.cycle + 1, t0=at, pauses=pauses, repair=None, decide_by=None, resolved_at=None
    )
    return _told(anew, at, actor, f"the clock starts anew: cycle {anew.cycle}")


def recompute(incident: Incident, at: datetime, hours: Hours, actor: str) -> tuple[Incident, tuple[str, ...]]:
    """Count what no calendar had confirmed by the calendar as it now is. Returns the orders whose deadline moved too.

    What has fired stays fired. The incident is the same object if nothing changed.
    """
    moved: list[str] = []
    for order in [order for order in _open(incident) if order.calendar_unconfirmed and order.clock]:
        assert order.clock is not None  # just asked for
        counted = recount(incident, replace(order, clock=_measured(incident, order.clock, hours)), hours)
        if counted != order:
            what = f"order {order.id} is due {counted.due_at:%Y-%m-%d %H:%M%z}: the calendar has come"
            incident = _told(with_order(incident, counted), at, actor, what)
            moved.append(order.id)
    return incident, tuple(moved)


def adopt(incident: Incident, limit: Limit, hours: Hours) -> Incident:
    """Open orders from before clocks were kept get theirs, of the limit since T0; the same object if there are none."""
    for order in [order for order in _open(incident) if order.clock is None]:
        timed = replace(order, clock=_clock(incident, limit, hours))
        incident = with_order(incident, recount(incident, timed, hours))
    return incident


def recount(incident: Incident, order: Order, hours: Hours) -> Order:
    """Deadline, `accept_by` and levels of an open order from the facts; what lies after a standing clock stays as it was."""
    clock = order.clock
    if clock is None:
        return order
    due = reach(clock, incident.pauses, clock.seconds, hours)
    accept = _accept(incident, order, hours)
    found = [(level, reach(clock, incident.pauses, clock.seconds * share / 100, hours)) for level, share in RUNGS]
    moments = tuple(
        Moment(level, deadline.at) for level, deadline in [(Level.ACCEPT_MISSED, accept), *found] if deadline
    )
    known = [deadline for deadline in (due, accept) if deadline]
    return replace(
        order,
        due_at=due.at if due else order.due_at,
        accept_by=accept.at if accept else order.accept_by,
        calendar_unconfirmed=any(one.unconfirmed for one in known) if due else order.calendar_unconfirmed,
        clock=replace(clock, moments=moments),
    )


def reach(clock: Clock, pauses: tuple[Pause, ...], seconds: float, hours: Hours) -> Deadline | None:
    """When so much of the clock's own time is used up; None if it stands before that."""
    left, start = timedelta(seconds=seconds), clock.started
    for one in pauses:
        if one.over_at is not None and one.over_at <= start:
            continue
        ran = clocks.elapsed(start, one.since, clock.wall, hours)
        if ran >= left:
            break
        if one.over_at is None:
            return None
        left, start = left - ran, one.over_at
    found = clocks.after(start, left, clock.wall, hours)
    # a store keeps milliseconds, and a level is never early
    return replace(found, at=found.at + (-found.at.microsecond % 1000) * timedelta(microseconds=1))


def _accept(incident: Incident, order: Order, hours: Hours) -> Deadline | None:
    within = clocks.ACCEPT_WITHIN[incident.priority]
    wall = isinstance(within, timedelta)
    length = within if isinstance(within, timedelta) else clocks.plain_length(within, order.offered_at, hours)
    waits = Clock(Limit(1, clocks.Unit.URGENT_HOURS), order.offered_at, wall, length.total_seconds())
    return reach(waits, incident.pauses, waits.seconds, hours)


def _clock(incident: Incident, limit: Limit, hours: Hours) -> Clock:
    """The clock that runs in this cycle: the repair's if it is safe, else that of the limit since T0."""
    if incident.repair:
        repair = incident.repair
        return _measured(
            incident, Clock(repair.limit, repair.since, repair.limit.unit in clocks.URGENT, 0, True), hours
        )
    return _measured(incident, Clock(limit, incident.t0, clocks.is_wall(incident.priority, limit), 0), hours)


def _measured(incident: Incident, clock: Clock, hours: Hours) -> Clock:
    """The clock with its length by the calendar; extensions were granted in its own time and stay."""
    if clock.repair:
        original = clocks.plain_length(clock.limit, clock.started, hours)
    else:
        original = clocks.length(incident.priority, clock.limit, clock.started, hours)
    return replace(clock, seconds=original.total_seconds() + sum(clock.granted))


def _open(incident: Incident) -> list[Order]:
    return [order for order in incident.orders if order.state in OPEN_ORDERS]


def _recounted(incident: Incident, hours: Hours) -> Incident:
    for order in _open(incident):
        incident = with_order(incident, recount(incident, order, hours))
    return incident


def _told(incident: Incident, at: datetime, actor: str, what: str) -> Incident:
    return replace(incident, history=(*incident.history, Line(at, actor, what)))


def _with_lines(incident: Incident, at: datetime, actor: str) -> Incident:
    for order in _open(incident):
        incident = _told(incident, at, actor, f"order {order.id} is due {order.due_at:%Y-%m-%d %H:%M%z}")
    return incident
