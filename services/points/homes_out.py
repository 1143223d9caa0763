"""Homes and prizes as answers."""

from collections.abc import Mapping

from pydantic import BaseModel

from services.points.domain.shelf import Home, Prize, Words
from services.points.domain.stock import Stock, stock_id
from shared.web.auth import Principal


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
