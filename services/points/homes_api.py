"""Homes over HTTP: what they offer and what they have for riders, what they can afford for their desks."""

from dataclasses import dataclass

from fastapi import APIRouter

from services.points.domain.budget import budget_id, period_of
from services.points.domain.shelf import Home
from services.points.homes_out import AccountOut, HomeOut, PrizeOut, home_out, prize_out, words_out
from services.points.months import last_months
from services.points.prize_ports import PrizeViews, Shelf
from shared.clock import Clock
from shared.errors import NotFound
from shared.web.auth import Caller, Principal


@dataclass(frozen=True, slots=True)
class Hall:
    """What the routes of homes work with."""

    shelf: Shelf
    views: PrizeViews
    clock: Clock


def router(hall: Hall) -> APIRouter:
    """The routes; everything they need is handed in."""
    routes = APIRouter(prefix="/v1")

    @routes.get("/homes", summary="The homes of my sub-district, those of my communities first")
    async def get_homes(caller: Caller) -> list[HomeOut]:
        homes = [home_out(home, caller) for home in hall.shelf.homes(caller.subdistrict)]
        return sorted(homes, key=lambda home: (not home.mine, home.home))

    @routes.get("/homes/{home_id}", summary="One home")
    async def get_home(home_id: str, caller: Caller) -> HomeOut:
        return home_out(hall.shelf.home(caller.subdistrict, home_id), caller)

    @routes.get("/homes/{home_id}/prizes", summary="What points can be redeemed for at a home, the cheapest first")
    async def get_prizes(home_id: str, caller: Caller) -> list[PrizeOut]:
        home = hall.shelf.home(caller.subdistrict, home_id)
        stocks = await hall.views.stocks(caller.scope, [home.code])
        return [prize_out(home, prize, stocks) for prize in hall.shelf.prizes(home.code)]

    @routes.get("/homes/{home_id}/account", summary="What a home can afford, and what it may be asked for")
    async def get_account(home_id: str, caller: Caller) -> AccountOut:
        return await _account(hall, desk_home(hall.shelf, home_id, caller), caller)

    return routes


def desk_home(shelf: Shelf, code: str, caller: Principal) -> Home:
    """A home of the desk's own communities. Raises `NotFound`."""
    home = shelf.home(caller.subdistrict, code)
    if not caller.scope.sees(home.subdistrict, home.community):
        raise NotFound("there is no such home for you")
    return home


async def _account(hall: Hall, home: Home, caller: Principal) -> AccountOut:
    now, zone = hall.clock(), hall.shelf.zone(home.subdistrict)
    period = period_of(now, zone, home.budget_period)
    budget = await hall.views.budget(caller.scope, budget_id(home.code, period))
    liability = await hall.views.liability(caller.scope, home, last_months(now, zone, 3))
    granted, held, spent = (budget.granted, budget.held, budget.spent) if budget else (0, 0, 0)
    total = home.budget + granted
    return AccountOut(
        home=home.code,
        period=period,
        budget=total,
        granted=granted,
        held=held,
        spent=spent,
        left=total - held - spent,
        liability=liability.open,
        balances=liability.balances,
        reserved=liability.reserved,
        awarded=liability.awarded,
        forecast=liability.forecast,
        sponsors=[words_out(sponsor) for sponsor in home.sponsors],
    )
