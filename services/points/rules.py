"""Reference data in the words of points."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from services.points.domain.hazard import Row, Tariff
from shared.reference.points import HazardRow
from shared.reference.reference import Reference


class ReferenceRules:
    """See `Rules` and `GridBook`."""

    def __init__(self, reference: Reference) -> None:
        self._categories = reference.categories
        self._places = reference.places
        self._zones = {code: ZoneInfo(place.zone) for code, place in reference.subdistricts.items()}
        self._tariff = _tariff(reference)

    @property
    def tariff(self) -> Tariff:
        return self._tariff

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


def _tariff(reference: Reference) -> Tariff:
    points = reference.points
    hazard = points.activities["hazard"]
    return Tariff(
        version=points.version,
        reference_version=reference.version,
        trusted=timedelta(hours=points.captured_at_trusted_hours),
        first=_row(points.hazard.first),
        co_reporter=_row(points.hazard.co_reporter),
        self_fixed=_row(points.hazard.self_fixed),
        cap_day=hazard.cap_day,
        cap_month=hazard.cap_month,
    )


def _row(row: HazardRow) -> Row:
    within = None if row.within_hours is None else timedelta(hours=row.within_hours)
    return Row(row.rule, row.points, row.emergency_points, row.max_reporters, within)
