"""The ladder over the real MongoDB: a backlog of overdue orders, two replicas, crashes between deciding and committing."""

import asyncio
import itertools
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.dispatch.domain import agenda, routing
from services.dispatch.domain.clocks import Limit, Priority, Unit
from services.dispatch.domain.incident import Route
from services.dispatch.domain.ladder import Level
from services.dispatch.store import COLLECTIONS, INCIDENTS
from services.dispatch.ticking import Tick
from shared.clock import Clock, system_clock
from shared.contracts.dispatch_order import DispatchOrder
from shared.contracts.envelope import decode
from shared.errors import Unavailable
from shared.mongo.client import Document
from shared.mongo.lane import Lane, Transient
from shared.mongo.lease import Lease
from shared.mongo.timers import Timer, Timers
from shared.mongo.transactions import OUTBOX, MongoTransactor
from tests.support.dispatching import WEEK, StubRules, incident
from tests.support.stack import Stack
from tests.support.stores import MongoStore, in_mongo

LIMIT = Limit(4, Unit.URGENT_HOURS)
RULES = StubRules(priority=Priority.U, limit=LIMIT)
LEVELS = [Level.ACCEPT_MISSED, Level.REMINDER, Level.DEPARTMENT_LEAD, Level.COMMUNITY_LEAD, Level.SUBDISTRICT_LEAD]


@pytest.fixture
async def store(stack: Stack) -> AsyncIterator[MongoStore]:
    async with in_mongo(stack, COLLECTIONS) as opened:
        yield opened


@asynccontextmanager
async def replica(store: MongoStore, holder: str, clock: Clock = system_clock) -> AsyncIterator[Timers]:
    """Lane and timers of one worker."""
    lane = Lane(store.transactor if clock is system_clock else MongoTransactor(store.client, store.database, clock))
    running = asyncio.create_task(lane.run())
    timer = Timer("incidents", lambda id_: Tick(INCIDENTS, RULES, id_, f"tick-{id_}"))
    try:
        yield Timers(store.database, lane, Lease(store.database, "timers", holder), [timer])
    finally:
        running.cancel()


def fill(store: MongoStore, name: str, count: int, offered: datetime) -> None:
    """Offered orders, each a second after the one before, put in an order that has nothing to do with that."""
    documents = []
    for index in range(count):
        at = offered + timedelta(seconds=index)
        found = Route(("water",), "whoever-acts", "v1")
        blank = incident(id=f"{name}{(index * 7919) % count:05}", priority=Priority.U, t0=at)
        overdue, _ = routing.route(blank, found, LIMIT, WEEK, at)
        documents.append({**INCIDENTS.dump(overdue), "version": 1})
    documents.sort(key=lambda document: str(document["_id"]))
    store.behind[store.place.name].incidents.insert_many(documents)


def told(store: MongoStore) -> list[DispatchOrder]:
    """What was told to departments, in the order in which it was stored."""
    rows: list[Document] = list(store.behind[store.place.name][OUTBOX].find().sort([("stored", 1), ("_id", 1)]))
    decoded = [
        decode(row["topic"], [(n, v) for n, v in row["headers"]], row["value"]).data
        for row in rows
        if row["topic"].startswith("dispatch.")
    ]
    return [data for data in decoded if isinstance(data, DispatchOrder)]


def counting_clock() -> Clock:
    """Another moment for each transaction, later than those of all that began before it, whatever the machine's clock does."""
    began, count = system_clock(), itertools.count()
    return lambda: began + next(count) * timedelta(milliseconds=1)


def first_told(store: MongoStore) -> dict[str, datetime]:
    """When the transaction began that first told something about each order."""
    rows = store.behind[store.place.name][OUTBOX].find({"topic": {"$regex": "^dispatch[.]"}}).sort("stored", -1)
    return {json.loads(row["value"])["order"]: row["stored"] for row in rows}


def levels(store: MongoStore) -> Counter[tuple[str, str]]:
    return Counter((data.order, data.level or data.kind) for data in told(store))


async def both(store: MongoStore, *timers: Timers) -> None:
    """Both replicas look at the same time, as if each believed that the lease is its own, until nothing is due."""
    for one in timers:
        one._lease.safe = lambda: True  # type: ignore[method-assign]
        one._lease.due = lambda: False  # type: ignore[method-assign]
    while await asyncio.to_thread(_due, store):
        ended = await asyncio.gather(*(one.step() for one in timers), return_exceptions=True)
        # of a slow database a worker says no more than that it waits, and begins another pass
        assert [one for one in ended if one is not None and not isinstance(one, Unavailable)] == []


def _due(store: MongoStore) -> int:
    return store.behind[store.place.name].incidents.count_documents(
        {"wake_at": {"$lte": system_clock(), "$type": "date"}}
    )


@pytest.mark.slow
async def test_150_overdue_orders_behind_1000_newer_ones_with_two_replicas(store: MongoStore) -> None:
    now = system_clock()
    await asyncio.to_thread(fill, store, "new", 1000, now)
    await asyncio.to_thread(fill, store, "old", 150, now - timedelta(hours=9))
    clock = counting_clock()
    async with replica(store, "one", clock) as one, replica(store, "two", clock) as two:
        await both(store, one, two)
    counted = levels(store)
    assert counted == {
        (f"old{number:05}.1", "remind" if level is Level.REMINDER else level.value): 1
        for number in range(150)
        for level in LEVELS
    }
    # Oldest first: when a transaction begins, whatever is older is in it or told already, whichever replica did that. What
    # shares a transaction shares its moment, so the order within one says nothing.
    told_at = first_told(store)
    by_age = [told_at[f"old{(index * 7919) % 150:05}.1"] for index in range(150)]
    assert by_age == sorted(by_age)
    for document in store.behind[store.place.name].incidents.find():
        assert document["wake_at"] == agenda.next_at(INCIDENTS.load(document))


async def test_a_process_that_ends_before_or_after_the_commit_loses_and_doubles_nothing(store: MongoStore) -> None:
    """What a kill leaves behind is one of two things: the transaction with all its levels and messages, or none of it."""
    await asyncio.to_thread(fill, store, "old", 3, system_clock() - timedelta(hours=9))
    real = store.transactor.transact
    for moment in ("before", "after"):

        async def killed(refs: Any, decide: Any, seconds: float, moment: str = moment) -> None:
            if moment == "after":
                await real(refs, decide, seconds)
            raise SystemError(f"killed {moment} the commit")

        store.transactor.transact = killed  # type: ignore[method-assign]
        async with replica(store, moment) as timers:
            assert await timers._lease.try_hold()
            await timers.step()
            assert timers.stats.failed["incidents"] == 3
            await timers._lease.release()
        assert sum(levels(store).values()) == (0 if moment == "before" else 15)
    store.transactor.transact = real  # type: ignore[method-assign]
    async with replica(store, "next") as timers:
        assert await timers._lease.try_hold()
        await timers.step()
    assert set(levels(store).values()) == {1}
    assert sum(levels(store).values()) == 15


async def one_pass(store: MongoStore, crash_at: str = "") -> int:
    """A real process that does one pass over what is due. Returns its exit status."""
    own = {"ONE_PASS_URI": store.place.uri, "ONE_PASS_DATABASE": store.place.name}
    crash = {"QIANSHAO_CRASH_AT": crash_at} if crash_at else {}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.one_pass", env={**os.environ, **own, **crash}
    )
    return await asyncio.wait_for(process.wait(), 240)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("point", "fired"), [("lane.in_transaction", 0), ("lane.after_commit", 15), ("timers.after_wake:2", 15)]
)
async def test_kill_9_in_a_timers_pass_fires_each_level_once(store: MongoStore, point: str, fired: int) -> None:
    """What died with the process, or was committed and not yet published, is there once after the next pass."""
    await asyncio.to_thread(fill, store, "old", 3, system_clock() - timedelta(hours=9))
    assert await one_pass(store, point) == -9
    assert sum(levels(store).values()) == fired
    store.behind[store.place.name].leases.delete_many({})  # the dead one's, which would have to run out first
    assert await one_pass(store) == 0
    assert set(levels(store).values()) == {1}
    assert sum(levels(store).values()) == 15


@pytest.mark.slow
async def test_a_process_whose_clock_is_ahead_fires_no_level_early(store: MongoStore) -> None:
    """Woken for the missed acceptance, it leaves the reminder alone, which is due only an hour later."""
    await asyncio.to_thread(fill, store, "new", 3, system_clock() - timedelta(minutes=70))
    ahead = MongoTransactor(store.client, store.database, lambda: system_clock() + timedelta(hours=8))
    lane = Lane(ahead)
    running = asyncio.create_task(lane.run())
    timer = Timer("incidents", lambda id_: Tick(INCIDENTS, RULES, id_, f"tick-{id_}"))
    timers = Timers(store.database, lane, Lease(store.database, "timers", "ahead"), [timer])
    assert await timers._lease.try_hold()
    await timers.step()
    running.cancel()
    assert levels(store) == {(f"new{number:05}.1", Level.ACCEPT_MISSED.value): 1 for number in range(3)}


async def test_an_unknown_outcome_of_the_commit_fires_once(store: MongoStore) -> None:
    await asyncio.to_thread(fill, store, "old", 3, system_clock() - timedelta(hours=9))
    real, failures = store.transactor.transact, iter([True, False])

    async def lost_answer(refs: Any, decide: Any, seconds: float) -> None:
        await real(refs, decide, seconds)
        if next(failures, False):
            raise Transient

    store.transactor.transact = lost_answer  # type: ignore[method-assign]
    async with replica(store, "one") as timers:
        assert await timers._lease.try_hold()
        await timers.step()
    assert sum(levels(store).values()) == 15
    assert set(levels(store).values()) == {1}
