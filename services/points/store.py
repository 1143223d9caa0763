"""Points' collections."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pymongo import ASCENDING, DESCENDING, IndexModel

from services.points import activity_store, gathering_store, member_store, prize_store, visit_store
from services.points.domain.campaign import Campaign
from services.points.domain.caps import Month
from services.points.domain.entry import Entry, Passbook
from services.points.domain.evidence import Judgement
from services.points.domain.incident import Incident
from services.points.ports import Books
from shared.mongo.client import Database, Document
from shared.mongo.forgetting import Plan
from shared.mongo.indexes import Collection
from shared.mongo.person import remove
from shared.mongo.records import PLAIN, Records
from shared.mongo.scopes import within
from shared.mongo.work import Work
from shared.pseudonym import Person
from shared.scope import Scope
from shared.web.export import Export, Sections
from shared.web.idempotency import ANSWERS, ANSWERS_RULE, answers_collection

INCIDENTS: Records[Incident] = Records("incidents", Incident)
PASSBOOKS: Records[Passbook] = Records("passbooks", Passbook)
ENTRIES: Records[Entry] = Records("entries", Entry)
MONTHS: Records[Month] = Records("months", Month)
CAMPAIGNS: Records[Campaign] = Records("campaigns", Campaign)
JUDGEMENTS: Records[Judgement] = Records("judgements", Judgement)

BOOKS = Books(INCIDENTS, PASSBOOKS, ENTRIES, MONTHS)

COLLECTIONS = (
    Collection(
        "incidents",
        (
            IndexModel(
                [("outstanding.state", ASCENDING)],
                name="proposed",
                partialFilterExpression={"outstanding.state": "proposed"},
            ),
        ),
    ),
    Collection("passbooks", (IndexModel([("account", ASCENDING)], name="account", unique=True),)),
    Collection(
        "entries",
        (
            IndexModel([("account", ASCENDING), ("number", ASCENDING)], name="of_account", unique=True),
            IndexModel([("incident", ASCENDING)], name="of_incident"),
            IndexModel([("about", ASCENDING)], name="of_about", partialFilterExpression={"about": {"$gt": ""}}),
        ),
    ),
    Collection("months"),
    Collection(
        "campaigns", (IndexModel([("subdistrict", ASCENDING), ("plan.ends_at", DESCENDING)], name="of_subdistrict"),)
    ),
    Collection("judgements"),
    *member_store.COLLECTIONS,
    *activity_store.COLLECTIONS,
    *gathering_store.COLLECTIONS,
    *visit_store.COLLECTIONS,
    *prize_store.COLLECTIONS,
    answers_collection(),
)


def _entry(document: Document, person: Person) -> Document | None:
    """Only the natural key names the rider. The rest is under the digest: an official's decision on money keeps his id."""
    return {**document, "_id": person.renamed(document["_id"])}


async def _of_rider(database: Database, person: Person) -> dict[str, list[str]]:
    """The books of a rider. An event that found half of them under another name would pay twice."""
    book = await database["passbooks"].find_one({"_id": person.account})
    seen = {"$or": [{"sightings.rider": person.account}, {"resolved.sightings.rider": person.account}]}
    of_book = {"account": book["account"]} if book else {"_id": ""}
    return {
        "passbooks": [person.account] if book else [],
        "entries": await database["entries"].distinct("_id", of_book),
        "incidents": await database["incidents"].distinct("_id", seen),
        **await prize_store.books_of(database, person),
        "months": await database["months"].distinct("_id", {"_id": {"$regex": f"^{re.escape(person.account)}\\|"}}),
    }


def _complete(work: Work, person: Person, ids: Mapping[str, list[str]]) -> bool:
    """Whether no line was written since they were listed."""
    book = work.get("passbooks", person.account) if ids["passbooks"] else None
    return len(ids["entries"]) == (book["entries"] if book else 0)


PLAN = Plan(
    {"entries": _entry, **member_store.TREATMENTS, **activity_store.TREATMENTS, ANSWERS: remove},
    _of_rider,
    _complete,
)
"""Money never goes: the ledger stands under its opaque account, the passbook under the pseudonym."""


RETENTION = (
    *visit_store.RETENTION,
    *activity_store.RETENTION,
    *gathering_store.RETENTION,
    *prize_store.RETENTION,
    ANSWERS_RULE,
)


def exporter(database: Database) -> Export:
    """See `shared.web.export`: the passbook with all its lines, enough to verify the chain."""

    async def export(account: str, subdistrict: str | None) -> Sections:
        scope = {} if subdistrict is None else {"subdistrict": subdistrict}
        books = await database["passbooks"].find({"_id": account, **scope}, PLAIN).to_list(None)
        of_books = {"account": {"$in": [book["account"] for book in books]}}
        return {
            "account": await database["members"].find({"_id": account, **scope}, PLAIN).to_list(None),
            "passbook": books,
            "entries": await database["entries"].find(of_books, PLAIN).sort("number", 1).to_list(None),
            "activities": await database["activities"].find({"rider": account, **scope}, PLAIN).to_list(None),
            "checkins": await database["checkins"].find({"rider": account, **scope}, PLAIN).to_list(None),
            "visits": await database["visits"].find({"rider": account, **scope}, PLAIN).to_list(None),
            **await prize_store.export_of(database, account, scope),
        }

    return export


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


class MongoCampaigns:
    """See `CampaignViews`."""

    def __init__(self, database: Database) -> None:
        self._campaigns = database["campaigns"]

    async def campaign(self, scope: Scope, id_: str) -> tuple[Campaign, int] | None:
        document = await self._campaigns.find_one({"_id": id_, **_concerning(scope)})
        return None if document is None else (CAMPAIGNS.load(document), document["version"])

    async def campaigns(self, scope: Scope, limit: int) -> list[tuple[Campaign, int]]:
        found = self._campaigns.find(_concerning(scope)).sort([("plan.ends_at", -1), ("_id", 1)]).limit(limit)
        return [(CAMPAIGNS.load(document), document["version"]) for document in await found.to_list(None)]


def _concerning(scope: Scope) -> Document:
    """The filter that says the same as `domain.campaign.sees`. Raises `Forbidden` for a scope that is not a desk's."""
    query: Document = within(replace(scope, communities=()), "communities")
    if scope.communities:
        query["communities"] = {"$in": [*scope.communities, []]}  # an empty list: the whole sub-district's
    return query
