"""What a rider adds to his report: one command for every kind, guarded by the state that his incident is in."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from services.intake import events
from services.intake.domain.report import Flag, Report
from services.intake.domain.status import Status
from services.intake.domain.update import Update, UpdateKind, check_photos, check_update
from services.intake.ports import Holdings
from shared.context import Context
from shared.errors import NotFound
from shared.mongo.work import Ref, Work
from shared.scope import Scope


@dataclass(frozen=True, slots=True)
class Updated:
    """The report with the update, and the status that its incident had."""

    report: Report
    status: Status


@dataclass(frozen=True, slots=True)
class AddUpdate:
    """Add to one's own report and tell everyone, under the incident that the report is in by now.

    `flags` are what was noticed about the photos. Raises `NotFound` for a report of somebody else, `Conflict` when the state
    is past it, `Invalid` for too many photos or updates.
    """

    holdings: Holdings
    scope: Scope
    report: str
    kind: UpdateKind
    text: str | None
    photo_ids: tuple[str, ...]
    flags: tuple[Flag, ...]
    context: Context

    def reads(self) -> Iterable[Ref]:
        return [self.holdings.reports.ref(self.report)]

    def more_reads(self, work: Work) -> Iterable[Ref]:
        report = self.holdings.reports.get(work, self.report)
        if report is None:
            return []
        return [self.holdings.incidents.ref(report.incident), self.holdings.statuses.ref(report.incident)]

    def decide(self, work: Work) -> Updated:
        report = self._own(work)
        status = self.holdings.statuses.get(work, report.incident) or Status(report.incident)
        check_update(self.kind, status, report.updates, work.now)
        check_photos((*report.photo_ids, *report.awaiting), self.photo_ids)
        update = Update(self.kind, work.now, self.text, self.photo_ids)
        after = replace(
            report,
            photo_ids=(*report.photo_ids, *self.photo_ids),
            flags=tuple(dict.fromkeys((*report.flags, *self.flags))),
            updates=(*report.updates, update),
        )
        self._put(work, after, update)
        return Updated(after, status)

    def _own(self, work: Work) -> Report:
        report = self.holdings.reports.get(work, self.report)
        if report is None or report.rider != self.scope.id or report.subdistrict != self.scope.subdistrict:
            raise NotFound("you have no such report")
        return report

    def _put(self, work: Work, report: Report, update: Update) -> None:
        incident = self.holdings.incidents.get(work, report.incident)
        if incident is None:
            raise NotFound("you have no such report")
        photos = tuple(dict.fromkeys((*incident.photo_ids, *update.photo_ids)))
        event = events.updated(report, update, self.context)
        self.holdings.incidents.put(work, replace(incident, photo_ids=photos), event)
        self.holdings.reports.put(work, report)
