"""People as people look at them, who is being forgotten, and the rounds of visits that run where they are."""

from datetime import datetime
from typing import Any

from pymongo import ASCENDING

from services.intake.domain.account import LOGS_IN, Account, Login, Role, login_key
from services.intake.domain.campaign import Campaign
from services.intake.domain.forgetting import Forgetting, forgetting_of
from services.intake.domain.session import Session, is_open
from services.intake.domain.sight import Sight
from services.intake.ports import Listing
from services.intake.store import ACCOUNTS, CAMPAIGNS, SESSIONS
from shared.mongo.client import Database, Document
from shared.mongo.person import FORGETTINGS
from shared.scope import Scope


class MongoForgettings:
    """See `Forgettings`."""

    def __init__(self, database: Database) -> None:
        self._forgettings = database[FORGETTINGS]

    async def find(self, scope: Scope, pseudonym: str) -> Forgetting | None:
        document = await self._forgettings.find_one({"_id": pseudonym, "subdistrict": scope.subdistrict})
        return None if document is None else forgetting_of(document)


class MongoPeople:
    """See `People`. What the caller may see is part of every query."""

    def __init__(self, database: Database) -> None:
        self._accounts = database["accounts"]
        self._keys = database["account_keys"]
        self._sessions = database["sessions"]

    async def seen(self, sight: Sight, ids: list[str]) -> list[Account]:
        query = {"$and": [_in_sight(sight), {"_id": {"$in": ids}}]}
        return [ACCOUNTS.load(document) for document in await self._accounts.find(query).to_list(None)]

    async def listed(self, sight: Sight, listing: Listing) -> list[tuple[Account, int]]:
        named = {"role": listing.role, "status": listing.status, "squad": listing.squad}
        narrowed = {field: value for field, value in named.items() if value is not None}
        query = {"$and": [_in_sight(sight), {**narrowed, "_id": {"$gt": listing.after}}]}
        page = self._accounts.find(query).sort("_id", ASCENDING).limit(listing.limit)
        return [(ACCOUNTS.load(document), document["version"]) for document in await page.to_list(None)]

    async def me(self, scope: Scope) -> tuple[Account, int] | None:
        document = await self._accounts.find_one({"_id": scope.id})
        return None if document is None else (ACCOUNTS.load(document), document["version"])

    async def of_login(self, login: Login) -> str | None:
        row = await self._keys.find_one({"_id": login_key(login)})
        return None if row is None else str(row["account"])

    async def sessions(self, scope: Scope, now: datetime) -> list[Session]:
        query = {"account": scope.id, "ended_at": None}
        found = [SESSIONS.load(document) for document in await self._sessions.find(query).to_list(None)]
        return sorted((one for one in found if is_open(one, now)), key=lambda one: one.refreshed_at, reverse=True)

    async def named(self, subdistrict: str, role: Role, name: str) -> Account | None:
        query = {"subdistrict": subdistrict, "role": role, "name": name, "status": {"$in": sorted(LOGS_IN)}}
        document = await self._accounts.find_one(query)
        return None if document is None else ACCOUNTS.load(document)


def _in_sight(sight: Sight) -> dict[str, Any]:
    """The filter that says the same as `domain.sight.sees`."""
    others: dict[str, Any] = {"subdistrict": sight.subdistrict}
    if sight.squad is not None:
        others |= {"squad": sight.squad, "role": "rider"}
    if sight.communities:
        places = {"$in": list(sight.communities)}
        others["$or"] = [{"community": places}, {"communities": places}]
    own = {"_id": sight.id}
    return {"status": {"$ne": "forgotten"}, "$or": [own, others] if sight.others else [own]}


class MongoCampaigns:
    """See `CampaignViews`."""

    def __init__(self, database: Database) -> None:
        self._campaigns = database["campaigns"]
        self._accounts = database["accounts"]

    async def running(self, scope: Scope, now: datetime) -> list[Campaign]:
        query: Document = {"subdistrict": scope.subdistrict, "closed_at": None}
        query |= {"starts_at": {"$lte": now}, "ends_at": {"$gt": now}}
        places = scope.communities if scope.desk else await self._home(scope)
        if places or not scope.desk:
            query["communities"] = {"$in": [*places, []]}  # an empty list: the whole sub-district's
        found = await self._campaigns.find(query).sort([("ends_at", ASCENDING), ("_id", ASCENDING)]).to_list(None)
        return [CAMPAIGNS.load(document) for document in found]

    async def _home(self, scope: Scope) -> list[str]:
        account = await self._accounts.find_one({"_id": scope.id}, {"community": 1})
        return [account["community"]] if account and account["community"] else []
