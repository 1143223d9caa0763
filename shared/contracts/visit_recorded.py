"""`visit-recorded`: somebody was visited on a round. Codes only: no name of a resident ever travels."""

from typing import Annotated, ClassVar

from pydantic import Field

from shared.contracts.event import EventData, Position
from shared.contracts.scalars import GridCode, HouseholdCode, Id, Instant, Word
from shared.contracts.vocabulary import Flags, PhotoIds, Shape


class ChecklistAnswer(Shape):
    """What was found, in the words of the campaign."""

    item: Word
    answer: Word


class VisitRecorded(EventData):
    """Exactly one per visit, which is evidence: what it is worth is decided by points."""

    TYPE: ClassVar[str] = "cn.qianshao.visit.recorded.v1"

    visit: Id
    campaign: Id
    rider: Id
    micro_grid: GridCode
    household: HouseholdCode
    answers: Annotated[tuple[ChecklistAnswer, ...], Field(min_length=1, max_length=20)]
    photo_ids: PhotoIds = ()
    captured_at: Instant = Field(description="the rider's clock")
    received_at: Instant = Field(description="server time")
    flags: Flags = ()

    @property
    def subject(self) -> str:
        return self.visit

    def event_id(self, key: str, at: Position) -> str:
        return f"visit-recorded:{key}"
