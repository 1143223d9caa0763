"""The ledger: append-only, double entry, one hash chain per passbook. Integers only; nothing is ever updated.

Two layers, as in two-phase transfers: a pending entry promises points, and either a post pays (perhaps another amount)
and ends the promise, or a void ends it. A third holds what is owed: a reversal takes back an award in full, and lends what
was spent already, so that no balance is below zero; what comes in later pays that back first. Every entry takes from one
account what it gives to the other, in each layer.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from services.points.domain.digesting import digest, holds
from services.points.domain.entry import (
    Entry,
    Grounds,
    Kind,
    Passbook,
    Step,
    issuing_account,
    redeemed_account,
    reserved_account,
)
from services.points.domain.keys import key_of
from shared.errors import Conflict

FORMAT = 2
"""Of new entries; see `digesting`."""

PROMISES = (Kind.PENDING, Kind.VOID)
"""What moves promised points; everything else moves points that count."""


class Insufficient(Conflict):
    """More points are asked for than the passbook has."""

    code = "insufficient-points"


@dataclass(frozen=True, slots=True)
class Sums:
    """What an account has: points that count, and points promised; and what it owes."""

    posted: int = 0
    pending: int = 0
    owed: int = 0


@dataclass(frozen=True, slots=True)
class Broken:
    """The first entry at which a chain does not hold, and what is wrong there."""

    entry: str
    reason: str


def append(book: Passbook, step: Step, grounds: Grounds, at: datetime) -> tuple[Passbook, Entry]:
    """Write `step` as the passbook's next entry; `at` is server time. Raises `Insufficient`."""
    if step.kind in (Kind.RESERVE, Kind.EXPIRY) and step.points > book.balance:
        raise Insufficient(f"points: {step.points} are needed, {book.balance} are there")
    debit, credit = _legs(book, step, grounds)
    entry = Entry(
        id=key_of(step, grounds),
        subdistrict=grounds.subdistrict,
        account=book.account,
        number=book.entries + 1,
        kind=step.kind,
        debit=debit,
        credit=credit,
        amount=step.points,
        releases=step.releases,
        activity=grounds.activity,
        rule=step.rule,
        rule_version=grounds.rule_version,
        reference_version=grounds.reference_version,
        reason=step.reason,
        incident=grounds.incident,
        report=step.report,
        event=grounds.event,
        actor=grounds.actor,
        captured_at=step.captured_at,
        at=at,
        balance=book.balance,
        pending=book.pending,
        previous=book.digest,
        digest="",
        about=grounds.about,
        of_number=step.of_number,
        owes=_owes(book, step),
        format=FORMAT,
    )
    own = effect(entry)
    entry = replace(entry, balance=book.balance + own.posted, pending=book.pending + own.pending)
    entry = replace(entry, digest=digest(entry))
    after = replace(book, balance=entry.balance, pending=entry.pending, owed=book.owed + own.owed)
    return replace(after, entries=entry.number, digest=entry.digest), entry


def _legs(book: Passbook, step: Step, grounds: Grounds) -> tuple[str, str]:
    """From where to where the points go."""
    issued, reserved = issuing_account(grounds.subdistrict), reserved_account(grounds.subdistrict)
    match step.kind:
        case Kind.PENDING | Kind.POST:
            return issued, book.account
        case Kind.VOID | Kind.REVERSAL | Kind.EXPIRY:
            return book.account, issued
        case Kind.RESERVE:
            return book.account, reserved
        case Kind.PICK_UP:
            return reserved, redeemed_account(step.home)
        case Kind.CANCEL | Kind.EXPIRE:
            return reserved, book.account


def _owes(book: Passbook, step: Step) -> int:
    """What a reversal must lend, or (below zero) what of the points that come in pays back."""
    if step.kind is Kind.REVERSAL:
        return max(0, step.points - book.balance)
    comes_in = step.kind in (Kind.POST, Kind.CANCEL, Kind.EXPIRE)
    return -min(book.owed, step.points) if comes_in else 0


def effect(entry: Entry) -> Sums:
    """What one entry adds to its own passbook."""
    return fold([entry]).get(entry.account, Sums())


def fold(entries: Iterable[Entry]) -> dict[str, Sums]:
    """What every account has after these entries, in whatever order they come."""
    posted: dict[str, int] = defaultdict(int)
    pending: dict[str, int] = defaultdict(int)
    owed: dict[str, int] = defaultdict(int)
    for entry in entries:
        layer = pending if entry.kind in PROMISES else posted
        layer[entry.debit] -= entry.amount
        layer[entry.credit] += entry.amount
        pending[entry.debit] += entry.releases
        pending[entry.credit] -= entry.releases
        for lent in (posted, owed):
            lent[entry.account] += entry.owes
            lent[issuing_account(entry.subdistrict)] -= entry.owes
    accounts = {*posted, *pending}
    return {account: Sums(posted[account], pending[account], owed[account]) for account in accounts}


def total(accounts: Iterable[Sums]) -> Sums:
    """The sum over all accounts: `Sums()` at all times."""
    result = Sums()
    for sums in accounts:
        result = _plus(result, sums)
    return result


def verify_chain(entries: Iterable[Entry], head: str) -> Broken | None:
    """Check one passbook's entries in order of number against its last digest `head`; None if all is well.

    Names the first entry that was changed, or that follows a missing one; a missing end is told at the last entry.
    """
    number, previous, name = 0, "", ""
    sums = Sums()
    for entry in entries:
        number, name = number + 1, entry.id
        sums = _plus(sums, effect(entry))
        if entry.number != number or entry.previous != previous:
            return Broken(name, f"does not follow entry {number - 1}")
        if not holds(entry):
            return Broken(name, "is not what its digest was made of")
        if (entry.balance, entry.pending) != (sums.posted, sums.pending):
            return Broken(name, f"balance {entry.balance}, pending {entry.pending}: the entries give {sums}")
        previous = entry.digest
    return None if previous == head else Broken(name, "is the last one here, but not in the passbook")


def _plus(one: Sums, other: Sums) -> Sums:
    return Sums(one.posted + other.posted, one.pending + other.pending, one.owed + other.owed)
