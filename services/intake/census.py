"""Counting the reports that wait for something, out of the reports themselves. One worker counts, under the lease `census`."""

from prometheus_client import CollectorRegistry, Gauge

from services.intake.store import AWAITING, TO_REVIEW
from shared.mongo.client import Database


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
    """`look()` counts once; `shared.mongo.looks` repeats it."""

    def __init__(self, database: Database, metrics: WaitingMetrics) -> None:
        self._reports = database["reports"]
        self._waiting = metrics.waiting

    async def look(self) -> None:
        """Both counts are read from partial indexes that hold nothing but what waits."""
        photos = await self._reports.count_documents(AWAITING, hint="of_awaited")
        reviews = await self._reports.count_documents(TO_REVIEW, hint="of_review")
        self._waiting.labels("photo").set(photos)
        self._waiting.labels("review").set(reviews)

    def forget(self) -> None:
        """Another worker counts now."""
        self._waiting.clear()
