"""What the passbook pays: amounts and caps as data (all of them assumed, so all of them here and none in code)."""

from pydantic import Field, NonNegativeInt, PositiveInt

from shared.reference.categories import ACTIVITIES, Activity
from shared.reference.files import Fault, Strict


class ActivityRule(Strict):
    """`points` for one award; `once_per_event` where one checks in. Caps in points per rider; None is no cap."""

    points: PositiveInt
    once_per_event: bool = False
    cap_day: PositiveInt | None = None
    cap_month: PositiveInt | None = None
    cooldown_minutes: NonNegativeInt = 0


class HazardRow(Strict):
    """One line of the hazard table. `rule` is part of the award's key for ever; the class does not change the rule.

    `emergency_points` are paid instead when the final class is E. `max_reporters` and `within_hours` (after the first
    report) bound who counts; None is no bound.
    """

    rule: str = Field(pattern="^[a-z][a-z0-9_]{1,30}$")
    points: PositiveInt
    emergency_points: PositiveInt
    max_reporters: PositiveInt | None = None
    within_hours: PositiveInt | None = None


class HazardTable(Strict):
    first: HazardRow
    co_reporter: HazardRow
    self_fixed: HazardRow
    outstanding: HazardRow


class PointsRules(Strict):
    """`version` names these rules in every entry; an award above `second_approver_over` points needs two approvers."""

    version: str = Field(pattern="^[0-9]{4}-[0-9]{1,3}$")
    second_approver_over: PositiveInt
    captured_at_trusted_hours: PositiveInt = Field(
        description="captured_at orders reporters only if this near before receipt"
    )
    activities: dict[Activity, ActivityRule]
    hazard: HazardTable


def check(name: str, rules: PointsRules, faults: list[Fault]) -> None:
    """All seven activities have a line, and no two hazard rows share a rule (their awards would count as one)."""
    missing = [activity for activity in ACTIVITIES if activity not in rules.activities]
    faults += [Fault(name, f"activities.{activity}", "missing") for activity in missing]
    rows = [rules.hazard.first, rules.hazard.co_reporter, rules.hazard.self_fixed, rules.hazard.outstanding]
    if len({row.rule for row in rows}) < len(rows):
        faults.append(Fault(name, "hazard", "a rule twice"))
