"""Statements of passbooks over HTTP, and places where a sub-district wants them."""

from collections.abc import Sequence

from fastapi import APIRouter, Response
from pydantic import BaseModel

from services.points.months import bounds
from services.points.papers import statement_paper, statement_rows
from services.points.presses import Month, PaperDesk, csv_file, pdf_file, prize_names, zone_of
from services.points.printing import csv_bytes
from shared.errors import Conflict, NotFound
from shared.web.auth import Caller, Principal


class PlaceOut(BaseModel):
    """One place of a squad's month: points, and whether it is the caller's; nobody else is named."""

    place: int
    points: int
    mine: bool


def router(desk: PaperDesk) -> APIRouter:
    """The routes; everything they need is handed in."""
    routes = APIRouter(prefix="/v1")

    @routes.get("/statements/{month}.pdf", summary="My statement of a month", response_class=Response)
    async def get_my_statement(month: Month, caller: Caller) -> Response:
        return pdf_file(await _statement(desk, caller.id, month, caller), f"statement-{month}")

    @routes.get("/statements/{month}.csv", summary="My statement, to verify the chain with", response_class=Response)
    async def get_my_lines(month: Month, caller: Caller) -> Response:
        found = await desk.views.statement(caller.scope, caller.id, month, *bounds(month, zone_of(desk, caller)))
        if found is None:
            raise NotFound("there is no such passbook for you")
        return csv_file(csv_bytes(statement_rows(found)), f"statement-{month}")

    @routes.get("/passbooks/{rider}/statements/{month}.pdf", summary="A rider's statement", response_class=Response)
    async def get_statement(rider: str, month: Month, caller: Caller) -> Response:
        return pdf_file(await _statement(desk, rider, month, caller), f"statement-{month}")

    @routes.get("/rankings/{month}", summary="Places of my squad in a month, where the sub-district wants that")
    async def get_ranking(month: Month, caller: Caller) -> list[PlaceOut]:
        if not desk.rankings:
            raise Conflict("there are no rankings here", code="rankings-off")
        found = await desk.views.of_squad(caller.scope, *bounds(month, zone_of(desk, caller)))
        points = sorted((one.points, one.key == caller.id) for one in found)
        return [_place(one, [other for other, _ in points]) for one in reversed(points)]

    return routes


async def _statement(desk: PaperDesk, rider: str, month: str, caller: Principal) -> bytes:
    zone = zone_of(desk, caller)
    found = await desk.views.statement(caller.scope, rider, month, *bounds(month, zone))
    if found is None:
        raise NotFound("there is no such passbook for you")
    return await desk.press.pdf(statement_paper(found, zone, prize_names(desk, caller), desk.clock()))


def _place(one: tuple[int, bool], points: Sequence[int]) -> PlaceOut:
    """Who has as many points has the same place."""
    return PlaceOut(place=1 + sum(other > one[0] for other in points), points=one[0], mine=one[1])
