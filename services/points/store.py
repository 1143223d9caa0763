"""Points' collections."""

from collections.abc import Sequence

from pymongo import ASCENDING, IndexModel

from services.points.domain.caps import Month
from services.points.domain.entry import Entry, Passbook
from services.points.domain.incident import Incident
from services.points.ports import Books
from shared.mongo.client import Database
from shared.mongo.indexes import Collection
from shared.mongo.records import Records
from shared.mongo.scopes import within
from shared.scope import Scope

INCIDENTS: Records[Incident] = Records("incidents", Incident)
PASSBOOKS: Records[Passbook] = Records("passbooks", Passbook)
ENTRIES: Records[Entry] = Records("entries", Entry)
MONTHS: Records[Month] = Records("months", Month)

BOOKS = Books(INCIDENTS, PASSBOOKS, ENTRIES, MONTHS)

COLLECTIONS = (
    Collection("incidents"),
    Collection("passbooks", (IndexModel([("account", ASCENDING)], name="account", unique=True),)),
    Collection(
        "entries",
        (
            IndexModel([("account", ASCENDING), ("number", ASCENDING)], name="of_account", unique=True),
            IndexModel([("incident", ASCENDING)], name="of_incident"),
        ),
    ),
    Collection("months"),
)


class MongoViews:
    """Reads for people, each within the scope its caller gives."""

    def __init__(self, database: Database) -> None:
        self._incidents = database["incidents"]
        self._passbooks = database["passbooks"]
        self._entries = database["entries"]

    async def passbook(self, scope: Scope, rider: str) -> Passbook | None:
        own = {"_id": {"$eq": rider, "$in": [scope.id]}}
        query = {"_id": rider, "subdistrict": scope.subdistrict} if scope.desk else own
        document = await self._passbooks.find_one(query)
        return None if document is None else PASSBOOKS.load(document)

    async def entries(self, scope: Scope, rider: str, after: int, limit: int) -> Sequence[Entry] | None:
        book = await self.passbook(scope, rider)
        if book is None:
            return None
        query = {"account": book.account, "number": {"$gt": after}}
        found = await self._entries.find(query).sort("number", 1).limit(limit).to_list(None)
        return [ENTRIES.load(document) for document in found]

    async def incident(self, scope: Scope, id_: str) -> tuple[Incident, Sequence[tuple[str, Entry]]] | None:
        document = await self._incidents.find_one({"_id": id_, **within(scope, "community")})
        return None if document is None else (INCIDENTS.load(document), await self._entries_of_incident(id_))

    async def _entries_of_incident(self, id_: str) -> Sequence[tuple[str, Entry]]:
        found = (
            await self._entries.find({"incident": id_}).sort([("at", 1), ("account", 1), ("number", 1)]).to_list(None)
        )
        accounts = {"account": {"$in": [document["account"] for document in found]}}
        books = await self._passbooks.find(accounts, {"account": 1}).to_list(None)
        riders = {book["account"]: book["_id"] for book in books}
        return [(riders[document["account"]], ENTRIES.load(document)) for document in found]
