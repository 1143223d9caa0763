"""What simulated departments send: updates on their topic, and after-photos to intake."""

import json
from collections.abc import Mapping
from typing import Any

import httpx2

from ops.simulate.doors import bearer
from ops.simulate.people import NotLetIn
from ops.simulate.pictures import Picture, taken

_TYPE = b"cn.qianshao.order.updated.v1"


async def evidence(intake: str, token: str, picture: Picture, salt: str, who: str) -> str:
    """The receipt of an after-photo of this department; `intake` is its URL up to `/v1`. Raises `NotLetIn`."""
    async with httpx2.AsyncClient(base_url=intake, headers=bearer(token), timeout=30.0) as http:
        answer = await http.post("/v1/evidence", files={"photo": ("after.jpg", taken(picture, salt), "image/jpeg")})
    if not answer.is_success:
        raise NotLetIn(f"evidence of {who}: {answer.status_code} {answer.text[:300]}")
    return str(answer.json()["receipt"])


async def say(producer: Any, department: str, update: Mapping[str, Any]) -> None:
    """Send one update as a CloudEvent, keyed by order. Raises what aiokafka raises."""
    attributes = {"specversion": "1.0", "id": update["update_id"], "source": f"/department/{department}"}
    named = {**attributes, "time": update["at"]}
    headers = [("content-type", b"application/json"), ("ce_type", _TYPE)]
    headers += [(f"ce_{name}", str(value).encode()) for name, value in named.items()]
    body, key = json.dumps(update, ensure_ascii=False).encode(), update["order"].encode()
    await producer.send_and_wait(f"department-updates.{department}", body, key=key, headers=headers)
