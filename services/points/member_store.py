"""What points keeps of accounts."""

from pymongo import ASCENDING, IndexModel

from services.points.domain.member import Member
from shared.mongo.client import Database, Document
from shared.mongo.indexes import Collection
from shared.mongo.person import remove_own
from shared.mongo.records import PLAIN, Records
from shared.scope import Scope

MEMBERS: Records[Member] = Records("members", Member)

COLLECTIONS = (
    Collection(
        "members", (IndexModel([("subdistrict", ASCENDING), ("squad", ASCENDING)], name="of_squad", sparse=True),)
    ),
)
TREATMENTS = {"members": remove_own("_id")}


class MongoMembers:
    """Riders by squad, within the scope of whoever asks."""

    def __init__(self, database: Database) -> None:
        self._members = database["members"]

    async def of_squads(self, scope: Scope, squads: list[str]) -> list[Member]:
        """The riders of these squads of the sub-district who have not left."""
        query: Document = {"subdistrict": scope.subdistrict, "squad": {"$in": squads}, "role": "rider"}
        query["status"] = {"$in": ["trainee", "active"]}
        return [MEMBERS.load(found) for found in await self._members.find(query, PLAIN).sort("_id", 1).to_list(None)]
