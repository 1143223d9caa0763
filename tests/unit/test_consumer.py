"""The consume loop: every delivery once and in order per key, whatever fails meanwhile, and acknowledged only then."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.contracts.dead_letter import DeadLetter
from shared.errors import Unavailable
from shared.kafka import agents
from shared.kafka.agents import Consumer, Exhausted
from shared.mongo import lane as lanes
from shared.mongo.dead_letters import DEAD_LETTERS
from shared.mongo.inbox import INBOX, Delivery, delivery_from
from shared.mongo.lane import Contended, Lane, Transient
from shared.mongo.retry import Settle
from tests.support.deliveries import TOPIC, Handler, Sickness, Wobbly, delivery, garbage, retry_loop
from tests.support.memory import NOW


class Time:
    """Stands until the test moves it."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class House:
    """A consumer with its lane over a memory store."""

    def __init__(self, max_batch: int = 50) -> None:
        self.store = Wobbly()
        self.handler = Handler()
        self.time = Time()
        self.fatal: list[BaseException] = []
        self.ending = asyncio.Event()
        self.lane = Lane(self.store, max_batch=max_batch, monotonic=self.time)
        self.consumer = Consumer(TOPIC, "points", self.handler, self.lane, lambda: NOW, self.end, self.time)
        self.retries = retry_loop(self.store, self.lane, self.handler)

    def end(self, error: BaseException) -> None:
        """What the process is told when nothing helps."""
        self.fatal.append(error)
        self.ending.set()

    async def heal(self) -> None:
        """Everything works again; operators replay what is dead."""
        self.handler.sick.clear()
        self.store.faults.clear()
        while self.store.held():
            for id_, held in self.store.held().items():
                if held["state"] == "dead":
                    await self.lane.submit(Settle(id_, delivery_from(held["line"][0]), "replay"))
            await self.retries.step()


@asynccontextmanager
async def opened(max_batch: int = 50) -> AsyncIterator[House]:
    house = House(max_batch)
    task = asyncio.create_task(house.lane.run())
    try:
        yield house
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with opened() as house:
        yield house


@pytest.fixture(autouse=True, scope="module")
def _no_jitter() -> Iterator[None]:
    """Back-off is real time; what is tested here is order."""
    at_once = SimpleNamespace(uniform=lambda low, high: 0.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(agents, "random", at_once)
        patch.setattr(lanes, "random", at_once)
        yield


async def test_a_batch_is_done_in_one_transaction(house: House) -> None:
    await house.consumer.process([delivery(key, number) for number in (1, 2, 3) for key in "abc"])
    assert house.store.effects() == {key: [1, 2, 3] for key in "abc"}
    assert house.store.transactions == 1
    assert house.consumer.stats.done == 9


async def test_delivered_again_nothing_changes(house: House) -> None:
    """Rule 9 of the contract, for one consumer."""
    batch = [delivery(key, number) for number in (1, 2, 3) for key in "abc"]
    await house.consumer.process([*batch[:5], garbage()])
    await house.consumer.process([*batch, garbage()])
    before = (dict(house.store.documents), list(house.store.rows))
    await house.consumer.process([*batch, garbage(), *batch])
    assert (house.store.documents, house.store.rows) == before
    assert (house.consumer.stats.done, house.consumer.stats.duplicate) == (9, 5 + 18)


@pytest.mark.parametrize("max_batch", [1, 2, 50])
@pytest.mark.parametrize("sickness", ["handle", "decide", "commit"])
@pytest.mark.parametrize("position", [1, 2, 3, 4])
async def test_one_that_fails_at_any_position_holds_what_follows_it_and_nobody_else(
    position: int, sickness: Sickness, max_batch: int
) -> None:
    async with opened(max_batch) as house:
        house.handler.sick[("a", position)] = sickness
        await house.consumer.process([delivery(key, number) for number in (1, 2, 3, 4) for key in "ab"])
        assert house.store.effects().get("a", []) == list(range(1, position))
        assert house.store.effects()["b"] == [1, 2, 3, 4]
        (held,) = house.store.held().values()
        assert [waiting["offset"] for waiting in held["line"]] == list(range(position, 5))
        await house.heal()
        assert house.store.effects() == {"a": [1, 2, 3, 4], "b": [1, 2, 3, 4]}


async def test_garbage_is_buried_at_once_and_its_neighbours_are_on_time(house: House) -> None:
    await house.consumer.process([delivery("a", 1), garbage(), delivery("a", 2)])
    assert house.store.effects() == {"a": [1, 2]}
    assert house.store.held() == {}
    (row,) = house.store.rows
    letter = DeadLetter.read([(name, content) for name, content in row["headers"]], row["value"])
    assert (letter.consumer, letter.error_class, letter.attempts, letter.offset) == ("points", "undecodable", 1, 99)
    assert letter.value == garbage().value
    stats = house.consumer.stats
    assert (stats.done, stats.dead, stats.held) == (2, 1, 0)
    assert sum(ref.collection == DEAD_LETTERS for ref in house.store.documents) == 1


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_wobble_of_the_store_is_waited_out(house: House, when: Literal["before", "after"]) -> None:
    house.store.faults = [(when, Transient()), (when, Contended()), (when, Transient())]
    await house.consumer.process([delivery("a", number) for number in (1, 2, 3)])
    assert house.store.effects() == {"a": [1, 2, 3]}
    assert house.store.held() == {}


def goes_away_for(house: House, *calls: int) -> None:
    """The store does not answer these transactions (counted from 1) within the time that a caller waits."""
    real, made = house.store.transact, 0

    async def transact(refs: Any, decide: Any, seconds: float) -> None:
        nonlocal made
        made += 1
        if made in calls:
            house.time.now += 6
            raise Transient
        await real(refs, decide, seconds)

    house.store.transact = transact  # type: ignore[method-assign]


async def test_a_failure_that_cannot_be_held_yet_keeps_its_place(house: House) -> None:
    """The store goes away between the failure and the note of it."""
    house.handler.sick[("a", 1)] = "decide"
    goes_away_for(house, 2, 3)
    await house.consumer.process([delivery("a", 1), delivery("a", 2)])
    (held,) = house.store.held().values()
    assert [waiting["offset"] for waiting in held["line"]] == [1, 2]
    await house.heal()
    assert house.store.effects() == {"a": [1, 2]}


async def test_a_failure_that_is_tried_twice_counts_once_for_the_breaker(house: House) -> None:
    house.handler.sick[("a", 1)] = "decide"
    goes_away_for(house, 2, 3)
    for _ in range(49):
        house.consumer.breaker.record(False)
    await house.consumer.process([delivery("a", 1)])
    assert not house.consumer.breaker.open  # the fiftieth in a row
    house.consumer.breaker.record(False)
    assert house.consumer.breaker.open


async def test_when_the_store_stays_away_the_process_is_told_to_end_with_nothing_acknowledged(house: House) -> None:
    async def away(refs: Any, decide: Any, seconds: float) -> None:
        house.time.now += 6
        raise Transient

    house.store.transact = away  # type: ignore[method-assign]
    began = house.time.now
    with pytest.raises(Exhausted, match="no progress for 45 s"):
        await house.consumer.process([delivery("a", 1)])
    assert 45 < house.time.now - began < 60
    assert house.consumer.stats.transient >= 7


async def test_progress_begins_the_45_seconds_anew(house: House) -> None:
    real, calls = house.store.transact, 0

    async def slow(refs: Any, decide: Any, seconds: float) -> None:
        nonlocal calls
        calls += 1
        house.time.now += 6
        if calls % 6:
            raise Transient
        await real(refs, decide, seconds)

    house.store.transact = slow  # type: ignore[method-assign]
    for number in (1, 2, 3):
        await house.consumer.process([delivery("a", number)])
    assert house.time.now > 1000 + 100
    assert house.store.effects() == {"a": [1, 2, 3]}


async def test_each_delivery_counts_once_for_the_breaker_however_often_it_is_tried(house: House) -> None:
    for number in range(1, 51):
        house.handler.sick[("a", 1)] = "decide"
        house.handler.sick[(f"k{number}", 1)] = "decide"
    await house.consumer.process([delivery(f"k{number}", 1) for number in range(1, 51)])
    assert not house.consumer.breaker.open
    await house.consumer.process([delivery("a", 1)])
    assert house.consumer.breaker.open


class Events:
    """A Faust stream: gives what it has, then waits or ends, and notes what is acknowledged."""

    def __init__(self, deliveries: list[Delivery], on_ack: Callable[[], None], *, ends: bool = False) -> None:
        self._deliveries = deliveries
        self._on_ack = on_ack
        self._ends = ends
        self.acked: list[int] = []
        self.all_acked = asyncio.Event()

    def noack(self) -> "Events":
        return self

    async def events(self) -> AsyncIterator[Any]:
        for one in self._deliveries:
            yield SimpleNamespace(message=one)
        if not self._ends:
            await asyncio.Event().wait()

    async def ack(self, event: Any) -> bool:
        self._on_ack()
        self.acked.append(event.message.offset)
        if len(self.acked) == len(self._deliveries):
            self.all_acked.set()
        return True


async def test_deliveries_are_acknowledged_in_order_and_only_after_the_commit(house: House) -> None:
    def is_durable() -> None:
        done = {ref.id for ref in house.store.documents if ref.collection == INBOX}
        assert len(done) > len(stream.acked)

    stream = Events([delivery("ab"[n % 2], n) for n in range(1, 21)], is_durable)
    task = asyncio.create_task(house.consumer.consume(stream))
    async with asyncio.timeout(5):
        await stream.all_acked.wait()
    assert stream.acked == list(range(1, 21))
    assert house.fatal == []
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def ends_with(house: House, stream: Events) -> BaseException:
    task = asyncio.create_task(house.consumer.consume(stream))
    async with asyncio.timeout(5):
        await house.ending.wait()
    assert not task.done()  # leaving the agent would acknowledge what failed
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    (error,) = house.fatal
    return error


async def test_trouble_ends_the_process_not_the_agent(house: House) -> None:
    async def away(refs: Any, decide: Any, seconds: float) -> None:
        house.time.now += 6
        raise Transient

    house.store.transact = away  # type: ignore[method-assign]
    stream = Events([delivery("a", 1)], lambda: None)
    assert isinstance(await ends_with(house, stream), Exhausted)
    assert stream.acked == []


async def test_a_stream_that_ends_is_an_error(house: House) -> None:
    error = await ends_with(house, Events([], lambda: None, ends=True))
    assert "the stream ended" in str(error)


async def test_an_open_breaker_lets_one_delivery_through_at_a_time(house: House) -> None:
    for _ in range(51):
        house.consumer.breaker.record(False)
    house.time.now += 60
    sizes: list[int] = []
    real = house.consumer.process

    async def process(deliveries: list[Delivery]) -> None:
        sizes.append(len(deliveries))
        await real(deliveries)

    house.consumer.process = process  # type: ignore[method-assign]
    stream = Events([delivery("a", number) for number in range(1, 11)], lambda: None)
    task = asyncio.create_task(house.consumer.consume(stream))
    async with asyncio.timeout(5):
        await stream.all_acked.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert sizes[0] == 1  # the probe; it closes the breaker, and what waits goes together again
    assert sum(sizes) == 10
    assert len(sizes) < 10


keys = st.sampled_from("abc")
places: st.SearchStrategy[Sickness] = st.sampled_from(["handle", "decide", "commit"])
faults = st.tuples(
    st.sampled_from(["before", "after"]), st.builds(lambda kind: kind(), st.sampled_from([Transient, Contended]))
)


@st.composite
def stories(draw: st.DrawFn) -> tuple[list[Delivery], list[dict[str, Any]]]:
    """Events of three keys, numbered within each, and what goes wrong on the way of each portion of them."""
    counts: dict[str, int] = {}
    events = []
    for offset, key in enumerate(draw(st.lists(keys, min_size=1, max_size=12))):
        counts[key] = counts.get(key, 0) + 1
        events.append(delivery(key, counts[key], offset=offset))
    known = [(key, number) for key, most in counts.items() for number in range(1, most + 1)]
    portion = st.fixed_dictionaries(
        {
            "take": st.integers(0, 5),
            "again": st.integers(0, 3),
            "sick": st.dictionaries(st.sampled_from(known), places, max_size=4),
            "faults": st.lists(faults, max_size=3),
            "slow": st.booleans(),
            "retries": st.integers(0, 8),
        }
    )
    return events, draw(st.lists(portion, min_size=1, max_size=8))


@settings(max_examples=150, deadline=None)
@given(stories(), st.sampled_from([1, 2, 3, 50]))
async def test_whatever_fails_each_effect_happens_once_and_in_order_once_all_heals(
    story: tuple[list[Delivery], list[dict[str, Any]]], max_batch: int
) -> None:
    events, portions = story
    async with opened(max_batch) as house:
        position = 0
        for portion in portions:
            house.handler.sick = portion["sick"]
            house.store.faults = list(portion["faults"])
            # Kafka repeats what was not yet acknowledged
            position = max(0, position - portion["again"])
            batch = events[position : position + portion["take"]]
            retrying = asyncio.create_task(_step(house, portion["retries"]))
            await house.consumer.process(batch)
            await retrying
            position += len(batch)
            for numbers in house.store.effects().values():
                assert numbers == list(range(1, len(numbers) + 1))
        house.handler.sick, house.store.faults = {}, []
        await house.consumer.process(events[position:])
        await house.heal()
        sent = Counter((one.key or b"").decode() for one in events)
        assert house.store.effects() == {key: list(range(1, most + 1)) for key, most in sent.items()}
        assert house.fatal == []


async def _step(house: House, times: int) -> None:
    for _ in range(times):
        try:
            await house.retries.step()
        except Unavailable:
            continue
