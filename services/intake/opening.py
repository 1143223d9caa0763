"""Opening an incident with a report: one transaction, one answer per client key."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from services.intake import events
from services.intake.domain.report import Flag, Report, flags_of, open_incident
from services.intake.domain.waiting import begin
from services.intake.ports import Incidents, Reports
from shared.context import Context
from shared.errors import Refused, Unavailable
from shared.ids import public_code
from shared.mongo.work import Ref, Work

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

    `report` comes with a fresh incident id and without a code; both count only if the report is new. Its `flags` are what
    was noticed about it before; what its place and photos say is added here.
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
        report = self._new(work)
        told = [events.incident_reported(report, self.context)] if report.told else []
        work.put(CODES, {"_id": report.code, "incident": report.incident})
        self.reports.put(work, report)
        self.incidents.put(work, open_incident(report), *told)
        return Opened(report, replayed=False)

    def _new(self, work: Work) -> Report:
        """As it is stored: with its code, the server's time, all its flags, and when it goes out."""
        seen: tuple[Flag, ...] = (*self.report.flags, *flags_of(self.report.place, list(self.photo_distances)))
        later = self.context if self.report.awaiting else None
        flags = tuple(dict.fromkeys(seen))
        code = self._free_code(work)
        return begin(replace(self.report, code=code, received_at=work.now, flags=flags, context=later))

    def _candidates(self) -> list[str]:
        return [public_code(self.report.incident, attempt) for attempt in range(CODE_CANDIDATES)]

    def _free_code(self, work: Work) -> str:
        for code in self._candidates():
            if work.get(CODES, code) is None:
                return code
        raise Unavailable("no free public code among the candidates")
