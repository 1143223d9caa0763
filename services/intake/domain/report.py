"""What a report is and how its place is read."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from services.intake.domain.abuse import AbuseFlag
from services.intake.domain.review import Review
from services.intake.domain.update import Update
from shared.context import Context
from shared.geo import crs

CERTAIN_METRES = 100.0
"""A fix less certain than this is never turned into a micro-grid."""

CONFLICT_METRES = 200.0
"""Declared place and a photo's own place further apart than this are flagged, both kept."""

Flag = (
    Literal[
        "needs_location",
        "location_conflict",
        "awaiting_photo",
        "photo_missing",
        "possible_duplicate",
        "self_fixed",
        "entered_by_staff",
    ]
    | AbuseFlag
)

How = Literal["opened", "joined", "broken_again"]
"""How a report came to its first incident: it opened one, or it is a further sighting of a known one."""


@dataclass(frozen=True, slots=True)
class Point:
    """Degrees; which coordinate reference system is said by whoever holds the point."""

    lng: float
    lat: float


@dataclass(frozen=True, slots=True)
class GridPath:
    """Codes down the grid tree."""

    subdistrict: str
    community: str
    basic_grid: str
    micro_grid: str


@dataclass(frozen=True, slots=True)
class Place:
    """As received (`raw`, `crs`), and as used: normalised to WGS-84, with the micro-grid if it is certain."""

    raw: Point
    crs: str
    wgs84: Point
    gcj02: Point
    accuracy_m: float
    address: str | None
    grid: GridPath | None


@dataclass(frozen=True, slots=True)
class Move:
    """Dispatch says that the report belongs to another incident; `kind` is the contract's: merged or unmerged."""

    at: datetime
    kind: str
    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Report:
    """One rider's observation, as it is stored. `fingerprint` tells a repeated request from another one under its key.

    `reference_version` is the reference data that knew the category and chose the micro-grid. `place` is where it is by
    what is known now; `reported_place` is where it was reported, if staff have corrected that since (what a desk sees goes
    by `place`). `awaiting` are photos announced that have not arrived, `wake_at` is when something happens to it by itself.
    `told`: whether the others have been told of it; `context` is what they are told later with. `after_photo_ids`: how it
    looks since the rider put it right himself. `entered_by`: the account of staff who wrote it down for the rider.
    `review`: why people should look at it, if there is anything.
    """

    id: str
    client_key: str
    fingerprint: str
    rider: str
    subdistrict: str
    incident: str
    code: str
    category: dict[str, str]
    condition: str | None
    emergency: bool
    place: Place
    text: str
    interim_measures: str | None
    photo_ids: tuple[str, ...]
    captured_at: datetime
    received_at: datetime
    flags: tuple[Flag, ...]
    reference_version: str = ""
    reported_place: Place | None = None
    awaiting: tuple[str, ...] = ()
    told: bool = True
    wake_at: datetime | None = None
    context: Context | None = None
    how: How = "opened"
    moves: tuple[Move, ...] = ()
    updates: tuple[Update, ...] = ()
    after_photo_ids: tuple[str, ...] = ()
    entered_by: str | None = None
    review: Review | None = None

    @property
    def sender(self) -> str:
        """The account whose client key it came under: its id follows from the two."""
        return self.entered_by or self.rider

    @property
    def shown_photos(self) -> tuple[str, ...]:
        """What desks and departments may look at: before and after."""
        return self.photo_ids + self.after_photo_ids


@dataclass(frozen=True, slots=True)
class Incident:
    """The thing in the world, as far as intake opened it. What became of it is dispatch's; see `status.py`.

    `place` is where it is by what is known now, `moved_by` the sequence number of the `incident-changed` that said so.
    `opened_by` is the report that it was published with: empty for what staff parted from another incident, None where that
    was not noted yet and the first one is it. `main` is what it was merged into, as of `main_at` by dispatch's clock.
    """

    id: str
    code: str
    subdistrict: str
    reports: tuple[str, ...]
    photo_ids: tuple[str, ...]
    place: Place | None = None
    moved_by: int = 0
    opened_at: datetime | None = None
    opened_by: str | None = None
    main: str | None = None
    main_at: datetime | None = None


def flags_of(place: Place, photo_places: list[float | None]) -> tuple[Flag, ...]:
    """Flags of a new report; `photo_places` are distances in metres between the declared place and each photo's own."""
    flags: list[Flag] = []
    if place.grid is None:
        flags.append("needs_location")
    if any(distance is not None and distance > CONFLICT_METRES for distance in photo_places):
        flags.append("location_conflict")
    return tuple(flags)


def metres_between(place: Place, photo: tuple[float, float] | None) -> float | None:
    """Between the declared place and the one that a photo has of its own, None if it has none."""
    return None if photo is None else crs.distance_m((place.wgs84.lng, place.wgs84.lat), photo)


def open_incident(report: Report) -> Incident:
    """The incident that a report which joins none opens."""
    return Incident(
        id=report.incident,
        code=report.code,
        subdistrict=report.subdistrict,
        reports=(report.id,),
        photo_ids=report.shown_photos,
        place=report.place,
        opened_at=report.received_at,
        opened_by=report.id,
    )


def move_report(report: Report, place: Place) -> Report:
    """The report where staff say that it is; where it was reported is kept, however often that happens."""
    flags = report.flags if place.grid is None else tuple(flag for flag in report.flags if flag != "needs_location")
    return replace(report, place=place, reported_place=report.reported_place or report.place, flags=flags)
