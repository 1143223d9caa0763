"""What the handlers need from outside, in the words of intake."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.intake.domain.report import GridPath, Incident, Report
from services.intake.domain.status import Status
from shared.mongo.work import Event, Ref, Work


@dataclass(frozen=True, slots=True)
class CategoryRule:
    """What intake must know of a category: whether a photo is needed and which conditions it has."""

    photo_required: bool
    conditions: frozenset[str]


class Rules(Protocol):
    """Reference data."""

    def category(self, scheme: str, code: str) -> CategoryRule | None: ...

    def locate(self, lng: float, lat: float) -> GridPath | None:
        """The micro-grid of a WGS-84 point, None outside every polygon."""
        ...


@dataclass(frozen=True, slots=True)
class Photo:
    """A sanitised photo. `taken_at` and `gps` are facts from its EXIF, kept although the stored bytes have none."""

    id: str
    uploader: str
    subdistrict: str
    sha256_received: str
    sha256: str
    width: int
    height: int
    taken_at: datetime | None
    gps: tuple[float, float] | None
    dhash: str
    received_at: datetime


class PhotoStore(Protocol):
    """Where photos are kept. MongoDB now, object storage when a district outgrows it."""

    async def put(self, photo: Photo, jpeg: bytes, thumb: bytes) -> bool:
        """Store durably. False if this uploader's very photo is there already."""
        ...

    async def find(self, ids: list[str]) -> dict[str, Photo]:
        """Those of the photos that exist."""
        ...

    async def read(self, id_: str, *, thumb: bool) -> bytes | None: ...


class Reports(Protocol):
    """Reports in the working set of a transaction."""

    def ref(self, id_: str) -> Ref: ...
    def get(self, work: Work, id_: str) -> Report | None: ...
    def put(self, work: Work, item: Report, *events: Event) -> int: ...


class Incidents(Protocol):
    """Intake's view of incidents in the working set of a transaction."""

    def ref(self, id_: str) -> Ref: ...
    def get(self, work: Work, id_: str) -> Incident | None: ...
    def put(self, work: Work, item: Incident, *events: Event) -> int: ...


class Statuses(Protocol):
    """What became of incidents, in the working set of a transaction."""

    def ref(self, id_: str) -> Ref: ...
    def get(self, work: Work, id_: str) -> Status | None: ...
    def put(self, work: Work, item: Status, *events: Event) -> int: ...


class Views(Protocol):
    """What people look at, outside any transaction."""

    async def report(self, id_: str) -> Report | None: ...
    async def status(self, incident: str) -> Status: ...

    async def department_may_see(self, department: str, photo: str) -> bool:
        """Whether the photo belongs to an incident that this department has or had an order of."""
        ...
