"""One class per command or event: `reads` names what it looks at, `decide` is the whole transaction."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from services.intake import events
from services.intake.domain.report import Report, flags_of, open_incident
from services.intake.domain.status import Fixed, OrderView, PointsLine, Status, Step, correct, credit, follow, note_fixed
from services.intake.ports import Incidents, Reports, Statuses
from shared.context import Context
from shared.contracts.incident_changed import IncidentChanged
from shared.contracts.incident_resolved import IncidentResolved
from shared.contracts.topics import INCIDENT_REPORTED
from shared.errors import Refused, Unavailable
from shared.ids import public_code
from shared.mongo.outbox import Outgoing
from shared.mongo.work import Ref, Work

SERVICE = events.SERVICE
CODES = "codes"
CODE_CANDIDATES = 3
"""40 bits collide rarely even among a million incidents; three candidates in a row practically never."""


class KeyReused(Refused):
    """The client key is taken by a report with another content."""

    code = "client-key-reused"


@dataclass(frozen=True, slots=True)
class Opened:
    """The answer to a report: always the same one for the same client key."""

    report: Report
    replayed: bool


@dataclass(frozen=True, slots=True)
class OpenReport:
    """Store a report and open its incident. The same report again is answered with what was stored.

    `report` comes with a fresh incident id and without a code; both count only if the report is new.
    """

    reports: Reports
    incidents: Incidents
    report: Report
    photo_distances: tuple[float | None, ...]
    context: Context

    def reads(self) -> Iterable[Ref]:
        codes = [Ref(CODES, code) for code in self._candidates()]
        return [self.reports.ref(self.report.id), self.incidents.ref(self.report.incident), *codes]

    def decide(self, work: Work) -> Opened:
        before = self.reports.get(work, self.report.id)
        if before is not None:
            if before.fingerprint != self.report.fingerprint:
                raise KeyReused("client_key: was used before for a report with another content")
            return Opened(before, replayed=True)
        code = self._free_code(work)
        flags = flags_of(self.report.place, list(self.photo_distances))
        report = replace(self.report, code=code, received_at=work.now, flags=flags)
        event = Outgoing(SERVICE, INCIDENT_REPORTED.name, events.reported(report), work.now, self.context, cycle=1)
        work.put(CODES, {"_id": code, "incident": report.incident})
        self.reports.put(work, report)
        self.incidents.put(work, open_incident(report), event)
        return Opened(report, replayed=False)

    def _candidates(self) -> list[str]:
        return [public_code(self.report.incident, attempt) for attempt in range(CODE_CANDIDATES)]

    def _free_code(self, work: Work) -> str:
        for code in self._candidates():
            if work.get(CODES, code) is None:
                return code
        raise Unavailable("no free public code among the candidates")


@dataclass(frozen=True, slots=True)
class FollowIncident:
    """Copy what dispatch says of an incident, so that its rider sees every step and a department its photos."""

    statuses: Statuses
    change: IncidentChanged
    sequence: int
    at: datetime

    def reads(self) -> Iterable[Ref]:
        return [self.statuses.ref(self.change.incident)]

    def decide(self, work: Work) -> None:
        change, order = self.change, self.change.order
        status = self.statuses.get(work, change.incident) or Status(change.incident)
        view = OrderView(order.id, order.department, order.state) if order else None
        step = Step(self.at, change.to_state or change.kind, order.department if order else None, change.reason)
        followed = follow(status, self.sequence, step, change.to_state, view, change.photo_ids)
        point = (change.place.wgs84.lng, change.place.wgs84.lat) if change.place else None
        category = change.category.model_dump() if change.category else None
        self.statuses.put(work, correct(status, followed, point, category))


@dataclass(frozen=True, slots=True)
class FollowResolved:
    """Note that an incident is fixed: when, and whether in time."""

    statuses: Statuses
    resolved: IncidentResolved

    def reads(self) -> Iterable[Ref]:
        return [self.statuses.ref(self.resolved.incident)]

    def decide(self, work: Work) -> None:
        resolved = self.resolved
        status = self.statuses.get(work, resolved.incident) or Status(resolved.incident)
        fixed = Fixed(resolved.cycle, resolved.resolved_at, resolved.on_time)
        self.statuses.put(work, note_fixed(status, fixed))


@dataclass(frozen=True, slots=True)
class FollowPoints:
    """Copy what the passbook says of an incident, so that its rider sees the points and why."""

    statuses: Statuses
    incident: str
    line: PointsLine

    def reads(self) -> Iterable[Ref]:
        return [self.statuses.ref(self.incident)]

    def decide(self, work: Work) -> None:
        status = self.statuses.get(work, self.incident) or Status(self.incident)
        self.statuses.put(work, credit(status, self.line))


@dataclass(frozen=True, slots=True)
class Nothing:
    """For an event that intake hears and has no use for, such as points that no report earned."""

    def reads(self) -> Iterable[Ref]:
        return []

    def decide(self, work: Work) -> None:
        return None
