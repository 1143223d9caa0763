"""Counting stock, redemptions and liability for the metrics, out of what is stored. One worker counts, under a lease."""

from collections import Counter
from datetime import datetime

from services.points.domain.redemption import State
from services.points.domain.stock import stock_id
from services.points.prize_metrics import PrizeMetrics
from services.points.prize_ports import Shelf
from shared.mongo.client import UTC_DATES, Database, Document


class PrizeCensus:
    """`look()` counts once; `shared.mongo.looks` repeats it."""

    def __init__(self, database: Database, shelf: Shelf, subdistricts: list[str], metrics: PrizeMetrics) -> None:
        self._database = database
        self._shelf = shelf
        self._homes = [home for code in subdistricts for home in shelf.homes(code)]
        self._metrics = metrics

    async def look(self) -> None:
        """Count everything once."""
        now: datetime = (await self._database.command("hello", codec_options=UTC_DATES))["localTime"]
        late = {"state": State.RESERVED.value, "expires_at": {"$lt": now}}
        self._metrics.overdue.set(await self._database["redemptions"].count_documents(late))
        for state in State:
            count = await self._database["redemptions"].count_documents({"state": state.value})
            self._metrics.redemptions.labels(state.value).set(count)
        await self._count_low()
        await self._count_points()

    async def _count_low(self) -> None:
        fields = {"stocked": 1, "reserved": 1, "picked_up": 1}
        stored = {stock["_id"]: stock async for stock in self._database["stocks"].find({}, fields)}
        for home in self._homes:
            low = 0
            for prize in self._shelf.prizes(home.code):
                stock = stored.get(stock_id(home.code, prize.code))
                left = _left(stock) if stock else prize.stock.get(home.code, 0)
                low += left <= prize.low
            self._metrics.low.labels(home.code).set(low)

    async def _count_points(self) -> None:
        held = await self._by("redemptions", {"state": State.RESERVED.value}, "$home", "$points")
        spent = await self._by("budgets", {}, "$home", "$spent")
        balances = await self._balances()
        for home in self._homes:
            self._metrics.redeemed.labels(home.code).set(spent[home.code])
            self._metrics.liability.labels(home.code).set(held[home.code] + balances[home.community])

    async def _by(self, collection: str, match: Document, key: str, what: str) -> Counter[str]:
        pipeline: list[Document] = [{"$match": match}, {"$group": {"_id": key, "sum": {"$sum": what}}}]
        found = await self._database[collection].aggregate(pipeline).to_list(None)
        return Counter({row["_id"]: row["sum"] for row in found})

    async def _balances(self) -> Counter[str]:
        """By community, of whoever is known to live there."""
        riders = self._database["members"].find({"role": "rider"}, {"community": 1})
        community = {rider["_id"]: rider.get("community") async for rider in riders}
        found: Counter[str] = Counter()
        async for book in self._database["passbooks"].find({"balance": {"$gt": 0}}, {"balance": 1}):
            if where := community.get(book["_id"]):
                found[where] += book["balance"]
        return found


def _left(stock: Document) -> int:
    return int(stock["stocked"] - stock["reserved"] - stock["picked_up"])
