"""`points-adjusted`: everything that happens in a passbook and is no award."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shared.contracts.event import EventData, Position
from shared.contracts.scalars import Id, Points, Word


class PointsAdjusted(EventData):
    """One ledger entry. `points` is what it adds to the balance, so negative when points go."""

    TYPE: ClassVar[str] = "cn.qianshao.points.adjusted.v1"
    NEEDS: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "pending": ("pending_points",),
        "void": ("of_entry",),
        "reversal": ("of_entry",),
        "redemption_reserved": ("redemption",),
        "redemption_picked_up": ("redemption",),
        "redemption_cancelled": ("redemption",),
        "redemption_expired": ("redemption",),
    }

    kind: Literal[
        "pending",
        "void",
        "reversal",
        "expiry",
        "redemption_reserved",
        "redemption_picked_up",
        "redemption_cancelled",
        "redemption_expired",
    ]
    entry: Id
    rider: Id
    points: Points
    balance_after: Points
    pending_points: Annotated[Points, Field(ge=0)] | None = Field(
        default=None, description="pending: promised, in no balance until they are posted"
    )
    of_entry: Id | None = Field(default=None, description="void: the pending entry; reversal: the award")
    redemption: Id | None = None
    incident: Id | None = Field(default=None, description="pending, void, reversal: what was reported")
    rule_version: Id = Field(description="version of the points rules that decided")
    reason: Word = Field(description="open list")

    @property
    def subject(self) -> str:
        return self.rider

    def event_id(self, key: str, at: Position) -> str:
        return f"points-adjusted:{self.entry}"
