"""What `qianshao dlq` decides, over a memory store with the lane's own rules."""

from dataclasses import replace
from typing import Any

import pytest

from ops.dlq import CannotSettle, Letter, delivery_of
from ops.settling import ACTIONS, Audit, Decision, possible, settle
from shared.contracts.envelope import decode
from shared.mongo.dead_letters import DEAD_LETTERS, dead_letter_id
from shared.mongo.inbox import HELD_KEYS, INBOX, Delivery, dedupe_id, stored_delivery
from shared.mongo.work import Document, Ref
from tests.support.deliveries import AT, TOPIC, delivery, garbage
from tests.support.lanes import running
from tests.support.memory import NOW, MemoryTransactor

AUDIT = Audit("a1", "王工", "修正已发布")
HELD = f"{TOPIC}|a"


def letter_of(one: Delivery, *, holds: bool = False, state: str = "open") -> Letter:
    document: Document = {
        "_id": dead_letter_id(one),
        "headers": [[name, content] for name, content in one.headers],
        "key": one.key,
        "value": one.value,
        "state": state,
        "error": "x",
        "first_at": AT,
        "version": 1,
    }
    try:
        return Letter("intake", document, one, decode(one.topic, one.headers, one.value), None, holds, 0)
    except Exception as error:  # noqa: BLE001 - what garbage raises is not at issue here
        return Letter("intake", document, one, None, str(error), holds, 0)


def dedupe(one: Delivery) -> str:
    return dedupe_id(one.topic, decode(one.topic, one.headers, one.value))


def held(*line: Delivery, state: str = "dead") -> Document:
    stored = [stored_delivery(one, decode(one.topic, one.headers, one.value)) for one in line]
    return {"_id": HELD, "topic": TOPIC, "bytes": 1, "line": stored, "state": state, "attempts": 7, "version": 1}


async def decide(store: MemoryTransactor, letter: Letter, decision: Decision) -> bool:
    store.documents.setdefault(Ref(DEAD_LETTERS, letter.id), letter.document)
    async with running(store) as lane:
        return await settle(lane, letter, decision, AUDIT)


def state_of(store: MemoryTransactor, letter: Letter) -> Any:
    return store.documents[Ref(DEAD_LETTERS, letter.id)]["state"]


async def test_a_letter_that_holds_nothing_goes_back_into_a_line_of_its_own() -> None:
    store, one = MemoryTransactor(), delivery("a")
    assert await decide(store, letter_of(one), "replay")
    line = store.documents[Ref(HELD_KEYS, HELD)]
    assert (line["state"], line["due"], line["line"][0]["dedupe"]) == ("retrying", NOW, dedupe(one))
    assert state_of(store, letter_of(one)) == "replayed"
    assert store.documents[Ref(ACTIONS, "a1")]["by"] == "王工"


async def test_it_waits_behind_what_holds_its_key_by_now() -> None:
    store, first, late = MemoryTransactor(), delivery("a", 1), delivery("a", 2)
    store.documents[Ref(HELD_KEYS, HELD)] = held(first, state="retrying")
    assert await decide(store, letter_of(late), "replay")
    line = store.documents[Ref(HELD_KEYS, HELD)]["line"]
    assert [waiting["dedupe"] for waiting in line] == [dedupe(first), dedupe(late)]


async def test_a_letter_that_holds_its_key_is_tried_again_where_it_stands() -> None:
    store, one = MemoryTransactor(), delivery("a")
    store.documents[Ref(HELD_KEYS, HELD)] = held(one)
    assert await decide(store, letter_of(one, holds=True), "replay")
    assert store.documents[Ref(HELD_KEYS, HELD)]["state"] == "retrying"
    assert state_of(store, letter_of(one)) == "replayed"


async def test_dropping_what_holds_a_key_frees_it_and_remembers() -> None:
    store, one = MemoryTransactor(), delivery("a")
    store.documents[Ref(HELD_KEYS, HELD)] = held(one)
    assert await decide(store, letter_of(one, holds=True), "drop")
    assert Ref(HELD_KEYS, HELD) not in store.documents
    assert Ref(INBOX, dedupe(one)) in store.documents


async def test_dropping_what_can_be_read_keeps_kafka_from_bringing_it_again() -> None:
    store, one = MemoryTransactor(), delivery("a")
    assert await decide(store, letter_of(one), "drop")
    assert Ref(INBOX, dedupe(one)) in store.documents
    assert state_of(store, letter_of(one)) == "dropped"


async def test_garbage_is_dropped_and_recorded() -> None:
    store, letter = MemoryTransactor(), letter_of(garbage())
    assert await decide(store, letter, "drop")
    assert state_of(store, letter) == "dropped"
    action = store.documents[Ref(ACTIONS, "a1")]
    assert (action["what"], action["reason"], action["letter"]) == ("dlq drop", "修正已发布", letter.id)


async def test_garbage_cannot_be_replayed() -> None:
    with pytest.raises(CannotSettle, match="qianshao dlq drop"):
        await decide(MemoryTransactor(), letter_of(garbage()), "replay")


@pytest.mark.parametrize("decision", ["replay", "drop"])
async def test_whoever_comes_second_changes_nothing_and_records_nothing(decision: Decision) -> None:
    store, letter = MemoryTransactor(), letter_of(delivery("a"))
    store.documents[Ref(DEAD_LETTERS, letter.id)] = {**letter.document, "state": "dropped"}
    assert not await decide(store, letter, decision)
    assert Ref(ACTIONS, "a1") not in store.documents
    assert store.transactions == 0


@pytest.mark.parametrize("decision", ["replay", "drop"])
def test_a_settled_letter_is_refused(decision: Decision) -> None:
    with pytest.raises(CannotSettle, match="dropped"):
        possible(letter_of(delivery("a"), state="dropped"), decision)


def test_a_delivery_is_read_back_byte_for_byte() -> None:
    one = replace(garbage(), topic="department-updates.fire", partition=2)
    assert delivery_of(letter_of(one).document) == one
