"""What digests are made of, out of the cases; and which mornings are done."""

from datetime import date, datetime
from typing import Any

from pymongo import ASCENDING, IndexModel

from services.notify.domain.digest import Due
from shared.mongo.client import Database
from shared.mongo.indexes import Collection, expiring

COLLECTIONS = (
    Collection(
        "cases",
        (
            IndexModel([("subdistrict", ASCENDING), ("orders.due", ASCENDING)], name="due"),
            IndexModel([("subdistrict", ASCENDING), ("since", ASCENDING)], name="since"),
        ),
    ),
    Collection("mornings", (expiring("at", 30 * 86_400),)),
)


class MongoFacts:
    """See `Facts`."""

    def __init__(self, database: Database) -> None:
        self._cases = database["cases"]
        self._mornings = database["mornings"]

    async def done(self, subdistrict: str, day: date) -> bool:
        return await self._mornings.find_one({"_id": f"{subdistrict}|{day.isoformat()}"}) is not None

    async def finish(self, subdistrict: str, day: date, now: datetime) -> None:
        id_ = f"{subdistrict}|{day.isoformat()}"
        await self._mornings.update_one({"_id": id_}, {"$set": {"at": now}}, upsert=True)

    async def due(self, subdistrict: str, before: datetime) -> list[Due]:
        pipeline: list[dict[str, Any]] = [
            {
                "$match": {
                    "subdistrict": subdistrict,
                    "over": False,
                    "paused": None,
                    "report": {"$ne": None},
                    "orders.due": {"$lt": before},
                }
            },
            {"$unwind": "$orders"},
            {"$match": {"orders.open": True, "orders.due": {"$lt": before}}},
            {"$project": {"orders": 1, "code": "$report.code", "where": {"$ifNull": ["$where", "$report.where"]}}},
        ]
        return [
            Due(one["code"], one["orders"]["department"], one["where"]["community"], one["orders"]["due"])
            async for one in self._cases.aggregate(pipeline)
        ]

    async def heard_of(self, subdistrict: str, since: datetime) -> set[str]:
        query = {"subdistrict": subdistrict, "since": {"$gte": since}}
        reported = await self._cases.distinct("report.where.grid", query)
        corrected = await self._cases.distinct("where.grid", query)
        return {*reported, *corrected} - {None}
