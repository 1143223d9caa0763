"""From a rider's tap to the department: the whole house as processes, and what each of them needs of memory."""

import asyncio
import json
import time
from pathlib import Path

from aiokafka import AIOKafkaConsumer

from benchmarks.result import Result, percentiles
from ops.local import plan
from ops.local.process import Process
from shared.kafka.connection import client_options
from tests.support.house import House, eventually, report, upload, wish
from tests.support.stack import Stack

REPORTS = 300
PER_SECOND = 20


async def measure(stack: Stack) -> list[Result]:
    """Seconds from sending a report to reading its offer on the department's topic, at a steady rate; RSS after it."""
    house = House(stack, await stack.surroundings(), {})
    try:
        for service in plan.services():
            for entry in plan.ENTRIES:
                house.processes[service, entry] = Process(plan.program(service, entry, house.around))
                await house.processes[service, entry].start()
        for service, entry in house.processes:
            await house.ready(service, entry)
        accepted, offered = await _load(house)
        memory = ", ".join(f"{s} {e} {_rss(p)} MB" for (s, e), p in house.processes.items())
    finally:
        await asyncio.gather(*(process.kill() for process in house.processes.values()))
    return [
        Result(f"report accepted over HTTP, {PER_SECOND}/s", percentiles(accepted)),
        Result(f"report -> department's topic, {PER_SECOND}/s", percentiles(offered)),
        Result("memory (RSS)", memory),
    ]


async def _load(house: House) -> tuple[list[float], list[float]]:
    sent: dict[str, float] = {}
    arrived: dict[str, float] = {}
    accepted: list[float] = []
    options = client_options(house.stack.kafka.settings("dept.municipal"), "bench")
    consumer = AIOKafkaConsumer(
        "dispatch.municipal", **options, group_id="dept.municipal.bench", auto_offset_reset="earliest"
    )
    await consumer.start()

    async def listen() -> None:
        async for record in consumer:
            message = json.loads(record.value)
            if message["kind"] == "offer":
                arrived.setdefault(record.key.decode(), time.perf_counter())

    listening = asyncio.create_task(listen())
    async with house.client("intake", "rider") as rider:
        photo = (await upload(rider))["photo_id"]

        async def one(number: int) -> None:
            await asyncio.sleep(number / PER_SECOND)
            started = time.perf_counter()
            body = await report(rider, wish(photo))
            accepted.append(time.perf_counter() - started)
            sent[body["incident_id"]] = started

        await asyncio.gather(*(one(number) for number in range(REPORTS)))
        await eventually(f"{REPORTS} orders arrive", lambda: _all(arrived))
    listening.cancel()
    await consumer.stop()
    return accepted, [arrived[incident] - started for incident, started in sent.items()]


async def _all(arrived: dict[str, float]) -> bool:
    return len(arrived) >= REPORTS


def _rss(process: Process) -> int:
    """Resident memory of the process and its children in MB."""
    total = 0
    for pid in (process.pid, *_children(process.pid)):
        status = Path(f"/proc/{pid}/status").read_text()
        total += next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    return total // 1024


def _children(pid: int) -> list[int]:
    found = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return found + [grandchild for child in found for grandchild in _children(child)]
