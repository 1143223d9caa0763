"""What becomes of a report whose photos were announced: they arrive, or its moment comes; one command for both."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from services.intake import events
from services.intake.domain.abuse import Finding
from services.intake.domain.report import Report, metres_between, noticed_of
from services.intake.domain.waiting import Settled, settle
from services.intake.ports import Incidents, PhotoFacts, Reports
from shared.context import Context
from shared.mongo.outbox import Outgoing
from shared.mongo.work import Ref, Work


@dataclass(frozen=True, slots=True)
class SettlePhotos:
    """Look which awaited photos of a report are there, and do what is due by now: everything else it leaves alone.

    So it may be given at any time and any number of times: when a photo arrives, when the report's `wake_at` has come, and
    by whoever is not sure that it has been given. `context` is the upload's; a timer has none and goes by the report's own.
    `found` is what there is to look at in a photo that has come; it is noted even if another was quicker to settle.
    """

    reports: Reports
    incidents: Incidents
    photos: PhotoFacts
    report: str
    context: Context | None = None
    found: tuple[Finding, ...] = ()

    def reads(self) -> Iterable[Ref]:
        return [self.reports.ref(self.report)]

    def more_reads(self, work: Work) -> Iterable[Ref]:
        report = self.reports.get(work, self.report)
        if report is None or not report.awaiting:
            return []
        return [self.incidents.ref(report.incident), *(self.photos.ref(id_) for id_ in report.awaiting)]

    def decide(self, work: Work) -> Report | None:
        """The report as it now is, None if there is no such one."""
        before = self.reports.get(work, self.report)
        if before is None:
            return None
        settled = settle(before, self._arrived(work, before), work.now) if before.awaiting else None
        report = noticed_of(settled.report if settled else before, self.found, before.sender)
        if report != before:
            self.reports.put(work, report)
        if settled and report != before:
            self._follow(work, replace(settled, report=report))
        return report

    def _arrived(self, work: Work, report: Report) -> dict[str, float | None]:
        found = [self.photos.get(work, id_) for id_ in report.awaiting]
        return {photo.id: metres_between(report.place, photo.gps) for photo in found if photo is not None}

    def _follow(self, work: Work, settled: Settled) -> None:
        """The incident with its photos, and what the others are told."""
        report = settled.report
        incident = self.incidents.get(work, report.incident)
        if incident is None:
            return
        shown = tuple(dict.fromkeys((*incident.photo_ids, *report.shown_photos)))
        told = list(self._events(work, settled))
        if told or shown != incident.photo_ids:
            self.incidents.put(work, replace(incident, photo_ids=shown), *told)

    def _events(self, work: Work, settled: Settled) -> Iterable[Outgoing]:
        report = settled.report
        own = report.context or Context(f"rider:{report.rider}", report.id)
        if settled.goes_out:
            yield events.incident_reported(report, own)
        if settled.added:
            yield events.photos_added(report, settled.added, self.context or own, work.now)
