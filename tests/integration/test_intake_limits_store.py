"""The limits on their real counters: all replicas count together, and the window ends when its answer says."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from limits.aio.storage import MongoDBStorage

from services.intake.allowances import Allowances, TooMany, per_hour
from services.intake.logins import counters
from services.intake.store import COLLECTIONS
from services.intake.visitors import TooManyQuestions, Visitors
from shared.clock import system_clock
from tests.support.stack import Stack
from tests.support.stores import MongoStore, in_mongo

MOST = per_hour(photos=2, reports=10, visits=1)
MINUTE_OF_SLOWNESS = 60


@pytest.fixture
async def store(stack: Stack) -> AsyncIterator[MongoStore]:
    async with in_mongo(stack, COLLECTIONS) as opened:
        yield opened


@pytest.fixture
async def replicas(store: MongoStore) -> AsyncIterator[tuple[Allowances, Allowances]]:
    """Two apis, each with its own connection to the counters; whatever cannot be counted fails the test."""
    storages = [counters(store.place.uri, store.place.name) for _ in range(2)]
    uncounted: list[str] = []
    one, two = (Allowances(storage, MOST, lambda what: None, uncounted.append) for storage in storages)
    yield one, two
    for storage in storages:
        assert isinstance(storage, MongoDBStorage)
        storage.storage.close()
    assert not uncounted


def window_ends(store: MongoStore, after: timedelta) -> None:
    """As if the windows of all counters ended then."""
    found = store.behind[store.place.name]["login_failures"].update_many(
        {}, {"$set": {"expireAt": system_clock() + after}}
    )
    assert found.modified_count


async def wait_of(counted: Allowances, what: str, number: int = 1) -> int:
    with pytest.raises(TooMany) as refused:
        await counted.admit(what, "rider-1", number)
    assert refused.value.retry_after_seconds is not None
    return refused.value.retry_after_seconds


async def test_replicas_count_together_and_say_when_the_window_ends(
    store: MongoStore, replicas: tuple[Allowances, Allowances]
) -> None:
    one, two = replicas
    await one.admit("photos", "rider-1")
    await two.admit("photos", "rider-1")
    assert 3600 - MINUTE_OF_SLOWNESS < await wait_of(one, "photos") <= 3600
    window_ends(store, timedelta(seconds=1234))
    assert 1234 - MINUTE_OF_SLOWNESS < await wait_of(two, "photos") <= 1235
    await two.admit("photos", "rider-2")


async def test_after_the_window_the_next_one_goes_through_and_begins_another(
    store: MongoStore, replicas: tuple[Allowances, Allowances]
) -> None:
    one, two = replicas
    for _ in range(2):
        await one.admit("photos", "rider-1")
    await wait_of(one, "photos")
    window_ends(store, timedelta(seconds=-1))
    for counted in (one, two):
        await counted.admit("photos", "rider-1")
    assert await wait_of(one, "photos") > 3600 - MINUTE_OF_SLOWNESS


async def test_a_batch_counts_as_its_reports_and_one_that_is_refused_as_none(
    replicas: tuple[Allowances, Allowances],
) -> None:
    one, two = replicas
    await one.admit("reports", "rider-1", 8)
    await wait_of(two, "reports", 3)
    await two.admit("reports", "rider-1", 2)
    await wait_of(one, "reports")


async def test_a_visitor_is_told_the_rest_of_the_minute(
    store: MongoStore, replicas: tuple[Allowances, Allowances]
) -> None:
    visitors = Visitors(replicas[0].storage)
    for _ in range(30):
        await visitors.admit("198.51.100.1")
    window_ends(store, timedelta(seconds=40))
    with pytest.raises(TooManyQuestions) as refused:
        await visitors.admit("198.51.100.1")
    assert refused.value.retry_after_seconds is not None
    assert 1 <= refused.value.retry_after_seconds <= 41
