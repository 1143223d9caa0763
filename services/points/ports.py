"""What the handlers need from outside, in the words of points."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar
from zoneinfo import ZoneInfo

from services.points.domain.campaign import Campaign
from services.points.domain.caps import Month
from services.points.domain.entry import Entry, Passbook
from services.points.domain.incident import Incident
from services.points.domain.tariff import Tariffs
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

    def tariffs(self, subdistrict: str) -> Tariffs:
        """All versions of the rules; what was seen is paid by the one that held then. Raises `LookupError`."""
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


class EntryViews(Protocol):
    """Single entries outside any transaction, and what waits for a second person."""

    async def entry(self, scope: Scope, id_: str) -> tuple[str, Entry] | None:
        """The rider and his entry: his own for him, those of its riders for a desk."""
        ...

    async def proposals(self, scope: Scope, limit: int) -> list[Incident]:
        """Incidents of the desk in which somebody was proposed for something outstanding and nobody has decided."""
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
