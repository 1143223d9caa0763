"""What a home can afford: its budget of a period, what of it is promised or spent. Whole points, never over the budget."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from shared.errors import Conflict, Invalid

Period = Literal["month", "quarter"]
_MOST = 10_000_000


class HomeBudgetExhausted(Conflict):
    """What a home cannot cover it cannot promise."""

    code = "home-budget-exhausted"


@dataclass(frozen=True, slots=True)
class Budget:
    """Of one home and period; `id` is `budget_id`. `granted`: what staff's lines add to the budget of the reference data.
    `held`: promised to riders; `spent`: handed out. A reservation counts in the period in which it was made."""

    id: str
    subdistrict: str
    community: str
    home: str
    period: str
    granted: int = 0
    held: int = 0
    spent: int = 0
    lines: int = 0

    @property
    def used(self) -> int:
        return self.held + self.spent


@dataclass(frozen=True, slots=True)
class BudgetLine:
    """One line by staff, never changed: `points` more (or fewer) for a period, from whom and why."""

    id: str
    subdistrict: str
    community: str
    home: str
    period: str
    number: int
    points: int
    sponsor: str
    reason: str
    actor: str
    at: datetime


def period_of(at: datetime, zone: ZoneInfo, period: Period) -> str:
    """The month or quarter of a moment, where the home is: `2026-11` or `2026-Q4`."""
    day = at.astimezone(zone)
    return f"{day:%Y-%m}" if period == "month" else f"{day.year}-Q{(day.month + 2) // 3}"


def budget_id(home: str, period: str) -> str:
    """One document a home and period."""
    return f"{home}|{period}"


def hold(budget: Budget, base: int, points: int) -> Budget:
    """Promise `points`; `base` is the reference data's budget. Raises `HomeBudgetExhausted`."""
    left = base + budget.granted - budget.used
    if points > left:
        raise HomeBudgetExhausted(f"prize: costs {points} points, this home can cover {max(left, 0)} more this period")
    return replace(budget, held=budget.held + points)


def spend(budget: Budget, points: int) -> Budget:
    """What was promised is handed out."""
    return replace(budget, held=budget.held - points, spent=budget.spent + points)


def release(budget: Budget, points: int) -> Budget:
    """What was promised can be promised to somebody else."""
    return replace(budget, held=budget.held - points)


def grant(budget: Budget, base: int, points: int) -> Budget:
    """Another line. Raises `Invalid` if less would be left than is promised already."""
    granted = budget.granted + points
    if not budget.used <= base + granted <= _MOST:
        raise Invalid.field("points", f"the budget would be {base + granted}, {budget.used} of it are used already")
    return replace(budget, granted=granted, lines=budget.lines + 1)
