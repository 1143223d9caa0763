"""What clients send, checked field by field before anything else happens."""

from pydantic import BaseModel, ConfigDict, Field


class AssignIn(BaseModel):
    """Send an incident in triage to departments. `expected_version` is the version the decision was made on."""

    model_config = ConfigDict(extra="forbid")

    expected_version: int = Field(ge=1)
    departments: list[str] = Field(min_length=1, max_length=10)
    reason: str = Field(min_length=1, max_length=200)
