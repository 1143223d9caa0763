"""Intake's HTTP: reports. Reads the request, calls a handler, renders the answer."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from services.intake.checking import check_rider
from services.intake.domain.status import Status
from services.intake.forms import ReportIn
from services.intake.photo_pool import PhotoPool
from services.intake.reading import REPORT_BODY, report_reader
from services.intake.report_out import ReportOut, report_out
from services.intake.taking import Sender, Taking, take_report
from shared.errors import NotFound
from shared.web.auth import Caller
from shared.web.correlation import context_of


def router(desk: Taking, pool: PhotoPool) -> APIRouter:
    """The routes; everything they need is handed in."""
    routes = APIRouter(prefix="/v1")
    read_report = report_reader(desk, pool)

    @routes.post(
        "/reports", status_code=201, response_model=ReportOut, summary="Report a hazard", openapi_extra=REPORT_BODY
    )
    async def post_report(
        wish: Annotated[ReportIn, Depends(read_report)], request: Request, caller: Caller
    ) -> Response:
        check_rider(wish, caller.id)
        sender = Sender(caller.scope, caller.id, context_of(request, caller.actor))
        opened = await take_report(desk, wish, sender)
        return _json(report_out(opened.report, Status(opened.report.incident)), 201, replayed=opened.replayed)

    @routes.get("/reports/{report_id}", response_model=ReportOut, summary="One of my reports")
    async def get_report(report_id: str, caller: Caller) -> ReportOut:
        found = await desk.views.report(caller.scope, report_id)
        if found is None:
            raise NotFound("you have no such report")
        return report_out(*found)

    return routes


def _json(out: BaseModel, status: int, *, replayed: bool) -> Response:
    headers = {"Idempotency-Replayed": "true"} if replayed else {}
    return JSONResponse(out.model_dump(mode="json"), status, headers)
