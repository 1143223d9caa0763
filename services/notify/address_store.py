"""Accounts as notify knows them, what they prefer, and where they can be reached."""

from pymongo import ASCENDING, IndexModel

from services.notify.domain.member import Member
from services.notify.domain.preferences import Contacts, Preferences
from shared.mongo.client import Database
from shared.mongo.indexes import Collection
from shared.mongo.person import remove_own
from shared.mongo.records import Records
from shared.scope import Scope

MEMBERS: Records[Member] = Records("members", Member)
PREFERENCES: Records[Preferences] = Records("preferences", Preferences)
CONTACTS: Records[Contacts] = Records("contacts", Contacts)

COLLECTIONS = (
    Collection(
        "members",
        (
            IndexModel([("subdistrict", ASCENDING), ("community", ASCENDING)], name="of_community"),
            IndexModel([("subdistrict", ASCENDING), ("squad", ASCENDING)], name="of_squad"),
        ),
    ),
    Collection("preferences"),
    Collection("contacts"),
)
TREATMENTS = {name: remove_own("_id") for name in ("members", "preferences", "contacts")}


class MongoAddresses:
    """See `Addresses`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def own(self, scope: Scope) -> tuple[Preferences | None, Contacts | None]:
        """See `Choices`."""
        preferences, contacts, _ = await self.of(scope.id)
        return preferences, contacts

    async def of(self, account: str) -> tuple[Preferences | None, Contacts | None, str | None]:
        preferences = await self._database["preferences"].find_one({"_id": account})
        contacts = await self._database["contacts"].find_one({"_id": account})
        member = await self._database["members"].find_one({"_id": account}, {"community": 1})
        return (
            PREFERENCES.load(preferences) if preferences else None,
            CONTACTS.load(contacts) if contacts else None,
            member["community"] if member else None,
        )
