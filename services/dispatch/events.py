"""What dispatch tells the services and the departments, in the words of the contract."""

from dataclasses import replace

from services.dispatch import desk_events
from services.dispatch.domain.incident import (
    CategoryChanged,
    Escalated,
    Happened,
    Incident,
    Order,
    OrderChanged,
    PlaceChanged,
    Reminded,
    ReportsMoved,
    Resolved,
    StateChanged,
    Told,
)
from services.dispatch.domain.reporters import in_order
from services.dispatch.domain.states import FINISHED_ORDERS
from services.dispatch.ports import CategoryRule
from shared.contracts import vocabulary as words
from shared.contracts.dispatch_order import DispatchOrder
from shared.contracts.event import EventData
from shared.contracts.incident_changed import IncidentChanged
from shared.contracts.incident_resolved import IncidentResolved
from shared.contracts.topics import INCIDENT_CHANGED, INCIDENT_RESOLVED, dispatch_topic

_MOST_PHOTOS = 20
"""An event names no more; each order's own `done` has told of all of its photos."""

_MOST_REPORTERS = 1000
MOST_OF_ORDER = 50
MOST_FLAGS = 20
"""What the contract has room for: reporters of a resolution, photos of a work order, flags."""


def tell(incident: Incident, category: CategoryRule, happened: Happened, actor_kind: str) -> tuple[str, EventData]:
    """Topic name and event for one thing that happened; `incident` is as it is afterwards."""
    match happened:
        case StateChanged():
            return INCIDENT_CHANGED.name, _state_changed(incident, happened, actor_kind)
        case OrderChanged():
            return INCIDENT_CHANGED.name, _order_changed(incident, happened, actor_kind)
        case Reminded() | Escalated():
            return INCIDENT_CHANGED.name, _waits(incident, happened, actor_kind)
        case Resolved():
            return INCIDENT_RESOLVED.name, _resolved(incident, happened)
        case PlaceChanged() | CategoryChanged() | ReportsMoved():
            return INCIDENT_CHANGED.name, desk_events.tell(incident, happened, actor_kind)
        case Told():
            order = _order(incident, happened.order)
            return dispatch_topic(order.department).name, _told(incident, order, category, happened)


def _state_changed(incident: Incident, change: StateChanged, actor_kind: str) -> IncidentChanged:
    return IncidentChanged.model_validate(
        {
            "subdistrict": incident.subdistrict,
            "kind": "state",
            "incident": incident.id,
            "code": incident.code,
            "actor_kind": actor_kind,
            "from_state": change.before.value,
            "to_state": change.after.value,
            "reason": change.reason,
            "severity": incident.priority.value,
            "flags": incident.flags[:MOST_FLAGS],
            "until": change.until,
            "photo_ids": change.photo_ids[:_MOST_PHOTOS],
        }
    )


def _order_changed(incident: Incident, change: OrderChanged, actor_kind: str) -> IncidentChanged:
    order = _order(incident, change.order)
    return IncidentChanged.model_validate(
        {
            "subdistrict": incident.subdistrict,
            "kind": f"order_{change.kind}",
            "incident": incident.id,
            "code": incident.code,
            "actor_kind": actor_kind,
            "reason": change.reason,
            "order": _view(order),
            "until": change.until,
            "extension": change.extension,
            "photo_ids": order.evidence if change.kind == "done" else (),
        }
    )


def _waits(incident: Incident, told: Reminded | Escalated, actor_kind: str) -> IncidentChanged:
    escalated = told if isinstance(told, Escalated) else None
    return IncidentChanged.model_validate(
        {
            "subdistrict": incident.subdistrict,
            "kind": "escalated" if escalated else "reminder",
            "incident": incident.id,
            "code": incident.code,
            "actor_kind": actor_kind,
            "order": _view(_order(incident, told.order)) if told.order else None,
            "level": escalated.level if escalated else None,
            "reason": escalated.reason if escalated else None,
            "flags": _flags(incident, told.late_start),
        }
    )


def _view(order: Order) -> dict[str, object]:
    return {
        "id": order.id,
        "department": order.department,
        "state": order.state.value,
        "accept_by": order.accept_by,
        "due_at": order.due_at,
    }


def _flags(incident: Incident, late_start: bool) -> tuple[str, ...]:
    return (*incident.flags, "late_start") if late_start else incident.flags


def _resolved(incident: Incident, resolved: Resolved) -> IncidentResolved:
    done = [o for o in incident.orders if o.cycle == incident.cycle and o.state in FINISHED_ORDERS]
    evidence = dict.fromkeys(photo for order in done for photo in order.evidence)
    return IncidentResolved.model_validate(
        {
            "subdistrict": incident.subdistrict,
            "how": resolved.how,
            "incident": incident.id,
            "code": incident.code,
            "cycle": incident.cycle,
            "resolved_at": incident.resolved_at,
            "departments": tuple(dict.fromkeys(order.department for order in done)),
            "reporters": [
                {"rider": r.rider, "report": r.report, "captured_at": r.captured_at, "received_at": r.received_at}
                for r in in_order(incident.reporters)[:_MOST_REPORTERS]
            ],
            "severity": incident.priority.value,
            "category": incident.category,
            "condition": incident.condition,
            "evidence_photo_ids": tuple(evidence if done else incident.shown_photos)[:_MOST_PHOTOS],
            "on_time": _on_time(done),
        }
    )


def _on_time(done: list[Order]) -> bool | None:
    """None where nobody had a deadline."""
    return all(order.done_at is not None and order.done_at <= order.due_at for order in done) if done else None


def _told(incident: Incident, order: Order, category: CategoryRule, told: Told) -> DispatchOrder:
    return DispatchOrder.model_validate(
        {
            "subdistrict": incident.subdistrict,
            "kind": told.kind,
            "order": order.id,
            "seq": told.seq,
            "work_order": work_order(replace(incident, flags=_flags(incident, told.late_start)), order, category),
            "level": told.level,
            "update_id": told.update_id,
            "current_state": order.state.value if told.update_id else None,
            "reason": told.reason,
            "reason_code": told.reason_code,
        }
    )


def work_order(incident: Incident, order: Order, category: CategoryRule) -> words.WorkOrder:
    """The whole order, so that each message to a department can be read alone."""
    return words.WorkOrder.model_validate(
        {
            "order": order.id,
            "incident": incident.id,
            "code": incident.code,
            "cycle": order.cycle,
            "category": {**incident.category, "zh": category.zh, "en": category.en},
            "condition": incident.condition,
            "severity": incident.priority.value,
            "place": incident.place,
            "text": incident.text,
            "interim_measures": incident.interim_measures,
            "photos": [
                {"id": photo, "url": f"/intake/v1/photos/{photo}"} for photo in incident.shown_photos[:MOST_OF_ORDER]
            ],
            "photo_required": incident.photo_required,
            "state": order.state.value,
            "offered_at": order.offered_at,
            "accept_by": order.accept_by,
            "due_at": order.due_at,
            "flags": order_flags(incident, order),
            "answers": [{"question": question, "choice": choice} for question, choice in incident.answers.items()],
        }
    )


def order_flags(incident: Incident, order: Order) -> tuple[str, ...]:
    """What is to be known of an order beside its fields; its own flags go first where there is no room for all."""
    own = ("calendar_unconfirmed",) if order.calendar_unconfirmed else ()
    return (*own, *incident.flags)[:MOST_FLAGS]


def refused_unknown(subdistrict: str, order: str, seq: int, update_id: str, reason: str) -> DispatchOrder:
    """The answer to an update of an order that this department does not have."""
    return DispatchOrder(
        subdistrict=subdistrict,
        kind="refused",
        order=order,
        seq=seq,
        update_id=update_id,
        reason=reason,
        reason_code="unknown_order",
    )


def _order(incident: Incident, order_id: str) -> Order:
    order = incident.order(order_id)
    assert order is not None  # only orders of this incident are spoken of
    return order
