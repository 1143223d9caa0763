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
from services.points.domain.redemption import HELD, Do, Line, Redemption, State, step
from services.points.domain.shelf import Home, Prize
from services.points.domain.stock import Move, Moving, stock_id
from services.points.domain.taking import Code, Guesses, Taken, taken_id
from services.points.prize_ports import Shelf, Store
from services.points.stocking import SYSTEM, KeyReused, budget_of, put_move, stock_of, stock_refs
from shared.context import Context
from shared.errors import Forbidden, Invalid, NotFound
from shared.mongo.work import Ref, Work
from shared.scope import Scope

_REDEMPTIONS = uuid.UUID("5b0c6f3e-2c0f-5a53-9d0a-3f1f4f0d6a77")

_MOVES = {Do.PICK_UP: Move.PICK_UP, Do.CANCEL: Move.RETURN, Do.EXPIRE: Move.RETURN}
_LINES = {Do.PICK_UP: Kind.PICK_UP, Do.CANCEL: Kind.CANCEL, Do.EXPIRE: Kind.EXPIRE}


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
        yield from _own_refs(self.store, self.ledger, self.id)
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
        moving = Moving(_move_key(Move.RESERVE, made.id), Move.RESERVE, 1, made.lines[0].actor, made.id)
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


@dataclass(frozen=True, slots=True)
class End:
    """The part that pick-up, cancelling and expiry share: what may be touched, and what is written."""

    store: Store
    ledger: Ledger
    id: str
    context: Context

    def reads(self) -> Iterable[Ref]:
        yield self.store.redemptions.ref(self.id)
        yield from _own_refs(self.store, self.ledger, self.id)

    def more_reads(self, work: Work) -> Iterable[Ref]:
        known = self.store.redemptions.get(work, self.id)
        if known is None:
            return
        yield self.store.stocks.ref(stock_id(known.home, known.prize))
        yield self.store.budgets.ref(budget_id(known.home, known.period))
        yield self.store.taken.ref(taken_id(known.rider, known.month))
        yield self.ledger.books.passbooks.ref(known.rider)
        if known.code is not None:
            yield self.store.codes.ref(pickup.code_id(known.home, known.code))

    def end(self, work: Work, before: Redemption, do: Do, actor: str, reason: str) -> Redemption:
        """Raises `NotOpen`."""
        after = step(before, do, work.now, actor, reason)
        stock = self.store.stocks.get(work, stock_id(before.home, before.prize))
        budget = self.store.budgets.get(work, budget_id(before.home, before.period))
        assert stock is not None  # both were written when it was reserved
        assert budget is not None
        moving = Moving(_move_key(_MOVES[do], before.id), _MOVES[do], 1, actor, before.id)
        put_move(work, self.store, stock, moving, work.now)
        settle = money.spend if do is Do.PICK_UP else money.release
        self.store.budgets.put(work, settle(budget, before.points))
        taken = self.store.taken.get(work, taken_id(before.rider, before.month))
        if do is not Do.PICK_UP and taken is not None:
            self.store.taken.put(work, taking.give_back(taken, before.prize))
        if before.code is not None:
            work.delete(*self.store.codes.ref(pickup.code_id(before.home, before.code)))
        book(work, self.ledger, after, _LINES[do], actor, self.context)
        self.store.redemptions.put(work, after)
        return after


@dataclass(frozen=True, slots=True)
class PickUp:
    """Hand it out, shown a token or the code of this redemption at `home` (None: whichever home it is of).

    Raises `NotFound`, `NotOpen`, `Forbidden`, or `Invalid` for what proves nothing.
    """

    ending: End
    proof: pickup.Shown | str
    home: str | None
    scope: Scope

    def reads(self) -> Iterable[Ref]:
        yield from self.ending.reads()
        if self.home is not None:
            yield self.ending.store.guesses.ref(self.home)

    def more_reads(self, work: Work) -> Iterable[Ref]:
        return self.ending.more_reads(work)

    def decide(self, work: Work) -> Redemption:
        before = self.ending.store.redemptions.get(work, self.ending.id)
        if before is None or not self.scope.sees(before.subdistrict, before.community):
            raise NotFound("there is no such redemption at a home of yours")
        if before.state is State.RESERVED:  # else the table says why not; there is nothing left to prove
            self._check(work, before)
        return self.ending.end(work, before, Do.PICK_UP, self.scope.actor, "")

    def _check(self, work: Work, before: Redemption) -> None:
        if before.rider == self.scope.id:
            raise Forbidden("nobody hands out to himself; ask a colleague", code="own")
        if self.home not in (None, before.home):
            raise Invalid.field("home", f"it waits at {before.home}")
        assert before.secret is not None  # it is open
        if isinstance(self.proof, pickup.Shown):
            pickup.check_token(self.proof, before.secret, work.now)
            return
        if self.home is not None:
            taking.recent(self.ending.store.guesses.get(work, self.home) or Guesses(self.home), work.now)
        if self.proof != before.code:
            raise NotFound("code: there is no such code at this home")


@dataclass(frozen=True, slots=True)
class Cancel:
    """The rider does not want it any more, or staff give it back for him, with a reason. Raises `NotFound`, `NotOpen`."""

    ending: End
    reason: str
    scope: Scope

    def reads(self) -> Iterable[Ref]:
        return self.ending.reads()

    def more_reads(self, work: Work) -> Iterable[Ref]:
        return self.ending.more_reads(work)

    def decide(self, work: Work) -> Redemption:
        before = self.ending.store.redemptions.get(work, self.ending.id)
        if before is None or not (
            before.rider == self.scope.id or self.scope.sees(before.subdistrict, before.community)
        ):
            raise NotFound("there is no such redemption for you")
        return self.ending.end(work, before, Do.CANCEL, self.scope.actor, self.reason)


@dataclass(frozen=True, slots=True)
class Expire:
    """What the timer submits: nothing happens unless 72 hours are over."""

    ending: End

    def reads(self) -> Iterable[Ref]:
        return self.ending.reads()

    def more_reads(self, work: Work) -> Iterable[Ref]:
        return self.ending.more_reads(work)

    def decide(self, work: Work) -> None:
        before = self.ending.store.redemptions.get(work, self.ending.id)
        if before is not None and before.state is State.RESERVED and before.expires_at <= work.now:
            self.ending.end(work, before, Do.EXPIRE, SYSTEM, "")


@dataclass(frozen=True, slots=True)
class WrongCode:
    """Somebody typed a code that no redemption of the home has: counted, so that nobody can try them all.

    Raises `TooManyGuesses`.
    """

    store: Store
    home: str

    def reads(self) -> Iterable[Ref]:
        return [self.store.guesses.ref(self.home)]

    def decide(self, work: Work) -> None:
        before = self.store.guesses.get(work, self.home) or Guesses(self.home)
        self.store.guesses.put(work, taking.wrong(before, work.now))


def _own_refs(store: Store, ledger: Ledger, id_: str) -> Iterable[Ref]:
    """All lines that a redemption may ever write: their keys follow from its id, so a command that comes in the batch of
    the one before it has named them, too."""
    yield from (store.movements.ref(_move_key(kind, id_)) for kind in (Move.RESERVE, Move.PICK_UP, Move.RETURN))
    yield from book_refs(ledger, id_)


def _move_key(kind: Move, redemption: str) -> str:
    return f"{kind}:{redemption}"
