"""The line behind a failed event: tiers, dead letters, replay and drop, and who waits meanwhile."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from shared.contracts.dead_letter import DeadLetter
from shared.contracts.envelope import decode
from shared.mongo.dead_letters import DEAD_LETTERS, Bury, Verdict, dead_letter_id
from shared.mongo.inbox import Delivery, Receive, Received
from shared.mongo.lane import Lane
from shared.mongo.retry import TIERS_SECONDS, Hold, Postpone, Redeliver, RetryLoop, Settle
from shared.mongo.work import Document, Ref
from tests.support.deliveries import AT, TOPIC, Handler, Sickness, Wobbly, delivery, garbage, retry_loop
from tests.support.lanes import running
from tests.support.memory import NOW

HELD_A = f"{TOPIC}|a"


class Line:
    """A store, a lane and a retry loop in which key `a` is held by its first event."""

    def __init__(self, store: Wobbly, lane: Lane) -> None:
        self.store = store
        self.lane = lane
        self.handler = Handler({("a", 1): "decide"})
        self.loop: RetryLoop = retry_loop(store, lane, self.handler)

    async def hold(self, one: Delivery) -> None:
        await self.lane.submit(Hold(one, decode(one.topic, one.headers, one.value), "ValueError('first')"))

    async def receive(self, one: Delivery) -> Received:
        message = decode(one.topic, one.headers, one.value)
        return await self.lane.submit(Receive(one, message, self.handler(message)))

    async def settle(self, one: Delivery, decision: str) -> bool:
        return await self.lane.submit(Settle(HELD_A, one, decision))  # type: ignore[arg-type]

    async def until_dead(self) -> None:
        for _ in TIERS_SECONDS:
            await self.loop.step()
        assert self.held["state"] == "dead"

    @property
    def held(self) -> Document:
        return self.store.held()[HELD_A]

    def letter(self, one: Delivery) -> Document:
        return self.store.documents[Ref(DEAD_LETTERS, dead_letter_id(one))]

    def dead(self) -> list[DeadLetter]:
        rows = [row for row in self.store.rows if row["topic"] == f"{TOPIC}.dlq"]
        return [DeadLetter.read([(name, content) for name, content in row["headers"]], row["value"]) for row in rows]


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    store = Wobbly()
    async with running(store) as lane:
        made = Line(store, lane)
        await made.hold(delivery("a", 1))
        yield made


@pytest.mark.parametrize("sickness", ["handle", "decide", "commit"])
async def test_each_failure_waits_for_the_next_tier_and_the_last_one_is_a_dead_letter(
    line: Line, sickness: Sickness
) -> None:
    line.handler.sick = {("a", 1): sickness}
    waits = [line.held["due"] - NOW]
    for _ in TIERS_SECONDS[1:]:
        await line.loop.step()
        assert line.held["state"] == "retrying"
        waits.append(line.held["due"] - NOW)
    assert waits == [timedelta(seconds=seconds) for seconds in (0.2, 1, 5, 10, 60, 600)]
    assert not line.dead()
    await line.loop.step()
    assert (line.held["state"], line.held["attempts"]) == ("dead", 7)
    assert not await line.loop.step()  # it is not tried any more
    assert line.store.effects() == {}


async def test_a_dead_letter_carries_the_original_bytes_and_what_happened(line: Line) -> None:
    await line.until_dead()
    (letter,) = line.dead()
    assert (letter.headers, letter.value) == (delivery("a", 1).headers, delivery("a", 1).value)
    assert (letter.consumer, letter.topic, letter.partition, letter.offset) == ("points", TOPIC, 0, 1)
    assert (letter.error_class, letter.error, letter.attempts) == ("ValueError", "a1 is sick", 7)
    assert (letter.first_at, letter.last_at) == (NOW, NOW)
    stored = line.letter(delivery("a", 1))
    assert (stored["state"], stored["value"], stored["attempts"]) == ("open", delivery("a", 1).value, 7)


async def test_a_healed_head_is_done_once_and_its_line_follows_in_order(line: Line) -> None:
    for number in (2, 3, 4):
        assert await line.receive(delivery("a", number)) is Received.HELD
    line.handler.sick = {}
    while await line.loop.step():
        pass
    assert line.store.effects() == {"a": [1, 2, 3, 4]}
    assert line.store.held() == {}
    assert await line.receive(delivery("a", 2)) is Received.DUPLICATE
    assert await line.receive(delivery("a", 5)) is Received.DONE


async def test_a_later_one_that_fails_begins_with_the_first_tier(line: Line) -> None:
    await line.receive(delivery("a", 2))
    for _ in range(3):
        await line.loop.step()
    assert line.held["attempts"] == 4
    line.handler.sick = {("a", 2): "decide"}
    await line.loop.step()
    assert (line.held["attempts"], line.held["due"], len(line.held["line"])) == (0, NOW, 1)
    await line.loop.step()
    assert (line.held["attempts"], line.held["due"]) == (1, NOW + timedelta(seconds=0.2))
    assert line.held["bytes"] == len(delivery("a", 2).value)


async def test_behind_a_dead_head_the_line_waits_until_someone_decides(line: Line) -> None:
    await line.until_dead()
    line.handler.sick = {}
    assert await line.receive(delivery("a", 2)) is Received.HELD
    assert not await line.loop.step()
    assert await line.receive(delivery("b", 1)) is Received.DONE
    assert line.store.effects() == {"b": [1]}


async def test_replay_tries_the_dead_head_again_and_the_line_follows(line: Line) -> None:
    await line.until_dead()
    await line.receive(delivery("a", 2))
    line.handler.sick = {}
    assert await line.settle(delivery("a", 1), "replay")
    assert line.letter(delivery("a", 1))["state"] == "replayed"
    while await line.loop.step():
        pass
    assert line.store.effects() == {"a": [1, 2]}
    assert len(line.dead()) == 1


async def test_a_replay_in_vain_is_a_dead_letter_again_after_all_tiers(line: Line) -> None:
    await line.until_dead()
    assert await line.settle(delivery("a", 1), "replay")
    for _ in range(7):
        assert line.held["state"] == "retrying"
        await line.loop.step()
    assert line.held["state"] == "dead"
    assert line.letter(delivery("a", 1))["state"] == "open"
    assert [letter.attempts for letter in line.dead()] == [7, 7]
    assert len({row["_id"] for row in line.store.rows}) == 2


async def test_drop_lets_the_line_go_on_without_the_head(line: Line) -> None:
    await line.until_dead()
    await line.receive(delivery("a", 2))
    assert await line.settle(delivery("a", 1), "drop")
    assert line.letter(delivery("a", 1))["state"] == "dropped"
    await line.loop.step()
    assert line.store.effects() == {"a": [2]}
    assert line.store.held() == {}


async def test_what_was_dropped_stays_dropped_when_the_topic_is_read_again(line: Line) -> None:
    await line.until_dead()
    await line.settle(delivery("a", 1), "drop")
    line.handler.sick = {}
    assert await line.receive(delivery("a", 1)) is Received.DUPLICATE
    assert line.store.effects() == {}


async def test_a_settled_letter_decides_nothing_about_the_next_dead_head(line: Line) -> None:
    await line.receive(delivery("a", 2))
    await line.until_dead()
    await line.settle(delivery("a", 1), "drop")
    line.handler.sick = {("a", 2): "decide"}
    for _ in range(7):
        await line.loop.step()
    assert line.held["state"] == "dead"
    assert not await line.settle(delivery("a", 1), "drop")
    assert not await line.settle(delivery("a", 1), "replay")
    assert (line.held["state"], line.held["line"][0]["offset"]) == ("dead", 2)
    assert line.letter(delivery("a", 1))["state"] == "dropped"


async def test_only_a_dead_head_can_be_settled(line: Line) -> None:
    assert not await line.settle(delivery("a", 1), "drop")
    assert line.held["state"] == "retrying"
    assert not await line.settle(delivery("a", 2), "replay")


async def test_two_workers_with_the_same_head_deliver_it_once(line: Line) -> None:
    line.handler.sick = {}
    message = decode(TOPIC, delivery("a", 1).headers, delivery("a", 1).value)
    held = line.held
    await line.receive(delivery("a", 2))
    for _ in range(2):
        await line.lane.submit(Redeliver(held, message, line.handler(message)))
    assert line.store.effects() == {"a": [1]}
    assert [waiting["offset"] for waiting in line.held["line"]] == [2]


async def test_a_slower_worker_postpones_neither_twice_nor_the_next_head(line: Line) -> None:
    held = line.held
    for _ in range(2):
        await line.lane.submit(Postpone("points", held, ValueError("slow")))
    assert line.held["attempts"] == 2
    # the second head starts where the first one once stood; what is said of the first is not said of it
    for number in (2, 3):
        await line.receive(delivery("a", number))
    line.handler.sick = {}
    await line.loop.step()
    second = line.held
    await line.loop.step()
    assert (second["attempts"], line.held["attempts"]) == (0, 0)
    await line.lane.submit(Postpone("points", second, ValueError("slow")))
    assert (line.held["attempts"], line.held["line"][0]["offset"]) == (0, 3)


async def test_a_commit_whose_answer_got_lost_is_not_done_twice(line: Line) -> None:
    from shared.mongo.lane import Transient

    line.handler.sick = {}
    line.store.faults = [("after", Transient()), ("before", Transient())]
    await line.loop.step()
    assert line.store.effects() == {"a": [1]}
    assert line.store.held() == {}


async def test_burying_again_tells_nobody_again_also_after_a_drop() -> None:
    store = Wobbly()
    async with running(store) as lane:
        bury = Bury("points", garbage(), Verdict("undecodable", "x" * 1000, 1, AT))
        await lane.submit(bury)
        await lane.submit(bury)
        id_ = Ref(DEAD_LETTERS, dead_letter_id(garbage()))
        assert (store.documents[id_]["state"], len(store.documents[id_]["error"])) == ("open", 300)
        store.documents[id_] = {**store.documents[id_], "state": "dropped"}
        await lane.submit(bury)
        assert store.documents[id_]["state"] == "dropped"
    (row,) = store.rows
    assert row["value"] == garbage().value
    assert [tuple(header) for header in row["headers"]][:1] == garbage().headers
