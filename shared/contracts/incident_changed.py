"""`incident-changed`: every step of an incident and of its orders, for the rider's timeline and for telling people."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shared.contracts.event import EventData, Position
from shared.contracts.scalars import Id, Instant, PublicCode, Text, Word
from shared.contracts.vocabulary import (
    ActorKind,
    Category,
    Flags,
    IncidentState,
    Level,
    OrderView,
    PhotoIds,
    Place,
    Severity,
)


class IncidentChanged(EventData):
    """One change. Fields that a kind does not speak of are null, they do not mean "unchanged to null"."""

    TYPE: ClassVar[str] = "cn.qianshao.incident.changed.v1"
    NEEDS: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "state": ("to_state",),
        "place": ("place",),
        "category": ("category",),
        "merged": ("other_incident",),
        "unmerged": ("other_incident",),
        "order_offered": ("order",),
        "order_accepted": ("order",),
        "order_returned": ("order", "reason"),
        "order_extension": ("order",),
        "order_done": ("order",),
        "order_withdrawn": ("order",),
        "reminder": ("order",),
        "escalated": ("level",),
    }

    kind: Literal[
        "state",
        "place",
        "category",
        "merged",
        "unmerged",
        "order_offered",
        "order_accepted",
        "order_returned",
        "order_extension",
        "order_done",
        "order_withdrawn",
        "reminder",
        "escalated",
    ]
    incident: Id
    code: PublicCode
    actor_kind: ActorKind
    reason: Text | None = Field(default=None, description="why; for needs_info the question to the reporter")
    from_state: IncidentState | None = Field(default=None, description="state: null when it starts here")
    to_state: IncidentState | None = None
    severity: Severity | None = Field(default=None, description="the class as it now is, where it is decided")
    place: Place | None = Field(default=None, description="place: the new one")
    category: Category | None = Field(default=None, description="category: the new one")
    condition: Word | None = Field(default=None, description="category: the new one")
    other_incident: Id | None = Field(
        default=None, description="merged: the main incident; unmerged: the one that stands alone again"
    )
    reports: Annotated[tuple[Id, ...], Field(max_length=1000)] = Field(
        default=(), description="merged, unmerged: the reports that move along"
    )
    order: OrderView | None = Field(default=None, description="order_…, reminder, escalated: as it now is")
    until: Instant | None = Field(default=None, description="order_extension: asked or granted; parked: its end")
    extension: Literal["asked", "granted", "refused"] | None = None
    photo_ids: PhotoIds = Field(default=(), description="order_done, temporary_safe: the department's photos")
    level: Level | None = Field(default=None, description="escalated: who it goes to")
    flags: Flags = ()

    @property
    def subject(self) -> str:
        return self.incident

    def event_id(self, key: str, at: Position) -> str:
        return f"incident-changed:{key}:{at.version}:{at.index}"
