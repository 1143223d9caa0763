"""Bring the whole house up on this machine, each part as soon as what it needs is there."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from ops.local import caddy, keys, plan
from ops.local.brokers import follow_port, kafka_ready, mongo_ready
from ops.local.ground import Ground, mongo_user
from ops.local.mongo import Database
from ops.local.process import Process, Program
from ops.local.state import State, write_private
from ops.local.supervisor import Supervisor, answers, listens, until_ready
from ops.topics import connect, reconcile, warm_up

_READY_SECONDS = 90.0
T = TypeVar("T")

Say = Callable[[str, float | None], None]
"""Gets one line for people, and the seconds it took if it was a step."""


@dataclass(frozen=True, slots=True)
class Running:
    """Where everything is and with which logins: what a story, a test or a person needs. To be kept private."""

    front: str
    bootstrap: str
    tokens: Mapping[str, str]
    kafka_passwords: Mapping[str, str]
    mongo_uris: Mapping[str, str]
    ports: Mapping[str, int]


class House:
    """The processes of one run."""

    def __init__(self, ground: Ground, say: Say) -> None:
        self._ground = ground
        self._say = say
        self._brokers = Supervisor(lambda text: say(text, None))
        self._services = Supervisor(lambda text: say(text, None))

    async def start(self, now: datetime) -> Running:
        """All of it, in parallel where nothing waits. Raises an `ExceptionGroup` naming what did not come up."""
        async with asyncio.TaskGroup() as group:
            databases = group.create_task(self._start_mongo())
            bus = group.create_task(self._start_kafka())
            group.create_task(self._start_front())
            group.create_task(self._start_entries(plan.API, databases))
            group.create_task(self._start_entries(plan.WORKER, databases, bus))
        return self._running(databases.result(), now)

    async def stop(self) -> None:
        """Services first: one that loses its broker while it stops would wait for it."""
        await self._services.stop()
        await self._brokers.stop()

    async def _start_kafka(self) -> None:
        kafka = self._ground.kafka
        async with _step(self._say, "Kafka"):
            await asyncio.to_thread(kafka.prepare)
            await kafka_ready(await self._launch(kafka.program(), self._brokers), kafka)
        async with _step(self._say, "主题、用户与权限 topics, users, rights"):
            await asyncio.to_thread(_declare, self._ground)

    async def _start_mongo(self) -> dict[str, Database]:
        mongo = self._ground.mongo
        async with _step(self._say, "MongoDB"):
            await follow_port(mongo)
            await mongo_ready(await self._launch(mongo.program(), self._brokers), mongo)
            return await asyncio.to_thread(_databases, self._ground)

    async def _start_front(self) -> None:
        ground = self._ground
        program = caddy.program(ground.state, ground.caddy, ground.ports, ground.api_ports())
        async with _step(self._say, "前门 front door"):
            process = await self._launch(program, self._services)
            await until_ready(process, listens(ground.ports["front"]), _READY_SECONDS)

    async def _start_entries(
        self, entry: str, databases: Awaitable[dict[str, Database]], *needs: Awaitable[None]
    ) -> None:
        around = self._ground.surroundings(await databases)
        for need in needs:
            await need
        async with asyncio.TaskGroup() as group:
            for service in self._ground.services:
                group.create_task(self._start_service(service, entry, around))

    async def _start_service(self, service: str, entry: str, around: plan.Surroundings) -> None:
        port = around.ports[plan.port_name(service, entry)]
        async with _step(self._say, f"{service} {entry}"):
            process = await self._launch(plan.program(service, entry, around), self._services)
            await until_ready(process, answers(port, "/readyz"), _READY_SECONDS)

    async def _launch(self, program: Program, supervisor: Supervisor) -> Process:
        process = Process(program)
        await process.start()
        supervisor.watch(process)
        return process

    def _running(self, databases: Mapping[str, Database], now: datetime) -> Running:
        ground = self._ground
        return Running(
            front=f"http://127.0.0.1:{ground.ports['front']}",
            bootstrap=ground.kafka.bootstrap,
            tokens={login: keys.token(ground.state.keys, login, now, ground.subdistrict) for login in keys.LOGINS},
            kafka_passwords={user: ground.passwords[user] for user in ground.wanted.users},
            mongo_uris={name: database.uri for name, database in databases.items()},
            ports=ground.ports,
        )


@asynccontextmanager
async def running(state: State, reference: Path, now: datetime, say: Say) -> AsyncIterator[Running]:
    """The stack from ready to stopped. Raises whatever kept it from coming up, after ending what had started.

    Also writes `running.json` into the state folder, readable by its owner alone. The lock on `state` is the caller's.
    """
    async with _step(say, "准备 jars, ports, keys, reference data"):
        house = House(await asyncio.to_thread(Ground.lay, state, reference), say)
    try:
        found = await house.start(now)
        write_private(state.root / "running.json", asdict(found))
        yield found
    finally:
        async with _step(say, "停止 stopped"):
            await house.stop()


@asynccontextmanager
async def _step(say: Say, what: str) -> AsyncIterator[None]:
    began = time.monotonic()
    yield
    say(what, time.monotonic() - began)


def _declare(ground: Ground) -> None:
    admin = connect(ground.kafka.login())
    reconcile(admin, ground.wanted, ground.passwords)
    warm_up(admin)


def _databases(ground: Ground) -> dict[str, Database]:
    return {s: ground.mongo.database(s, ground.passwords[mongo_user(s)]) for s in ground.services}
