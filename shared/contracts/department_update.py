"""`department-updates.<department>`: what a department says about one of its work orders."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shared.contracts.event import EventData, Position
from shared.contracts.scalars import DepartmentCode, Flag, Id, Instant, Number, Receipt, Text, UpdateId


class DepartmentUpdate(EventData):
    """Written by systems outside the house, so a missing reason is no broken message: dispatch answers `refused`.

    Who says it is told by the topic's name, never by a field; that is why there is none.
    """

    TYPE: ClassVar[str] = "cn.qianshao.order.updated.v1"

    update_id: UpdateId = Field(description="yours; the same message again has the same id")
    order: Id
    seen_seq: Number = Field(description="seq of the last message about this order that you read")
    kind: Literal["accepted", "returned", "progress", "done", "extension_asked"]
    at: Instant = Field(description="your clock, with offset; ours decides")
    reason: Text | None = Field(default=None, description="returned, extension_asked: why, needed")
    suggested_department: DepartmentCode | None = Field(default=None, description="returned: who should act instead")
    progress: Text | None = Field(default=None, description="progress: what has been done")
    temporary_safe: Flag = Field(default=False, description="progress: the danger is contained, the repair follows")
    receipts: Annotated[tuple[Receipt, ...], Field(max_length=10)] = Field(
        default=(), description="done, progress: receipts of photos uploaded to intake"
    )
    extension_until: Instant | None = Field(default=None, description="extension_asked: the new deadline, needed")

    @property
    def subject(self) -> str:
        return self.order

    def event_id(self, key: str, at: Position) -> str:
        return self.update_id
