"""The relay's hands: an idempotent producer of our own, thrown away after any error."""

import asyncio
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer

from shared.kafka.connection import client_options
from shared.mongo.relay import Unsendable
from shared.settings import KafkaSettings

log = structlog.get_logger(__name__)

MAX_BYTES = 1_000_000
"""Below the broker's default of 1 MiB with room for the record's frame. Checked before sending: after one oversize
message an idempotent aiokafka producer fails every later send to that partition."""

SEND_SECONDS = 20.0


class NotConnected(Exception):
    """Another send of this pass failed and took the producer with it."""


class KafkaPublisher:
    """Sends with acks from all in-sync replicas. See `Publisher` in `shared.mongo.relay`."""

    def __init__(self, settings: KafkaSettings, client_id: str) -> None:
        self._options: dict[str, Any] = client_options(settings, client_id)
        self._producer: AIOKafkaProducer | None = None
        self._stopping: set[asyncio.Task[None]] = set()

    async def connect(self) -> None:
        """Start a producer unless there is one."""
        if self._producer is not None:
            return
        producer = AIOKafkaProducer(
            **self._options, acks="all", enable_idempotence=True, linger_ms=5, request_timeout_ms=8_000
        )
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await producer.start()
        except BaseException:
            self._abandon(producer)
            raise
        self._producer = producer

    async def send(self, topic: str, key: bytes, value: bytes, headers: list[tuple[str, bytes]]) -> None:
        """Raises `Unsendable` if the message is over `MAX_BYTES`, `NotConnected`, or what aiokafka raises."""
        size = len(key) + len(value) + sum(len(name) + len(content) for name, content in headers)
        if size > MAX_BYTES:
            raise Unsendable(f"{size} bytes are over the limit of {MAX_BYTES}")
        producer = self._producer
        if producer is None:
            raise NotConnected
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await producer.send_and_wait(topic, value=value, key=key, headers=headers)
        except BaseException:
            if self._producer is producer:
                self._producer = None
                self._abandon(producer)
            raise

    async def close(self) -> None:
        """Flush and disconnect, bounded."""
        if self._producer is not None:
            await _stop(self._producer)
            self._producer = None

    def _abandon(self, producer: AIOKafkaProducer) -> None:
        """`stop()` can hang while Kafka is down, so nobody waits for it."""
        task = asyncio.create_task(_stop(producer))
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)


async def _stop(producer: AIOKafkaProducer) -> None:
    try:
        async with asyncio.timeout(5.0):
            await producer.stop()
    except Exception as error:  # noqa: BLE001 - it is thrown away in any case
        log.info("producer did not stop cleanly", error=repr(error)[:200])
