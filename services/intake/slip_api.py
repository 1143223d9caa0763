"""The proof slip over HTTP: a page, or JSON for whoever asks for that alone."""

from datetime import datetime

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel

from services.intake.ports import GridBook
from services.intake.slip import Slip, category_names, page_headers, slip_of, slip_page
from services.intake.taking import Taking
from shared.errors import NotFound
from shared.web.auth import Caller

_KEPT = {"Cache-Control": "private, no-store", "Vary": "Accept"}


class SlipOut(BaseModel):
    """A slip without the page; times carry the offset of the sub-district."""

    code: str
    category_zh: str
    category_en: str
    micro_grid: str | None
    address: str | None
    captured_at: datetime
    received_at: datetime


def router(desk: Taking, grids: GridBook) -> APIRouter:
    """The route; everything it needs is handed in."""
    routes = APIRouter(prefix="/v1")

    @routes.get("/reports/{report_id}/slip", response_class=HTMLResponse, summary="The proof slip of a report")
    async def get_slip(report_id: str, request: Request, caller: Caller) -> Response:
        """A page; JSON if `Accept` names application/json and not text/html."""
        found = await desk.views.report(caller.scope, report_id)
        if found is None:
            raise NotFound("you have no such report")
        report = found[0]
        slip = slip_of(report, category_names(report, desk.rules), grids.zone(report.subdistrict))
        accepted = request.headers.get("accept", "")
        if "application/json" in accepted and "text/html" not in accepted:
            return JSONResponse(_out(slip).model_dump(mode="json"), headers=_KEPT)
        return HTMLResponse(slip_page(slip), headers={**_KEPT, **page_headers()})

    return routes


def _out(slip: Slip) -> SlipOut:
    return SlipOut(
        code=slip.code,
        category_zh=slip.category[0],
        category_en=slip.category[1],
        micro_grid=slip.grid,
        address=slip.address,
        captured_at=slip.captured_at,
        received_at=slip.received_at,
    )
