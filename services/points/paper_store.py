"""What is read for statements and reports: sums and lines, never what is out of the caller's scope."""

from collections.abc import Sequence
from datetime import datetime

from services.points.domain.entry import Entry, Kind
from services.points.domain.redemption import State
from services.points.domain.shelf import Home
from services.points.domain.statement import Earned, HandedOut, HomeMonth, MonthReport, Statement, StockMonth
from services.points.domain.stock import Move, Movement
from shared.errors import Forbidden
from shared.mongo.client import Database, Document
from shared.mongo.records import Records
from shared.scope import Scope

ENTRIES: Records[Entry] = Records("entries", Entry)
MOVEMENTS: Records[Movement] = Records("movements", Movement)


class MongoPapers:
    """See `PaperViews`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def statement(
        self, scope: Scope, rider: str, month: str, since: datetime, until: datetime
    ) -> Statement | None:
        book = await self._book(scope, rider)
        if book is None:
            return Statement(rider, month, None, ()) if rider == scope.id else None
        of_book, entries = {"account": book["account"]}, self._database["entries"]
        before = await entries.find_one({**of_book, "at": {"$lt": since}}, sort=[("number", -1)])
        found = await entries.find({**of_book, "at": _within(since, until)}).sort("number", 1).to_list(None)
        lines = [ENTRIES.load(document) for document in found]
        return Statement(rider, month, ENTRIES.load(before) if before else None, lines)

    async def home_month(self, scope: Scope, home: Home, month: str, since: datetime, until: datetime) -> HomeMonth:
        _of_desk(scope, home)
        query = {"home": home.code, "at": {"$lt": until}}
        found = await self._database["movements"].find(query).sort([("stock", 1), ("number", 1)]).to_list(None)
        moves: dict[str, list[Movement]] = {}
        for move in map(MOVEMENTS.load, found):
            moves.setdefault(move.prize, []).append(move)
        stocks = [_stock_month(prize, own, since) for prize, own in sorted(moves.items())]
        out = {"home": home.code, "state": State.PICKED_UP.value, "ended_at": _within(since, until)}
        picked = await self._database["redemptions"].find(out).sort("ended_at", 1).to_list(None)
        handed = [HandedOut(one["_id"], one["prize"], one["points"], one["ended_at"]) for one in picked]
        return HomeMonth(home.code, month, stocks, handed)

    async def report(self, scope: Scope, month: str, since: datetime, until: datetime) -> MonthReport:
        if not scope.desk:
            raise Forbidden("this is for the desks")
        here, when = {"subdistrict": scope.subdistrict}, _within(since, until)
        posts = {**here, "kind": Kind.POST.value, "amount": {"$gt": 0}, "at": when}
        taken = await self._sums("entries", {**here, "kind": Kind.REVERSAL.value, "at": when}, "$kind", "$amount")
        ended = await self._sums("redemptions", {**here, "ended_at": when}, "$state", "$points")
        picked = {**here, "state": State.PICKED_UP.value, "ended_at": when}
        given = {**here, "revoked_at": None, "given_at": when}
        return MonthReport(
            subdistrict=scope.subdistrict,
            month=month,
            riders=len(await self._database["entries"].distinct("account", posts)),
            awards=await self._sums("entries", posts, "$activity", "$amount"),
            taken_back=sum(one.points for one in taken),
            redemptions=ended,
            homes=await self._sums("redemptions", picked, "$home", "$points"),
            benefits=await self._sums("benefits", given, "$sort", 0),
        )

    async def by_activity(self, scope: Scope, rider: str, since: datetime, until: datetime) -> Sequence[Earned] | None:
        book = await self._book(scope, rider)
        if book is None:
            return None
        posts = {"account": book["account"], "kind": Kind.POST.value, "amount": {"$gt": 0}}
        return await self._sums("entries", {**posts, "captured_at": _within(since, until)}, "$activity", "$amount")

    async def by_rider(self, scope: Scope, since: datetime, until: datetime) -> Sequence[Earned]:
        if not scope.desk:
            raise Forbidden("this is for the desks")
        members: Document = {"subdistrict": scope.subdistrict, "role": "rider"}
        if scope.communities:
            members["community"] = {"$in": list(scope.communities)}
        return await self._of_members(members, since, until)

    async def of_squad(self, scope: Scope, since: datetime, until: datetime) -> Sequence[Earned]:
        own = await self._database["members"].find_one({"_id": scope.id, "subdistrict": scope.subdistrict})
        if own is None or not own.get("squad"):
            return []
        mates = {"subdistrict": scope.subdistrict, "squad": own["squad"], "role": "rider", "status": "active"}
        return await self._of_members(mates, since, until)

    async def _of_members(self, members: Document, since: datetime, until: datetime) -> list[Earned]:
        """Riders who were awarded something, by id."""
        riders = await self._database["members"].distinct("_id", members)
        books = await self._database["passbooks"].find({"_id": {"$in": riders}}, {"account": 1}).to_list(None)
        rider_of = {book["account"]: book["_id"] for book in books}
        posts = {"account": {"$in": list(rider_of)}, "kind": Kind.POST.value, "amount": {"$gt": 0}}
        sums = await self._sums("entries", {**posts, "at": _within(since, until)}, "$account", "$amount")
        return sorted((Earned(rider_of[one.key], one.points, one.count) for one in sums), key=lambda one: one.key)

    async def _book(self, scope: Scope, rider: str) -> Document | None:
        """As `MongoViews.passbook`: his own, or one of the desk's sub-district."""
        own: Document = {"_id": {"$eq": rider, "$in": [scope.id]}}
        query = {"_id": rider, "subdistrict": scope.subdistrict} if scope.desk else own
        found: Document | None = await self._database["passbooks"].find_one(query)
        return found

    async def _sums(self, collection: str, match: Document, key: str, what: str | int) -> list[Earned]:
        group = {"_id": key, "points": {"$sum": what}, "count": {"$sum": 1}}
        pipeline: list[Document] = [{"$match": match}, {"$group": group}, {"$sort": {"_id": 1}}]
        found = await self._database[collection].aggregate(pipeline).to_list(None)
        return [Earned(str(row["_id"]), row["points"], row["count"]) for row in found]


def _within(since: datetime, until: datetime) -> Document:
    return {"$gte": since, "$lt": until}


def _of_desk(scope: Scope, home: Home) -> None:
    if not scope.sees(home.subdistrict, home.community):
        raise Forbidden("this is for the home's own desk")


def _stock_month(prize: str, moves: Sequence[Movement], since: datetime) -> StockMonth:
    """`moves` are all of one prize up to the end of the month; what a home began with is its opening, whenever that was."""
    before = [move for move in moves if move.at < since or move.kind is Move.OPENING]
    month = [move for move in moves if move.at >= since]

    def sum_of(kind: Move) -> int:
        return sum(move.pieces for move in month if move.kind is kind)

    last = moves[-1]
    return StockMonth(
        prize=prize,
        opening=before[-1].stocked - before[-1].picked_up if before else 0,
        delivered=sum_of(Move.DELIVERY),
        counted=sum_of(Move.COUNT),
        picked_up=sum_of(Move.PICK_UP),
        closing=last.stocked - last.picked_up,
    )
