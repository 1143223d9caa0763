"""Accepting reports: the commit lane against one transaction for each request, both at 16 in parallel, durable alike."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from benchmarks.result import Result, percentiles, rate
from services.intake.domain.report import GridPath, Place, Point, Report
from services.intake.opening import OpenReport
from services.intake.store import COLLECTIONS, INCIDENTS, REPORTS
from shared.clock import system_clock
from shared.context import Context
from shared.ids import new_id, report_id
from shared.mongo.client import connect
from shared.mongo.indexes import prepare
from shared.mongo.lane import Contended, Lane, Transient
from shared.mongo.transactions import MongoTransactor
from shared.mongo.work import Work
from tests.support.stack import Stack

CONNECTIONS = 16
REQUESTS = 4_000
SERIAL = 200

Submit = Callable[[OpenReport], Awaitable[object]]


async def measure(stack: Stack) -> list[Result]:
    """Requests per second of each, and what a lone request waits."""
    made = await stack.mongo.new_database("accept")
    client = connect(made.uri, "bench")
    database = client[made.name]
    await prepare(database, COLLECTIONS)
    transactor = MongoTransactor(client, database, system_clock)
    lane = Lane(transactor)
    running = asyncio.create_task(lane.run())

    async def alone(command: OpenReport) -> None:
        while True:
            try:
                return await transactor.transact(command.reads(), lambda work: _decide(command, work), 5.0)
            except (Contended, Transient):
                continue

    try:
        await _load(lane.submit, 200)  # warm up
        floor = await _load(alone, REQUESTS // 2)
        laned = await _load(lane.submit, REQUESTS)
        waits = [await _timed(lane.submit) for _ in range(SERIAL)]
    finally:
        running.cancel()
        client.close()
    return [
        rate(f"accept, lane, {CONNECTIONS} in parallel", laned, floor, "one transaction a request"),
        Result("accept, one at a time through the lane", percentiles(waits)),
    ]


def _decide(command: OpenReport, work: Work) -> None:
    work.begin()
    command.decide(work)


async def _load(submit: Submit, requests: int) -> float:
    """Requests per second with `CONNECTIONS` callers that each wait for their answer."""
    started = time.perf_counter()

    async def caller() -> None:
        for _ in range(requests // CONNECTIONS):
            await submit(_command())

    await asyncio.gather(*(caller() for _ in range(CONNECTIONS)))
    return requests / (time.perf_counter() - started)


async def _timed(submit: Submit) -> float:
    command, started = _command(), time.perf_counter()
    await submit(command)
    return time.perf_counter() - started


def _command() -> OpenReport:
    now, key = datetime.now(UTC), new_id()
    grid = GridPath("140302003", "140302003001", "140302003001001", "14030200300100101")
    point = Point(113.58, 37.857)
    report = Report(
        id=report_id("rider", key),
        client_key=key,
        fingerprint=key,
        rider="rider",
        subdistrict="140302003",
        incident=new_id(),
        code="",
        category={"scheme": "gb30428", "code": "P0106"},
        condition="missing",
        emergency=True,
        place=Place(point, "wgs84", point, point, 12.0, "北大街与新建路口", grid),
        text="井盖被雨水冲开",
        interim_measures="用树枝围起来了",
        photo_ids=(new_id(),),
        captured_at=now,
        received_at=now,
        flags=(),
    )
    return OpenReport(REPORTS, INCIDENTS, report, (), Context("rider:rider", key))
