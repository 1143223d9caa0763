"""The departments of a played day: each reads and writes Kafka with its own login and mends what it is asked to."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from ops.simulate.behaviours import Crew
from ops.simulate.doors import Doors
from ops.simulate.people import People
from ops.simulate.pictures import Picture
from ops.simulate.updates import evidence, say
from ops.simulate.words import number_in
from shared.contracts.topics import topic_named
from shared.kafka.connection import client_options
from shared.settings import KafkaSettings

Hold = Callable[[int], Awaitable[None]]


@dataclass(slots=True)
class Crews:
    """`told`: orders offered, by department; `refused`: what the departments were refused."""

    told: dict[str, set[str]] = field(default_factory=dict)
    refused: list[Mapping[str, Any]] = field(default_factory=list)


@asynccontextmanager
async def working(
    doors: Doors, people: People, run: str, ways: Mapping[int, Crew], since: datetime, hold: Hold
) -> AsyncIterator[Crews]:
    """All departments of `people` at work on the reports of this run, `ways` by the send's number. Raises `NotLetIn`.

    `hold` returns when the order of a send may be worked on.
    """
    crews = Crews()
    async with AsyncExitStack() as stack:
        for code, token in people.departments.items():
            receipt = await evidence(doors.intake, token, Picture(0), f"{run}/{code}", code)
            one = _Department(code, doors.departments[code], receipt, run, ways, crews, hold)
            await stack.enter_async_context(one.at_work(since))
        yield crews


@dataclass(frozen=True, slots=True)
class _Department:
    """A message that comes twice is answered twice under the same id, as a careful department does."""

    code: str
    login: KafkaSettings
    receipt: str
    run: str
    ways: Mapping[int, Crew]
    crews: Crews
    hold: Hold

    @asynccontextmanager
    async def at_work(self, since: datetime) -> AsyncIterator[None]:
        """Reads what was written after `since`; done with at the end."""
        options, topic = client_options(self.login, "simulate"), f"dispatch.{self.code}"
        consumer = AIOKafkaConsumer(**options, auto_offset_reset="earliest", enable_auto_commit=False)
        producer = AIOKafkaProducer(**options, acks="all", enable_idempotence=True)
        # of no group: it would be left behind, and somebody would miss its members
        consumer.assign([TopicPartition(topic, number) for number in range(topic_named(topic).partitions)])
        await producer.start()
        await consumer.start()
        reading = asyncio.create_task(self._work(consumer, producer, since))
        try:
            yield
        finally:
            reading.cancel()
            await consumer.stop()
            await producer.stop()

    async def _work(self, consumer: Any, producer: Any, since: datetime) -> None:
        async with asyncio.TaskGroup() as group:
            async for record in consumer:
                if record.timestamp >= since.timestamp() * 1000:
                    group.create_task(self._act(producer, json.loads(record.value)))

    async def _act(self, producer: Any, message: Mapping[str, Any]) -> None:
        """Beside all others: one order that is held must not hold the next ones."""
        order = message.get("work_order")
        number = number_in(order["text"], self.run) if order else None
        if message["kind"] == "refused" and self.run in str(message.get("update_id")):
            self.crews.refused.append(message)
        if number is not None:
            await self.hold(number)
            if update := self._answer(message, number):
                await say(producer, self.code, update)

    def _answer(self, message: Mapping[str, Any], number: int) -> dict[str, Any] | None:
        """What this department says to a message about that send, None if nothing."""
        if message["kind"] == "offer":
            self.crews.told.setdefault(self.code, set()).add(message["order"])
            return self._to_offer(message, self.ways.get(number, Crew.PROMPT))
        if message["kind"] == "ack" and message["current_state"] == "accepted":
            return self._update("done", message, receipts=[self.receipt])
        return None

    def _to_offer(self, message: Mapping[str, Any], crew: Crew) -> dict[str, Any]:
        if crew is Crew.RETURNS and message["order"].endswith(".1"):
            return self._update("returned", message, reason="模拟：现场无法处置 simulated: cannot be done from here")
        if crew is Crew.STEADY:
            return self._update("accepted", message)
        return self._update("done", message, receipts=[self.receipt])

    def _update(self, kind: str, message: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
        return {
            "subdistrict": message["subdistrict"],
            "update_id": f"{self.run}-{kind}-{message['order']}",
            "order": message["order"],
            "seen_seq": message["seq"],
            "kind": kind,
            "at": datetime.now(UTC).isoformat(),
            **fields,
        }
