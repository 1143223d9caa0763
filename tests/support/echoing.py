"""Topics, messages and worker processes for the tests of the consume loop, and what became of the messages."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from pymongo import MongoClient

from ops.local import keys
from ops.local.kafka import SUPERUSER
from ops.local.mongo import Database as Place
from ops.local.process import Process, Program
from ops.local.state import REPOSITORY
from ops.topics import connect, sdk
from shared.ids import new_id
from shared.mongo.work import Document
from tests.support.echo_worker import ECHOES, HEALTHY, ORDERS, SWITCHES
from tests.support.stack import Stack
from tests.support.waiting import until

Header = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class Sent:
    """One record for Kafka."""

    key: bytes
    value: bytes
    headers: tuple[Header, ...]


def update(id_: str, order: str, progress: str = "done so far") -> Sent:
    """A valid update of a department, as it would send it."""
    headers = {
        "ce_specversion": "1.0",
        "ce_id": id_,
        "ce_type": "cn.qianshao.order.updated.v1",
        "ce_source": "/department/whoever",
        "ce_time": "2026-09-25T09:11:00+08:00",
        "content-type": "application/json",
    }
    value = (
        f'{{"subdistrict": "140302003", "update_id": "{id_}", "order": "{order}", "seen_seq": 1, "kind": "progress",'
        f' "at": "2026-09-25T09:11:00+08:00", "progress": "{progress}"}}'
    )
    return Sent(order.encode(), value.encode(), tuple((name, text.encode()) for name, text in headers.items()))


def received(message: Message) -> Sent:
    """What came from Kafka, as what was sent. Fails the test if it is an error or has no key."""
    key, value = message.key(), message.value()
    headers: Any = message.headers() or []
    assert isinstance(key, bytes), message.error()
    assert isinstance(value, bytes), message.error()
    return Sent(key, value, tuple(headers))


def updates(prefix: str, orders: int, each: int) -> list[Sent]:
    """`each` updates of every order, taking turns; ids tell the order and the place in it."""
    return [update(f"{prefix}.{o}.{n}", f"{prefix}.{o}") for n in range(each) for o in range(orders)]


def garbage(number: int) -> Sent:
    """Bytes that no decoder takes."""
    return Sent(
        f"junk-{number}".encode(), b"\xff\x00" + str(number).encode(), (("x", b"\xfe" + bytes([number % 256])),)
    )


@dataclass
class Echoes:
    """One consumer group with its own topics and database."""

    stack: Stack
    service: str
    topics: Sequence[str]
    place: Place
    behind: MongoClient[Document]
    workers: list[Process] = field(default_factory=list)

    async def worker(self, breaks: str = "") -> "Worker":
        """Start another worker of the group."""
        name = f"{self.service}.{len(self.workers)}"
        (port,) = self.stack.state.ports([name]).values()
        kafka = self.stack.kafka.settings(SUPERUSER)
        environment = {
            "ECHO_SERVICE": self.service,
            "ECHO_TOPICS": ",".join(self.topics),
            "ECHO_BREAK": breaks,
            "QIANSHAO_HTTP_PORT": str(port),
            "QIANSHAO_MONGO_URI": self.place.uri,
            "QIANSHAO_MONGO_DATABASE": self.place.name,
            "QIANSHAO_REFERENCE": "unused",
            "QIANSHAO_JWKS": "unused",
            "QIANSHAO_FORGET_KEY": str(keys.forget_key(self.stack.state.keys)),
            "QIANSHAO_KAFKA_BOOTSTRAP": kafka.bootstrap,
            "QIANSHAO_KAFKA_USERNAME": kafka.username,
            "QIANSHAO_KAFKA_PASSWORD": kafka.password.get_secret_value(),
            "QIANSHAO_KAFKA_SECURITY": kafka.security,
        }
        argv = (sys.executable, "-m", "tests.support.echo_worker")
        log = self.stack.state.logs / f"{name}.log"
        process = Process(Program(name, argv, log=log, env=environment, cwd=REPOSITORY, stop_seconds=30.0))
        await process.start()
        self.workers.append(process)
        return Worker(process, port)

    async def send(self, messages: Iterable[Sent], topic: str | None = None) -> None:
        """Returns when the broker has them all."""
        await asyncio.to_thread(_send, self.stack.kafka.login(), topic or self.topics[0], list(messages))

    def find(self, collection: str, query: Document | None = None) -> list[Document]:
        """What stands in the group's database."""
        return list(self.behind[self.place.name][collection].find(query or {}))

    def count(self, collection: str = ECHOES) -> int:
        """How many documents a collection has: by default, how many different updates took effect."""
        found: int = self.behind[self.place.name][collection].count_documents({})
        return found

    def heal(self) -> None:
        """From now on the poisonous ones can be handled."""
        self.behind[self.place.name][SWITCHES].insert_one({"_id": HEALTHY, "version": 1})

    async def reach(self, number: int, seconds: float = 60.0) -> None:
        """Wait until so many different updates took effect."""
        seen = 0

        def look() -> bool:
            nonlocal seen
            seen = self.count()
            return seen >= number

        try:
            await until(look, seconds)
        except AssertionError:
            raise AssertionError(f"{seen} of {number} updates took effect within {seconds:g} s") from None

    def check(self, messages: Iterable[Sent]) -> None:
        """Every update took effect once, in the order of its work order, and none is held."""
        self.check_once(messages)
        assert not self.find("held_keys")

    def check_once(self, messages: Iterable[Sent]) -> None:
        """Every update took effect once, and those of one order in the order they were sent in."""
        wanted: dict[str, list[str]] = {}
        for message in messages:
            wanted.setdefault(message.key.decode(), []).append(dict(message.headers)["ce_id"].decode())
        assert {doc["_id"]: doc["line"] for doc in self.find(ORDERS)} == wanted
        assert {doc["times"] for doc in self.find(ECHOES)} == {1}

    async def dead(self, number: int, topic: str | None = None) -> list[Sent]:
        """Everything on the dead letter topic, once there are `number` different ones (a relay may repeat itself)."""
        return await asyncio.to_thread(_read, self.stack.kafka.login(), f"{topic or self.topics[0]}.dlq", number)


@dataclass(frozen=True, slots=True)
class Worker:
    """A process of the group and what it says about itself."""

    process: Process
    port: int

    async def _get(self, path: str) -> httpx2.Response | None:
        async with httpx2.AsyncClient(timeout=10) as client:
            try:
                return await client.get(f"http://127.0.0.1:{self.port}{path}")
            except httpx2.TransportError:
                return None

    async def readiness(self) -> tuple[int, dict[str, str]]:
        """Status, and what fails with the reason; 0 while it does not listen."""
        answer = await self._get("/readyz")
        return (answer.status_code, answer.json()["failing"]) if answer else (0, {})

    async def ready(self, seconds: float = 40.0) -> None:
        """Wait until it is."""

        async def look() -> bool:
            assert self.process.running, f"ended with {self.process.returncode}:\n{self.process.tail(20)}"
            return (await self.readiness())[0] == 200

        await until(look, seconds, f"{self.process.name} is ready")

    async def metric(self, name: str, **labels: str) -> float | None:
        """One value of /metrics, None if it is not there."""
        answer = await self._get("/metrics")
        wanted = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
        pattern = rf"^{re.escape(name)}{re.escape(f'{{{wanted}}}' if wanted else '')} (\S+)$"
        found = re.search(pattern, answer.text, re.MULTILINE) if answer else None
        return float(found[1]) if found else None

    def break_it(self) -> None:
        """Break the part it was started to break."""
        os.kill(self.process.pid, signal.SIGUSR1)

    async def ended(self, seconds: float) -> int | None:
        """Its exit status, which comes within this time."""
        async with asyncio.timeout(seconds):
            return await self.process.wait()


@asynccontextmanager
async def echoes(stack: Stack, topics: int = 1, partitions: int = 3, *, declared: bool = True) -> AsyncIterator[Echoes]:
    """A group of its own; its workers are killed at the end, if a test has not ended them."""
    unique = new_id().replace("-", "")[-20:]
    names = [f"department-updates.t-{unique}-{n}" for n in range(topics)]
    if declared:
        await asyncio.to_thread(declare, stack, names, partitions)
    behind = stack.mongo.client()
    found = Echoes(stack, f"echo-{unique}", names, await stack.mongo.new_database("echo"), behind)
    try:
        yield found
    except BaseException:
        for process in found.workers:  # pytest shows what a failing test printed
            sys.stdout.write(f"--- {process.name}, exit status {process.returncode}\n{process.tail(40)}\n")
        raise
    finally:
        for process in found.workers:
            await process.kill()
        behind.close()


def declare(stack: Stack, names: Iterable[str], partitions: int = 3) -> None:
    """Topics and their dead letters."""
    topics = [*(sdk.NewTopic(n, partitions, 1) for n in names), *(sdk.NewTopic(f"{n}.dlq", 1, 1) for n in names)]
    admin = connect(stack.kafka.login())  # has to live until the answers are there
    for future in admin.create_topics(topics).values():
        future.result(timeout=15)


def _send(login: dict[str, str], topic: str, messages: list[Sent]) -> None:
    failed: list[Any] = []
    producer = Producer({**login, "log_level": 0, "linger.ms": 5, "enable.idempotence": True})
    for message in messages:
        producer.produce(
            topic,
            message.value,
            message.key,
            headers=list(message.headers),
            on_delivery=lambda error, _: failed.append(error) if error else None,
        )
    assert producer.flush(30) == 0
    assert not failed, failed[0]


def _read(login: dict[str, str], topic: str, number: int) -> list[Sent]:
    consumer = Consumer({**login, "log_level": 0, "group.id": "unused", "enable.auto.commit": False})
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        found: list[Sent] = []
        for _ in range(200):
            found.extend(received(message) for message in consumer.consume(500, timeout=0.2))
            sources = {dict(message.headers)["dlq-source"] for message in found}
            if len(sources) >= number and len(found) == consumer.get_watermark_offsets(TopicPartition(topic, 0))[1]:
                return found
        raise AssertionError(f"{topic} has {len(found)} messages, {number} are wanted")
    finally:
        consumer.close()
