"""Topics overtake each other and repeat themselves; what people get is always the same, once, numbered without a gap."""

from collections import Counter, defaultdict
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from services.notify.store import MESSAGES
from shared.mongo.inbox import INBOX
from tests.support.lanes import running
from tests.support.memory import MemoryTransactor
from tests.support.notifying import (
    THERE,
    Got,
    Said,
    adjusted,
    awarded,
    changed,
    hear,
    inboxes,
    place,
    reported,
    resolved,
    state,
    updated,
)

R1, R2, R3 = "rider-1", "rider-2", "rider-3"

STORY = [
    reported(emergency=True),
    state("triaged", 1, 1, "reported"),
    state("dispatched", 2, 1, "triaged"),
    changed("order_offered", 3, 1),
    changed("order_returned", 4, 3, reason="属于排水"),
    changed("order_offered", 5, 3, department="drainage"),
    updated("joined", 1, 4, rider=R2),
    changed("order_accepted", 6, 5, department="drainage"),
    state("in_progress", 7, 5, "dispatched"),
    changed("place", 8, 6, place=place(THERE)),
    changed("reminder", 81, 6, department="drainage"),
    changed("escalated", 82, 6.5, department="drainage", level="subdistrict_lead"),
    changed("category", 9, 6, category={"scheme": "gb30428", "code": "P0101"}),
    updated("joined", 2, 7, rider=R3),
    updated("comment", 3, 7, rider=R3),
    state("resolved", 10, 8, "in_progress"),
    resolved(1, 8, R1, R2, R3),
    awarded("e1", 8.1, R1, points=10),
    awarded("e2", 8.1, R2, rule="hazard_co_reporter", points=3),
    updated("broken_again", 4, 60, rider=R2),
    state("dispatched", 11, 61, "resolved", reason="又坏了"),
    changed("order_offered", 12, 61),
    state("resolved", 13, 90, "dispatched"),
    resolved(2, 90, R1, R2, R3, "rider-of-a-merged-one"),
    adjusted("reversal", "e3", 95, R2, reason="bogus"),
    # An incident of which nobody knew where it was, by the second rider
    reported("unc", 20, rider=R2, place=place(None)),
    state("triaged", 1, 20, "reported", "unc", reason="needs_location: the place is uncertain"),
    changed("place", 2, 25, "unc", place=place(THERE)),
    state("rejected", 3, 30, "triaged", "unc", reason="已有围挡"),
    adjusted("void", "e4", 30, R2, incident="unc"),
]


AS_FOUND = (Phase.explicit, Phase.reuse, Phase.generate)
"""Shrinking a story of thirty events takes minutes and tells little more."""


def order(said: Said) -> str:
    """What keeps its order: one key of one topic. Each partition may lag behind the others as it likes."""
    return f"{said.topic}|{said.key}"


@st.composite
def deliveries(draw: st.DrawFn) -> list[list[Said]]:
    """Batches: any merge of the topics, with any part of a topic delivered again as after a crash."""
    lines: dict[str, list[Said]] = defaultdict(list)
    for said in STORY:
        lines[order(said)].append(said)
    merged: list[Said] = []
    for line in draw(st.permutations([order(said) for said in STORY])):
        merged.append(lines[line].pop(0))
    batches: list[list[Said]] = []
    while merged:
        size = draw(st.integers(1, 8))
        batches.append(merged[:size])
        merged = merged[size:]
    again = draw(st.lists(st.integers(0, len(batches) - 1), max_size=6))
    for index in sorted(again, reverse=True):
        batches.insert(index + 1, batches[index])
    return batches


async def told(batches: list[list[Said]], *, forgetful: bool = False) -> list[Got]:
    """Every inbox after these deliveries. `forgetful`: the dedupe rows have expired and everything comes once more."""
    store = MemoryTransactor()
    async with running(store) as lane:
        for batch in batches:
            await hear(lane, batch)
        if forgetful:
            store.documents = {ref: doc for ref, doc in store.documents.items() if ref.collection != INBOX}
            for batch in batches:
                await hear(lane, batch)
    return inboxes(doc for ref, doc in store.documents.items() if ref.collection == MESSAGES.collection)


def contents(inbox: list[Got]) -> Counter[Any]:
    return Counter(got.content for got in inbox)


@given(deliveries())
@settings(max_examples=60, deadline=None, phases=AS_FOUND)
async def test_any_order_between_topics_leads_to_the_same_messages(batches: list[list[Said]]) -> None:
    expected = contents(await told([[said] for said in STORY]))
    got = await told(batches)
    assert contents(got) == expected
    assert set(expected.values()) == {1}
    numbers: dict[str, list[int]] = defaultdict(list)
    for one in got:
        numbers[one.audience].append(one.sequence)
    assert all(found == list(range(1, len(found) + 1)) for found in numbers.values()), numbers


@given(deliveries())
@settings(max_examples=20, deadline=None, phases=AS_FOUND)
async def test_natural_keys_hold_when_the_dedupe_rows_are_gone(batches: list[list[Said]]) -> None:
    assert await told(batches, forgetful=True) == await told(batches)


async def test_the_story_in_order_is_what_people_should_read() -> None:
    got = await told([[said] for said in STORY])
    first = [one.template for one in got if one.audience == f"rider:{R1}"]
    assert first == [
        *("received", "asked", "moved", "accepted", "in_progress", "fixed", "points_awarded"),
        *("reopened", "asked", "fixed"),
    ]
    staff = [(one.audience[-1], one.template, one.code) for one in got if one.audience.startswith("community:")]
    assert staff == [
        ("5", "staff_new", "7K3M-9QXA"),
        ("6", "staff_moved_here", "7K3M-9QXA"),
        ("6", "fixed_for_staff", "7K3M-9QXA"),
        ("6", "fixed_for_staff", "7K3M-9QXA"),
        ("6", "staff_moved_here", "0000-0001"),
    ]
