"""What the handlers need from outside, in the words of points."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar
from zoneinfo import ZoneInfo

from services.points.domain.caps import Month
from services.points.domain.entry import Entry, Passbook
from services.points.domain.hazard import Tariff
from services.points.domain.incident import Incident
from shared.mongo.work import Event, Ref, Work

Item = TypeVar("Item")


class Kept(Protocol[Item]):
    """One kind of document in the working set of a transaction."""

    def ref(self, id_: str) -> Ref: ...
    def get(self, work: Work, id_: str) -> Item | None: ...
    def put(self, work: Work, item: Item, *events: Event) -> int: ...


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


class Views(Protocol):
    """What people look at, outside any transaction, each within the sub-district its caller gives."""

    async def passbook(self, rider: str, subdistrict: str | None) -> Passbook | None:
        """The rider's passbook; `subdistrict` None for his own, which is his wherever he earned it."""
        ...

    async def entries(self, account: str, after: int, limit: int) -> Sequence[Entry]:
        """Entries of one account with a number above `after`, the oldest first."""
        ...

    async def incident(self, id_: str, subdistrict: str) -> Incident | None: ...

    async def entries_of_incident(self, id_: str) -> Sequence[tuple[str, Entry]]:
        """(rider, entry), the oldest first."""
        ...
