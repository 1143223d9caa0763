"""The trap table of platform.md on the app that our workers run: a setting that opens one again turns this red.

What has an effect that can be seen from outside is also tried on real Kafka: test_consume.py, test_watchdog.py,
test_publisher.py.
"""

import asyncio
import inspect
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from faust.types import ProcessingGuarantee

from shared.contracts.topics import FIXED
from shared.errors import Unavailable
from shared.kafka import agents, faust_app, publisher, watchdog
from shared.kafka.agents import Consumer
from shared.mongo.inbox import Handle
from shared.mongo.lane import Lane
from shared.mongo.retry import COMMIT_SECONDS
from shared.settings import KafkaSettings
from tests.support.lanes import running
from tests.support.memory import NOW, MemoryTransactor

TOPICS = ("incident-reported", "department-updates.municipal")


def no_handler(message: object) -> Any:
    raise AssertionError("nothing is handled here")


def consumer(topic: str, lane: Lane, handle: Handle = no_handler, fatal: Any = None) -> Consumer:
    return Consumer(topic, "test", handle, lane, lambda: NOW, fatal or (lambda error: None))


@pytest.fixture
def settings() -> KafkaSettings:
    return KafkaSettings.model_validate(
        {"bootstrap": "127.0.0.1:1,127.0.0.1:2", "username": "u", "password": "p", "security": "SASL_PLAINTEXT"}
    )


@pytest.fixture
async def app(settings: KafkaSettings) -> Any:
    lane = Lane(MemoryTransactor())
    return faust_app.build("test.v1", settings, [consumer(topic, lane) for topic in TOPICS])


def test_concurrency_is_one(app: Any) -> None:
    """Row "concurrency > 1 commits past work in flight"; and one agent a topic, so that nothing is read twice."""
    ours = {name: agent for name, agent in app.agents.items() if name.startswith("consume.")}
    assert sorted(ours) == sorted(f"consume.{topic}" for topic in TOPICS)
    assert {agent.concurrency for agent in ours.values()} == {1}
    assert not any(agent.isolated_partitions for agent in ours.values())
    assert sorted(topic for agent in ours.values() for topic in agent.channel.topics) == sorted(TOPICS)


def test_what_is_in_progress_is_waited_for(app: Any) -> None:
    """Row "stream_wait_empty=False loses the event in progress on SIGTERM"."""
    assert app.conf.stream_wait_empty is True


def test_a_handler_is_shorter_than_a_rebalance(app: Any) -> None:
    """Row "a handler longer than broker_rebalance_timeout: live-lock": 60 s, and 5 s an attempt."""
    assert app.conf.broker_rebalance_timeout == 60.0
    assert COMMIT_SECONDS == 5.0
    assert app.conf.broker_rebalance_timeout > agents.GIVE_UP_SECONDS + COMMIT_SECONDS
    assert app.conf.broker_rebalance_timeout > watchdog.HANDLER_SECONDS
    assert agents.GIVE_UP_SECONDS + COMMIT_SECONDS < watchdog.HANDLER_SECONDS, "exit 75 comes before the watchdog's 1"


def test_keys_and_values_stay_bytes(app: Any) -> None:
    """Rows "an undecodable message is acked at once" and "pickle codec, faust.Record": Faust decodes nothing."""
    assert (app.conf.key_serializer, app.conf.value_serializer) == ("raw", "raw")
    for name in TOPICS:
        topic = app.agents[f"consume.{name}"].channel
        assert (topic.key_serializer, topic.value_serializer) == ("raw", "raw")
        assert (topic.key_type, topic.value_type) == (bytes, bytes)


@pytest.mark.parametrize("value", [b"\xff\x00", b"", b"{", b"NaN"])
async def test_any_bytes_reach_the_loop_unchanged(app: Any, value: bytes) -> None:
    """The same rows, by doing it: the decoder that Faust would run gives back what it was given."""
    topic = app.agents[f"consume.{TOPICS[0]}"].channel
    key = app.serializers.loads_key(topic.key_type, value, serializer=topic.key_serializer)
    loaded = app.serializers.loads_value(topic.value_type, value, serializer=topic.value_serializer)
    assert (key, loaded) == (value, value)


def test_the_groups_name_never_changes(app: Any) -> None:
    """Row "changing version= replays everything": Faust appends any version but 1 to the group's name."""
    assert app.conf.version == 1
    assert app.conf.id == "test.v1"


def test_no_command_line_no_web_server_no_discovery(app: Any) -> None:
    """Row "`faust worker` overrides web_enabled and binds 6066": our own runner, and nothing is imported by search."""
    assert app.conf.web_enabled is False
    assert app.conf.autodiscover is False
    assert "faust.cli" not in inspect.getsource(faust_app)


def test_topics_are_declared_by_operators_only(app: Any) -> None:
    """Row "source topic missing when the worker joins": a worker neither makes topics nor leader topics of its own."""
    assert app.conf.topic_allow_declare is False
    assert app.conf.topic_disable_leader is True
    assert app.conf.reply_create_topic is False


def test_no_state_of_its_own(app: Any) -> None:
    """No tables, no changelogs, no exactly_once: MongoDB is the system of record."""
    assert app.conf.store.scheme == "memory"
    assert app.conf.table_standby_replicas == 0
    assert not app.tables
    assert app.conf.processing_guarantee == ProcessingGuarantee.AT_LEAST_ONCE
    assert app.conf.stream_publish_on_commit is False
    assert app.conf.producer_threaded is False


def test_waits_and_sizes_are_those_that_were_tried(app: Any) -> None:
    """The starting values below the table."""
    conf = app.conf
    assert (conf.broker_session_timeout, conf.broker_heartbeat_interval, conf.broker_request_timeout) == (10, 2, 20)
    assert (conf.broker_commit_interval, conf.broker_commit_every) == (1.0, 500)
    assert conf.consumer_auto_offset_reset == "earliest"
    # a group's first member takes all: a fetch smaller than the largest message would stop there for ever
    assert conf.consumer_max_fetch_size > publisher.MAX_BYTES


async def test_a_topic_that_stands_still_can_never_fill_its_buffer(app: Any) -> None:
    """Faust awaits room in a full buffer and hands out nothing else meanwhile: one topic would stop them all."""
    queue = app.FlowControlQueue(maxsize=app.conf.stream_buffer_maxsize)
    partitions = max(topic.partitions for topic in FIXED)
    assert queue.pressure_high_size + partitions * app.conf.broker_max_poll_records < app.conf.stream_buffer_maxsize


def test_every_broker_is_known_and_the_login_is_scram(app: Any, settings: KafkaSettings) -> None:
    assert [str(url) for url in app.conf.broker] == ["kafka://127.0.0.1:1", "kafka://127.0.0.1:2"]
    credentials: Any = app.conf.broker_credentials
    assert (credentials.mechanism.value, credentials.protocol.value) == ("SCRAM-SHA-512", "SASL_PLAINTEXT")
    secure = faust_app.build("test.v1", settings.model_copy(update={"security": "SASL_SSL"}), [])
    secured: Any = secure.conf.broker_credentials
    assert secured.protocol.value == "SASL_SSL"
    assert secured.ssl_context is not None


@pytest.mark.parametrize("name", ["stream_ack_exceptions", "stream_ack_cancelled_tasks"])
def test_the_belt_that_looks_useful_is_not_connected_to_anything(name: str) -> None:
    """Faust 0.15 has the setting and reads it nowhere; should that change, set it to False in faust_app.py."""
    from faust import agents as faust_agents
    from faust import streams
    from faust.app import base
    from faust.transport import consumer as faust_consumer

    for module in (faust_agents.agent, streams, base, faust_consumer):
        assert name not in inspect.getsource(module)


@dataclass(frozen=True)
class _Message:
    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


@dataclass(frozen=True)
class _Event:
    message: _Message


class _Stream:
    """A Faust stream as far as the loop uses it."""

    def __init__(self, values: list[bytes]) -> None:
        self.values = values
        self.automatic = True
        self.acked: list[int] = []

    def noack(self) -> "_Stream":
        self.automatic = False
        return self

    async def ack(self, event: _Event) -> bool:
        self.acked.append(event.message.offset)
        return True

    async def events(self) -> AsyncIterator[_Event]:
        assert not self.automatic, "events() of a stream that acknowledges by itself acks what is only buffered"
        for offset, value in enumerate(self.values):
            yield _Event(_Message(TOPICS[0], 0, offset, b"k", value, []))
        await asyncio.Event().wait()


async def test_no_exception_leaves_the_agent_and_nothing_unfinished_is_acknowledged() -> None:
    """Row "an exception that leaves an agent acks the event: lost"."""
    told: list[BaseException] = []
    ended = asyncio.Event()

    def fatal(error: BaseException) -> None:
        told.append(error)
        ended.set()

    stream = _Stream([b"one", b"two"])
    async with running(MemoryTransactor()) as lane:
        one = consumer(TOPICS[0], lane, fatal=fatal)

        async def broken(deliveries: object) -> None:
            raise ZeroDivisionError("a mistake in the loop itself")

        one.process = broken  # type: ignore[method-assign]
        agent = asyncio.create_task(one.consume(stream))
        async with asyncio.timeout(5):
            await ended.wait()
        await asyncio.sleep(0)
        assert not agent.done(), "the agent ends only with its process"
        assert isinstance(told[0], ZeroDivisionError)
        assert stream.acked == []
        agent.cancel()
        with pytest.raises(asyncio.CancelledError):
            await agent


async def test_acknowledgements_come_in_order_after_the_commit() -> None:
    """Row "an undecodable message is acked at once, ahead of buffered good ones": here it waits for the commit too."""
    store = MemoryTransactor()
    stream = _Stream([b"\xff"] * 20)
    away = asyncio.Event()

    async with running(store) as lane:
        one = consumer(TOPICS[0], lane)
        process = one.process

        async def watched(deliveries: list[Any]) -> None:
            if not away.is_set():
                away.set()
                assert stream.acked == []
            await process(deliveries)
            buried = {ref.id for ref in store.documents if ref.collection == "dead_letters"}
            assert {f"{d.topic}/0/{d.offset}" for d in deliveries} <= buried

        one.process = watched  # type: ignore[method-assign]
        agent = asyncio.create_task(one.consume(stream))
        async with asyncio.timeout(5):
            while len(stream.acked) < 20:  # noqa: ASYNC110 - bounded above
                await asyncio.sleep(0.005)
        assert stream.acked == list(range(20))
        agent.cancel()
        with pytest.raises(asyncio.CancelledError):
            await agent


async def test_an_unavailable_database_acknowledges_nothing() -> None:
    """Nothing is lost to a dead database: the batch is tried again, and Faust is told nothing."""

    class Away(Lane):
        async def submit(self, *arguments: Any, **options: Any) -> Any:
            attempts.release()
            raise Unavailable("away")

    attempts = asyncio.Semaphore(0)
    stream = _Stream([b"\xff"])
    agent = asyncio.create_task(consumer(TOPICS[0], Away(MemoryTransactor())).consume(stream))
    async with asyncio.timeout(10):
        for _ in range(3):
            await attempts.acquire()
    assert stream.acked == []
    agent.cancel()
    with pytest.raises(asyncio.CancelledError):
        await agent
