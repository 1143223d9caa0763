"""An event that failed waits in MongoDB, not in the consumer, so that its neighbours are on time.

`held_keys` has one document per (topic, key) with a line of deliveries. The head is tried again after 0.2 s, 1 s, 5 s,
10 s, 1 min, 10 min; whatever arrives later under that key waits behind it, so order is kept. After the last try the head
becomes a dead letter and goes on holding its key until an operator replays or drops it.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import structlog

from shared.contracts.envelope import Malformed, Message, decode
from shared.errors import Unavailable
from shared.mongo.client import Database, DatabaseError
from shared.mongo.dead_letters import DEAD_LETTERS, Bury, Verdict, dead_letter_id
from shared.mongo.inbox import (
    HELD_KEYS,
    INBOX,
    Delivery,
    Handle,
    dedupe_id,
    delivery_from,
    held_id,
    line_up,
    once,
    stored_delivery,
)
from shared.mongo.lane import Lane
from shared.mongo.veil import BeingForgotten
from shared.mongo.work import Command, Document, Ref, Work, more_reads

log = structlog.get_logger(__name__)

TIERS_SECONDS = (0.2, 1.0, 5.0, 10.0, 60.0, 600.0)
"""Waits before each new try. The short ones heal a race between topics, the long ones a repaired dependency."""

COMMIT_SECONDS = 5.0
_POLL_SECONDS = 0.2
_COUNT_SECONDS = 5.0
_BATCH = 50


@dataclass(frozen=True, slots=True)
class Hold:
    """Put a failed delivery at the head of its key's line (or behind it, if the key is held already)."""

    delivery: Delivery
    message: Message
    error: str

    def reads(self) -> Iterable[Ref]:
        return [Ref(HELD_KEYS, held_id(self.delivery.topic, self.message))]

    def decide(self, work: Work) -> None:
        id_ = held_id(self.delivery.topic, self.message)
        held = work.get(HELD_KEYS, id_)
        if held is not None:
            line_up(work, held, self.delivery, self.message)
            return
        head = stored_delivery(self.delivery, self.message)
        work.put(
            HELD_KEYS,
            {
                "_id": id_,
                "topic": self.delivery.topic,
                "bytes": len(self.delivery.value),
                "line": [head],
                **_waiting(work.now, 1, self.error, work.now),
            },
        )


def _waiting(now: datetime, attempts: int, error: str, first_at: datetime) -> Document:
    due = now + timedelta(seconds=TIERS_SECONDS[min(attempts, len(TIERS_SECONDS)) - 1])
    return {"state": "retrying", "attempts": attempts, "due": due, "error": error[:300], "first_at": first_at}


@dataclass(frozen=True, slots=True)
class Redeliver:
    """Carry out the head of a line. No effect when another worker was quicker."""

    held: Document
    message: Message
    inner: Command[Any]

    def reads(self) -> Iterable[Ref]:
        return [Ref(INBOX, self.held["line"][0]["dedupe"]), Ref(HELD_KEYS, self.held["_id"]), *self.inner.reads()]

    def more_reads(self, work: Work) -> Iterable[Ref]:
        return more_reads(self.inner, work)

    def decide(self, work: Work) -> None:
        held = work.get(HELD_KEYS, self.held["_id"])
        if held is None or held["line"][0]["dedupe"] != self.held["line"][0]["dedupe"]:
            return
        if work.get(INBOX, held["line"][0]["dedupe"]) is None:
            once(work, held["topic"], self.message, self.inner)
        _step(work, held)


def _step(work: Work, held: Document) -> None:
    """Take the head off the line; the next one is due at once, the last one frees the key."""
    line = held["line"][1:]
    if not line:
        work.delete(HELD_KEYS, held["_id"])
        return
    size = held["bytes"] - len(held["line"][0]["value"])
    next_head = {"state": "retrying", "attempts": 0, "due": work.now, "error": "", "first_at": work.now}
    work.put(HELD_KEYS, {**held, "line": line, "bytes": size, **next_head})


@dataclass(frozen=True, slots=True)
class Postpone:
    """The head failed again: wait longer, or bury it. No effect when another worker was quicker."""

    consumer: str
    held: Document
    error: BaseException

    def _bury(self) -> Bury:
        verdict = Verdict(type(self.error).__name__, str(self.error), self.held["attempts"] + 1, self.held["first_at"])
        return Bury(self.consumer, delivery_from(self.held["line"][0]), verdict)

    def reads(self) -> Iterable[Ref]:
        return [Ref(HELD_KEYS, self.held["_id"]), *self._bury().reads()]

    def decide(self, work: Work) -> None:
        held = work.get(HELD_KEYS, self.held["_id"])
        if held is None or held["attempts"] != self.held["attempts"] or held["state"] != "retrying":
            return
        if held["line"][0]["dedupe"] != self.held["line"][0]["dedupe"]:
            return
        attempts = held["attempts"] + 1
        if attempts <= len(TIERS_SECONDS):
            work.put(HELD_KEYS, {**held, **_waiting(work.now, attempts, str(self.error), held["first_at"])})
            return
        self._bury().decide(work)
        work.put(HELD_KEYS, {**held, "state": "dead", "attempts": attempts, "error": str(self.error)[:300]})


@dataclass(frozen=True, slots=True)
class Settle:
    """An operator's decision on a dead letter that holds its key: `replay` tries it again now, `drop` lets the line go on."""

    held_id: str
    head: Delivery
    decision: Literal["replay", "drop"]

    def reads(self) -> Iterable[Ref]:
        letter = Ref(DEAD_LETTERS, dead_letter_id(self.head))
        return [Ref(HELD_KEYS, self.held_id), letter, Ref(INBOX, self._dedupe())]

    def decide(self, work: Work) -> bool:
        """Returns whether it was this letter that holds the key; else nothing is changed."""
        held = work.get(HELD_KEYS, self.held_id)
        letter = work.get(DEAD_LETTERS, dead_letter_id(self.head))
        if held is None or held["state"] != "dead" or letter is None:
            return False
        if held["line"][0]["dedupe"] != self._dedupe():
            return False
        work.put(DEAD_LETTERS, {**letter, "state": "replayed" if self.decision == "replay" else "dropped"})
        if self.decision == "drop":
            # delivered again by Kafka it stays dropped
            work.put(INBOX, {"_id": self._dedupe(), "at": work.now})
            _step(work, held)
        else:
            work.put(HELD_KEYS, {**held, "state": "retrying", "attempts": 0, "due": work.now})
        return True

    def _dedupe(self) -> str:
        return dedupe_id(self.head.topic, decode(self.head.topic, self.head.headers, self.head.value))


@dataclass(slots=True)
class RetryStats:
    """For metrics, as of the last look: keys held by a failing event, and dead letters that nobody has settled."""

    held_keys: int = 0
    open_letters: int = 0


class RetryLoop:
    """Delivers the due heads again. Any number of workers may run it: versions decide who was first."""

    def __init__(
        self,
        database: Database,
        lane: Lane,
        consumer: str,
        handlers: dict[str, Handle],
        veil: Callable[[Delivery], Delivery] = lambda delivery: delivery,
    ) -> None:
        """`veil`: what stands in a line under the name of somebody who is forgotten waits until it was renamed there."""
        self.stats = RetryStats()
        self._collection = database[HELD_KEYS]
        self._letters = database[DEAD_LETTERS]
        self._lane = lane
        self._consumer = consumer
        self._handlers = handlers
        self._veil = veil

    async def run(self) -> None:
        """Until cancelled; a database that is away is waited for."""
        while True:
            try:
                busy = await self.step()
            except Unavailable:
                busy = False
            except Exception as error:  # noqa: BLE001 - the loop outlives any single failure
                log.warning("retry loop failed", error=repr(error))
                busy = False
            if not busy:
                await asyncio.sleep(_POLL_SECONDS)

    async def count(self) -> None:
        """Look every few seconds at what waits for people; for metrics. Until cancelled."""
        while True:
            try:
                self.stats.held_keys = await self._collection.count_documents({})
                self.stats.open_letters = await self._letters.count_documents({"state": "open"})
            except DatabaseError as error:
                log.info("not counted", error=repr(error)[:200])
            await asyncio.sleep(_COUNT_SECONDS)

    async def step(self) -> bool:
        """Deliver what is due by server time. Returns whether there was anything."""
        due = {"state": "retrying", "$expr": {"$lte": ["$due", "$$NOW"]}}
        held = await self._collection.find(due).sort("due", 1).limit(_BATCH).to_list(None)
        for document in held:
            await self._redeliver(document)
        return bool(held)

    async def _redeliver(self, held: Document) -> None:
        delivery = delivery_from(held["line"][0])
        try:
            if self._veil(delivery) is not delivery:
                raise BeingForgotten("it names somebody who is forgotten; the look at what is held renames it")
            message = decode(delivery.topic, delivery.headers, delivery.value)
            inner = self._handlers[delivery.topic](message)
            assert dedupe_id(delivery.topic, message) == held["line"][0]["dedupe"]
            await self._lane.submit(Redeliver(held, message, inner), seconds=COMMIT_SECONDS)
        except Unavailable:
            raise
        except (Malformed, Exception) as error:  # noqa: BLE001 - whatever it is, the head has failed once more
            await self._lane.submit(Postpone(self._consumer, held, error), seconds=COMMIT_SECONDS)
