"""Single entries and what waits for a second person, for people."""

from services.points.domain.entry import Entry
from services.points.domain.incident import Incident
from services.points.domain.outstanding import State
from shared.mongo.client import Database, Document
from shared.mongo.records import Records
from shared.mongo.scopes import within
from shared.scope import Scope

ENTRIES: Records[Entry] = Records("entries", Entry)
INCIDENTS: Records[Incident] = Records("incidents", Incident)


class MongoEntries:
    """See `EntryViews`."""

    def __init__(self, database: Database) -> None:
        self._entries = database["entries"]
        self._passbooks = database["passbooks"]
        self._incidents = database["incidents"]

    async def entry(self, scope: Scope, id_: str) -> tuple[str, Entry] | None:
        document = await self._entries.find_one({"_id": id_})
        if document is None:
            return None
        own: Document = {"_id": {"$in": [scope.id]}}
        mine = {"subdistrict": scope.subdistrict} if scope.desk else own
        book = await self._passbooks.find_one({"account": document["account"], **mine}, {"_id": 1})
        return None if book is None else (book["_id"], ENTRIES.load(document))

    async def proposals(self, scope: Scope, limit: int) -> list[Incident]:
        waiting = {"outstanding.state": State.PROPOSED.value, **within(scope, "community")}
        found = await self._incidents.find(waiting).sort("_id", 1).limit(limit).to_list(None)
        return [INCIDENTS.load(document) for document in found]
