"""Deliveries of real bytes, and a handler whose effect can be looked at and whose health the test decides."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, cast

from shared.contracts.envelope import Envelope, Message, encode
from shared.contracts.incident_changed import IncidentChanged
from shared.mongo.client import Database
from shared.mongo.inbox import HELD_KEYS, Delivery
from shared.mongo.lane import Lane
from shared.mongo.retry import RetryLoop
from shared.mongo.work import Command, Document, Ref, Work
from tests.support.memory import MemoryTransactor

TOPIC = "incident-changed"
AT = datetime(2026, 11, 25, 7, 59, tzinfo=UTC)
EFFECTS = "effects"

Sickness = Literal["handle", "decide", "commit"]
"""Where an event fails: making its command, deciding it, or writing what it decided."""


def delivery(key: str, number: int = 1, *, topic: str = TOPIC, offset: int | None = None) -> Delivery:
    """Event `number` of incident `key`."""
    data = IncidentChanged.model_validate(
        {
            "subdistrict": "140302003",
            "kind": "state",
            "incident": key,
            "code": "7K3M-9QXA",
            "actor_kind": "system",
            "to_state": "triaged",
            "reason": str(number),
        }
    )
    envelope = Envelope(
        id=f"incident-changed:{key}:{number}:0",
        type=data.TYPE,
        source="/140302003/dispatch",
        subject=key,
        time=AT,
        recorded_time=AT,
        partition_key=key,
        sequence=number,
        cycle=1,
        correlation_id="story-1",
        causation_id=None,
        actor="system:dispatch",
        traceparent=None,
    )
    headers, value = encode(Message(envelope, data))
    return Delivery(topic, 0, number if offset is None else offset, key.encode(), headers, value, AT)


def garbage(offset: int = 99) -> Delivery:
    """Bytes that are no event."""
    return Delivery(TOPIC, 0, offset, b"a", [("x", b"\xff")], b"\x00garbage", AT)


@dataclass
class Append:
    """Appends the number of an event to the list of its key."""

    key: str
    number: int
    sickness: Sickness | None

    def reads(self) -> Iterable[Ref]:
        return [Ref(EFFECTS, self.key)]

    def decide(self, work: Work) -> None:
        before = work.get(EFFECTS, self.key)
        numbers = [*(before["numbers"] if before else []), self.number]
        poison = self.sickness == "commit" or bool(before and before["poison"])
        work.put(EFFECTS, {"_id": self.key, "numbers": numbers, "poison": poison})
        if self.sickness == "decide":
            raise ValueError(f"{self.key}{self.number} is sick")


@dataclass
class Handler:
    """`sick` says which (key, number) fail now, and where; `made` counts the commands."""

    sick: dict[tuple[str, int], Sickness] = field(default_factory=dict)
    made: int = 0

    def __call__(self, message: Message) -> Command[Any]:
        self.made += 1
        key, number = message.envelope.partition_key, message.envelope.sequence
        sickness = self.sick.get((key, number))
        if sickness == "handle":
            raise KeyError(f"{key}{number} has no command")
        return Append(key, number, sickness)


class Wobbly(MemoryTransactor):
    """Refuses poisoned documents, and fails the next transactions as `faults` says: before or after writing them."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[tuple[Literal["before", "after"], Exception]] = []

    async def transact(self, refs: Iterable[Ref], decide: Any, seconds: float) -> None:
        when, error = self.faults.pop(0) if self.faults else (None, None)
        self.fail = lambda work: _refuse_poison(work, error if when == "before" else None)
        await super().transact(refs, decide, seconds)
        if error is not None:
            raise error  # the commit arrived, its answer did not

    def effects(self) -> dict[str, list[int]]:
        """What has been done, by key."""
        return {ref.id: doc["numbers"] for ref, doc in self.documents.items() if ref.collection == EFFECTS}

    def held(self) -> dict[str, Document]:
        """The lines, by key."""
        return {ref.id: doc for ref, doc in self.documents.items() if ref.collection == HELD_KEYS}


def _refuse_poison(work: Work, error: Exception | None) -> None:
    if error is not None:
        raise error
    if any(change.document and change.document.get("poison") for change in work.changes()):
        raise OverflowError("cannot be encoded")


class _HeldKeys:
    """As much of a database as the retry loop asks of one; every line counts as due."""

    def __init__(self, store: Wobbly) -> None:
        self._store = store

    def __getitem__(self, name: str) -> "_HeldKeys":
        return self

    def find(self, query: Any) -> "_HeldKeys":
        return self

    def sort(self, *by: Any) -> "_HeldKeys":
        return self

    def limit(self, most: int) -> "_HeldKeys":
        return self

    async def to_list(self, length: None) -> list[Document]:
        return [document for document in self._store.held().values() if document["state"] == "retrying"]


def retry_loop(store: Wobbly, lane: Lane, handler: Handler) -> RetryLoop:
    """The retry loop over a memory store. `step` tries every line's head once, whenever it is due."""
    return RetryLoop(cast(Database, _HeldKeys(store)), lane, "points", {TOPIC: handler})
