"""The ladder of escalation and the facts of an order's clock: what it measures, where it stood, which levels have fired."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from services.dispatch.domain.clocks import Limit
from services.dispatch.domain.states import State


class Level(StrEnum):
    """Who learns of it. `reminder` goes to the department itself, `accept_missed` to its lead, as `department_lead` does."""

    ACCEPT_MISSED = "accept_missed"
    REMINDER = "reminder"
    DEPARTMENT_LEAD = "department_lead"
    COMMUNITY_LEAD = "community_lead"
    SUBDISTRICT_LEAD = "subdistrict_lead"


RUNGS: tuple[tuple[Level, int], ...] = (
    (Level.REMINDER, 50),
    (Level.DEPARTMENT_LEAD, 80),
    (Level.COMMUNITY_LEAD, 100),
    (Level.SUBDISTRICT_LEAD, 150),
)
"""Percent of the running clock's own time."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When a level comes, as things stand."""

    level: Level
    at: datetime


@dataclass(frozen=True, slots=True)
class Fired:
    """A level that has fired `at` (server time), being `due` by then; it never fires again in this order or `cycle`.

    `late_start`: it had passed before the order was offered. `reason`: of the incident itself, what was waited for.
    """

    level: Level
    due: datetime
    at: datetime
    late_start: bool = False
    reason: str | None = None
    cycle: int = 1


@dataclass(frozen=True, slots=True)
class Clock:
    """The one clock of an order: `seconds` of its own time from `started`, less the pauses of its incident.

    `wall`: it runs day and night, else in working time. `seconds` holds the extensions in `granted` (seconds too). `moments`:
    the levels whose time is known, so none of those to come while it stands.
    """

    limit: Limit
    started: datetime
    wall: bool
    seconds: float
    repair: bool = False
    granted: tuple[float, ...] = ()
    moments: tuple[Moment, ...] = ()


@dataclass(frozen=True, slots=True)
class Pause:
    """The clocks of the incident stood from `since` to `over_at` (None: they still stand), and it came from `back_to`.

    `ends`: when a parked incident comes back by itself.
    """

    since: datetime
    why: Literal["needs_info", "parked"]
    back_to: State
    ends: datetime | None = None
    over_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Repair:
    """Nobody is in danger since then; the repair has a limit of its own."""

    limit: Limit
    since: datetime
