"""The ledger: append-only, double entry, one hash chain per passbook. Integers only; nothing is ever updated.

Two layers, as in two-phase transfers: a pending entry promises points, and either a post pays (perhaps another amount)
and ends the promise, or a void ends it. Every entry takes from one account what it gives to the other, in each layer.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from enum import StrEnum

FORMAT = "qianshao-entry-1"
"""First element of what a digest covers. Never change it: a new way of digesting is a new name."""


class Kind(StrEnum):
    """The three steps an award can take."""

    PENDING = "pending"
    POST = "post"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of one passbook, both legs in it. `amount` goes from `debit` to `credit`: promised points for pending and
    void, points that count for post. `releases`: promised points that a post ends.

    `id` is the natural key, for ever. `account` is the opaque ledger account of the passbook, `number` its place in it
    (1, 2, 3 …), `balance` and `pending` what stood there afterwards. `event` and `actor` are the evidence: what made us
    write it and who was behind that. `captured_at` is the time that counts for order and caps, `at` when it was written.
    `digest` covers everything but `id`, which names the rider, so that a rider can be forgotten and the chain still holds.
    """

    id: str
    subdistrict: str
    account: str
    number: int
    kind: Kind
    debit: str
    credit: str
    amount: int
    releases: int
    activity: str
    rule: str
    rule_version: str
    reference_version: str
    reason: str
    incident: str
    report: str
    event: str
    actor: str
    captured_at: datetime
    at: datetime
    balance: int
    pending: int
    previous: str
    digest: str


@dataclass(frozen=True, slots=True)
class Passbook:
    """A rider's passbook: a cache of his entries, and the end of their chain. `id` is the rider."""

    id: str
    subdistrict: str
    account: str
    balance: int = 0
    pending: int = 0
    entries: int = 0
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be written into a rider's passbook: see `Entry` for the fields."""

    rider: str
    kind: Kind
    rule: str
    points: int
    reason: str
    report: str
    captured_at: datetime
    releases: int = 0


@dataclass(frozen=True, slots=True)
class Grounds:
    """Why it is written: the incident, the rules that decided, the event and who was behind it."""

    subdistrict: str
    incident: str
    activity: str
    rule_version: str
    reference_version: str
    event: str
    actor: str


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


def award_key(incident: str, rule: str, rider: str, kind: Kind) -> str:
    """The natural key: one award per incident, rule and rider, in at most one pending, one post and one void."""
    return f"award:{incident}:{rule}:{rider}:{kind}"


def issuing_account(subdistrict: str) -> str:
    """The system account that points come from. It has no document: its sum is an aggregation."""
    return f"issued:{subdistrict}"


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


def digest(entry: Entry) -> str:
    """SHA-256 (hex) of a JSON array: `FORMAT`, then every field but `id` and `digest` as declared; times in UTC with
    milliseconds, which is all that is stored. Anybody who holds the statement can compute it.
    """
    covered = [getattr(entry, field.name) for field in fields(Entry) if field.name not in ("id", "digest")]
    plain = [_instant(value) if isinstance(value, datetime) else value for value in covered]
    text = json.dumps([FORMAT, *plain], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


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


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")
