"""The relay: nothing missed, nothing out of order within a key, whatever fails in the middle."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest
from pymongo.errors import OperationFailure

from shared.clock import system_clock
from shared.mongo import relay as relay_module
from shared.mongo.client import DURABLE, SNAPSHOT
from shared.mongo.lease import SAFE_SECONDS, Lease
from shared.mongo.relay import Relay, Unsendable
from shared.mongo.transactions import OUTBOX
from shared.mongo.work import Document
from tests.support.relaying import STORED, Recorder, firsts, row, rows
from tests.support.stack import Stack
from tests.support.stores import MongoStore, in_mongo
from tests.support.waiting import until


class Clock:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def store(stack: Stack) -> AsyncIterator[MongoStore]:
    async with in_mongo(stack) as opened:
        yield opened


def outbox(store: MongoStore) -> Any:
    return store.behind[store.place.name][OUTBOX]


def is_out(publisher: Recorder, value: str) -> Callable[[], bool]:
    return lambda: value.encode() in publisher.sent


def waiting(store: MongoStore) -> int:
    found: int = outbox(store).count_documents({"published": None})
    return found


async def relay_of(store: MongoStore, publisher: Recorder, holder: str = "a", clock: Clock | None = None) -> Relay:
    """A relay that has the lease if it is to be had."""
    lease = Lease(store.database, "relay", holder, clock or Clock())
    await lease.try_hold()
    return Relay(store.database, publisher, lease, system_clock)


@asynccontextmanager
async def at_work(relay: Relay, *, listening: bool = True) -> AsyncIterator[None]:
    coroutines = [relay.run(), *([relay.listen()] if listening else [])]
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        yield
        assert not any(task.done() for task in tasks), [task for task in tasks if task.done()]
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


async def drain(relay: Relay, store: MongoStore) -> None:
    for _ in range(100):
        if not waiting(store):
            return
        await relay.publish_waiting()
    pytest.fail(f"{waiting(store)} rows still wait")


async def test_rows_of_a_key_leave_in_the_order_of_versions_whatever_clocks_and_insertion_say(
    store: MongoStore,
) -> None:
    publisher = Recorder()
    relay = await relay_of(store, publisher)
    shuffled = [*rows("abc", 20), row("a", 21, 0), row("a", 21, 1), row("a", 21, 2), row("a", 100, 0)]
    random.Random(1).shuffle(shuffled)
    outbox(store).insert_many(shuffled)
    assert await relay.publish_waiting() == 64
    plain = [(n, 0) for n in range(1, 21)]
    assert publisher.by_key() == {"a": [*plain, (21, 0), (21, 1), (21, 2), (100, 0)], "b": plain, "c": plain}
    assert waiting(store) == 0
    assert await relay.publish_waiting() == 0
    assert len(publisher.sent) == 64


async def test_a_published_row_bears_the_servers_time(store: MongoStore) -> None:
    """A string there would never expire: `$$NOW` means the time only in a pipeline."""
    outbox(store).insert_one(row("a", 1))
    await (await relay_of(store, Recorder())).publish_waiting()
    (stored,) = outbox(store).find()
    assert abs(system_clock() - stored["published"]) < timedelta(minutes=1)


async def test_keys_go_side_by_side(store: MongoStore) -> None:
    together = asyncio.Barrier(10)

    class Meeting(Recorder):
        async def send(self, topic: str, key: bytes, value: bytes, headers: list[tuple[str, bytes]]) -> None:
            async with asyncio.timeout(5):
                await together.wait()
            await super().send(topic, key, value, headers)

    publisher = Meeting()
    relay = await relay_of(store, publisher)
    outbox(store).insert_many(rows("abcdefghij", 2))
    assert await relay.publish_waiting() == 20


async def test_rows_committed_against_the_order_of_their_ids_are_all_published(store: MongoStore) -> None:
    """289 of 400 were missed by a relay that paged on ids: ids drawn early are committed late."""
    publisher = Recorder()
    relay = await relay_of(store, publisher)
    batches = [[row(f"k{n:02}", m, id_=f"{n:02}.{m:02}") for m in range(1, 21)] for n in range(20)]
    gates = [asyncio.Event() for _ in batches]
    began = asyncio.Barrier(21)

    async def transaction(number: int, batch: list[Document]) -> None:
        collection = store.database[OUTBOX]
        async with await store.client.start_session() as session:
            session.start_transaction(read_concern=SNAPSHOT, write_concern=DURABLE)
            await collection.insert_many(batch[:10], session=session)
            await began.wait()
            await gates[number].wait()
            await collection.insert_many(batch[10:], session=session)
            await session.commit_transaction()

    transactions = [asyncio.create_task(transaction(n, batch)) for n, batch in enumerate(batches)]
    async with at_work(relay):
        await began.wait()
        for number in reversed(range(20)):
            gates[number].set()
            await until(is_out(publisher, f"k{number:02} 20 0"), 10)
    await asyncio.gather(*transactions)
    assert publisher.by_key() == {f"k{n:02}": [(m, 0) for m in range(1, 21)] for n in range(20)}


@pytest.mark.parametrize("window", [1, 7, 30])
async def test_a_window_smaller_than_a_keys_rows_keeps_their_order(
    store: MongoStore, monkeypatch: pytest.MonkeyPatch, window: int
) -> None:
    monkeypatch.setattr(relay_module, "WINDOW", window)
    publisher = Recorder()
    relay = await relay_of(store, publisher)
    outbox(store).insert_many(rows("ab", 30))
    await drain(relay, store)
    assert publisher.by_key() == {key: [(n, 0) for n in range(1, 31)] for key in "ab"}


async def test_a_parked_row_holds_its_key_and_no_other(store: MongoStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_module, "WINDOW", 5)  # were parked rows in the window, they would fill it
    publisher = Recorder()

    def before(number: int, value: bytes) -> None:
        if value == b"big 3 0":
            raise Unsendable("2000000 bytes are over the limit")

    publisher.before = before
    relay = await relay_of(store, publisher)
    outbox(store).insert_many([*rows(["big"], 12), *rows(["small"], 12)])
    for _ in range(12):
        await relay.publish_waiting()
    assert publisher.by_key() == {"big": [(1, 0), (2, 0)], "small": [(n, 0) for n in range(1, 13)]}
    assert outbox(store).find_one({"_id": "big|3|0"})["parked"] == "2000000 bytes are over the limit"
    assert relay.stats.parked == 1
    assert waiting(store) == 10
    # what comes later waits too; an operator who frees the row frees the key
    outbox(store).insert_one(row("big", 13))
    assert await relay.publish_waiting() == 0
    publisher.before = lambda number, value: None
    outbox(store).update_one({"_id": "big|3|0"}, {"$set": {"parked": None}})
    await drain(relay, store)
    assert publisher.by_key()["big"] == [(n, 0) for n in range(1, 14)]
    await relay.publish_waiting()
    assert relay.stats.parked == 0


def fail_at(*numbers: int) -> Callable[[int, bytes], None]:
    def told(number: int, value: bytes) -> None:
        if number in numbers:
            raise ConnectionError(f"send {number}")

    return told


def assert_whole(publisher: Recorder, keys: str, versions: int) -> None:
    """Each row at least once, and the first time in order: duplicates, never gaps."""
    by_key = publisher.by_key()
    assert set(by_key) == set(keys)
    for positions in by_key.values():
        assert firsts(positions) == [(n, 0) for n in range(1, versions + 1)]


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_failure_at_any_single_send_costs_neither_a_row_nor_the_order(store: MongoStore, when: str) -> None:
    for position in range(9):
        publisher = Recorder()
        setattr(publisher, when, fail_at(position))
        relay = await relay_of(store, publisher)
        outbox(store).delete_many({})
        outbox(store).insert_many(rows("abc", 3))
        assert await relay.publish_waiting() < 9
        await drain(relay, store)
        assert_whole(publisher, "abc", 3)


@pytest.mark.parametrize("seed", range(12))
async def test_any_mixture_of_failures_costs_neither_a_row_nor_the_order(store: MongoStore, seed: int) -> None:
    luck = random.Random(seed)
    publisher = Recorder()
    publisher.before = fail_at(*(n for n in range(60) if luck.random() < 0.3))
    publisher.after = fail_at(*(n for n in range(60) if luck.random() < 0.3))
    relay = await relay_of(store, publisher)
    outbox(store).insert_many(rows("abcd", 6))
    await drain(relay, store)
    assert_whole(publisher, "abcd", 6)


async def test_while_kafka_is_away_nothing_is_tried_row_by_row(store: MongoStore) -> None:
    class Away(Recorder):
        async def connect(self) -> None:
            await super().connect()
            raise ConnectionError("no broker")

    publisher = Away()
    relay = await relay_of(store, publisher)
    outbox(store).insert_many(rows("abc", 3))
    assert await relay.publish_waiting() == 0
    assert (publisher.connects, publisher.sends) == (1, 0)
    assert relay.stats.waiting == 9
    assert relay.stats.oldest_seconds > 0


async def test_who_loses_the_lease_in_the_middle_of_a_pass_stops_and_a_second_takes_over(store: MongoStore) -> None:
    clock = Clock()
    first, second = Recorder(), Recorder()
    one = await relay_of(store, first, "one", clock)
    two = await relay_of(store, second, "two")
    outbox(store).insert_many(rows("abc", 4))

    def lose(number: int, value: bytes) -> None:
        if number == 5:
            clock.now += SAFE_SECONDS

    first.before = lose
    await one.publish_waiting()
    assert 6 <= len(first.sent) < 9  # the rows that were being sent, and none after them
    assert await one.publish_waiting() == 0
    async with at_work(two):
        await until(lambda: two.stats.waiting == 0, 5)
        assert not second.sent  # it is still the first's, by the server's clock
        store.behind[store.place.name].leases.update_one({"_id": "relay"}, {"$set": {"until": STORED}})
        await until(lambda: waiting(store) == 0, 10, "the second takes over")
    both = Recorder()
    both.sent = [*first.sent, *second.sent]
    assert_whole(both, "abc", 4)


async def test_of_two_relays_one_works(store: MongoStore) -> None:
    publishers = [Recorder(), Recorder()]
    relays = [await relay_of(store, publisher, f"h{n}") for n, publisher in enumerate(publishers)]
    async with at_work(relays[0]), at_work(relays[1]):
        for version in range(1, 30):
            outbox(store).insert_one(row("a", version))
            await asyncio.sleep(0)
        await until(lambda: waiting(store) == 0, 10)
        await until(lambda: relays[0].stats.active, 5)
    assert publishers[0].by_key() == {"a": [(n, 0) for n in range(1, 30)]}
    assert not publishers[1].sent
    assert not relays[1].stats.active


async def test_a_stopped_relays_successor_need_not_wait(store: MongoStore) -> None:
    first, second = Recorder(), Recorder()
    lease = Lease(store.database, "relay", "first")
    one = Relay(store.database, first, lease, system_clock)
    async with at_work(one):
        await until(lambda: one.stats.active, 5)
        async with at_work(await relay_of(store, second, "second")):
            await lease.release()
            outbox(store).insert_one(row("a", 1))
            await until(lambda: second.sent, 5, "the successor publishes; the lease runs for 10 s")
    assert not first.sent


async def test_the_doorbell_wakes_it_long_before_the_poll(store: MongoStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_module, "POLL_SECONDS", 60.0)
    publisher = Recorder()
    relay = await relay_of(store, publisher)
    passes = 0
    publish_waiting = relay.publish_waiting

    async def counting() -> int:
        nonlocal passes
        passes += 1
        return await publish_waiting()

    monkeypatch.setattr(relay, "publish_waiting", counting)
    async with at_work(relay, listening=False):
        await until(lambda: passes == 1, 5)
        listening = asyncio.create_task(relay.listen())
        for probe in range(1, 200):  # until the change stream is open
            outbox(store).insert_one(row("probe", probe))
            await asyncio.sleep(0.05)
            if publisher.sent:
                break
        await until(lambda: waiting(store) == 0, 5)
        outbox(store).insert_one(row("a", 1))
        await until(is_out(publisher, "a 1 0"), 5, "the doorbell rang")
        listening.cancel()


async def test_with_a_broken_doorbell_polling_goes_on(store: MongoStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_module, "POLL_SECONDS", 0.05)
    publisher = Recorder()
    relay = await relay_of(store, publisher)
    tried = 0

    class Broken:
        def watch(self, pipeline: object) -> None:
            nonlocal tried
            tried += 1
            raise OperationFailure("not authorized to run changeStream")

    monkeypatch.setattr(relay, "_rows", Broken())
    async with at_work(relay):
        for version in (1, 2, 3):
            outbox(store).insert_one(row("a", version))
            await until(is_out(publisher, f"a {version} 0"), 5)
        await until(lambda: tried > 3, 5, "the doorbell is tried again")


@pytest.mark.slow
async def test_a_database_killed_and_back_is_where_it_went_on(fragile: Stack, store: MongoStore) -> None:
    publisher = Recorder()
    relay = await relay_of(store, publisher)
    async with at_work(relay):
        outbox(store).insert_many(rows("ab", 3))
        await until(lambda: waiting(store) == 0, 10)
        await fragile.mongo.kill()
        await fragile.mongo.start()
        outbox(store).insert_many([row("a", 4), row("b", 4)])
        await until(lambda: waiting(store) == 0, 30, "goes on after the restart")
    assert_whole(publisher, "ab", 4)
