"""Deliveries and lines in MongoDB. They are written beside the commit lane, by the one process that has the lease."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, DESCENDING, IndexModel, InsertOne, UpdateOne
from pymongo.errors import BulkWriteError

from services.notify.domain.delivery import Delivery, Line, State
from services.notify.domain.message import Message
from shared.mongo.client import Database, Document
from shared.mongo.indexes import Collection
from shared.mongo.records import Records
from shared.mongo.retention import Rule
from shared.mongo.scopes import within
from shared.scope import Scope

DELIVERIES: Records[Delivery] = Records("deliveries", Delivery)
LINES: Records[Line] = Records("lines", Line)
_MESSAGES: Records[Message] = Records("messages", Message)

_WAITING: Document = {"state": State.WAITING.value}
_AT_ONCE = 300
_DUPLICATE = 11000

COLLECTIONS = (
    Collection(
        "deliveries",
        (
            IndexModel(
                [("line", ASCENDING), ("rank", ASCENDING), ("due", ASCENDING)],
                name="waiting",
                partialFilterExpression=_WAITING,
            ),
            IndexModel([("state", ASCENDING), ("stored", DESCENDING)], name="state"),
            IndexModel([("audience", ASCENDING), ("stored", DESCENDING)], name="audience"),
            IndexModel([("subdistrict", ASCENDING), ("stored", DESCENDING)], name="newest"),
        ),
    ),
    Collection("lines"),
)

RETENTION = (Rule("deliveries", "deliveries", "stored", 90, named=False),)

_CHANGING = ("state", "code", "tries", "attempts", "parcel", "due", "ended")


class MongoShelf:
    """See `Shelf` and `Drafts`."""

    def __init__(self, database: Database) -> None:
        self._messages = database["messages"]
        self._deliveries = database["deliveries"]
        self._lines = database["lines"]
        self._cases = database["cases"]

    async def unplanned(self, limit: int) -> list[tuple[Message, int]]:
        found = await self._messages.find({"unplanned": True}).limit(limit).to_list(None)
        return [(_MESSAGES.load(document), document["version"]) for document in found]

    async def keep(self, deliveries: Sequence[Delivery]) -> int:
        documents = [InsertOne({**DELIVERIES.dump(one), "version": 1}) for one in deliveries]
        try:
            return (await self._deliveries.bulk_write(documents, ordered=False)).inserted_count
        except BulkWriteError as error:
            if any(one["code"] != _DUPLICATE for one in (error.details or {}).get("writeErrors", [])):
                raise
            return int((error.details or {}).get("nInserted", 0))

    async def planned(self, message: str, version: int) -> None:
        # Under the version it was read with: a copy that came meanwhile asks to be looked at itself.
        await self._messages.update_one({"_id": message, "version": version}, {"$set": {"unplanned": False}})

    async def lines(self, now: datetime) -> list[str]:
        found: list[str] = await self._deliveries.distinct("line", {**_WAITING, "due": {"$lte": now}})
        return found

    async def line(self, line: str) -> Line:
        document = await self._lines.find_one({"_id": line})
        return Line(line) if document is None else LINES.load(document)

    async def waiting(self, line: str, now: datetime) -> list[Delivery]:
        query = {"line": line, **_WAITING, "due": {"$lte": now}}
        found = self._deliveries.find(query).sort([("rank", 1), ("due", 1)]).limit(_AT_ONCE)
        return [DELIVERIES.load(document) async for document in found]

    async def begin(self, line: Line, deliveries: Sequence[Delivery], parcel: str) -> None:
        # The call is counted first: one too many counted is a message later, one too few is a robot that is blocked.
        await self.keep_line(line)
        ids = [one.id for one in deliveries]
        change = {"$set": {"state": State.SENDING.value, "parcel": parcel}, "$inc": {"version": 1}}
        await self._deliveries.update_many({"_id": {"$in": ids}, **_WAITING}, change)

    async def end(self, deliveries: Sequence[Delivery]) -> None:
        changes = [UpdateOne({"_id": one.id}, {"$set": _changed(one), "$inc": {"version": 1}}) for one in deliveries]
        await self._deliveries.bulk_write(changes, ordered=False)

    async def keep_line(self, line: Line) -> None:
        document = LINES.dump(line)
        await self._lines.replace_one({"_id": line.id}, {**document, "version": 1}, upsert=True)

    async def sending(self, limit: int) -> list[Delivery]:
        found = self._deliveries.find({"state": State.SENDING.value}).limit(limit)
        return [DELIVERIES.load(document) async for document in found]

    async def finished(self, incidents: Sequence[str]) -> set[str]:
        found = self._cases.find({"_id": {"$in": list(incidents)}, "over": True}, {"_id": 1})
        return {document["_id"] async for document in found}

    async def unsent(self, now: datetime) -> list[tuple[str, str, int, float]]:
        """Channel, urgency, how many wait or are under way, and for how many seconds the oldest of them does."""
        pipeline: list[dict[str, Any]] = [
            {"$match": {"state": {"$in": [State.WAITING.value, State.SENDING.value]}}},
            {
                "$group": {
                    "_id": {"channel": "$channel", "urgency": "$urgency"},
                    "count": {"$sum": 1},
                    "oldest": {"$min": "$stored"},
                }
            },
        ]
        groups = await self._deliveries.aggregate(pipeline).to_list(None)
        return [
            (g["_id"]["channel"], g["_id"]["urgency"], g["count"], (now - g["oldest"]).total_seconds()) for g in groups
        ]


class MongoOutcomes:
    """What staff see of deliveries: those of their communities, without the texts."""

    def __init__(self, database: Database) -> None:
        self._deliveries = database["deliveries"]

    async def page(
        self, scope: Scope, state: str | None, audience: str | None, before: datetime | None, limit: int
    ) -> list[Delivery]:
        """The newest first, stored before that time. Raises `Forbidden` for who is no desk."""
        query = within(scope, "community")
        if state is not None:
            query["state"] = state
        if audience is not None:
            query["audience"] = audience
        if before is not None:
            query["stored"] = {"$lt": before}
        found = self._deliveries.find(query).sort([("stored", -1), ("_id", 1)]).limit(limit)
        return [DELIVERIES.load(document) async for document in found]


def _changed(delivery: Delivery) -> Document:
    document = DELIVERIES.dump(delivery)
    return {name: document[name] for name in _CHANGING}
