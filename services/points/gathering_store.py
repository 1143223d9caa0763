"""Gatherings and who was there, in MongoDB."""

from datetime import datetime

from pymongo import ASCENDING, DESCENDING, IndexModel

from services.points.domain.checkin import Checkin, checkin_id
from services.points.domain.gathering import Gathering
from shared.mongo.client import Database, Document
from shared.mongo.indexes import Collection
from shared.mongo.records import Records
from shared.mongo.retention import Rule
from shared.mongo.scopes import within
from shared.scope import Scope

GATHERINGS: Records[Gathering] = Records("gatherings", Gathering)
CHECKINS: Records[Checkin] = Records("checkins", Checkin)

COLLECTIONS = (
    Collection(
        "gatherings",
        (IndexModel([("subdistrict", ASCENDING), ("agenda.starts_at", DESCENDING)], name="of_subdistrict"),),
    ),
    Collection(
        "checkins",
        (
            IndexModel([("gathering", ASCENDING), ("at", ASCENDING)], name="of_gathering"),
            IndexModel([("rider", ASCENDING)], name="of_rider"),
        ),
    ),
)
RETENTION = (
    Rule("gatherings", "gatherings", "agenda.ends_at", 730),
    Rule("checkins", "checkins", "received_at", 730, named=False),
)
"""That somebody was paid for having been there stays in the ledger, which is also what hinders paying again."""

_COMMUNITY = "agenda.community"


class MongoGatherings:
    """See `GatheringViews`."""

    def __init__(self, database: Database) -> None:
        self._gatherings = database["gatherings"]
        self._checkins = database["checkins"]

    async def gathering(self, scope: Scope, id_: str) -> tuple[Gathering, int] | None:
        found = await self._gatherings.find_one({"_id": id_, **within(scope, _COMMUNITY)})
        return None if found is None else (GATHERINGS.load(found), found["version"])

    async def of_desk(self, scope: Scope, limit: int) -> list[tuple[Gathering, int]]:
        return await self._read(within(scope, _COMMUNITY), -1, limit)

    async def coming(
        self, scope: Scope, squad: str | None, since: datetime, limit: int
    ) -> list[tuple[Gathering, int, Checkin | None]]:
        welcome: list[Document] = [{"agenda.invited": scope.id}, {"agenda.invited": [], "agenda.squads": []}]
        if squad is not None:
            welcome.append({"agenda.squads": squad})
        query = {"subdistrict": scope.subdistrict, "agenda.ends_at": {"$gt": since}, "$or": welcome}
        found = await self._read(query, 1, limit)
        ids = [checkin_id(gathering.id, scope.id) for gathering, _ in found]
        there = {one["gathering"]: CHECKINS.load(one) async for one in self._checkins.find({"_id": {"$in": ids}})}
        return [(gathering, version, there.get(gathering.id)) for gathering, version in found]

    async def checkins(self, scope: Scope, gathering: str) -> list[Checkin]:
        query = {"gathering": gathering, "subdistrict": scope.subdistrict}
        return [CHECKINS.load(one) for one in await self._checkins.find(query).sort("at", 1).to_list(None)]

    async def _read(self, query: Document, way: int, limit: int) -> list[tuple[Gathering, int]]:
        found = self._gatherings.find(query).sort([("agenda.starts_at", way), ("_id", 1)]).limit(limit)
        return [(GATHERINGS.load(one), one["version"]) for one in await found.to_list(None)]
