"""Opening an incident with a report: one transaction, one answer per client key."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from services.intake.domain.report import Flag, Report, flags_of
from services.intake.domain.waiting import begin
from services.intake.joining import NOTHING, Choice, Joining, Said, settled
from services.intake.ports import Holdings
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

    holdings: Holdings
    report: Report
    photo_distances: tuple[float | None, ...]
    context: Context
    said: Said = NOTHING

    def reads(self) -> Iterable[Ref]:
        codes = [Ref(CODES, code) for code in self._candidates()]
        return [self.holdings.reports.ref(self.report.id), *self._joining.reads(self.report), *codes]

    def more_reads(self, work: Work) -> Iterable[Ref]:
        return self._joining.more_reads(work)

    @property
    def _joining(self) -> Joining:
        return Joining(self.holdings, self.said)

    def decide(self, work: Work) -> Opened:
        before = self.holdings.reports.get(work, self.report.id)
        if before is not None:
            if before.fingerprint != self.report.fingerprint:
                raise KeyReused("client_key: was used before for a report with another content")
            return Opened(before, replayed=True)
        choice = self._joining.choose(work, self.report)
        report = self._new(work, choice)
        self.holdings.reports.put(work, report)
        if choice.known is None:
            work.put(CODES, {"_id": report.code, "incident": report.incident})
        self._joining.put(work, report, choice, self.context)
        return Opened(report, replayed=False)

    def _new(self, work: Work, choice: Choice) -> Report:
        """As it is stored: with its code, the server's time, all its flags, and when it goes out."""
        seen: tuple[Flag, ...] = (*self.report.flags, *flags_of(self.report.place, list(self.photo_distances)))
        later = self.context if self.report.awaiting else None
        flags = tuple(dict.fromkeys(seen))
        code = self._free_code(work) if choice.known is None else ""
        new = replace(self.report, code=code, received_at=work.now, flags=flags, context=later)
        return begin(settled(new, choice), can_wait=choice.known is None)

    def _candidates(self) -> list[str]:
        return [public_code(self.report.incident, attempt) for attempt in range(CODE_CANDIDATES)]

    def _free_code(self, work: Work) -> str:
        for code in self._candidates():
            if work.get(CODES, code) is None:
                return code
        raise Unavailable("no free public code among the candidates")
