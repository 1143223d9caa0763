"""How a redemption ends, as commands: handed out, cancelled or expired, once; each settles everything that was held."""

from collections.abc import Iterable
from dataclasses import dataclass

from services.points.booking import Ledger, book
from services.points.domain import budget as money
from services.points.domain import pickup, taking
from services.points.domain.budget import budget_id
from services.points.domain.entry import Kind
from services.points.domain.redemption import Do, Redemption, State, step
from services.points.domain.stock import Move, Moving, stock_id
from services.points.domain.taking import Guesses, taken_id
from services.points.prize_ports import Store
from services.points.redeeming import move_key, own_refs
from services.points.stocking import SYSTEM, put_move
from shared.context import Context
from shared.errors import Forbidden, Invalid, NotFound
from shared.mongo.work import Ref, Work
from shared.scope import Scope

_MOVES = {Do.PICK_UP: Move.PICK_UP, Do.CANCEL: Move.RETURN, Do.EXPIRE: Move.RETURN}
_LINES = {Do.PICK_UP: Kind.PICK_UP, Do.CANCEL: Kind.CANCEL, Do.EXPIRE: Kind.EXPIRE}


@dataclass(frozen=True, slots=True)
class End:
    """The part that pick-up, cancelling and expiry share: what may be touched, and what is written."""

    store: Store
    ledger: Ledger
    id: str
    context: Context

    def reads(self) -> Iterable[Ref]:
        yield self.store.redemptions.ref(self.id)
        yield from own_refs(self.store, self.ledger, self.id)

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
        moving = Moving(move_key(_MOVES[do], before.id), _MOVES[do], 1, actor, before.id)
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
