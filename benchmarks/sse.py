"""A broadcast to a thousand riders who all have their inbox open on one api process, against a bare FastAPI loop."""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.result import Result, percentiles
from ops.local import keys, plan
from ops.local.process import Process, Program
from ops.local.supervisor import answers, until_ready
from services.notify.delivering import deliver
from services.notify.domain.case import rider_audience
from services.notify.domain.message import Message
from services.notify.domain.telling import Urgency
from services.notify.domain.templates import Text
from services.notify.store import BOOKS
from shared.clock import system_clock
from shared.mongo.client import connect
from shared.mongo.lane import Lane
from shared.mongo.transactions import MongoTransactor
from shared.mongo.work import Ref, Work
from tests.support.house import SUBDISTRICT
from tests.support.stack import REFERENCE, Stack

CLIENTS, ROUNDS = 1_000, 5
IN_ONE = 100
"""Recipients of one transaction, as a broadcast has them."""

AT_ONCE = 50
"""Clients that connect at a time."""

RIDERS = [f"rider-{number}" for number in range(CLIENTS)]
TEXT = Text("暴雨预警", "今晚有暴雨，请避开地下通道。" * 4, "请注意安全。")


@dataclass
class Ears:
    """Open streams, and when each of them heard what came last."""

    heard: list[float] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def open(self, port: int, path: str, token: str) -> None:
        """Connect, and listen from then on."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        lines = (f"GET {path} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {token}", "", "")
        writer.write("\r\n".join(lines).encode())
        status = await reader.readline()
        assert b" 200 " in status, status
        while not (await reader.readline()).startswith(b":"):  # the comment that a stream begins with
            pass
        self.tasks.append(asyncio.create_task(self._listen(reader, writer)))

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            while line := await reader.readline():
                if line.startswith(b"data:"):
                    self.heard.append(time.perf_counter())

    async def everyone(self, told: float) -> list[float]:
        """Seconds until each one heard it."""
        while len(self.heard) < CLIENTS:
            assert time.perf_counter() - told < 120, f"{len(self.heard)} of {CLIENTS}"
            await asyncio.sleep(0.01)
        seconds, self.heard = [at - told for at in self.heard], []
        assert len(seconds) == CLIENTS
        return seconds


async def measure(stack: Stack) -> list[Result]:
    """From the beginning of the broadcast to each client's line; resident memory of the process for each client."""
    async with _bare(stack) as (process, port):
        floor, floor_kb = await _through(process, port, "/stream", lambda rider: "", _tell_bare(port))
    async with _notify(stack) as (process, port, around, tell):
        now = datetime.now(UTC)

        def token(rider: str) -> str:
            return keys.token(around.state.keys, "rider", now, SUBDISTRICT, sub=rider)

        ours, ours_kb = await _through(process, port, "/v1/inbox/stream", token, tell)
    ratio = _p99(ours) / _p99(floor)
    return [
        Result(
            f"broadcast to {CLIENTS:,} streams, stored first",
            percentiles(ours),
            percentiles(floor),
            f"p99 {ratio:.1f} x",
        ),
        Result(
            "  memory of a stream",
            f"{ours_kb / CLIENTS:,.0f} kB",
            f"{floor_kb / CLIENTS:,.0f} kB (a bare FastAPI loop)",
            f"{ours_kb / floor_kb:.1f} x",
        ),
    ]


Tell = Callable[[int], Awaitable[None]]


async def _through(
    process: Process, port: int, path: str, token: Callable[[str], str], tell: Tell
) -> tuple[list[float], int]:
    """Seconds of every line, and the kilobytes that the clients cost."""
    ears, before = Ears(), _rss(process)
    for start in range(0, CLIENTS, AT_ONCE):
        await asyncio.gather(*(ears.open(port, path, token(rider)) for rider in RIDERS[start : start + AT_ONCE]))
    found: list[float] = []
    for number in range(ROUNDS + 1):
        told = time.perf_counter()
        await tell(number)
        seconds = await ears.everyone(told)
        found += seconds if number else []  # the first one warms up
    cost = _rss(process) - before
    for task in ears.tasks:
        task.cancel()
    await asyncio.gather(*ears.tasks, return_exceptions=True)
    return found, cost


@dataclass(frozen=True, slots=True)
class Broadcast:
    """One text into many inboxes."""

    id: str
    riders: tuple[str, ...]

    def reads(self) -> Iterable[Ref]:
        return [BOOKS.messages.ref(self.id), *(BOOKS.recipients.ref(rider_audience(rider)) for rider in self.riders)]

    def decide(self, work: Work) -> None:
        text = Message(self.id, SUBDISTRICT, self.id, None, None, "b", {}, Urgency.URGENT, TEXT, TEXT, "/", work.now)
        deliver(work, BOOKS, text, [rider_audience(rider) for rider in self.riders])


@asynccontextmanager
async def _notify(stack: Stack) -> AsyncIterator[tuple[Process, int, plan.Surroundings, Tell]]:
    database = await stack.mongo.new_database("notify")
    ports = stack.state.ports(plan.port_names(["notify"]))
    around = plan.Surroundings(
        stack.state, REFERENCE, stack.kafka.bootstrap, {"notify": database}, stack.passwords, ports
    )
    process, port = Process(plan.program("notify", "api", around)), ports[plan.port_name("notify", "api")]
    client = connect(database.uri, "bench")
    lane = Lane(MongoTransactor(client, client[database.name], system_clock))
    running = asyncio.create_task(lane.run())

    async def tell(number: int) -> None:
        for start in range(0, CLIENTS, IN_ONE):
            await lane.submit(Broadcast(f"b{number}-{start}", tuple(RIDERS[start : start + IN_ONE])))

    await process.start()
    try:
        await until_ready(process, answers(port, "/readyz"), 60)
        yield process, port, around, tell
    finally:
        await process.kill()
        running.cancel()
        client.close()


@asynccontextmanager
async def _bare(stack: Stack) -> AsyncIterator[tuple[Process, int]]:
    port = stack.state.ports(["bare"])["bare"]
    argv = (sys.executable, "-m", "benchmarks.sse_floor", str(port))
    process = Process(Program("bare", argv, stack.state.logs / "bare.log", cwd=Path.cwd()))
    await process.start()
    try:
        await until_ready(process, answers(port, "/openapi.json"), 60)
        yield process, port
    finally:
        await process.kill()


def _tell_bare(port: int) -> Tell:
    async def tell(number: int) -> None:
        body: dict[str, Any] = {
            "id": str(number),
            "title": TEXT.title,
            "text": TEXT.text,
            "next": TEXT.next,
            "link": "/",
        }
        async with httpx2.AsyncClient(timeout=30, trust_env=False) as client:
            assert (await client.post(f"http://127.0.0.1:{port}/tell", json=body)).json() == CLIENTS

    return tell


def _p99(seconds: list[float]) -> float:
    return sorted(seconds)[int(len(seconds) * 0.99)]


def _rss(process: Process) -> int:
    """Kilobytes, of the process and what it started."""
    total = 0
    for pid in (process.pid, *_children(process.pid)):
        status = Path(f"/proc/{pid}/status").read_text()
        total += next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    return total


def _children(pid: int) -> list[int]:
    found = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return found + [grandchild for child in found for grandchild in _children(child)]
