"""What a bogus report loses, before and after it was paid, and what staff take back by hand."""

import asyncio
from collections.abc import AsyncIterator
from itertools import permutations

import pytest

from services.points.domain.entry import Entry
from services.points.domain.steps import AlreadyReversed, NotReversible
from services.points.reversing import Reverse
from services.points.store import BOOKS
from shared.context import Context
from shared.errors import Forbidden, NotFound
from shared.ids import new_id
from shared.scope import Scope
from tests.support.lanes import running
from tests.support.memory import MemoryTransactor
from tests.support.pointing import (
    BEIDAJIE,
    Ledger,
    Points,
    forget_deliveries,
    joined,
    judged,
    moved,
    reported,
    resolved,
)

LEAD = Scope("l1", "lead:l1", BEIDAJIE, desk=True)
PAID = "award:inc:hazard_first:anna:post"


@pytest.fixture
def store() -> MemoryTransactor:
    return MemoryTransactor()


@pytest.fixture
async def points(store: MemoryTransactor) -> AsyncIterator[Points]:
    async with running(store) as lane:
        yield Points(lane)
    Ledger.of(store).check()


def reverse(id_: str = PAID, rider: str = "anna", scope: Scope = LEAD) -> Reverse:
    """By hand."""
    return Reverse(BOOKS, id_, rider, "mistake", scope, Context(scope.actor, "story-9"), new_id)


async def test_what_was_paid_for_a_bogus_report_is_taken_back_and_the_others_keep_theirs(
    points: Points, store: MemoryTransactor
) -> None:
    await points.hear(reported(), joined(), moved("triaged"), resolved(reported(), joined()))
    await points.hear(judged(), actor="staff:s1")
    ledger = Ledger.of(store)
    assert ledger.balances() == {"bert": (1, 0)}
    assert ledger.told("anna")[-1] == ("reversal", "hazard_first", 5, "bogus")
    assert (ledger.lines("anna")[-1].actor, ledger.lines("anna")[-1].event) == ("staff:s1", "report-judged:inc-by-anna")


async def test_a_report_found_bogus_before_it_is_fixed_loses_its_promise_and_is_never_paid(
    points: Points, store: MemoryTransactor
) -> None:
    await points.hear(reported(), joined(), moved("triaged"), judged())
    assert Ledger.of(store).balances() == {"bert": (0, 1)}
    await points.hear(resolved(reported(), joined()))
    assert Ledger.of(store).told("anna") == [
        ("pending", "hazard_first", 5, "triaged"),
        ("void", "hazard_first", 5, "bogus"),
    ]
    assert Ledger.of(store).balances() == {"bert": (1, 0)}


async def test_in_any_order_the_same_is_left() -> None:
    facts = (reported(), joined(), moved("triaged"), resolved(reported(), joined()), judged())
    for order in permutations(facts):
        store = MemoryTransactor()
        async with running(store) as lane:
            points = Points(lane)
            await points.hear(*order)
            forget_deliveries(store)
            await Points(lane).hear(*order)
        Ledger.of(store).check()
        assert Ledger.of(store).balances() == {"bert": (1, 0)}


async def test_a_report_that_is_all_right_keeps_its_points(points: Points, store: MemoryTransactor) -> None:
    await points.hear(reported(), moved("triaged"), resolved(reported()), judged(kind="ok"))
    assert Ledger.of(store).balances() == {"anna": (5, 0)}


async def test_scenario_35_five_reversals_at_once_are_one(points: Points, store: MemoryTransactor) -> None:
    await points.hear(reported(), resolved(reported()))
    wishes = [points.lane.submit(reverse()) for _ in range(5)]
    answers = await asyncio.gather(*wishes, return_exceptions=True)
    assert [type(answer) for answer in answers if isinstance(answer, Exception)] == [AlreadyReversed] * 4
    (done,) = [answer for answer in answers if isinstance(answer, Entry)]
    assert (done.id, done.balance, done.actor) == (f"reversal:{PAID}", 0, "lead:l1")
    await points.hear(judged())
    assert len(Ledger.of(store).lines("anna")) == 2


async def test_a_reversal_by_hand_is_for_the_desk_and_not_for_whoever_approved(
    points: Points, store: MemoryTransactor
) -> None:
    await points.hear(reported(), moved("triaged"))
    await points.hear(resolved(reported()), actor="staff:s1")
    before = len(store.rows)
    elsewhere = Scope("s2", "staff:s2", "140302004", desk=True)
    for wish, refusal in (
        (reverse("award:none"), NotFound),
        (reverse(rider="bert"), NotFound),
        (reverse(scope=elsewhere), NotFound),
        (reverse(scope=Scope("anna", "rider:anna", BEIDAJIE)), NotFound),
        (reverse(scope=Scope("s1", "staff:s1", BEIDAJIE, desk=True)), Forbidden),
        (reverse("award:inc:hazard_first:anna:pending"), NotReversible),
    ):
        with pytest.raises(refusal):
            await points.lane.submit(wish)
    assert len(store.rows) == before
