"""Rule 4 over reversals and redemptions: clean, and each broken on purpose."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ops.check.ledger_rules import ledger
from ops.check.resolution_rules import resolutions
from ops.check.snapshot import RETAINED, Snapshot
from services.points.domain.entry import Kind
from services.points.domain.redemption import State
from services.points.domain.steps import award, reserve, reversal
from tests.support.lanes import running
from tests.support.memory import MemoryTransactor
from tests.support.modelling import NOW
from tests.support.pointing import NINE, Ledger
from tests.support.redeeming import Counter, StubShelf, a_prize, shop_of
from tests.unit.test_points_kinds import GROUNDS, HAZARD, PAID, PRIZE, Book, end

LATER = NOW + RETAINED + timedelta(days=400)
"""So late that no event need be there any more."""


def books() -> Snapshot:
    """anna was paid 30, had a prize, another one is held for her, and 3 points were taken back."""
    book = Book()
    book.add(replace(PAID, points=30), HAZARD)
    one = book.add(reserve("anna", 8, NINE), PRIZE)
    book.add(end(one, Kind.PICK_UP, "home-1"), PRIZE)
    book.add(reserve("anna", 8, NINE), replace(PRIZE, about="red-2"))
    helped = book.add(award("anna", "help", 3, "approved", NINE), GROUNDS)
    book.add(award("anna", "help", 3, "approved", NINE), replace(GROUNDS, about="act-2"))
    book.add(reversal("anna", helped, "mistake", NINE), GROUNDS)
    return Snapshot(LATER, passbooks=(book.book,), entries=tuple(book.entries))


async def shop() -> Snapshot:
    """Real redemptions: one picked up, one cancelled, one held, by way of the handlers."""
    store = MemoryTransactor()
    async with running(store) as lane:
        desk = Counter(lane, StubShelf(has=[a_prize(stock=5)]))
        await desk.fund("anna", points=30)
        made = [await desk.reserve("anna", f"wish-{number}") for number in range(3)]
        await desk.pick_up(made[0])
        await desk.cancel(made[1])
    kept, ledger = shop_of(store.documents), Ledger.of(store)
    return Snapshot(
        LATER,
        passbooks=tuple(ledger.passbooks.values()),
        entries=tuple(ledger.entries),
        redemptions=tuple(sorted(kept.redemptions(), key=lambda one: one.state)),
        stocks=(kept.stock(),),
        movements=tuple(kept.movements()),
    )


def told(snapshot: Snapshot) -> list[str]:
    return ledger(snapshot)[1]


def test_a_clean_book_has_nothing_but_a_prize_that_nobody_knows() -> None:
    assert told(books()) == ["redemption red-2: is in the ledger and nowhere else"]
    assert [line for line in resolutions(books())[1] if "act-" in line or "incident :" in line] == []


async def test_a_clean_shop_has_nothing() -> None:
    clean = await shop()
    assert [one.state.value for one in clean.redemptions] == ["cancelled", "picked_up", "reserved"]
    assert told(clean) == []
    young = replace(clean, taken_at=NOW + timedelta(days=1))
    assert told(replace(clean, redemptions=clean.redemptions[2:])) == []
    gone = [line for line in told(replace(young, redemptions=young.redemptions[2:])) if "nowhere else" in line]
    assert len(gone) == 2


def with_line(of: int, **changes: Any) -> Callable[[Snapshot], Snapshot]:
    def corrupt(clean: Snapshot) -> Snapshot:
        lines = list(clean.entries)
        lines[of - 1] = replace(lines[of - 1], **changes)
        return replace(clean, entries=tuple(lines))

    return corrupt


def with_stock(**changes: Any) -> Callable[[Snapshot], Snapshot]:
    return lambda clean: replace(clean, stocks=(replace(clean.stocks[0], **changes),))


def with_state(clean: Snapshot) -> Snapshot:
    return replace(clean, redemptions=(replace(clean.redemptions[0], state=State.EXPIRED), *clean.redemptions[1:]))


@pytest.mark.parametrize(
    ("corrupt", "said"),
    [
        (with_state, "is expired, the ledger has cancel, reserve"),
        (lambda clean: replace(clean, redemptions=clean.redemptions[:2]), "is in the ledger and nowhere else"),
        (with_stock(reserved=0), "shows 5 stocked, 0 reserved, 1 picked up; its movements give 5 stocked, 1 reserved"),
        (with_stock(stocked=1), "more is promised than was there: 1 stocked, 1 reserved, 1 picked up"),
        (lambda clean: replace(clean, movements=clean.movements[:-1]), "movements are there"),
    ],
)
async def test_each_corruption_of_the_shop_is_told(corrupt: Callable[[Snapshot], Snapshot], said: str) -> None:
    found = told(corrupt(await shop()))
    assert any(said in line for line in found), found


@pytest.mark.parametrize(
    ("corrupt", "said"),
    [
        (with_line(7, of_number=2), "line 2 of its passbook is no award of 3 points"),
        (with_line(6, kind=Kind.REVERSAL, of_number=5), "line 5 was taken back before"),
        (with_line(3, about="red-9"), "redemption red-9: has the steps pick_up"),
        (with_line(4, about="red-1"), "redemption red-1: has the steps pick_up, reserve, reserve"),
        (with_line(3, amount=7), "redemption red-1: has the steps pick_up, reserve"),
    ],
)
def test_each_corruption_is_told(corrupt: Callable[[Snapshot], Snapshot], said: str) -> None:
    assert any(said in line for line in told(corrupt(books()))), told(corrupt(books()))
