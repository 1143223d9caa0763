"""Faust as a consumer shell: every setting here closes a trap that lost or repeated messages when it was open."""

import tempfile
from collections.abc import Iterable
from typing import Any

import faust
from faust.types.auth import AuthProtocol

from shared.kafka.agents import Consumer
from shared.kafka.connection import MECHANISM, ssl_context
from shared.settings import KafkaSettings

POLL_RECORDS = 10
BUFFER = 640
"""Faust hands messages over one by one, whatever their topic, and stops fetching a partition when a topic's buffer is
four fifths full. What it has polled by then must fit the last fifth (10 records for each of 12 partitions), else one
topic that stands still, behind an open breaker say, stops all others of the worker."""


def build(group: str, settings: KafkaSettings, consumers: Iterable[Consumer]) -> faust.App:
    """A Faust app whose consumer group is `group`, with one agent per topic. Nothing starts yet."""
    protocol = AuthProtocol.SASL_SSL if settings.security == "SASL_SSL" else AuthProtocol.SASL_PLAINTEXT
    credentials = faust.SASLCredentials(
        username=settings.username,
        password=settings.password.get_secret_value(),
        mechanism=MECHANISM,
        ssl_context=ssl_context(settings),
    )
    credentials.protocol = protocol
    app = faust.App(
        group,
        broker=[f"kafka://{host}" for host in settings.bootstrap.split(",")],
        broker_credentials=credentials,
        version=1,  # another value changes the group's name and replays every topic
        autodiscover=False,
        web_enabled=False,
        key_serializer="raw",
        value_serializer="raw",
        store="memory://",
        datadir=f"{tempfile.gettempdir()}/faust",  # Faust makes it, and we keep nothing in it: not where we stand
        table_standby_replicas=0,
        topic_disable_leader=True,
        topic_allow_declare=False,
        reply_create_topic=False,
        processing_guarantee="at_least_once",
        stream_wait_empty=True,  # False loses the event in progress on SIGTERM
        stream_buffer_maxsize=BUFFER,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=1024 * 1024 * 4,
        broker_max_poll_records=POLL_RECORDS,
        broker_session_timeout=10.0,
        broker_heartbeat_interval=2.0,
        broker_request_timeout=20.0,
        broker_rebalance_timeout=60.0,  # longer than any handler: else a live-lock of rebalances
        broker_commit_interval=1.0,
        broker_commit_every=500,
        producer_threaded=False,
        stream_publish_on_commit=False,
        monitor=None,
        timezone=None,
    )
    for consumer in consumers:
        _attach(app, consumer)
    return app


def _attach(app: faust.App, consumer: Consumer) -> None:
    topic: Any = app.topic(
        consumer.topic, key_serializer="raw", value_serializer="raw", value_type=bytes, key_type=bytes
    )

    async def agent(stream: Any) -> None:
        await consumer.consume(stream)

    def let_go() -> None:
        unacked: Any = app.consumer.unacked
        for message in [message for message in unacked if message.topic == consumer.topic]:
            unacked.discard(message)  # acknowledging it later works all the same

    consumer.let_go = let_go
    app.agent(topic, name=f"consume.{consumer.topic}", concurrency=1, isolated_partitions=False)(agent)
