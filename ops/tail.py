"""Events as they come: topics read by principal `ops`, without a group, so that nobody notices."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from ops.groups import is_ours
from ops.look import CannotLook
from shared.contracts.envelope import Headers, Malformed, Message, decode
from shared.contracts.topics import DLQ, topic_named
from shared.kafka.connection import client_options
from shared.settings import KafkaSettings

START_SECONDS = 20.0
_POLL_MS = 500
_SUMMARY = ("kind", "code", "from_state", "to_state", "department", "severity", "level", "points", "rider", "reason")
"""Fields of an event's data that tell most, in this order, as far as it has them."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One record. `message` is None where it cannot be read; then `unreadable` says why. `at` is when it was sent."""

    topic: str
    partition: int
    offset: int
    at: datetime
    key: str
    headers: Headers
    value: bytes
    message: Message | None
    unreadable: str | None

    def about(self, incident: str) -> bool:
        """Whether it speaks of the incident, by id or public code."""
        named: set[str | None] = {self.key}
        if self.message is not None:
            data = self.message.data
            named |= {self.message.envelope.subject, getattr(data, "incident", None), _code(data)}
        # a department speaks of an order, whose id is that of the incident, a dot and a number
        return incident in named or any(name.startswith(f"{incident}.") for name in named if name)

    def line(self) -> str:
        """For people: time, topic, type, key, sequence, summary."""
        clock = f"{self.at:%H:%M:%S.%f}"[:-3]
        if self.message is None:
            return f"{clock}  {self.topic}  ?  {self.key}  -  {self.unreadable}"
        envelope = self.message.envelope
        kind = envelope.type.removeprefix("cn.qianshao.")
        return f"{clock}  {self.topic}  {kind}  {self.key}  #{envelope.sequence}  {summary(self.message)}"

    def whole(self) -> dict[str, Any]:
        """For programs: where it stands, every attribute of the envelope and the data; hex where it cannot be read."""
        place = {
            "topic": self.topic,
            "partition": self.partition,
            "offset": self.offset,
            "at": self.at,
            "key": self.key,
        }
        headers = {name: content.decode("utf-8", "replace") for name, content in self.headers}
        if self.message is None:
            return {**place, "headers": headers, "unreadable": self.unreadable, "value_hex": self.value.hex()}
        data = self.message.data.model_dump(mode="json", exclude_none=True)
        return {**place, "headers": headers, "data": data}


def summary(message: Message) -> str:
    """The fields that tell most, as `name=value`."""
    values = {name: getattr(message.data, name, None) for name in _SUMMARY}
    order = getattr(message.data, "order", None)
    values["code"], values["department"] = _code(message.data), getattr(order, "department", None)
    return " ".join(f"{name}={value}" for name, value in values.items() if value not in (None, ""))


def _code(data: Any) -> str | None:
    order = getattr(data, "work_order", None)
    code: str | None = getattr(data, "code", None) or getattr(order, "code", None)
    return code


async def follow(
    settings: KafkaSettings, topics: Collection[str], *, from_start: bool, forever: bool
) -> AsyncIterator[Heard]:
    """What stands on the topics (none named: all but dead letters) and what comes; ends at the present end unless `forever`.

    A topic made later is not followed. Raises `CannotLook`.
    """
    consumer = AIOKafkaConsumer(**client_options(settings, "qianshao-ops"), enable_auto_commit=False)
    try:
        async with asyncio.timeout(START_SECONDS):
            await consumer.start()
            there = set(filter(is_ours, await consumer.topics()))
            partitions = _partitions(topics or {name for name in there if not name.endswith(DLQ)}, there)
            consumer.assign(partitions)
            first, end = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
            for tp in partitions:
                consumer.seek(tp, first[tp] if from_start else end[tp])
        left = {tp for tp in partitions if first[tp] < end[tp]} if from_start else set()
        while forever or left:
            found = await consumer.getmany(timeout_ms=_POLL_MS)
            records = [record for batch in found.values() for record in batch]
            for record in sorted(records, key=lambda one: (one.timestamp, one.topic, one.partition, one.offset)):
                if forever or record.offset < end[TopicPartition(record.topic, record.partition)]:
                    yield heard(record)
            left = {tp for tp in left if await consumer.position(tp) < end[tp]}
    except (KafkaError, TimeoutError, OSError) as error:
        raise CannotLook(f"Kafka {settings.bootstrap}: {error!r:.300} → qianshao doctor") from None
    finally:
        with suppress(Exception):  # it is thrown away in any case
            await consumer.stop()


def _partitions(names: Collection[str], there: Collection[str]) -> list[TopicPartition]:
    for name in names:
        if name not in there:
            near = sorted(one for one in there if name.split(".")[0] in one and not one.endswith(DLQ))[:5]
            hint = ", ".join(near) or "qianshao topics plan"
            raise CannotLook(f"{name}: 没有这个主题 no such topic, or not visible to us; did you mean {hint}")
    return [TopicPartition(name, part) for name in sorted(names) for part in range(topic_named(name).partitions)]


def heard(record: Any) -> Heard:
    """A record read by the contract; dead letters by that of the topic they came from."""
    headers: Headers = list(record.headers)
    value = record.value or b""
    message: Message | None = None
    unreadable: str | None = None
    try:
        message = decode(record.topic.removesuffix(DLQ), headers, value)
    except Malformed as error:
        unreadable = f"{error.error_class}: {error}"
    key = (record.key or b"").decode("utf-8", "replace")
    at = datetime.fromtimestamp(record.timestamp / 1000, UTC)
    return Heard(record.topic, record.partition, record.offset, at, key, headers, value, message, unreadable)
