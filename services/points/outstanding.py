"""The award for something outstanding as commands: one person proposes, another decides, and then it is paid."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from services.points.domain.awarding import award
from services.points.domain.caps import Month, month_key
from services.points.domain.entry import Grounds, Kind, Step
from services.points.domain.incident import HAZARD, Incident, Sighting
from services.points.domain.keys import award_key
from services.points.domain.outstanding import Proposal, decide, propose
from services.points.domain.tariff import Tariff
from services.points.ports import Books, Rules
from services.points.writing import post_refs, write
from shared.context import Context
from shared.errors import Conflict, Forbidden, Invalid, NotFound
from shared.ids import NewId
from shared.mongo.work import Ref, Work
from shared.scope import Scope


@dataclass(frozen=True, slots=True)
class Propose:
    """Say that a reporter of a fixed incident did something outstanding. Answers the proposal.

    Raises `NotFound`, `Conflict` if it is not fixed or he was proposed already, `Invalid` for who has not reported it.
    """

    books: Books
    incident: str
    rider: str
    scope: Scope

    def reads(self) -> Iterable[Ref]:
        return [self.books.incidents.ref(self.incident)]

    def decide(self, work: Work) -> Proposal:
        incident = _seen(self.books.incidents.get(work, self.incident), self.scope)
        sighting_of(incident, self.rider)
        if self.rider == self.scope.id:
            raise Forbidden("nobody proposes himself")
        after = propose(incident.outstanding, self.rider, self.scope.actor, work.now)
        self.books.incidents.put(work, replace(incident, outstanding=after))
        return after[-1]


@dataclass(frozen=True, slots=True)
class DecideOutstanding:
    """Award or decline what another person has proposed. Answers the proposal.

    Raises `NotFound`, `Conflict`, `Forbidden` for who proposed it and for the rider himself.
    """

    books: Books
    rules: Rules
    incident: str
    rider: str
    award: bool
    scope: Scope
    context: Context
    new_id: NewId

    def reads(self) -> Iterable[Ref]:
        rows = [tariff.outstanding.rule for tariff in self.rules.tariffs(self.scope.subdistrict).versions]
        keys = [award_key(self.incident, rule, self.rider, Kind.POST) for rule in dict.fromkeys(rows)]
        return [self.books.incidents.ref(self.incident), *post_refs(self.books, self.rider, keys)]

    def more_reads(self, work: Work) -> Iterable[Ref]:
        incident = self.books.incidents.get(work, self.incident)
        return [self.books.months.ref(self._month(one)) for one in incident.sightings] if incident else []

    def decide(self, work: Work) -> Proposal:
        incident = _seen(self.books.incidents.get(work, self.incident), self.scope)
        if self.rider == self.scope.id:
            raise Forbidden("nobody decides about himself")
        after = decide(incident.outstanding, self.rider, self.scope.actor, award=self.award)
        if self.award:
            self._pay(work, incident, sighting_of(incident, self.rider))
        self.books.incidents.put(work, replace(incident, outstanding=after))
        return next(one for one in after if one.rider == self.rider)

    def _pay(self, work: Work, incident: Incident, sighting: Sighting) -> None:
        assert incident.resolved is not None  # or nobody could have been proposed
        tariff, month_id = self._tariff(sighting), self._month(sighting)
        row, at = tariff.outstanding, sighting.counts_from(tariff.trusted)
        month = self.books.months.get(work, month_id) or Month(month_id)
        points = row.pays(emergency=incident.resolved.emergency)
        zone = self.rules.zone(self.scope.subdistrict)
        counted = award(tariff.activities[HAZARD], month, at, zone, points)
        if counted.why is None:
            self.books.months.put(work, counted.month)
        reason = counted.why or "outstanding"
        step = Step(self.rider, Kind.POST, row.rule, counted.points, reason, sighting.report, at)
        grounds = Grounds(
            subdistrict=incident.subdistrict,
            incident=incident.id,
            activity=HAZARD,
            rule_version=tariff.version,
            reference_version=tariff.reference_version,
            event=self.context.causation_id or self.context.correlation_id,
            actor=self.scope.actor,
        )
        write(work, self.books, step, grounds, self.context, self.new_id)

    def _tariff(self, sighting: Sighting) -> Tariff:
        tariffs = self.rules.tariffs(self.scope.subdistrict)
        return tariffs.at(sighting.counts_from(tariffs.at(sighting.received_at).trusted))

    def _month(self, sighting: Sighting) -> str:
        at = sighting.counts_from(self._tariff(sighting).trusted)
        return month_key(self.rider, HAZARD, at, self.rules.zone(self.scope.subdistrict))


def sighting_of(incident: Incident, rider: str) -> Sighting:
    """His report of a fixed incident. Raises `Conflict` while it is not fixed, `Invalid` if he has none that holds."""
    if incident.resolved is None:
        raise Conflict("the incident is not fixed yet")
    own = [one for one in incident.sightings if one.rider == rider and one.report not in incident.bogus]
    if not own:
        raise Invalid.field("rider", "has not reported this incident")
    return min(own, key=lambda one: (one.received_at, one.report))


def _seen(incident: Incident | None, scope: Scope) -> Incident:
    if incident is None or not scope.sees(incident.subdistrict, incident.community):
        raise NotFound("there is no such incident for you")
    return incident
