"""The consume loop in real processes on real Kafka: whatever ends, freezes or joins, each message takes effect once."""

import asyncio
import random
import time

import pytest

from shared.contracts.envelope import Malformed, decode
from shared.kafka.breaker import CONSECUTIVE
from tests.support.echo_worker import POISON
from tests.support.echoing import Echoes, Sent, echoes, garbage, update, updates
from tests.support.stack import Stack
from tests.support.waiting import freeze, until


async def started(group: Echoes, messages: list[Sent], seconds: float = 40.0) -> None:
    """Send and wait until the first took effect, so that what comes next hits the middle."""
    await group.send(messages)
    await group.reach(1, seconds)


def mixed(good: list[Sent], bad: list[Sent]) -> list[Sent]:
    """Garbage anywhere among the good ones, whose order stays."""
    luck = random.Random(7)
    found = list(good)
    for one in bad:
        found.insert(luck.randrange(len(found)), one)
    return found


async def check_dead(group: Echoes, bad: list[Sent]) -> None:
    """Buried once each, with the bytes and headers they came with."""
    letters = group.find("dead_letters")
    assert sorted(letter["value"] for letter in letters) == sorted(one.value for one in bad)
    rows = group.find("outbox")
    assert len(rows) == len(bad)
    told = {dict(message.headers)["dlq-source"]: message for message in await group.dead(len(bad))}
    assert {letter["_id"].encode() for letter in letters} == set(told)
    originals = {one.value: one for one in bad}
    for message in told.values():
        original = originals.pop(message.value)
        assert message.headers[: len(original.headers)] == original.headers
        assert dict(message.headers)["dlq-error-class"] == b"undecodable"
    assert not originals


async def kill_at(group: Echoes, good: list[Sent], bad: list[Sent], moments: list[float]) -> None:
    """Kill -9 when these shares of the messages have taken effect, then let another worker finish."""
    await group.send(mixed(good, bad))
    for moment in moments:
        worker = await group.worker()
        await group.reach(int(len(good) * moment))
        assert await worker.process.kill() == -9
    assert group.count() < len(good), "killed too late to show anything"
    await group.worker()
    await group.reach(len(good))
    await until(lambda: group.count("dead_letters") == len(bad), 20)
    await until(lambda: not group.find("outbox", {"published": None}), 30, "the dead letters are told")
    group.check(good)
    await check_dead(group, bad)


@pytest.mark.slow
async def test_kill_9_among_garbage_loses_and_doubles_nothing(stack: Stack) -> None:
    """A decoding shell would acknowledge garbage at once, ahead of good ones that are only buffered."""
    async with echoes(stack) as group:
        await kill_at(group, updates("u", 20, 150), [garbage(n) for n in range(40)], [0.3])


@pytest.mark.slow
async def test_kill_9_at_several_moments_loses_and_doubles_nothing(stack: Stack) -> None:
    luck = random.Random(time.time_ns())
    moments = sorted(luck.uniform(0.02, 0.7) for _ in range(4))
    async with echoes(stack) as group:
        await kill_at(group, updates("u", 20, 400), [garbage(n) for n in range(80)], moments)


@pytest.mark.slow
async def test_sigterm_under_load_is_quick_clean_and_loses_nothing(stack: Stack) -> None:
    good = updates("u", 20, 150)
    async with echoes(stack) as group:
        worker = await group.worker()
        await started(group, good)
        began = time.monotonic()
        assert await worker.process.stop() == 0
        assert time.monotonic() - began < 10
        assert group.count() < len(good), "stopped too late to show anything"
        assert group.find("leases")[0]["until"].year == 2000, "the relay's lease is given back"
        await group.worker()
        await group.reach(len(good))
        group.check(good)


@pytest.mark.slow
async def test_a_second_worker_joining_under_load_loses_and_doubles_nothing(stack: Stack) -> None:
    good = updates("u", 20, 200)
    async with echoes(stack) as group:
        first = await group.worker()
        await started(group, good[:2000])
        second = await group.worker()
        await group.send(good[2000:])
        await second.ready()
        more = [update(f"u.{o}.later", f"u.{o}") for o in range(20)]
        await group.send(more)
        await group.reach(len(good) + len(more))
        group.check([*good, *more])
        # what the first had only buffered when it lost its partitions must not have been acknowledged
        assert await first.process.kill() == -9
        last = [update(f"u.{o}.last", f"u.{o}") for o in range(20)]
        await group.send(last)
        await group.reach(len(good) + 40)
        group.check([*good, *more, *last])


@pytest.mark.slow
async def test_frozen_for_longer_than_its_session_loses_and_doubles_nothing(stack: Stack) -> None:
    """The broker gives the partitions to another, which does the same messages; the first wakes up in the middle."""
    good = updates("u", 20, 300)
    async with echoes(stack) as group:
        first = await group.worker()
        await first.ready()
        await started(group, good)
        freeze(first.process)
        frozen_at = time.monotonic()
        assert group.count() < len(good), "frozen too late to show anything"
        await group.worker()
        await until(lambda: time.monotonic() - frozen_at > 16, 20, "16 s have passed")
        first.process.thaw()
        await group.reach(len(good))
        more = [update(f"u.{o}.later", f"u.{o}") for o in range(20)]
        await group.send(more)
        await group.reach(len(good) + len(more))
        group.check([*good, *more])


async def test_a_poisonous_message_holds_its_key_and_delays_nobody_else(stack: Stack) -> None:
    before = updates("u", 10, 3)
    bad = [update(f"u.{o}.bad", f"u.{o}", POISON) for o in range(2)]
    after = [update(f"u.{o}.after{n}", f"u.{o}") for n in range(3) for o in range(10)]
    sent = [*before, *bad, *after]
    sick = {"u.0", "u.1"}
    async with echoes(stack) as group:
        worker = await group.worker()
        await started(group, before)
        await group.reach(len(before))
        await group.send([*bad, *after])
        await group.reach(len(before) + sum(one.key.decode() not in sick for one in after), 10)

        def lines() -> dict[str, int]:
            return {one["_id"].partition("|")[2]: len(one["line"]) for one in group.find("held_keys")}

        await until(lambda: lines() == dict.fromkeys(sick, 4), 5, "what comes later under the key waits behind it")
        assert {one["_id"] for one in group.find("orders") if len(one["line"]) > 3}.isdisjoint(sick)
        assert await worker.metric("qianshao_consumer_deliveries_total", topic=group.topics[0], outcome="held") == 8
        group.heal()
        await group.reach(len(sent), 30)
        await until(lambda: not group.find("held_keys"), 5)
        group.check(sent)


@pytest.mark.slow
async def test_the_breaker_stops_one_topic_and_no_other(stack: Stack) -> None:
    """A bad deploy must not empty a topic into the dead letters; the rest of the worker goes on, and so do its peers."""
    async with echoes(stack, topics=2) as group:
        sick, well = group.topics
        worker = await group.worker()
        await worker.ready()
        await group.send([update(f"p.{n}", f"p.{n}", POISON) for n in range(2_000)], sick)

        async def opened() -> bool:
            return await worker.metric("qianshao_consumer_breaker_open", topic=sick) == 1.0

        await until(opened, 20, "the breaker opens")
        good = updates("u", 10, 30)
        await group.send(good, well)
        await group.reach(len(good), 20)
        assert await worker.metric("qianshao_consumer_breaker_open", topic=well) == 0.0
        # what was already taken is brought to an end; nothing more is
        held = group.count("held_keys")
        assert CONSECUTIVE < held <= 3 * CONSECUTIVE
        assert (await worker.readiness())[0] == 200, "an open breaker is a known state"
        # a rebalance does not wait for what stands still, each message of which would want a minute
        second = await group.worker()
        await second.ready(30)
        more = [update(f"u.{o}.later", f"u.{o}") for o in range(10)]
        await group.send(more, well)
        await group.reach(len(good) + len(more), 20)
        began = time.monotonic()
        assert await worker.process.stop() == 0
        assert time.monotonic() - began < 8
        group.check_once([*good, *more])
        assert not group.find("dead_letters")


async def test_a_message_too_new_is_buried_and_not_guessed_at(stack: Stack) -> None:
    new = update("u.1", "u")
    headers = tuple(
        (name, b"cn.qianshao.order.updated.v9" if name == "ce_type" else text) for name, text in new.headers
    )
    async with echoes(stack) as group:
        with pytest.raises(Malformed):
            decode(group.topics[0], list(headers), new.value)
        await group.send([Sent(new.key, new.value, headers), update("u.2", "u")])
        await group.worker()
        await group.reach(1)
        (message,) = await group.dead(1)
        assert dict(message.headers)["dlq-error-class"] == b"unknown_version"
        assert message.value == new.value


async def test_the_same_message_sent_twice_takes_effect_once(stack: Stack) -> None:
    good = updates("u", 5, 20)
    async with echoes(stack) as group:
        await asyncio.gather(group.send(good), group.send([]))
        await group.send(good)
        worker = await group.worker()
        await group.reach(len(good))

        async def twins() -> bool:
            topic = group.topics[0]
            return await worker.metric("qianshao_consumer_deliveries_total", topic=topic, outcome="duplicate") == 100

        await until(twins, 10, "the repetitions were recognised")
        group.check(good)
