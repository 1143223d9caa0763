"""What intake tells the others, in the words of the contract."""

from datetime import datetime
from typing import Literal, cast

from services.intake.domain.account import Account, scopes_of
from services.intake.domain.report import Place, Report
from services.intake.domain.review import Review
from services.intake.domain.update import Update
from shared.context import Context
from shared.contracts import vocabulary as words
from shared.contracts.account_changed import AccountChanged
from shared.contracts.incident_reported import IncidentReported
from shared.contracts.report_judged import ReportJudged
from shared.contracts.report_updated import ReportUpdated
from shared.contracts.topics import INCIDENT_REPORTED, REPORT_JUDGED, REPORT_UPDATED
from shared.masking import mask_phones
from shared.mongo.outbox import Outgoing

SERVICE = "intake"


def account_changed(account: Account) -> AccountChanged:
    """The account as it now is, without the person: no name, no telephone, no number at a partner."""
    return AccountChanged(
        subdistrict=account.subdistrict,
        account=account.id,
        role=account.role,
        status=account.status,
        scopes=scopes_of(account),
        squad=account.squad,
        captain=account.captain or None,
        community=account.community,
        department=account.department,
        partner=account.partner,
    )


def incident_reported(report: Report, context: Context) -> Outgoing:
    """The event of a first report. It happened when the report was received, whenever it goes out."""
    return Outgoing(SERVICE, INCIDENT_REPORTED.name, reported(report), report.received_at, context, cycle=1)


def photos_added(report: Report, photos: tuple[str, ...], context: Context, now: datetime) -> Outgoing:
    """Photos of a report that has gone out before they came; `flags` are the report's as they now are."""
    added = ReportUpdated(
        subdistrict=report.subdistrict,
        kind="photo_added",
        incident=report.incident,
        report=report.id,
        rider=report.rider,
        photo_ids=photos,
        received_at=now,
        flags=report.flags,
    )
    return Outgoing(SERVICE, REPORT_UPDATED.name, added, now, context)


def sighted(report: Report, kind: Literal["joined", "broken_again"], context: Context, now: datetime) -> Outgoing:
    """A further report of a known incident."""
    sighting = ReportUpdated(
        subdistrict=report.subdistrict,
        kind=kind,
        incident=report.incident,
        report=report.id,
        rider=report.rider,
        text=mask_phones(report.text),
        photo_ids=report.photo_ids,
        emergency=report.emergency,
        place=_place(report.place),
        interim_measures=None if report.interim_measures is None else mask_phones(report.interim_measures),
        captured_at=report.captured_at,
        received_at=report.received_at,
        flags=report.flags,
    )
    return Outgoing(SERVICE, REPORT_UPDATED.name, sighting, now, context)


def updated(report: Report, update: Update, context: Context) -> Outgoing:
    """Something that a rider adds to his report."""
    added = ReportUpdated(
        subdistrict=report.subdistrict,
        kind=update.kind,
        incident=report.incident,
        report=report.id,
        rider=report.rider,
        text=None if update.text is None else mask_phones(update.text),
        photo_ids=update.photo_ids,
        received_at=update.at,
        flags=report.flags,
    )
    return Outgoing(SERVICE, REPORT_UPDATED.name, added, update.at, context)


def report_judged(report: Report, review: Review, context: Context) -> Outgoing:
    """What people said of a flagged report; `review` is decided."""
    assert review.state != "open"
    assert review.decided_at is not None
    judged = ReportJudged(
        subdistrict=report.subdistrict,
        kind=review.state,
        report=report.id,
        incident=report.incident,
        rider=report.rider,
        flags=report.flags,
        reason=None if review.reason is None else mask_phones(review.reason),
        actor_kind=cast(words.ActorKind, context.actor.partition(":")[0]),
        judged_at=review.decided_at,
    )
    return Outgoing(SERVICE, REPORT_JUDGED.name, judged, review.decided_at, context)


def reported(report: Report) -> IncidentReported:
    """The first report of an incident; free text leaves intake only with telephone numbers masked."""
    return IncidentReported(
        subdistrict=report.subdistrict,
        incident=report.incident,
        report=report.id,
        code=report.code,
        rider=report.rider,
        category=words.Category(**report.category),
        condition=report.condition,
        emergency=report.emergency,
        place=_place(report.place),
        photo_ids=report.photo_ids,
        text=mask_phones(report.text),
        interim_measures=None if report.interim_measures is None else mask_phones(report.interim_measures),
        captured_at=report.captured_at,
        received_at=report.received_at,
        flags=report.flags,
        after_photo_ids=report.after_photo_ids,
        entered_by=report.entered_by,
    )


def _place(place: Place) -> words.Place:
    grid = place.grid
    return words.Place(
        wgs84=words.Point(lng=place.wgs84.lng, lat=place.wgs84.lat),
        gcj02=words.Point(lng=place.gcj02.lng, lat=place.gcj02.lat),
        accuracy_m=place.accuracy_m,
        grid=None
        if grid is None
        else words.GridPath(
            subdistrict=grid.subdistrict,
            community=grid.community,
            basic_grid=grid.basic_grid,
            micro_grid=grid.micro_grid,
        ),
        address=None if place.address is None else mask_phones(place.address),
        flags=() if grid is not None else ("needs_location",),
    )
