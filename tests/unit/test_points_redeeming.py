"""Redemptions over the lane: held, handed out, cancelled, expired; stock, budget, limit and passbook always agree."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from services.points.domain import pickup
from services.points.domain.budget import HomeBudgetExhausted
from services.points.domain.ledger import Insufficient
from services.points.domain.redemption import NotOpen, Redemption, State
from services.points.domain.stock import Move, OutOfStock
from services.points.domain.taking import MonthlyLimit, TooManyGuesses
from services.points.handing_out import WrongCode
from services.points.prize_store import STORE
from services.points.stocking import Grant, KeyReused, Supply
from shared.contracts.points_adjusted import PointsAdjusted
from shared.errors import Forbidden, Invalid, NotFound
from shared.scope import Scope
from tests.support.lanes import published, running
from tests.support.memory import NOW, MemoryTransactor
from tests.support.pointing import Ledger
from tests.support.redeeming import (
    BEIDAJIE,
    NEIGHBOUR,
    STAFF,
    Counter,
    Shop,
    StubShelf,
    a_home,
    a_prize,
    a_redemption,
    later,
    shop_of,
)


@dataclass
class Trade(Counter):
    """A counter over a memory store."""

    store: MemoryTransactor = None  # type: ignore[assignment]

    @property
    def shop(self) -> Shop:
        return shop_of(self.store.documents)

    def lines(self, rider: str = "anna") -> list[tuple[str, int, int]]:
        """Kind, points, balance afterwards."""
        return [(entry.kind.value, entry.amount, entry.balance) for entry in Ledger.of(self.store).lines(rider)]

    def told(self) -> list[tuple[str, int, int]]:
        found = [message.data for _, message in published(self.store, "points-adjusted")]
        return [(data.kind, data.points, data.balance_after) for data in found if isinstance(data, PointsAdjusted)]


@pytest.fixture
async def trade() -> AsyncIterator[Trade]:
    store = MemoryTransactor()
    async with running(store) as lane:
        yield Trade(lane, store=store)
    Ledger.of(store).check()
    shop_of(store.documents).check()


async def test_a_prize_is_held_and_handed_out(trade: Trade) -> None:
    await trade.fund("anna")
    held = await trade.reserve("anna")
    assert (held.state, held.points, held.expires_at) == (State.RESERVED, 5, NOW + timedelta(hours=72))
    assert (trade.shop.stock().left, trade.shop.stock().reserved) == (0, 1)
    done = await trade.pick_up(held)
    assert done.state is State.PICKED_UP
    assert [(line.state, line.actor) for line in done.lines] == [
        (State.RESERVED, "rider:anna"),
        (State.PICKED_UP, "staff:s1"),
    ]
    assert (trade.shop.stock().picked_up, trade.shop.stock().reserved) == (1, 0)
    assert trade.lines() == [("post", 10, 10), ("reserve", 5, 5), ("pick_up", 5, 5)]
    assert trade.told() == [("redemption_reserved", -5, 5), ("redemption_picked_up", 0, 5)]
    assert [line.kind for line in trade.shop.movements()] == [Move.OPENING, Move.RESERVE, Move.PICK_UP]


async def test_scenario_37_cancelling_returns_stock_and_points_and_keeps_three_lines(trade: Trade) -> None:
    await trade.fund("anna")
    await trade.cancel(await trade.reserve("anna"))
    assert trade.lines() == [("post", 10, 10), ("reserve", 5, 5), ("cancel", 5, 10)]
    assert trade.told() == [("redemption_reserved", -5, 5), ("redemption_cancelled", 5, 10)]
    assert trade.shop.stock().left == 1
    assert [line.kind for line in trade.shop.movements()] == [Move.OPENING, Move.RESERVE, Move.RETURN]
    again = await trade.reserve("anna", "wish-2")
    assert again.state is State.RESERVED


async def test_scenario_37_the_rest_hear_out_of_stock_and_lose_nothing(trade: Trade) -> None:
    """All twenty in one batch: the lane decides one after the other, without a single conflict."""
    await trade.fund("anna", "bert")
    wishes = [trade.reserve(rider, f"wish-{number}") for number in range(10) for rider in ("anna", "bert")]
    before = trade.lane.stats.contended
    results = await asyncio.gather(*wishes, return_exceptions=True)
    won = [result for result in results if isinstance(result, Redemption)]
    assert len(won) == 1
    assert sum(isinstance(result, OutOfStock) for result in results) == 19
    assert trade.lane.stats.contended == before
    (loser,) = {"anna", "bert"} - {won[0].rider}
    assert trade.lines(loser) == [("post", 10, 10)]


async def test_the_same_wish_again_is_the_same_redemption(trade: Trade) -> None:
    await trade.fund("anna")
    first, again = await asyncio.gather(trade.reserve("anna"), trade.reserve("anna"))
    assert first == again
    assert await trade.reserve("anna") == first
    with pytest.raises(KeyReused, match="client_key"):
        await trade.reserve("anna", prize="helmet")
    assert trade.lines() == [("post", 10, 10), ("reserve", 5, 5)]


async def test_in_one_batch_it_may_be_reserved_and_cancelled(trade: Trade) -> None:
    """What a command needs follows from the id, not from a document that the batch has yet to write."""
    await trade.fund("anna")
    reserving = trade.reserving("anna")
    _, cancelled = await asyncio.gather(trade.reserve("anna"), trade.cancel(a_redemption(id=reserving.id)))
    assert cancelled.state is State.CANCELLED


async def test_too_few_points_hold_nothing(trade: Trade) -> None:
    await trade.fund("anna", points=4)
    for rider in ("anna", "nobody"):
        with pytest.raises(Insufficient):
            await trade.reserve(rider)
    assert not trade.shop.documents["stocks"]
    assert not trade.shop.redemptions()
    assert trade.lines() == [("post", 4, 4)]


async def test_after_72_hours_points_and_piece_go_back_once(trade: Trade) -> None:
    await trade.fund("anna")
    held = await trade.reserve("anna")
    trade.store.now = later(71.99)
    await trade.expire(held.id)
    assert trade.shop.redemptions()[0].state is State.RESERVED
    trade.store.now = later(72)
    await asyncio.gather(trade.expire(held.id), trade.expire(held.id), trade.expire("unknown"))
    await trade.expire(held.id)
    assert trade.lines() == [("post", 10, 10), ("reserve", 5, 5), ("expire", 5, 10)]
    assert trade.told()[-1] == ("redemption_expired", 5, 10)
    assert trade.shop.redemptions()[0].lines[-1].actor == "system:points"
    with pytest.raises(NotOpen):
        await trade.cancel(held)


async def test_what_is_due_but_not_yet_expired_is_not_handed_out(trade: Trade) -> None:
    await trade.fund("anna")
    held = await trade.reserve("anna")
    trade.store.now = trade.asked_at = later(72)
    with pytest.raises(NotOpen, match="has expired"):
        await trade.pick_up(held)


async def test_it_is_handed_out_once_however_many_try(trade: Trade) -> None:
    await trade.fund("anna")
    held = await trade.reserve("anna")
    assert held.code is not None
    tries = [trade.pick_up(held), trade.pick_up_by_code(held, held.code), trade.cancel(held), trade.pick_up(held)]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert [isinstance(result, Redemption) for result in results] == [True, False, False, False]
    assert all(isinstance(result, NotOpen) for result in results[1:])
    assert trade.lines()[-1] == ("pick_up", 5, 5)


async def test_only_the_desk_of_that_home_hands_out_and_nobody_to_himself(trade: Trade) -> None:
    await trade.fund("anna")
    held = await trade.reserve("anna")
    with pytest.raises(NotFound):
        await trade.pick_up(held, scope=NEIGHBOUR)
    with pytest.raises(NotFound):
        await trade.pick_up(held, scope=Scope("bert", "rider:bert", BEIDAJIE))
    with pytest.raises(Forbidden, match="himself"):
        await trade.pick_up(held, scope=Scope("anna", "staff:anna", BEIDAJIE, desk=True))
    with pytest.raises(Invalid, match="waits at home-a"):
        await trade.pick_up(held, home="home-b", scope=Scope("s2", "staff:s2", BEIDAJIE, desk=True))
    with pytest.raises(NotFound):
        await trade.cancel(held, Scope("bert", "rider:bert", BEIDAJIE))
    with pytest.raises(NotFound):
        await trade.cancel(held, NEIGHBOUR, "why")
    assert trade.shop.redemptions()[0].state is State.RESERVED
    cancelled = await trade.cancel(held, STAFF, "out of order")
    assert cancelled.lines[-1].reason == "out of order"


async def test_a_forged_or_old_token_opens_nothing(trade: Trade) -> None:
    await trade.fund("anna", "bert")
    trade.shelf = StubShelf(has=[a_prize(stock=2)])
    held, other = await trade.reserve("anna"), await trade.reserve("bert")
    assert other.secret is not None
    with pytest.raises(Invalid, match="not made for"):
        await trade.pick_up(held, pickup.token(held.id, other.secret, NOW))
    trade.store.now = NOW + timedelta(seconds=61)
    with pytest.raises(pickup.TokenExpired):
        await trade.pick_up(held)
    assert all(redemption.state is State.RESERVED for redemption in trade.shop.redemptions())


async def test_a_code_is_single_use_and_wrong_ones_close_the_home(trade: Trade) -> None:
    await trade.fund("anna")
    held = await trade.reserve("anna")
    assert held.code is not None
    for _ in range(10):
        await trade.lane.submit(WrongCode(STORE, "home-a"))
    with pytest.raises(TooManyGuesses):
        await trade.lane.submit(WrongCode(STORE, "home-a"))
    with pytest.raises(TooManyGuesses):
        await trade.pick_up_by_code(held, held.code)
    trade.store.now = NOW + timedelta(minutes=10)
    wrong = "00000000" if held.code != "00000000" else "00000001"
    with pytest.raises(NotFound):
        await trade.pick_up_by_code(held, wrong)
    assert (await trade.pick_up_by_code(held, held.code)).state is State.PICKED_UP
    with pytest.raises(NotOpen):
        await trade.pick_up_by_code(held, held.code)


async def test_a_home_promises_no_more_than_its_budget(trade: Trade) -> None:
    trade.shelf = StubShelf(kept=[a_home(budget=9)], has=[a_prize(stock=5)])
    await trade.fund("anna")
    held = await trade.reserve("anna")
    with pytest.raises(HomeBudgetExhausted, match="can cover 4 more"):
        await trade.reserve("anna", "wish-2")
    home = trade.shelf.kept[0]
    line = await trade.lane.submit(Grant(STORE, home, "line-1", "2026-11", 1, "商户", "加一", "staff:s1"))
    assert await trade.lane.submit(Grant(STORE, home, "line-1", "2026-11", 1, "商户", "加一", "staff:s1")) == line
    with pytest.raises(KeyReused):
        await trade.lane.submit(Grant(STORE, home, "line-1", "2026-11", 2, "商户", "加一", "staff:s1"))
    await trade.reserve("anna", "wish-2")
    with pytest.raises(Invalid, match="10 of it are used"):
        await trade.lane.submit(Grant(STORE, home, "line-2", "2026-11", -1, "", "减一", "staff:s1"))
    await trade.cancel(held)
    trade.asked_at = later(24 * 10)  # another month has another budget
    await trade.reserve("anna", "wish-3")
    assert sorted(d["_id"] for d in trade.shop.documents["budgets"]) == ["home-a|2026-11", "home-a|2026-12"]


async def test_a_rider_takes_so_many_of_a_prize_a_month(trade: Trade) -> None:
    trade.shelf = StubShelf(has=[a_prize(stock=5, limit_month=1)])
    await trade.fund("anna", "bert", points=50)
    held = await trade.reserve("anna")
    with pytest.raises(MonthlyLimit):
        await trade.reserve("anna", "wish-2")
    with pytest.raises(MonthlyLimit):  # wherever he asks
        await trade.reserve("anna", "wish-3", home="home-b")
    await trade.reserve("bert")
    await trade.cancel(held)
    await trade.reserve("anna", "wish-4")


async def test_staff_supply_and_count(trade: Trade) -> None:
    home, prize = trade.shelf.kept[0], trade.shelf.has[0]
    await trade.fund("anna", "bert")
    await trade.reserve("anna")

    async def supply(id_: str, kind: Move, pieces: int, note: str = "") -> int:
        stock, _ = await trade.lane.submit(Supply(STORE, home, prize, id_, kind, pieces, "staff:s1", note))  # type: ignore[arg-type]
        return stock.left

    with pytest.raises(OutOfStock):
        await trade.reserve("bert")
    assert await supply("a", Move.DELIVERY, 3) == 3
    assert await supply("a", Move.DELIVERY, 3) == 3  # the same one again
    with pytest.raises(KeyReused):
        await supply("a", Move.DELIVERY, 4)
    assert await supply("b", Move.COUNT, 3, "一条丢失") == 2
    with pytest.raises(Invalid, match="1 are held"):
        await supply("c", Move.COUNT, 0)
    with pytest.raises(OutOfStock):
        await supply("d", Move.DELIVERY, -3)
    await trade.reserve("bert")
    kinds = [(line.kind.value, line.pieces) for line in trade.shop.movements()]
    assert kinds == [("opening", 1), ("reserve", 1), ("delivery", 3), ("count", -1), ("reserve", 1)]
