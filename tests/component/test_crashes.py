"""kill -9 at the worst moments: afterwards nothing is lost and nothing is doubled."""

import asyncio
from functools import partial

import pytest

from ops.local.process import Process
from tests.support import burst
from tests.support.house import House, eventually

POINTS = [
    ("intake", "api", "lane.after_commit:2"),
    ("intake", "worker", "relay.after_ack"),
    ("dispatch", "worker", "consumer.after_transaction"),
    pytest.param("dispatch", "worker", "relay.after_claim", marks=pytest.mark.slow),
]
"""One of each kind for the quick suite: a killed worker is missed by its group for 10 s. All of them: test_survival.py."""


async def restarted(house: House, process: Process, service: str, entry: str) -> None:
    """Wait for the death that the crash point is to bring, then start without it."""
    await asyncio.wait_for(process.wait(), 60)
    assert process.returncode == -9
    await house.start(service, entry)


@pytest.mark.parametrize(("service", "entry", "point"), POINTS)
async def test_kill_9_at_a_crash_point_loses_and_doubles_nothing(
    house: House, service: str, entry: str, point: str
) -> None:
    process = await house.start(service, entry, wait=False, QIANSHAO_CRASH_AT=point)
    death = asyncio.create_task(restarted(house, process, service, entry))
    sent = await burst.send(house, 15)
    await death
    await burst.check(house, sent)


@pytest.mark.slow
async def test_every_process_killed_at_random_moments_during_a_burst(house: House) -> None:
    """The named points are where we think it hurts; this is for where we did not think."""
    sending = asyncio.create_task(burst.send(house, 60))
    for service, entry in list(house.processes):
        before = len(await house.find("intake", "reports"))
        await eventually("the burst goes on", partial(_more, house, before, sending))
        assert await house.process(service, entry).kill() == -9
        await house.start(service, entry, wait=False)
    await burst.check(house, await sending)


async def _more(house: House, before: int, sending: "asyncio.Task[burst.Burst]") -> bool:
    return sending.done() or len(await house.find("intake", "reports")) > before + 2


async def test_every_process_ends_cleanly_on_sigterm(house: House) -> None:
    for service, entry in list(house.processes):
        assert await house.process(service, entry).stop() == 0, f"{service} {entry}"
        assert "leaked" not in house.process(service, entry).tail()
