"""What the events of others mean to notify: for each topic, the event in notify's words."""

from dataclasses import replace
from datetime import datetime

from services.notify.domain.case import Heard, Joined, Order, Reported, Where
from services.notify.domain.words import ACTIVITIES, UNCERTAIN, Words, said, same, why_adjusted, why_awarded
from services.notify.ports import Names
from shared.contracts import vocabulary
from shared.contracts.activity_decided import ActivityDecided
from shared.contracts.activity_recorded import ActivityRecorded
from shared.contracts.envelope import Message
from shared.contracts.incident_changed import IncidentChanged
from shared.contracts.incident_reported import IncidentReported
from shared.contracts.incident_resolved import IncidentResolved
from shared.contracts.points_adjusted import PointsAdjusted
from shared.contracts.points_awarded import PointsAwarded
from shared.contracts.report_updated import ReportUpdated
from shared.contracts.topics import (
    ACTIVITY_DECIDED,
    ACTIVITY_RECORDED,
    INCIDENT_CHANGED,
    INCIDENT_REPORTED,
    INCIDENT_RESOLVED,
    POINTS_ADJUSTED,
    POINTS_AWARDED,
    REPORT_UPDATED,
)


def reported(message: Message, names: Names) -> Heard:
    """A new incident."""
    data = message.data
    assert isinstance(data, IncidentReported)  # the only type on this topic
    category = names.category(data.category.scheme, data.category.code)
    public = names.public(data.category.scheme, data.category.code)
    report = Reported(data.code, data.rider, category, _where(data.place, names), data.emergency, public)
    return _heard(INCIDENT_REPORTED.name, message, "new", data.incident, riders=(data.rider,), report=report)


def updated(message: Message, names: Names) -> Heard:
    """A rider adds something; two kinds bring a further reporter."""
    data = message.data
    assert isinstance(data, ReportUpdated)  # the only type on this topic
    new = data.kind in ("joined", "broken_again")
    joined = Joined(data.rider, _milliseconds(data.received_at)) if new else None
    return _heard(REPORT_UPDATED.name, message, data.kind, data.incident, riders=(data.rider,), joined=joined)


def changed(message: Message, names: Names) -> Heard:
    """A step of an incident or of one of its orders."""
    data = message.data
    assert isinstance(data, IncidentChanged)  # the only type on this topic
    word = _state_word(data) if data.kind == "state" else data.kind
    word = f"escalated:{data.level}" if data.kind == "escalated" else word
    values = {"reason": _reason(data), "question": _reason(data)}
    if data.order is not None:
        values["department"] = names.department(data.order.department)
    return _heard(
        INCIDENT_CHANGED.name,
        message,
        word,
        data.incident,
        values=values,
        where=None if data.place is None else _where(data.place, names),
        category=None if data.category is None else names.category(data.category.scheme, data.category.code),
        public=None if data.category is None else names.public(data.category.scheme, data.category.code),
        department=None if data.order is None else data.order.department,
        order=None if data.order is None else _order(data.order),
    )


def resolved(message: Message, names: Names) -> Heard:
    """It is fixed. The event names who reported it, also where they came from a merged incident."""
    data = message.data
    assert isinstance(data, IncidentResolved)  # the only type on this topic
    riders = tuple(dict.fromkeys(reporter.rider for reporter in data.reporters))
    return _heard(INCIDENT_RESOLVED.name, message, data.how, data.incident, riders=riders)


def awarded(message: Message, names: Names) -> Heard:
    """Points stand in a passbook."""
    data = message.data
    assert isinstance(data, PointsAwarded)  # the only type on this topic
    word = "hazard" if data.incident else "activity"
    values = {
        "points": same(str(data.points)),
        "balance": same(str(data.balance_after)),
        "why": why_awarded(data.rule, data.activity),
    }
    word = "cap" if data.points == 0 else word
    return _heard(POINTS_AWARDED.name, message, word, data.incident, values=values, riders=(data.rider,))


def adjusted(message: Message, names: Names) -> Heard:
    """Something else happened in a passbook; amounts are told without a sign."""
    data = message.data
    assert isinstance(data, PointsAdjusted)  # the only type on this topic
    values = {
        "points": same(str(abs(data.points))),
        "balance": same(str(data.balance_after)),
        "why": why_adjusted(data.reason),
    }
    return _heard(POINTS_ADJUSTED.name, message, data.kind, data.incident, values=values, riders=(data.rider,))


def decided(message: Message, names: Names) -> Heard:
    """A recorded activity was approved or not."""
    data = message.data
    assert isinstance(data, ActivityDecided)  # the only type on this topic
    values = {"activity": ACTIVITIES[data.activity], "reason": said(data.reason)}
    return _heard(ACTIVITY_DECIDED.name, message, data.kind, None, values=values, riders=(data.rider,))


def recorded(message: Message, names: Names) -> Heard:
    """Somebody has recorded what he did; who did it is the captain's to look up, not the message's to say."""
    data = message.data
    assert isinstance(data, ActivityRecorded)  # the only type on this topic
    word = "for_captain" if data.squad else "without_captain"
    values = {"activity": ACTIVITIES[data.activity]}
    heard = _heard(ACTIVITY_RECORDED.name, message, word, None, values=values, riders=(data.rider,))
    return replace(heard, squad=data.squad)


def _heard(
    topic: str,
    message: Message,
    word: str,
    incident: str | None,
    *,
    values: dict[str, Words] | None = None,
    riders: tuple[str, ...] = (),
    report: Reported | None = None,
    joined: Joined | None = None,
    where: Where | None = None,
    category: Words | None = None,
    public: bool | None = None,
    department: str | None = None,
    order: Order | None = None,
) -> Heard:
    return Heard(
        topic=topic,
        event=message.envelope.id,
        word=word,
        at=_milliseconds(message.envelope.time),
        subdistrict=message.data.subdistrict,
        incident=incident,
        values=values or {},
        riders=riders,
        report=report,
        joined=joined,
        where=where,
        category=category,
        public=public,
        department=department,
        order=order,
    )


def _order(view: vocabulary.OrderView) -> Order:
    open_ = view.state in ("offered", "accepted", "working")
    return Order(view.id, view.department, _milliseconds(view.due_at), open_)


def _state_word(data: IncidentChanged) -> str:
    """The state, and where it matters how the incident came there."""
    match data.to_state, data.from_state:
        case "triaged", "rejected":
            return "state:triaged_appeal"
        case "triaged", "dispatched" | "in_progress":
            return "state:triaged_returned"
        case "triaged", _ if data.reason:
            return "state:triaged_reason"
        case "dispatched", "resolved" | "closed":
            return "state:reopened"
    return f"state:{data.to_state}"


def _reason(data: IncidentChanged) -> Words:
    """What people wrote stays as it is; dispatch's own reason for triage is put into words."""
    return UNCERTAIN if (data.reason or "").startswith("needs_location") else said(data.reason)


def _where(place: vocabulary.Place, names: Names) -> Where:
    """The micro-grid in words, and how people call the spot."""
    if place.grid is None:
        return Where(same(place.address) if place.address else Words("位置待核实", "place to be checked"), None)
    plain = found = names.place(place.grid.micro_grid)
    if place.address:
        found = Words(f"{found.zh}，{place.address}", f"{found.en}, {place.address}")
    return Where(found, place.grid.community, place.grid.micro_grid, plain)


def _milliseconds(at: datetime) -> datetime:
    """As MongoDB keeps it, so that comparing before and after storing gives the same."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
