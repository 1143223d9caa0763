"""The whole house as it really runs: every service's api and worker as processes of their own, on the session's brokers."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import httpx2
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition
from PIL import Image

from ops.local import keys, plan
from ops.local.process import Process
from ops.local.supervisor import answers, until_ready
from shared.contracts.topics import topic_named
from shared.kafka.connection import client_options
from tests.support.stack import Stack

SUBDISTRICT = "140302003"
INSIDE = {"lng": 113.58, "lat": 37.857, "crs": "wgs84", "accuracy_m": 12}
READY_SECONDS = 60.0

Document = dict[str, Any]


async def eventually(what: str, check: Callable[[], Awaitable[Any]], seconds: float = 60.0) -> Any:
    """Ask until the answer is true and return it. Raises `AssertionError` naming `what` and the last answer."""
    deadline, seen = time.monotonic() + seconds, None
    while time.monotonic() < deadline:
        if seen := await check():
            return seen
        await asyncio.sleep(0.05)
    raise AssertionError(f"not within {seconds:.0f} s: {what} (last seen: {seen!r})")


@dataclass(frozen=True, slots=True)
class House:
    """Start, crash and look behind the scenes. One a session: topics and consumer groups are shared, so are databases."""

    stack: Stack
    around: plan.Surroundings
    processes: dict[tuple[str, str], Process]

    def process(self, service: str, entry: str) -> Process:
        return self.processes[service, entry]

    def url(self, service: str, entry: str = "api") -> str:
        return f"http://127.0.0.1:{self.around.ports[plan.port_name(service, entry)]}"

    async def start(self, service: str, entry: str, *, wait: bool = True, **environment: str) -> Process:
        """Start (again), with more environment if given: `QIANSHAO_CRASH_AT="relay.after_ack"`, say."""
        await self.processes[service, entry].stop()
        program = plan.program(service, entry, self.around)
        process = Process(replace(program, env={**program.env, **environment}))
        self.processes[service, entry] = process
        await process.start()
        if wait:
            await self.ready(service, entry)
        return process

    async def ready(self, service: str, entry: str, seconds: float = READY_SECONDS) -> None:
        port = self.around.ports[plan.port_name(service, entry)]
        await until_ready(self.process(service, entry), answers(port, "/readyz"), seconds)

    async def heal(self) -> None:
        """Everything runs again without crash points."""
        await self.stack.heal()
        for (service, entry), process in self.processes.items():
            process.thaw() if process.running else None
            if not process.running or "QIANSHAO_CRASH_AT" in process.program.env:
                await self.start(service, entry, wait=False)
        for service, entry in self.processes:
            await self.ready(service, entry)

    def token(self, login: str, **claims: Any) -> str:
        """A demo login's token; `claims` replace its own."""
        return keys.token(self.around.state.keys, login, datetime.now(UTC), SUBDISTRICT, **claims)

    @asynccontextmanager
    async def client(self, service: str, login: str, **claims: Any) -> AsyncIterator[httpx2.AsyncClient]:
        """HTTP to one api under one login."""
        headers = {"Authorization": f"Bearer {self.token(login, **claims)}"}
        async with httpx2.AsyncClient(base_url=self.url(service), headers=headers, timeout=15.0) as client:
            yield client

    async def find(self, service: str, collection: str, query: Document | None = None) -> list[Document]:
        """Documents of a service's database, behind its back."""
        return await asyncio.to_thread(self._find, service, collection, query or {})

    def _find(self, service: str, collection: str, query: Document) -> list[Document]:
        with self.stack.mongo.client() as client:
            return list(client[self.around.databases[service].name][collection].find(query))

    async def topic(self, name: str, key: str | None = None) -> list[Any]:
        """Every record that stands on a topic now, those of one key if given."""
        consumer = AIOKafkaConsumer(
            **client_options(self.stack.kafka.settings("broker"), "test"), enable_auto_commit=False
        )
        await consumer.start()
        try:
            partitions = [TopicPartition(name, number) for number in range(topic_named(name).partitions)]
            consumer.assign(partitions)
            await consumer.seek_to_beginning(*partitions)
            ends = await consumer.end_offsets(partitions)
            records: list[Any] = []
            while any([await consumer.position(tp) < end for tp, end in ends.items()]):
                for found in (await consumer.getmany(timeout_ms=500)).values():
                    records.extend(found)
            return [record for record in records if key is None or record.key == key.encode()]
        finally:
            await consumer.stop()

    async def send(
        self, user: str, topic: str, value: bytes, headers: Iterable[tuple[str, bytes]], key: bytes = b"k"
    ) -> None:
        """Put a record on a topic as some principal."""
        producer = AIOKafkaProducer(**client_options(self.stack.kafka.settings(user), "test"), acks="all")
        await producer.start()
        try:
            await producer.send_and_wait(topic, value, key=key, headers=list(headers))
        finally:
            await producer.stop()

    async def settled(self) -> None:
        """Nothing waits in any outbox and no key is being retried."""

        async def quiet() -> bool:
            for service in self.around.databases:
                if await self.find(service, "outbox", {"published": None, "parked": None}):
                    return False
                if await self.find(service, "held_keys", {"state": "retrying"}):
                    return False
            return True

        await eventually("outboxes empty, no retries", quiet)


def jpeg(seed: int = 0) -> bytes:
    """A small real JPEG; another seed is another picture."""
    out = BytesIO()
    Image.effect_noise((640, 480), 40 + seed % 60).convert("RGB").save(out, "JPEG", quality=70)
    return out.getvalue()


async def upload(client: httpx2.AsyncClient, raw: bytes | None = None, what: str = "photos") -> Document:
    """Upload a photo; returns the answer's body."""
    answer = await client.post(f"/v1/{what}", files={"photo": ("p.jpg", raw or jpeg(), "image/jpeg")})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def wish(photo_id: str, **changes: Any) -> Document:
    """A complete report of a missing street-light cover, which goes to municipal."""
    return {
        "client_key": str(uuid.uuid4()),
        "category": {"scheme": "gb30428", "code": "P0106", "condition": "missing"},
        "emergency": True,
        "place": dict(INSIDE),
        "text": "井盖没了",
        "photo_ids": [photo_id],
        "captured_at": datetime.now(UTC).isoformat(),
        **changes,
    }


async def report(client: httpx2.AsyncClient, body: Document, seconds: float = 60.0) -> Document:
    """Report as a phone does: the same body again until it is answered with 201."""

    async def attempt() -> Document | None:
        try:
            answer = await client.post("/v1/reports", json=body)
        except httpx2.HTTPError:
            return None
        assert answer.status_code in (201, 502, 503), answer.text
        return dict(answer.json()) if answer.status_code == 201 else None

    found: Document = await eventually("a report is accepted", attempt, seconds)
    return found


async def ask(
    client: httpx2.AsyncClient, path: str, check: Callable[[Document], Any], seconds: float = 60.0
) -> Document:
    """Read `path` until `check` holds of the answer."""

    async def attempt() -> Document | None:
        answer = await client.get(path)
        return dict(answer.json()) if answer.status_code == 200 and check(answer.json()) else None

    found: Document = await eventually(f"{path} as wanted", attempt, seconds)
    return found


@asynccontextmanager
async def another(house: House, service: str, entry: str) -> AsyncIterator[House]:
    """Another process of the same kind beside the first, on the same database and in the same consumer group."""
    name = f"{service}_{entry}_second"
    ports = {**house.around.ports, plan.port_name(service, entry): house.around.state.ports([name])[name]}
    twin = House(house.stack, replace(house.around, ports=ports), {})
    program = plan.program(service, entry, twin.around)
    process = Process(replace(program, log=program.log.with_name(f"{name}.log")))
    twin.processes[service, entry] = process
    await process.start()
    try:
        await twin.ready(service, entry)
        yield twin
    finally:
        await process.kill()


@pytest.fixture(scope="session")
async def the_house(stack: Stack) -> AsyncIterator[House]:
    around = await stack.surroundings()
    house = House(stack, around, {})
    for service in plan.services():
        for entry in plan.ENTRIES:
            house.processes[service, entry] = Process(plan.program(service, entry, around))
            await house.processes[service, entry].start()
    for service, entry in house.processes:
        await house.ready(service, entry)
    yield house
    await asyncio.gather(*(process.kill() for process in house.processes.values()))


@pytest.fixture
async def house(the_house: House) -> AsyncIterator[House]:
    """The house, whole; whole again after a test that broke it."""
    yield the_house
    await the_house.heal()
