"""`report-judged`: people have looked at a report that was flagged."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from shared.contracts.event import EventData, Position
from shared.contracts.scalars import Id, Instant, Text
from shared.contracts.vocabulary import ActorKind, Flags


class ReportJudged(EventData):
    """At most one per report. `bogus` is about this report alone: its incident and those who joined it keep theirs."""

    TYPE: ClassVar[str] = "cn.qianshao.report.judged.v1"
    NEEDS: ClassVar[Mapping[str, tuple[str, ...]]] = {"bogus": ("reason",)}

    kind: Literal["ok", "bogus"]
    report: Id
    incident: Id
    rider: Id
    flags: Flags = Field(default=(), description="why people looked")
    reason: Text | None = None
    actor_kind: ActorKind
    judged_at: Instant = Field(description="server time")

    @property
    def subject(self) -> str:
        return self.report

    def event_id(self, key: str, at: Position) -> str:
        return f"report-judged:{key}"
