"""What points tells the others, in the words of the contract."""

from services.points.domain.entry import Entry, Kind, Passbook, award_key
from shared.contracts.event import EventData
from shared.contracts.points_adjusted import PointsAdjusted
from shared.contracts.points_awarded import PointsAwarded
from shared.contracts.topics import POINTS_ADJUSTED, POINTS_AWARDED


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
            "incident": entry.incident,
        }
    )


def _adjusted(book: Passbook, entry: Entry) -> PointsAdjusted:
    """A promise and its end add nothing to the balance."""
    pending = entry.kind is Kind.PENDING
    promise = award_key(entry.incident, entry.rule, book.id, Kind.PENDING)
    return PointsAdjusted.model_validate(
        {
            "subdistrict": book.subdistrict,
            "kind": entry.kind.value,
            "entry": entry.id,
            "rider": book.id,
            "points": 0,
            "balance_after": entry.balance,
            "pending_points": entry.amount if pending else None,
            "of_entry": None if pending else promise,
            "incident": entry.incident,
            "rule_version": entry.rule_version,
            "reason": entry.reason,
        }
    )
