"""Recorded activities in MongoDB."""

from typing import Any

from pymongo import ASCENDING, DESCENDING, IndexModel

from services.points.domain.activity import Activity
from services.points.domain.listing import Mark
from shared.mongo.client import Database, Document
from shared.mongo.indexes import Collection
from shared.mongo.records import Records
from shared.mongo.retention import Rule
from shared.mongo.scopes import within
from shared.pseudonym import Person
from shared.scope import Scope

ACTIVITIES: Records[Activity] = Records("activities", Activity)


def _index(name: str, *fields: str) -> IndexModel:
    return IndexModel([*((field, ASCENDING) for field in fields), ("received_at", DESCENDING)], name=name)


COLLECTIONS = (
    Collection(
        "activities",
        (
            _index("of_rider", "rider"),
            _index("of_subdistrict", "subdistrict"),
            _index("waiting", "subdistrict", "decided_at"),
            _index("of_squad", "subdistrict", "squad", "decided_at"),
            _index("decided", "decided_at"),
        ),
    ),
)


def _forgotten(document: Document, person: Person) -> Document | None:
    """Of his own only what the ledger refers to is left, and nobody waits any more; in others he is only named."""
    renamed: Document = person.renamed(document)
    if document["rider"] != person.account:
        return renamed
    over = {"state": "withdrawn"} if document["decided_at"] is None else {}
    return {**renamed, **over, "decided_at": document["decided_at"] or document["received_at"], **_BLANK}


_BLANK: dict[str, Any] = {"text": "", "photo_ids": [], "household": None}

TREATMENTS = {"activities": _forgotten}
RETENTION = (
    Rule(
        "activity evidence",
        "activities",
        "decided_at",
        730,
        where={"$or": [{"text": {"$ne": ""}}, {"photo_ids": {"$ne": []}}, {"household": {"$ne": None}}]},
        blank=[{"$set": _BLANK}],
    ),
)
"""What it was and what it was worth stays with the ledger; words, photos and the household go."""


class MongoActivities:
    """See `ActivityViews`."""

    def __init__(self, database: Database) -> None:
        self._activities = database["activities"]

    async def activity(self, scope: Scope, squad: str | None, id_: str) -> tuple[Activity, int] | None:
        seen: list[Document] = [{"rider": scope.id}]
        if squad is not None:
            seen.append({"subdistrict": scope.subdistrict, "squad": squad})
        if scope.desk:
            seen.append(within(scope, "community"))
        found = await self._activities.find_one({"_id": id_, "$or": seen})
        return None if found is None else (ACTIVITIES.load(found), found["version"])

    async def own(self, scope: Scope, after: Mark | None, limit: int) -> list[tuple[Activity, int]]:
        return await self._page({"rider": scope.id}, after, limit, -1)

    async def of_desk(self, scope: Scope, after: Mark | None, limit: int) -> list[tuple[Activity, int]]:
        return await self._page(within(scope, "community"), after, limit, -1)

    async def waiting(self, scope: Scope, after: Mark | None, limit: int) -> list[tuple[Activity, int]]:
        return await self._page({**within(scope, "community"), "decided_at": None}, after, limit, 1)

    async def of_squad(
        self, scope: Scope, squad: str | None, after: Mark | None, limit: int
    ) -> list[tuple[Activity, int]]:
        if squad is None:
            return []
        query = {"subdistrict": scope.subdistrict, "squad": squad, "decided_at": None}
        return await self._page(query, after, limit, 1)

    async def _page(self, query: Document, after: Mark | None, limit: int, way: int) -> list[tuple[Activity, int]]:
        beyond = "$gt" if way > 0 else "$lt"
        if after is not None:
            same = {"received_at": after.at, "_id": {beyond: after.id}}
            query = {"$and": [query, {"$or": [{"received_at": {beyond: after.at}}, same]}]}
        found = self._activities.find(query).sort([("received_at", way), ("_id", way)]).limit(limit)
        return [(ACTIVITIES.load(one), one["version"]) for one in await found.to_list(None)]
