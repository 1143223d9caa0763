"""A redemption's lines in the ledger: one for each step, under a natural key."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from services.points.domain.entry import REDEMPTION, Grounds, Kind, Step
from services.points.domain.keys import redemption_key
from services.points.domain.redemption import Redemption
from services.points.ports import Books
from services.points.writing import write
from shared.context import Context
from shared.ids import NewId
from shared.mongo.work import Ref, Work

ACTIVITY = ""
"""A redemption is none of the seven."""

_REASONS = {
    Kind.RESERVE: "reserved",
    Kind.PICK_UP: "picked_up",
    Kind.CANCEL: "cancelled",
    Kind.EXPIRE: "expired",
}


@dataclass(frozen=True, slots=True)
class Ledger:
    """The books, and which rules decide now."""

    books: Books
    rule_version: str
    reference_version: str
    new_id: NewId


def book_refs(ledger: Ledger, redemption: str) -> Iterable[Ref]:
    """Every line that a redemption may ever write; the passbook is the rider's, whom the caller must declare."""
    return [ledger.books.entries.ref(redemption_key(redemption, kind)) for kind in REDEMPTION]


def book(work: Work, ledger: Ledger, redemption: Redemption, kind: Kind, actor: str, context: Context) -> None:
    """Write the line of this step. Raises `Insufficient` where the passbook has too few points."""
    reserved = ledger.books.entries.get(work, redemption_key(redemption.id, Kind.RESERVE))
    at: datetime = redemption.lines[-1].at
    taken = Step(
        rider=redemption.rider,
        kind=kind,
        rule=redemption.prize,
        points=redemption.points,
        reason=_REASONS[kind],
        report="",
        captured_at=at,
        of_number=reserved.number if reserved else 0,
        home=redemption.home,
    )
    grounds = Grounds(
        subdistrict=redemption.subdistrict,
        incident="",
        activity=ACTIVITY,
        rule_version=ledger.rule_version,
        reference_version=ledger.reference_version,
        event=context.causation_id or context.correlation_id,
        actor=actor,
        about=redemption.id,
    )
    write(work, ledger.books, taken, grounds, context, ledger.new_id)
