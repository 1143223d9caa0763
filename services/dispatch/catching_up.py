"""What a new release or new reference data finds to do: incidents that do not know when they wake, and deadlines that no
calendar had confirmed. At a worker's start and every hour; an incident that is right already is not written."""

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog

from services.dispatch.domain.states import OVER
from services.dispatch.ticking import Tick
from shared.errors import Unavailable
from shared.mongo.client import Database, DatabaseError
from shared.mongo.lane import Lane
from shared.mongo.timers import AsOf, server_time

log = structlog.get_logger(__name__)

_AGAIN_SECONDS = 3600.0
_AWAY_SECONDS = 5.0
_BATCH = 100
STALE = {
    "state": {"$nin": [state.value for state in OVER]},
    "$or": [{"wake_at": {"$exists": False}}, {"orders.calendar_unconfirmed": True}],
}


class CatchingUp:
    """`step()` ticks every such incident once, the oldest first."""

    def __init__(self, database: Database, lane: Lane, tick: Callable[[str], Tick]) -> None:
        self._database = database
        self._incidents = database["incidents"]
        self._lane = lane
        self._tick = tick

    async def run(self) -> None:
        """Until cancelled; a database that is away is waited for."""
        while True:
            pause = _AGAIN_SECONDS
            try:
                await self.step()
            except (DatabaseError, Unavailable) as error:
                log.info("catching up waits for the database", error=repr(error)[:200])
                pause = _AWAY_SECONDS
            await asyncio.sleep(pause)

    async def step(self) -> None:
        """One pass. What fails on its own is logged and met again by the next one."""
        now = await server_time(self._database)
        found = await self._incidents.find(STALE, {"_id": 1}).sort("t0", 1).to_list(None)
        for start in range(0, len(found), _BATCH):
            page = found[start : start + _BATCH]
            await asyncio.gather(*(self._submit(document["_id"], now) for document in page))

    async def _submit(self, id_: str, now: datetime) -> None:
        try:
            await self._lane.submit(AsOf(self._tick(id_), now))
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - one that fails must not stop the others
            log.warning("catching up failed", id=id_, error=repr(error)[:300])
