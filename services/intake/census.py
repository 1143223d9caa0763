"""Counting the reports that wait for something, out of the reports themselves. One worker counts, under the lease `census`."""

import asyncio

import structlog
from prometheus_client import CollectorRegistry, Gauge

from services.intake.store import AWAITING, TO_REVIEW
from shared.mongo.client import Database, DatabaseError
from shared.mongo.lease import Lease

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 15.0
_RENEW_SECONDS = 3.0


class WaitingMetrics:
    """Filled by the census of the one worker that holds its lease; the others show nothing."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.waiting = Gauge(
            "qianshao_intake_waiting_reports",
            "Reports that wait, by what for: photo (announced, and not arrived), review (flagged, and not judged)",
            ("what",),
            registry=registry,
        )


class Census:
    """`look()` counts once; `run()` repeats it while this worker has the lease."""

    def __init__(self, database: Database, lease: Lease, metrics: WaitingMetrics) -> None:
        self._reports = database["reports"]
        self._lease = lease
        self._waiting = metrics.waiting

    async def run(self) -> None:
        """Until cancelled; a database that is away is waited for."""
        looks = int(_LOOK_SECONDS / _RENEW_SECONDS)
        turn = 0
        while True:
            try:
                await self._turn(turn % looks == 0)
            except DatabaseError as error:
                log.info("the census waits for the database", error=repr(error)[:200])
            turn += 1
            await asyncio.sleep(_RENEW_SECONDS)

    async def look(self) -> None:
        """Both counts are read from partial indexes that hold nothing but what waits."""
        photos = await self._reports.count_documents(AWAITING, hint="of_awaited")
        reviews = await self._reports.count_documents(TO_REVIEW, hint="of_review")
        self._waiting.labels("photo").set(photos)
        self._waiting.labels("review").set(reviews)

    async def _turn(self, look: bool) -> None:
        if self._lease.due():
            await self._lease.try_hold()
        if not self._lease.safe():
            self._waiting.clear()
        elif look:
            await self.look()
