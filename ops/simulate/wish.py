"""The body of a report as the phone of a played day makes it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ops.simulate.behaviours import Way
from ops.simulate.send import Send
from ops.simulate.words import words

_NO_PHOTO = "00000000-0000-5000-8000-000000000000"


def wish(send: Send, run: str, photos: Sequence[str], now: datetime) -> dict[str, Any]:
    """For `POST /v1/reports`; of a send that is to be refused with what is wrong with it."""
    category, fix = send.subject.category, send.fix
    place = {"lng": fix.lng, "lat": fix.lat, "crs": fix.crs, "accuracy_m": fix.accuracy_m}
    body: dict[str, Any] = {
        "client_key": f"{run}-{send.number:05}",
        "category": {"scheme": category.scheme, "code": category.code, "condition": send.subject.condition.code},
        "emergency": send.subject.emergency,
        "place": {**place, "address": send.spot.micro_grid},
        "text": words(run, send.number),
        "photo_ids": list(photos),
        "captured_at": (now - send.captured_before).isoformat(),
    }
    if send.way is Way.NO_CRS:
        del body["place"]["crs"]
    if send.way is Way.NO_SUCH_PHOTO:
        body["photo_ids"] = [_NO_PHOTO]
    if send.way is Way.SOMEONE_ELSE:
        body["rider_id"] = "someone-else"
    return body
