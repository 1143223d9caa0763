"""`incident-reported`: intake opens an incident with the first report of it."""

from typing import ClassVar

from pydantic import Field

from shared.contracts.event import EventData, Position
from shared.contracts.scalars import Flag, Id, Instant, PublicCode, Text, Word
from shared.contracts.vocabulary import Answers, Category, Flags, PhotoIds, Place


class IncidentReported(EventData):
    """Exactly one per incident. `emergency` is the rider's tick; the final class is dispatch's and may differ."""

    TYPE: ClassVar[str] = "cn.qianshao.incident.reported.v1"

    incident: Id
    report: Id
    code: PublicCode = Field(description="what people call the incident by")
    rider: Id
    category: Category
    condition: Word | None = Field(default=None, description="what is wrong with it, a word of the category")
    emergency: Flag
    place: Place
    photo_ids: PhotoIds = ()
    text: Text
    interim_measures: Text | None = Field(default=None, description="what the rider has done to keep people safe")
    captured_at: Instant = Field(description="the rider's clock")
    received_at: Instant = Field(description="server time; deadlines run from here")
    flags: Flags = ()
    after_photo_ids: PhotoIds = Field(default=(), description="self_fixed: how it looks since the rider put it right")
    entered_by: Id | None = Field(
        default=None, description="staff who entered it for the rider; whoever did approves nothing about it"
    )

    answers: Answers = Field(default=(), description="to the questions of the category")

    @property
    def subject(self) -> str:
        return self.incident

    def event_id(self, key: str, at: Position) -> str:
        return f"incident-reported:{key}"
