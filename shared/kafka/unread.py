"""What was written to topics and not read by their readers' groups. Asks for offsets alone: no right to read is needed."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from shared.contracts.topics import topic_named
from shared.kafka.connection import client_options
from shared.settings import KafkaSettings

SECONDS = 30.0
EXACT = timedelta(seconds=1)
"""How much earlier than it was written a message may be said to be."""

Offsets = Mapping[TopicPartition, int]


class NotTold(Exception):
    """The brokers did not answer, or refused; the text says what."""


@dataclass(frozen=True, slots=True)
class Unread:
    """`since`: when the first of these messages was written (by the broker's records), None if there are none."""

    messages: int
    since: datetime | None


async def unread(settings: KafkaSettings, readers: Mapping[str, str], now: datetime) -> dict[str, Unread]:
    """By topic; `readers` names for each topic the prefix of its readers' groups, of which the furthest counts.

    A topic that is not there is left out. What no group ever committed is unread from the beginning. Needs "describe" on
    topics and groups. Raises `NotTold`.
    """
    client = client_options(settings, "unread")
    # Not by confluent-kafka: librdkafka 2.16.0 ends the process when a broker answers an OffsetFetch with "not coordinator".
    admin = AIOKafkaAdminClient(**client, request_timeout_ms=5_000)
    consumer = AIOKafkaConsumer(**client, enable_auto_commit=False, request_timeout_ms=5_000)
    try:
        async with asyncio.timeout(SECONDS):
            await admin.start()
            await consumer.start()
            return await _read(admin, consumer, readers, now)
    except (KafkaError, TimeoutError, OSError) as error:
        raise NotTold(repr(error)[:300]) from error
    finally:
        await asyncio.gather(_closed(admin.close()), _closed(consumer.stop()))


async def _read(admin: Any, consumer: Any, readers: Mapping[str, str], now: datetime) -> dict[str, Unread]:
    there = await consumer.topics()
    topics = [topic for topic in readers if topic in there]
    partitions = [TopicPartition(topic, n) for topic in topics for n in range(topic_named(topic).partitions)]
    if not partitions:
        return {}
    first, end = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
    committed = await _committed(admin, {topic: readers[topic] for topic in topics})
    places = {tp: max(committed.get(tp, 0), first[tp]) for tp in partitions}
    behind = {tp: place for tp, place in places.items() if place < end[tp]}
    since = await _written(consumer, behind, now)
    return {topic: _of_topic(topic, behind, end, since) for topic in topics}


async def _committed(admin: Any, readers: Mapping[str, str]) -> dict[TopicPartition, int]:
    """The furthest place of any group that reads the topic."""
    found: dict[TopicPartition, int] = defaultdict(int)
    # A group that one may not see is not listed, without an error; asking for one by name is refused aloud.
    asked = {f"{prefix}subscriber" for prefix in readers.values()}
    for group in sorted({*asked, *(group[0] for group in await admin.list_consumer_groups())}):
        if not group.startswith(tuple(readers.values())):
            continue
        for tp, meta in (await admin.list_consumer_group_offsets(group)).items():
            if tp.topic in readers and group.startswith(readers[tp.topic]):
                found[tp] = max(found[tp], meta.offset)
    return found


async def _written(consumer: Any, places: Offsets, now: datetime) -> dict[TopicPartition, datetime]:
    """When the message at each place was written: halving the time in which it can have been, all partitions at once."""
    exact, end = EXACT // timedelta(milliseconds=1), int(now.timestamp() * 1000)
    kept = {tp: topic_named(tp.topic).retention_days * 86_400_000 for tp in places}
    early, late = {tp: end - kept[tp] for tp in places}, dict.fromkeys(places, end)
    while open_ := [tp for tp in places if late[tp] - early[tp] > exact]:
        middle = {tp: (early[tp] + late[tp]) // 2 for tp in open_}
        found = await consumer.offsets_for_times(middle)
        for tp in open_:
            later = found[tp] is None or found[tp].offset > places[tp]  # all that is so new lies behind the place
            (late if later else early)[tp] = middle[tp]
    return {tp: datetime.fromtimestamp(early[tp] / 1000, UTC) for tp in places}


def _of_topic(topic: str, behind: Offsets, end: Offsets, since: Mapping[TopicPartition, datetime]) -> Unread:
    own = [tp for tp in behind if tp.topic == topic]
    return Unread(sum(end[tp] - behind[tp] for tp in own), min((since[tp] for tp in own), default=None))


async def _closed(closing: Any) -> None:
    """It is thrown away in any case, and can hang while Kafka is down."""
    try:
        async with asyncio.timeout(5.0):
            await closing
    except (KafkaError, TimeoutError, OSError):
        pass
