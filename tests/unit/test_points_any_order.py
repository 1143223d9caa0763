"""Whatever the order between the four topics, and however often an event comes: the same ledger."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.points.domain.entry import Kind
from shared.contracts.envelope import Message
from shared.contracts.event import EventData
from tests.support.lanes import published, running
from tests.support.memory import MemoryTransactor
from tests.support.pointing import (
    NINE,
    Ledger,
    Points,
    forget_deliveries,
    in_envelopes,
    joined,
    moved,
    recategorised,
    reported,
    resolved,
)

RIDERS = ("anna", "bert", "carl", "dora", "emil", "fred")
STATES = ("triaged", "dispatched", "in_progress", "needs_info", "rejected", "duplicate", "closed_no_action", "resolved")
CODES = ("P0101", "E0505", "L04", "L05")

changes = st.one_of(
    st.tuples(st.just("state"), st.sampled_from(STATES), st.sampled_from("EN")),
    st.tuples(st.just("category"), st.sampled_from(CODES), st.just("")),
)


@dataclass(frozen=True)
class Story:
    """The events of one incident, topic by topic."""

    topics: tuple[Sequence[Message], ...]


@st.composite
def stories(draw: st.DrawFn, incident: str) -> Story:
    """Any changes, any riders joining, resolved never, once or twice, in any frozen order."""
    first = reported(
        draw(st.sampled_from(RIDERS)),
        incident,
        category={"scheme": "gb30428", "code": draw(st.sampled_from(CODES[:3]))},
    )
    seen: list[Any] = [first]
    for number in range(draw(st.integers(0, 6))):
        hours = draw(st.integers(-26, 30))
        received = NINE + timedelta(hours=5 * number, minutes=2)
        rider = draw(st.sampled_from(RIDERS))
        seen.append(
            joined(
                rider,
                incident,
                captured_at=received - timedelta(hours=hours),
                received_at=received,
                report=f"{incident}-{number}",
            )
        )
    changed: list[EventData] = [
        moved(word, incident, severity) if kind == "state" else recategorised(word, incident)
        for kind, word, severity in draw(st.lists(changes, max_size=7))
    ]
    ends: list[EventData] = []
    for cycle in range(1, draw(st.integers(0, 2)) + 1):
        order = draw(st.permutations(seen))[: draw(st.integers(1, len(seen)))]
        how = draw(st.sampled_from(["department", "department", "self_fixed"]))
        ends.append(resolved(*order, incident=incident, cycle=cycle, how=how, severity=draw(st.sampled_from("EN"))))
    topics: list[list[EventData]] = [[first], list(seen[1:]), changed, ends]
    return Story(tuple(in_envelopes(events) for events in topics))


def shuffled(stories_: Sequence[Story], seed: int) -> list[Message]:
    """All events in one row: each topic of each incident in its order, with stretches delivered again."""
    chance = random.Random(seed)
    lines = [list(topic) for story in stories_ for topic in story.topics if topic]
    row: list[Message] = []
    behind: dict[int, int] = {}
    while any(behind.get(n, 0) < len(line) for n, line in enumerate(lines)):
        number = chance.choice([n for n, line in enumerate(lines) if behind.get(n, 0) < len(line)])
        row.append(lines[number][behind.get(number, 0)])
        behind[number] = behind.get(number, 0) + 1
        if chance.random() < 0.2:  # a consumer that died before its ack begins again somewhere before
            behind[number] -= chance.randint(0, behind[number])
    return row


async def ledger_of(row: Sequence[Message], max_batch: int, *, again: bool = False) -> tuple[MemoryTransactor, Ledger]:
    """Deliver the row; many at once where the lane takes more than one. `again`: then once more, with the inbox lost."""
    store = MemoryTransactor()
    async with running(store, max_batch) as lane:
        points = Points(lane)
        await asyncio.gather(*(points.deliver(message) for message in row))
        if again:
            forget_deliveries(store)
            await asyncio.gather(*(points.deliver(message) for message in row))
    return store, Ledger.of(store)


def the_truth(ledger: Ledger) -> dict[str, Any]:
    """What must not depend on the order. A promise that was voided may also never have been made."""
    return {"balances": ledger.balances(), "paid": ledger.paid(), "promised": ledger.promised()}


two_stories = st.tuples(stories("one"), stories("two"))


@settings(max_examples=60, deadline=None)
@given(two_stories, st.integers(0, 2**32), st.integers(0, 2**32), st.sampled_from([1, 3, 50]))
def test_any_order_and_any_repetition_end_in_the_same_ledger(
    both: tuple[Story, Story], one: int, other: int, max_batch: int
) -> None:
    row = shuffled(both, one)
    in_turn = [message for story in both for topic in story.topics for message in topic]
    store, ledger = asyncio.run(ledger_of(row, max_batch))
    ledger.check()
    each_payment_has_its_resolution(ledger, both)
    _, expected = asyncio.run(ledger_of(in_turn, 1))
    _, another = asyncio.run(ledger_of(shuffled(both, other), 50))
    assert the_truth(ledger) == the_truth(expected) == the_truth(another)

    told = [message for _, message in published(store)]
    assert sorted(message.envelope.id.partition(":")[2] for message in told) == sorted(e.id for e in ledger.entries)


@settings(max_examples=25, deadline=None)
@given(two_stories, st.integers(0, 2**32))
def test_everything_once_more_with_the_inbox_lost_writes_nothing(both: tuple[Story, Story], seed: int) -> None:
    row = shuffled(both, seed)
    store, once = asyncio.run(ledger_of(row, 50))
    store_again, twice = asyncio.run(ledger_of(row, 50, again=True))
    twice.check()
    assert the_truth(twice) == the_truth(once)
    assert len(store_again.rows) == len(store.rows)


def each_payment_has_its_resolution(ledger: Ledger, both: tuple[Story, Story]) -> None:
    """Nobody is paid twice for one incident, and nothing is paid but by its first resolution."""
    posts = [entry for entry in ledger.entries if entry.kind is Kind.POST]
    assert len({(entry.account, entry.incident) for entry in posts}) == len(posts)
    assert {entry.event for entry in posts} <= {story.topics[3][0].envelope.id for story in both if story.topics[3]}
