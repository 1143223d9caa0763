"""Notify as it really runs: the story through Kafka into an open stream, a `kill -9` in between, and an end within its time."""

import asyncio
import re
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx2

from tests.support import notifying
from tests.support.house import House, eventually, jpeg, report, upload, wish
from tests.support.municipal import Municipal
from tests.support.notifying import inboxes

TOPICS = {"incident-reported": "intake", "incident-changed": "dispatch", "incident-resolved": "dispatch"}


async def take(events: AsyncIterator[tuple[int, dict[str, Any]]], count: int) -> list[str]:
    """The next messages of a stream, points left out: they come when they come."""
    found: list[str] = []
    async with asyncio.timeout(90):
        while len(found) < count:
            template = (await anext(events))[1]["template"]
            found += [] if template.startswith("points") else [template]
    return found


async def duplicates(house: House) -> int:
    """Deliveries that the worker knew already."""
    async with httpx2.AsyncClient() as client:
        text = (await client.get(f"{house.url('notify', 'worker')}/metrics")).text
    counts = re.findall(r'qianshao_consumer_deliveries_total{outcome="duplicate",topic="[^"]+"} ([0-9.]+)', text)
    assert counts, text
    return int(sum(map(float, counts)))


async def redeliver(house: House, incident: str) -> int:
    """Everything that the incident's topics have about it, once more; returns how much that is."""
    count = 0
    for topic, owner in TOPICS.items():
        for record in await house.topic(topic, incident):
            await house.send(owner, topic, record.value, record.headers, record.key)
            count += 1
    return count


async def test_the_story_reaches_an_open_stream_once_whatever_dies_and_repeats(house: House) -> None:
    rider = f"rider-{uuid.uuid4()}"
    async with (
        house.client("intake", "rider", sub=rider) as phone,
        house.client("intake", "department") as crew,
        house.client("notify", "rider", sub=rider) as inbox,
        notifying.stream(inbox, {}) as events,
    ):
        mine = await report(phone, wish((await upload(phone))["photo_id"]))
        assert await take(events, 2) == ["received", "asked"]
        municipal = Municipal(house, mine["incident_id"])
        offer = await municipal.told("offer")
        await municipal.say("accepted", offer["order"], 1)
        assert await take(events, 2) == ["accepted", "in_progress"]
        await house.process("notify", "worker").kill()
        evidence = await upload(crew, jpeg(1), "evidence")
        await municipal.say("done", offer["order"], 2, receipts=[evidence["receipt"]])
        await eventually("it is fixed", lambda: house.topic("incident-resolved", mine["incident_id"]))
        await house.start("notify", "worker")
        assert await take(events, 1) == ["fixed"]

        before = await duplicates(house)
        repeated = await redeliver(house, mine["incident_id"])
        assert repeated >= 7

        async def repeated_all() -> bool:
            return await duplicates(house) >= before + repeated

        await eventually("the repetitions have been consumed", repeated_all)
    got = inboxes(await house.find("notify", "messages", {"incident": mine["incident_id"]}))
    told = {audience: [g.template for g in got if g.audience == audience] for audience in {g.audience for g in got}}
    riders = [t for t in told.pop(f"rider:{rider}") if not t.startswith("points")]
    assert riders == ["received", "asked", "accepted", "in_progress", "fixed"]
    others = {audience for audience in told if not audience.startswith("community:")}
    kinds = {audience.partition("-")[0] for audience in others}
    assert kinds == {"group:officers", "group:unit", "department:140302003:municipal"}
    ((_, staff),) = ((audience, what) for audience, what in told.items() if audience not in others)
    assert staff == ["staff_new", "fixed_for_staff"]


async def test_a_stop_ends_open_streams_at_once_and_cleanly(house: House) -> None:
    process = house.process("notify", "api")
    async with house.client("notify", "rider", sub=str(uuid.uuid4())) as client, notifying.stream(client, {}) as events:
        began = time.monotonic()
        stopping = asyncio.create_task(process.stop())
        assert [event async for event in events] == []
        seconds = time.monotonic() - began
        code = await stopping
    await house.start("notify", "api")
    assert code == 0
    assert seconds < 2, "uvicorn would wait 5 s for a stream that does not end"
