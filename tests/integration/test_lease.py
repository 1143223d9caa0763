"""The lease on server time: who may act, when another may take over, and that no process's clock is trusted."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.errors import PyMongoError

from shared.mongo.lease import LEASE_SECONDS, RENEW_SECONDS, SAFE_SECONDS, Lease
from tests.support.stack import Stack
from tests.support.stores import MongoStore, in_mongo
from tests.support.waiting import freeze


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


def lease(store: MongoStore, holder: str, clock: Clock | None = None) -> Lease:
    return Lease(store.database, "relay", holder, clock or Clock())


def document(store: MongoStore) -> dict[str, Any]:
    found = store.behind[store.place.name].leases.find_one({"_id": "relay"})
    assert found is not None
    return found


def server_time(store: MongoStore) -> datetime:
    (now,) = store.behind[store.place.name].aggregate([{"$documents": [{}]}, {"$project": {"now": "$$NOW"}}])
    found: datetime = now["now"]
    return found


def expire(store: MongoStore) -> None:
    """As if the holder had been silent until just now."""
    until = server_time(store) - timedelta(milliseconds=1)
    store.behind[store.place.name].leases.update_one({"_id": "relay"}, {"$set": {"until": until}})


async def test_it_is_one_holders_until_it_has_run_out_by_the_servers_clock(store: MongoStore) -> None:
    """`{"until": {"$lt": "$$NOW"}}` would match nothing, without an error: nobody could ever take over."""
    a, b = lease(store, "a"), lease(store, "b")
    before = server_time(store)
    assert await a.try_hold()
    left = document(store)["until"] - before
    assert timedelta(seconds=LEASE_SECONDS) <= left < timedelta(seconds=LEASE_SECONDS + 5)
    assert not await b.try_hold()
    assert document(store)["holder"] == "a"
    expire(store)
    assert await b.try_hold()
    assert document(store)["holder"] == "b"
    assert not await a.try_hold()


async def test_until_is_a_time_and_not_the_name_of_one(store: MongoStore) -> None:
    await lease(store, "$$NOW").try_hold()
    assert isinstance(document(store)["until"], datetime)
    assert document(store)["holder"] == "$$NOW"


async def test_a_lease_about_to_run_out_is_not_yet_anyones(store: MongoStore) -> None:
    a, b = lease(store, "a"), lease(store, "b")
    await a.try_hold()
    soon = server_time(store) + timedelta(seconds=3)
    store.behind[store.place.name].leases.update_one({"_id": "relay"}, {"$set": {"until": soon}})
    assert not await b.try_hold()
    assert await a.try_hold()
    assert document(store)["until"] > soon


@pytest.mark.parametrize("state", ["new", "expired", "released"])
async def test_of_many_rivals_exactly_one_gets_it(store: MongoStore, state: str) -> None:
    for round_ in range(5):
        if state != "new":
            former = lease(store, "former")
            assert await former.try_hold()
            if state == "expired":
                expire(store)
            else:
                await former.release()
        rivals = [lease(store, f"{round_}.{n}") for n in range(8)]
        got = await asyncio.gather(*(rival.try_hold() for rival in rivals))
        assert sum(got) == 1
        assert document(store)["holder"] == f"{round_}.{got.index(True)}"
        assert [rival.safe() for rival in rivals] == got
        store.behind[store.place.name].leases.delete_many({})


async def test_renewing_does_not_add_up(store: MongoStore) -> None:
    a = lease(store, "a")
    for _ in range(3):
        assert await a.try_hold()
    assert document(store)["until"] - server_time(store) <= timedelta(seconds=LEASE_SECONDS)


async def test_the_holder_stops_by_its_own_clock_before_the_server_lets_another_in(store: MongoStore) -> None:
    clock = Clock()
    a = lease(store, "a", clock)
    assert (a.safe(), a.due()) == (False, True)
    await a.try_hold()
    assert (a.safe(), a.due()) == (True, False)
    clock.now += RENEW_SECONDS
    assert (a.safe(), a.due()) == (True, True)
    clock.now += SAFE_SECONDS - RENEW_SECONDS - 0.01
    assert a.safe()
    clock.now += 0.01
    assert not a.safe()
    await a.try_hold()
    assert (a.safe(), a.due()) == (True, False)
    assert SAFE_SECONDS < LEASE_SECONDS


async def test_time_counts_from_the_question_not_from_the_answer(store: MongoStore) -> None:
    """An answer that was under way for long tells of a lease that has begun long ago."""
    times = iter([1_000.0])
    slow = Lease(store.database, "relay", "a", lambda: next(times, 1_000.0 + SAFE_SECONDS))
    assert await slow.try_hold()
    assert not slow.safe()


async def test_a_loser_is_not_safe_and_asks_again(store: MongoStore) -> None:
    a, b = lease(store, "a"), lease(store, "b")
    await a.try_hold()
    await b.try_hold()
    assert (b.safe(), b.due()) == (False, True)
    expire(store)
    await b.try_hold()
    await a.try_hold()
    assert (a.safe(), a.due()) == (False, True)


async def test_released_it_is_free_at_once_and_not_taken_back(store: MongoStore) -> None:
    """The relay of a worker that stops goes on asking until its task is cancelled."""
    a, b = lease(store, "a"), lease(store, "b")
    await a.try_hold()
    await a.release()
    assert not a.safe()
    assert not await a.try_hold()
    assert await b.try_hold()
    await a.release()  # what is another's is left alone
    assert document(store)["holder"] == "b"
    assert document(store)["until"] > datetime.now(UTC)


async def test_a_silent_database_is_an_error_in_time_and_safety_ends_by_itself(
    fragile: Stack, store: MongoStore
) -> None:
    clock = Clock()
    a = lease(store, "a", clock)
    await a.try_hold()
    freeze(fragile.mongo.process)
    asked = asyncio.get_running_loop().time()
    with pytest.raises(PyMongoError):
        await a.try_hold()
    assert asyncio.get_running_loop().time() - asked < 6
    assert a.safe()
    clock.now += SAFE_SECONDS
    assert not a.safe()
