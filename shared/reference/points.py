"""What the passbook pays: amounts and caps as data (all of them assumed, so all of them here and none in code)."""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from shared.reference.categories import ACTIVITIES, Activity
from shared.reference.files import Fault, Strict

Why = Literal["cap", "cooldown", "once_per_event"]
"""Why an award is an entry of 0 points."""


class ActivityRule(Strict):
    """`points` for one award; `once_per_event` where one checks in. Caps in points per rider; None is no cap."""

    points: PositiveInt
    once_per_event: bool = False
    cap_day: PositiveInt | None = None
    cap_month: PositiveInt | None = None
    cooldown_minutes: NonNegativeInt = 0

    def pays(
        self, day: int = 0, month: int = 0, since: timedelta | None = None, *, again: bool = False
    ) -> tuple[int, Why | None]:
        """Points for one more award, and why none: `day` and `month` were paid already, `since` the last one, `again` at
        the same event. Over a cap nothing is paid, not a part.
        """
        if again and self.once_per_event:
            return 0, "once_per_event"
        if since is not None and since < timedelta(minutes=self.cooldown_minutes):
            return 0, "cooldown"
        over_day = self.cap_day is not None and day + self.points > self.cap_day
        over_month = self.cap_month is not None and month + self.points > self.cap_month
        return (0, "cap") if over_day or over_month else (self.points, None)


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

    def pays(self, *, emergency: bool) -> int:
        """Whole points."""
        return self.emergency_points if emergency else self.points


class HazardTable(Strict):
    first: HazardRow
    co_reporter: HazardRow
    self_fixed: HazardRow
    outstanding: HazardRow

    def shares(self, minutes: Iterable[int], *, emergency: bool) -> list[int]:
        """Points of each rider who reported an incident, by how many minutes after the first (0) he did, in that order."""
        first, other = self.first, self.co_reporter
        shares, paid = list[int](), 0
        for place, after in enumerate(minutes):
            near = other.within_hours is None or after <= other.within_hours * 60
            counts = place > 0 and near and (other.max_reporters is None or paid < other.max_reporters)
            paid += counts
            shares.append(first.pays(emergency=emergency) if place == 0 else counts * other.pays(emergency=emergency))
        return shares


class HazardCase(Strict):
    """An incident: how it was fixed, its final class, when its riders reported (minutes after the first), what they get."""

    how: Literal["resolved", "self_fixed", "outstanding"] = "resolved"
    emergency: bool = False
    minutes: tuple[NonNegativeInt, ...] = (0,)
    pays: tuple[NonNegativeInt, ...]


class ActivityCase(Strict):
    """One more award of an activity, after what was paid on that day and in that month; see `ActivityRule.pays`."""

    activity: Activity
    day: NonNegativeInt = 0
    month: NonNegativeInt = 0
    since_minutes: NonNegativeInt | None = None
    again: bool = False
    pays: NonNegativeInt
    why: Why | None = None


class Cases(Strict):
    """Examples that must come out as written, else the directory is refused."""

    hazard: tuple[HazardCase, ...] = ()
    activities: tuple[ActivityCase, ...] = ()


class PointsRules(Strict):
    """`version` names these rules in every entry; an award above `second_approver_over` points needs two approvers.

    They hold for what is seen from the day `effective_from` on (at the place), until a later version does; without it,
    always. `earlier`: what held before, and still decides on what was seen then. `rankings`: riders may see their place
    in their squad; off by default, and never for staff. `expiry_months`: so many whole months after the month in which they
    were written points expire, the oldest being spent first; without it they never do. The newest version says it for all.
    """

    version: str = Field(pattern="^[0-9]{4}-[0-9]{1,3}$")
    effective_from: date | None = None
    second_approver_over: PositiveInt
    captured_at_trusted_hours: PositiveInt = Field(
        description="captured_at orders reporters only if this near before receipt"
    )
    activities: dict[Activity, ActivityRule]
    hazard: HazardTable
    cases: Cases
    rankings: bool = False
    expiry_months: PositiveInt | None = None
    earlier: tuple["PointsRules", ...] = ()


def check(name: str, newest: PointsRules, faults: list[Fault]) -> None:
    """Each version is right for itself, and it is clear on every day which one holds."""
    _check_versions(name, newest, faults)
    _check_one(name, "", newest, faults)
    for number, rules in enumerate(newest.earlier):
        _check_one(name, f"earlier.{number}.", rules, faults)


def _check_versions(name: str, newest: PointsRules, faults: list[Fault]) -> None:
    """Names and days are different; the newest is on top and the earlier ones follow from new to old."""
    line = (newest, *newest.earlier)
    for number, rules in enumerate(newest.earlier):
        where = f"earlier.{number}"
        if rules.earlier:
            faults.append(Fault(name, f"{where}.earlier", "stands within an earlier version"))
        if rules.version in [other.version for other in line[: number + 1]]:
            faults.append(Fault(name, f"{where}.version", "twice"))
        after = line[number].effective_from
        if after is None or (rules.effective_from is not None and rules.effective_from >= after):
            faults.append(Fault(name, f"{where}.effective_from", "the version before it in the file must begin later"))


def _check_one(name: str, at: str, rules: PointsRules, faults: list[Fault]) -> None:
    """All seven activities have a line, no two hazard rows share a rule (their awards would count as one), and every line
    is shown by a case that comes out as written.
    """
    missing = [activity for activity in ACTIVITIES if activity not in rules.activities]
    faults += [Fault(name, f"{at}activities.{activity}", "missing") for activity in missing]
    rows = [rules.hazard.first, rules.hazard.co_reporter, rules.hazard.self_fixed, rules.hazard.outstanding]
    if len({row.rule for row in rows}) < len(rows):
        faults.append(Fault(name, f"{at}hazard", "a rule twice"))
    shown = {case.activity for case in rules.cases.activities}
    faults += [
        Fault(name, f"{at}activities.{activity}", "no case shows what it pays")
        for activity in ACTIVITIES
        if activity in rules.activities and activity not in shown
    ]
    faults += [Fault(name, f"{at}hazard.{part}", "no case shows what it pays") for part in _unshown(rules)]
    for number, case in enumerate(rules.cases.hazard):
        if (got := tuple(_paid(case, rules.hazard))) != case.pays:
            faults.append(Fault(name, f"{at}cases.hazard.{number}", f"expected {list(case.pays)}, got {list(got)}"))
    for number, one in enumerate(rules.cases.activities):
        rule = rules.activities.get(one.activity)
        since = None if one.since_minutes is None else timedelta(minutes=one.since_minutes)
        paid = rule.pays(one.day, one.month, since, again=one.again) if rule else (one.pays, one.why)
        if paid != (one.pays, one.why):
            expected = f"expected {_say(one.pays, one.why)}, got {_say(*paid)}"
            faults.append(Fault(name, f"{at}cases.activities.{number} ({one.activity})", expected))


def _unshown(rules: PointsRules) -> Iterator[str]:
    """Rows of the hazard table that no case pays by, both amounts of the first one counted."""
    cases = rules.cases.hazard
    shown = {
        "first.points": any(case.how == "resolved" and not case.emergency for case in cases),
        "first.emergency_points": any(case.how == "resolved" and case.emergency for case in cases),
        "co_reporter": any(case.how == "resolved" and len(case.minutes) > 1 for case in cases),
        "self_fixed": any(case.how == "self_fixed" for case in cases),
        "outstanding": any(case.how == "outstanding" for case in cases),
    }
    return (part for part, done in shown.items() if not done)


def _paid(case: HazardCase, table: HazardTable) -> list[int]:
    """Who put it right himself, or did something outstanding, is paid for that alone."""
    if case.how == "resolved":
        return table.shares(case.minutes, emergency=case.emergency)
    row = table.self_fixed if case.how == "self_fixed" else table.outstanding
    return [row.pays(emergency=case.emergency)]


def _say(points: int, why: str | None) -> str:
    return f"{points} ({why})" if why else str(points)
