"""A report that people should look at: why, and what they said. What they say changes nothing of its incident."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from services.intake.domain.abuse import Finding

Verdict = Literal["ok", "bogus"]


@dataclass(frozen=True, slots=True)
class Review:
    """`findings` are ids and numbers only. `sent_by` is the account that sent the report, which may have been for another."""

    findings: tuple[Finding, ...]
    sent_by: str
    state: Literal["open", "ok", "bogus"] = "open"
    reason: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None


def judge(review: Review, verdict: Verdict, reason: str | None, by: str, at: datetime) -> Review:
    """The review with its verdict."""
    return replace(review, state=verdict, reason=reason, decided_by=by, decided_at=at)
