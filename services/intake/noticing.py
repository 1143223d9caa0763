"""What is noticed of a report before it is stored. Whatever goes wrong here, the report goes on without it."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import structlog

from services.intake.domain.abuse import Facts, Finding, Picture, Sighting, examine, flags_in
from services.intake.domain.report import Report
from services.intake.domain.review import Review
from services.intake.ports import PastViews, Photo
from shared.scope import Scope

log = structlog.get_logger(__name__)

SECONDS = 1.0
"""So long a report waits to be looked at: a rider at the kerb waits with it."""


@dataclass(frozen=True, slots=True)
class Noticing:
    """What was before, and what counts: `flagged` each flag of a stored report, `failed` each report that went unseen."""

    past: PastViews
    flagged: Callable[[str], None]
    failed: Callable[[], None]
    seconds: float = SECONDS


async def notice(desk: Noticing, scope: Scope, report: Report, photos: Iterable[Photo]) -> Report:
    """The report with its flags and an open review if there is anything to look at. Never raises, never takes long."""
    facts = _facts(scope, report, photos)
    try:
        async with asyncio.timeout(desk.seconds):
            past = await desk.past.past(scope, report.rider, facts)
    except Exception as error:  # noqa: BLE001 - a report that nobody looked at is better than none
        log.warning("report not examined", report=report.id, error=type(error).__name__)
        desk.failed()
        return report
    found = examine(facts, past)
    return _flagged(report, found, scope) if found else report


def count(desk: Noticing, report: Report) -> None:
    """Count the flags of a report that is stored now."""
    for flag in flags_in(report.review.findings) if report.review else ():
        desk.flagged(flag)


def _flagged(report: Report, found: tuple[Finding, ...], scope: Scope) -> Report:
    return replace(report, flags=(*report.flags, *flags_in(found)), review=Review(found, sent_by=scope.id))


def _facts(scope: Scope, report: Report, photos: Iterable[Photo]) -> Facts:
    place = report.place
    return Facts(
        Sighting(report.id, place.wgs84.lng, place.wgs84.lat, place.accuracy_m, report.captured_at),
        report.received_at,
        tuple(Picture(one.id, one.sha256_received, one.dhash, one.taken_at, report.id) for one in photos),
        by_himself=scope.id == report.rider,
    )
