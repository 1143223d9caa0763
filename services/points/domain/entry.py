"""One line of a passbook: what it says, under which key it stands for ever, and what its digest covers."""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

FORMAT = "qianshao-entry-1"
"""First element of what a digest covers. Never change it or `COVERED`: another way of digesting is another name."""

COVERED = (
    "subdistrict",
    "account",
    "number",
    "kind",
    "debit",
    "credit",
    "amount",
    "releases",
    "activity",
    "rule",
    "rule_version",
    "reference_version",
    "reason",
    "incident",
    "report",
    "event",
    "actor",
    "captured_at",
    "at",
    "balance",
    "pending",
    "previous",
)
"""What it covers after that, in this order. Not the entry's id: that names the rider."""


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


def award_key(incident: str, rule: str, rider: str, kind: Kind) -> str:
    """The natural key: one award per incident, rule and rider, in at most one pending, one post and one void."""
    return f"award:{incident}:{rule}:{rider}:{kind}"


def issuing_account(subdistrict: str) -> str:
    """The system account that points come from. It has no document: its sum is an aggregation."""
    return f"issued:{subdistrict}"


def digest(entry: Entry) -> str:
    """SHA-256 (hex) of a compact JSON array in UTF-8: `FORMAT`, then the fields named in `COVERED`.

    Times as `2026-11-25T01:00:00.000+00:00`: in UTC with milliseconds, which is all that is stored. Whoever holds the
    statement can compute it.
    """
    covered = [getattr(entry, name) for name in COVERED]
    plain = [_instant(value) if isinstance(value, datetime) else value for value in covered]
    text = json.dumps([FORMAT, *plain], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")
