"""Counting what waits for staff, out of the activities themselves: what is stored is what is shown."""

from services.points.activity_metrics import WaitingMetrics
from shared.clock import Clock
from shared.mongo.client import Database, Document


class ActivityCensus:
    """`look()` counts once; `shared.mongo.looks` repeats it."""

    def __init__(self, database: Database, metrics: WaitingMetrics, clock: Clock) -> None:
        self._activities = database["activities"]
        self._metrics = metrics
        self._clock = clock

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
