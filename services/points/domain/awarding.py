"""How much one more award of an activity is worth: caps by the calendar of the place, and the time between two."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from services.points.domain.caps import Month, admit
from services.points.domain.tariff import ActivityRule, Tariff


@dataclass(frozen=True, slots=True)
class Counted:
    """What is paid, the month with it counted, and why nothing is paid: `cap` or `cooldown`, None if something is."""

    points: int
    month: Month
    why: str | None = None


def award(rule: ActivityRule, month: Month, at: datetime, zone: ZoneInfo, points: int | None = None) -> Counted:
    """One more award at `at`, the time that counts. `month` is the rider's month of this activity into which that falls
    (`caps.month_key`); `points` where it is not the rule's own amount.

    Whoever is over a cap, or too near to an award that was paid (before or after it, within the same month), gets an
    entry of 0 points: nothing is paid in part. That one event pays once is a matter of the natural key.
    """
    if rule.cooldown and any(abs(at - paid) < rule.cooldown for paid in month.times):
        return Counted(0, month, "cooldown")
    wanted = rule.points if points is None else points
    counted = admit(month, at, zone, wanted, rule.cap_day, rule.cap_month)
    if counted is None:
        return Counted(0, month, "cap")
    return Counted(wanted, _timed(counted, at) if rule.cooldown > timedelta() else counted)


def needs_second(points: int, tariff: Tariff) -> bool:
    """Whether one award of so many points needs a second approver."""
    return points > tariff.alone_up_to


def _timed(month: Month, at: datetime) -> Month:
    return replace(month, times=(*month.times, at))
