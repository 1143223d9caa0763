"""What points does with the events of an incident: learn a fact, then write the entries that are missing."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from services.points.domain import hazard
from services.points.domain.caps import Month, admit, month_key
from services.points.domain.entry import AWARD, Grounds, Kind, Step
from services.points.domain.incident import (
    HAZARD,
    Fact,
    How,
    Incident,
    Joined,
    Moved,
    Placed,
    Recategorised,
    Reported,
    Resolved,
    Sighting,
    learn,
)
from services.points.domain.keys import award_key
from services.points.domain.tariff import Tariffs
from services.points.ports import Books, Rules
from services.points.writing import SYSTEM, post_refs, write
from shared.context import Context
from shared.contracts import vocabulary as words
from shared.contracts.incident_changed import IncidentChanged
from shared.contracts.incident_reported import IncidentReported
from shared.contracts.incident_resolved import IncidentResolved
from shared.contracts.report_updated import ReportUpdated
from shared.ids import NewId
from shared.mongo.work import Ref, Work


@dataclass(frozen=True, slots=True)
class Learn:
    """Add one fact to an incident; entries, passbooks and counters follow in the same transaction.

    The incident's document is the root: its version makes decisions on one incident follow each other in every process.
    What the ledger holds already is never written again, so facts may come twice, late, or all over again.
    """

    books: Books
    rules: Rules
    incident: str
    subdistrict: str
    fact: Fact
    context: Context
    new_id: NewId

    def reads(self) -> Iterable[Ref]:
        """The incident, and all that may be written for the riders whom the fact names."""
        yield self.books.incidents.ref(self.incident)
        yield from self._of_riders(learn(self._unknown(), self.fact))
        if isinstance(self.fact, Resolved):
            for award in hazard.due(self.fact, self._tariffs()):
                yield self.books.months.ref(month_key(award.rider, HAZARD, award.at, self._zone()))

    def more_reads(self, work: Work) -> Iterable[Ref]:
        """The same for those whom only the incident names: most facts concern the promises made to others."""
        known = self.books.incidents.get(work, self.incident)
        return self._of_riders(known) if known else ()

    def decide(self, work: Work) -> None:
        before = self.books.incidents.get(work, self.incident)
        after = learn(before or self._unknown(), self.fact)
        if after == before:
            return
        paying = before is None or before.resolved is None
        missing = hazard.steps(after, self._tariffs(), lambda key: self.books.entries.get(work, key), paying=paying)
        for step in missing:
            counted = self._capped(work, step) if step.kind is Kind.POST else step
            write(work, self.books, counted, self._grounds(step), self.context, self.new_id)
        self.books.incidents.put(work, after)

    def _unknown(self) -> Incident:
        return Incident(self.incident, self.subdistrict)

    def _zone(self) -> ZoneInfo:
        return self.rules.zone(self.subdistrict)

    def _tariffs(self) -> Tariffs:
        return self.rules.tariffs(self.subdistrict)

    def _of_riders(self, incident: Incident) -> Iterable[Ref]:
        for rider in hazard.riders_of(incident, self._tariffs()):
            rules = self._tariffs().rules
            keys = [award_key(self.incident, rule, rider, kind) for rule in rules for kind in AWARD]
            yield from post_refs(self.books, rider, keys)

    def _capped(self, work: Work, step: Step) -> Step:
        """The post with its points counted, or with none and the reason `cap`."""
        tariff, zone = self._tariffs().at(step.captured_at), self._zone()
        key = month_key(step.rider, HAZARD, step.captured_at, zone)
        month = self.books.months.get(work, key) or Month(key)
        counted = admit(month, step.captured_at, zone, step.points, tariff.cap_day, tariff.cap_month)
        if counted is None:
            return replace(step, points=0, reason="cap")
        self.books.months.put(work, counted)
        return step

    def _grounds(self, step: Step) -> Grounds:
        """Promises follow from the rules alone; and no rider reads in his passbook who else has reported."""
        by_rules = step.kind is Kind.PENDING or self.context.actor.partition(":")[0] in ("rider", "captain")
        tariff = self._tariffs().at(step.captured_at)
        return Grounds(
            subdistrict=self.subdistrict,
            incident=self.incident,
            activity=HAZARD,
            rule_version=tariff.version,
            reference_version=tariff.reference_version,
            event=self.context.causation_id or self.context.correlation_id,
            actor=SYSTEM if by_rules else self.context.actor,
        )


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
