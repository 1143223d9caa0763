"""Commands that learn from one document which others they need: the lane's second look."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

import pytest

from shared.mongo.inbox import Delivery, Receive, Received
from shared.mongo.lane import Lane
from shared.mongo.work import Ref, UndeclaredRead, Work, more_reads
from tests.support.lanes import running
from tests.support.memory import MemoryTransactor
from tests.support.pointing import NINE, TOPIC_OF, in_envelopes, moved

LIST, MEMBERS = "lists", "members"


@dataclass
class Enrol:
    """Writes a member's name into the list, and so declares the member."""

    member: str

    def reads(self) -> Iterable[Ref]:
        return [Ref(LIST, "l"), Ref(MEMBERS, self.member)]

    def decide(self, work: Work) -> None:
        before = work.get(LIST, "l") or {"_id": "l", "names": []}
        work.put(LIST, {**before, "names": [*before["names"], self.member]})


@dataclass
class Greet:
    """Counts a greeting at everybody on the list."""

    def reads(self) -> Iterable[Ref]:
        return [Ref(LIST, "l")]

    def more_reads(self, work: Work) -> Iterable[Ref]:
        return [Ref(MEMBERS, name) for name in (work.get(LIST, "l") or {"names": []})["names"]]

    def decide(self, work: Work) -> int:
        names = (work.get(LIST, "l") or {"names": []})["names"]
        for name in names:
            work.put(MEMBERS, {"_id": name, "greeted": (work.get(MEMBERS, name) or {"greeted": 0})["greeted"] + 1})
        return len(names)


class GreetBlindly(Greet):
    """Forgets to look further."""

    def more_reads(self, work: Work) -> Iterable[Ref]:
        return []


@pytest.fixture
def store() -> MemoryTransactor:
    return MemoryTransactor()


@pytest.fixture
async def lane(store: MemoryTransactor) -> AsyncIterator[Lane]:
    async with running(store) as lane:
        yield lane


def greeted(store: MemoryTransactor) -> dict[str, int]:
    return {ref.id: document["greeted"] for ref, document in store.documents.items() if ref.collection == MEMBERS}


async def test_what_the_first_look_names_is_loaded_too(lane: Lane, store: MemoryTransactor) -> None:
    await lane.submit(Enrol("a"))
    await lane.submit(Enrol("b"))
    assert await lane.submit(Greet()) == 2
    assert await lane.submit(Greet()) == 2
    assert greeted(store) == {"a": 2, "b": 2}


async def test_names_that_come_earlier_in_the_same_batch_are_known(lane: Lane, store: MemoryTransactor) -> None:
    await lane.submit(Enrol("a"))
    answers = await asyncio.gather(lane.submit(Greet()), lane.submit(Enrol("b")), lane.submit(Greet()))
    assert (answers[0], answers[2]) == (1, 2)
    assert store.transactions == 2
    assert greeted(store) == {"a": 2, "b": 1}


async def test_who_does_not_look_further_is_told_of_his_mistake(lane: Lane) -> None:
    await lane.submit(Enrol("a"))
    with pytest.raises(UndeclaredRead):
        await lane.submit(GreetBlindly())


async def test_what_another_process_adds_between_two_looks_is_looked_at_as_well(
    lane: Lane, store: MemoryTransactor
) -> None:
    await lane.submit(Enrol("a"))
    arriving = iter(["b", "c", "d", "e", "f"])

    class Crowded(Greet):
        def more_reads(self, work: Work) -> Iterable[Ref]:
            found = [*super().more_reads(work)]
            if (name := next(arriving, None)) is not None:
                members = store.documents[Ref(LIST, "l")]
                store.documents[Ref(LIST, "l")] = {**members, "names": [*members["names"], name]}
            return found

    assert await lane.submit(Crowded()) == 6
    assert lane.stats.contended > 0
    assert set(greeted(store)) == set("abcdef")


async def test_a_delivery_passes_the_second_look_on(lane: Lane, store: MemoryTransactor) -> None:
    await lane.submit(Enrol("a"))
    told = in_envelopes([moved("triaged")])[0]
    delivery = Delivery(TOPIC_OF[type(told.data)], 0, 0, b"inc", [], b"", NINE)
    assert await lane.submit(Receive(delivery, told, Greet())) is Received.DONE
    assert greeted(store) == {"a": 1}


def test_most_commands_look_once() -> None:
    assert [*more_reads(Enrol("a"), Work({}, NINE))] == []
