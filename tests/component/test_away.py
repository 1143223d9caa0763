"""Kafka away, MongoDB away, a lease holder that hangs: what is promised meanwhile, and what is there afterwards."""

import asyncio
import time

import httpx2
import pytest

from tests.support import burst
from tests.support.house import House, another, eventually, report, upload, wish


async def test_scenario_31_kafka_away_reports_are_still_accepted(house: House) -> None:
    await house.stack.kafka.kill()
    sent = await asyncio.wait_for(burst.send(house, 20), 30)
    assert len(await house.find("intake", "outbox", {"published": None})) >= 20
    await house.stack.kafka.start()
    await house.heal()
    await burst.check(house, sent)


async def test_mongodb_away_is_said_within_8_s_and_nothing_is_acknowledged(house: House) -> None:
    async with house.client("intake", "rider") as rider:
        body = wish((await upload(rider))["photo_id"])
        house.stack.mongo.freeze()
        started = time.monotonic()
        answer = await rider.post("/v1/reports", json=body)
        took = time.monotonic() - started
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert "Retry-After" in answer.headers
        assert took < 8.0
        async with httpx2.AsyncClient() as anyone:
            assert (await anyone.get(f"{house.url('intake')}/livez")).status_code == 200
            assert (await anyone.get(f"{house.url('intake')}/readyz", timeout=10)).status_code == 503
        house.stack.mongo.thaw()
        await report(rider, body)
        stored = await house.find("intake", "reports", {"client_key": body["client_key"]})
        assert len(stored) == 1


async def test_kill_9_of_mongodb_in_a_burst_loses_nothing_that_was_acknowledged(house: House) -> None:
    sending = asyncio.create_task(burst.send(house, 60))
    before = len(await house.find("intake", "reports"))

    async def under_way() -> bool:
        return len(await house.find("intake", "reports")) > before + 10

    await eventually("the burst is under way", under_way)
    await house.stack.mongo.kill()
    await house.stack.mongo.start()
    await burst.check(house, await sending)


@pytest.mark.slow
async def test_a_frozen_lease_holder_is_replaced_and_nothing_is_lost_when_it_wakes(house: House) -> None:
    """The rival's rows were sent by the successor; what the sleeper sends late are duplicates, never gaps."""
    frozen = house.process("intake", "worker")
    frozen.freeze()
    async with another(house, "intake", "worker"):
        sent = await burst.send(house, 10)
        await burst.check(house, sent)
        frozen.thaw()
        await burst.check(house, await burst.send(house, 5))


@pytest.mark.slow
async def test_a_worker_whose_broker_has_frozen_still_ends_on_sigterm(house: House) -> None:
    house.stack.kafka.freeze()
    started = time.monotonic()
    await house.process("dispatch", "worker").stop()
    assert time.monotonic() - started < 24.0
    house.stack.kafka.thaw()
