"""From a request to a command: what the report names is checked, then the lane decides the rest in one transaction."""

from dataclasses import dataclass
from datetime import datetime

from services.intake.checking import check_category, check_photos, check_self_fixed, place_of
from services.intake.counting import UNCOUNTED, Counting, counting_report
from services.intake.domain.abuse import Finding, flags_in
from services.intake.domain.photo import photo_id
from services.intake.domain.report import Flag, Report, metres_between
from services.intake.domain.spot import reach
from services.intake.forms import ReportIn
from services.intake.joining import Said
from services.intake.noticing import Noticing, count, notice, notice_late
from services.intake.opening import Opened, OpenReport
from services.intake.ports import (
    Around,
    Holdings,
    Incidents,
    Photo,
    PhotoFacts,
    PhotoStore,
    Reports,
    Rules,
    Surroundings,
    Views,
)
from services.intake.waiting import SettlePhotos
from shared.clock import Clock
from shared.context import Context
from shared.errors import Invalid
from shared.ids import NewId, report_id
from shared.mongo.lane import Lane
from shared.scope import Scope
from shared.web.idempotency import fingerprint


@dataclass(frozen=True, slots=True)
class Taking:
    """All that taking a report needs, made once in `app.py`."""

    lane: Lane
    reports: Reports
    incidents: Incidents
    facts: PhotoFacts
    photos: PhotoStore
    views: Views
    rules: Rules
    clock: Clock
    new_id: NewId
    holdings: Holdings
    surroundings: Surroundings
    noticing: Noticing
    counting: Counting = UNCOUNTED


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends a report and whose it is. `scope` is that of whoever sends it: the client key, the photos and what he is
    answered go by that; `rider` is whom it is credited to, the same person unless somebody writes for him."""

    scope: Scope
    rider: str
    context: Context

    @property
    def entered_by(self) -> str | None:
        """The account that writes for the rider, None if he does himself."""
        return None if self.scope.id == self.rider else self.scope.id


async def take_report(desk: Taking, wish: ReportIn, sender: Sender) -> Opened:
    """Store it, or answer what was stored for its key: so also if reference data or retention would refuse it by now.

    Raises as `prepare_report` and `OpenReport` do.
    """
    rule = desk.rules.category(wish.category.scheme, wish.category.code)
    with counting_report(desk.counting, rule.tile if rule else "") as counted:
        opened = await _take(desk, wish, sender)
        counted(opened)
    return opened


async def _take(desk: Taking, wish: ReportIn, sender: Sender) -> Opened:
    try:
        command = await prepare_report(desk, wish, sender)
    except Invalid:
        before = await _answered(desk, wish, sender)
        if before is None:
            raise
        return Opened(before, replayed=True)
    opened = await desk.lane.submit(command)
    if not opened.replayed:
        count(desk.noticing, opened.report)
    return Opened(await _settled(desk, opened.report, sender), opened.replayed)


async def prepare_report(desk: Taking, wish: ReportIn, sender: Sender) -> OpenReport:
    """The command for a report. Raises `Invalid` naming each field that reference data or stored photos contradict."""
    announced = [photo_id(sender.scope.actor, digest) for digest in wish.awaiting_photos]
    found = await desk.photos.own(sender.scope, [*wish.photo_ids, *announced, *wish.after_photo_ids])
    check_category(wish, desk.rules)
    check_photos(wish, announced, found)
    check_self_fixed(wish, announced, found)
    report = _report(desk, wish, sender, announced, found)
    report = await notice(desk.noticing, sender.scope, report, found.values())
    distances = tuple(metres_between(report.place, photo.gps) for photo in found.values())
    said = await _said(desk, wish, sender, report)
    return OpenReport(desk.holdings, report, distances, sender.context, said)


async def _said(desk: Taking, wish: ReportIn, sender: Sender, report: Report) -> Said:
    """What he answered to what he was shown, and what is near: the transaction looks at it once more."""
    rule = desk.rules.category(wish.category.scheme, wish.category.code)
    if rule is None or wish.join or wish.broken_again:
        return Said(wish.join, wish.broken_again)
    point = (report.place.wgs84.lng, report.place.wgs84.lat)
    metres = reach(rule.radius_m, report.place.accuracy_m)
    around = Around(wish.category.scheme, wish.category.code, point, metres, desk.clock())
    near = tuple(one.spot.id for one in await desk.surroundings.near(sender.scope, around))
    return Said(not_same_as=tuple(dict.fromkeys(wish.not_same_as)), near=near)


async def photo_arrived(desk: Taking, scope: Scope, photo: str, context: Context) -> None:
    """Tell every report that waits for this photo. Called after each upload, so also when it is repeated."""
    for report in await desk.views.awaiting(scope, photo):
        seen = await desk.views.report(scope, report)
        found = await _noticed(desk, scope, seen[0], [photo]) if seen else ()
        await desk.lane.submit(_settle(desk, report, context, found))


async def _noticed(desk: Taking, scope: Scope, report: Report, photos: list[str]) -> tuple[Finding, ...]:
    """What there is to look at in photos that have come after their report."""
    found = await notice_late(desk.noticing, scope, report, (await desk.photos.own(scope, photos)).values())
    for flag in flags_in(found):
        desk.noticing.flagged(flag)
    return found


def _report(desk: Taking, wish: ReportIn, sender: Sender, announced: list[str], found: dict[str, Photo]) -> Report:
    """As it will be stored if it is new; announced photos that are there already count as named."""
    return Report(
        id=report_id(sender.scope.id, wish.client_key),
        client_key=wish.client_key,
        fingerprint=fingerprint(wish),
        rider=sender.rider,
        subdistrict=sender.scope.subdistrict,
        incident=desk.new_id(),
        code="",
        category={"scheme": wish.category.scheme, "code": wish.category.code},
        condition=wish.category.condition,
        emergency=wish.emergency,
        place=place_of(wish.place, desk.rules),
        text=wish.text,
        interim_measures=wish.interim_measures,
        photo_ids=(*wish.photo_ids, *(id_ for id_ in announced if id_ in found)),
        awaiting=tuple(id_ for id_ in announced if id_ not in found),
        captured_at=_milliseconds(wish.captured_at),
        received_at=desk.clock(),
        flags=_flags(wish, sender),
        reference_version=desk.rules.version,
        after_photo_ids=tuple(wish.after_photo_ids),
        entered_by=sender.entered_by,
        answers=dict(wish.answers),
    )


def _flags(wish: ReportIn, sender: Sender) -> tuple[Flag, ...]:
    """What the wish itself says."""
    flags: list[Flag] = ["self_fixed"] if wish.self_fixed else []
    return (*flags, "entered_by_staff") if sender.entered_by else tuple(flags)


async def _answered(desk: Taking, wish: ReportIn, sender: Sender) -> Report | None:
    """The report that this very wish has made before, None if there is none."""
    found = await desk.views.report(sender.scope, report_id(sender.scope.id, wish.client_key))
    return found[0] if found is not None and found[0].fingerprint == fingerprint(wish) else None


async def _settled(desk: Taking, report: Report, sender: Sender) -> Report:
    """A photo may have arrived while the report was being stored, when nobody waited for it yet."""
    come = await desk.photos.own(sender.scope, list(report.awaiting)) if report.awaiting else {}
    if not come:
        return report
    found = await _noticed(desk, sender.scope, report, list(come))
    return await desk.lane.submit(_settle(desk, report.id, sender.context, found)) or report


def _settle(desk: Taking, report: str, context: Context, found: tuple[Finding, ...]) -> SettlePhotos:
    return SettlePhotos(desk.reports, desk.incidents, desk.facts, report, context, found)


def _milliseconds(at: datetime) -> datetime:
    """All that MongoDB stores, so that a repeated request gets the same answer."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
