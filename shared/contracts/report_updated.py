"""`report-updated`: what riders add to an incident after the first report."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from shared.contracts.event import EventData, Position
from shared.contracts.scalars import Flag, Id, Instant, Text
from shared.contracts.vocabulary import Flags, PhotoIds, Place


class ReportUpdated(EventData):
    """`joined` and `broken_again` are new reports on a known incident; all others concern an earlier report."""

    TYPE: ClassVar[str] = "cn.qianshao.report.updated.v1"
    NEEDS: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "joined": ("captured_at", "emergency"),
        "broken_again": ("captured_at", "emergency"),
        "photo_added": ("photo_ids",),
        "comment": ("text",),
        "says_not_fixed": ("text",),
        "appealed": ("text",),
    }

    kind: Literal[
        "joined",
        "broken_again",
        "photo_added",
        "comment",
        "info_given",
        "says_fixed",
        "says_not_fixed",
        "appealed",
    ]
    incident: Id
    report: Id
    rider: Id
    text: Text | None = Field(default=None, description="comment, information, or the reason of a refusal or an appeal")
    photo_ids: PhotoIds = Field(default=(), description="those that this update adds")
    emergency: Flag | None = Field(default=None, description="joined, broken_again: the rider's tick")
    place: Place | None = Field(default=None, description="joined, broken_again: where this rider saw it")
    interim_measures: Text | None = None
    captured_at: Instant | None = Field(default=None, description="the rider's clock")
    received_at: Instant = Field(description="server time")
    flags: Flags = ()
    entered_by: Id | None = Field(
        default=None,
        description="joined, broken_again: staff who entered it for the rider; whoever did approves nothing",
    )

    @property
    def subject(self) -> str:
        return self.incident

    def event_id(self, key: str, at: Position) -> str:
        return f"report-updated:{key}:{at.sequence}"
