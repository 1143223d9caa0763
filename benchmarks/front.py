"""Accepting reports over HTTP: the intake process as it runs, against `benchmarks.bare`, which only commits in groups."""

import asyncio
import os
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.latency import tree
from benchmarks.result import Result, rate
from ops.local import plan
from ops.local.process import Process, Program
from ops.local.state import REPOSITORY
from ops.local.supervisor import answers, until_ready
from shared.reference.load import load
from tests.support.house import House, wish
from tests.support.stack import REFERENCE, Stack

CONNECTIONS = 16
RIDERS = 240
SECONDS = 15.0
_TICK = os.sysconf("SC_CLK_TCK")
_LIMITS = {"QIANSHAO_REPORTS_AN_HOUR": "1000000"}
"""Two hundred and forty riders send a year's reports in half a minute; their hour's limit is not what is measured."""

Send = Callable[[httpx2.AsyncClient, int], Awaitable[httpx2.Response]]


@dataclass(frozen=True, slots=True)
class Run:
    """Answered with 201 each second, and CPU seconds of the serving process (not of MongoDB) for each of them."""

    per_second: float
    cpu: float


async def measure(stack: Stack) -> list[Result]:
    """Reports without photo at 16 connections, each side alone on the machine; the floor first."""
    around = await stack.surroundings(("intake",))
    house = House(stack, around, {})
    floor = await _serve(_bare(around, await stack.mongo.new_database("bare")), around, _anyone)
    tokens = [house.token("rider", sub=f"rider-{uuid.uuid4()}") for _ in range(RIDERS)]
    own = await _serve(_intake(around), around, _as_one_of(tokens))
    return [
        rate(
            f"report -> 201 over HTTP, {CONNECTIONS} in parallel", own.per_second, floor.per_second, "bare group commit"
        ),
        Result(
            "CPU of the process for each of them",
            f"{own.cpu * 1000:.2f} ms",
            f"{floor.cpu * 1000:.2f} ms (bare group commit)",
            f"{own.cpu / floor.cpu:.1f} x",
        ),
    ]


def _intake(around: plan.Surroundings) -> Program:
    program = plan.program("intake", plan.API, around)
    return replace(program, env={**program.env, **_LIMITS})


def _bare(around: plan.Surroundings, database: Any) -> Program:
    """On intake's port, which is free before intake starts."""
    port = str(around.ports[plan.port_name("intake", plan.API)])
    argv = (sys.executable, "-m", "benchmarks.bare", database.name, port)
    return Program(
        "bare",
        argv,
        log=around.state.logs / "bare.log",
        env={"BARE_URI": database.uri},
        cwd=REPOSITORY,
        stop_seconds=25.0,
    )


async def _serve(program: Program, around: plan.Surroundings, send: Send) -> Run:
    """Start it, load it, stop it."""
    process, port = Process(program), around.ports[plan.port_name("intake", plan.API)]
    await process.start()
    try:
        await until_ready(process, answers(port, "/readyz"), 60.0)
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30.0) as client:
            await _load(client, send, 3.0)  # warm up
            before = _cpu(process.pid)
            began = time.perf_counter()
            answered = await _load(client, send, SECONDS)
            took = time.perf_counter() - began
            return Run(answered / took, (_cpu(process.pid) - before) / answered)
    finally:
        await process.stop()


async def _load(client: httpx2.AsyncClient, send: Send, seconds: float) -> int:
    """How many of `CONNECTIONS` callers, each waiting for its answer, are answered. Raises `RuntimeError` on a refusal."""
    until, numbers, answered = time.perf_counter() + seconds, count(), 0

    async def caller() -> None:
        nonlocal answered
        while time.perf_counter() < until:
            answer = await send(client, next(numbers))
            if answer.status_code != 201:
                raise RuntimeError(f"{answer.status_code}: {answer.text}")
            answered += 1

    await asyncio.gather(*(caller() for _ in range(CONNECTIONS)))
    return answered


@cache
def _kinds() -> list[tuple[str, str]]:
    """Category and condition of what needs no photo."""
    known = load(REFERENCE).categories.values()
    free = [one for one in known if one.scheme == "gb30428" and not one.photo_required and one.conditions]
    return [(one.code, one.conditions[0].code) for one in free]


def _wish(number: int) -> dict[str, Any]:
    """What needs no photo, somewhere on a raster of 40 m: the next one of a kind is more than 100 m away."""
    place = {"lng": 113.56 + number % 97 * 4.5e-4, "lat": 37.845 + number // 97 % 61 * 3.6e-4, "crs": "wgs84"}
    kinds = _kinds()
    code, condition = kinds[(number % 97 + number // 97 * 3) % len(kinds)]
    category = {"scheme": "gb30428", "code": code, "condition": condition}
    body = wish("", category=category, emergency=False, place={**place, "accuracy_m": 12}, text="请来看看")
    return {**body, "photo_ids": [], "captured_at": datetime.now(UTC).isoformat()}


async def _anyone(client: httpx2.AsyncClient, number: int) -> httpx2.Response:
    body = _wish(number)
    del body["photo_ids"]
    return await client.post("/v1/reports", json=body)


def _as_one_of(tokens: list[str]) -> Send:
    async def send(client: httpx2.AsyncClient, number: int) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {tokens[number % len(tokens)]}"}
        return await client.post("/v1/reports", json=_wish(number), headers=headers)

    return send


def _cpu(pid: int) -> float:
    """CPU seconds, user and system, of a process and its children so far."""
    fields = [Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split() for one in tree(pid)]
    return sum(int(field[11]) + int(field[12]) for field in fields) / _TICK
