"""Awards delivered three times in random order, by a process that is killed with -9 again and again: one entry each.

2,000 awards; `QIANSHAO_AWARDS=10000` for as many as issue 8 names.
"""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from services.points.auditing import audit
from services.points.domain.ledger import Sums
from services.points.store import COLLECTIONS
from tests.support.awarding_child import RIDERS
from tests.support.stack import Stack
from tests.support.stores import MongoStore, in_mongo

AWARDS = int(os.environ.get("QIANSHAO_AWARDS", "2000"))


@pytest.fixture
async def store(stack: Stack) -> AsyncIterator[MongoStore]:
    async with in_mongo(stack, COLLECTIONS) as opened:
        opened.behind.admin.command("setParameter", 1, transactionLifetimeLimitSeconds=10)
        yield opened


async def pay(store: MongoStore, seed: int, kill_at: int | None) -> None:
    """Let the process run until it has delivered so many, then kill it; or to its end."""
    arguments = (store.place.uri, store.place.name, str(AWARDS), str(seed))
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.awarding_child", *arguments, stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    try:
        async for line in child.stdout:
            if kill_at is not None and int(line) >= kill_at:
                child.kill()
                break
        status = await child.wait()
    finally:
        if child.returncode is None:
            child.kill()
    assert status == (0 if kill_at is None else -9)


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_awards_delivered_three_times_and_killed_twice_are_one_entry_each(store: MongoStore) -> None:
    await pay(store, 1, AWARDS // 2)
    await pay(store, 2, AWARDS)
    await pay(store, 3, None)

    entries = store.behind[store.place.name]["entries"]
    assert entries.count_documents({}) == AWARDS
    found = await audit(store.database, {})
    assert found is not None
    assert (found.faults, found.sum, found.entries) == ((), Sums(), AWARDS)
    expected = Counter({f"rider-{number}": 5 * len(range(number, AWARDS, RIDERS)) for number in range(RIDERS)})
    books = store.behind[store.place.name]["passbooks"].find()
    assert {book["_id"]: book["balance"] for book in books} == dict(expected)
    told = [row["_id"] for row in store.rows()]
    assert sorted(told) == sorted(f"points-awarded|points-awarded:{entry['_id']}" for entry in entries.find())
