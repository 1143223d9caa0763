"""Statements of homes, the monthly report, certificates and notices over HTTP: what offices print."""

from datetime import date, datetime, time, timedelta

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from services.points.domain.paper import Paper
from services.points.domain.statement import HomeMonth, StockMonth
from services.points.forms import Line
from services.points.homes_api import desk_home
from services.points.months import bounds, quarter_bounds
from services.points.papers import certificate_paper, home_paper, notice_paper, report_paper
from services.points.presses import (
    Month,
    PaperDesk,
    Quarter,
    csv_file,
    office_of,
    pdf_file,
    prize_names,
    zone_of,
)
from services.points.printing import as_csv
from shared.contracts.scalars import Id
from shared.errors import Invalid, NotFound
from shared.web.auth import Caller, Principal


class CertificateIn(BaseModel):
    """The rider's name as it is to stand there; it is printed and not kept. Days of the sub-district, both included."""

    model_config = ConfigDict(extra="forbid")

    name: Line
    since: date = Field(ge=date(2000, 1, 1))
    until: date = Field(le=date(2200, 12, 31))


class NoticeIn(BaseModel):
    """Names by rider, which are printed masked and not kept; who has none is called 骑手."""

    model_config = ConfigDict(extra="forbid")

    names: dict[Id, Line] = Field(default={}, max_length=1_000)


def router(desk: PaperDesk) -> APIRouter:
    """The routes; everything they need is handed in."""
    routes = APIRouter(prefix="/v1")

    @routes.post("/passbooks/{rider}/certificate.pdf", summary="What a rider has done", response_class=Response)
    async def post_certificate(rider: str, wish: CertificateIn, caller: Caller) -> Response:
        return pdf_file(await _certificate(desk, rider, wish, caller), "certificate")

    @routes.get("/homes/{home_id}/statements/{month}.pdf", summary="A home's statement", response_class=Response)
    async def get_home_statement(home_id: str, month: Month, caller: Caller) -> Response:
        paper = await _home(desk, home_id, month, caller)
        return pdf_file(await desk.press.pdf(paper), f"home-{month}")

    @routes.get("/homes/{home_id}/statements/{month}.csv", summary="The same as a table", response_class=Response)
    async def get_home_table(home_id: str, month: Month, caller: Caller) -> Response:
        return csv_file(as_csv(await _home(desk, home_id, month, caller)), f"home-{month}")

    @routes.get("/reports/{month}.pdf", summary="The sub-district's month, sums only", response_class=Response)
    async def get_report(month: Month, caller: Caller) -> Response:
        return pdf_file(await desk.press.pdf(await _report(desk, month, caller)), f"report-{month}")

    @routes.get("/reports/{month}.csv", summary="The same as a table", response_class=Response)
    async def get_report_table(month: Month, caller: Caller) -> Response:
        return csv_file(as_csv(await _report(desk, month, caller)), f"report-{month}")

    @routes.post("/notices/{quarter}.pdf", summary="A quarter to be put up, names masked", response_class=Response)
    async def post_notice(quarter: Quarter, wish: NoticeIn, caller: Caller) -> Response:
        zone = zone_of(desk, caller)
        found = await desk.views.by_rider(caller.scope, *quarter_bounds(quarter, zone))
        paper = notice_paper(office_of(desk, caller), quarter, found, wish.names, zone, desk.clock())
        return pdf_file(await desk.press.pdf(paper), f"notice-{quarter}")

    return routes


async def _certificate(desk: PaperDesk, rider: str, wish: CertificateIn, caller: Principal) -> bytes:
    zone = zone_of(desk, caller)
    if wish.until < wish.since:
        raise Invalid.field("until", "is before since")
    since = datetime.combine(wish.since, time(), zone)
    until = datetime.combine(wish.until + timedelta(days=1), time(), zone)
    earned = await desk.views.by_activity(caller.scope, rider, since, until)
    if earned is None:
        raise NotFound("there is no such passbook for you")
    period = (wish.since.isoformat(), wish.until.isoformat())
    paper = certificate_paper(wish.name, office_of(desk, caller), earned, period, zone, desk.clock())
    return await desk.press.pdf(paper)


async def _home(desk: PaperDesk, code: str, month: str, caller: Principal) -> Paper:
    home, zone = desk_home(desk.shelf, code, caller), zone_of(desk, caller)
    found = await desk.views.home_month(caller.scope, home, month, *bounds(month, zone))
    moved = {stock.prize for stock in found.stocks}
    idle = [
        StockMonth(prize.code, prize.stock[home.code], 0, 0, 0, prize.stock[home.code])
        for prize in desk.shelf.prizes(home.code)
        if prize.code not in moved
    ]
    whole = HomeMonth(found.home, month, [*found.stocks, *idle], found.handed_out)
    return home_paper(whole, home.name, prize_names(desk, caller), zone, desk.clock())


async def _report(desk: PaperDesk, month: str, caller: Principal) -> Paper:
    zone = zone_of(desk, caller)
    found = await desk.views.report(caller.scope, month, *bounds(month, zone))
    homes = {home.code: home.name for home in desk.shelf.homes(caller.subdistrict)}
    return report_paper(found, office_of(desk, caller), homes, zone, desk.clock())
