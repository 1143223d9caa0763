"""`points-awarded`: points that now stand in a rider's passbook."""

from typing import Annotated, ClassVar

from pydantic import Field

from shared.contracts.event import EventData, Position
from shared.contracts.scalars import Id, Points, Word
from shared.contracts.vocabulary import Activity


class PointsAwarded(EventData):
    """One posted ledger entry. Over a cap it has 0 points and the reason `cap`."""

    TYPE: ClassVar[str] = "cn.qianshao.points.awarded.v1"

    entry: Id
    rider: Id
    activity: Activity
    points: Annotated[Points, Field(ge=0)]
    balance_after: Annotated[Points, Field(ge=0)]
    rule: Word = Field(description="the line of the rules that paid: first_reporter, self_fixed …")
    rule_version: Id = Field(description="version of the points rules that decided")
    reason: Word = Field(description="open list; cap: nothing was paid because the cap was reached")
    incident: Id | None = Field(default=None, description="hazard: what was reported")
    recorded_activity: Id | None = Field(default=None, description="all others: the activity it was paid for")

    @property
    def subject(self) -> str:
        return self.rider

    def event_id(self, key: str, at: Position) -> str:
        return f"points-awarded:{self.entry}"
