"""Ends a worker that looks alive and is not: a Faust that crashed goes on answering HTTP 200 and consumes nothing."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.structs import TopicPartition

from shared.kafka.agents import Consumer
from shared.kafka.connection import client_options
from shared.settings import KafkaSettings

EVERY_SECONDS = 2.0
STUCK_SECONDS = 60.0
HANDLER_SECONDS = 55.0
_METADATA_SECONDS = 3.0


class Dead(Exception):
    """The worker's consumer has died; only a new process helps."""


def _crashed(faust_app: Any) -> str | None:
    """Which part of Faust has crashed or stopped, if any."""
    consumer = faust_app.consumer
    parts = {
        "app": faust_app,
        "consumer": consumer,
        "consumer thread": getattr(consumer, "_thread", None),
        "fetcher": faust_app._fetcher,
    }
    for name, part in parts.items():
        if part is not None and (part.should_stop or part.crash_reason):
            return f"Faust's {name} has ended: {part.crash_reason!r}"
    return "Faust's consumer thread is dead" if _thread_is_dead(parts["consumer thread"]) else None


def _thread_is_dead(service: Any) -> bool:
    """An exception outside its service, in its event loop say, ends the thread and leaves the service as it was."""
    thread = getattr(service, "_thread", None)
    return thread is not None and not thread.is_alive()


def _inner_consumer(faust_app: Any) -> Any | None:
    """The aiokafka consumer in Faust's consumer thread, once it exists."""
    return getattr(getattr(faust_app.consumer, "_thread", None), "_consumer", None)


def _lags(faust_app: Any, topic: str) -> bool:
    """Whether the broker has messages of `topic` that were not yet handed over, by the last fetch's high watermark."""
    inner = _inner_consumer(faust_app)
    if inner is None:
        return False
    for tp in inner.assignment():
        if tp.topic == topic:
            state = inner._subscription.subscription.assignment.state_value(TopicPartition(tp.topic, tp.partition))
            committed = faust_app.consumer._committed_offset.get(tp)
            if state is not None and state.highwater is not None and state.highwater > (committed or 0):
                return True
    return False


async def watch(faust_app: Any, consumers: Iterable[Consumer], database_answers: Callable[[], Awaitable[bool]]) -> None:
    """Run as a task; returns never, raises `Dead`.

    An open breaker is a known state: that topic may lag. So is a database that is away: consumers end themselves then.
    """
    watched = list(consumers)
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        if reason := _crashed(faust_app):
            raise Dead(reason)
        now = time.monotonic()
        for consumer in watched:
            busy = consumer.stats.busy_since
            if busy is not None and now - busy > HANDLER_SECONDS:
                raise Dead(f"{consumer.topic}: one batch has taken over {HANDLER_SECONDS:.0f} s")
            idle = now - consumer.stats.progressed_at > STUCK_SECONDS and busy is None
            if idle and not consumer.breaker.open and _lags(faust_app, consumer.topic) and await database_answers():
                raise Dead(f"{consumer.topic}: messages wait and none was handled for {STUCK_SECONDS:.0f} s")


class KafkaProbe:
    """Asks the brokers what they know, for readiness and for waiting until the topics exist."""

    def __init__(self, settings: KafkaSettings, client_id: str) -> None:
        self._options = client_options(settings, client_id)
        self._client: AIOKafkaClient | None = None

    async def missing(self, topics: Iterable[str]) -> set[str]:
        """Topics that do not exist or are not visible to this user. Raises when the brokers do not answer."""
        async with asyncio.timeout(_METADATA_SECONDS):
            if self._client is None:
                client = AIOKafkaClient(**self._options)
                await client.bootstrap()
                self._client = client
            metadata = await self._client.fetch_all_metadata()
        return set(topics) - set(metadata.topics())

    async def close(self) -> None:
        """Disconnect."""
        if self._client is not None:
            await self._client.close()


def membership(faust_app: Any) -> str | None:
    """None while this worker is a member of a stable group (with or without partitions), else the reason."""
    inner = _inner_consumer(faust_app)
    coordinator = getattr(inner, "_coordinator", None)
    if coordinator is None or faust_app.rebalancing or coordinator.generation <= 0:
        return "not (yet) a member of its consumer group"
    return None
