"""Dispatch's collections."""

import re

from pymongo import ASCENDING, IndexModel

from services.dispatch.complaint_store import BOX, COMPLAINTS, KEPT, silent
from services.dispatch.domain import agenda
from services.dispatch.domain.incident import Incident
from services.dispatch.domain.states import OVER
from services.dispatch.hearing import EARLY
from shared.mongo.client import Database, Document
from shared.mongo.forgetting import Plan
from shared.mongo.indexes import Collection
from shared.mongo.person import remove
from shared.mongo.records import PLAIN, Records
from shared.mongo.retention import Rule
from shared.mongo.scopes import within
from shared.mongo.timers import WAKING
from shared.mongo.transactions import OUTBOX
from shared.pseudonym import Person
from shared.scope import Scope
from shared.web.export import Export, Sections
from shared.web.idempotency import ANSWERS, ANSWERS_RULE, answers_collection


class IncidentRecords(Records[Incident]):
    """Incidents with `wake_at`, the next moment something happens by itself, and `changed_at`, that of the last line of the
    history; both computed on every save."""

    def dump(self, item: Incident) -> Document:
        changed_at = item.history[-1].at if item.history else item.t0
        return {**super().dump(item), "wake_at": agenda.next_at(item), "changed_at": changed_at}


INCIDENTS = IncidentRecords("incidents", Incident)

COMMUNITY = "place.grid.community"

COLLECTIONS = (
    Collection(
        "incidents",
        (
            IndexModel([("subdistrict", ASCENDING), ("state", ASCENDING), ("t0", ASCENDING)], name="queue"),
            # a page of the queue begins behind a place in this order, whatever it is narrowed to
            IndexModel([("subdistrict", ASCENDING), ("t0", ASCENDING), ("_id", ASCENDING)], name="pages"),
            IndexModel([("subdistrict", ASCENDING), ("orders.due_at", ASCENDING)], name="deadlines"),
            WAKING,
            IndexModel([("state", ASCENDING)], name="state"),
            IndexModel([("changed_at", ASCENDING)], name="changed"),
            IndexModel(
                [("subdistrict", ASCENDING), ("orders.department", ASCENDING), ("_id", ASCENDING)], name="inbox"
            ),
        ),
    ),
    Collection("unknown_orders"),
    Collection(EARLY, (IndexModel([("at", ASCENDING)], name="age"),)),
    BOX,
    answers_collection(),
)


def _incident(document: Document, person: Person) -> Document | None:
    """The incident under the pseudonym; the words are the first reporter's, and go with him, as do his later ones."""
    notes = [{**note, "text": ""} if note["rider"] == person.account else note for note in document.get("notes", ())]
    renamed: Document = person.renamed({**document, "notes": notes})
    if document["reporters"] and document["reporters"][0]["rider"] == person.account:
        return {**renamed, "text": "", "interim_measures": None}
    return renamed


def _early(document: Document, person: Person) -> Document | None:
    """What waits for its incident, under the pseudonym and without his words."""
    waiting = [
        {**one, "update": {**one["update"], "text": None, "kind": _silent(one["update"])}}
        if one["update"]["rider"] == person.account
        else one
        for one in document["waiting"]
    ]
    renamed: Document = person.renamed({**document, "waiting": waiting})
    return renamed


def _silent(update: Document) -> str:
    """What is nothing without its words becomes the kind that needs none."""
    return "info_given" if update["kind"] in ("comment", "says_not_fixed", "appealed") else str(update["kind"])


async def _published_words(database: Database, person: Person) -> None:
    """Events about his incidents, which do not name him, carry his words to departments. Those that were sent go."""
    mine = {"reporters.0.rider": {"$in": [person.account, person.pseudonym]}}
    ids = await database["incidents"].distinct("_id", mine)
    await database[OUTBOX].delete_many({"key": {"$in": ids}, "published": {"$ne": None}})
    await database["webhook_deliveries"].delete_many({"incident": {"$in": ids}, "sent": {"$ne": None}})


PLAN = Plan(
    {"incidents": _incident, EARLY: _early, COMPLAINTS.collection: silent, ANSWERS: remove}, beside=_published_words
)
"""What becomes of what names somebody who is to be forgotten; all else is renamed."""

_SILENT_NOTES = {
    "$map": {"input": {"$ifNull": ["$notes", []]}, "in": {"$mergeObjects": ["$$this", {"text": ""}]}},
}

RETENTION = (
    Rule(
        "report_texts",
        "incidents",
        "t0",
        730,
        where={
            "state": {"$in": [state.value for state in OVER]},
            "$or": [{"text": {"$ne": ""}}, {"interim_measures": {"$ne": None}}, {"notes.text": {"$gt": ""}}],
        },
        blank=[{"$set": {"text": "", "interim_measures": None, "notes": _SILENT_NOTES}}],
    ),
    Rule("early_updates", EARLY, "at", 45),
    KEPT,
    ANSWERS_RULE,
)


def exporter(database: Database) -> Export:
    """See `shared.web.export`: what a rider reported, and what an official did."""

    async def export(account: str, subdistrict: str | None) -> Sections:
        scope = {} if subdistrict is None else {"subdistrict": subdistrict}
        named = {"$regex": f"^[a-z]+:{re.escape(account)}$"}
        query = {"$or": [{"reporters.rider": account}, {"history.actor": named}], **scope}
        found = await database["incidents"].find(query).sort("_id", 1).to_list(None)
        complained = database[COMPLAINTS.collection].find({"account": account, **scope}, PLAIN).sort("_id", 1)
        return {
            "incidents": [_share(document, account) for document in found],
            "complaints": await complained.to_list(None),
        }

    return export


def _share(document: Document, account: str) -> Document:
    """An incident without what others did or said."""
    reports = [reporter for reporter in document["reporters"] if reporter["rider"] == account]
    first = document["reporters"][0]["rider"] == account
    return {
        **{field: document[field] for field in ("_id", "subdistrict", "code", "category", "state")},
        "reports": reports,
        "text": document["text"] if first else None,
        "interim_measures": document["interim_measures"] if first else None,
        "history": [line for line in document["history"] if line["actor"].partition(":")[2] == account],
    }


class MongoViews:
    """Reads for people, each within the scope its caller gives."""

    def __init__(self, database: Database) -> None:
        self._incidents = database["incidents"]

    async def incident(self, scope: Scope, id_: str) -> tuple[Incident, int] | None:
        document = await self._incidents.find_one({"_id": id_, **within(scope, COMMUNITY)})
        return None if document is None else (INCIDENTS.load(document), document["version"])
