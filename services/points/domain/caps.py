"""Caps: how much of one activity counts per day and month, by the date on which it was seen."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Month:
    """What a rider was paid for one activity in one month. `days`: points by day of the month, `01` to `31`; `times`: when,
    kept for activities between two of which some time must pass."""

    id: str
    days: dict[str, int] = field(default_factory=dict)
    times: tuple[datetime, ...] = ()


def month_key(rider: str, activity: str, at: datetime, zone: ZoneInfo) -> str:
    """Id of the month that `at` falls into, by the calendar of `zone`."""
    return f"{rider}|{activity}|{at.astimezone(zone):%Y-%m}"


def admit(
    month: Month, at: datetime, zone: ZoneInfo, points: int, cap_day: int | None, cap_month: int | None
) -> Month | None:
    """The month with `points` counted, or None if they would go over a cap: then nothing is paid, not a part."""
    day = f"{at.astimezone(zone):%d}"
    of_day = month.days.get(day, 0) + points
    of_month = sum(month.days.values()) + points
    if (cap_day is not None and of_day > cap_day) or (cap_month is not None and of_month > cap_month):
        return None
    return replace(month, days={**month.days, day: of_day})
