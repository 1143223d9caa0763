"""Dispatch's collections."""

from pymongo import ASCENDING, IndexModel

from services.dispatch.domain.incident import Incident
from shared.mongo.client import Database
from shared.mongo.indexes import Collection
from shared.mongo.records import Records
from shared.mongo.scopes import within
from shared.scope import Scope
from shared.web.idempotency import answers_collection

INCIDENTS: Records[Incident] = Records("incidents", Incident)

COMMUNITY = "place.grid.community"

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

    async def incident(self, scope: Scope, id_: str) -> tuple[Incident, int] | None:
        document = await self._incidents.find_one({"_id": id_, **within(scope, COMMUNITY)})
        return None if document is None else (INCIDENTS.load(document), document["version"])

    async def queue(self, scope: Scope, state: str | None, limit: int) -> list[tuple[Incident, int]]:
        query = within(scope, COMMUNITY) | ({} if state is None else {"state": state})
        found = await self._incidents.find(query).sort("t0", 1).limit(limit).to_list(None)
        return [(INCIDENTS.load(document), document["version"]) for document in found]
