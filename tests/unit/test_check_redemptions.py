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
from services.points.domain.steps import award, reserve, reversal
from tests.support.modelling import NOW
from tests.support.pointing import NINE
from tests.unit.test_points_kinds import GROUNDS, HAZARD, PAID, PRIZE, Book, end

LATER = NOW + RETAINED + timedelta(days=9)
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
    states = {"red-1": "picked_up", "red-2": "reserved"}
    redemptions = [{"_id": id_, "state": state, "home": "h", "prize": "p"} for id_, state in states.items()]
    stock = {"_id": "h|p", "home": "h", "prize": "p", "stocked": 2, "reserved": 1, "picked_up": 1}
    return Snapshot(
        LATER, passbooks=(book.book,), entries=tuple(book.entries), redemptions=tuple(redemptions), stocks=(stock,)
    )


def told(snapshot: Snapshot) -> list[str]:
    return ledger(snapshot)[1]


def test_a_clean_book_has_nothing() -> None:
    assert told(books()) == []
    assert [line for line in resolutions(books())[1] if "act-" in line or "incident :" in line] == []


def with_line(of: int, **changes: Any) -> Callable[[Snapshot], Snapshot]:
    def corrupt(clean: Snapshot) -> Snapshot:
        lines = list(clean.entries)
        lines[of - 1] = replace(lines[of - 1], **changes)
        return replace(clean, entries=tuple(lines))

    return corrupt


def with_stock(**changes: int) -> Callable[[Snapshot], Snapshot]:
    return lambda clean: replace(clean, stocks=({**clean.stocks[0], **changes},))


def with_state(state: str) -> Callable[[Snapshot], Snapshot]:
    return lambda clean: replace(clean, redemptions=({**clean.redemptions[0], "state": state}, *clean.redemptions[1:]))


@pytest.mark.parametrize(
    ("corrupt", "said"),
    [
        (with_line(7, of_number=2), "line 2 of its passbook is no award of 3 points"),
        (with_line(6, kind=Kind.REVERSAL, of_number=5), "line 5 was taken back before"),
        (with_line(3, about="red-9"), "redemption red-9: has the steps pick_up"),
        (with_line(4, about="red-1"), "redemption red-1: has the steps pick_up, reserve, reserve"),
        (with_line(3, amount=7), "redemption red-1: has the steps pick_up, reserve"),
        (with_state("cancelled"), "redemption red-1: is cancelled, the ledger has pick_up, reserve"),
        (
            lambda clean: replace(clean, redemptions=clean.redemptions[:1]),
            "redemption red-2: is in the ledger and nowhere",
        ),
        (
            with_stock(reserved=0),
            "stock h|p: shows 0 reserved, 1 picked up; the redemptions give 1 reserved, 1 picked up",
        ),
        (with_stock(stocked=1), "stock h|p: 1 were brought, 1 reserved, 1 picked up"),
    ],
)
def test_each_corruption_is_told(corrupt: Callable[[Snapshot], Snapshot], said: str) -> None:
    assert any(said in line for line in told(corrupt(books()))), told(corrupt(books()))
