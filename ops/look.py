"""Looking behind the scenes, read-only: the databases of all services, and every topic as principal `ops`.

The logins come from `running.json` of the embedded stack or, in production, from the environment.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pymongo
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

from ops.local.keys import FORGET_KEY
from ops.local.mongo import Database as Place
from ops.local.plan import services
from ops.local.state import state_folder
from ops.records import FETCH_MILLISECONDS, Topics, read_all
from shared.contracts.topics import OPERATORS
from shared.kafka.connection import client_options
from shared.mongo.client import Database, Document, connect
from shared.pseudonym import Pseudonyms
from shared.settings import KafkaSettings

Answer = TypeVar("Answer")

_CLIENT = "qianshao-ops"
_SECONDS = 60.0


class CannotLook(RuntimeError):
    """A broker or database does not answer, refuses the login, or no logins are known; the text says which."""


class OpsSettings(BaseSettings):
    """`QIANSHAO_OPS_MONGO_URI`: one login that may read every service's database; databases are named as services."""

    model_config = SettingsConfigDict(env_prefix="QIANSHAO_OPS_", frozen=True, extra="ignore")

    mongo_uri: SecretStr | None = None


class ForgetSettings(BaseSettings):
    """`QIANSHAO_FORGET_KEY`: the services' key of pseudonyms. Needed only once somebody was forgotten."""

    model_config = SettingsConfigDict(env_prefix="QIANSHAO_", frozen=True, extra="ignore")

    forget_key: Path | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """Where to look and with which logins: a database by service, Kafka as `ops`, and the key of pseudonyms if told."""

    databases: Mapping[str, Place]
    kafka: KafkaSettings
    forget_key: Path | None = None

    @classmethod
    def known(cls) -> "Access":
        """Of the installation that the environment names, else of the embedded stack. Raises `CannotLook`."""
        try:
            uri = OpsSettings().mongo_uri
            if uri is None:
                return cls.local(state_folder() / "running.json")
            places = {name: Place(name, uri.get_secret_value()) for name in services()}
            return cls(places, KafkaSettings(), ForgetSettings().forget_key)
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
        return cls(places, KafkaSettings.model_validate(kafka), running.parent / FORGET_KEY)


class Look:
    """Open connections; made by `looking`. Every read raises `CannotLook` rather than what the drivers raise."""

    def __init__(self, databases: Mapping[str, Database], kafka: KafkaSettings, forget_key: Path | None) -> None:
        self._databases = databases
        self._kafka = kafka
        self._forget_key = forget_key

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

    async def read(self, service: str, work: Callable[[Database], Awaitable[Answer]]) -> Answer:
        """What a reading of the service's own finds in its database."""
        try:
            return await work(self._databases[service])
        except PyMongoError as error:
            raise CannotLook(f"MongoDB, {service}: {str(error)[:300]}") from error

    def pseudonyms(self) -> Pseudonyms:
        """What turns ids of forgotten people into their pseudonyms. Raises `CannotLook` without the services' key."""
        if self._forget_key is None:
            raise CannotLook("QIANSHAO_FORGET_KEY: 有人已被遗忘，需要各服务所用的密钥 needed: somebody was forgotten")
        try:
            return Pseudonyms.from_file(self._forget_key)
        except ValueError as error:
            raise CannotLook(str(error)) from None

    async def topics(self) -> Topics:
        """Every record on every topic of ours, from the beginning, without a consumer group."""
        options = {**client_options(self._kafka, _CLIENT), "fetch_max_wait_ms": FETCH_MILLISECONDS}
        consumer = AIOKafkaConsumer(**options, auto_offset_reset="earliest", enable_auto_commit=False)
        try:
            async with asyncio.timeout(_SECONDS):
                await consumer.start()
                return await read_all(consumer)
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
        yield Look(
            {name: clients[name][place.name] for name, place in access.databases.items()},
            access.kafka,
            access.forget_key,
        )
    finally:
        for client in clients.values():
            client.close()
