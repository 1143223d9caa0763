"""Visits of rounds in MongoDB, and what a campaign has come to."""

from pymongo import ASCENDING, IndexModel

from services.points.domain.visit import Tally, Visit
from shared.mongo.client import Database, Document
from shared.mongo.indexes import Collection
from shared.mongo.records import Records
from shared.mongo.retention import Rule
from shared.scope import Scope

VISITS: Records[Visit] = Records("visits", Visit)

COLLECTIONS = (
    Collection(
        "visits",
        (
            IndexModel([("rider", ASCENDING), ("received_at", ASCENDING)], name="of_rider"),
            IndexModel([("campaign", ASCENDING), ("micro_grid", ASCENDING)], name="of_campaign"),
        ),
    ),
)
RETENTION = (Rule("visits", "visits", "received_at", 730),)


class MongoVisits:
    """See `VisitViews`. Riders are counted, never listed: how many visits one has made is nobody's business."""

    def __init__(self, database: Database) -> None:
        self._visits = database["visits"]

    async def tally(self, scope: Scope, campaign: str) -> list[Tally]:
        mine: Document = {"campaign": campaign, "subdistrict": scope.subdistrict}
        if scope.communities:
            mine["$or"] = [{"micro_grid": {"$regex": f"^{code}"}} for code in scope.communities]
        pipeline: list[Document] = [
            {"$match": mine},
            {
                "$group": {
                    "_id": "$micro_grid",
                    "visits": {"$sum": 1},
                    "households": {"$addToSet": "$household"},
                    "points": {"$sum": "$points"},
                    "unpaid": {"$sum": {"$cond": [{"$eq": ["$outcome", "paid"]}, 0, 1]}},
                    "flagged": {"$sum": {"$cond": [{"$gt": [{"$size": "$flags"}, 0]}, 1, 0]}},
                    "answers": {"$push": {"$objectToArray": "$answers"}},
                }
            },
            {"$sort": {"_id": 1}},
        ]
        return [_tally(row) async for row in self._visits.aggregate(pipeline)]


def _tally(row: Document) -> Tally:
    answers: dict[str, dict[str, int]] = {}
    for said in row["answers"]:
        for pair in said:
            words = answers.setdefault(pair["k"], {})
            words[pair["v"]] = words.get(pair["v"], 0) + 1
    households = len(row["households"])
    return Tally(row["_id"], row["visits"], households, row["points"], row["unpaid"], row["flagged"], answers)
