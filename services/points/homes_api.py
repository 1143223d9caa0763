"""Homes over HTTP: what they offer and what they have for riders, what they can afford for their desks."""

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import APIRouter
from pydantic import BaseModel

from services.points.domain.budget import budget_id, period_of
from services.points.domain.shelf import Home, Prize, Words
from services.points.domain.stock import Stock, stock_id
from services.points.months import last_months
from services.points.prize_ports import PrizeViews, Shelf
from shared.clock import Clock
from shared.errors import NotFound
from shared.web.auth import Caller, Principal


class WordsOut(BaseModel):
    """A name."""

    zh: str
    en: str


class OfferOut(WordsOut):
    """One of the X: what this home offers beside the seven services."""

    code: str


class HomeOut(BaseModel):
    """A home of micro-grid officers (1+7+X). `mine`: of a community of the caller's. `lng`, `lat`: WGS-84 degrees."""

    home: str
    community: str
    mine: bool
    name: WordsOut
    lng: float
    lat: float
    hours: str
    haves: tuple[str, ...]
    basics: tuple[str, ...]
    missing: tuple[str, ...]
    individual: list[OfferOut]
    sponsors: list[WordsOut]


class PrizeOut(BaseModel):
    """A prize at a home: its price in points and how many can still be promised."""

    home: str
    prize: str
    name: WordsOut
    points: int
    picture: str | None
    limit_month: int | None
    left: int


class PrizeStockOut(PrizeOut):
    """What the desk sees of it. `low`: it should be supplied."""

    stocked: int
    reserved: int
    picked_up: int
    low: bool


class AccountOut(BaseModel):
    """What a home can afford, in points. `budget`: of the reference data and of staff's lines together. `liability`: what
    riders of the community could ask for: their balances, and what is held for pick-up at this home. `forecast`: points a
    month, from `awarded` in the last three whole months, the oldest first.
    """

    home: str
    period: str
    budget: int
    granted: int
    held: int
    spent: int
    left: int
    liability: int
    balances: int
    reserved: int
    awarded: tuple[int, int, int]
    forecast: int
    sponsors: list[WordsOut]


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


def home_out(home: Home, caller: Principal) -> HomeOut:
    return HomeOut(
        home=home.code,
        community=home.community,
        mine=home.community in caller.communities,
        name=words_out(home.name),
        lng=home.lng,
        lat=home.lat,
        hours=home.hours,
        haves=home.haves,
        basics=home.basics,
        missing=home.missing,
        individual=[OfferOut(code=code, zh=name.zh, en=name.en) for code, name in home.individual.items()],
        sponsors=[words_out(sponsor) for sponsor in home.sponsors],
    )


def prize_out(home: Home, prize: Prize, stocks: Mapping[str, Stock]) -> PrizeOut:
    stock = stock_or_opening(home, prize, stocks)
    return PrizeOut(
        home=home.code,
        prize=prize.code,
        name=words_out(prize.name),
        points=prize.points,
        picture=prize.picture,
        limit_month=prize.limit_month,
        left=stock.left,
    )


def stock_out(home: Home, prize: Prize, stocks: Mapping[str, Stock]) -> PrizeStockOut:
    stock = stock_or_opening(home, prize, stocks)
    return PrizeStockOut(
        **prize_out(home, prize, stocks).model_dump(),
        stocked=stock.stocked,
        reserved=stock.reserved,
        picked_up=stock.picked_up,
        low=stock.left <= prize.low,
    )


def stock_or_opening(home: Home, prize: Prize, stocks: Mapping[str, Stock]) -> Stock:
    """What nothing has happened to yet has what the reference data says."""
    id_ = stock_id(home.code, prize.code)
    opening = prize.stock.get(home.code, 0)
    return stocks.get(id_) or Stock(id_, home.subdistrict, home.community, home.code, prize.code, opening)


def words_out(words: Words) -> WordsOut:
    return WordsOut(zh=words.zh, en=words.en)
