"""A prize at a home: what was ever brought there, what is held for somebody, what was handed out. Pieces, never below zero."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Literal

from shared.errors import Conflict, Invalid

MOST = 100_000
"""Pieces of one prize at one home; more is a slip of the finger."""


class Move(StrEnum):
    """Why the numbers change."""

    OPENING = "opening"
    DELIVERY = "delivery"
    COUNT = "count"
    RESERVE = "reserve"
    PICK_UP = "pick_up"
    RETURN = "return"


ByStaff = Literal[Move.DELIVERY, Move.COUNT]


class OutOfStock(Conflict):
    """The home has none left that is not held for somebody."""

    code = "out-of-stock"


@dataclass(frozen=True, slots=True)
class Stock:
    """One prize at one home; `id` is `stock_id`. `stocked`: all that was ever there, with what countings found more or
    less. `moves`: the number of its last movement."""

    id: str
    subdistrict: str
    community: str
    home: str
    prize: str
    stocked: int = 0
    reserved: int = 0
    picked_up: int = 0
    moves: int = 0

    @property
    def left(self) -> int:
        """Pieces that can be promised to somebody."""
        return self.stocked - self.reserved - self.picked_up

    @property
    def there(self) -> int:
        """Pieces that a counting should find: what is left and what is held."""
        return self.stocked - self.picked_up


@dataclass(frozen=True, slots=True)
class Movement:
    """One line of a stock's history, never changed. `pieces` is what it adds to what is there, or holds, hands out or gives
    back, by its kind; the three numbers stood there afterwards. `redemption` for whom, `note` staff's words.
    """

    id: str
    stock: str
    subdistrict: str
    community: str
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
    redemption: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Moving:
    """What is to be written: see `Movement`. `key` is its natural key, for ever."""

    key: str
    kind: Move
    pieces: int
    actor: str
    redemption: str | None = None
    note: str = ""


def stock_id(home: str, prize: str) -> str:
    """One document a home and prize."""
    return f"{home}|{prize}"


def move(stock: Stock, moving: Moving, at: datetime) -> tuple[Stock, Movement]:
    """The stock after it, and the line to write. Raises `OutOfStock`, or `Invalid` for pieces that cannot be."""
    after = _moved(stock, moving)
    line = Movement(
        id=moving.key,
        stock=stock.id,
        subdistrict=stock.subdistrict,
        community=stock.community,
        home=stock.home,
        prize=stock.prize,
        number=after.moves,
        kind=moving.kind,
        pieces=moving.pieces,
        stocked=after.stocked,
        reserved=after.reserved,
        picked_up=after.picked_up,
        actor=moving.actor,
        at=at,
        redemption=moving.redemption,
        note=moving.note,
    )
    return after, line


def counted(stock: Stock, found: int) -> int:
    """What a counting that found `found` pieces adds (or takes). Raises `Invalid` if more is held for somebody."""
    if found < stock.reserved:
        raise Invalid.field("pieces", f"{stock.reserved} are held for riders; cancel those first, or count again")
    return found - stock.there


def _moved(stock: Stock, moving: Moving) -> Stock:
    pieces, stock = moving.pieces, replace(stock, moves=stock.moves + 1)
    match moving.kind:
        case Move.OPENING | Move.DELIVERY | Move.COUNT:
            after = replace(stock, stocked=stock.stocked + pieces)
        case Move.RESERVE:
            after = replace(stock, reserved=stock.reserved + pieces)
        case Move.PICK_UP:
            after = replace(stock, reserved=stock.reserved - pieces, picked_up=stock.picked_up + pieces)
        case Move.RETURN:
            after = replace(stock, reserved=stock.reserved - pieces)
    if after.left < 0:
        raise OutOfStock("prize: none of it is left at this home")
    if after.reserved < 0 or after.stocked > MOST:
        raise Invalid.field("pieces", f"the stock would be {after.there}, with {after.reserved} held")
    return after
