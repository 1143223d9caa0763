"""Homes, prizes and redemptions over any lane: a small shelf, riders with points, and what the books say afterwards."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter

from services.points import benefits_api, homes_api, papers_api, redemptions_api, reports_api, stock_api
from services.points.benefits_api import BenefitDesk
from services.points.booking import Ledger
from services.points.domain import pickup
from services.points.domain.benefit import For
from services.points.domain.entry import Grounds, Kind, Step
from services.points.domain.keys import activity_key
from services.points.domain.paper import Paper
from services.points.domain.redemption import HELD, Line, Redemption, State
from services.points.domain.shelf import Home, Prize, Words
from services.points.domain.stock import Movement, Stock
from services.points.giving import Gift, Give
from services.points.handing_out import Cancel, End, Expire, PickUp
from services.points.homes_api import Hall
from services.points.member_store import MEMBERS
from services.points.paper_store import MongoPapers
from services.points.presses import PaperDesk
from services.points.prize_store import (
    BENEFITS,
    BUDGETS,
    MOVEMENTS,
    REDEMPTIONS,
    STOCKS,
    STORE,
    MongoBenefits,
    MongoPrizes,
)
from services.points.redeeming import Reserve, redemption_id
from services.points.redemptions_api import RedemptionDesk
from services.points.stock_api import StockDesk
from services.points.store import BOOKS
from services.points.writing import post_refs, write
from shared.clock import system_clock
from shared.context import Context
from shared.errors import Invalid, NotFound
from shared.ids import new_id
from shared.mongo.client import Database
from shared.mongo.lane import Lane
from shared.mongo.work import Ref, Work
from shared.scope import Scope
from tests.support.memory import NOW

BEIDAJIE = "140302003"
HERE, NEXT = f"{BEIDAJIE}005", f"{BEIDAJIE}006"
NOON = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
STAFF = Scope("s1", "staff:s1", BEIDAJIE, desk=True, communities=(HERE,))
NEIGHBOUR = Scope("s3", "staff:s3", BEIDAJIE, desk=True, communities=(NEXT,))
LEDGER = Ledger(BOOKS, "2026-1", "ref-1", new_id)


def a_home(code: str = "home-a", community: str = HERE, **changes: Any) -> Home:
    """A home with a budget of 600 points a month."""
    made = Home(
        code=code,
        subdistrict=BEIDAJIE,
        community=community,
        name=Words("示例之家", "Sample home"),
        lng=113.58,
        lat=37.857,
        hours="08:00-20:00",
        haves=("sign",),
        basics=("water",),
        missing=("training",),
        individual={"gifts": Words("礼物", "gifts")},
        sponsors=(Words("爱心商户", "Sponsor"),),
        budget=600,
        budget_period="month",
    )
    return replace(made, **changes)


def a_prize(code: str = "towel", points: int = 5, stock: int = 1, **changes: Any) -> Prize:
    """So many of it at each home."""
    pieces = {"home-a": stock, "home-b": stock}
    return replace(Prize(code, Words("毛巾", "Towel"), points, None, None, 1, pieces), **changes)


@dataclass
class StubShelf:
    """Two homes, one here and one next door, with the same prizes."""

    kept: Sequence[Home] = field(default_factory=lambda: [a_home(), a_home("home-b", NEXT)])
    has: Sequence[Prize] = field(default_factory=lambda: [a_prize(), a_prize("helmet", 60)])
    version: str = "ref-1"
    rule_version: str = "2026-1"

    def homes(self, subdistrict: str) -> Sequence[Home]:
        return [home for home in self.kept if home.subdistrict == subdistrict]

    def home(self, subdistrict: str, code: str) -> Home:
        for home in self.homes(subdistrict):
            if home.code == code:
                return home
        raise NotFound("there is no such home for you")

    def prizes(self, home: str) -> Sequence[Prize]:
        return [prize for prize in self.has if home in prize.stock]

    def prize(self, home: str, code: str) -> Prize:
        for prize in self.prizes(home):
            if prize.code == code:
                return prize
        raise Invalid.field("prize", "this home has no such prize")

    def home_name(self, code: str) -> Words:
        return Words(code, code)

    def prize_name(self, code: str) -> Words:
        return Words(code, code)

    def zone(self, subdistrict: str) -> ZoneInfo:
        return ZoneInfo("Asia/Shanghai")


def a_redemption(**changes: Any) -> Redemption:
    """Anna's towel, reserved at `NOON`."""
    made = Redemption(
        id="red",
        subdistrict=BEIDAJIE,
        community=HERE,
        rider="anna",
        home="home-a",
        prize="towel",
        points=5,
        fingerprint="f",
        period="2026-11",
        month="2026-11",
        reference_version="ref-1",
        state=State.RESERVED,
        reserved_at=NOON,
        expires_at=NOON + HELD,
        wake_at=NOON + HELD,
        secret="secret",
        code="12345678",
        lines=(Line(State.RESERVED, NOON, "rider:anna"),),
    )
    return replace(made, **changes)


@dataclass(frozen=True)
class Fund:
    """Points for something that was approved."""

    rider: str
    points: int
    about: str

    def reads(self) -> Iterable[Ref]:
        return post_refs(BOOKS, self.rider, [activity_key(self.about, self.rider)])

    def decide(self, work: Work) -> None:
        step = Step(self.rider, Kind.POST, "help", self.points, "approved", "", work.now)
        grounds = Grounds(BEIDAJIE, "", "help", "2026-1", "ref-1", "event", "staff:s9", self.about)
        write(work, BOOKS, step, grounds, Context("staff:s9", "story-1"), new_id)


@dataclass
class Counter:
    """What riders and desks do, over a lane. `asked_at` is the clock of the api."""

    lane: Lane
    shelf: StubShelf = field(default_factory=StubShelf)
    asked_at: datetime = NOW

    async def fund(self, *riders: str, points: int = 10, about: str = "act") -> None:
        for rider in riders:
            await self.lane.submit(Fund(rider, points, about), seconds=30)

    def reserving(self, rider: str, key: str = "wish-1", prize: str = "towel", home: str = "home-a") -> Reserve:
        scope = Scope(rider, f"rider:{rider}", BEIDAJIE)
        at = self.shelf.home(BEIDAJIE, home)
        id_ = redemption_id(rider, key)
        context = Context(scope.actor, "story-1")
        return Reserve(
            STORE,
            LEDGER,
            self.shelf,
            at,
            self.shelf.prize(home, prize),
            id_,
            f"{home}/{prize}",
            f"secret-of-{id_}",
            self.asked_at,
            scope,
            context,
        )

    async def reserve(self, rider: str, key: str = "wish-1", prize: str = "towel", home: str = "home-a") -> Redemption:
        return await self.lane.submit(self.reserving(rider, key, prize, home), seconds=60)

    async def pick_up(
        self, held: Redemption, proof: str | None = None, home: str | None = None, scope: Scope = STAFF
    ) -> Redemption:
        """Shown a fresh token, unless a code or token is given."""
        assert held.secret is not None
        shown = pickup.read_token(proof or pickup.token(held.id, held.secret, self.asked_at))
        return await self.lane.submit(PickUp(ending(held.id, scope.actor), shown, home, scope), seconds=60)

    async def pick_up_by_code(self, held: Redemption, code: str, home: str = "home-a") -> Redemption:
        return await self.lane.submit(PickUp(ending(held.id, STAFF.actor), code, home, STAFF), seconds=60)

    async def cancel(self, held: Redemption, scope: Scope | None = None, reason: str = "") -> Redemption:
        by = scope or Scope(held.rider, f"rider:{held.rider}", BEIDAJIE)
        return await self.lane.submit(Cancel(ending(held.id, by.actor), reason, by), seconds=60)

    async def expire(self, id_: str) -> None:
        await self.lane.submit(Expire(ending(id_, "system:points")), seconds=60)


class StubPress:
    """Prints the words alone, on any machine."""

    async def pdf(self, paper: Paper) -> bytes:
        return "\n".join(("%PDF", *paper.texts())).encode()


def routers(
    database: Database, lane: Lane, shelf: StubShelf | None = None, *, rankings: bool = False
) -> list[APIRouter]:
    """All routes about homes, prizes, redemptions, benefits and papers."""
    shelf, views = shelf or StubShelf(), MongoPrizes(database)
    office = {BEIDAJIE: Words("北大街街道", "Beidajie"), "140302004": Words("邻街道", "Elsewhere")}
    papers = PaperDesk(MongoPapers(database), shelf, StubPress(), office, rankings, system_clock)
    return [
        papers_api.router(papers),
        reports_api.router(papers),
        homes_api.router(Hall(shelf, views, system_clock)),
        stock_api.router(StockDesk(lane, STORE, shelf, views)),
        redemptions_api.router(RedemptionDesk(lane, STORE, LEDGER, shelf, views, system_clock, lambda: "secret")),
        benefits_api.router(BenefitDesk(lane, BENEFITS, MEMBERS, shelf, MongoBenefits(database))),
    ]


async def tell(lane: Lane, rider: str) -> None:
    """The rider, an account that points knows, has a towel held at the home here, and was given an insurance there."""
    counter = Counter(lane, StubShelf(has=[a_prize(stock=50), a_prize("helmet", 60)]), system_clock())
    await counter.fund(rider, points=50)
    await counter.reserve(rider)
    gift = Gift(a_home(), "insurance", "大病保险", "insurance", NOON - timedelta(days=500), For())
    await lane.submit(Give(BENEFITS, MEMBERS, gift, (rider,), "paper-0001", "f", STAFF))


def ending(id_: str, actor: str) -> End:
    return End(STORE, LEDGER, id_, Context(actor, "story-1"))


def later(hours: float) -> datetime:
    """So long after the memory store's clock."""
    return NOW + timedelta(hours=hours)


@dataclass(frozen=True)
class Shop:
    """Everything kept of homes and prizes at one moment, by collection."""

    documents: dict[str, list[dict[str, Any]]]

    def stock(self, home: str = "home-a", prize: str = "towel") -> Stock:
        return next(STOCKS.load(d) for d in self.documents["stocks"] if (d["home"], d["prize"]) == (home, prize))

    def redemptions(self) -> list[Redemption]:
        return [REDEMPTIONS.load(document) for document in self.documents["redemptions"]]

    def movements(self) -> list[Movement]:
        return sorted((MOVEMENTS.load(d) for d in self.documents["movements"]), key=lambda m: (m.stock, m.number))

    def check(self) -> None:
        """What must hold at every moment: stocks and budgets are what redemptions and lines say."""
        redemptions = self.redemptions()
        for stock in (STOCKS.load(document) for document in self.documents["stocks"]):
            own = [r for r in redemptions if (r.home, r.prize) == (stock.home, stock.prize)]
            assert stock.reserved == sum(r.state is State.RESERVED for r in own)
            assert stock.picked_up == sum(r.state is State.PICKED_UP for r in own)
            assert min(stock.left, stock.reserved, stock.picked_up) >= 0
            numbers = [line.number for line in self.movements() if line.stock == stock.id]
            assert numbers == list(range(1, stock.moves + 1))
        for budget in (BUDGETS.load(document) for document in self.documents["budgets"]):
            own = [r for r in redemptions if (r.home, r.period) == (budget.home, budget.period)]
            assert budget.held == sum(r.points for r in own if r.state is State.RESERVED)
            assert budget.spent == sum(r.points for r in own if r.state is State.PICKED_UP)
        open_ = [redemption for redemption in redemptions if redemption.state is State.RESERVED]
        assert {document["redemption"] for document in self.documents["codes"]} == {r.id for r in open_}
        for redemption in redemptions:
            assert (redemption.wake_at is None) == (redemption.state is not State.RESERVED)


KEPT = ("stocks", "movements", "budgets", "redemptions", "codes", "taken")


def shop_of(documents: dict[Ref, dict[str, Any]]) -> Shop:
    """What a memory store holds."""
    return Shop({name: [d for ref, d in documents.items() if ref.collection == name] for name in KEPT})


async def shop_in(database: Any) -> Shop:
    """What a MongoDB holds."""
    return Shop({name: await database[name].find().to_list(None) for name in KEPT})
