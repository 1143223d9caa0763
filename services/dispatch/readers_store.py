"""How far departments have read, and what of it the outbox knows."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime

from pymongo import ASCENDING, IndexModel

from services.dispatch.domain.readers import Reading
from shared.contracts.topics import DISPATCH, dispatch_topic
from shared.mongo.client import Database, Document
from shared.mongo.indexes import Collection
from shared.mongo.transactions import OUTBOX

READINGS = "department_readings"
_BEHIND = DISPATCH[:-1] + chr(ord(DISPATCH[-1]) + 1)

COLLECTIONS = (
    Collection(
        OUTBOX,
        (
            IndexModel(
                [("topic", ASCENDING), ("published", ASCENDING), ("stored", ASCENDING)],
                name="told",
                partialFilterExpression={"topic": {"$gte": DISPATCH, "$lt": _BEHIND}},
            ),
        ),
    ),
    Collection(READINGS),
)


class MongoReadings:
    """See `Readings`."""

    def __init__(self, database: Database) -> None:
        self._outbox = database[OUTBOX]
        self._readings = database[READINGS]

    async def told_before(self, department: str, moment: datetime) -> datetime:
        """Everything stored before this was published before `moment`, so far as the outbox still knows."""
        late = {"$or": [{"published": None}, {"published": {"$gte": moment}}]}
        topic = dispatch_topic(department).name
        row = await self._outbox.find_one({"topic": topic, **late}, {"stored": 1}, sort=[("stored", ASCENDING)])
        return moment if row is None else min(row["stored"], moment)

    async def keep(self, reading: Reading) -> None:
        document = {"_id": reading.department, **asdict(reading)}
        await self._readings.replace_one({"_id": reading.department}, document, upsert=True)

    async def of(self, departments: Iterable[str]) -> dict[str, Reading]:
        """By department; those that are not told by Kafka have none."""
        found = self._readings.find({"_id": {"$in": sorted(departments)}})
        return {document["_id"]: _load(document) async for document in found}


def _load(document: Document) -> Reading:
    return Reading(**{name: value for name, value in document.items() if name != "_id"})
