"""Deciding on a report that was flagged: once, by somebody who had no part in it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from services.intake import events
from services.intake.domain.report import Report
from services.intake.domain.review import Review, Verdict, judge
from services.intake.ports import Kept
from services.intake.review_out import JudgedOut
from shared.context import Context
from shared.errors import Conflict, Forbidden, NotFound
from shared.mongo.work import Ref, Work
from shared.scope import Scope


@dataclass(frozen=True, slots=True)
class DecideReview:
    """Store the verdict and tell it, in one transaction.

    Raises `NotFound` for a report out of scope or one that nobody flagged, `Forbidden` for one's own, `Conflict` for one
    that is decided or has changed since it was looked at.
    """

    reports: Kept[Report]
    report: str
    verdict: Verdict
    reason: str | None
    expected_version: int
    scope: Scope
    context: Context

    def reads(self) -> Iterable[Ref]:
        return [self.reports.ref(self.report)]

    def decide(self, work: Work) -> JudgedOut:
        report, review = self._open(work)
        judged = judge(review, self.verdict, self.reason, self.scope.id, work.now)
        told = events.report_judged(report, judged, self.context)
        version = self.reports.put(work, replace(report, review=judged), told)
        return JudgedOut(report_id=report.id, verdict=self.verdict, decided_at=work.now, version=version)

    def _open(self, work: Work) -> tuple[Report, Review]:
        report = self.reports.get(work, self.report)
        if report is None or report.review is None or not self._sees(report):
            raise NotFound("there is no such review for you")
        if self.scope.id in (report.rider, report.review.sent_by):
            raise Forbidden("nobody decides about what he has reported or entered himself")
        if report.review.state != "open":
            raise Conflict(f"this report has been decided: {report.review.state}")
        version = self.reports.version(work, self.report)
        if version != self.expected_version:
            raise Conflict(f"expected_version: is {version} by now; look again")
        return report, report.review

    def _sees(self, report: Report) -> bool:
        grid = report.place.grid
        return self.scope.sees(report.subdistrict, grid.community if grid else None)
