"""A report for a rider over HTTP, with the sentence to paste back."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from services.intake.domain.report import Report
from services.intake.domain.sentence import sentence
from services.intake.domain.sight import sight_of
from services.intake.domain.status import Status
from services.intake.for_rider import take_for_rider
from services.intake.forms import ReportIn
from services.intake.ports import Roll
from services.intake.report_out import ReportOut, report_out
from services.intake.slip import category_names, grid_label
from services.intake.taking import Taking
from shared.web.auth import Caller
from shared.web.correlation import context_of


class SentenceOut(BaseModel):
    """Ready to be pasted into the chat: nothing of people in it."""

    zh: str
    en: str


class EnteredOut(ReportOut):
    """The report as stored, and what to answer."""

    sentence: SentenceOut = Field(description="to paste back into the chat")


def router(desk: Taking, people: Roll) -> APIRouter:
    """The route; everything it needs is handed in."""
    routes = APIRouter(prefix="/v1")

    @routes.post(
        "/riders/{rider}/reports", status_code=201, response_model=EnteredOut, summary="Report a hazard for a rider"
    )
    async def post_for_rider(rider: str, wish: ReportIn, request: Request, caller: Caller) -> Response:
        """`client_key` is the desk's own, photos are those that the desk has uploaded."""
        sight = sight_of(caller.id, caller.role, caller.subdistrict, caller.communities, caller.squad, caller.captain)
        context = context_of(request, caller.actor)
        opened = await take_for_rider(desk, people, wish, rider, sight, caller.scope, context)
        headers = {"Idempotency-Replayed": "true"} if opened.replayed else {}
        return JSONResponse(_out(desk, opened.report).model_dump(mode="json"), 201, headers)

    return routes


def _out(desk: Taking, report: Report) -> EnteredOut:
    said = sentence(report, category_names(report, desk.rules), grid_label(report.place))
    out = report_out(report, Status(report.incident))
    return EnteredOut(**out.model_dump(), sentence=SentenceOut(zh=said.zh, en=said.en))
