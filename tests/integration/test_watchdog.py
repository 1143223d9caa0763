"""A worker that looks alive and is not ends itself; one whose brokers are gone can still be ended."""

import asyncio
import time

import pytest

from tests.support.echoing import declare, echoes, updates
from tests.support.stack import Stack
from tests.support.waiting import freeze, until

SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "part",
    ["thread", *(pytest.param(part, marks=SLOW) for part in ("app", "consumer", "fetcher"))],
)
async def test_a_broken_part_of_faust_ends_the_process_and_its_successor_goes_on(stack: Stack, part: str) -> None:
    """Faust itself would log a line and consume nothing for ever, while HTTP answers 200."""
    async with echoes(stack) as group:
        worker = await group.worker(breaks=part)
        await worker.ready()
        good = updates("u", 5, 4)
        await group.send(good[:10])
        await group.reach(10)
        worker.break_it()
        assert await worker.ended(25) == 1
        await group.send(good[10:])
        await group.worker()
        await group.reach(len(good))
        group.check(good)


@SLOW
async def test_with_kafka_gone_sigterm_ends_it_within_the_deadline(fragile: Stack) -> None:
    async with echoes(fragile) as group:
        worker = await group.worker()
        await worker.ready()
        await fragile.kafka.kill()

        async def noticed() -> bool:
            return "kafka" in (await worker.readiness())[1]

        await until(noticed, 15, "readiness says that Kafka is gone")
        assert worker.process.running
        began = time.monotonic()
        await worker.process.stop()
        assert worker.process.returncode != -9
        assert time.monotonic() - began < 22


async def test_kafka_frozen_and_back_is_caught_up_with(fragile: Stack) -> None:
    """Shorter than a session; whoever ends meanwhile is started again, as a supervisor does."""
    async with echoes(fragile) as group:
        worker = await group.worker()
        await worker.ready()
        good = updates("u", 5, 40)
        await group.send(good[:100])
        await group.reach(100)
        freeze(fragile.kafka.process)

        async def noticed() -> bool:
            return "kafka" in (await worker.readiness())[1]

        await until(noticed, 15, "readiness says that Kafka does not answer")
        fragile.kafka.thaw()
        await group.send(good[100:])
        await group.reach(len(good))
        group.check(good)


@SLOW
async def test_without_its_topic_it_is_not_ready_says_why_and_consumes_soon_after(stack: Stack) -> None:
    """Faust that meets a missing topic at join is a member without partitions for 300 s, and looks well."""
    async with echoes(stack, declared=False) as group:
        worker = await group.worker()

        async def said() -> bool:
            status, failing = await worker.readiness()
            named = failing.get("kafka") == f"topics are missing: {group.topics[0]}"
            return status == 503 and named and "database" not in failing

        await until(said, 30, "readiness names the topic")
        prepared = time.monotonic()  # from here on a Faust that did not wait would join
        await until(lambda: time.monotonic() - prepared > 6, 7)
        assert "group" in (await worker.readiness())[1]
        await asyncio.to_thread(declare, stack, group.topics)
        good = updates("u", 2, 5)
        await group.send(good)
        await group.reach(len(good), 20)
        await worker.ready(10)


async def test_sigterm_before_the_topic_is_there_ends_it_cleanly(stack: Stack) -> None:
    async with echoes(stack, declared=False) as group:
        worker = await group.worker()

        async def listens() -> bool:
            return (await worker.readiness())[0] == 503

        await until(listens, 30, "it listens")
        assert await worker.process.stop() == 0
