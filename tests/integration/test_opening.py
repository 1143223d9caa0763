"""Opening a database that is there, that is not, and that goes away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from ops.local.mongo import Database as Place
from shared.mongo.opening import OpenDatabase
from shared.settings import Settings
from tests.support.counting import COLLECTIONS, COUNTERS
from tests.support.stack import Stack
from tests.support.waiting import freeze, until


@asynccontextmanager
async def opening(place: Place) -> AsyncIterator[OpenDatabase]:
    settings = Settings.model_validate(
        {
            "http_port": 0,
            "mongo_uri": place.uri,
            "mongo_database": place.name,
            "reference": Path("unused"),
            "jwks": Path("unused"),
            "forget_key": Path("unused"),
        }
    )
    opened = OpenDatabase(settings, "test", COLLECTIONS)
    try:
        yield opened
    finally:
        await opened.close()


async def test_it_is_ready_once_prepared(stack: Stack) -> None:
    async with opening(await stack.mongo.new_database()) as opened:
        assert await opened.check() == "collections and indexes are not made yet"
        assert not await opened.answers()
        await opened.prepare()
        assert await opened.check() is None
        assert await opened.answers()
        assert COUNTERS in await opened.database.list_collection_names()


async def test_api_and_worker_may_open_at_once(stack: Stack) -> None:
    place = await stack.mongo.new_database()
    async with opening(place) as api, opening(place) as worker:
        # both at the first try: a second one comes after a second
        async with asyncio.timeout(20):
            await asyncio.gather(api.prepare(), worker.prepare())
        assert (await api.check(), await worker.check()) == (None, None)


async def test_a_database_that_is_away_is_waited_for(fragile: Stack) -> None:
    place = await fragile.mongo.new_database()
    await fragile.mongo.kill()
    async with opening(place) as opened:
        preparing = asyncio.create_task(opened.prepare())
        await fragile.mongo.start()
        async with asyncio.timeout(20):
            await preparing
        assert await opened.check() is None


async def test_a_frozen_database_is_not_ready_and_says_so_in_time(fragile: Stack) -> None:
    async with opening(await fragile.mongo.new_database()) as opened:
        await opened.prepare()
        freeze(fragile.mongo.process)
        asked = asyncio.get_running_loop().time()
        reason = await opened.check()
        assert asyncio.get_running_loop().time() - asked < 3
        assert reason is not None
        assert reason.startswith("MongoDB does not answer: ")
        fragile.mongo.thaw()
        await until(opened.answers, 20, "ready again")
