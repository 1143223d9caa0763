"""The ledger: append-only, double entry, one hash chain per passbook. Integers only; nothing is ever updated.

Two layers, as in two-phase transfers: a pending entry promises points, and either a post pays (perhaps another amount)
and ends the promise, or a void ends it. Every entry takes from one account what it gives to the other, in each layer.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from services.points.domain.entry import Entry, Grounds, Kind, Passbook, Step, award_key, digest, issuing_account


@dataclass(frozen=True, slots=True)
class Sums:
    """What an account has: points that count, and points promised."""

    posted: int = 0
    pending: int = 0


@dataclass(frozen=True, slots=True)
class Broken:
    """The first entry at which a chain does not hold, and what is wrong there."""

    entry: str
    reason: str


def append(book: Passbook, step: Step, grounds: Grounds, at: datetime) -> tuple[Passbook, Entry]:
    """Write `step` as the passbook's next entry; `at` is server time."""
    issued = issuing_account(grounds.subdistrict)
    debit, credit = (book.account, issued) if step.kind is Kind.VOID else (issued, book.account)
    entry = Entry(
        id=award_key(grounds.incident, step.rule, step.rider, step.kind),
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
    )
    own = fold([entry])[book.account]
    entry = replace(entry, balance=book.balance + own.posted, pending=book.pending + own.pending)
    entry = replace(entry, digest=digest(entry))
    after = replace(book, balance=entry.balance, pending=entry.pending, entries=entry.number, digest=entry.digest)
    return after, entry


def fold(entries: Iterable[Entry]) -> dict[str, Sums]:
    """What every account has after these entries, in whatever order they come."""
    posted: dict[str, int] = defaultdict(int)
    pending: dict[str, int] = defaultdict(int)
    for entry in entries:
        layer, given = (posted, entry.amount) if entry.kind is Kind.POST else (pending, entry.amount)
        layer[entry.debit] -= given
        layer[entry.credit] += given
        pending[entry.debit] += entry.releases
        pending[entry.credit] -= entry.releases
    return {account: Sums(posted[account], pending[account]) for account in {*posted, *pending}}


def total(accounts: Iterable[Sums]) -> Sums:
    """The sum over all accounts: `Sums(0, 0)` at all times."""
    found = list(accounts)
    return Sums(sum(sums.posted for sums in found), sum(sums.pending for sums in found))


def verify_chain(entries: Iterable[Entry], head: str) -> Broken | None:
    """Check one passbook's entries in order of number against its last digest `head`; None if all is well.

    Names the first entry that was changed, or that follows a missing one; a missing end is told at the last entry.
    """
    number, previous, name = 0, "", ""
    sums = Sums()
    for entry in entries:
        number, name = number + 1, entry.id
        own = fold([entry]).get(entry.account, Sums())
        sums = Sums(sums.posted + own.posted, sums.pending + own.pending)
        if entry.number != number or entry.previous != previous:
            return Broken(name, f"does not follow entry {number - 1}")
        if entry.digest != digest(entry):
            return Broken(name, "is not what its digest was made of")
        if (entry.balance, entry.pending) != (sums.posted, sums.pending):
            return Broken(name, f"balance {entry.balance}, pending {entry.pending}: the entries give {sums}")
        previous = entry.digest
    return None if previous == head else Broken(name, "is the last one here, but not in the passbook")
