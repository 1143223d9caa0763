"""Reference data in the words of points."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from services.points.domain.tariff import EVER, ActivityRule, Row, Tariff, Tariffs
from shared.reference.categories import Activity
from shared.reference.points import HazardRow, PointsRules
from shared.reference.reference import Reference


class ReferenceRules:
    """See `Rules` and `GridBook`."""

    def __init__(self, reference: Reference) -> None:
        self._categories = reference.categories
        self._places = reference.places
        self._zones = {code: ZoneInfo(place.zone) for code, place in reference.subdistricts.items()}
        self._tariffs = {code: _tariffs(reference, zone) for code, zone in self._zones.items()}

    def tariffs(self, subdistrict: str) -> Tariffs:
        self.zone(subdistrict)
        return self._tariffs[subdistrict]

    def activity(self, scheme: str, code: str) -> str | None:
        category = self._categories.get((scheme, code))
        if category is None:
            raise LookupError(f"no category {scheme}:{code} in the reference data")
        return category.pays

    def has_grid(self, subdistrict: str, code: str) -> bool:
        return code in self._places and code.startswith(subdistrict)  # a code lies under its parent's, or is refused

    def zone(self, subdistrict: str) -> ZoneInfo:
        zone = self._zones.get(subdistrict)
        if zone is None:
            raise LookupError(f"no sub-district {subdistrict} in the reference data")
        return zone


def _tariffs(reference: Reference, zone: ZoneInfo) -> Tariffs:
    newest = reference.points
    return Tariffs.of(_tariff(points, reference.version, zone) for points in (newest, *newest.earlier))


def _tariff(points: PointsRules, reference_version: str, zone: ZoneInfo) -> Tariff:
    """A version holds from the midnight of its day at the place."""
    hazard, day = points.activities["hazard"], points.effective_from
    return Tariff(
        version=points.version,
        reference_version=reference_version,
        trusted=timedelta(hours=points.captured_at_trusted_hours),
        first=_row(points.hazard.first),
        co_reporter=_row(points.hazard.co_reporter),
        self_fixed=_row(points.hazard.self_fixed),
        outstanding=_row(points.hazard.outstanding),
        cap_day=hazard.cap_day,
        cap_month=hazard.cap_month,
        activities={activity: _activity(activity, points) for activity in points.activities},
        alone_up_to=points.second_approver_over,
        since=EVER if day is None else datetime.combine(day, time(), zone).astimezone(UTC),
    )


def _activity(activity: Activity, points: PointsRules) -> ActivityRule:
    rule = points.activities[activity]
    cooldown = timedelta(minutes=rule.cooldown_minutes)
    return ActivityRule(activity, rule.points, rule.once_per_event, rule.cap_day, rule.cap_month, cooldown)


def _row(row: HazardRow) -> Row:
    within = None if row.within_hours is None else timedelta(hours=row.within_hours)
    return Row(row.rule, row.points, row.emergency_points, row.max_reporters, within)
