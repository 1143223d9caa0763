"""Notify as it really runs: events through Kafka into an open stream, `kill -9` in between, and an end within its time."""

import asyncio
import time
import uuid

from shared.contracts.envelope import encode
from shared.ids import public_code
from tests.support import notifying
from tests.support.house import SUBDISTRICT, House, eventually
from tests.support.notifying import Said, inboxes, place, reported, resolved, state

COMMUNITY = f"{SUBDISTRICT}005"


async def send(house: House, *events: Said) -> None:
    """Put events on their topics as the services that own them."""
    owner = {"incident-reported": "intake", "incident-changed": "dispatch", "incident-resolved": "dispatch"}
    for event in events:
        headers, value = encode(event.message)
        await house.send(owner[event.topic], event.topic, value, headers, event.key.encode())


async def templates(house: House, audience: str) -> list[str]:
    """What stands in an inbox."""
    found = inboxes(await house.find("notify", "messages"))
    return [got.template for got in found if got.audience == audience]


async def test_a_story_that_comes_in_the_wrong_order_and_twice_reaches_an_open_stream_once(house: House) -> None:
    incident, rider = str(uuid.uuid4()), f"rider-{uuid.uuid4()}"
    mine = f"rider:{rider}"
    code = public_code(incident)
    report = reported(incident, 0, rider=rider, code=code, place=place(COMMUNITY))
    working = state("in_progress", 1, 1, incident=incident)
    working_again, fixed = state("in_progress", 2, 2, incident=incident), resolved(1, 9, rider, incident=incident)
    async with house.client("notify", "rider", sub=rider) as client, notifying.stream(client, {}) as events:
        await send(house, fixed, working)
        await eventually("the case is known", lambda: house.find("notify", "cases", {"_id": incident, "steps.1": {"$exists": 1}}))
        assert await templates(house, mine) == []
        await house.process("notify", "worker").kill()
        await send(house, report, fixed, working)
        await house.start("notify", "worker")
        async with asyncio.timeout(60):
            got = [await anext(events) for _ in range(3)]
        assert [(number, data["template"]) for number, data in got] == [(1, "received"), (2, "in_progress"), (3, "fixed")]
        assert got[2][1]["link"] == f"/p/{code}"
        await send(house, report, fixed, working, working_again)
        async with asyncio.timeout(60):
            assert (await anext(events))[0] == 4
    assert await templates(house, mine) == ["received", "in_progress", "fixed", "in_progress"]


async def test_a_stop_ends_open_streams_at_once_and_cleanly(house: House) -> None:
    process = house.process("notify", "api")
    async with house.client("notify", "rider") as client, notifying.stream(client, {}) as events:
        await house.start_of_stream(events) if hasattr(house, "start_of_stream") else None
        began = time.monotonic()
        code = await process.stop()
        seconds = time.monotonic() - began
        assert [event async for event in events] == []
    await house.start("notify", "api")
    assert code == 0
    assert seconds < 4, "uvicorn would wait 5 s for a stream that does not end"
