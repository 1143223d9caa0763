"""Notices in MongoDB, and the riders that they go to."""

from datetime import datetime

from pymongo import ASCENDING, DESCENDING, IndexModel

from services.notify.domain.broadcast import Broadcast, State
from shared.errors import Forbidden
from shared.mongo.client import Database, Document
from shared.mongo.indexes import Collection
from shared.mongo.records import Records
from shared.mongo.retention import Rule
from shared.scope import Scope

BROADCASTS: Records[Broadcast] = Records("broadcasts", Broadcast)

_OPEN = [State.SCHEDULED.value, State.SENDING.value]

COLLECTIONS = (
    Collection(
        "broadcasts",
        (
            IndexModel([("state", ASCENDING), ("due", ASCENDING)], name="due"),
            IndexModel([("subdistrict", ASCENDING), ("created", DESCENDING)], name="newest"),
        ),
    ),
)
RETENTION = (Rule("broadcasts", "broadcasts", "created", 365),)


class MongoBroadcasts:
    """See `Due` and `Notices`."""

    def __init__(self, database: Database) -> None:
        self._broadcasts = database["broadcasts"]
        self._members = database["members"]

    async def due(self, now: datetime) -> list[Broadcast]:
        query: Document = {"state": {"$in": _OPEN}, "due": {"$lte": now}}
        return [BROADCASTS.load(one) async for one in self._broadcasts.find(query).sort("due", 1).limit(20)]

    async def riders(self, subdistrict: str, of: str) -> list[str]:
        query: Document = {
            "subdistrict": subdistrict,
            "role": {"$in": ["rider", "captain"]},
            "status": {"$in": ["trainee", "active"]},
        }
        if of != subdistrict:
            query["community" if of.isdigit() else "squad"] = of
        return [one["_id"] async for one in self._members.find(query, {"_id": 1}).sort("_id", 1)]

    async def listed(self, scope: Scope, limit: int) -> list[Broadcast]:
        """The newest of a desk."""
        found = self._broadcasts.find(_own(scope)).sort("created", -1).limit(limit)
        return [BROADCASTS.load(one) async for one in found]

    async def one(self, scope: Scope, id_: str) -> Broadcast | None:
        """One of a desk."""
        found = await self._broadcasts.find_one({"_id": id_, **_own(scope)})
        return BROADCASTS.load(found) if found else None


def _own(scope: Scope) -> Document:
    """The filter that says the same as `broadcasts.mine`. Raises `Forbidden` for who is no desk."""
    if not scope.desk:
        raise Forbidden("this is for the desks")
    query: Document = {"subdistrict": scope.subdistrict}
    if scope.communities:
        query["communities"] = {"$ne": [], "$not": {"$elemMatch": {"$nin": list(scope.communities)}}}
    return query
