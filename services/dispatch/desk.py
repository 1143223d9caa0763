"""The desk's commands over the commit lane: one incident, several at once, or two that belong together."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from services.dispatch.asking import found_by
from services.dispatch.decisions import Decision, On
from services.dispatch.domain import ending, merging, routing
from services.dispatch.domain.incident import Happened, Incident, NotAllowed, number
from services.dispatch.domain.reporters import entered, saw
from services.dispatch.ports import Incidents, Rules
from services.dispatch.saving import save, terms_of
from shared.context import Context
from shared.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from shared.mongo.work import Ref, Work
from shared.scope import Scope


@dataclass(frozen=True, slots=True)
class Desk:
    """Somebody at the desk, with what his commands need."""

    incidents: Incidents
    rules: Rules
    scope: Scope
    context: Context

    def find(self, work: Work, id_: str, expected_version: int | None = None) -> Incident:
        """The incident, if it is his to decide on. Raises `NotFound`, `Forbidden` or `Conflict`."""
        incident = self.incidents.get(work, id_)
        if incident is None or not self.scope.sees(incident.subdistrict, incident.community):
            raise NotFound("there is no such incident for you")
        if saw(incident, self.scope.id):
            raise Forbidden("you have reported it yourself: somebody else decides")
        version = self.incidents.version(work, id_)
        if expected_version is not None and version != expected_version:
            raise Conflict(f"expected_version: the incident is at version {version}, you saw {expected_version}")
        return incident

    def find_to_approve(self, work: Work, id_: str, expected_version: int) -> Incident:
        """As `find`; also `Forbidden` to whoever entered a report of it for a rider."""
        incident = self.find(work, id_, expected_version)
        if entered(incident, self.scope.id):
            raise Forbidden("you have entered it for the rider: somebody else approves it")
        return incident

    def keep(self, work: Work, incident: Incident, happened: list[Happened]) -> tuple[Incident, int]:
        """Write it with its events. Returns it with its new version."""
        category, _ = terms_of(self.rules, incident)
        numbered, told = number(incident, happened)
        return numbered, save(work, self.incidents, numbered, category, told, self.context)


@dataclass(frozen=True, slots=True)
class Decide:
    """One decision about one incident."""

    desk: Desk
    incident: str
    decision: Decision

    def reads(self) -> Iterable[Ref]:
        return [self.desk.incidents.ref(self.incident)]

    def decide(self, work: Work) -> tuple[Incident, int]:
        """Returns the incident and its new version. Raises `NotFound`, `Forbidden`, `Conflict` or `Invalid`."""
        find = self.desk.find_to_approve if self.decision.APPROVES else self.desk.find
        incident = find(work, self.incident, self.decision.expected_version)
        _, terms = terms_of(self.desk.rules, incident)
        on = On(self.desk.context.actor, work.now, terms, self.desk.rules)
        try:
            decided, happened = self.decision.act(incident, on)
        except NotAllowed as error:
            raise Conflict(str(error)) from None
        return self.desk.keep(work, decided, happened)


@dataclass(frozen=True, slots=True)
class Merge:
    """An incident is the same thing as another: it becomes a duplicate, its reports move to the main one."""

    desk: Desk
    incident: str
    main: str
    expected_version: int
    reason: str

    def reads(self) -> Iterable[Ref]:
        return [self.desk.incidents.ref(self.incident), self.desk.incidents.ref(self.main)]

    def decide(self, work: Work) -> tuple[Incident, int]:
        """Returns the duplicate. Raises as `Decide`, and `Invalid` if it has paid already."""
        desk = self.desk
        twin, main = desk.find(work, self.incident, self.expected_version), desk.find(work, self.main)
        hours = desk.rules.hours(twin.subdistrict)
        if merging.has_paid(twin):
            raise Invalid.field("incident", "it was fixed and has paid its reporters: it cannot become a duplicate")
        try:
            (twin, main), happened, news = merging.merge(twin, main, desk.context.actor, work.now, self.reason, hours)
        except NotAllowed as error:
            raise Conflict(str(error)) from None
        desk.keep(work, main, news)
        return desk.keep(work, twin, happened)


@dataclass(frozen=True, slots=True)
class MoveReport:
    """A report belongs to another incident; `to` None: to a new one, `new_id` with public code `code`."""

    desk: Desk
    incident: str
    report: str
    to: str | None
    new_id: str
    code: str
    expected_version: int
    reason: str

    def reads(self) -> Iterable[Ref]:
        return [self.desk.incidents.ref(self.incident), self.desk.incidents.ref(self.to or self.new_id)]

    def decide(self, work: Work) -> tuple[Incident, int]:
        """Returns the incident that the report leaves. Raises as `Decide`."""
        desk, actor, at = self.desk, self.desk.context.actor, work.now
        incident = desk.find(work, self.incident, self.expected_version)
        try:
            other = self._other(work, incident)
            (rest, taken), happened, news = merging.part(incident, self.report, other, actor, at, self.reason)
            if self.to is None:
                taken, news = self._route(taken, news, at)
        except NotAllowed as error:
            raise Conflict(str(error)) from None
        desk.keep(work, taken, news)
        return desk.keep(work, rest, happened)

    def _other(self, work: Work, incident: Incident) -> Incident:
        if self.to is not None:
            return self.desk.find(work, self.to)
        return merging.alone(incident, self.report, self.new_id, self.code, self.desk.context.actor, work.now)

    def _route(self, alone: Incident, news: list[Happened], at: datetime) -> tuple[Incident, list[Happened]]:
        """A new incident goes the way of every report."""
        _, terms = terms_of(self.desk.rules, alone)
        routed, happened = routing.triage(alone, found_by(alone, self.desk.rules, at), terms.limit, terms.hours, at)
        return routed, [*news, *happened]


@dataclass(frozen=True, slots=True)
class SelfFixed:
    """Riders put these right themselves: all become resolved at once, or none does."""

    desk: Desk
    versions: tuple[tuple[str, int], ...]
    """Incident ids with the versions that were looked at."""
    reason: str

    def reads(self) -> Iterable[Ref]:
        return [self.desk.incidents.ref(id_) for id_, _ in self.versions]

    def decide(self, work: Work) -> list[tuple[Incident, int]]:
        """Returns them with their new versions. Raises as `Decide`, naming the one that is in the way."""
        return [self._one(work, index, *pair) for index, pair in enumerate(self.versions)]

    def _one(self, work: Work, index: int, id_: str, version: int) -> tuple[Incident, int]:
        try:
            incident = self.desk.find_to_approve(work, id_, version)
            fixed, happened = ending.self_fixed(incident, self.desk.context.actor, work.now, self.reason)
        except (NotAllowed, Conflict) as error:
            raise Conflict(f"incidents.{index}: {error}", FieldError(f"incidents.{index}", str(error))) from None
        return self.desk.keep(work, fixed, happened)
