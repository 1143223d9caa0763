"""The whole story under fire: every process of every service is killed at every crash point it passes, during 200 reports.

Each report is fixed by its department, paid and told. Afterwards nothing is lost and nothing is doubled, anywhere.
"""

import asyncio

import pytest

from ops.check.command import examine
from shared.clock import system_clock
from tests.support import burst
from tests.support.checking import behind_the_scenes
from tests.support.house import House
from tests.support.municipal import Robot

WORKER_POINTS = (
    "lane.in_transaction",
    "lane.after_commit",
    "consumer.before_transaction",
    "consumer.after_transaction",
    "relay.after_claim",
    "relay.after_ack",
)
POINTS = [
    ("intake", "api", "intake.after_photo"),
    ("intake", "api", "lane.in_transaction"),
    ("intake", "api", "lane.after_commit"),
    *(("intake", "worker", point) for point in WORKER_POINTS),
    *(("dispatch", "worker", point) for point in WORKER_POINTS),
    *(("points", "worker", point) for point in WORKER_POINTS),
    # notify publishes nothing, so its relay never has a row
    *(("notify", "worker", point) for point in WORKER_POINTS if not point.startswith("relay")),
]
REPORTS = 200


@pytest.mark.slow
@pytest.mark.timeout(1200)
async def test_the_whole_story_survives_kill_9_at_every_crash_point(house: House) -> None:
    sent: list[burst.Burst] = []
    async with Robot(house) as robot:
        for number, (service, entry, point) in enumerate(POINTS):
            process = await house.start(service, entry, wait=False, QIANSHAO_CRASH_AT=point)
            share = REPORTS // len(POINTS) + (number < REPORTS % len(POINTS))
            sending = asyncio.create_task(burst.send(house, share, seed=number))
            await asyncio.wait_for(process.wait(), 90)
            assert process.returncode == -9, f"{service} {entry} did not die at {point}"
            await house.start(service, entry)
            sent.append(await sending)
        whole = burst.Burst.of(sent)
        assert len(whole.bodies) == REPORTS
        await burst.check_story(house, whole)
        async with behind_the_scenes(house) as look:
            found = await examine(look, list(whole.incidents), system_clock)
        assert found.clean, [finding for finding in found.findings if finding.violations]
    assert robot.refused == []
