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


def noticed(review: Review | None, findings: tuple[Finding, ...], sent_by: str) -> Review:
    """The review with what was noticed now. It opens, also if it had been found in order without that; bogus stays so."""
    if review is None:
        return Review(findings, sent_by)
    more = tuple(finding for finding in findings if finding not in review.findings)
    both = replace(review, findings=review.findings + more)
    if not more or review.state == "bogus":
        return both
    return replace(both, state="open", reason=None, decided_by=None, decided_at=None)


def judge(review: Review, verdict: Verdict, reason: str | None, by: str, at: datetime) -> Review:
    """The review with its verdict."""
    return replace(review, state=verdict, reason=reason, decided_by=by, decided_at=at)
