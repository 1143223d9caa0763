"""What the handlers need from outside, in the words of dispatch."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from services.dispatch.domain.clocks import Hours, Limit, Priority
from services.dispatch.domain.complaint import Complaint
from services.dispatch.domain.incident import Asked, Incident, Order, Route
from services.dispatch.domain.states import OrderState
from services.dispatch.queue import Mark, Wanted
from shared.mongo.work import Event, Ref, Work
from shared.scope import Scope


@dataclass(frozen=True, slots=True)
class CategoryRule:
    """What reference data says of a (category, condition): class, limit, names, and whether "done" needs a photo."""

    zh: str
    en: str
    priority: Priority
    limit: Limit
    after_photo_required: bool
    repair: Limit | None = None
    """Until it is repaired once nobody is in danger; None: it has no temporary safety."""


class Rules(Protocol):
    """Reference data."""

    @property
    def version(self) -> str:
        """sha256 of the reference data that decides here."""
        ...

    def category(self, category: dict[str, str], condition: str | None) -> CategoryRule | None: ...

    def hours(self, subdistrict: str) -> Hours: ...

    def is_department(self, code: str) -> bool: ...

    @property
    def departments(self) -> frozenset[str]:
        """Everyone who can be sent."""
        ...

    def locate(self, lng: float, lat: float) -> dict[str, str] | None:
        """The grid path of a WGS-84 point as the contract has it, None outside every polygon."""
        ...

    def route(self, asked: Asked) -> Route | str:
        """Who must act, or in words why nobody can be named."""
        ...


@dataclass(frozen=True, slots=True)
class Step:
    """What one routing rule says. `verdict`: decides, no_match, cannot_tell or not_asked; `text`: the departments of the one
    that decides, why another does not match or cannot tell; `why`: what the rule is for."""

    rule: str
    verdict: str
    text: str
    why: str


class Explaining(Protocol):
    """The routing rules, one after the other."""

    @property
    def version(self) -> str:
        """sha256 of the reference data that explains here."""
        ...

    def explain(self, asked: Asked) -> list[Step]:
        """One step for each rule, in the order in which they are asked; none if there is no such category."""
        ...


class Incidents(Protocol):
    """Incidents in the working set of a transaction."""

    def ref(self, id_: str) -> Ref: ...
    def get(self, work: Work, id_: str) -> Incident | None: ...
    def version(self, work: Work, id_: str) -> int: ...
    def put(self, work: Work, item: Incident, *events: Event) -> int: ...


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a verified receipt proves: intake has this photo from this uploader. `place`: WGS-84, as the camera says."""

    photo: str
    uploader: str
    received_at: datetime
    taken_at: datetime | None
    place: tuple[float, float] | None = None


class Receipts(Protocol):
    """Checks receipts offline."""

    def verify(self, token: str) -> Receipt | None:
        """The receipt, or None if it is not one of intake's."""
        ...


class Views(Protocol):
    """What people look at, outside any transaction: never what is out of the caller's scope."""

    async def incident(self, scope: Scope, id_: str) -> tuple[Incident, int] | None:
        """The incident with its version."""
        ...


@dataclass(frozen=True, slots=True)
class Delivering:
    """A message to a department that has not arrived: since when, after how many failures, why the last one failed."""

    seq: int
    since: datetime
    tries: int = 0
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """What an order's department has not got yet of what it was told; nothing: all has arrived.

    `in_topic`: all of it is in the department's topic. `read`: whether its own system has read the offer there; None: nobody has
    looked since, or it is told by webhook.
    """

    order: str
    department: str
    by_webhook: bool
    waiting: tuple[Delivering, ...]
    in_topic: bool
    read: bool | None


class Arrivals(Protocol):
    """Whether departments have got what they were told: never what is out of the caller's scope."""

    async def of(self, scope: Scope, id_: str) -> list[Arrival] | None:
        """One for each order of the incident; None if there is none such for the caller."""
        ...


class Queue(Protocol):
    """The desk's queue: never what is out of the caller's scope."""

    async def queue(self, scope: Scope, wanted: Wanted, after: Mark | None, limit: int) -> list[tuple[Incident, int]]:
        """Incidents behind the mark, the oldest clock first."""
        ...


class Cases(Protocol):
    """Incidents for the lists of a month: never what is out of the caller's scope."""

    async def due(self, scope: Scope, start: datetime, end: datetime) -> list[Incident]:
        """Those with an order whose deadline lies in [start, end)."""
        ...


@dataclass(frozen=True, slots=True)
class CategoryNames:
    """What the standard calls it, in Chinese; `exported`: whether its scheme counts for higher levels."""

    type: str
    main_class: str
    category: str
    condition: str
    exported: bool


class Names(Protocol):
    """What reference data calls its codes, in Chinese; a code that it does not know (any more) is its own name."""

    def category(self, category: dict[str, str], condition: str | None) -> CategoryNames: ...
    def place(self, code: str) -> str: ...
    def department(self, code: str) -> str: ...

    def zone(self, subdistrict: str) -> ZoneInfo:
        """The clock on the wall there."""
        ...


class Complaints(Protocol):
    """Complaints in the working set of a transaction."""

    def ref(self, id_: str) -> Ref: ...
    def put(self, work: Work, item: Complaint, *events: Event) -> int: ...


class Box(Protocol):
    """The complaint box: never what is out of the caller's scope."""

    async def complaints(self, scope: Scope, before: str | None, limit: int) -> list[Complaint]:
        """The newest first; with `before` those older than that one."""
        ...


class OrderViews(Protocol):
    """What a department looks at: the orders of the department that the scope names, and no other's."""

    async def orders(
        self, scope: Scope, after: str | None, states: tuple[OrderState, ...], limit: int
    ) -> list[tuple[Incident, Order]]:
        """Those behind the order `after`, the oldest incident first; of any state if `states` is empty."""
        ...

    async def order(self, scope: Scope, order_id: str) -> tuple[Incident, Order] | None:
        """That order with its incident."""
        ...
