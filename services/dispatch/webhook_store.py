"""What has to arrive at departments' webhooks, taken over from the outbox that the department's topic is filled from."""

import json
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, IndexModel
from pymongo.errors import BulkWriteError
from pymongo.read_concern import ReadConcern

from services.dispatch.domain.webhooks import Delivery, structured
from shared.contracts.topics import DISPATCH, dispatch_topic
from shared.mongo.client import Database, Document
from shared.mongo.indexes import Collection, expiring
from shared.mongo.outbox import KEEP_PUBLISHED_SECONDS
from shared.mongo.transactions import OUTBOX

DELIVERIES = "webhook_deliveries"
_WINDOW = 500
_LINES = 50
_DUPLICATE = 11000
_BEHIND = chr(ord(DISPATCH[-1]) + 1)

NEW: Document = {"hooked": None, "topic": {"$gte": DISPATCH, "$lt": DISPATCH[:-1] + _BEHIND}}
_WAITING: Document = {"sent": None}

COLLECTIONS = (
    Collection(
        OUTBOX,
        (IndexModel([("topic", ASCENDING), ("stored", ASCENDING)], name="hooked", partialFilterExpression=NEW),),
    ),
    Collection(
        DELIVERIES,
        (
            IndexModel(
                [("department", ASCENDING), ("line", ASCENDING), ("seq", ASCENDING)],
                name="waiting",
                partialFilterExpression=_WAITING,
            ),
            expiring("sent", KEEP_PUBLISHED_SECONDS),
        ),
    ),
)


class MongoDeliveries:
    """See `Deliveries`. A row is taken over before it is ticked off, under its own id: twice is the same as once."""

    def __init__(self, database: Database) -> None:
        # of one moment: an ordinary cursor may pass a first row before it is committed and still meet the second
        self._outbox = database.get_collection(OUTBOX, read_concern=ReadConcern("snapshot"))
        self._deliveries = database[DELIVERIES]

    async def collect(self, department: str, now: datetime) -> int:
        rows = await self._outbox.find({**NEW, "topic": dispatch_topic(department).name}).limit(_WINDOW).to_list(None)
        if not rows:
            return 0
        await self._keep([_delivery(department, row, now) for row in rows])
        await self._outbox.update_many({"_id": {"$in": [row["_id"] for row in rows]}}, {"$set": {"hooked": now}})
        return len(rows)

    async def _keep(self, documents: list[Document]) -> None:
        try:
            await self._deliveries.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            if any(one["code"] != _DUPLICATE for one in (error.details or {}).get("writeErrors", [])):
                raise

    async def due(self, department: str, now: datetime) -> list[Delivery]:
        first: list[dict[str, Any]] = [
            {"$match": {"department": department, **_WAITING}},
            {"$sort": {"department": 1, "line": 1, "seq": 1}},
            {"$group": {"_id": "$line", "first": {"$first": "$$ROOT"}}},
            {"$replaceRoot": {"newRoot": "$first"}},
            {"$match": {"due": {"$lte": now}}},
            {"$sort": {"stored": 1, "_id": 1}},
            {"$limit": _LINES},
        ]
        return [_load(document) async for document in self._deliveries.aggregate(first)]

    async def arrived(self, delivery: Delivery, now: datetime) -> None:
        await self._deliveries.update_one({"_id": delivery.id}, {"$set": {"sent": now, "reason": None}})

    async def failed(self, delivery: Delivery, due: datetime, reason: str) -> None:
        change = {"due": due, "tries": delivery.tries + 1, "reason": reason}
        await self._deliveries.update_one({"_id": delivery.id}, {"$set": change})

    async def waiting(self, department: str) -> tuple[int, datetime | None]:
        query = {"department": department, **_WAITING}
        oldest = await self._deliveries.find_one(query, {"stored": 1}, sort=[("stored", 1)])
        return await self._deliveries.count_documents(query), oldest["stored"] if oldest else None


def _delivery(department: str, row: Document, now: datetime) -> Document:
    data = json.loads(row["value"])
    headers = [(name, content) for name, content in row["headers"]]
    return {
        "_id": row["_id"],
        "department": department,
        "incident": row["key"],
        "line": f"{row['key']}|{data['order']}",  # refusals of orders that do not exist have a document of their own
        "seq": data["seq"],
        "body": structured(headers, row["value"]),
        "stored": now,
        "due": now,
        "tries": 0,
        "reason": None,
        "sent": None,
    }


def _load(document: Document) -> Delivery:
    fields = {name: document[name] for name in ("department", "line", "body", "stored", "due", "tries")}
    return Delivery(id=document["_id"], **fields)
