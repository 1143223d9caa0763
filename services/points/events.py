"""What points tells the others, in the words of the contract."""

from services.points.domain.entry import REDEMPTION, Entry, Kind, Passbook
from services.points.domain.keys import award_key, reversal_key
from services.points.domain.ledger import effect
from shared.contracts.event import EventData
from shared.contracts.points_adjusted import PointsAdjusted
from shared.contracts.points_awarded import PointsAwarded
from shared.contracts.topics import POINTS_ADJUSTED, POINTS_AWARDED

_KINDS = {
    Kind.RESERVE: "redemption_reserved",
    Kind.PICK_UP: "redemption_picked_up",
    Kind.CANCEL: "redemption_cancelled",
    Kind.EXPIRE: "redemption_expired",
}
"""Where the contract has another word."""


def tell(book: Passbook, entry: Entry) -> tuple[str, EventData]:
    """Topic name and event for one entry of `book`.

    The sub-district is the passbook's, wherever the incident was: it is part of the source, within which events of one
    rider are counted.
    """
    if entry.kind is Kind.POST:
        return POINTS_AWARDED.name, _awarded(book, entry)
    return POINTS_ADJUSTED.name, _adjusted(book, entry)


def _awarded(book: Passbook, entry: Entry) -> PointsAwarded:
    return PointsAwarded.model_validate(
        {
            "subdistrict": book.subdistrict,
            "entry": entry.id,
            "rider": book.id,
            "activity": entry.activity,
            "points": entry.amount,
            "balance_after": entry.balance,
            "rule": entry.rule,
            "rule_version": entry.rule_version,
            "reason": entry.reason,
            "incident": entry.incident or None,
            "recorded_activity": entry.about or None,
        }
    )


def _adjusted(book: Passbook, entry: Entry) -> PointsAdjusted:
    """A promise and its end add nothing to the balance, and picking up what was reserved does neither."""
    return PointsAdjusted.model_validate(
        {
            "subdistrict": book.subdistrict,
            "kind": _KINDS.get(entry.kind, entry.kind.value),
            "entry": entry.id,
            "rider": book.id,
            "points": effect(entry).posted,
            "balance_after": entry.balance,
            "pending_points": entry.amount if entry.kind is Kind.PENDING else None,
            "of_entry": _of_entry(book, entry),
            "redemption": entry.about if entry.kind in REDEMPTION else None,
            "incident": entry.incident or None,
            "rule_version": entry.rule_version,
            "reason": entry.reason,
        }
    )


def _of_entry(book: Passbook, entry: Entry) -> str | None:
    """The promise that is voided, the award that is reversed."""
    if entry.kind is Kind.VOID:
        return award_key(entry.incident, entry.rule, book.id, Kind.PENDING)
    return entry.id.removeprefix(reversal_key("")) if entry.kind is Kind.REVERSAL else None
