"""Timers over the real MongoDB: once, oldest first, by the server's clock, past whatever fails."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.clock import system_clock
from shared.mongo.indexes import Collection
from shared.mongo.lane import Lane
from shared.mongo.lease import Lease
from shared.mongo.timers import WAKING, AsOf, Timer, Timers
from shared.mongo.transactions import MongoTransactor
from shared.mongo.work import Document, Ref, Work
from tests.support.stack import Stack
from tests.support.stores import MongoStore, in_mongo
from tests.support.waiting import until

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Ring:
    """Rings once: counts itself and asks for no more waking."""

    id: str
    order: list[str] = field(default_factory=list)

    def reads(self) -> Iterable[Ref]:
        return [Ref("bells", self.id)]

    def decide(self, work: Work) -> None:
        bell = work.get("bells", self.id)
        if bell is None or bell["wake_at"] is None or bell["wake_at"] > work.now:
            return
        if bell["broken"]:
            raise LookupError("this one cannot ring")
        self.order.append(self.id)
        work.put("bells", {**bell, "rung": bell["rung"] + 1, "wake_at": None})


@pytest.fixture
async def store(stack: Stack) -> AsyncIterator[MongoStore]:
    async with in_mongo(stack, [Collection("bells", (WAKING,))]) as opened:
        yield opened


@asynccontextmanager
async def replica(store: MongoStore, holder: str, order: list[str] | None = None) -> AsyncIterator[Timers]:
    """The timers of one worker, with a lane of its own; they run when told to."""
    lane = Lane(store.transactor)
    running = asyncio.create_task(lane.run())
    rung = [] if order is None else order
    try:
        yield Timers(
            store.database, lane, Lease(store.database, "timers", holder), [Timer("bells", lambda id_: Ring(id_, rung))]
        )
    finally:
        running.cancel()


def bells(store: MongoStore, count: int, *, since: datetime = LONG_AGO, broken: bool = False, name: str = "b") -> None:
    """Bells whose names are in no relation to the order of their times."""
    documents: list[Document] = [
        {
            "_id": f"{name}{(index * 7919) % count:05}",
            "wake_at": since + timedelta(seconds=index),
            "rung": 0,
            "broken": broken,
            "version": 1,
            "sequences": {},
        }
        for index in range(count)
    ]
    store.behind[store.place.name].bells.insert_many(documents)


def rung(store: MongoStore) -> dict[int, int]:
    """How many bells rang how often."""
    counted: dict[int, int] = {}
    for document in store.behind[store.place.name].bells.find():
        counted[document["rung"]] = counted.get(document["rung"], 0) + 1
    return counted


async def held(timers: Timers) -> Timers:
    assert await timers._lease.try_hold()
    return timers


async def test_all_that_is_due_rings_once_the_oldest_first(store: MongoStore) -> None:
    order: list[str] = []
    bells(store, 250)
    async with replica(store, "one", order) as timers:
        await (await held(timers)).step()
        await timers.step()
    assert order == [f"b{(index * 7919) % 250:05}" for index in range(250)]
    assert rung(store) == {1: 250}
    assert timers.stats.woken == {"bells": 250}
    assert timers.stats.late_seconds == {"bells": 0.0}


async def test_what_is_not_due_by_the_servers_clock_stays(store: MongoStore) -> None:
    bells(store, 3, since=system_clock() + timedelta(minutes=1))
    async with replica(store, "one") as timers:
        await (await held(timers)).step()
    assert rung(store) == {0: 3}


async def test_a_process_whose_clock_is_ahead_decides_by_the_servers(store: MongoStore) -> None:
    """Woken for what is due, it must not take the next thing for due as well."""
    seen: list[timedelta] = []

    class Looking(Ring):
        def decide(self, work: Work) -> None:
            seen.append(abs(work.now - system_clock()))
            super().decide(work)

    bells(store, 2)
    ahead = MongoTransactor(store.client, store.database, lambda: system_clock() + timedelta(hours=1))
    lane = Lane(ahead)
    running = asyncio.create_task(lane.run())
    lease = Lease(store.database, "timers", "ahead")
    await (await held(Timers(store.database, lane, lease, [Timer("bells", Looking)]))).step()
    running.cancel()
    assert rung(store) == {1: 2}
    assert max(seen) < timedelta(minutes=10)


async def test_as_of_holds_for_one_command_only() -> None:
    work = Work({Ref("bells", "b"): None}, LONG_AGO)
    AsOf(Ring("b"), LONG_AGO - timedelta(days=1)).decide(work)
    assert (work.now, work.recorded) == (LONG_AGO, None)
    broken = Work({Ref("bells", "b"): {"_id": "b", "version": 1, "wake_at": LONG_AGO, "broken": True}}, LONG_AGO)
    with pytest.raises(LookupError):
        AsOf(Ring("b"), LONG_AGO + timedelta(days=1)).decide(broken)
    assert (broken.now, broken.recorded) == (LONG_AGO, None)


async def test_a_page_of_broken_ones_hides_nobody_behind_it(store: MongoStore) -> None:
    bells(store, 150, broken=True, name="x")
    bells(store, 5, since=LONG_AGO + timedelta(days=1))
    async with replica(store, "one") as timers:
        await (await held(timers)).step()
    assert rung(store) == {0: 150, 1: 5}
    assert timers.stats.failed == {"bells": 150}


async def test_two_workers_ring_each_bell_once(store: MongoStore) -> None:
    bells(store, 300)
    async with replica(store, "one") as first, replica(store, "two") as second:
        running = [asyncio.create_task(timers.run()) for timers in (first, second)]
        await until(lambda: first.stats.woken["bells"] + second.stats.woken["bells"] >= 300, 60, "every bell rings")
        for task in running:
            task.cancel()
    assert rung(store) == {1: 300}
    assert sorted([first.stats.woken["bells"], second.stats.woken["bells"]]) == [0, 300]


async def test_without_the_lease_each_still_rings_once(store: MongoStore) -> None:
    """A holder that is too slow to notice that another has taken over."""
    bells(store, 200)
    async with replica(store, "one") as first, replica(store, "two") as second:
        await held(first)
        second._lease = first._lease
        await asyncio.gather(first.step(), second.step())
    assert rung(store) == {1: 200}


async def test_the_search_uses_its_index(store: MongoStore) -> None:
    bells(store, 10)
    due: dict[str, Any] = {"wake_at": {"$lte": system_clock(), "$type": "date"}}
    plan = await store.database.bells.find(due).sort([("wake_at", 1), ("_id", 1)]).limit(5).explain()
    assert "'indexName': 'wake'" in str(plan["queryPlanner"]["winningPlan"])
    assert "SORT" not in str(plan["queryPlanner"]["winningPlan"])
