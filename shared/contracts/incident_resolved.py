"""`incident-resolved`: the thing is fixed. Sent on entering `resolved` and never for anything else."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shared.contracts.event import EventData, Position
from shared.contracts.scalars import DepartmentCode, Flag, Id, Instant, Number, PublicCode, Word
from shared.contracts.vocabulary import Category, PhotoIds, Reporter, Severity


class IncidentResolved(EventData):
    """One per incident and cycle. `reporters` is the order in which points are given, frozen by dispatch."""

    TYPE: ClassVar[str] = "cn.qianshao.incident.resolved.v1"
    KIND: ClassVar[str] = "how"
    NEEDS: ClassVar[Mapping[str, tuple[str, ...]]] = {"department": ("departments", "on_time")}

    how: Literal["department", "self_fixed"]
    incident: Id
    code: PublicCode
    cycle: Number
    resolved_at: Instant = Field(description="server time")
    departments: Annotated[tuple[DepartmentCode, ...], Field(max_length=50)] = Field(
        default=(), description="those that fixed it"
    )
    reporters: Annotated[tuple[Reporter, ...], Field(min_length=1, max_length=1000)]
    severity: Severity = Field(description="final class")
    category: Category = Field(description="final category")
    condition: Word | None = None
    evidence_photo_ids: PhotoIds = ()
    on_time: Flag | None = Field(default=None, description="all orders of this cycle were done by their due_at")

    @property
    def subject(self) -> str:
        return self.incident

    def event_id(self, key: str, at: Position) -> str:
        return f"incident-resolved:{key}:{self.cycle}"
