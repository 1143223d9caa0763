"""Every record of every topic of ours, from the beginning, by a consumer that belongs to no group."""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiokafka.structs import TopicPartition

from shared.contracts.envelope import Headers
from shared.contracts.topics import topic_named

FETCH_MILLISECONDS = 50
"""A broker answers one request of a connection after the other, and a fetch of empty topics waits this long."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it stands on a topic; `at` is when it was sent."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    headers: Headers
    value: bytes
    at: datetime

    @property
    def place(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


@dataclass(frozen=True, slots=True)
class Topics:
    """All records, in order within a partition, and the (topic, partition) whose oldest ones retention has removed."""

    records: tuple[Record, ...]
    shortened: frozenset[tuple[str, int]]


async def read_all(consumer: Any) -> Topics:
    """What stands there now, read by a started `AIOKafkaConsumer`. Raises what the client raises."""
    names = sorted(name for name in await consumer.topics() if _is_ours(name))
    partitions = [TopicPartition(name, number) for name in names for number in range(topic_named(name).partitions)]
    consumer.assign(partitions)  # also makes the client learn all leaders at once; asked one by one it takes 10 s
    first, end = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
    found = [record async for record in _until(consumer, [tp for tp in partitions if first[tp] < end[tp]], end)]
    found.sort(key=lambda record: (record.topic, record.partition, record.offset))
    return Topics(tuple(found), frozenset((tp.topic, tp.partition) for tp in partitions if first[tp] > 0))


async def _until(consumer: Any, partitions: Iterable[TopicPartition], end: Mapping[Any, int]) -> AsyncIterator[Record]:
    """Records below `end`; what comes in meanwhile is left alone."""
    left = set(partitions)
    while left:
        for tp, records in (await consumer.getmany(timeout_ms=FETCH_MILLISECONDS)).items():
            for one in records:
                if one.offset < end[tp]:
                    yield _record(one)
        left = {tp for tp in left if await consumer.position(tp) < end[tp]}


def _record(one: Any) -> Record:
    at = datetime.fromtimestamp(one.timestamp / 1000, UTC)
    return Record(one.topic, one.partition, one.offset, one.key, list(one.headers), one.value or b"", at)


def _is_ours(name: str) -> bool:
    try:
        topic_named(name)
    except ValueError:
        return False
    return True
