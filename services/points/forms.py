"""What clients send, checked field by field before anything else happens."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.scalars import GridCode, Instant, Word
from shared.contracts.vocabulary import Activity

Line = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""For people, one line."""


class ItemIn(BaseModel):
    """One question of the checklist and the words it may be answered with."""

    model_config = ConfigDict(extra="forbid")

    code: Word
    zh: Line
    en: Line
    answers: list[Word] = Field(default_factory=lambda: ["yes", "no"], min_length=1, max_length=10)


class PlanIn(BaseModel):
    """Title, checklist, grids (codes of any level) and dates; visits captured at `ends_at` or later are none of it."""

    model_config = ConfigDict(extra="forbid")

    title_zh: Line
    title_en: Line
    activity: Activity = "home_visit"
    items: list[ItemIn] = Field(min_length=1, max_length=20)
    grids: list[GridCode] = Field(min_length=1, max_length=400)
    starts_at: Instant
    ends_at: Instant


class CampaignIn(PlanIn):
    """A new campaign. `client_key` is made by the client and kept while it repeats the request."""

    client_key: str = Field(min_length=8, max_length=64, pattern="^[A-Za-z0-9._-]+$")


class CampaignChangeIn(PlanIn):
    """The whole plan as it is to be. `expected_version` is the version that was seen."""

    expected_version: int = Field(ge=1)


class CloseIn(BaseModel):
    """`expected_version` is the version that was seen."""

    model_config = ConfigDict(extra="forbid")

    expected_version: int = Field(ge=1)
