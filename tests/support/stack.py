"""Real Kafka and mongod for the tests, started once per session by the same code as `./run`. Also for fault tests."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from pymongo import MongoClient

from ops.local import jars, kafka, mongo, plan, toolchain
from ops.local.brokers import kafka_ready, mongo_ready
from ops.local.process import Process
from ops.local.state import REPOSITORY, State, state_folder
from ops.topics import connect, reconcile, sdk, warm_up
from shared.contracts.topics import all_topics
from shared.ids import new_id
from shared.kafka.admin import Wanted
from shared.reference.load import load
from shared.settings import KafkaSettings

DEPARTMENTS = ("fire", "municipal")
"""The departments whose topics are there from the start; `KafkaBroker.declare` adds others."""

REFERENCE = REPOSITORY / "deploy/reference/beidajie"


class Broker:
    """A server that can be made to fail."""

    def __init__(self, process: Process, ready: Callable[[], Awaitable[None]]) -> None:
        self.process = process
        self._ready = ready

    async def start(self) -> None:
        """Start it, unless it runs, and wait until it serves."""
        await self.process.start()
        await self._ready()

    async def stop(self) -> None:
        """SIGTERM and wait."""
        await self.process.stop()

    async def kill(self) -> None:
        """SIGKILL and wait; asserts that this is what ended it."""
        assert await self.process.kill() == -9

    def freeze(self) -> None:
        """SIGSTOP: connections stay open, nothing is answered."""
        self.process.freeze()

    def thaw(self) -> None:
        """SIGCONT."""
        self.process.thaw()


class KafkaBroker(Broker):
    """One broker with users, rights and topics as in production."""

    def __init__(self, kafka_: kafka.Kafka, passwords: dict[str, str]) -> None:
        process = Process(kafka_.program())
        super().__init__(process, lambda: kafka_ready(process, kafka_))
        self._kafka = kafka_
        self._passwords = passwords
        self._departments: set[str] = set()

    @property
    def bootstrap(self) -> str:
        return self._kafka.bootstrap

    def login(self, user: str = kafka.SUPERUSER) -> dict[str, str]:
        """confluent-kafka settings of a principal: a service, `dept.<code>`, `ops`, or the superuser."""
        return self._kafka.login(user)

    def settings(self, user: str) -> KafkaSettings:
        """The same for our own clients."""
        return KafkaSettings.model_validate(
            {
                "bootstrap": self.bootstrap,
                "username": user,
                "password": self._passwords[user],
                "security": "SASL_PLAINTEXT",
            }
        )

    async def declare(self, departments: Iterable[str]) -> Wanted:
        """Topics, users and rights of these departments too, as `qianshao topics apply` makes them. Idempotent.

        Returns all that has been declared by now.
        """
        if not self._departments.issuperset(departments):
            self._departments.update(departments)
            await asyncio.to_thread(self._declare)
        return self._wanted()

    async def withdraw(self, departments: Iterable[str]) -> None:
        """Take these departments' rights away again: whoever compares what is with what should be finds nothing of them."""
        self._departments.difference_update(departments)
        await asyncio.to_thread(self._declare)

    async def new_topic(self, partitions: int = 1) -> str:
        """A topic of its own for one test; only the superuser may use it."""
        name = f"test-{new_id()}"
        await asyncio.to_thread(self._create, name, partitions)
        return name

    def _wanted(self) -> Wanted:
        return Wanted.of(all_topics(self._departments), replication=1, min_insync=1)

    def _declare(self) -> None:
        wanted = self._wanted()
        self._passwords.update(self._kafka.state.passwords(wanted.users))
        admin = connect(self.login())
        reconcile(admin, wanted, self._passwords)
        warm_up(admin)

    def _create(self, name: str, partitions: int) -> None:
        admin = connect(self.login())  # kept until the end: a client that is collected never answers
        admin.create_topics([sdk.NewTopic(name, partitions, 1)])[name].result(timeout=15)


class MongoServer(Broker):
    """One mongod as a replica set, with authentication as in production."""

    def __init__(self, mongo_: mongo.Mongo) -> None:
        process = Process(mongo_.program())
        super().__init__(process, lambda: mongo_ready(process, mongo_))
        self._mongo = mongo_

    @property
    def admin_uri(self) -> str:
        return self._mongo.admin_uri()

    async def new_database(self, prefix: str = "test") -> mongo.Database:
        """An empty database with a user of its own, whose rights are those of a service's user."""
        return await asyncio.to_thread(self._mongo.database, f"{prefix}-{new_id()}", "secret")

    def client(self) -> MongoClient[dict[str, Any]]:
        """A synchronous client with every right, for looking behind the scenes. The caller closes it."""
        return MongoClient(self.admin_uri, authSource="admin", tz_aware=True, serverSelectionTimeoutMS=5_000)


@dataclass(frozen=True, slots=True)
class Stack:
    """Both servers, and the folder they live in."""

    state: State
    kafka: KafkaBroker
    mongo: MongoServer
    passwords: Mapping[str, str]

    async def heal(self) -> None:
        """Undo whatever a fault test did: thaw, start again, wait."""
        for broker in (self.kafka, self.mongo):
            if broker.process.running:
                broker.thaw()
            await broker.start()

    async def surroundings(self, services: Iterable[str] = ()) -> plan.Surroundings:
        """For starting services by `ops.local.plan.program`: fresh databases and ports, topics of all departments."""
        names = list(services) or plan.services()
        await self.kafka.declare(load(REFERENCE).departments)
        return plan.Surroundings(
            state=self.state,
            reference=REFERENCE,
            bootstrap=self.kafka.bootstrap,
            databases={name: await self.mongo.new_database(name) for name in names},
            passwords=self.passwords,
            ports=self.state.ports(plan.port_names(names)),
        )


async def bring_up(root: Path) -> Stack:
    state = State.at(root, State.at(state_folder()).jars)
    await asyncio.to_thread(jars.ensure_listed, state.jars)
    tools = toolchain.find(root / "lib")
    passwords = state.passwords([*kafka.PASSWORDS, *mongo.PASSWORDS])
    ports = state.ports([*kafka.PORTS, *mongo.PORTS])
    broker = kafka.Kafka(state, tools.java, ports, passwords)
    database = mongo.Mongo(state, tools.mongod, tools.mongod_libraries, ports, passwords)
    stack = Stack(state, KafkaBroker(broker, passwords), MongoServer(database), passwords)

    async def bring_up_kafka() -> None:
        await asyncio.to_thread(broker.prepare)
        await stack.kafka.start()
        await stack.kafka.declare(DEPARTMENTS)

    try:
        await asyncio.gather(bring_up_kafka(), stack.mongo.start())
    except BaseException:
        await bring_down(stack)
        raise
    return stack


async def bring_down(stack: Stack) -> None:
    # SIGKILL on purpose: the folder goes with them, and every session also tests that nothing is left.
    for broker in (stack.kafka, stack.mongo):
        await broker.process.kill()


@pytest.fixture(scope="session")
async def stack() -> AsyncIterator[Stack]:
    """Kafka and mongod for the whole session. They die with this process, even when it is killed."""
    root = Path(mkdtemp(prefix="qianshao-test-"))
    try:
        started = await bring_up(root)
        yield started
        await bring_down(started)
    finally:
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
async def fragile(stack: Stack) -> AsyncIterator[Stack]:
    """The stack for a test that breaks it; whole again afterwards."""
    yield stack
    await stack.heal()
