"""Cases as higher levels count them: one for each order a department has to answer for, in the month of its deadline."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.dispatch.domain.clocks import Priority
from services.dispatch.domain.incident import Incident, Order
from services.dispatch.domain.states import FINISHED_ORDERS, OVER, OrderState


class Outcome(StrEnum):
    """What became of an order's deadline. `late` is done late, or past its deadline and not done; `open` has time left."""

    ON_TIME = "on_time"
    LATE = "late"
    OPEN = "open"
    RETURNED = "returned"
    EXCUSED = "excused"


@dataclass(frozen=True, slots=True)
class Case:
    """An order with its incident."""

    incident: Incident
    order: Order


@dataclass(frozen=True, slots=True)
class Figure:
    """One department and class in one month. `due` is `on_time`, `late` and `open` together: returned orders are another's
    to do, and a granted appeal takes a deadline out of the figures."""

    department: str
    priority: Priority
    due: int
    on_time: int
    late: int
    open: int
    returned: int
    excused: int


def of_month(incidents: Iterable[Incident], start: datetime, end: datetime) -> list[Case]:
    """The cases whose deadline lies in [start, end), by deadline; an order that was withdrawn is nobody's case."""
    found = [
        Case(incident, order)
        for incident in incidents
        for order in incident.orders
        if start <= order.due_at < end and order.state is not OrderState.WITHDRAWN
    ]
    return sorted(found, key=lambda case: (case.order.due_at, case.order.id))


def outcome(case: Case, now: datetime) -> Outcome:
    """What counts for the case at `now`. While its clock stands an order is not late."""
    order = case.order
    if order.state is OrderState.RETURNED:
        return Outcome.RETURNED
    if order.excused is not None:
        return Outcome.EXCUSED
    if order.state in FINISHED_ORDERS:
        return Outcome.ON_TIME if (order.done_at or now) <= order.due_at else Outcome.LATE
    return Outcome.OPEN if case.incident.pause or now <= order.due_at else Outcome.LATE


def figures(cases: Iterable[Case], now: datetime) -> list[Figure]:
    """The cases counted by department and class."""
    counts: dict[tuple[str, Priority], dict[Outcome, int]] = defaultdict(lambda: dict.fromkeys(Outcome, 0))
    for case in cases:
        counts[case.order.department, case.incident.priority][outcome(case, now)] += 1
    return [
        Figure(department, priority, count[Outcome.ON_TIME] + count[Outcome.LATE] + count[Outcome.OPEN], **count)
        for (department, priority), count in sorted(counts.items())
    ]


def taken_on(incident: Incident) -> datetime | None:
    """When it was first decided on: it left `reported`."""
    return next((line.at for line in incident.history if line.what.startswith("reported -> ")), None)


def closed_at(incident: Incident) -> datetime | None:
    """When nobody had to do anything any more; None while somebody has."""
    if incident.state not in OVER:
        return None
    into = f" -> {incident.state}"
    return next((line.at for line in reversed(incident.history) if line.what.endswith(into)), None)
