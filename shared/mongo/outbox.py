"""Outbox rows: events written in the transaction that made them true, published afterwards by the relay."""

from dataclasses import dataclass
from datetime import datetime

from shared.context import Context
from shared.contracts.envelope import Envelope, Headers, Message, Position, encode
from shared.contracts.event import EventData
from shared.mongo.client import Document

KEEP_PUBLISHED_SECONDS = 7 * 24 * 3600
"""Kafka is a transport that can be refilled from this many seconds of outbox."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One event of the contract, to be put together with the document whose `_id` is its Kafka key."""

    service: str
    topic_name: str
    data: EventData
    at: datetime
    context: Context
    cycle: int | None = None

    def row(self, root: Document, index: int, sequence: int, now: datetime) -> Document:
        """The row; its `_id` is the event's deterministic id, so the same event can never be stored twice."""
        key: str = root["_id"]
        event_id = self.data.event_id(key, Position(root["version"], index, sequence))
        envelope = Envelope(
            id=event_id,
            type=self.data.TYPE,
            source=f"/{self.data.subdistrict}/{self.service}",
            subject=self.data.subject,
            time=self.at,
            recorded_time=now,
            partition_key=key,
            sequence=sequence,
            cycle=self.cycle,
            correlation_id=self.context.correlation_id,
            causation_id=self.context.causation_id,
            actor=self.context.actor,
            traceparent=self.context.traceparent,
        )
        headers, value = encode(Message(envelope, self.data))
        return outbox_row(
            f"{self.topic_name}|{event_id}", self.topic_name, key, root["version"], index, headers, value, now
        )


def outbox_row(
    id_: str, topic: str, key: str, version: int, index: int, headers: Headers, value: bytes, now: datetime
) -> Document:
    """A row as the relay reads it: rows of one `key` leave in (version, index) order."""
    return {
        "_id": id_,
        "topic": topic,
        "key": key,
        "position": [version, index],
        "headers": [[name, content] for name, content in headers],
        "value": value,
        "stored": now,
        "published": None,
        "parked": None,
    }
