"""Twenty points for something outstanding: one person proposes, a second one decides; and why any entry is as it is."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from services.points.domain.entry import Entry, Kind
from services.points.domain.explaining import why
from services.points.domain.outstanding import Proposal, State
from services.points.domain.steps import award, reserve, reversal
from services.points.outstanding import DecideOutstanding, Propose
from services.points.store import BOOKS
from shared.context import Context
from shared.errors import Conflict, Forbidden, Invalid, NotFound, Refused
from shared.ids import new_id
from shared.scope import Scope
from tests.support.lanes import running
from tests.support.memory import MemoryTransactor
from tests.support.pointing import (
    BEIDAJIE,
    NINE,
    TARIFF,
    Ledger,
    Points,
    StubRules,
    joined,
    judged,
    moved,
    reported,
    resolved,
)
from tests.unit.test_points_kinds import GROUNDS, HAZARD, PAID, Book

ONE, TWO = (Scope(name, f"staff:{name}", BEIDAJIE, desk=True) for name in ("s1", "s2"))


@pytest.fixture
def store() -> MemoryTransactor:
    return MemoryTransactor()


@pytest.fixture
async def points(store: MemoryTransactor) -> AsyncIterator[Points]:
    async with running(store) as lane:
        yield Points(lane)
    Ledger.of(store).check()


async def propose(points: Points, rider: str = "bert", scope: Scope = ONE) -> Proposal:
    return await points.lane.submit(Propose(BOOKS, "inc", rider, scope))


async def decide(points: Points, scope: Scope = TWO, *, award: bool = True) -> Proposal:
    context = Context(scope.actor, "story-2")
    return await points.lane.submit(
        DecideOutstanding(BOOKS, points.rules, "inc", "bert", award, scope, context, new_id)
    )


async def fixed(points: Points) -> None:
    await points.hear(reported(), joined(), moved("triaged"), resolved(reported(), joined()))


async def test_a_second_person_awards_what_the_first_has_proposed(points: Points, store: MemoryTransactor) -> None:
    await fixed(points)
    assert (await propose(points)).state is State.PROPOSED
    assert Ledger.of(store).balances() == {"anna": (5, 0), "bert": (1, 0)}
    with pytest.raises(Forbidden):
        await decide(points, ONE)
    assert (await decide(points)).decided_by == "staff:s2"
    line = Ledger.of(store).lines("bert")[-1]
    assert (line.id, line.amount) == ("award:inc:hazard_outstanding:bert:post", 20)
    assert (line.reason, line.actor, line.captured_at) == ("outstanding", "staff:s2", NINE)
    for again in (decide(points), propose(points)):
        with pytest.raises(Conflict):
            await again
    assert Ledger.of(store).balances() == {"anna": (5, 0), "bert": (21, 0)}


async def test_what_was_declined_is_not_paid_and_may_be_proposed_again(points: Points, store: MemoryTransactor) -> None:
    await fixed(points)
    await propose(points)
    assert (await decide(points, award=False)).state is State.DECLINED
    assert Ledger.of(store).balances()["bert"] == (1, 0)
    await propose(points, scope=TWO)
    await decide(points, ONE)
    assert Ledger.of(store).balances()["bert"] == (21, 0)


async def test_it_counts_towards_the_cap_of_hazards_and_goes_with_a_bogus_report(
    points: Points, store: MemoryTransactor
) -> None:
    capped = {**TARIFF.activities, "hazard": replace(TARIFF.activities["hazard"], cap_day=20)}
    points.rules = StubRules(replace(TARIFF, activities=capped))
    await fixed(points)
    await propose(points)
    await decide(points)
    assert Ledger.of(store).lines("bert")[-1].reason == "cap"
    await points.hear(judged("bert"))
    assert Ledger.of(store).balances() == {"anna": (5, 0)}
    assert [line.of_number for line in Ledger.of(store).lines("bert") if line.kind is Kind.REVERSAL] == [2, 3]


async def test_who_may_not_be_proposed_or_may_not_propose(points: Points) -> None:
    await points.hear(reported(), joined(), moved("triaged"))
    with pytest.raises(Conflict):
        await propose(points)
    await points.hear(resolved(reported(), joined()), judged())
    refused: list[tuple[str, Scope, type[Refused]]] = [
        ("zoe", ONE, Invalid),
        ("anna", ONE, Invalid),
        ("bert", Scope("s3", "staff:s3", "140302004", desk=True), NotFound),
        ("bert", Scope("bert", "staff:bert", BEIDAJIE, desk=True), Forbidden),
    ]
    for rider, scope, refusal in refused:
        with pytest.raises(refusal):
            await propose(points, rider, scope)
    with pytest.raises(NotFound):
        await decide(points)


def entries() -> dict[str, Entry]:
    """One of each that has something to say."""
    book = Book()
    paid = book.add(PAID, HAZARD)
    reserved = book.add(reserve("anna", 8, NINE), replace(GROUNDS, activity=""))
    back = book.add(reversal("anna", paid, "bogus", NINE), HAZARD)
    helped = book.add(award("anna", "help", 3, "approved", NINE), GROUNDS)
    capped = book.add(award("anna", "help", 0, "cap", NINE + timedelta(hours=1)), replace(GROUNDS, about="act-2"))
    odd = replace(paid, rule="hazard_new", reason="new_word")
    return {"paid": paid, "reserved": reserved, "back": back, "helped": helped, "capped": capped, "odd": odd}


@pytest.mark.parametrize(
    ("name", "zh", "en"),
    [
        (
            "paid",
            "入账 10 分：首位上报隐患，事情已办结（规则 2026-1）。",
            "10 points for being the first to report a hazard, because it is fixed (rules 2026-1).",
        ),
        (
            "reserved",
            "兑换预留 8 分（规则 2026-1）。",
            "8 points put aside for a prize (rules 2026-1).",
        ),
        (
            "back",
            "冲回 10 分：首位上报隐患，经核实上报不实，其中 8 分已用掉，日后抵扣（规则 2026-1）。",
            "10 points taken back for being the first to report a hazard, because the report was found "
            "bogus; 8 were spent and are owed (rules 2026-1).",
        ),
        (
            "helped",
            "入账 3 分：帮助居民，已认可，其中 3 分抵扣欠分（规则 2026-1）。",
            "3 points for helping residents, because it was approved; 3 of them pay what was owed (rules 2026-1).",
        ),
        (
            "capped",
            "入账 0 分：帮助居民，当日或当月已达上限（规则 2026-1）。",
            "0 points for helping residents, because the cap of the day or month was reached (rules 2026-1).",
        ),
        (
            "odd",
            "入账 10 分：上报隐患，new_word（规则 2026-1）。",
            "10 points for reporting a hazard, because new_word (rules 2026-1).",
        ),
    ],
)
def test_why_in_both_languages(name: str, zh: str, en: str) -> None:
    said = why(entries()[name])
    assert (said.zh, said.en) == (zh, en)
