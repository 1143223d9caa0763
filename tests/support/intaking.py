"""Reports, photos and rules for the tests of intake."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from services.intake.domain.abuse import Facts, Past
from services.intake.domain.account import Account
from services.intake.domain.listing import ReportListing
from services.intake.domain.report import GridPath, Place, Point, Report
from services.intake.domain.sight import Sight, sees
from services.intake.domain.spot import Near, Spot, seen_from
from services.intake.domain.status import Status
from services.intake.noticing import Noticing
from services.intake.ports import Around, CategoryRule, Photo
from services.intake.store import HOLDINGS, INCIDENTS, PHOTOS, REPORTS, SPOTS, STATUSES
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
    """One category, P0101, and those of `more`; one micro-grid wherever the point lies unless the test says otherwise."""

    photo_required: bool = False
    radius_m: float = 25.0
    public: bool = True
    grid: GridPath | None = GRID
    version: str = "v1"
    more: dict[tuple[str, str], CategoryRule] = field(default_factory=dict)

    def category(self, scheme: str, code: str) -> CategoryRule | None:
        known = (scheme, code) == ("gb30428", "P0101")
        conditions = frozenset({"missing", "broken"})
        asked = {"extent": frozenset({"single", "street"})}
        rule = CategoryRule(
            self.photo_required, conditions, self.radius_m, self.public, "上水井盖", "Water cover", "road", asked
        )
        return rule if known else self.more.get((scheme, code))

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

    async def seen(self, scope: Scope, ids: list[str]) -> set[str]:
        return {id_ for id_ in ids if await self.read(scope, id_, thumb=True) is not None}

    async def shown(self, id_: str, *, thumb: bool) -> bytes | None:
        return (b"thumb" if thumb else b"jpeg") if id_ in self.photos else None

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

    async def public(self, code: str) -> tuple[Report, Place, Status] | None:
        found = [INCIDENTS.load(one) for ref, one in self.store.documents.items() if ref.collection == "incidents"]
        for incident in found:
            if incident.code == code:
                report = REPORTS.load(self.store.documents[REPORTS.ref(incident.reports[0])])
                return report, incident.place or report.place, _status(self.store, incident.id)
        return None


@dataclass
class MemorySpots:
    """Where incidents are, straight from the store of the lane."""

    store: MemoryTransactor

    async def near(self, scope: Scope, around: Around) -> list[Near]:
        found = [SPOTS.load(one) for ref, one in self.store.documents.items() if ref.collection == "spots"]
        what = {"scheme": around.scheme, "code": around.code}
        same = [one for one in found if one.category == what and one.subdistrict == scope.subdistrict]
        return seen_from(same, around.point, around.metres, around.now)

    async def spot(self, scope: Scope, incident: str) -> Spot | None:
        document = self.store.documents.get(SPOTS.ref(incident))
        found = SPOTS.load(document) if document else None
        return found if found and found.subdistrict == scope.subdistrict else None


@dataclass
class MemoryPeople:
    """Whoever is in `accounts`, as far as they are in sight."""

    accounts: list[Account] = field(default_factory=list)

    async def seen(self, sight: Sight, ids: list[str]) -> list[Account]:
        return [one for one in self.accounts if one.id in ids and sees(sight, one)]


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
        holdings=HOLDINGS,
        surroundings=MemorySpots(store),
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
