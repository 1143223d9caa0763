"""Reviews over HTTP: flagged reports for a desk, the oldest first, and its verdict."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel

from services.intake.domain.listing import cursor_of, read_cursor
from services.intake.domain.report import Report
from services.intake.domain.status import Status
from services.intake.forms import VerdictIn
from services.intake.ports import Kept, ReviewViews
from services.intake.report_out import ReportLine, report_line
from services.intake.review_out import FindingOut, JudgedOut, finding_out
from services.intake.reviews import DecideReview
from shared.mongo.lane import Lane
from shared.web.auth import Caller
from shared.web.correlation import context_of
from shared.web.idempotency import fingerprint, idempotency_key, submit_once


class ReviewOut(ReportLine):
    """A report to look at, and why. `version` goes back with the verdict."""

    version: int
    text: str
    findings: list[FindingOut]


class ReviewsOut(BaseModel):
    """One page, the oldest first. `next` is the cursor of the page after it, null on the last one."""

    reviews: list[ReviewOut]
    next: str | None


@dataclass(frozen=True, slots=True)
class ReviewDesk:
    """What the routes of reviews work with; `judged` counts a verdict."""

    lane: Lane
    reports: Kept[Report]
    views: ReviewViews
    judged: Callable[[str], None]


def router(desk: ReviewDesk) -> APIRouter:
    """The routes; everything they need is handed in."""
    routes = APIRouter(prefix="/v1")

    @routes.get("/reviews", response_model=ReviewsOut, summary="Flagged reports at places of mine, the oldest first")
    async def get_reviews(
        caller: Caller,
        after: Annotated[str | None, Query(max_length=200, description="`next` of the page before")] = None,
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
    ) -> ReviewsOut:
        mark = None if after is None else read_cursor(after)
        found = await desk.views.reviews(caller.scope, mark, limit + 1)
        page = found[:limit]
        more = cursor_of(page[-1][0]) if len(found) > limit else None
        return ReviewsOut(reviews=[_review_out(*one) for one in page], next=more)

    @routes.post("/reviews/{report_id}", response_model=JudgedOut, summary="Say what a flagged report is")
    async def post_review(
        report_id: str,
        wish: VerdictIn,
        request: Request,
        caller: Caller,
        key: Annotated[str, Depends(idempotency_key)],
    ) -> Response:
        context = context_of(request, caller.actor)
        command = DecideReview(
            desk.reports, report_id, wish.verdict, wish.reason, wish.expected_version, caller.scope, context
        )
        answer = await submit_once(desk.lane, caller, key, fingerprint(wish, "review", report_id), command)
        if "Idempotency-Replayed" not in answer.headers:
            desk.judged(wish.verdict)
        return answer

    return routes


def _review_out(report: Report, status: Status, version: int) -> ReviewOut:
    findings = report.review.findings if report.review else ()
    return ReviewOut(
        **report_line(report, status).model_dump(),
        version=version,
        text=report.text,
        findings=[finding_out(finding) for finding in findings],
    )
