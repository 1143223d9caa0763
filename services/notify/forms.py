"""What clients send, checked field by field before anything else happens."""

from pydantic import BaseModel, ConfigDict, Field


class ReadIn(BaseModel):
    """Everything up to this sequence number has been read."""

    model_config = ConfigDict(extra="forbid")

    up_to: int = Field(ge=0, le=2_147_483_647, description="`sequence` of the last message that was read")
