"""The desk of a home over HTTP: what came, what was counted, what is low, and who pays for it."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from services.points.domain.budget import BudgetLine
from services.points.domain.shelf import Home
from services.points.domain.stock import ByStaff, Move, Movement, stock_id
from services.points.homes_api import desk_home
from services.points.homes_out import PrizeStockOut, stock_out
from services.points.prize_forms import BudgetLineIn, MovementIn
from services.points.prize_ports import PrizeViews, Shelf, Store
from services.points.stocking import Grant, Supply
from shared.errors import Invalid
from shared.mongo.lane import Lane
from shared.web.auth import Caller, Principal

Limit = Annotated[int, Query(ge=1, le=200)]
_LINES = uuid.UUID("b8b6b0ec-9a06-5f3c-8d0e-0d1e5c7c2f11")


class MovementOut(BaseModel):
    """One line of a stock's history. `stocked`, `reserved`, `picked_up` stood there afterwards."""

    movement: str
    home: str
    prize: str
    number: int
    kind: Move
    pieces: int
    stocked: int
    reserved: int
    picked_up: int
    actor: str
    at: datetime
    redemption: str | None
    note: str


class BudgetLineOut(BaseModel):
    """One line of a home's budget; below 0 takes away."""

    line: str
    home: str
    period: str
    number: int
    points: int
    sponsor: str
    reason: str
    actor: str
    at: datetime


@dataclass(frozen=True, slots=True)
class StockDesk:
    """What the routes of the desk work with."""

    lane: Lane
    store: Store
    shelf: Shelf
    views: PrizeViews


def router(desk: StockDesk) -> APIRouter:
    """The routes; everything they need is handed in."""
    routes = APIRouter(prefix="/v1")

    @routes.get("/homes/{home_id}/stock", summary="What a home has, holds and has handed out of each prize")
    async def get_stock(home_id: str, caller: Caller) -> list[PrizeStockOut]:
        return await _stocks(desk, [desk_home(desk.shelf, home_id, caller)], caller)

    @routes.get("/stock/low", summary="What should be supplied at the homes of my communities")
    async def get_low(caller: Caller) -> list[PrizeStockOut]:
        homes = [h for h in desk.shelf.homes(caller.subdistrict) if caller.scope.sees(h.subdistrict, h.community)]
        return [one for one in await _stocks(desk, homes, caller) if one.low]

    @routes.post("/homes/{home_id}/stock", status_code=201, summary="Pieces came, or were counted")
    async def post_movement(home_id: str, wish: MovementIn, caller: Caller) -> MovementOut:
        home = desk_home(desk.shelf, home_id, caller)
        prize, id_ = desk.shelf.prize(home.code, wish.prize), _id(caller, wish.client_key)
        kind: ByStaff = Move.COUNT if wish.kind == "count" else Move.DELIVERY
        command = Supply(desk.store, home, prize, id_, kind, wish.pieces, caller.actor, wish.note)
        _, line = await desk.lane.submit(command)
        return _movement_out(line)

    @routes.get("/homes/{home_id}/stock/{prize}/movements", summary="Why a home has so many of a prize")
    async def get_movements(
        home_id: str, prize: str, caller: Caller, after: Annotated[int, Query(ge=0)] = 0, limit: Limit = 50
    ) -> list[MovementOut]:
        home = desk_home(desk.shelf, home_id, caller)
        found = await desk.views.movements(caller.scope, stock_id(home.code, prize), after, limit)
        return [_movement_out(line) for line in found]

    @routes.post("/homes/{home_id}/budget", status_code=201, summary="Points more or fewer for a home's budget")
    async def post_budget_line(home_id: str, wish: BudgetLineIn, caller: Caller) -> BudgetLineOut:
        home = desk_home(desk.shelf, home_id, caller)
        if ("Q" in wish.period) != (home.budget_period == "quarter"):
            raise Invalid.field("period", f"this home's budget is counted by the {home.budget_period}")
        id_ = _id(caller, wish.client_key)
        command = Grant(desk.store, home, id_, wish.period, wish.points, wish.sponsor, wish.reason, caller.actor)
        return _line_out(await desk.lane.submit(command))

    @routes.get("/homes/{home_id}/budget", summary="The lines of a home's budget")
    async def get_budget_lines(
        home_id: str, caller: Caller, after: Annotated[str, Query(max_length=64)] = "", limit: Limit = 50
    ) -> list[BudgetLineOut]:
        home = desk_home(desk.shelf, home_id, caller)
        return [_line_out(line) for line in await desk.views.budget_lines(caller.scope, home.code, after, limit)]

    return routes


async def _stocks(desk: StockDesk, homes: list[Home], caller: Principal) -> list[PrizeStockOut]:
    stocks = await desk.views.stocks(caller.scope, [home.code for home in homes])
    return [stock_out(home, prize, stocks) for home in homes for prize in desk.shelf.prizes(home.code)]


def _id(caller: Principal, client_key: str) -> str:
    """The same pair is the same line for ever."""
    return str(uuid.uuid5(_LINES, f"{caller.id}\n{client_key}"))


def _movement_out(line: Movement) -> MovementOut:
    fields = {name: getattr(line, name) for name in MovementOut.model_fields if name != "movement"}
    return MovementOut(movement=line.id, **fields)


def _line_out(line: BudgetLine) -> BudgetLineOut:
    return BudgetLineOut(line=line.id, **{n: getattr(line, n) for n in BudgetLineOut.model_fields if n != "line"})
