"""Redemptions as commands: reserved once per client key, then handed out, cancelled or expired exactly once.

One transaction each over redemption, stock, budget, limit, passbook and the lines that tell of them.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from services.points.booking import Ledger, book, book_refs
from services.points.domain import budget as money
from services.points.domain import pickup, taking
from services.points.domain.budget import budget_id, period_of
from services.points.domain.entry import Kind
from services.points.domain.redemption import HELD, Line, Redemption, State
from services.points.domain.shelf import Home, Prize
from services.points.domain.stock import Move, Moving
from services.points.domain.taking import Code, Taken, taken_id
from services.points.prize_ports import Shelf, Store
from services.points.stocking import KeyReused, budget_of, put_move, stock_of, stock_refs
from shared.context import Context
from shared.errors import Invalid
from shared.mongo.work import Ref, Work
from shared.scope import Scope

_REDEMPTIONS = uuid.UUID("5b0c6f3e-2c0f-5a53-9d0a-3f1f4f0d6a77")


def redemption_id(rider: str, client_key: str) -> str:
    """The same pair is the same redemption for ever."""
    return str(uuid.uuid5(_REDEMPTIONS, f"{rider}\n{client_key}"))


@dataclass(frozen=True, slots=True)
class Reserve:
    """Hold points and a piece for 72 hours. The same wish again is answered with what it was answered before.

    `asked_at` says in which month and period it counts; `secret` is random. Raises `KeyReused`, `OutOfStock`,
    `HomeBudgetExhausted`, `MonthlyLimit`, or what the ledger says of too few points.
    """

    store: Store
    ledger: Ledger
    shelf: Shelf
    home: Home
    prize: Prize
    id: str
    fingerprint: str
    secret: str
    asked_at: datetime
    scope: Scope
    context: Context

    def reads(self) -> Iterable[Ref]:
        yield self.store.redemptions.ref(self.id)
        yield from stock_refs(self.store, self.home, self.prize)
        yield from own_refs(self.store, self.ledger, self.id)
        yield self.store.budgets.ref(budget_id(self.home.code, self._period()))
        yield self.store.taken.ref(taken_id(self.scope.id, self._month()))
        yield from (self.store.codes.ref(pickup.code_id(self.home.code, code)) for code in self._codes())
        yield self.ledger.books.passbooks.ref(self.scope.id)

    def decide(self, work: Work) -> Redemption:
        known = self.store.redemptions.get(work, self.id)
        if known is not None:
            if known.fingerprint != self.fingerprint:
                raise KeyReused("client_key: was used before for another redemption")
            return known
        made = self._made(work)
        self._hold(work, made)
        book(work, self.ledger, made, Kind.RESERVE, self.scope.actor, self.context)
        self.store.redemptions.put(work, made)
        return made

    def _hold(self, work: Work, made: Redemption) -> None:
        """A piece, a part of the budget, and one of those he may have this month."""
        stock = stock_of(work, self.store, self.home, self.prize)
        moving = Moving(move_key(Move.RESERVE, made.id), Move.RESERVE, 1, made.lines[0].actor, made.id)
        put_move(work, self.store, stock, moving, work.now)
        budget = budget_of(work, self.store, self.home, made.period)
        self.store.budgets.put(work, money.hold(budget, self.home.budget, made.points))
        taken_by = taken_id(made.rider, made.month)
        taken = self.store.taken.get(work, taken_by) or Taken(taken_by, made.rider, made.reserved_at, {})
        self.store.taken.put(work, taking.take(taken, made.prize, self.prize.limit_month))
        assert made.code is not None  # it was just made
        self.store.codes.put(work, Code(pickup.code_id(made.home, made.code), made.id))

    def _made(self, work: Work) -> Redemption:
        free = [c for c in self._codes() if self.store.codes.get(work, pickup.code_id(self.home.code, c)) is None]
        if not free:
            raise Invalid.field("client_key", "choose another one")  # four codes of 10**8 in use at one home
        return Redemption(
            id=self.id,
            subdistrict=self.home.subdistrict,
            community=self.home.community,
            rider=self.scope.id,
            home=self.home.code,
            prize=self.prize.code,
            points=self.prize.points,
            fingerprint=self.fingerprint,
            period=self._period(),
            month=self._month(),
            reference_version=self.shelf.version,
            state=State.RESERVED,
            reserved_at=work.now,
            expires_at=work.now + HELD,
            wake_at=work.now + HELD,
            secret=self.secret,
            code=free[0],
            lines=(Line(State.RESERVED, work.now, self.scope.actor),),
        )

    def _period(self) -> str:
        return period_of(self.asked_at, self.shelf.zone(self.home.subdistrict), self.home.budget_period)

    def _month(self) -> str:
        return period_of(self.asked_at, self.shelf.zone(self.home.subdistrict), "month")

    def _codes(self) -> tuple[str, ...]:
        return pickup.codes(self.id, self.secret)


def own_refs(store: Store, ledger: Ledger, id_: str) -> Iterable[Ref]:
    """All lines that a redemption may ever write: their keys follow from its id, so a command that comes in the batch of
    the one before it has named them, too."""
    yield from (store.movements.ref(move_key(kind, id_)) for kind in (Move.RESERVE, Move.PICK_UP, Move.RETURN))
    yield from book_refs(ledger, id_)


def move_key(kind: Move, redemption: str) -> str:
    """The natural key of a movement for a redemption."""
    return f"{kind}:{redemption}"
