"""What staff write about a home: pieces that came or were counted, and lines of its budget. Appended, never changed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from services.points.domain.budget import Budget, BudgetLine, budget_id, grant
from services.points.domain.shelf import Home, Prize
from services.points.domain.stock import ByStaff, Move, Movement, Moving, Stock, counted, move, stock_id
from services.points.prize_ports import Store
from shared.errors import Refused
from shared.mongo.work import Ref, Work

SYSTEM = "system:points"


class KeyReused(Refused):
    """The client key is taken by something with another content."""

    code = "client-key-reused"


@dataclass(frozen=True, slots=True)
class Supply:
    """`pieces` came, or so many were counted. The same wish again is answered with the line that was written.

    Raises `Invalid`, `KeyReused`, or `OutOfStock` for a delivery taken back that is gone already.
    """

    store: Store
    home: Home
    prize: Prize
    id: str
    kind: ByStaff
    pieces: int
    actor: str
    note: str

    def reads(self) -> Iterable[Ref]:
        yield self.store.movements.ref(self._key())
        yield from stock_refs(self.store, self.home, self.prize)

    def decide(self, work: Work) -> tuple[Stock, Movement]:
        stock = stock_of(work, self.store, self.home, self.prize)
        written = self.store.movements.get(work, self._key())
        if written is not None:
            if (written.stock, written.note) != (stock.id, self.note) or not self._same(written):
                raise KeyReused("client_key: was used before for another movement")
            return stock, written
        pieces = counted(stock, self.pieces) if self.kind is Move.COUNT else self.pieces
        moving = Moving(self._key(), self.kind, pieces, self.actor, note=self.note)
        return put_move(work, self.store, stock, moving, work.now)

    def _key(self) -> str:
        return f"{self.kind}:{self.id}"

    def _same(self, written: Movement) -> bool:
        found = written.stocked - written.picked_up if self.kind is Move.COUNT else written.pieces
        return found == self.pieces


@dataclass(frozen=True, slots=True)
class Grant:
    """`points` more, or fewer, for a period. The same wish again is answered with the line that was written.

    Raises `Invalid` or `KeyReused`.
    """

    store: Store
    home: Home
    id: str
    period: str
    points: int
    sponsor: str
    reason: str
    actor: str

    def reads(self) -> Iterable[Ref]:
        yield self.store.budget_lines.ref(self.id)
        yield self.store.budgets.ref(budget_id(self.home.code, self.period))

    def decide(self, work: Work) -> BudgetLine:
        written, said = self.store.budget_lines.get(work, self.id), (self.home.code, self.period, self.points)
        if written is not None:
            if (written.home, written.period, written.points) != said or written.reason != self.reason:
                raise KeyReused("client_key: was used before for another line")
            return written
        before = budget_of(work, self.store, self.home, self.period)
        after = grant(before, self.home.budget, self.points)
        line = BudgetLine(
            id=self.id,
            subdistrict=self.home.subdistrict,
            community=self.home.community,
            home=self.home.code,
            period=self.period,
            number=after.lines,
            points=self.points,
            sponsor=self.sponsor,
            reason=self.reason,
            actor=self.actor,
            at=work.now,
        )
        self.store.budgets.put(work, after)
        self.store.budget_lines.put(work, line)
        return line


def stock_refs(store: Store, home: Home, prize: Prize) -> Iterable[Ref]:
    """What `stock_of` may look at and write."""
    id_ = stock_id(home.code, prize.code)
    return [store.stocks.ref(id_), store.movements.ref(_opening(id_))]


def stock_of(work: Work, store: Store, home: Home, prize: Prize) -> Stock:
    """The stock, which begins with what the reference data says when it is first touched."""
    id_ = stock_id(home.code, prize.code)
    stock = store.stocks.get(work, id_)
    if stock is not None:
        return stock
    empty = Stock(id_, home.subdistrict, home.community, home.code, prize.code)
    opening = Moving(_opening(id_), Move.OPENING, prize.stock.get(home.code, 0), SYSTEM)
    opened, line = move(empty, opening, work.now)
    store.movements.put(work, line)
    return opened


def put_move(work: Work, store: Store, stock: Stock, moving: Moving, at: datetime) -> tuple[Stock, Movement]:
    """Write a movement and the stock after it."""
    after, line = move(stock, moving, at)
    store.stocks.put(work, after)
    store.movements.put(work, line)
    return after, line


def budget_of(work: Work, store: Store, home: Home, period: str) -> Budget:
    """The budget of a period, which begins with nothing used."""
    id_ = budget_id(home.code, period)
    return store.budgets.get(work, id_) or Budget(id_, home.subdistrict, home.community, home.code, period)


def _opening(stock: str) -> str:
    return f"opening:{stock}"
