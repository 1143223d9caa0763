"""Events about incidents as facts, in the words of points."""

from datetime import datetime

from services.points.domain.incident import How, Joined, Moved, Placed, Recategorised, Reported, Resolved, Sighting
from services.points.ports import Rules
from shared.contracts import vocabulary as words
from shared.contracts.incident_changed import IncidentChanged
from shared.contracts.incident_reported import IncidentReported
from shared.contracts.incident_resolved import IncidentResolved
from shared.contracts.report_updated import ReportUpdated


def fact_of_report(report: IncidentReported, rules: Rules) -> Reported:
    """The first report. Raises `LookupError` for a category that reference data does not have."""
    sighting = Sighting(report.rider, report.report, _stored(report.captured_at), _stored(report.received_at))
    return Reported(sighting, _activity(report.category, rules), _community(report.place))


def fact_of_update(update: ReportUpdated) -> Joined | None:
    """Another rider who saw it; all other updates are none of points' business.

    `broken_again` is not: it asks for a new cycle of what was paid already.
    """
    if update.kind != "joined" or update.captured_at is None:
        return None
    return Joined(Sighting(update.rider, update.report, _stored(update.captured_at), _stored(update.received_at)))


def fact_of_change(change: IncidentChanged, sequence: int, rules: Rules) -> Moved | Recategorised | Placed | None:
    """A new state, category or place. Raises `LookupError` for a category that reference data does not have."""
    if change.kind == "state" and change.to_state is not None:
        return Moved(sequence, change.to_state, change.severity == "E")
    if change.kind == "merged":
        return Moved(sequence, "duplicate")
    if change.kind == "category" and change.category is not None:
        return Recategorised(sequence, _activity(change.category, rules))
    if change.kind == "place" and change.place is not None:
        return Placed(sequence, _community(change.place))
    return None


def fact_of_resolution(event: IncidentResolved, rules: Rules) -> Resolved:
    """It is fixed. Raises `LookupError` for a category that reference data does not have."""
    return Resolved(
        cycle=event.cycle,
        how=How(event.how),
        emergency=event.severity == "E",
        activity=_activity(event.category, rules),
        sightings=tuple(
            Sighting(seen.rider, seen.report, _stored(seen.captured_at), _stored(seen.received_at))
            for seen in event.reporters
        ),
    )


def _community(place: words.Place) -> str | None:
    return place.grid.community if place.grid else None


def _activity(category: words.Category, rules: Rules) -> str | None:
    return rules.activity(category.scheme, category.code)


def _stored(moment: datetime) -> datetime:
    """Cut to milliseconds, as it will be read back: order and digests must not depend on who reads first."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
