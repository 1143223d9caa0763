"""Bring the whole house up on this machine, in the order in which its parts need each other."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from ops.local import caddy, jars, kafka, keys, mongo, plan, toolchain
from ops.local.brokers import start_kafka, start_mongo
from ops.local.process import Process
from ops.local.state import REPOSITORY, State, write_private
from ops.local.supervisor import Supervisor, answers, listens, until_ready
from ops.topics import connect, reconcile, warm_up
from shared.contracts.topics import all_topics
from shared.kafka.admin import Wanted
from shared.reference.load import load

REFERENCE = REPOSITORY / "deploy/reference/beidajie"
_READY_SECONDS = 60.0

Say = Callable[[str], None]
"""Gets one line for people."""


@dataclass(frozen=True, slots=True)
class Running:
    """Where everything is, and with which logins: what a story, a test or a person needs. Keep it private."""

    front: str
    bootstrap: str
    tokens: Mapping[str, str]
    kafka_passwords: Mapping[str, str]
    mongo_uris: Mapping[str, str]
    ports: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Ground:
    """What is decided before anything starts."""

    state: State
    ports: Mapping[str, int]
    passwords: Mapping[str, str]
    wanted: Wanted
    services: tuple[str, ...]
    subdistrict: str
    kafka: kafka.Kafka
    mongo: mongo.Mongo
    caddy: Path


@asynccontextmanager
async def running(state: State, say: Say, now: datetime, reference: Path = REFERENCE) -> AsyncIterator[Running]:
    """The stack from ready to stopped: brokers, then topics and users, then services behind the front door.

    Raises whatever stopped it from coming up, after ending what had started. The lock on `state` is the caller's.
    """
    services, brokers = Supervisor(say), Supervisor(say)
    try:
        ground = await _timed(say, "准备 · jars, ports, keys, reference data", asyncio.to_thread(_ground, state, reference))
        async with asyncio.TaskGroup() as group:
            databases = group.create_task(_databases(ground, brokers, say))
            bus = group.create_task(_bus(ground, brokers, say))
            group.create_task(_front(ground, services, say))
            group.create_task(_start_all(plan.API, ground, services, say, databases))
            group.create_task(_start_all(plan.WORKER, ground, services, say, databases, bus))
        found = _running(ground, databases.result(), now)
        write_private(state.root / "running.json", json.dumps(asdict(found), indent=2) + "\n")
        yield found
    finally:
        await _timed(say, "停止 · stopped", _stop(services, brokers))


async def _stop(services: Supervisor, brokers: Supervisor) -> None:
    await services.stop()  # first: a service that loses its broker while stopping waits for it
    await brokers.stop()


def _ground(state: State, reference: Path) -> _Ground:
    jars.ensure_listed(state.jars)
    tools = toolchain.find(state.root / "lib")
    data = load(reference)
    services = tuple(plan.services())
    wanted = Wanted.of(all_topics(data.departments), replication=1, min_insync=1)
    ports = state.ports([*kafka.PORTS, *mongo.PORTS, *caddy.PORTS, *plan.port_names(services)])
    own = [*kafka.PASSWORDS, *mongo.PASSWORDS, *(f"mongo.{service}" for service in services)]
    passwords = state.passwords([*own, *wanted.users])
    broker = kafka.Kafka(state, tools.java, ports, passwords)
    database = mongo.Mongo(state, tools.mongod, tools.mongod_libraries, ports, passwords)
    subdistrict = min(data.subdistricts)
    return _Ground(state, ports, passwords, wanted, services, subdistrict, broker, database, tools.caddy)


async def _bus(ground: _Ground, brokers: Supervisor, say: Say) -> None:
    await asyncio.to_thread(ground.kafka.prepare)
    process = Process(ground.kafka.program())
    await _timed(say, "Kafka", start_kafka(process, ground.kafka))
    brokers.watch(process)
    await _timed(say, "主题与权限 · topics, users, rights", asyncio.to_thread(_declare, ground))


def _declare(ground: _Ground) -> None:
    admin = connect(ground.kafka.login())
    reconcile(admin, ground.wanted, ground.passwords)
    warm_up(admin)


async def _databases(ground: _Ground, brokers: Supervisor, say: Say) -> dict[str, str]:
    process = Process(ground.mongo.program())
    await _timed(say, "MongoDB", start_mongo(process, ground.mongo))
    brokers.watch(process)
    return await asyncio.to_thread(_add_users, ground)


def _add_users(ground: _Ground) -> dict[str, str]:
    return {s: ground.mongo.add_user(s, ground.passwords[f"mongo.{s}"], s) for s in ground.services}


async def _front(ground: _Ground, services: Supervisor, say: Say) -> None:
    apis = {service: ground.ports[plan.port_name(service, plan.API)] for service in ground.services}
    process = Process(caddy.program(ground.state, ground.caddy, ground.ports, apis))
    await process.start()
    await _timed(say, "前门 · front door", until_ready(process, listens(ground.ports["front"]), _READY_SECONDS))
    services.watch(process)


async def _start_all(
    entry: str, ground: _Ground, watcher: Supervisor, say: Say, databases: asyncio.Task[dict[str, str]], *needs: asyncio.Task[None]
) -> None:
    """Start one entry point of every service, as soon as what it needs is there."""
    uris = await databases
    for need in needs:
        await need
    around = plan.Surroundings(ground.state, REFERENCE, ground.kafka.bootstrap, uris, ground.passwords, ground.ports)
    async with asyncio.TaskGroup() as group:
        for service in ground.services:
            process = Process(plan.program(service, entry, around))
            await process.start()
            watcher.watch(process)
            port = ground.ports[plan.port_name(service, entry)]
            group.create_task(_timed(say, process.name, until_ready(process, answers(port, "/readyz"), _READY_SECONDS)))
