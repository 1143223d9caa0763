"""What the handlers need from outside, in the words of points."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar
from zoneinfo import ZoneInfo

from services.points.domain.activity import Activity
from services.points.domain.campaign import Campaign
from services.points.domain.caps import Month
from services.points.domain.checkin import Checkin
from services.points.domain.entry import Entry, Passbook
from services.points.domain.gathering import Gathering
from services.points.domain.hazard import Tariff
from services.points.domain.incident import Incident
from services.points.domain.listing import Mark
from services.points.domain.member import Member
from services.points.domain.visit import Tally
from shared.mongo.work import Event, Ref, Work
from shared.scope import Scope

Item = TypeVar("Item")


class Kept(Protocol[Item]):
    """One kind of document in the working set of a transaction."""

    def ref(self, id_: str) -> Ref: ...
    def get(self, work: Work, id_: str) -> Item | None: ...
    def put(self, work: Work, item: Item, *events: Event) -> int: ...


class Versioned(Kept[Item], Protocol[Item]):
    """One kind of document whose changes name the version they saw."""

    def version(self, work: Work, id_: str) -> int: ...


@dataclass(frozen=True, slots=True)
class Books:
    """Everything points keeps. Incidents and passbooks are roots; months are the counters of caps."""

    incidents: Kept[Incident]
    passbooks: Kept[Passbook]
    entries: Kept[Entry]
    months: Kept[Month]


class Rules(Protocol):
    """Reference data."""

    @property
    def tariff(self) -> Tariff:
        """The hazard table that decides now."""
        ...

    def activity(self, scheme: str, code: str) -> str | None:
        """What a category pays for, None for nothing. Raises `LookupError` if there is no such category."""
        ...

    def zone(self, subdistrict: str) -> ZoneInfo:
        """Raises `LookupError` if there is no such sub-district."""
        ...


class GridBook(Protocol):
    """Reference data of places."""

    def has_grid(self, subdistrict: str, code: str) -> bool:
        """Whether there is a node of this code in that sub-district, at any level of its tree."""
        ...


class CampaignViews(Protocol):
    """Campaigns outside any transaction, each with its version: those that concern the caller's desk."""

    async def campaign(self, scope: Scope, id_: str) -> tuple[Campaign, int] | None: ...

    async def campaigns(self, scope: Scope, limit: int) -> list[tuple[Campaign, int]]:
        """The one that ends last first."""
        ...


class ActivityViews(Protocol):
    """Recorded activities outside any transaction, each with its version; `after` is the last one of the page before."""

    async def activity(self, scope: Scope, squad: str | None, id_: str) -> tuple[Activity, int] | None:
        """One that the caller may see; `squad` is the one that he is captain of."""
        ...

    async def own(self, scope: Scope, after: Mark | None, limit: int) -> list[tuple[Activity, int]]:
        """The caller's own, the newest first."""
        ...

    async def of_desk(self, scope: Scope, after: Mark | None, limit: int) -> list[tuple[Activity, int]]:
        """Those of the desk's communities, the newest first."""
        ...

    async def waiting(self, scope: Scope, after: Mark | None, limit: int) -> list[tuple[Activity, int]]:
        """Those of them that nobody has decided about, the oldest first."""
        ...

    async def of_squad(self, scope: Scope, squad: str, after: Mark | None, limit: int) -> list[tuple[Activity, int]]:
        """Those of a squad that nobody has decided about, the oldest first."""
        ...


class MemberViews(Protocol):
    """Accounts outside any transaction."""

    async def of_squads(self, scope: Scope, squads: list[str]) -> list[Member]:
        """The riders of these squads of the caller's sub-district who have not left."""
        ...


class GatheringViews(Protocol):
    """Meetings and trainings outside any transaction, each with its version."""

    async def gathering(self, scope: Scope, id_: str) -> tuple[Gathering, int] | None:
        """One of the desk's communities, or of the whole sub-district."""
        ...

    async def of_desk(self, scope: Scope, limit: int) -> list[tuple[Gathering, int]]:
        """All of those, the one that begins last first."""
        ...

    async def coming(
        self, scope: Scope, squad: str | None, since: datetime, limit: int
    ) -> list[tuple[Gathering, int, Checkin | None]]:
        """Those that the caller is welcome to and that end after `since`, the next one first, each with his check-in."""
        ...

    async def checkins(self, scope: Scope, gathering: str) -> list[Checkin]:
        """Who was there, in the order in which they came; the gathering was asked for with the scope before."""
        ...


class VisitViews(Protocol):
    """Visits outside any transaction."""

    async def tally(self, scope: Scope, campaign: str) -> list[Tally]:
        """What a campaign has come to in each micro-grid of the desk's; the campaign was asked for with the scope before."""
        ...


class Views(Protocol):
    """What people look at, outside any transaction: never what is out of the caller's scope."""

    async def passbook(self, scope: Scope, rider: str) -> Passbook | None:
        """The rider's passbook. His own is his wherever he earned it; a desk sees those of its whole sub-district."""
        ...

    async def entries(self, scope: Scope, rider: str, after: int, limit: int) -> Sequence[Entry] | None:
        """Entries with a number above `after`, the oldest first; None if there is no such passbook."""
        ...

    async def incident(self, scope: Scope, id_: str) -> tuple[Incident, Sequence[tuple[str, Entry]]] | None:
        """The incident with its entries, (rider, entry), the oldest first."""
        ...
