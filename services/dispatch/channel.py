"""Counting what departments were told and what they said, out of the outbox: every update is answered there, once."""

import json
from datetime import datetime

from services.dispatch.metrics import DispatchMetrics
from shared.contracts.topics import DISPATCH, department_of
from shared.mongo.client import Database
from shared.mongo.transactions import OUTBOX

_ANSWERS = ("ack", "refused")
_BEHIND = DISPATCH[:-1] + chr(ord(DISPATCH[-1]) + 1)


async def count_told(database: Database, metrics: DispatchMetrics, since: datetime, until: datetime) -> None:
    """Count what was published after `since` and not after `until`. Raises what the driver raises."""
    query = {"published": {"$gt": since, "$lte": until}, "topic": {"$gte": DISPATCH, "$lt": _BEHIND}}
    # by when it was published: by topic would be a week of messages at every look
    async for row in database[OUTBOX].find(query, {"topic": 1, "value": 1}, hint="keep"):
        department, told = department_of(row["topic"]), json.loads(row["value"])
        metrics.told.labels(department, told["kind"]).inc()
        if told["kind"] in _ANSWERS:
            metrics.heard.labels(department, told.get("reason_code") or told["kind"]).inc()
