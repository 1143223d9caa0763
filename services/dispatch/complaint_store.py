"""The complaint box in MongoDB. A complaint is somebody's words: they go with him, and all of it after two years."""

from pymongo import DESCENDING, IndexModel

from services.dispatch.domain.complaint import Complaint
from shared.mongo.client import Database, Document
from shared.mongo.indexes import Collection
from shared.mongo.person import rename
from shared.mongo.records import PLAIN, Records
from shared.mongo.retention import Rule
from shared.mongo.scopes import within
from shared.pseudonym import Person
from shared.scope import Scope

COMPLAINTS: Records[Complaint] = Records("complaints", Complaint)

BOX = Collection(
    COMPLAINTS.collection,
    (
        IndexModel([("subdistrict", 1), ("_id", DESCENDING)], name="box"),
        IndexModel([("at", 1)], name="age"),
    ),
)

KEPT = Rule("complaints", COMPLAINTS.collection, "at", 730)


def silent(document: Document, person: Person) -> Document | None:
    """The complaint under the pseudonym, without the words if they are his."""
    own = document["account"] == person.account
    return rename({**document, "text": ""} if own else document, person)


class MongoBox:
    """See `Box`."""

    def __init__(self, database: Database) -> None:
        self._complaints = database[COMPLAINTS.collection]

    async def complaints(self, scope: Scope, before: str | None, limit: int) -> list[Complaint]:
        page: Document = {} if before is None else {"_id": {"$lt": before}}
        query = {"$and": [within(scope, "community"), page]}
        found = await self._complaints.find(query, PLAIN).sort("_id", DESCENDING).limit(limit).to_list(None)
        return [COMPLAINTS.load(document) for document in found]
