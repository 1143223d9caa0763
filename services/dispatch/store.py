"""Dispatch's collections."""

from pymongo import ASCENDING, IndexModel

from services.dispatch.domain.incident import Incident
from shared.mongo.client import Database
from shared.mongo.indexes import Collection
from shared.mongo.records import Records
from shared.web.idempotency import answers_collection

INCIDENTS: Records[Incident] = Records("incidents", Incident)

COLLECTIONS = (
    Collection(
        "incidents",
        (IndexModel([("subdistrict", ASCENDING), ("state", ASCENDING), ("t0", ASCENDING)], name="queue"),),
    ),
    Collection("unknown_orders"),
    answers_collection(),
)


class MongoViews:
    """Reads for people, each within the scope its caller gives."""

    def __init__(self, database: Database) -> None:
        self._incidents = database["incidents"]

    async def incident(self, id_: str, subdistrict: str) -> tuple[Incident, int] | None:
        document = await self._incidents.find_one({"_id": id_, "subdistrict": subdistrict})
        return None if document is None else (INCIDENTS.load(document), document["version"])

    async def queue(self, subdistrict: str, state: str | None, limit: int) -> list[tuple[Incident, int]]:
        query = {"subdistrict": subdistrict} if state is None else {"subdistrict": subdistrict, "state": state}
        found = await self._incidents.find(query).sort("t0", 1).limit(limit).to_list(None)
        return [(INCIDENTS.load(document), document["version"]) for document in found]
