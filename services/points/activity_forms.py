"""What clients send about activities, checked field by field before anything else happens."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from shared.contracts.scalars import GridCode, HouseholdCode, Id, Instant

Kind = Literal["home_visit", "help", "hardship", "volunteer"]
Words = Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")]
Reason = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00]*[^\x00\s][^\x00]*$")]
Seen = Annotated[int, Field(ge=1, description="the version that was seen")]


class ActivityIn(BaseModel):
    """What I did, when and where. `client_key` is made by the client and kept while it repeats the request. A household is a
    code within its micro-grid, never a name; `photo_ids` are of photos that intake has taken."""

    model_config = ConfigDict(extra="forbid")

    client_key: str = Field(min_length=8, max_length=64, pattern="^[A-Za-z0-9._-]+$")
    kind: Kind
    captured_at: Instant
    grid: GridCode
    household: HouseholdCode | None = None
    text: Words = ""
    photo_ids: list[Id] = Field(default_factory=list, max_length=5)


class SeenIn(BaseModel):
    """`expected_version` is the version that was seen."""

    model_config = ConfigDict(extra="forbid")

    expected_version: Seen


class RejectIn(SeenIn):
    """Why it is not counted; the rider reads it."""

    reason: Reason


class ApprovalIn(SeenIn):
    """One of several."""

    activity: Id


class ApprovalsIn(BaseModel):
    """All of these are approved, each on its own."""

    model_config = ConfigDict(extra="forbid")

    activities: list[ApprovalIn] = Field(min_length=1, max_length=100)

    @field_validator("activities")
    @classmethod
    def _each_once(cls, value: list[ApprovalIn]) -> list[ApprovalIn]:
        if len({one.activity for one in value}) < len(value):
            raise ValueError("the same activity twice")
        return value
