"""What points tells the others, in the words of the contract."""

from services.points.domain.entry import Entry, Kind, award_key
from shared.contracts.event import EventData
from shared.contracts.points_adjusted import PointsAdjusted
from shared.contracts.points_awarded import PointsAwarded
from shared.contracts.topics import POINTS_ADJUSTED, POINTS_AWARDED


def tell(rider: str, entry: Entry) -> tuple[str, EventData]:
    """Topic name and event for one entry."""
    if entry.kind is Kind.POST:
        return POINTS_AWARDED.name, _awarded(rider, entry)
    return POINTS_ADJUSTED.name, _adjusted(rider, entry)


def _awarded(rider: str, entry: Entry) -> PointsAwarded:
    return PointsAwarded.model_validate(
        {
            "subdistrict": entry.subdistrict,
            "entry": entry.id,
            "rider": rider,
            "activity": entry.activity,
            "points": entry.amount,
            "balance_after": entry.balance,
            "rule": entry.rule,
            "rule_version": entry.rule_version,
            "reason": entry.reason,
            "incident": entry.incident,
        }
    )


def _adjusted(rider: str, entry: Entry) -> PointsAdjusted:
    """A promise and its end add nothing to the balance."""
    pending = entry.kind is Kind.PENDING
    promise = award_key(entry.incident, entry.rule, rider, Kind.PENDING)
    return PointsAdjusted.model_validate(
        {
            "subdistrict": entry.subdistrict,
            "kind": entry.kind.value,
            "entry": entry.id,
            "rider": rider,
            "points": 0,
            "balance_after": entry.balance,
            "pending_points": entry.amount if pending else None,
            "of_entry": None if pending else promise,
            "incident": entry.incident,
            "rule_version": entry.rule_version,
            "reason": entry.reason,
        }
    )
