"""From a rider's tap to the department, and from "done" to the rider: the whole house as processes, at a steady rate."""

import asyncio
import json
import time
import uuid
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer

from benchmarks.result import Result, percentiles
from ops.local import plan
from ops.local.process import Process
from shared.kafka.connection import client_options
from tests.support.house import House, eventually, report, upload, wish
from tests.support.municipal import Robot
from tests.support.stack import Stack

REPORTS = 120
PER_SECOND = 2
"""360 times the 480 reports a day of a sub-district. Ten a second fill two cores, which also run the brokers and the measuring."""

WATCH_SECONDS = 0.01
"""How finely arrivals in a database are seen."""

Times = dict[str, float]


async def measure(stack: Stack) -> list[Result]:
    """Seconds from sending a report to reading its offer on the department's topic; from the department's "done" to the
    posted entry and to the message, both as committed; resident memory of each process afterwards."""
    house = House(stack, await stack.surroundings(), {})
    try:
        for service in plan.services():
            for entry in plan.ENTRIES:
                house.processes[service, entry] = Process(plan.program(service, entry, house.around))
                await house.processes[service, entry].start()
        for service, entry in house.processes:
            await house.ready(service, entry)
        results = await _load(house)
        memory = ", ".join(f"{s} {e} {_rss(p)} MB" for (s, e), p in house.processes.items())
    finally:
        await asyncio.gather(*(process.kill() for process in house.processes.values()))
    return [*results, Result("memory (RSS)", memory)]


async def _load(house: House) -> list[Result]:
    sent: Times = {}
    accepted: list[float] = []
    offered, done = Times(), Times()
    paid, told = Times(), Times()
    watching = [
        asyncio.create_task(_listen(house, offered)),
        asyncio.create_task(_watch(house, "points", "entries", {"kind": "post"}, paid)),
        asyncio.create_task(_watch(house, "notify", "messages", {"template": "fixed"}, told)),
    ]
    async with house.client("intake", "rider", sub=f"rider-{uuid.uuid4()}") as rider, Robot(house, done=done):
        photo = (await upload(rider))["photo_id"]

        async def one(number: int) -> None:
            await asyncio.sleep(number / PER_SECOND)
            started = time.perf_counter()
            body = await report(rider, wish(photo))
            accepted.append(time.perf_counter() - started)
            sent[body["incident_id"]] = started

        await asyncio.gather(*(one(number) for number in range(REPORTS)))
        await eventually(f"{REPORTS} stories end", lambda: _all(offered, paid, told))
    for task in watching:
        task.cancel()
    rate = f"{PER_SECOND}/s"
    return [
        Result(f"report -> 201, {rate}", percentiles(accepted)),
        Result(f"report -> department's topic, {rate}", percentiles(_between(sent, offered))),
        Result(f"done -> balance visible, {rate}", percentiles(_between(done, paid))),
        Result(f"done -> message in inbox, {rate}", percentiles(_between(done, told))),
    ]


async def _listen(house: House, offered: Times) -> None:
    """When each offer arrives at the department."""
    options = client_options(house.stack.kafka.settings("dept.municipal"), "bench")
    consumer = AIOKafkaConsumer(
        "dispatch.municipal", **options, group_id="dept.municipal.bench", auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        async for record in consumer:
            if json.loads(record.value)["kind"] == "offer":
                offered.setdefault(record.key.decode(), time.perf_counter())
    finally:
        await consumer.stop()


async def _watch(house: House, service: str, collection: str, query: dict[str, Any], seen: Times) -> None:
    """When each incident's document is there."""
    with house.stack.mongo.client() as client:
        found = client[house.around.databases[service].name][collection]
        while True:
            ids = await asyncio.to_thread(found.distinct, "incident", {**query, "incident": {"$nin": list(seen)}})
            for incident in ids:
                seen.setdefault(incident, time.perf_counter())
            await asyncio.sleep(WATCH_SECONDS)


async def _all(*times: Times) -> bool:
    return all(len(one) >= REPORTS for one in times)


def _between(begun: Times, ended: Times) -> list[float]:
    return [ended[incident] - begun[incident] for incident in begun]


def _rss(process: Process) -> int:
    """Resident memory of the process and its children in MB."""
    total = 0
    for pid in tree(process.pid):
        status = Path(f"/proc/{pid}/status").read_text()
        total += next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    return total // 1024


def tree(pid: int) -> list[int]:
    """The process and everything it started."""
    children = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [pid, *(one for child in children for one in tree(child))]
