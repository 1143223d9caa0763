"""Counting orders and their time for the metrics, out of the incidents themselves: what is stored is what is shown.

One worker counts, under the lease `census`. What happened is read from what was changed since the last look, up to some
seconds ago, so that a transaction that is still being committed is met by the next look.
"""

from datetime import datetime, timedelta
from typing import Any

from services.dispatch.channel import count_told
from services.dispatch.domain.routing import NEEDS_LOCATION, ROUTING_ERROR
from services.dispatch.domain.states import OPEN_ORDERS, OVER, State
from services.dispatch.metrics import DispatchMetrics
from shared.mongo.client import Database, Document
from shared.mongo.timers import server_time

LAG = timedelta(seconds=15)
_STANDING = [State.NEEDS_INFO.value, State.PARKED.value]
_DONE = [State.RESOLVED.value, *(state.value for state in OVER)]


class Census:
    """`look()` counts once; `shared.mongo.looks` repeats it."""

    def __init__(self, database: Database, metrics: DispatchMetrics) -> None:
        self._database = database
        self._incidents = database["incidents"]
        self._metrics = metrics
        self._until: datetime | None = None

    async def look(self) -> None:
        """Count what is open, and what has happened since the look before (since now, the first time)."""
        now = await server_time(self._database)
        await self._count_open(now)
        await self._count_triage()
        until = now - LAG
        if self._until is not None:
            await self._count_happened(self._until, until)
            await count_told(self._database, self._metrics, self._until, until)
        self._until = until

    async def _count_open(self, now: datetime) -> None:
        late = {"$and": [{"$lt": ["$orders.due_at", now]}, {"$not": [{"$in": ["$state", _STANDING]}]}]}
        pipeline: list[dict[str, Any]] = [
            {"$match": {"state": {"$nin": _DONE}}},
            {"$project": {"state": 1, "priority": 1, "orders": 1}},
            {"$unwind": "$orders"},
            {"$match": {"orders.state": {"$in": [state.value for state in OPEN_ORDERS]}}},
            {
                "$group": {
                    "_id": {"department": "$orders.department", "class": "$priority"},
                    "open": {"$sum": 1},
                    "overdue": {"$sum": {"$cond": [late, 1, 0]}},
                    "unconfirmed": {"$sum": {"$cond": ["$orders.calendar_unconfirmed", 1, 0]}},
                }
            },
        ]
        found = await self._incidents.aggregate(pipeline).to_list(None)
        for name in ("open", "overdue", "unconfirmed"):
            gauge = getattr(self._metrics, name)
            gauge.clear()
            for row in found:
                gauge.labels(row["_id"]["department"], row["_id"]["class"]).set(row[name])

    async def _count_triage(self) -> None:
        for why in (ROUTING_ERROR, NEEDS_LOCATION):
            count = await self._incidents.count_documents({"state": State.TRIAGED.value, "flags": why})
            self._metrics.triage.labels(why).set(count)

    async def _count_happened(self, since: datetime, until: datetime) -> None:
        fields = {"priority": 1, "orders": 1, "fired": 1}
        async for document in self._incidents.find({"changed_at": {"$gt": since}}, fields):
            for order in document["orders"]:
                self._observe(order, document["priority"], since, until)
            self._observe_fired(document, since, until)

    def _observe(self, order: Document, priority: str, since: datetime, until: datetime) -> None:
        for field, histogram in (
            ("accepted_at", self._metrics.accept_seconds),
            ("done_at", self._metrics.fix_seconds),
        ):
            at = order[field]
            if at is not None and since < at <= until:
                histogram.labels(order["department"], priority).observe((at - order["offered_at"]).total_seconds())
        self._observe_fired(order, since, until)

    def _observe_fired(self, document: Document, since: datetime, until: datetime) -> None:
        for fired in document.get("fired", ()):
            if since < fired["at"] <= until:
                self._metrics.escalations.labels(fired["level"]).inc()

    def forget(self) -> None:
        """Another worker counts now; two that show the same would be counted twice."""
        self._until = None
        for gauge in (self._metrics.open, self._metrics.overdue, self._metrics.unconfirmed, self._metrics.triage):
            gauge.clear()
