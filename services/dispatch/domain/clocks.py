"""Deadlines: when a department must have accepted, and when the work is due.

Urgent units run day and night. Working units run Monday to Friday, 08:00-12:00 and 14:00-18:00 in the sub-district's zone
(8 h a day, assumed); as long as a year has no confirmed calendar the deadline is marked unconfirmed.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo


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


HOURS_PER_DAY = 8
SPANS = ((time(8), time(12)), (time(14), time(18)))

ACCEPT_WITHIN: dict[Priority, Limit | timedelta] = {
    Priority.E: timedelta(minutes=15),
    Priority.U: timedelta(hours=1),
    Priority.N: Limit(1, Unit.WORKING_DAYS),
    Priority.L: Limit(1, Unit.WORKING_DAYS),
}
E_AT_MOST = timedelta(hours=2)
"""A danger to life is made safe within the limit, at most this."""


def accept_by(priority: Priority, offered_at: datetime, zone: ZoneInfo) -> datetime:
    """When the department must have answered an offer."""
    within = ACCEPT_WITHIN[priority]
    return offered_at + within if isinstance(within, timedelta) else add(offered_at, within, zone).at


def due(priority: Priority, limit: Limit, start: datetime, zone: ZoneInfo) -> Deadline:
    """When the work is due, counted from `start` (server time of the first report, or of reopening)."""
    if priority is not Priority.E:
        return add(start, limit, zone)
    # wall clock always, even where the standard counts working hours
    hours = limit.value * (
        24 if limit.unit is Unit.URGENT_DAYS else HOURS_PER_DAY if limit.unit is Unit.WORKING_DAYS else 1
    )
    return Deadline(start + min(timedelta(hours=hours), E_AT_MOST), unconfirmed=False)


def add(start: datetime, limit: Limit, zone: ZoneInfo) -> Deadline:
    """`start` plus a limit in its own unit."""
    match limit.unit:
        case Unit.URGENT_HOURS:
            return Deadline(start + timedelta(hours=limit.value), unconfirmed=False)
        case Unit.URGENT_DAYS:
            return Deadline(start + timedelta(days=limit.value), unconfirmed=False)
        case Unit.WORKING_HOURS:
            return _working(start, timedelta(hours=limit.value), zone)
        case Unit.WORKING_DAYS:
            return _working(start, timedelta(hours=limit.value * HOURS_PER_DAY), zone)


def _working(start: datetime, left: timedelta, zone: ZoneInfo) -> Deadline:
    """Walk the working spans from `start` until `left` is used up."""
    local = start.astimezone(zone)
    day = local.date()
    while True:
        for opens, closes in SPANS if day.weekday() < 5 else ():
            begin = max(datetime.combine(day, opens, zone), local)
            end = datetime.combine(day, closes, zone)
            if begin >= end:
                continue
            if end - begin >= left:
                return Deadline((begin + left).astimezone(start.tzinfo), unconfirmed=True)
            left -= end - begin
        day += timedelta(days=1)
