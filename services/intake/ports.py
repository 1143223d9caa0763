"""What the handlers need from outside, in the words of intake."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar
from zoneinfo import ZoneInfo

from services.intake.domain.abuse import Facts, Past
from services.intake.domain.account import Account, AccountStatus, Login, Role
from services.intake.domain.campaign import Campaign
from services.intake.domain.forgetting import Forgetting
from services.intake.domain.invite import Invite
from services.intake.domain.listing import Mark, ReportListing
from services.intake.domain.report import GridPath, Incident, Place, Report
from services.intake.domain.roster import Places
from services.intake.domain.session import Devices, Session
from services.intake.domain.sight import Sight
from services.intake.domain.spot import Near, Spot
from services.intake.domain.status import Status
from shared.mongo.work import Event, Ref, Work
from shared.scope import Scope

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class CategoryRule:
    """What intake must know of a category: whether a photo is needed, which conditions it has, whether everybody may see
    what became of it, what it is called, and the button that it is found behind."""

    photo_required: bool
    conditions: frozenset[str]
    radius_m: float = 50.0
    public: bool = False
    zh: str = ""
    en: str = ""
    tile: str = ""
    questions: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The choices of each question that the reporter may be asked."""


class Rules(Protocol):
    """Reference data."""

    @property
    def version(self) -> str:
        """sha256 of the reference data that decides here."""
        ...

    def category(self, scheme: str, code: str) -> CategoryRule | None: ...

    def locate(self, lng: float, lat: float) -> GridPath | None:
        """The micro-grid of a WGS-84 point, None outside every polygon."""
        ...


class PlaceBook(Protocol):
    """Reference data of people's places."""

    def places(self, subdistrict: str) -> Places | None:
        """Communities and departments of a sub-district, None if the installation has no such one."""
        ...


class GridBook(Protocol):
    """Reference data of grids and their days."""

    def has_grid(self, subdistrict: str, code: str) -> bool:
        """Whether there is a micro-grid of this code in that sub-district."""
        ...

    def zone(self, subdistrict: str) -> ZoneInfo:
        """By whose calendar a day is one there. Raises `LookupError` if there is no such sub-district."""
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

    async def own(self, scope: Scope, ids: list[str]) -> dict[str, Photo]:
        """Those of the photos that exist and that the caller has uploaded."""
        ...

    async def read(self, scope: Scope, id_: str, *, thumb: bool) -> bytes | None:
        """The JPEG for whoever may see it: its uploader, a department with an order there, the desk of the place."""
        ...

    async def seen(self, scope: Scope, ids: list[str]) -> set[str]:
        """Those of the photos that `read` would show the caller."""
        ...

    async def shown(self, id_: str, *, thumb: bool) -> bytes | None:
        """The JPEG for whoever has a signed link, which was minted for somebody who may see it."""
        ...


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


class PhotoFacts(Protocol):
    """What is known of photos, in the working set of a transaction; read only, they are written beside the lane."""

    def ref(self, id_: str) -> Ref: ...
    def get(self, work: Work, id_: str) -> Photo | None: ...


class Statuses(Protocol):
    """What became of incidents, in the working set of a transaction."""

    def ref(self, id_: str) -> Ref: ...
    def get(self, work: Work, id_: str) -> Status | None: ...
    def put(self, work: Work, item: Status, *events: Event) -> int: ...


class Views(Protocol):
    """What people look at, outside any transaction: never what is out of the caller's scope."""

    async def report(self, scope: Scope, id_: str) -> tuple[Report, Status] | None:
        """A report with what became of its incident: a rider's own, or one at a place of the desk's."""
        ...

    async def reports(self, scope: Scope, listing: ReportListing) -> list[tuple[Report, Status]]:
        """A page of them, the newest first: a rider's own, or those at places of the desk's as they now are."""
        ...

    async def awaiting(self, scope: Scope, photo: str) -> list[str]:
        """The ids of reports that wait for this photo; `scope` is its uploader's."""
        ...

    async def public(self, code: str) -> tuple[Report, Place, Status] | None:
        """The first report of an incident, where it is now and what became of it, by its public code; for everybody, so
        the caller decides by category whether it is shown and shows nothing of people."""
        ...


@dataclass(frozen=True, slots=True)
class Around:
    """Where somebody stands and what he sees there: a category, a WGS-84 point, how many metres around it, and when."""

    scheme: str
    code: str
    point: tuple[float, float]
    metres: float
    now: datetime


class Surroundings(Protocol):
    """What is known at a place, outside any transaction: of the caller's sub-district."""

    async def near(self, scope: Scope, around: Around) -> list[Near]:
        """What may be offered there, the nearest first."""
        ...

    async def spot(self, scope: Scope, incident: str) -> Spot | None:
        """One incident's."""
        ...


@dataclass(frozen=True, slots=True)
class Holdings:
    """Intake's records of incidents and of what hangs on them, in the working set of a transaction."""

    reports: Reports
    incidents: Incidents
    statuses: Statuses
    spots: "Spots"


class PastViews(Protocol):
    """What a new report is compared with, outside any transaction."""

    async def past(self, scope: Scope, rider: str, facts: Facts) -> Past:
        """The rider's reports of the last day, and pictures of other reports in the sub-district that may be the same."""
        ...


class ReviewViews(Protocol):
    """Reports that wait for a verdict, outside any transaction."""

    async def reviews(self, scope: Scope, after: Mark | None, limit: int) -> list[tuple[Report, Status, int]]:
        """A page of those at places of the desk's, the oldest first, with their versions."""
        ...


class Kept(Protocol[Item]):
    """One kind of thing in the working set of a transaction."""

    def ref(self, id_: str) -> Ref: ...
    def get(self, work: Work, id_: str) -> Item | None: ...
    def put(self, work: Work, item: Item, *events: Event) -> int: ...
    def version(self, work: Work, id_: str) -> int: ...


class CampaignViews(Protocol):
    """Campaigns outside any transaction."""

    async def running(self, scope: Scope, now: datetime) -> list[Campaign]:
        """Those that run now where the caller works: a rider's own community, a desk's communities; the one that ends first
        comes first."""
        ...


Accounts = Kept[Account]
Spots = Kept[Spot]
Invites = Kept[Invite]
Sessions = Kept[Session]
DeviceLists = Kept[Devices]


@dataclass(frozen=True, slots=True)
class Listing:
    """Which accounts of those in sight are listed; None does not narrow. `after` is the last id of the page before."""

    role: Role | None = None
    status: AccountStatus | None = None
    squad: str | None = None
    after: str = ""
    limit: int = 100


class Roll(Protocol):
    """Who there is."""

    async def seen(self, sight: Sight, ids: list[str]) -> list[Account]:
        """Those of the accounts that are in sight, in no order; a forgotten one is in nobody's."""
        ...


class People(Roll, Protocol):
    """Accounts as people look at them, outside any transaction: never one that is out of the caller's sight."""

    async def listed(self, sight: Sight, listing: Listing) -> list[tuple[Account, int]]:
        """A page of accounts by id, each with its version."""
        ...

    async def me(self, scope: Scope) -> tuple[Account, int] | None:
        """One's own account with its version."""
        ...

    async def of_login(self, login: Login) -> str | None:
        """The id of the account with this external identity."""
        ...

    async def sessions(self, scope: Scope, now: datetime) -> list[Session]:
        """The open sessions of the caller's own account, the one used last first."""
        ...

    async def named(self, subdistrict: str, role: Role, name: str) -> Account | None:
        """An account of that very name that may log in, for the operator who asks for it twice."""
        ...


class Forgettings(Protocol):
    """Who is being or was forgotten, outside any transaction."""

    async def find(self, scope: Scope, pseudonym: str) -> Forgetting | None: ...
