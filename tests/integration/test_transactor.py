"""One batch, one transaction: the same suite over the memory store of the tests and over MongoDB."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from shared.ids import new_id
from shared.mongo.lane import CONTENDED_TRIES, Contended, Lane, Taken
from shared.mongo.work import Command, Ref, Work
from tests.support.counting import COLLECTIONS, COUNTERS, KEYS, Add, Remove
from tests.support.lanes import running
from tests.support.stack import Stack
from tests.support.stores import Store, in_memory, in_mongo


@pytest.fixture(params=["memory", "mongo"])
async def store(request: pytest.FixtureRequest, stack: Stack) -> AsyncIterator[Store]:
    if request.param == "memory":
        yield in_memory()
        return
    async with in_mongo(stack, COLLECTIONS) as opened:
        yield opened


def value(store: Store, id_: str) -> int | None:
    document = store.get(Ref(COUNTERS, id_))
    return document["value"] if document else None


async def settle(store: Store, *commands: Command[object]) -> list[object]:
    """All of them through one lane; an exception is an answer."""
    async with running(store.transactor) as lane:
        return await asyncio.gather(*(lane.submit(command) for command in commands), return_exceptions=True)


async def test_a_batch_sees_itself_and_leaves_one_row_an_event(store: Store) -> None:
    assert await settle(store, *(Add("a") for _ in range(30))) == list(range(1, 31))
    assert value(store, "a") == 30
    document = store.get(Ref(COUNTERS, "a"))
    assert document is not None
    assert (document["version"], document["sequences"]) == (30, {"counted": 30})
    assert sorted(row["position"] for row in store.rows()) == [[n, 0] for n in range(1, 31)]
    assert all(row["published"] is None for row in store.rows())


async def test_a_batch_inserts_changes_and_deletes(store: Store) -> None:
    await settle(store, Add("a"), Add("b"))
    assert await settle(store, Add("a"), Remove("b"), Add("c"), Remove("c"), Remove("never")) == [
        2,
        True,
        1,
        True,
        False,
    ]
    assert (value(store, "a"), value(store, "b"), value(store, "c")) == (2, None, None)


async def test_an_id_taken_for_good_is_its_commands_own_mistake(store: Store) -> None:
    """A rival's insert shows in the next load. What stays taken must not keep the lane, and all others, waiting."""
    await settle(store, Add("a"))
    await settle(store, Remove("a"))  # the outbox remembers that the first raise of this counter was told
    answers = await settle(store, Add("b"), Add("a"), Add("c"))
    assert (answers[0], answers[2]) == (1, 1)
    assert isinstance(answers[1], Taken)
    assert value(store, "a") is None
    assert len(store.rows()) == 3


async def test_a_command_that_decides_nothing_writes_nothing(store: Store) -> None:
    await settle(store, Add("a", key="k"))
    before = store.get(Ref(COUNTERS, "a"))
    assert await settle(store, Add("a", key="k")) == [1]
    assert store.get(Ref(COUNTERS, "a")) == before
    assert len(store.rows()) == 1


@pytest.mark.parametrize("there", [True, False], ids=["changed", "inserted"])
async def test_a_rival_between_load_and_write_is_noticed_and_decided_again(store: Store, *, there: bool) -> None:
    """The version guards a change, the `_id` an insert, when another process comes in between."""
    if there:
        await settle(store, Add("a"))
    rivals = iter([{"_id": "a", "value": 100, "version": 7}])

    def between() -> None:
        if rival := next(rivals, None):
            store.put(COUNTERS, rival)

    assert await settle(store, Add("a", between=between)) == [101]
    document = store.get(Ref(COUNTERS, "a"))
    assert document is not None
    assert (document["value"], document["version"]) == (101, 8)


async def test_the_guard_alone_says_so(store: Store) -> None:
    await settle(store, Add("a"))

    def decide(work: Work) -> None:
        store.put(COUNTERS, {"_id": "a", "value": 100, "version": 7})
        work.put(COUNTERS, {"_id": "a", "value": 2})

    with pytest.raises(Contended):
        await store.transactor.transact([Ref(COUNTERS, "a")], decide, 5.0)
    assert value(store, "a") == 100


async def test_a_deletion_is_guarded_too(store: Store) -> None:
    await settle(store, Add("a"))

    def decide(work: Work) -> None:
        store.put(COUNTERS, {"_id": "a", "value": 100, "version": 7})
        work.delete(COUNTERS, "a")

    with pytest.raises(Contended):
        await store.transactor.transact([Ref(COUNTERS, "a")], decide, 5.0)
    assert value(store, "a") == 100


async def test_two_processes_hammering_one_document_lose_no_increment(store: Store) -> None:
    async def hammer(lane: Lane) -> None:
        for _ in range(4):
            await asyncio.gather(*(lane.submit(Add("hot", key=new_id()), seconds=20) for _ in range(15)))

    async with running(store.transactor) as one, running(store.transactor) as two:
        await asyncio.gather(hammer(one), hammer(two))
    assert value(store, "hot") == 120
    assert sorted(row["position"] for row in store.rows()) == [[n, 0] for n in range(1, 121)]


async def test_the_same_key_at_two_processes_counts_once(store: Store) -> None:
    async with running(store.transactor) as one, running(store.transactor) as two:
        for n in range(10):
            keys = [f"{n}.{m}" for m in range(5)]
            await asyncio.gather(*(lane.submit(Add("a", key=key)) for lane in (one, two) for key in keys))
    assert value(store, "a") == 50
    assert all(store.get(Ref(KEYS, f"{n}.{m}")) for n in range(10) for m in range(5))


async def test_endless_contention_on_one_command_does_not_hold_its_neighbours(store: Store) -> None:
    """A batch that met rivals `CONTENDED_TRIES` times is split, so that only who touches the hot document waits."""
    await settle(store, Add("hot"))
    versions = iter(range(100, 100 + 2 * CONTENDED_TRIES))

    def between() -> None:
        version = next(versions, None)
        if version is not None:
            store.put(COUNTERS, {"_id": "hot", "value": version, "version": version})

    async with running(store.transactor) as lane:
        answers = await asyncio.gather(
            *(lane.submit(Add(f"cold.{n}")) for n in range(5)), lane.submit(Add("hot", between=between))
        )
    assert answers == [1, 1, 1, 1, 1, 100 + 2 * CONTENDED_TRIES]
    assert lane.stats.split > 0
