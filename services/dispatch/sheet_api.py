"""The sheet for a hand-over, over HTTP."""

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import HTMLResponse

from services.dispatch.cases_api import attachment
from services.dispatch.ports import Names, Views
from services.dispatch.sheet import as_html, lines_of
from services.dispatch.tables import as_csv
from shared.errors import NotFound
from shared.web.auth import Caller


class SheetFormat(StrEnum):
    """As what the sheet is sent."""

    HTML = "html"
    CSV = "csv"


def router(views: Views, names: Names) -> APIRouter:
    """The route; everything it needs is handed in."""
    routes = APIRouter(prefix="/v1")

    @routes.get(
        "/incidents/{incident_id}/sheet",
        response_class=HTMLResponse,
        responses={200: {"content": {"text/csv": {}}}},
        summary="One sheet to hand over to another house",
    )
    async def get_sheet(
        incident_id: str, caller: Caller, format_: Annotated[SheetFormat, Query(alias="format")] = SheetFormat.HTML
    ) -> Response:
        found = await views.incident(caller.scope, incident_id)
        if found is None:
            raise NotFound("there is no such incident for you")
        incident, _ = found
        if format_ is SheetFormat.HTML:
            return HTMLResponse(as_html(incident, names), headers={"Cache-Control": "no-store"})
        table = zip(*lines_of(incident, names), strict=True)
        return attachment(as_csv(list(row) for row in table), "text/csv; charset=utf-8", f"{incident.code}.csv")

    return routes
