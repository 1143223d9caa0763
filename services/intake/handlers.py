"""One class per command or event: `reads` names what it looks at, `decide` is the whole transaction."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from services.intake import events
from services.intake.domain import OrderView, Report, flags_of, follow, open_incident
from services.intake.ports import Incidents, Reports
from shared.context import Context
from shared.contracts.incident_changed import IncidentChanged
from shared.contracts.topics import INCIDENT_REPORTED
from shared.errors import Refused, Unavailable
from shared.ids import public_code
from shared.mongo.outbox import Outgoing
from shared.mongo.work import Ref, Work

SERVICE = "intake"
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
    """Copy what dispatch says of an incident, so that the rider sees its state and a department its photos."""

    incidents: Incidents
    change: IncidentChanged
    sequence: int

    def reads(self) -> Iterable[Ref]:
        return [self.incidents.ref(self.change.incident)]

    def decide(self, work: Work) -> None:
        incident = self.incidents.get(work, self.change.incident)
        if incident is None:
            raise LookupError(f"incident {self.change.incident} was not opened here")
        order = self.change.order
        view = OrderView(order.id, order.department, order.state) if order else None
        self.incidents.put(work, follow(incident, self.sequence, self.change.to_state, view))
