"""The municipal department in a test: what it was told about one incident, and what it says."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

from tests.support.house import SUBDISTRICT, House, eventually

TYPE = b"cn.qianshao.order.updated.v1"


def update(kind: str, order: str, seen_seq: int, **fields: Any) -> dict[str, Any]:
    """A department's message."""
    return {
        "subdistrict": SUBDISTRICT,
        "update_id": str(uuid.uuid4()),
        "order": order,
        "seen_seq": seen_seq,
        "kind": kind,
        "at": datetime.now(UTC).isoformat(),
        **fields,
    }


def headers(update_id: str, time: str) -> list[tuple[str, bytes]]:
    """The least that CloudEvents asks for, in binary mode."""
    attributes = {"specversion": "1.0", "id": update_id, "source": "/department/x", "time": time}
    named = [(f"ce_{name}", value.encode()) for name, value in attributes.items()]
    return [("content-type", b"application/json"), ("ce_type", TYPE), *named]


class Municipal:
    """Reads `dispatch.<department>` and writes `department-updates.<department>` with its own login."""

    def __init__(self, house: House, incident: str, department: str = "municipal") -> None:
        self._house = house
        self._incident = incident
        self._department = department

    async def all_told(self) -> list[dict[str, Any]]:
        """Every message about the incident so far, once per (order, seq), as the contract lets a reader do."""
        records = await self._house.topic(f"dispatch.{self._department}", self._incident)
        messages = [json.loads(record.value) for record in records]
        return list({(message["order"], message["seq"]): message for message in messages}.values())

    async def told(self, kind: str, seq: int | None = None) -> dict[str, Any]:
        """Wait for a message of that kind (and number)."""

        async def look() -> dict[str, Any] | None:
            found = [m for m in await self.all_told() if m["kind"] == kind and seq in (None, m["seq"])]
            return found[0] if found else None

        message: dict[str, Any] = await eventually(f"{self._department} is told {kind}", look)
        return message

    async def say(self, kind: str, order: str, seen_seq: int, **fields: Any) -> str:
        """Send an update; returns its id."""
        message = update(kind, order, seen_seq, **fields)
        await self.put(message)
        return str(message["update_id"])

    async def put(self, message: dict[str, Any], topic: str | None = None) -> None:
        """Send a message as it is."""
        await self._house.send(
            f"dept.{self._department}",
            topic or f"department-updates.{self._department}",
            json.dumps(message, ensure_ascii=False).encode(),
            headers(message["update_id"], datetime.now(UTC).isoformat()),
            key=message["order"].encode(),
        )
