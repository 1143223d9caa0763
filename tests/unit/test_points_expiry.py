"""Points grow old only where the rules say so, the oldest being spent first, once a month and rider."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from services.points.domain.entry import Kind
from services.points.domain.growing_old import earned_since, grown_old
from services.points.expiring import GrowOld
from services.points.store import BOOKS
from shared.context import Context
from shared.ids import new_id
from shared.mongo.lane import Lane
from tests.support.lanes import running
from tests.support.memory import MemoryTransactor
from tests.support.pointing import Ledger
from tests.support.redeeming import Counter, StubShelf, a_prize

OLD, CUTOFF, NEW = (datetime(2026, month, 1, 3, tzinfo=UTC) for month in (1, 2, 3))


@pytest.fixture
def store() -> MemoryTransactor:
    return MemoryTransactor()


@pytest.fixture
async def lane(store: MemoryTransactor) -> AsyncIterator[Lane]:
    async with running(store) as lane:
        yield lane
    Ledger.of(store).check()


async def grow_old(lane: Lane, store: MemoryTransactor, seen: int | None = None, period: str = "2026-01") -> int:
    lines = Ledger.of(store).lines("anna")
    earned = earned_since(lines, CUTOFF)
    context = Context("system:points", "story-3")
    entries = len(lines) if seen is None else seen
    entry = await lane.submit(GrowOld(BOOKS, "anna", period, entries, earned, "2026-1", "ref-1", context, new_id))
    return entry.amount if entry else 0


async def fund(lane: Lane, store: MemoryTransactor, at: datetime, points: int) -> None:
    store.now = at
    await Counter(lane).fund("anna", points=points, about=f"act-{at:%m}-{points}")


async def test_what_is_left_of_old_points_expires_once(lane: Lane, store: MemoryTransactor) -> None:
    await fund(lane, store, OLD, 7)
    await fund(lane, store, NEW, 4)
    assert await grow_old(lane, store) == 7
    line = Ledger.of(store).lines("anna")[-1]
    assert (line.id, line.kind, line.about, line.balance) == ("expiry:2026-01:anna", Kind.EXPIRY, "2026-01", 4)
    assert await grow_old(lane, store) == 0
    assert await grow_old(lane, store, period="2026-02") == 0, "what is new is left alone"
    assert Ledger.of(store).balances() == {"anna": (4, 0)}


async def test_the_oldest_points_are_spent_first(lane: Lane, store: MemoryTransactor) -> None:
    await fund(lane, store, OLD, 7)
    await fund(lane, store, NEW, 4)
    desk = Counter(lane, StubShelf(has=[a_prize(points=5, stock=3)]))
    held = await desk.reserve("anna")
    assert await grow_old(lane, store) == 2
    await desk.cancel(held)
    assert await grow_old(lane, store, period="2026-02") == 5, "what came back is as old as it was"


async def test_a_passbook_that_moved_meanwhile_is_counted_again_another_night(
    lane: Lane, store: MemoryTransactor
) -> None:
    await fund(lane, store, OLD, 7)
    await fund(lane, store, NEW, 4)
    assert await grow_old(lane, store, seen=1) == 0
    assert Ledger.of(store).balances() == {"anna": (11, 0)}


def test_nothing_below_zero_grows_old() -> None:
    assert (grown_old(3, 5), grown_old(5, 3), grown_old(5, -2)) == (0, 2, 5)
