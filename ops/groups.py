"""Consumer groups as Kafka knows them: who is in them, and what they have not read yet.

Offsets by aiokafka: librdkafka 2.16.0 ends the process when a broker answers an OffsetFetch with "not coordinator".
Members by confluent-kafka: aiokafka 0.14 cannot read what Kafka 4 answers.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition
from confluent_kafka import KafkaException

from ops.look import CannotLook
from ops.topics import BrokerAway, connect, credentials
from shared.contracts.topics import topic_named
from shared.kafka.connection import client_options
from shared.settings import KafkaSettings

SECONDS = 20.0
_ASK_SECONDS = 5.0
_CLIENT = "qianshao-ops"


@dataclass(frozen=True, slots=True)
class Group:
    """`lag`: messages not yet read, by topic, of the topics it has ever committed an offset of."""

    name: str
    state: str
    members: int
    lag: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Bus:
    """Every group by name, and how many messages each topic of ours holds."""

    groups: Mapping[str, Group]
    held: Mapping[str, int]


async def read(settings: KafkaSettings) -> Bus:
    """Asks as a user who may describe groups and topics. Raises `CannotLook`."""
    admin = AIOKafkaAdminClient(**client_options(settings, _CLIENT), request_timeout_ms=5_000)
    consumer = AIOKafkaConsumer(**client_options(settings, _CLIENT), enable_auto_commit=False)
    try:
        async with asyncio.timeout(SECONDS):
            partitions, members = await asyncio.to_thread(_described, settings)
            await admin.start()
            await consumer.start()
            return await _read(admin, consumer, partitions, members)
    except (BrokerAway, KafkaError, KafkaException, TimeoutError, OSError) as error:
        raise CannotLook(f"Kafka {settings.bootstrap}: {error!r:.300} → qianshao doctor") from None
    finally:
        await asyncio.gather(admin.close(), consumer.stop(), return_exceptions=True)


async def _read(
    admin: Any, consumer: Any, partitions: list[TopicPartition], members: Mapping[str, tuple[str, int]]
) -> Bus:
    first, end = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
    held: dict[str, int] = defaultdict(int)
    for tp in partitions:
        held[tp.topic] += end[tp] - first[tp]
    groups = {}
    for name, (state, count) in sorted(members.items()):
        committed = {tp: meta.offset for tp, meta in (await admin.list_consumer_group_offsets(name)).items()}
        groups[name] = Group(name, state, count, _lag(committed, first, end))
    return Bus(groups, dict(held))


def _described(settings: KafkaSettings) -> tuple[list[TopicPartition], dict[str, tuple[str, int]]]:
    """Every partition of our topics; state and number of members by group."""
    admin = connect(login(settings), _ASK_SECONDS)
    topics = admin.list_topics(timeout=_ASK_SECONDS).topics
    partitions = [TopicPartition(name, part) for name in topics if is_ours(name) for part in topics[name].partitions]
    listed = admin.list_consumer_groups(request_timeout=_ASK_SECONDS).result(timeout=_ASK_SECONDS).valid
    names = [group.group_id for group in listed]
    if not names:  # librdkafka refuses to ask for none
        return partitions, {}
    found = admin.describe_consumer_groups(names, request_timeout=_ASK_SECONDS)
    described = {name: future.result(timeout=_ASK_SECONDS) for name, future in found.items()}
    return partitions, {name: (group.state.name.lower(), len(group.members)) for name, group in described.items()}


def login(settings: KafkaSettings) -> dict[str, str]:
    """The same login for confluent-kafka."""
    password, ca = settings.password.get_secret_value(), str(settings.ca) if settings.ca else None
    return credentials(settings.bootstrap, settings.username, password, security=settings.security, ca=ca)


def _lag(committed: Mapping[Any, int], first: Mapping[Any, int], end: Mapping[Any, int]) -> dict[str, int]:
    """Partitions that a group never committed count from their beginning, in topics that it reads at all."""
    read = {tp.topic for tp in committed}
    lag: dict[str, int] = defaultdict(int)
    for tp in end:
        if tp.topic in read:
            lag[tp.topic] += end[tp] - max(committed.get(tp, 0), first[tp])
    return dict(lag)


def is_ours(topic: str) -> bool:
    """Whether the contract declares a topic of this name."""
    try:
        topic_named(topic)
    except ValueError:
        return False
    return True
