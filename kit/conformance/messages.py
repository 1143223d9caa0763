"""Messages of the play, as dispatch writes them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from shared.contracts.cloudevent import Headers
from shared.contracts.dispatch_order import DispatchOrder
from shared.contracts.envelope import Envelope, Message, encode

SUBDISTRICT = "140302003"
_PLACE = {
    "wgs84": {"lng": 113.58, "lat": 37.857},
    "gcj02": {"lng": 113.586403, "lat": 37.857503},
    "accuracy_m": 12.0,
    "address": "菜市场北门",
}
_STATES = {"offer": "offered", "reopen": "offered", "withdraw": "withdrawn"}


def message(order: str, seq: int, kind: str, update_id: str | None) -> tuple[Headers, bytes]:
    """Headers and value of one message; the same arguments on one day give the same event id, as a repetition has."""
    now = datetime.now(UTC)
    incident = order.rpartition(".")[0]
    data = DispatchOrder.model_validate(
        {
            "subdistrict": SUBDISTRICT,
            "kind": kind,
            "order": order,
            "seq": seq,
            "work_order": _work_order(order, incident, _STATES.get(kind, "accepted"), now),
            "update_id": update_id,
            "reason": "演练 a rehearsal",
            "reason_code": "stale" if kind == "refused" else None,
        }
    )
    envelope = Envelope(
        id=f"dispatch:{order}:{seq}",
        type=DispatchOrder.TYPE,
        source=f"/{SUBDISTRICT}/dispatch",
        subject=order,
        time=now,
        recorded_time=now,
        partition_key=incident,
        sequence=seq,
        cycle=1,
        correlation_id=incident,
        causation_id=None,
        actor="system:conformance",
        traceparent=None,
    )
    return encode(Message(envelope, data))


def _work_order(order: str, incident: str, state: str, now: datetime) -> dict[str, Any]:
    return {
        "order": order,
        "incident": incident,
        "code": "7K3M-9QXA",
        "cycle": 1,
        "category": {"scheme": "gb30428", "code": "P0101", "zh": "上水井盖", "en": "Water cover"},
        "condition": "broken",
        "severity": "N",
        "place": _PLACE,
        "text": "井盖破了",
        "photo_required": True,
        "state": state,
        "offered_at": now,
        "accept_by": now + timedelta(hours=8),
        "due_at": now + timedelta(days=3),
        "flags": ("rehearsal",),
    }
