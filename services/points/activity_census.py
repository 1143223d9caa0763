"""Counting what waits for staff, out of the activities themselves: what is stored is what is shown."""

import asyncio

import structlog

from services.points.activity_metrics import WaitingMetrics
from shared.clock import Clock
from shared.mongo.client import Database, DatabaseError, Document
from shared.mongo.lease import Lease

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 15.0
_RENEW_SECONDS = 3.0


class ActivityCensus:
    """`look()` counts once; `run()` repeats it while this worker has the lease."""

    def __init__(self, database: Database, lease: Lease, metrics: WaitingMetrics, clock: Clock) -> None:
        self._activities = database["activities"]
        self._lease = lease
        self._metrics = metrics
        self._clock = clock

    async def run(self) -> None:
        """Until cancelled; a database that is away is waited for."""
        looks, turn = int(_LOOK_SECONDS / _RENEW_SECONDS), 0
        while True:
            try:
                await self._turn(turn % looks == 0)
            except DatabaseError as error:
                log.info("the census of activities waits for the database", error=repr(error)[:200])
            turn += 1
            await asyncio.sleep(_RENEW_SECONDS)

    async def _turn(self, look: bool) -> None:
        if self._lease.due():
            await self._lease.try_hold()
        if not self._lease.safe():
            self._metrics.clear()
        elif look:
            await self.look()

    async def look(self) -> None:
        """Count what waits now."""
        pipeline: list[Document] = [
            {"$match": {"decided_at": None}},
            {"$group": {"_id": "$kind", "count": {"$sum": 1}, "oldest": {"$min": "$received_at"}}},
        ]
        found, now = await self._activities.aggregate(pipeline).to_list(None), self._clock()
        self._metrics.clear()
        for row in found:
            self._metrics.waiting.labels(row["_id"]).set(row["count"])
            self._metrics.oldest.labels(row["_id"]).set((now - row["oldest"]).total_seconds())
