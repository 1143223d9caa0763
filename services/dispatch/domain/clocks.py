"""Deadlines: when a department must have accepted, and when the work is due.

Urgent units run day and night, working units only in the working time of the sub-district's calendar; what is computed over
days that no calendar confirms is marked unconfirmed.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol


class Unit(StrEnum):
    """The four units of the standard."""

    URGENT_HOURS = "uh"
    URGENT_DAYS = "ud"
    WORKING_HOURS = "wh"
    WORKING_DAYS = "wd"


class Priority(StrEnum):
    """E life-safety, U other urgent, N working hours or days, L over seven working days."""

    E = "E"
    U = "U"
    N = "N"
    L = "L"


@dataclass(frozen=True, slots=True)
class Limit:
    """How long something may take."""

    value: int
    unit: Unit


URGENT = frozenset({Unit.URGENT_HOURS, Unit.URGENT_DAYS})
"""Units that run day and night."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment; `unconfirmed` when it was computed over a year without a confirmed calendar."""

    at: datetime
    unconfirmed: bool


class Hours(Protocol):
    """The working time of one sub-district, out of reference data."""

    def after(self, start: datetime, left: timedelta) -> Deadline:
        """The moment at which `left` of working time from `start` is used up."""
        ...

    def between(self, start: datetime, end: datetime) -> timedelta:
        """How much working time lies between the two; nothing if `end` is not later."""
        ...

    def day(self, start: datetime) -> timedelta:
        """How long a working day is when `start` falls into it."""
        ...


ACCEPT_WITHIN: dict[Priority, Limit | timedelta] = {
    Priority.E: timedelta(minutes=15),
    Priority.U: timedelta(hours=1),
    Priority.N: Limit(1, Unit.WORKING_DAYS),
    Priority.L: Limit(1, Unit.WORKING_DAYS),
}
E_AT_MOST = timedelta(hours=2)
"""A danger to life is made safe within the limit, at most this."""


def accept_by(priority: Priority, offered_at: datetime, hours: Hours) -> datetime:
    """When the department must have answered an offer."""
    within = ACCEPT_WITHIN[priority]
    return offered_at + within if isinstance(within, timedelta) else add(offered_at, within, hours).at


def due(priority: Priority, limit: Limit, start: datetime, hours: Hours) -> Deadline:
    """When the work is due, counted from `start` (server time of the first report, or of reopening)."""
    return after(start, length(priority, limit, start, hours), is_wall(priority, limit), hours)


def add(start: datetime, limit: Limit, hours: Hours) -> Deadline:
    """`start` plus a limit in its own unit."""
    return after(start, plain_length(limit, start, hours), limit.unit in URGENT, hours)


def is_wall(priority: Priority, limit: Limit) -> bool:
    """Whether the clock runs day and night: a danger to life always, even where the standard counts working hours."""
    return priority is Priority.E or limit.unit in URGENT


def length(priority: Priority, limit: Limit, start: datetime, hours: Hours) -> timedelta:
    """How long the limit is in the clock's own time; for a danger to life at most `E_AT_MOST`."""
    plain = plain_length(limit, start, hours)
    return min(plain, E_AT_MOST) if priority is Priority.E else plain


def plain_length(limit: Limit, start: datetime, hours: Hours) -> timedelta:
    """How long the limit is in its own unit; a working day is as long as that of `start`."""
    match limit.unit:
        case Unit.URGENT_HOURS | Unit.WORKING_HOURS:
            return timedelta(hours=limit.value)
        case Unit.URGENT_DAYS:
            return timedelta(days=limit.value)
        case Unit.WORKING_DAYS:
            return limit.value * hours.day(start)


def after(start: datetime, left: timedelta, wall: bool, hours: Hours) -> Deadline:
    """The moment at which `left` is used up, of the wall clock or of working time."""
    return Deadline(start + left, unconfirmed=False) if wall else hours.after(start, left)


def elapsed(start: datetime, end: datetime, wall: bool, hours: Hours) -> timedelta:
    """How much of the wall clock or of working time passes from `start` to `end`; never negative."""
    return max(end - start, timedelta()) if wall else hours.between(start, end)
