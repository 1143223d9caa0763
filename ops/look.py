"""Looking behind the scenes, read-only: the databases of all services, and every topic as principal `ops`.

The logins come from `running.json` of the embedded stack or, in production, from the environment.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pymongo
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition
from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

from ops.local.mongo import Database as Place
from ops.local.plan import services
from ops.local.state import state_folder
from shared.contracts.envelope import Headers
from shared.contracts.topics import OPERATORS, topic_named
from shared.kafka.connection import client_options
from shared.mongo.client import Database, Document, connect
from shared.settings import KafkaSettings

_CLIENT = "qianshao-ops"
_SECONDS = 60.0

_FETCH_MILLISECONDS = 50
"""A broker answers one request of a connection after the other, and a fetch of empty topics waits this long."""


class CannotLook(RuntimeError):
    """A broker or database does not answer, refuses the login, or no logins are known; the text says which."""


class OpsSettings(BaseSettings):
    """`QIANSHAO_OPS_MONGO_URI`: one login that may read every service's database; databases are named as services."""

    model_config = SettingsConfigDict(env_prefix="QIANSHAO_OPS_", frozen=True, extra="ignore")

    mongo_uri: SecretStr | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """Where to look and with which logins: a database by service, and Kafka as `ops`."""

    databases: Mapping[str, Place]
    kafka: KafkaSettings

    @classmethod
    def known(cls) -> "Access":
        """Of the installation that the environment names, else of the embedded stack. Raises `CannotLook`."""
        try:
            uri = OpsSettings().mongo_uri
            if uri is None:
                return cls.local(state_folder() / "running.json")
            return cls({name: Place(name, uri.get_secret_value()) for name in services()}, KafkaSettings())
        except ValidationError as error:
            missing = ", ".join(f"QIANSHAO_KAFKA_{'.'.join(map(str, e['loc'])).upper()}" for e in error.errors())
            raise CannotLook(f"{missing}: needed beside QIANSHAO_OPS_MONGO_URI") from None

    @classmethod
    def local(cls, running: Path) -> "Access":
        """What `./run` has written down. Raises `CannotLook`."""
        if not running.exists():
            raise CannotLook(f"no {running.name} in {running.parent}: start ./run, or set QIANSHAO_OPS_MONGO_URI")
        known = json.loads(running.read_text())
        kafka = {
            "bootstrap": known["bootstrap"],
            "username": OPERATORS,
            "password": known["kafka_passwords"][OPERATORS],
            "security": "SASL_PLAINTEXT",
        }
        places = {name: Place(parse_uri(uri)["database"], uri) for name, uri in known["mongo_uris"].items()}
        return cls(places, KafkaSettings.model_validate(kafka))


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


class Look:
    """Open connections; made by `looking`. Every read raises `CannotLook` rather than what the drivers raise."""

    def __init__(self, databases: Mapping[str, Database], kafka: KafkaSettings) -> None:
        self._databases = databases
        self._kafka = kafka

    @property
    def services(self) -> list[str]:
        return list(self._databases)

    async def find(self, service: str, collection: str, query: Document, *fields: str) -> list[Document]:
        """Documents of a service, whole or with `fields` alone."""
        try:
            with pymongo.timeout(_SECONDS):
                return await self._databases[service][collection].find(query, list(fields) or None).to_list(None)
        except PyMongoError as error:
            raise CannotLook(f"MongoDB, {service}.{collection}: {str(error)[:300]}") from error

    async def topics(self) -> Topics:
        """Every record on every topic of ours, from the beginning, without a consumer group."""
        options = {**client_options(self._kafka, _CLIENT), "fetch_max_wait_ms": _FETCH_MILLISECONDS}
        consumer = AIOKafkaConsumer(**options, auto_offset_reset="earliest", enable_auto_commit=False)
        try:
            async with asyncio.timeout(_SECONDS):
                await consumer.start()
                return await _read(consumer)
        except (KafkaError, TimeoutError) as error:
            raise CannotLook(f"Kafka, {self._kafka.bootstrap}: {error!r:.300}") from error
        finally:
            await consumer.stop()

    async def committed(self) -> dict[tuple[str, str, int], int]:
        """(service, topic, partition): the next offset that the service will take."""
        admin = AIOKafkaAdminClient(**client_options(self._kafka, _CLIENT))
        try:
            async with asyncio.timeout(_SECONDS):
                await admin.start()
                # the group's name is the one that shared/worker.py gives
                found = {name: await admin.list_consumer_group_offsets(f"{name}.v1") for name in self._databases}
        except (KafkaError, TimeoutError) as error:
            raise CannotLook(f"Kafka, {self._kafka.bootstrap}: {error!r:.300}") from error
        finally:
            await admin.close()
        return {(name, tp.topic, tp.partition): meta.offset for name, of in found.items() for tp, meta in of.items()}


@asynccontextmanager
async def looking(access: Access) -> AsyncIterator[Look]:
    """Connect, lazily, and disconnect."""
    clients = {name: connect(place.uri, _CLIENT) for name, place in access.databases.items()}
    try:
        yield Look({name: clients[name][place.name] for name, place in access.databases.items()}, access.kafka)
    finally:
        for client in clients.values():
            client.close()


async def _read(consumer: Any) -> Topics:
    names = sorted(name for name in await consumer.topics() if _is_ours(name))
    partitions = [TopicPartition(name, number) for name in names for number in range(topic_named(name).partitions)]
    if not partitions:
        raise CannotLook("no topic of ours is visible to this login")
    consumer.assign(partitions)  # also makes the client learn all leaders at once; asked one by one it takes 10 s
    first, end = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
    found = [record async for record in _until(consumer, [tp for tp in partitions if first[tp] < end[tp]], end)]
    found.sort(key=lambda record: (record.topic, record.partition, record.offset))
    return Topics(tuple(found), frozenset((tp.topic, tp.partition) for tp in partitions if first[tp] > 0))


async def _until(consumer: Any, partitions: Iterable[TopicPartition], end: Mapping[Any, int]) -> AsyncIterator[Record]:
    """Records below `end`; what comes in meanwhile is left alone."""
    left = set(partitions)
    while left:
        for tp, records in (await consumer.getmany(timeout_ms=_FETCH_MILLISECONDS)).items():
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
