"""What riders send to add to a report."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints


class PhotosIn(BaseModel):
    """Photos for a report, uploaded before."""

    model_config = ConfigDict(extra="forbid")

    photo_ids: list[Annotated[str, Field(max_length=100)]] = Field(min_length=1, max_length=5)


class _SaidIn(BaseModel):
    """Words that are needed."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class CommentIn(_SaidIn):
    """What else there is to say."""


class AnswerIn(_SaidIn):
    """What staff have asked."""


class NotFixedIn(_SaidIn):
    """What is still wrong."""


class AppealIn(_SaidIn):
    """Why the rejection is wrong."""


class FixedIn(BaseModel):
    """It is in order; words are welcome, not needed."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(default="", max_length=500)
