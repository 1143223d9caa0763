"""Receiving an event once: the dedupe row is written in the same transaction as the effect."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from shared.contracts.envelope import Headers, Message
from shared.mongo.work import Command, Document, Ref, Work, more_reads

INBOX = "inbox"
KEEP_SECONDS = 45 * 24 * 3600
"""Longer than any topic that services read from each other keeps its messages (30 days)."""

HELD_KEYS = "held_keys"
MAX_HELD_BYTES = 8 * 1024 * 1024


class Received(Enum):
    """What became of a delivery."""

    DONE = "done"
    DUPLICATE = "duplicate"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message as it came from Kafka, bytes untouched."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    headers: Headers
    value: bytes
    received_at: datetime


Handle = Callable[[Message], Command[Any]]
"""What a service does with an event: turns it into the command that carries it out."""


class HeldKeyFull(RuntimeError):
    """So much waits behind one failing event that the topic has to stop until an operator decides."""


@dataclass(frozen=True, slots=True)
class Broken:
    """Stands for a command that could not even be made; fails in its place in the line."""

    error: Exception

    def reads(self) -> Iterable[Ref]:
        return []

    def decide(self, work: Work) -> None:
        raise self.error


def dedupe_id(topic: str, message: Message) -> str:
    """(topic, source, id); the consumer is the service whose database this is. `decode` vouches for the source."""
    return f"{topic}|{message.envelope.source}|{message.envelope.id}"


def held_id(topic: str, message: Message) -> str:
    """Which key a failing event holds: that of the envelope, which `decode` vouches for, not that of the Kafka record."""
    return f"{topic}|{message.envelope.partition_key}"


@dataclass(frozen=True, slots=True)
class Receive:
    """Carry out `inner` unless this event was seen before; wait in line if its key is held by a failed event."""

    delivery: Delivery
    message: Message
    inner: Command[Any]

    def reads(self) -> Iterable[Ref]:
        topic = self.delivery.topic
        return [
            Ref(INBOX, dedupe_id(topic, self.message)),
            Ref(HELD_KEYS, held_id(topic, self.message)),
            *self.inner.reads(),
        ]

    def more_reads(self, work: Work) -> Iterable[Ref]:
        return more_reads(self.inner, work)

    def decide(self, work: Work) -> Received:
        topic = self.delivery.topic
        if work.get(INBOX, dedupe_id(topic, self.message)):
            return Received.DUPLICATE
        held = work.get(HELD_KEYS, held_id(topic, self.message))
        if held is not None:
            line_up(work, held, self.delivery, self.message)
            return Received.HELD
        once(work, topic, self.message, self.inner)
        return Received.DONE


def once(work: Work, topic: str, message: Message, inner: Command[Any]) -> None:
    """Write the dedupe row, then the effect."""
    work.put(INBOX, {"_id": dedupe_id(topic, message), "at": work.now})
    inner.decide(work)


def line_up(work: Work, held: Document, delivery: Delivery, message: Message) -> None:
    """Append to the line behind a failing event; a repeated delivery finds its place taken."""
    if any(waiting["dedupe"] == dedupe_id(delivery.topic, message) for waiting in held["line"]):
        return
    size = held["bytes"] + len(delivery.value)
    if size > MAX_HELD_BYTES:
        raise HeldKeyFull(f"{held['_id']}: {len(held['line'])} messages wait already")
    line = [*held["line"], stored_delivery(delivery, message)]
    work.put(HELD_KEYS, {**held, "line": line, "bytes": size})


def stored_delivery(delivery: Delivery, message: Message) -> Document:
    """A delivery as a sub-document, enough to deliver it again byte for byte."""
    return {
        "dedupe": dedupe_id(delivery.topic, message),
        "topic": delivery.topic,
        "partition": delivery.partition,
        "offset": delivery.offset,
        "key": delivery.key,
        "headers": [[name, content] for name, content in delivery.headers],
        "value": delivery.value,
        "received_at": delivery.received_at,
    }


def delivery_from(stored: Document) -> Delivery:
    """The delivery that `stored_delivery` kept."""
    return Delivery(
        topic=stored["topic"],
        partition=stored["partition"],
        offset=stored["offset"],
        key=stored["key"],
        headers=[(name, content) for name, content in stored["headers"]],
        value=stored["value"],
        received_at=stored["received_at"],
    )
