"""One thing in the world, one incident: reports move to where they belong."""

from dataclasses import replace
from datetime import datetime

from services.dispatch.domain.clocks import Hours
from services.dispatch.domain.ending import end
from services.dispatch.domain.incident import Happened, Incident, Line, NotAllowed, Reporter, ReportsMoved
from services.dispatch.domain.reporters import with_reporters
from services.dispatch.domain.settling import correct
from services.dispatch.domain.states import OVER, State, Who

Both = tuple[Incident, Incident]


def has_paid(incident: Incident) -> bool:
    """Whether it was fixed at any time, which is when its reporters were paid."""
    return incident.cycle > 1 or incident.resolved_at is not None


def merge(
    twin: Incident, main: Incident, actor: str, at: datetime, reason: str, hours: Hours
) -> tuple[Both, list[Happened], list[Happened]]:
    """`twin` is the same thing as `main`: its reports move there, its photos too. Raises `NotAllowed`.

    Returns both and what happened to each.
    """
    _check_target(twin, main)
    reports = tuple(reporter.report for reporter in twin.reporters)
    ended, happened = end(twin, State.DUPLICATE, Who.STAFF, actor, at, reason, hours)
    ended = replace(ended, main=main.id)
    told = ReportsMoved(main.id, reports, merged=True, reason=reason)
    taken, news = take(main, twin.reporters, twin.shown_photos, f"merged from {twin.code}", actor, at, reason)
    return (ended, taken), [*happened, told], news


def part(
    incident: Incident, report: str, other: Incident, actor: str, at: datetime, reason: str
) -> tuple[Both, list[Happened], list[Happened]]:
    """Move one report to `other`. The first one stays: it says what the incident is. Raises `NotAllowed`."""
    moving = next((one for one in incident.reporters if one.report == report), None)
    if moving is None:
        raise NotAllowed(f"report: {report} is not one of this incident")
    if moving == incident.reporters[0]:
        raise NotAllowed("report: the first report is what the incident is made of; merge or correct the incident")
    _check_target(incident, other)
    line = Line(at, actor, f"report {report} moved to {other.code}", reason)
    left = tuple(one for one in incident.reporters if one is not moving)
    photos = tuple(photo for photo in incident.photo_ids if photo not in moving.photo_ids)
    rest = replace(incident, reporters=left, photo_ids=photos, history=(*incident.history, line))
    told = ReportsMoved(other.id, (report,), merged=False, reason=reason)
    taken, news = take(other, (moving,), moving.photo_ids, f"report {report} from {incident.code}", actor, at, reason)
    return (rest, taken), [told], news


def alone(incident: Incident, report: str, id_: str, code: str, actor: str, at: datetime) -> Incident:
    """A new incident for a report that was wrongly joined: the same kind of thing, where that rider saw it."""
    reporter = next((one for one in incident.reporters if one.report == report), None)
    if reporter is None:
        raise NotAllowed(f"report: {report} is not one of this incident")
    return Incident(
        id=id_,
        subdistrict=incident.subdistrict,
        code=code,
        category=incident.category,
        condition=incident.condition,
        priority=incident.priority,
        place=reporter.place or incident.place,
        text="",
        interim_measures=None,
        photo_ids=(),
        photo_required=incident.photo_required,
        reporters=(),
        state=State.REPORTED,
        cycle=1,
        t0=reporter.received_at,
        history=(Line(at, actor, f"taken out of {incident.code}"),),
        reference_version=incident.reference_version,
    )


def take(
    incident: Incident,
    reporters: tuple[Reporter, ...],
    photos: tuple[str, ...],
    what: str,
    actor: str,
    at: datetime,
    reason: str,
) -> tuple[Incident, list[Happened]]:
    """The incident with these reports; whoever works on it sees the new photos."""
    line = Line(at, actor, what, reason)
    all_photos = tuple(dict.fromkeys((*incident.photo_ids, *photos)))
    taken = replace(with_reporters(incident, *reporters), photo_ids=all_photos, history=(*incident.history, line))
    return taken, [*correct(taken)] if all_photos != incident.photo_ids else []


def _check_target(incident: Incident, other: Incident) -> None:
    if incident.id == other.id:
        raise NotAllowed("an incident cannot be moved into itself")
    if other.state in OVER:
        raise NotAllowed(f"the other incident is {other.state}: choose one that is open or resolved")
