"""What clients send, checked field by field before anything else happens."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from services.dispatch.domain.complaint import LONGEST


class AssignIn(BaseModel):
    """Send an incident in triage to departments. `expected_version` is the version the decision was made on."""

    model_config = ConfigDict(extra="forbid")

    expected_version: int = Field(ge=1)
    departments: list[Annotated[str, Field(max_length=100)]] = Field(min_length=1, max_length=10)
    reason: str = Field(min_length=1, max_length=200)


class ComplaintIn(BaseModel):
    """What somebody is unhappy with; `incident` if it is about one."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    text: str = Field(min_length=1, max_length=LONGEST)
    incident: str | None = Field(default=None, min_length=1, max_length=200)


class MergeIn(BaseModel):
    """The incident is the same thing as `main`."""

    model_config = ConfigDict(extra="forbid")

    expected_version: int = Field(ge=1)
    main: str = Field(min_length=1, max_length=200)
    reason: str = Field(min_length=1, max_length=500)


class MoveIn(BaseModel):
    """A report moves to incident `to`; without it, to a new incident of its own."""

    model_config = ConfigDict(extra="forbid")

    expected_version: int = Field(ge=1)
    report: str = Field(min_length=1, max_length=200)
    to: str | None = Field(default=None, min_length=1, max_length=200)
    reason: str = Field(min_length=1, max_length=500)


class SeenIn(BaseModel):
    """An incident at the version that was looked at."""

    model_config = ConfigDict(extra="forbid")

    incident: str = Field(min_length=1, max_length=200)
    expected_version: int = Field(ge=1)


class SelfFixedIn(BaseModel):
    """All of these were put right by their riders."""

    model_config = ConfigDict(extra="forbid")

    incidents: list[SeenIn] = Field(min_length=1, max_length=100)
    reason: str = Field(min_length=1, max_length=500)

    @field_validator("incidents")
    @classmethod
    def _each_once(cls, value: list[SeenIn]) -> list[SeenIn]:
        if len({one.incident for one in value}) < len(value):
            raise ValueError("the same incident twice")
        return value
