"""Notify's collections."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

import pymongo
import structlog
from pymongo import ASCENDING, IndexModel
from pymongo.errors import PyMongoError

from services.notify.address_store import TREATMENTS
from services.notify.domain.audiences import Reach
from services.notify.domain.case import Case, rider_audience
from services.notify.domain.member import Squad
from services.notify.domain.message import Copy, Message, ReadMark, Recipient, mark_id
from services.notify.ports import Books, Standing
from services.notify.stream import POLL_SECONDS, Doorbell
from shared.errors import Unavailable
from shared.mongo.client import Database, Document
from shared.mongo.forgetting import Plan
from shared.mongo.indexes import Collection
from shared.mongo.person import remove, rename
from shared.mongo.records import PLAIN, Records
from shared.mongo.retention import Rule
from shared.pseudonym import Person
from shared.web.export import Export, Sections
from shared.web.idempotency import ANSWERS, ANSWERS_RULE, answers_collection

log = structlog.get_logger(__name__)

CASES: Records[Case] = Records("cases", Case)
RECIPIENTS: Records[Recipient] = Records("recipients", Recipient)
MESSAGES: Records[Message] = Records("messages", Message)
READ_MARKS: Records[ReadMark] = Records("read_marks", ReadMark)
SQUADS: Records[Squad] = Records("squads", Squad)
BOOKS = Books(CASES, RECIPIENTS, MESSAGES, SQUADS)

COLLECTIONS = (
    Collection("cases"),
    Collection("recipients"),
    Collection(
        "messages",
        (
            IndexModel([("to.audience", ASCENDING), ("to.sequence", ASCENDING)], name="inbox", unique=True),
            IndexModel([("incident", ASCENDING)], name="of_incident"),
            IndexModel([("unplanned", ASCENDING)], name="unplanned", partialFilterExpression={"unplanned": True}),
        ),
    ),
    Collection("read_marks"),
    Collection("squads"),
    answers_collection(),
)


def _message(document: Document, person: Person) -> Document | None:
    """His copy goes, and the text with the last copy."""
    own = rider_audience(person.account)
    copies = [copy for copy in document["to"] if copy["audience"] != own]
    return rename({**document, "to": copies}, person) if copies else None


def _delivery(document: Document, person: Person) -> Document | None:
    """What went to him goes; what staff or a group was told of his report never had his name."""
    return None if document["audience"] == rider_audience(person.account) else rename(document, person)


def _squad(document: Document, person: Person) -> Document | None:
    """Without him: there is no inbox of his to write to."""
    return {**document, "captains": [one for one in document["captains"] if one != person.account]}


PLAN = Plan(
    {
        "cases": rename,
        "squads": _squad,
        "messages": _message,
        "deliveries": _delivery,
        "recipients": remove,
        "read_marks": remove,
        ANSWERS: remove,
        **TREATMENTS,
    }
)
"""Cases first: from then on nothing new is written to him. Nobody reads a forgotten rider's inbox, so it goes."""

RETENTION = (Rule("messages", "messages", "at", 365, named=False), ANSWERS_RULE)

READ_SECONDS = 5.0

_SHOWN = {field.name: 1 for field in fields(Message)}
"""Everything; naming it lets the copy that matched come alone, however many riders share a text."""

_WRITTEN: list[dict[str, Any]] = [
    {"$match": {"operationType": {"$in": ["insert", "replace", "update"]}}},
    {"$project": {"documentKey": 1}},
]


def exporter(database: Database) -> Export:
    """See `shared.web.export`: a rider's messages, and how far an account has read which inbox."""

    async def export(account: str, subdistrict: str | None) -> Sections:
        scope = {} if subdistrict is None else {"subdistrict": subdistrict}
        own = {"audience": rider_audience(account)}
        query = {"to.audience": own["audience"], **scope}
        messages = await database["messages"].find(query, {**_SHOWN, "to": {"$elemMatch": own}}).to_list(None)
        inbox = await database["recipients"].find_one({"_id": own["audience"], **scope}, {"_id": 1})
        marks = {"_id": {"$regex": f"\\|{re.escape(account)}$"}} if subdistrict is None or inbox else {"_id": ""}
        return {
            "messages": sorted(messages, key=lambda message: message["to"][0]["sequence"]),
            "read_marks": await database["read_marks"].find(marks, PLAIN).to_list(None),
            **{name: await database[name].find({"_id": account, **scope}, _OWN).to_list(None) for name in TREATMENTS},
        }

    return export


_OWN = {**PLAIN, "addresses.smtp.code": 0, "addresses.sms.code": 0}
"""A code that somebody has to prove that he reads his mail is not shown to him here."""


class MongoInboxes:
    """See `Inboxes`."""

    def __init__(self, database: Database) -> None:
        self._recipients = database["recipients"]
        self._messages = database["messages"]
        self._marks = database["read_marks"]

    async def page(self, reach: Reach, audience: str, after: int, limit: int) -> list[tuple[Copy, Message]]:
        # Numbers have no gap, so a window of them is a page; what MongoDB sorts an array by is not the element that matched.
        seen = _within(reach, audience)
        with _bounded():
            found = await self._window(seen, after, limit)
            if not found and (first := await self._first(seen, after)):
                found = await self._window(seen, first - 1, limit)
        messages = [MESSAGES.load(document) for document in found]
        return sorted(((message.to[0], message) for message in messages), key=lambda pair: pair[0].sequence)

    async def _window(self, audience: Any, after: int, limit: int) -> list[Document]:
        copy = {"$elemMatch": {"audience": audience, "sequence": {"$gt": after, "$lte": after + limit}}}
        return await self._messages.find({"to": copy}, {**_SHOWN, "to": copy}).to_list(None)

    async def _first(self, audience: Any, after: int) -> int:
        """The number of the oldest message there is above `after`: what is too old is removed. 0 if there is none."""
        copy = {"$elemMatch": {"audience": audience, "sequence": {"$gt": after}}}
        numbers: list[dict[str, Any]] = [
            {"$match": {"to": copy}},
            {"$unwind": "$to"},
            {"$match": {"to.audience": audience, "to.sequence": {"$gt": after}}},
            {"$group": {"_id": None, "first": {"$min": "$to.sequence"}}},
        ]
        found = await self._messages.aggregate(numbers).to_list(1)
        return int(found[0]["first"]) if found else 0

    async def standing(self, reach: Reach, audience: str) -> Standing:
        with _bounded():
            inbox = await self._recipients.find_one({"_id": _within(reach, audience)})
            mark = await self._marks.find_one({"_id": mark_id(audience, reach.account)})
        return Standing(inbox["last"] if inbox else 0, mark["up_to"] if mark else 0)


def _within(reach: Reach, audience: str) -> dict[str, Any]:
    return {"$eq": audience, "$in": sorted(reach.all)}


class InboxChanges:
    """Rings the doorbell for every inbox that changes, by one change stream. No resume token: it carries nothing."""

    def __init__(self, database: Database) -> None:
        self._recipients = database["recipients"]

    async def listen(self, doorbell: Doorbell) -> None:
        """Until cancelled; while the stream is broken the doorbell says so."""
        while True:
            try:
                async with self._recipients.watch(_WRITTEN) as stream:
                    # Only the first look opens the stream; what happened before it, everyone now looks for.
                    change = await stream.try_next()
                    doorbell.tested(True)
                    if change is not None:
                        doorbell.ring(change["documentKey"]["_id"])
                    async for change in stream:
                        doorbell.ring(change["documentKey"]["_id"])
            except PyMongoError as error:
                log.warning("doorbell broken, polling meanwhile", error=repr(error)[:200])
            doorbell.tested(False)
            await asyncio.sleep(POLL_SECONDS)


@contextmanager
def _bounded() -> Iterator[None]:
    """Reads that end in time. Raises `Unavailable` instead of what the driver raises."""
    try:
        with pymongo.timeout(READ_SECONDS):
            yield
    except PyMongoError as error:
        raise Unavailable("the database does not answer") from error
