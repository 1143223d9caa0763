"""`activity-recorded`: a rider has recorded what he did; whoever keeps its photos keeps and shows them, and a captain hears
what waits for his word."""

from typing import Annotated, ClassVar

from pydantic import Field

from shared.contracts.event import EventData, Position
from shared.contracts.scalars import GridCode, Id, Instant
from shared.contracts.vocabulary import Activity


class ActivityRecorded(EventData):
    """At most one per recorded activity: only those with photos, and those that a captain may recommend, are told. Which words
    he wrote is nobody else's business."""

    TYPE: ClassVar[str] = "cn.qianshao.activity.recorded.v1"

    recorded_activity: Id
    rider: Id
    activity: Activity
    community: GridCode | None = Field(
        default=None, description="whose desk decides; null: every desk of the sub-district"
    )
    squad: Id | None = Field(default=None, description="whose captain may recommend it; null: no captain needs to look")
    photo_ids: Annotated[tuple[Id, ...], Field(max_length=20)]
    recorded_at: Instant = Field(description="server time")

    @property
    def subject(self) -> str:
        return self.recorded_activity

    def event_id(self, key: str, at: Position) -> str:
        return f"activity-recorded:{key}"
