"""Receiving once: the dedupe row, the line behind a failed event, and its limits."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from shared.contracts.envelope import decode
from shared.mongo import inbox
from shared.mongo.inbox import HELD_KEYS, INBOX, Delivery, HeldKeyFull, Receive, Received, delivery_from
from shared.mongo.lane import Lane
from shared.mongo.retry import Hold
from shared.mongo.work import Ref
from tests.support.deliveries import TOPIC, Handler, Wobbly, delivery
from tests.support.lanes import running
from tests.support.memory import NOW


@pytest.fixture
def store() -> Wobbly:
    return Wobbly()


@pytest.fixture
async def lane(store: Wobbly) -> AsyncIterator[Lane]:
    async with running(store) as lane:
        yield lane


def receive(one: Delivery, handler: Handler) -> Receive:
    message = decode(one.topic, one.headers, one.value)
    return Receive(one, message, handler(message))


def hold(one: Delivery) -> Hold:
    return Hold(one, decode(one.topic, one.headers, one.value), "it failed")


def numbers(line: list[dict[str, int]]) -> list[int]:
    return [waiting["offset"] for waiting in line]


async def test_the_second_delivery_is_a_duplicate_and_has_no_effect(lane: Lane, store: Wobbly) -> None:
    handler = Handler()
    assert await lane.submit(receive(delivery("a"), handler)) is Received.DONE
    assert await lane.submit(receive(delivery("a", offset=77), handler)) is Received.DUPLICATE
    assert store.effects() == {"a": [1]}


async def test_twins_in_one_batch_are_done_once(lane: Lane, store: Wobbly) -> None:
    outcomes = await asyncio.gather(*(lane.submit(receive(delivery("a"), Handler())) for _ in range(5)))
    assert outcomes == [Received.DONE, *[Received.DUPLICATE] * 4]
    assert store.effects() == {"a": [1]}


async def test_the_dedupe_row_names_topic_source_and_id_and_shares_the_effects_fate(lane: Lane, store: Wobbly) -> None:
    with pytest.raises(ValueError, match="sick"):
        await lane.submit(receive(delivery("a"), Handler({("a", 1): "decide"})))
    assert not store.documents
    await lane.submit(receive(delivery("a"), Handler()))
    row = store.documents[Ref(INBOX, f"{TOPIC}|/140302003/dispatch|incident-changed:a:1:0")]
    assert row["at"] == NOW


async def test_the_same_id_from_another_source_or_topic_is_another_event() -> None:
    message = decode(TOPIC, delivery("a").headers, delivery("a").value)
    foreign = replace(message, envelope=replace(message.envelope, source="/140302004/dispatch"))
    ids = {inbox.dedupe_id(TOPIC, message), inbox.dedupe_id(TOPIC, foreign), inbox.dedupe_id("x", message)}
    assert len(ids) == 3


async def test_behind_a_failed_event_its_key_waits_in_order_and_others_do_not(lane: Lane, store: Wobbly) -> None:
    await lane.submit(hold(delivery("a", 1)))
    for number in (2, 3):
        assert await lane.submit(receive(delivery("a", number), Handler())) is Received.HELD
    assert await lane.submit(receive(delivery("b", 1), Handler())) is Received.DONE
    held = store.held()[f"{TOPIC}|a"]
    assert numbers(held["line"]) == [1, 2, 3]
    assert (held["state"], held["attempts"], held["error"]) == ("retrying", 1, "it failed")
    assert held["bytes"] == sum(len(delivery("a", number).value) for number in (1, 2, 3))
    assert store.effects() == {"b": [1]}


async def test_what_waits_already_does_not_wait_twice(lane: Lane, store: Wobbly) -> None:
    await lane.submit(hold(delivery("a", 1)))
    for _ in range(2):
        await lane.submit(receive(delivery("a", 1), Handler()))
        await lane.submit(receive(delivery("a", 2), Handler()))
        await lane.submit(hold(delivery("a", 1)))
    held = store.held()[f"{TOPIC}|a"]
    assert numbers(held["line"]) == [1, 2]
    assert held["attempts"] == 1


async def test_what_was_done_before_is_a_duplicate_even_while_its_key_is_held(lane: Lane, store: Wobbly) -> None:
    await lane.submit(receive(delivery("a", 1), Handler()))
    await lane.submit(hold(delivery("a", 2)))
    assert await lane.submit(receive(delivery("a", 1), Handler())) is Received.DUPLICATE
    assert numbers(store.held()[f"{TOPIC}|a"]["line"]) == [2]


async def test_a_held_delivery_comes_back_byte_for_byte(lane: Lane, store: Wobbly) -> None:
    strange = replace(delivery("a"), headers=[*delivery("a").headers, ("x", b"\xff\x00")], key=None)
    await lane.submit(hold(strange))
    (stored,) = store.held()[f"{TOPIC}|a"]["line"]
    assert delivery_from(stored) == strange


async def test_a_line_has_an_end(lane: Lane, store: Wobbly, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "MAX_HELD_BYTES", 3 * len(delivery("a").value))
    await lane.submit(hold(delivery("a", 1)))
    for number in (2, 3):
        await lane.submit(receive(delivery("a", number), Handler()))
    with pytest.raises(HeldKeyFull, match=r"incident-changed\|a: 3 messages wait"):
        await lane.submit(receive(delivery("a", 4), Handler()))
    assert numbers(store.held()[f"{TOPIC}|a"]["line"]) == [1, 2, 3]
    assert await lane.submit(receive(delivery("b", 1), Handler())) is Received.DONE
    assert store.documents[Ref(HELD_KEYS, f"{TOPIC}|a")]["state"] == "retrying"
