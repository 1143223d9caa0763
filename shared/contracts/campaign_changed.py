"""`campaign-changed`: a round of visits was announced, changed or closed."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shared.contracts.event import EventData, Position
from shared.contracts.scalars import GridCode, Id, Instant, Number, Text, Word
from shared.contracts.vocabulary import Activity, Shape


class ChecklistItem(Shape):
    """One question of a round. `answers`: the words it may be answered with."""

    code: Word
    zh: Text
    en: Text
    answers: Annotated[tuple[Word, ...], Field(min_length=1, max_length=10)]


class CampaignChanged(EventData):
    """The whole campaign as it now is; a later one about the same campaign has a higher `version`."""

    TYPE: ClassVar[str] = "cn.qianshao.campaign.changed.v1"

    campaign: Id
    version: Number
    state: Literal["open", "closed"]
    activity: Activity = Field(description="what a visit of it counts as")
    title_zh: Text
    title_en: Text
    items: Annotated[tuple[ChecklistItem, ...], Field(min_length=1, max_length=20)]
    grids: Annotated[tuple[GridCode, ...], Field(min_length=1, max_length=400)] = Field(
        description="nodes of any level of the grid tree; everything below them is part of it"
    )
    communities: Annotated[tuple[GridCode, ...], Field(max_length=400)] = Field(
        default=(), description="whose grids are part of it; empty for the whole sub-district"
    )
    starts_at: Instant
    ends_at: Instant = Field(description="visits captured at this moment or later are none of it")

    @property
    def subject(self) -> str:
        return self.campaign

    def event_id(self, key: str, at: Position) -> str:
        return f"campaign-changed:{self.campaign}:{self.version}"
