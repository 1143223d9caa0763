"""The municipal department in a test: what it was told about one incident, and what it says."""

import asyncio
import json
import time
import uuid
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from shared.kafka.connection import client_options
from tests.support.house import SUBDISTRICT, House, eventually, upload

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


class Robot:
    """A department that fixes whatever it is offered, at once and with proof. `refused` collects what was refused."""

    def __init__(self, house: House, department: str = "municipal", done: dict[str, float] | None = None) -> None:
        """`done` is given the moment (of `time.perf_counter`) at which each incident was reported done."""
        self._house = house
        self._department = department
        self._done = {} if done is None else done
        self.refused: list[dict[str, Any]] = []

    async def __aenter__(self) -> "Robot":
        async with self._house.client("intake", "department") as crew:
            self._receipt = (await upload(crew, what="evidence"))["receipt"]
        user = f"dept.{self._department}"
        options = client_options(self._house.stack.kafka.settings(user), "robot")
        group = f"{user}.robot-{uuid.uuid4()}"
        self._consumer = AIOKafkaConsumer(
            f"dispatch.{self._department}", **options, group_id=group, auto_offset_reset="latest"
        )
        self._producer = AIOKafkaProducer(**options, acks="all", enable_idempotence=True)
        await self._producer.start()
        await self._consumer.start()
        await eventually("the robot listens", self._assigned)
        self._task = asyncio.create_task(self._work())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._task.cancel()
        await self._consumer.stop()
        await self._producer.stop()

    async def _assigned(self) -> bool:
        partitions = self._consumer.assignment()
        return bool(partitions) and all([await self._consumer.position(tp) >= 0 for tp in partitions])

    async def _work(self) -> None:
        """An offer that comes twice is answered twice, under the same id, as a careful department does."""
        async for record in self._consumer:
            message = json.loads(record.value)
            if message["kind"] == "refused":
                self.refused.append(message)
            if message["kind"] == "offer":
                done = update("done", message["order"], message["seq"], receipts=[self._receipt])
                self._done.setdefault(record.key.decode(), time.perf_counter())
                await self._say({**done, "update_id": f"done-{message['order']}"})

    async def _say(self, message: dict[str, Any]) -> None:
        topic, body = f"department-updates.{self._department}", json.dumps(message).encode()
        named = headers(message["update_id"], message["at"])
        await self._producer.send_and_wait(topic, body, key=message["order"].encode(), headers=named)
