"""What is noticed of a report before it is stored, and of its late photos. Whatever goes wrong, it goes on without."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import structlog

from services.intake.domain.abuse import Facts, Finding, Past, Picture, Sighting, examine, examine_late, flags_in
from services.intake.domain.report import Report, noticed_of
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
    facts = _facts(report, photos, by_himself=scope.id == report.rider)
    past = await _past(desk, scope, report, facts)
    return report if past is None else noticed_of(report, examine(facts, past), scope.id)


async def notice_late(desk: Noticing, scope: Scope, report: Report, photos: Iterable[Photo]) -> tuple[Finding, ...]:
    """What there is to look at in photos that came after their report. Never raises, never takes long."""
    facts = _facts(report, photos, by_himself=report.entered_by is None)
    past = await _past(desk, scope, report, facts)
    return () if past is None else examine_late(facts, past)


async def _past(desk: Noticing, scope: Scope, report: Report, facts: Facts) -> Past | None:
    """None if it cannot be had, or not soon: then the report goes unexamined."""
    try:
        async with asyncio.timeout(desk.seconds):
            return await desk.past.past(scope, report.rider, facts)
    except Exception as error:  # noqa: BLE001 - a report that nobody looked at is better than none
        log.warning("report not examined", report=report.id, error=type(error).__name__)
        desk.failed()
        return None


def count(desk: Noticing, report: Report) -> None:
    """Count the flags of a report that is stored now."""
    for flag in flags_in(report.review.findings) if report.review else ():
        desk.flagged(flag)


def _facts(report: Report, photos: Iterable[Photo], *, by_himself: bool) -> Facts:
    place = report.place
    return Facts(
        Sighting(report.id, place.wgs84.lng, place.wgs84.lat, place.accuracy_m, report.captured_at),
        report.received_at,
        tuple(Picture(one.id, one.sha256_received, one.dhash, one.taken_at, report.id) for one in photos),
        by_himself=by_himself,
    )
