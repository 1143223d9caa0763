"""Who of the departments reads, by the offsets of its groups on a real broker, asked as dispatch's own user."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from prometheus_client import CollectorRegistry

from ops.status import deaf_departments
from ops.topics import apply, connect
from services.dispatch.department_metrics import ReaderMetrics
from services.dispatch.domain.readers import has_read
from services.dispatch.readers import SKEW, Readers
from services.dispatch.readers_store import COLLECTIONS, MongoReadings
from shared.clock import system_clock
from shared.contracts.topics import dispatch_topic
from shared.ids import new_id
from shared.kafka.admin import Acl, Diff
from shared.kafka.unread import EXACT, NotTold, Unread, unread
from shared.mongo.lease import Lease
from shared.mongo.outbox import outbox_row
from shared.settings import KafkaSettings
from tests.support.stack import Stack
from tests.support.stores import MongoStore, in_mongo

HEARS, DEAF, SILENT, LONELY, BLIND = "hears", "hears-not", "untold", "lonely", "blind"
"""Departments of these tests alone: one that reads, one whose name begins with the other's, one that is told nothing."""

SECONDS = "qianshao_dispatch_department_unread_seconds"


@pytest.fixture(scope="module", autouse=True)
async def _nothing_stays(stack: Stack) -> AsyncIterator[None]:
    """Whoever compares the session's broker with what should be on it afterwards finds nothing of these departments."""
    yield
    await stack.kafka.withdraw([HEARS, DEAF, SILENT, LONELY, BLIND])


@pytest.fixture
async def store(stack: Stack) -> AsyncIterator[MongoStore]:
    await stack.kafka.declare([HEARS, DEAF, SILENT, LONELY])
    async with in_mongo(stack, COLLECTIONS) as opened:
        yield opened


def tell(stack: Stack, department: str, at: datetime, count: int = 1) -> None:
    """As dispatch does, written at a moment of our choice."""
    producer = Producer(stack.kafka.login("dispatch"))
    for number in range(count):
        stamp = int(at.timestamp() * 1000)
        producer.produce(dispatch_topic(department).name, b"{}", key=f"{number}", timestamp=stamp)
    assert producer.flush(15) == 0


def read_all(stack: Stack, department: str, group: str) -> None:
    """As a department that has read everything until now."""
    consumer = Consumer({**stack.kafka.login(f"dept.{department}"), "group.id": f"dept.{department}.{group}"})
    topic = dispatch_topic(department)
    ends = []
    for number in range(topic.partitions):
        place = TopicPartition(topic.name, number)
        ends.append(TopicPartition(topic.name, number, consumer.get_watermark_offsets(place, timeout=15)[1]))
    consumer.commit(offsets=ends, asynchronous=False)
    consumer.close()


async def ask(stack: Stack, *departments: str, now: datetime | None = None) -> dict[str, Unread]:
    wanted = {dispatch_topic(code).name: f"dept.{code}." for code in departments}
    found = await unread(stack.kafka.settings("dispatch"), wanted, now or system_clock())
    return {topic.removeprefix("dispatch."): one for topic, one in found.items()}


async def test_who_stopped_reading_is_deaf_since_the_first_message_it_missed(stack: Stack, store: MongoStore) -> None:
    now = system_clock()
    old, missed = now - timedelta(hours=5), now - timedelta(minutes=40)
    await asyncio.to_thread(tell, stack, HEARS, old, 4)
    await asyncio.to_thread(tell, stack, DEAF, old, 1)
    found = await ask(stack, HEARS, DEAF, SILENT, "never-declared")
    assert found[SILENT] == Unread(0, None)  # nothing was said: no alarm
    assert "never-declared" not in found
    assert found[HEARS].messages == 4  # nobody has ever read
    since = found[HEARS].since
    assert since is not None
    assert old - EXACT <= since <= old

    await asyncio.to_thread(read_all, stack, HEARS, "subscriber")
    found = await ask(stack, HEARS, DEAF)
    assert found[HEARS] == Unread(0, None)
    assert found[DEAF].messages == 1  # dept.hears. is not dept.hears-not.

    await asyncio.to_thread(tell, stack, HEARS, missed, 1)
    await asyncio.to_thread(tell, stack, HEARS, now, 2)
    found = await ask(stack, HEARS)
    assert found[HEARS].messages == 3
    since = found[HEARS].since
    assert since is not None
    assert missed - EXACT <= since <= missed

    await asyncio.to_thread(read_all, stack, HEARS, "new-system")  # the old group stays where it is
    assert (await ask(stack, HEARS))[HEARS] == Unread(0, None)


async def test_what_is_found_is_shown_and_kept_and_says_of_each_order_whether_it_was_read(
    stack: Stack, store: MongoStore
) -> None:
    registry, now = CollectorRegistry(), system_clock()
    readings = MongoReadings(store.database)

    def stored(at: datetime, published: datetime | None) -> None:
        id_ = new_id()
        row = outbox_row(id_, dispatch_topic(LONELY).name, "inc", 1, 0, [], b"{}", at)
        store.put("outbox", {**row, "_id": id_, "published": published})

    async def look() -> None:
        lease = Lease(store.database, "readers", "one")
        settings = stack.kafka.settings("dispatch")
        readers = Readers(
            [LONELY], lambda wanted, at: unread(settings, wanted, at), readings, lease, system_clock, shown
        )
        await readers.look()

    shown = ReaderMetrics(registry)
    first, second, waiting = (now - timedelta(minutes=minutes) for minutes in (50, 30, 10))
    stored(first, first)
    await asyncio.to_thread(tell, stack, LONELY, first)
    await asyncio.to_thread(read_all, stack, LONELY, "subscriber")
    late = second + timedelta(minutes=5)
    stored(second, late)  # decided at `second`, but Kafka was away: written five minutes later
    await asyncio.to_thread(tell, stack, LONELY, late)
    stored(waiting, None)
    await look()
    seconds = registry.get_sample_value(SECONDS, {"department": LONELY})
    assert seconds is not None
    assert 25 * 60 <= seconds <= 40 * 60
    reading = (await readings.of([LONELY, SILENT]))[LONELY]
    assert [has_read(reading, at) for at in (first, second, waiting)] == [True, False, False]
    deaf = await deaf_departments(store.database, system_clock())
    assert set(deaf) == {LONELY}
    assert deaf[LONELY].startswith("1 条消息无人读 messages unread, 最老 oldest 2")
    assert has_read(reading, system_clock() + timedelta(hours=1)) is None  # nobody has looked since then
    assert has_read((await readings.of([SILENT])).get(SILENT), first) is None

    await asyncio.to_thread(read_all, stack, LONELY, "subscriber")
    await look()
    reading = (await readings.of([LONELY]))[LONELY]
    assert registry.get_sample_value(SECONDS, {"department": LONELY}) == 0
    assert [has_read(reading, at) for at in (first, second, waiting)] == [True, True, False]
    assert await deaf_departments(store.database, system_clock()) == {}
    store.behind[store.place.name].outbox.update_many({"published": None}, {"$set": {"published": now - 2 * SKEW}})
    await look()
    assert has_read((await readings.of([LONELY]))[LONELY], waiting) is True


async def test_without_the_right_to_see_its_groups_nobody_is_called_deaf(stack: Stack, store: MongoStore) -> None:
    admin = await asyncio.to_thread(connect, stack.kafka.login())
    right = (Acl("dispatch", "group", "prefixed", f"dept.{BLIND}.", "describe"),)
    wanted = await stack.kafka.declare([BLIND])
    await asyncio.to_thread(tell, stack, BLIND, system_clock())
    await asyncio.to_thread(read_all, stack, BLIND, "subscriber")
    await asyncio.to_thread(apply, admin, Diff(revoke=right), wanted, {})
    try:
        with pytest.raises(NotTold, match="GroupAuthorizationFailed"):
            await refused(stack)
    finally:
        await asyncio.to_thread(apply, admin, Diff(grant=right), wanted, {})


async def refused(stack: Stack) -> None:
    """Ask until the broker knows of the right that was taken away; bounded."""
    for _ in range(100):
        assert (await ask(stack, BLIND))[BLIND] == Unread(0, None)


async def test_without_brokers_nobody_is_called_deaf() -> None:
    wanted = {dispatch_topic(HEARS).name: f"dept.{HEARS}."}
    nowhere = KafkaSettings.model_validate(
        {"bootstrap": "127.0.0.1:9", "username": "dispatch", "password": "x", "security": "SASL_PLAINTEXT"}
    )
    with pytest.raises(NotTold):
        await unread(nowhere, wanted, datetime.now(UTC))
