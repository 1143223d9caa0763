"""The commit lane: batches, isolation of culprits, order within a line, deadlines, cancelled callers."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

import pytest

from shared.errors import Invalid, Unavailable
from shared.mongo.lane import Contended, Lane, Line, Skipped, Transient
from shared.mongo.work import Ref, UndeclaredRead, Work
from tests.support.memory import MemoryTransactor


@dataclass
class Add:
    """Adds to a counter document."""

    id: str
    amount: int = 1
    refuse: bool = False
    poison: bool = False

    def reads(self) -> Iterable[Ref]:
        return [Ref("counters", self.id)]

    def decide(self, work: Work) -> int:
        before = work.get("counters", self.id)
        value = (before["value"] if before else 0) + self.amount
        work.put("counters", {"_id": self.id, "value": value, "poison": self.poison})
        if self.refuse:
            raise Invalid.field("amount", "refused after putting")
        return value


@pytest.fixture
def store() -> MemoryTransactor:
    return MemoryTransactor()


@pytest.fixture
async def lane(store: MemoryTransactor) -> AsyncIterator[Lane]:
    lane = Lane(store)
    task = asyncio.create_task(lane.run())
    yield lane
    task.cancel()


def value(store: MemoryTransactor, id_: str) -> int | None:
    document = store.documents.get(Ref("counters", id_))
    return document["value"] if document else None


async def test_commands_that_wait_share_one_transaction_and_see_each_other(lane: Lane, store: MemoryTransactor) -> None:
    answers = await asyncio.gather(*(lane.submit(Add("a")) for _ in range(30)))
    assert sorted(answers) == list(range(1, 31))
    assert store.transactions == 1
    assert store.documents[Ref("counters", "a")]["version"] == 30


async def test_a_lone_command_waits_for_nobody(lane: Lane, store: MemoryTransactor) -> None:
    assert await lane.submit(Add("a")) == 1
    assert store.transactions == 1


async def test_a_refused_command_leaves_no_trace_and_its_neighbours_commit(lane: Lane, store: MemoryTransactor) -> None:
    answers = await asyncio.gather(
        lane.submit(Add("a")), lane.submit(Add("a", 100, refuse=True)), lane.submit(Add("a")), return_exceptions=True
    )
    assert isinstance(answers[1], Invalid)
    assert (answers[0], answers[2]) == (1, 2)
    assert value(store, "a") == 2


async def test_a_poisoned_batch_is_split_until_only_the_culprit_fails(lane: Lane, store: MemoryTransactor) -> None:
    def fail(work: Work) -> None:
        if any(change.document and change.document["poison"] for change in work.changes()):
            raise OverflowError("cannot be encoded")

    store.fail = fail
    commands = [Add(str(n), poison=n == 13) for n in range(40)]
    answers = await asyncio.gather(*(lane.submit(command) for command in commands), return_exceptions=True)
    assert [n for n, answer in enumerate(answers) if isinstance(answer, Exception)] == [13]
    assert isinstance(answers[13], OverflowError)
    assert value(store, "13") is None
    assert sum(value(store, str(n)) is not None for n in range(40)) == 39


async def test_contention_is_decided_again_over_fresh_state(lane: Lane, store: MemoryTransactor) -> None:
    tries = 0

    def fail(work: Work) -> None:
        nonlocal tries
        tries += 1
        if tries <= 3:
            raise Contended

    store.fail = fail
    assert await lane.submit(Add("a")) == 1
    assert (tries, lane.stats.contended) == (4, 3)


async def test_a_store_that_is_away_gives_unavailable_in_time_and_stores_nothing(
    lane: Lane, store: MemoryTransactor
) -> None:
    def fail(work: Work) -> None:
        raise Transient

    store.fail = fail
    with pytest.raises(Unavailable):
        await lane.submit(Add("a"), seconds=0.1)
    store.fail = lambda work: None
    assert await lane.submit(Add("b")) == 1  # the lane lives on
    assert value(store, "a") is None


async def test_after_a_failure_in_a_line_the_later_ones_are_skipped(lane: Lane, store: MemoryTransactor) -> None:
    line = Line()
    answers = await asyncio.gather(
        lane.submit(Add("a"), line=line),
        lane.submit(Add("a", 10, refuse=True), line=line),
        lane.submit(Add("a"), line=line),
        lane.submit(Add("b")),
        return_exceptions=True,
    )
    assert (answers[0], answers[3]) == (1, 1)
    assert isinstance(answers[1], Invalid)
    assert isinstance(answers[2], Skipped)
    assert value(store, "a") == 1


async def test_a_line_is_kept_across_batches(store: MemoryTransactor) -> None:
    lane = Lane(store, max_batch=1)
    task = asyncio.create_task(lane.run())
    line = Line()
    commands = [Add("a", refuse=True), Add("a"), Add("a")]
    answers = await asyncio.gather(*(lane.submit(c, line=line) for c in commands), return_exceptions=True)
    task.cancel()
    assert [type(answer) for answer in answers] == [Invalid, Skipped, Skipped]


async def test_a_poison_found_by_splitting_also_stops_its_line(lane: Lane, store: MemoryTransactor) -> None:
    def fail(work: Work) -> None:
        if any(change.document and change.document["poison"] for change in work.changes()):
            raise OverflowError

    store.fail = fail
    line = Line()
    commands = [Add("a", poison=True), Add("x"), Add("y"), Add("b")]
    lines = [line, None, None, line]
    answers = await asyncio.gather(
        *(lane.submit(c, line=one) for c, one in zip(commands, lines, strict=True)), return_exceptions=True
    )
    assert [type(a) for a in answers] == [OverflowError, int, int, Skipped]


async def test_a_caller_that_hangs_up_does_not_undo_its_command(lane: Lane, store: MemoryTransactor) -> None:
    caller = asyncio.create_task(lane.submit(Add("a")))
    await asyncio.sleep(0)  # let it queue the command
    caller.cancel()
    assert await lane.submit(Add("a")) == 2


async def test_touching_an_undeclared_document_is_named(lane: Lane) -> None:
    class Careless(Add):
        def reads(self) -> Iterable[Ref]:
            return []

    with pytest.raises(UndeclaredRead, match="counters/a"):
        await lane.submit(Careless("a"))


async def test_a_full_queue_is_said_at_once(store: MemoryTransactor) -> None:
    lane = Lane(store)  # not running
    waiting = [asyncio.create_task(lane.submit(Add("a"), seconds=1)) for _ in range(1_000)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="too many"):
        await lane.submit(Add("a"))
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
