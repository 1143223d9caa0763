"""Collections of homes, prizes and redemptions, and what people read of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from pymongo import ASCENDING, DESCENDING, IndexModel

from services.points.domain.benefit import Benefit
from services.points.domain.budget import Budget, BudgetLine
from services.points.domain.redemption import Redemption, State
from services.points.domain.shelf import Home
from services.points.domain.stock import Movement, Stock
from services.points.domain.taking import Code, Guesses, Taken
from services.points.prize_ports import Liability, Store
from shared.errors import Forbidden
from shared.mongo.client import Database, Document
from shared.mongo.indexes import Collection
from shared.mongo.records import PLAIN, Records
from shared.mongo.retention import Rule
from shared.mongo.scopes import within
from shared.mongo.timers import WAKING
from shared.pseudonym import Person
from shared.scope import Scope

STOCKS: Records[Stock] = Records("stocks", Stock)
MOVEMENTS: Records[Movement] = Records("movements", Movement)
BUDGETS: Records[Budget] = Records("budgets", Budget)
BUDGET_LINES: Records[BudgetLine] = Records("budget_lines", BudgetLine)
REDEMPTIONS: Records[Redemption] = Records("redemptions", Redemption)
TAKEN: Records[Taken] = Records("taken", Taken)
CODES: Records[Code] = Records("codes", Code)
GUESSES: Records[Guesses] = Records("guesses", Guesses)
BENEFITS: Records[Benefit] = Records("benefits", Benefit)

STORE = Store(STOCKS, MOVEMENTS, BUDGETS, BUDGET_LINES, REDEMPTIONS, TAKEN, CODES, GUESSES)

COLLECTIONS = (
    Collection("stocks", (IndexModel([("home", ASCENDING)], name="of_home"),)),
    Collection(
        "movements",
        (
            IndexModel([("stock", ASCENDING), ("number", ASCENDING)], name="of_stock", unique=True),
            IndexModel([("home", ASCENDING), ("at", ASCENDING)], name="of_home"),
        ),
    ),
    Collection("budgets", (IndexModel([("home", ASCENDING)], name="of_home"),)),
    Collection("budget_lines", (IndexModel([("home", ASCENDING), ("_id", ASCENDING)], name="of_home"),)),
    Collection(
        "redemptions",
        (
            WAKING,
            IndexModel([("rider", ASCENDING), ("reserved_at", DESCENDING)], name="of_rider"),
            IndexModel([("home", ASCENDING), ("reserved_at", DESCENDING)], name="of_home"),
            IndexModel([("state", ASCENDING), ("home", ASCENDING)], name="of_state"),
            IndexModel([("ended_at", ASCENDING)], name="ended"),
        ),
    ),
    Collection("taken", (IndexModel([("rider", ASCENDING)], name="of_rider"),)),
    Collection("codes"),
    Collection("guesses"),
    Collection(
        "benefits",
        (
            IndexModel([("rider", ASCENDING), ("given_at", DESCENDING)], name="of_rider"),
            IndexModel([("community", ASCENDING), ("given_at", DESCENDING)], name="of_community"),
        ),
    ),
)

RETENTION = (
    Rule("redemptions", "redemptions", "ended_at", 1_095),
    Rule("benefits", "benefits", "given_at", 1_825),
    Rule("prize_counters", "taken", "at", 400, named=False),
)
"""What was handed out stays as long as the accounts of a home are looked at; movements and lines name no rider."""


async def books_of(database: Database, person: Person) -> dict[str, list[str]]:
    """What must be renamed in the transaction that renames the passbook: an expiry between the two would look for the
    points under the old name."""
    return {
        "redemptions": await database["redemptions"].distinct("_id", {"rider": person.account}),
        "taken": await database["taken"].distinct("_id", {"rider": person.account}),
    }


async def export_of(database: Database, account: str, scope: Document) -> dict[str, list[Document]]:
    """What somebody is given of himself. What proves that a redemption is his is not among it."""
    own, hidden = {"rider": account, **scope}, {**PLAIN, "secret": 0, "code": 0, "fingerprint": 0}
    return {
        "redemptions": await database["redemptions"].find(own, hidden).to_list(None),
        "benefits": await database["benefits"].find(own, {**PLAIN, "fingerprint": 0}).to_list(None),
    }


class MongoPrizes:
    """See `PrizeViews`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def stocks(self, scope: Scope, homes: Sequence[str]) -> Mapping[str, Stock]:
        query = {"subdistrict": scope.subdistrict, "home": {"$in": list(homes)}}
        found = await self._database["stocks"].find(query).to_list(None)
        return {document["_id"]: STOCKS.load(document) for document in found}

    async def movements(self, scope: Scope, stock: str, after: int, limit: int) -> Sequence[Movement]:
        query = {"stock": stock, "number": {"$gt": after}, **within(scope, "community")}
        found = await self._database["movements"].find(query).sort("number", 1).limit(limit).to_list(None)
        return [MOVEMENTS.load(document) for document in found]

    async def budget(self, scope: Scope, id_: str) -> Budget | None:
        document = await self._database["budgets"].find_one({"_id": id_, **within(scope, "community")})
        return None if document is None else BUDGETS.load(document)

    async def budget_lines(self, scope: Scope, home: str, after: str, limit: int) -> Sequence[BudgetLine]:
        query = {"home": home, "_id": {"$gt": after}, **within(scope, "community")}
        found = await self._database["budget_lines"].find(query).sort("_id", 1).limit(limit).to_list(None)
        return [BUDGET_LINES.load(document) for document in found]

    async def redemption(self, scope: Scope, id_: str) -> Redemption | None:
        document = await self._database["redemptions"].find_one({"_id": id_, **_mine(scope)})
        return None if document is None else REDEMPTIONS.load(document)

    async def redemptions(
        self, scope: Scope, state: State | None, home: str | None, before: datetime | None, limit: int
    ) -> Sequence[Redemption]:
        wanted = {"state": state and state.value, "home": home, "reserved_at": before and {"$lt": before}}
        query = {**_mine(scope), **{name: value for name, value in wanted.items() if value is not None}}
        cursor = self._database["redemptions"].find(query).sort([("reserved_at", -1), ("_id", 1)]).limit(limit)
        return [REDEMPTIONS.load(document) for document in await cursor.to_list(None)]

    async def of_code(self, scope: Scope, home: str, code: str) -> str | None:
        document = await self._database["codes"].find_one({"_id": f"{home}|{code}"})
        seen = document and await self.redemption(scope, document["redemption"])
        return seen.id if seen else None

    async def liability(self, scope: Scope, home: Home, months: Sequence[tuple[datetime, datetime]]) -> Liability:
        if not scope.sees(home.subdistrict, home.community):
            raise Forbidden("this is for the home's own desk")
        riders = await self._riders(home)
        books = await self._database["passbooks"].find({"_id": {"$in": riders}}).to_list(None)
        held = {"home": home.code, "state": State.RESERVED.value}
        reserved = await self._sum("redemptions", held, "$points")
        accounts = {"account": {"$in": [book["account"] for book in books]}, "kind": "post"}
        paid = [
            await self._sum("entries", {**accounts, "at": {"$gte": since, "$lt": until}}, "$amount")
            for since, until in months
        ]
        return Liability(sum(book["balance"] for book in books), reserved, (paid[0], paid[1], paid[2]))

    async def _riders(self, home: Home) -> list[str]:
        query = {"subdistrict": home.subdistrict, "community": home.community, "role": "rider"}
        return [found["_id"] async for found in self._database["members"].find(query, {"_id": 1})]

    async def _sum(self, collection: str, query: Document, what: str) -> int:
        pipeline: list[Document] = [{"$match": query}, {"$group": {"_id": None, "sum": {"$sum": what}}}]
        found = await self._database[collection].aggregate(pipeline).to_list(None)
        return int(found[0]["sum"]) if found else 0


class MongoBenefits:
    """See `BenefitViews`."""

    def __init__(self, database: Database) -> None:
        self._benefits = database["benefits"]

    async def benefits(
        self, scope: Scope, since: datetime | None, until: datetime | None, limit: int
    ) -> Sequence[Benefit]:
        given = {op: at for op, at in (("$gte", since), ("$lt", until)) if at is not None}
        query = {**_mine(scope), **({"given_at": given} if given else {})}
        found = await self._benefits.find(query).sort([("given_at", -1), ("_id", 1)]).limit(limit).to_list(None)
        return [BENEFITS.load(document) for document in found]


def _mine(scope: Scope) -> Document:
    """A rider's own, or those at homes of the desk."""
    return within(scope, "community") if scope.desk else {"rider": scope.id}
