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
    if priority is not Priority.E:
        return add(start, limit, hours)
    # wall clock always, even where the standard counts working hours
    length = {Unit.URGENT_DAYS: timedelta(days=1), Unit.WORKING_DAYS: hours.day(start)}.get(
        limit.unit, timedelta(hours=1)
    )
    return Deadline(start + min(limit.value * length, E_AT_MOST), unconfirmed=False)


def add(start: datetime, limit: Limit, hours: Hours) -> Deadline:
    """`start` plus a limit in its own unit."""
    match limit.unit:
        case Unit.URGENT_HOURS:
            return Deadline(start + timedelta(hours=limit.value), unconfirmed=False)
        case Unit.URGENT_DAYS:
            return Deadline(start + timedelta(days=limit.value), unconfirmed=False)
        case Unit.WORKING_HOURS:
            return hours.after(start, timedelta(hours=limit.value))
        case Unit.WORKING_DAYS:
            return hours.after(start, limit.value * hours.day(start))
