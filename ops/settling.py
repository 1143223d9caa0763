"""Settling dead letters: through a commit lane of our own, so that versions guard against live workers.

Replaying never sends anything to Kafka. A service may not write the topics it reads, and a message that came again on its
topic would come to every other reader too. The delivery goes back into the line of its key (`held_keys`), from where the
live worker of this one service carries it out, once, by the dedupe row.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal

from pymongo.errors import CollectionInvalid, OperationFailure

from ops.dlq import CannotSettle, Letter
from shared.clock import system_clock
from shared.contracts.envelope import Message
from shared.mongo.client import Database
from shared.mongo.dead_letters import DEAD_LETTERS
from shared.mongo.inbox import HELD_KEYS, INBOX, Delivery, dedupe_id, held_id, line_up, stored_delivery
from shared.mongo.lane import Lane
from shared.mongo.retry import Settle
from shared.mongo.transactions import MongoTransactor
from shared.mongo.work import Command, Ref, Work

ACTIONS = "operator_actions"
"""Who settled what, when and why; written in the transaction of its effect, never removed."""

Decision = Literal["replay", "drop"]


@dataclass(frozen=True, slots=True)
class Audit:
    """Who decided, and why."""

    id: str
    by: str
    reason: str


def possible(letter: Letter, decision: Decision) -> str:
    """What `settle` would do, in words. Raises `CannotSettle` with what to do instead."""
    if letter.document["state"] != "open":
        raise CannotSettle(f"{letter.id}: 已处理 is settled already: {letter.document['state']}")
    if decision == "drop":
        return "丢弃，其后的消息继续 dropped for good, the line goes on" if letter.holds else "丢弃 dropped for good"
    if letter.message is None:
        raise CannotSettle(
            f"{letter.id}: 仍无法解码 still cannot be read ({letter.unreadable}): deploy a version that can, or let the "
            f"sender send it again under a new id and `qianshao dlq drop {letter.id}`"
        )
    line = f"{letter.held_id}, {letter.behind} behind it" if letter.holds else f"{letter.held_id}"
    return f"由 {letter.service} worker 立即重试 tried again at once by its worker: {line}"


async def settle(lane: Lane, letter: Letter, decision: Decision, audit: Audit) -> bool:
    """Carry it out with its audit row. Returns False when somebody else was quicker: then nothing was changed.

    Raises `CannotSettle`, `shared.errors.Unavailable`.
    """
    possible(letter, decision)
    command: Command[bool]
    if letter.holds:
        assert letter.held_id is not None
        command = Settle(letter.held_id, letter.delivery, decision)
    elif decision == "replay":
        assert letter.message is not None
        command = Requeue(letter.id, letter.delivery, letter.message)
    else:
        command = Drop(letter.id, letter.delivery, letter.message)
    return await lane.submit(Audited(command, letter, decision, audit))


@dataclass(frozen=True, slots=True)
class Requeue:
    """Let a letter that holds nothing into the line of its key; the live worker carries it out, unless it was already."""

    letter: str
    delivery: Delivery
    message: Message

    def reads(self) -> Iterable[Ref]:
        return [Ref(DEAD_LETTERS, self.letter), Ref(HELD_KEYS, held_id(self.delivery.topic, self.message))]

    def decide(self, work: Work) -> bool:
        letter = work.get(DEAD_LETTERS, self.letter)
        if letter is None or letter["state"] != "open":
            return False
        id_ = held_id(self.delivery.topic, self.message)
        held = work.get(HELD_KEYS, id_)
        if held is not None:
            line_up(work, held, self.delivery, self.message)
        else:
            head = stored_delivery(self.delivery, self.message)
            size = len(self.delivery.value)
            fresh = {"state": "retrying", "attempts": 0, "due": work.now, "error": "", "first_at": work.now}
            work.put(HELD_KEYS, {"_id": id_, "topic": self.delivery.topic, "bytes": size, "line": [head], **fresh})
        work.put(DEAD_LETTERS, {**letter, "state": "replayed"})
        return True


@dataclass(frozen=True, slots=True)
class Drop:
    """Settle a letter that holds nothing. One that can be read stays dropped when Kafka delivers it again."""

    letter: str
    delivery: Delivery
    message: Message | None

    def reads(self) -> Iterable[Ref]:
        letter = Ref(DEAD_LETTERS, self.letter)
        return [letter] if self.message is None else [letter, Ref(INBOX, dedupe_id(self.delivery.topic, self.message))]

    def decide(self, work: Work) -> bool:
        letter = work.get(DEAD_LETTERS, self.letter)
        if letter is None or letter["state"] != "open":
            return False
        if self.message is not None:
            dedupe = dedupe_id(self.delivery.topic, self.message)
            if work.get(INBOX, dedupe) is None:
                work.put(INBOX, {"_id": dedupe, "at": work.now})
        work.put(DEAD_LETTERS, {**letter, "state": "dropped"})
        return True


@dataclass(frozen=True, slots=True)
class Audited:
    """A decision and the row that says who took it, in one transaction."""

    inner: Command[bool]
    letter: Letter
    decision: Decision
    audit: Audit

    def reads(self) -> Iterable[Ref]:
        return [Ref(ACTIONS, self.audit.id), *self.inner.reads()]

    def decide(self, work: Work) -> bool:
        if not self.inner.decide(work):
            return False
        row: dict[str, Any] = {
            "_id": self.audit.id,
            "at": work.now,
            "by": self.audit.by,
            "what": f"dlq {self.decision}",
            "letter": self.letter.id,
            "key": self.letter.held_id,
            "error": self.letter.document["error"],
            "reason": self.audit.reason,
        }
        work.put(ACTIONS, row)
        return True


@asynccontextmanager
async def lane_over(database: Database) -> AsyncIterator[Lane]:
    """A commit lane of our own, beside those of the service's processes. Makes the audit collection if it is not there."""
    if ACTIONS not in await database.list_collection_names():
        with suppress(CollectionInvalid, OperationFailure):  # another operator was quicker
            await database.create_collection(ACTIONS)
    lane = Lane(MongoTransactor(database.client, database, system_clock))
    running = asyncio.create_task(lane.run())
    try:
        yield lane
    finally:
        running.cancel()
