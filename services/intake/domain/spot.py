"""Where incidents are, so that nobody reports twice what is known. A projection without anybody's name or words in it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.intake.domain.report import Report
from services.intake.domain.status import OVER, Status
from shared.geo.crs import distance_m

FARTHEST = 100.0
"""Metres: further away nothing is offered, however uncertain the fix."""

JOINABLE = 200.0
"""Metres: staff may have moved the place after the rider was shown it, but not across the quarter."""

BROKEN_AGAIN = timedelta(hours=72)
MOST_OFFERED = 5
MOST_PAIRS = 200


@dataclass(frozen=True, slots=True)
class GeoPoint:
    """GeoJSON in WGS-84, as the index wants it."""

    coordinates: tuple[float, float]
    type: str = "Point"


@dataclass(frozen=True, slots=True)
class Spot:
    """One incident: what and where it is now, and how far it has come. `photo`: one that shows it. `not_same`: incidents
    that somebody who stood there, or staff, said to be another object."""

    id: str
    subdistrict: str
    code: str
    category: dict[str, str]
    point: GeoPoint
    since: datetime
    state: str = "reported"
    resolved_at: datetime | None = None
    photo: str | None = None
    not_same: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Near:
    """Something known, seen from where the rider stands."""

    spot: Spot
    metres: float
    broken_again: bool


def spot_of(report: Report) -> Spot:
    """Where the incident is that this report is the first of."""
    place = report.place.wgs84
    return Spot(
        id=report.incident,
        subdistrict=report.subdistrict,
        code=report.code,
        category=report.category,
        point=GeoPoint((place.lng, place.lat)),
        since=report.received_at,
        photo=next(iter(report.photo_ids), None),
    )


def mirror(spot: Spot, status: Status) -> Spot:
    """The spot with what dispatch says of its incident."""
    resolved_at = max((step.at for step in status.steps if step.what == "resolved"), default=None)
    return replace(
        spot,
        state=status.state,
        resolved_at=resolved_at if status.state == "resolved" else None,
        point=GeoPoint(status.point) if status.point else spot.point,
        category=status.category or spot.category,
    )


def reach(radius_m: float, accuracy_m: float) -> float:
    """How far off a known incident may be to be offered, in metres: the category's radius and what the fix may be wrong by."""
    return min(radius_m + accuracy_m, FARTHEST)


def is_open(spot: Spot) -> bool:
    return spot.state not in (*OVER, "resolved")


def just_resolved(spot: Spot, now: datetime) -> bool:
    """Fixed so lately that what is seen now is the same thing broken again."""
    return spot.state == "resolved" and spot.resolved_at is not None and now - spot.resolved_at <= BROKEN_AGAIN


def metres_to(spot: Spot, point: tuple[float, float]) -> float:
    return distance_m(spot.point.coordinates, point)


def seen_from(spots: list[Spot], point: tuple[float, float], metres: float, now: datetime) -> list[Near]:
    """Those that may be offered, the nearest first: open ones and those just resolved."""
    found = [Near(spot, metres_to(spot, point), just_resolved(spot, now)) for spot in spots]
    offered = [one for one in found if one.metres <= metres and (is_open(one.spot) or one.broken_again)]
    return sorted(offered, key=lambda one: (one.metres, one.spot.id))[:MOST_OFFERED]


def set_apart(one: Spot, other: str) -> Spot:
    """Said to be another object than `other`: the two are never offered as the same again."""
    if other == one.id or other in one.not_same:
        return one
    return replace(one, not_same=(*one.not_same, other)[-MOST_PAIRS:])


def are_apart(one: Spot, other: Spot) -> bool:
    """Whether somebody has said that the two are different objects."""
    return one.id in other.not_same or other.id in one.not_same
