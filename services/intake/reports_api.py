"""Reports in number: a batch that a phone kept while it was offline, and lists."""

import asyncio
from typing import Annotated, Any, Literal, get_args

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.intake.checking import check_rider
from services.intake.domain.listing import ReportListing, cursor_of, read_cursor
from services.intake.domain.status import Status
from services.intake.forms import ReportIn
from services.intake.report_out import ReportLine, ReportOut, report_line, report_out
from services.intake.taking import Sender, Taking, take_report
from shared.contracts.vocabulary import IncidentState
from shared.errors import FieldError, Invalid, Refused, Unavailable
from shared.web.auth import Caller
from shared.web.correlation import context_of
from shared.web.problems import problem_body

MOST = 50
STATES = ("awaiting_photo", *get_args(IncidentState))


class BatchIn(BaseModel):
    """Reports that waited for a network. Each is as for `POST /v1/reports`, with its own client key and capture time."""

    model_config = ConfigDict(extra="forbid")

    reports: list[dict[str, Any]] = Field(min_length=1, max_length=MOST)


class ItemOut(BaseModel):
    """What became of one report of a batch."""

    status: int = Field(description="201 stored now, 200 stored before, otherwise what a report alone is answered")
    report: ReportOut | None = None
    problem: dict[str, Any] | None = Field(default=None, description="problem+json; 503: repeat it with the same key")


class BatchOut(BaseModel):
    """One line per report, in the order they were sent."""

    reports: list[ItemOut]


class ReportsOut(BaseModel):
    """One page, the newest first. `next` is the cursor of the page after it, null on the last one."""

    reports: list[ReportLine]
    next: str | None


def router(desk: Taking) -> APIRouter:
    """The routes; everything they need is handed in."""
    routes = APIRouter(prefix="/v1")

    @routes.post("/reports/batch", response_model=BatchOut, summary="Report what was seen while offline")
    async def post_batch(batch: BatchIn, request: Request, caller: Caller) -> BatchOut:
        """Each report is decided on its own: one that is refused loses none of the others, and repeating the whole is safe."""
        sender = Sender(caller.scope, caller.id, context_of(request, caller.actor))
        items = await asyncio.gather(*(_item(desk, raw, sender) for raw in batch.reports))
        for item in items:
            if item.problem is not None:
                request.app.state.metrics.problems.labels(item.problem["code"]).inc()
        return BatchOut(reports=items)

    @routes.get("/reports", response_model=ReportsOut, summary="My reports, or those at places of mine")
    async def get_reports(
        caller: Caller,
        after: Annotated[str | None, Query(max_length=200, description="`next` of the page before")] = None,
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
        state: Annotated[Literal[STATES] | None, Query()] = None,  # type: ignore[valid-type]
        flag: Annotated[
            str | None,
            Query(pattern="^[a-z][a-z_]{1,40}$", description="awaiting_photo: needs a photo; photo_missing: for a day"),
        ] = None,
    ) -> ReportsOut:
        mark = None if after is None else read_cursor(after)
        found = await desk.views.reports(caller.scope, ReportListing(limit + 1, mark, state, flag))
        page = found[:limit]
        more = cursor_of(page[-1][0]) if len(found) > limit else None
        return ReportsOut(reports=[report_line(*one) for one in page], next=more)

    return routes


async def _item(desk: Taking, raw: dict[str, Any], sender: Sender) -> ItemOut:
    try:
        wish = _read(raw)
        check_rider(wish, sender.rider)
        opened = await take_report(desk, wish, sender)
    except Refused as error:
        return _refused(error.status, error.problem_code, error.detail, *error.errors)
    except Unavailable as error:
        return _refused(503, "unavailable", f"{error.detail}; repeat with the same key")
    report = report_out(opened.report, Status(opened.report.incident))
    return ItemOut(status=200 if opened.replayed else 201, report=report)


def _read(raw: dict[str, Any]) -> ReportIn:
    """Raises `Invalid` naming every field that is wrong, as for a report alone."""
    try:
        return ReportIn.model_validate(raw)
    except ValidationError as error:
        found = [FieldError(".".join(map(str, one["loc"])), one["msg"]) for one in error.errors()]
        raise Invalid("; ".join(f"{one.field}: {one.reason}" for one in found), *found) from None


def _refused(status: int, code: str, detail: str, *errors: FieldError) -> ItemOut:
    return ItemOut(status=status, problem=problem_body(status, code, detail, *errors))
