"""One line of a passbook, and what it takes to write one: see `keys` for its name, `digesting` for its digest."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    """What a line does; from where to where its points go is in `ledger`."""

    PENDING = "pending"
    POST = "post"
    VOID = "void"
    REVERSAL = "reversal"
    RESERVE = "reserve"
    PICK_UP = "pick_up"
    CANCEL = "cancel"
    EXPIRE = "expire"
    EXPIRY = "expiry"


AWARD = (Kind.PENDING, Kind.POST, Kind.VOID)
"""The steps an award can take."""

REDEMPTION = (Kind.RESERVE, Kind.PICK_UP, Kind.CANCEL, Kind.EXPIRE)
"""The steps a redemption can take: reserved, then one of the others. `EXPIRY` is something else: points grown old."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of one passbook, both legs in it. `amount` goes from `debit` to `credit`: promised points for pending and
    void, points that count for all others. `releases`: promised points that a post ends.

    `id` is the natural key, for ever. `account` is the opaque ledger account of the passbook, `number` its place in it
    (1, 2, 3 …), `balance` and `pending` what stood there afterwards. `event` and `actor` are the evidence: what made us
    write it and who was behind that. `captured_at` is the time that counts for order and caps, `at` when it was written.
    It is about `incident` and `report`, else `about` another thing (the id of an activity or a redemption); `of_number` is
    the line of the same passbook that it reverses or ends, 0 for none. `owes`: points that a reversal could not take
    because they are spent, lent to the rider so that no balance is negative; below zero what is given back of that.
    `digest` covers everything but `id`, which names the rider, so that a rider can be forgotten and the chain still holds;
    `format` says how it is made.
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
    about: str = ""
    of_number: int = 0
    owes: int = 0
    format: int = 1


@dataclass(frozen=True, slots=True)
class Passbook:
    """A rider's passbook: a cache of his entries, and the end of their chain. `id` is the rider, `owed` what he owes."""

    id: str
    subdistrict: str
    account: str
    balance: int = 0
    pending: int = 0
    entries: int = 0
    digest: str = ""
    owed: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be written into a rider's passbook: see `Entry` for the fields.

    `of_entry` is the id of the entry that is reversed; `home` the code of the home that hands out what is picked up.
    """

    rider: str
    kind: Kind
    rule: str
    points: int
    reason: str
    report: str
    captured_at: datetime
    releases: int = 0
    of_number: int = 0
    of_entry: str = ""
    home: str = ""


@dataclass(frozen=True, slots=True)
class Grounds:
    """Why it is written: the incident or what else it is `about`, the rules that decided, the event, who was behind it."""

    subdistrict: str
    incident: str
    activity: str
    rule_version: str
    reference_version: str
    event: str
    actor: str
    about: str = ""


def issuing_account(subdistrict: str) -> str:
    """The system account that points come from. It has no document: its sum is an aggregation."""
    return f"issued:{subdistrict}"


def reserved_account(subdistrict: str) -> str:
    """The system account of points that stand for prizes put aside."""
    return f"reserved:{subdistrict}"


def redeemed_account(home: str) -> str:
    """The system account of points that a home has got for what it handed out."""
    return f"redeemed:{home}"


SYSTEM_ACCOUNTS = ("issued:", "reserved:", "redeemed:")
"""How their names begin; every other account is a passbook's."""
