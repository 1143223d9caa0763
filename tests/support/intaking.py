"""Reports, photos and rules for the tests of intake."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from services.intake.domain.abuse import Facts, Past
from services.intake.domain.listing import ReportListing
from services.intake.domain.report import GridPath, Place, Point, Report
from services.intake.domain.status import Status
from services.intake.noticing import Noticing
from services.intake.ports import CategoryRule, Photo
from services.intake.store import INCIDENTS, PHOTOS, REPORTS, STATUSES
from services.intake.taking import Sender, Taking
from shared.context import Context
from shared.ids import new_id
from shared.mongo.lane import Lane
from shared.scope import Scope
from shared.web.auth import Principal
from tests.support.memory import MemoryTransactor

RECEIVED = datetime(2026, 11, 25, 1, 40, tzinfo=UTC)
GRID = GridPath("140302003", "140302003005", "140302003005005", "14030200300500505")


@dataclass
class StubRules:
    """One category, P0101, and one micro-grid wherever the point lies unless the test says otherwise."""

    photo_required: bool = False
    grid: GridPath | None = GRID
    version: str = "v1"

    def category(self, scheme: str, code: str) -> CategoryRule | None:
        known = (scheme, code) == ("gb30428", "P0101")
        return CategoryRule(self.photo_required, frozenset({"missing", "broken"})) if known else None

    def has_grid(self, subdistrict: str, code: str) -> bool:
        return code.startswith(subdistrict)

    def zone(self, subdistrict: str) -> ZoneInfo:
        return ZoneInfo("Asia/Shanghai")

    def locate(self, lng: float, lat: float) -> GridPath | None:
        return self.grid


@dataclass
class MemoryPhotos:
    """Photos in a dictionary. Whole desks only; `store`: where the incidents and orders of departments are."""

    photos: dict[str, Photo] = field(default_factory=dict)
    store: MemoryTransactor = field(default_factory=MemoryTransactor)

    async def put(self, photo: Photo, jpeg: bytes, thumb: bytes) -> bool:
        self.store.documents.setdefault(PHOTOS.ref(photo.id), {**PHOTOS.dump(photo), "version": 1})
        return self.photos.setdefault(photo.id, photo) is photo

    async def own(self, scope: Scope, ids: list[str]) -> dict[str, Photo]:
        found = {id_: self.photos[id_] for id_ in ids if id_ in self.photos}
        return {id_: photo for id_, photo in found.items() if photo.uploader == scope.actor}

    async def read(self, scope: Scope, id_: str, *, thumb: bool) -> bytes | None:
        photo = self.photos.get(id_)
        if photo is None:
            return None
        shown = scope.desk or scope.department in self._ordered(id_)
        return b"jpeg" if photo.uploader == scope.actor or (shown and photo.subdistrict == scope.subdistrict) else None

    def _ordered(self, photo: str) -> set[str]:
        found = [INCIDENTS.load(d) for ref, d in self.store.documents.items() if ref.collection == "incidents"]
        shown = [_status(self.store, incident.id) for incident in found if photo in incident.photo_ids]
        return {order.department for status in shown for order in status.orders}


@dataclass
class MemoryViews:
    """What people look at, straight from the store of the lane."""

    store: MemoryTransactor

    async def report(self, scope: Scope, id_: str) -> tuple[Report, Status] | None:
        document = self.store.documents.get(REPORTS.ref(id_))
        if document is None:
            return None
        report = REPORTS.load(document)
        community = report.place.grid.community if report.place.grid else None
        seen = scope.sees(report.subdistrict, community) if scope.desk else report.rider == scope.id
        return (report, _status(self.store, report.incident)) if seen else None

    async def reports(self, scope: Scope, listing: ReportListing) -> list[tuple[Report, Status]]:
        found = [await self.report(scope, ref.id) for ref in self.store.documents if ref.collection == "reports"]
        seen = [one for one in found if one is not None and (listing.flag is None or listing.flag in one[0].flags)]
        mark = None if listing.after is None else (listing.after.received_at, listing.after.id)
        order = {(one[0].received_at, one[0].id): one for one in seen}
        return [order[key] for key in sorted(order, reverse=True) if mark is None or key < mark][: listing.limit]

    async def awaiting(self, scope: Scope, photo: str) -> list[str]:
        found = [REPORTS.load(one) for ref, one in self.store.documents.items() if ref.collection == "reports"]
        return [one.id for one in found if photo in one.awaiting and one.subdistrict == scope.subdistrict]


@dataclass
class MemoryPast:
    """What was before, as the test says; `error` instead if there is one."""

    before: Past = field(default_factory=Past)
    error: Exception | None = None

    async def past(self, scope: Scope, rider: str, facts: Facts) -> Past:
        if self.error is not None:
            raise self.error
        return self.before


def _status(store: MemoryTransactor, incident: str) -> Status:
    document = store.documents.get(STATUSES.ref(incident))
    return STATUSES.load(document) if document else Status(incident)


def taking(
    lane: Lane,
    store: MemoryTransactor,
    photos: MemoryPhotos | None = None,
    rules: StubRules | None = None,
    noticing: Noticing | None = None,
) -> Taking:
    """All that taking a report needs, over a memory store."""
    return Taking(
        lane,
        REPORTS,
        INCIDENTS,
        PHOTOS,
        photos or MemoryPhotos(store=store),
        MemoryViews(store),
        rules or StubRules(),
        clock=lambda: RECEIVED,
        new_id=new_id,
        noticing=noticing or Noticing(MemoryPast(), lambda flag: None, lambda: None),
    )


def sender(caller: Principal, story: str = "story-1") -> Sender:
    """Somebody who reports for himself."""
    return Sender(caller.scope, caller.id, Context(caller.actor, story))


def photo(id_: str = "p1", uploader: str = "rider:rider-1", gps: tuple[float, float] | None = None) -> Photo:
    """A stored photo."""
    return Photo(id_, uploader, "140302003", f"r-{id_}", f"s-{id_}", 100, 80, None, gps, "0" * 16, RECEIVED)


def report(**changes: Any) -> Report:
    """A stored report, at P0."""
    point = Point(113.58, 37.857)
    usual: dict[str, Any] = {
        "id": "r1",
        "client_key": "phone-0001",
        "fingerprint": "f",
        "rider": "rider-1",
        "subdistrict": "140302003",
        "incident": "inc",
        "code": "7K3M-9QXA",
        "category": {"scheme": "gb30428", "code": "P0101"},
        "condition": "missing",
        "emergency": True,
        "place": Place(point, "wgs84", point, point, 12.0, None, GRID),
        "text": "井盖被冲开",
        "interim_measures": None,
        "photo_ids": (),
        "captured_at": RECEIVED,
        "received_at": RECEIVED,
        "flags": (),
    }
    return Report(**{**usual, **changes})


def wish(**changes: Any) -> dict[str, Any]:
    """The body of a report as a phone sends it: GCJ-02, at P0 of scenarios.md."""
    usual: dict[str, Any] = {
        "client_key": "phone-0001",
        "category": {"scheme": "gb30428", "code": "P0101", "condition": "missing"},
        "emergency": True,
        "place": place(),
        "text": "井盖被冲开",
        "photo_ids": [],
        "captured_at": "2026-11-25T08:01:00+08:00",
    }
    return {name: value for name, value in {**usual, **changes}.items() if value is not ...}


def place(**changes: Any) -> dict[str, Any]:
    """Its place."""
    usual: dict[str, Any] = {"lng": 113.586403, "lat": 37.857503, "crs": "gcj02", "accuracy_m": 12.0}
    return {name: value for name, value in {**usual, **changes}.items() if value is not ...}
