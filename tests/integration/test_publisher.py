"""The relay's producer on a real broker: too large, too slow, gone and back."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from aiokafka.errors import KafkaError
from confluent_kafka import Consumer, TopicPartition

from ops.local.kafka import SUPERUSER
from shared.ids import new_id
from shared.kafka import publisher as publisher_module
from shared.kafka.publisher import MAX_BYTES, KafkaPublisher, NotConnected
from shared.mongo.relay import Unsendable
from tests.support.echoing import Sent, received
from tests.support.stack import Stack
from tests.support.waiting import freeze, until


@pytest.fixture
async def publisher(fragile: Stack) -> AsyncIterator[KafkaPublisher]:
    publisher = KafkaPublisher(fragile.kafka.settings(SUPERUSER), "test")
    yield publisher
    await publisher.close()


@pytest.fixture
async def topic(fragile: Stack) -> str:
    """One partition, so that any message that spoils it for the next one is noticed."""
    return await fragile.kafka.new_topic()


async def arrived(stack: Stack, topic: str, number: int) -> list[Sent]:
    """The first `number` messages."""

    def read() -> list[Sent]:
        consumer = Consumer({**stack.kafka.login(), "log_level": 0, "group.id": new_id(), "enable.auto.commit": False})
        try:
            consumer.assign([TopicPartition(topic, 0, 0)])
            return [received(message) for message in consumer.consume(number, timeout=20)]
        finally:
            consumer.close()

    return await asyncio.to_thread(read)


async def test_bytes_arrive_as_they_are(stack: Stack, publisher: KafkaPublisher, topic: str) -> None:
    await publisher.connect()
    headers = [("a", b"\xff"), ("a", b""), ("井", b"1")]
    await publisher.send(topic, b"\x00k", "值".encode(), headers)
    assert await arrived(stack, topic, 1) == [Sent(b"\x00k", "值".encode(), tuple(headers))]


async def test_too_large_is_said_before_sending_and_spoils_nothing(
    stack: Stack, publisher: KafkaPublisher, topic: str
) -> None:
    """After one oversize message an idempotent producer of aiokafka fails every later send to that partition."""
    await publisher.connect()
    await publisher.send(topic, b"k", b"before", [])
    with pytest.raises(Unsendable, match=f"{MAX_BYTES + 1} bytes"):
        await publisher.send(topic, b"k", bytes(MAX_BYTES - 3), [("h", b"12")])
    await publisher.send(topic, b"k", b"after", [])
    assert [one.value for one in await arrived(stack, topic, 2)] == [b"before", b"after"]


@pytest.mark.parametrize("headers", [0, 1_000])
async def test_the_largest_we_let_through_is_taken_by_the_broker(
    stack: Stack, publisher: KafkaPublisher, topic: str, headers: int
) -> None:
    """With room for the frame of the record, and that of each header."""
    await publisher.connect()
    many = [(f"{n:04}", b"x") for n in range(headers)]
    value = bytes(MAX_BYTES - 1 - 5 * headers)
    await publisher.send(topic, b"k", value, many)
    (stored,) = await arrived(stack, topic, 1)
    assert (len(stored.value), len(stored.headers)) == (len(value), headers)


async def test_without_connection_nothing_is_sent(publisher: KafkaPublisher, topic: str) -> None:
    with pytest.raises(NotConnected):
        await publisher.send(topic, b"k", b"v", [])


async def test_any_error_costs_the_producer_and_a_new_one_works(
    stack: Stack, publisher: KafkaPublisher, topic: str
) -> None:
    await publisher.connect()
    with pytest.raises(KafkaError):
        await publisher.send(f"absent-{new_id()}", b"k", b"v", [])
    with pytest.raises(NotConnected):
        await publisher.send(topic, b"k", b"v", [])
    await publisher.connect()
    await publisher.send(topic, b"k", b"v", [])
    assert len(await arrived(stack, topic, 1)) == 1


async def test_frozen_kafka_ends_a_send_in_time_and_after_the_thaw_a_new_producer_works(
    fragile: Stack, publisher: KafkaPublisher, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bound is made short; production waits 20 s."""
    await publisher.connect()
    await publisher.send(topic, b"k", b"before", [])
    monkeypatch.setattr(publisher_module, "SEND_SECONDS", 2.0)
    freeze(fragile.kafka.process)
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        await publisher.send(topic, b"k", b"during", [])
    with pytest.raises((KafkaError, TimeoutError)):
        await publisher.connect()
    assert time.monotonic() - began < 6
    fragile.kafka.thaw()
    await until(lambda: _sends(publisher, topic), 30, "sends after the thaw")
    assert (await arrived(fragile, topic, 2))[0].value == b"before"
    await publisher.close()


@pytest.mark.slow
async def test_restarted_kafka_takes_the_next_message(
    fragile: Stack, publisher: KafkaPublisher, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publisher.connect()
    await publisher.send(topic, b"k", b"before", [])
    monkeypatch.setattr(publisher_module, "SEND_SECONDS", 3.0)
    await fragile.kafka.kill()
    began = time.monotonic()
    with pytest.raises((KafkaError, TimeoutError)):
        await publisher.send(topic, b"k", b"during", [])
    assert time.monotonic() - began < 5
    await fragile.kafka.start()
    await until(lambda: _sends(publisher, topic), 30, "sends after the restart")


async def _sends(publisher: KafkaPublisher, topic: str) -> bool:
    """One pass of the relay: connect, send; whatever fails is tried again."""
    try:
        await publisher.connect()
        await publisher.send(topic, b"k", b"after", [])
    except Exception:  # noqa: BLE001 - as in the relay
        return False
    return True


async def test_closing_is_bounded_while_kafka_is_away(fragile: Stack, publisher: KafkaPublisher, topic: str) -> None:
    await publisher.connect()
    await publisher.send(topic, b"k", b"before", [])
    freeze(fragile.kafka.process)
    began = time.monotonic()
    await publisher.close()
    assert time.monotonic() - began < 6
