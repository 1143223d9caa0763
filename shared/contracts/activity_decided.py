"""`activity-decided`: a recorded activity was approved or rejected."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from shared.contracts.event import EventData, Position
from shared.contracts.scalars import Id, Number, Text
from shared.contracts.vocabulary import Activity, ActorKind


class ActivityDecided(EventData):
    """One decision; a later one about the same activity has a higher `version`."""

    TYPE: ClassVar[str] = "cn.qianshao.activity.decided.v1"
    NEEDS: ClassVar[Mapping[str, tuple[str, ...]]] = {"rejected": ("reason",)}

    kind: Literal["approved", "rejected"]
    recorded_activity: Id
    version: Number = Field(description="of the recorded activity, after this decision")
    rider: Id
    activity: Activity
    actor_kind: ActorKind
    reason: Text | None = None

    @property
    def subject(self) -> str:
        return self.recorded_activity

    def event_id(self, key: str, at: Position) -> str:
        return f"activity-decided:{self.recorded_activity}:{self.version}"
