"""The lines that are not an incident's, in a word each. `at` is the time that counts; `reason` a word of the contract."""

from datetime import datetime
from typing import Literal

from services.points.domain.entry import REDEMPTION, Entry, Kind, Step
from shared.errors import Conflict

REVERSIBLE = (Kind.POST,)
"""What can be taken back. A promise is voided instead, a redemption cancelled."""


class AlreadyReversed(Conflict):
    """It was taken back before; once is enough."""

    code = "already-reversed"


class NotReversible(Conflict):
    """Only what was paid can be taken back."""

    code = "not-reversible"


def award(rider: str, rule: str, points: int, reason: str, at: datetime) -> Step:
    """Points for a recorded activity, 0 over a cap; `rule` is the line of the rules that pays."""
    return Step(rider, Kind.POST, rule, points, reason, "", at)


def reserve(rider: str, points: int, at: datetime, reason: str = "reserved") -> Step:
    """Points put aside for a prize: they leave the balance. `append` raises `Insufficient` for more than there are."""
    return Step(rider, Kind.RESERVE, "", points, reason, "", at)


def end_reserve(
    rider: str,
    reserved: Entry,
    kind: Literal[Kind.PICK_UP, Kind.CANCEL, Kind.EXPIRE],
    at: datetime,
    *,
    reason: str,
    home: str = "",
) -> Step:
    """What becomes of reserved points: picked up at `home`, or back into the balance. That only one of them happens is the
    redemption's to see to: each has its own natural key."""
    assert reserved.kind is Kind.RESERVE
    assert kind in REDEMPTION
    assert bool(home) == (kind is Kind.PICK_UP)
    return Step(rider, kind, "", reserved.amount, reason, "", at, of_number=reserved.number, home=home)


def reversal(rider: str, entry: Entry, reason: str, at: datetime) -> Step:
    """An award taken back in full. Raises `NotReversible`."""
    if entry.kind not in REVERSIBLE:
        raise NotReversible(f"a {entry.kind.value} is no award; only an award can be reversed")
    return Step(
        rider,
        Kind.REVERSAL,
        entry.rule,
        entry.amount,
        reason,
        entry.report,
        at,
        of_number=entry.number,
        of_entry=entry.id,
    )
