"""`dispatch.<department>`: what a department is told about one of its work orders."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from shared.contracts.event import EventData, Position
from shared.contracts.scalars import Id, Number, Text, UpdateId, Word
from shared.contracts.vocabulary import Level, OrderState, WorkOrder


class DispatchOrder(EventData):
    """Numbered 1, 2, 3 … per order, the whole work order each time; only a refusal of an unknown one has none."""

    TYPE: ClassVar[str] = "cn.qianshao.order.dispatched.v1"
    NEEDS: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "offer": ("work_order",),
        "remind": ("work_order",),
        "withdraw": ("work_order", "reason"),
        "reopen": ("work_order", "reason"),
        "escalate": ("work_order", "level"),
        "correct": ("work_order",),
        "ack": ("work_order", "update_id"),
        "refused": ("update_id", "reason"),
    }

    kind: Literal["offer", "remind", "withdraw", "reopen", "escalate", "correct", "ack", "refused"]
    order: Id
    seq: Number = Field(description="per order; send the last one you read as seen_seq")
    work_order: WorkOrder | None = None
    update_id: UpdateId | None = Field(default=None, description="ack, refused: your message that this answers")
    reason: Text | None = Field(default=None, description="for people")
    reason_code: Word | None = Field(
        default=None, description="refused: unknown_order, stale, not_allowed, evidence_missing, reason_missing …"
    )
    current_state: OrderState | None = Field(default=None, description="ack, refused: null if you have no such order")
    level: Level | None = Field(default=None, description="escalate: who else is told")

    @property
    def subject(self) -> str:
        return self.order

    def event_id(self, key: str, at: Position) -> str:
        # who guesses the id of an order that is yet to come must not take the id of its offer
        number = self.seq if self.work_order is not None else f"unknown:{self.seq}"
        return f"dispatch:{self.order}:{number}"
