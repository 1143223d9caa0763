"""The envelope around every event, and the way of a message into bytes and back."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from shared.contracts.cloudevent import Headers, Malformed, read, write
from shared.contracts.department_update import DepartmentUpdate
from shared.contracts.event import EventData, Position
from shared.contracts.scalars import Instant
from shared.contracts.topics import department_of, topic_named

__all__ = ["Envelope", "Headers", "Malformed", "Message", "Position", "decode", "encode"]

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_NUMBER = re.compile(r"[0-9]{1,15}")
_MAX_ATTRIBUTE = 256
_INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)


@dataclass(frozen=True, slots=True)
class Envelope:
    """The attributes of an event. `time` is when it happened, `recorded_time` when it was stored (server time).

    `sequence` counts 1, 2, 3 … per producing service, topic and key, and is 0 where a department gives none; `cycle` is
    the incident's, from 1; `actor` is `kind:id`.
    Raises `ValueError` naming the attribute: what could not be read again cannot be written.
    """

    id: str
    type: str
    source: str
    subject: str
    time: datetime
    recorded_time: datetime
    partition_key: str
    sequence: int
    cycle: int | None
    correlation_id: str
    causation_id: str | None
    actor: str
    traceparent: str | None

    def __post_init__(self) -> None:
        texts = {
            "id": self.id,
            "type": self.type,
            "source": self.source,
            "subject": self.subject,
            "partitionkey": self.partition_key,
            "correlationid": self.correlation_id,
            "causationid": "-" if self.causation_id is None else self.causation_id,
            "actor": self.actor,
        }
        for name, text in texts.items():
            if not 0 < len(text) <= _MAX_ATTRIBUTE or not text.isprintable():
                raise ValueError(f"{name}: must be 1 to {_MAX_ATTRIBUTE} printable characters")
        if ":" not in self.actor:
            raise ValueError("actor: must be kind:id")
        if self.time.tzinfo is None or self.recorded_time.tzinfo is None:
            raise ValueError("time, recordedtime: must have an offset")
        if self.sequence < 0 or (self.cycle is not None and self.cycle < 1):
            raise ValueError("sequence, cycle: must count from 1")


@dataclass(frozen=True, slots=True)
class Message:
    """An event as it travels. Tell its data apart by class: `match message.data: case IncidentReported(): …`."""

    envelope: Envelope
    data: EventData


def encode(message: Message) -> tuple[Headers, bytes]:
    """Kafka headers and value in binary mode, JSON in unescaped UTF-8. Fields that are null are left out."""
    envelope = message.envelope
    attributes = {
        "id": envelope.id,
        "type": envelope.type,
        "source": envelope.source,
        "subject": envelope.subject,
        "time": envelope.time,
        "recordedtime": envelope.recorded_time,
        "partitionkey": envelope.partition_key,
        "sequence": envelope.sequence,
        "cycle": envelope.cycle,
        "correlationid": envelope.correlation_id,
        "causationid": envelope.causation_id,
        "actor": envelope.actor,
        "traceparent": envelope.traceparent,
    }
    return write(attributes, message.data.model_dump_json(exclude_none=True).encode())


def decode(topic: str, headers: Headers, value: bytes) -> Message:
    """The message in these bytes. Raises `Malformed` and nothing else, whatever the bytes are.

    What stands on a department's own topic is that department's, whatever the message claims: source and actor follow
    from the topic's name, id, subject and key from the update.
    """
    attributes, fields = read(headers, value)
    data = _data(_class_of(topic, attributes["type"]), fields)
    if isinstance(data, DepartmentUpdate):
        attributes = _of_department(department_of(topic) or "", attributes, data)
    try:
        return Message(_envelope(attributes), data)
    except ValueError as error:
        raise Malformed("invalid_data", str(error)) from None


def _class_of(topic: str, type_: str) -> type[EventData]:
    try:
        known = {event.TYPE: event for event in topic_named(topic).events}
    except ValueError as error:
        raise Malformed("unknown_type", str(error)) from None
    if type_ in known:
        return known[type_]
    noun, _, version = type_.rpartition(".")
    if re.fullmatch("v[0-9]+", version) and noun in {name.rpartition(".")[0] for name in known}:
        raise Malformed("unknown_version", f"type: {type_!a} is a version we do not know")
    raise Malformed("unknown_type", f"type: {type_!a} is no event of {topic}")


def _data(event: type[EventData], fields: dict[str, Any]) -> EventData:
    try:
        return event.model_validate(fields)
    except ValidationError as error:
        reasons = [f"{'.'.join(map(str, line['loc']))}: {line['msg']}" for line in error.errors(include_input=False)]
        raise Malformed("invalid_data", "; ".join(reasons)) from None


def _of_department(department: str, attributes: Mapping[str, Any], update: DepartmentUpdate) -> dict[str, Any]:
    """A department need not know our extensions, and may not choose those that say who it is or what it speaks of."""
    return {
        "recordedtime": attributes["time"],
        "sequence": 0,
        "correlationid": update.update_id,
        **{name: value for name, value in attributes.items() if name != "cycle"},
        "id": update.update_id,
        "source": f"/department/{department}",
        "actor": f"department:{department}",
        "subject": update.order,
        "partitionkey": update.order,
    }


def _envelope(attributes: Mapping[str, Any]) -> Envelope:
    traceparent = attributes.get("traceparent")
    return Envelope(
        id=_text(attributes, "id"),
        type=_text(attributes, "type"),
        source=_text(attributes, "source"),
        subject=_text(attributes, "subject"),
        time=_instant(attributes, "time"),
        recorded_time=_instant(attributes, "recordedtime"),
        partition_key=_text(attributes, "partitionkey"),
        sequence=_number(attributes, "sequence"),
        cycle=_number(attributes, "cycle") if "cycle" in attributes else None,
        correlation_id=_text(attributes, "correlationid"),
        causation_id=_text(attributes, "causationid") if "causationid" in attributes else None,
        actor=_text(attributes, "actor"),
        # a broken trace is no reason to refuse an event
        traceparent=traceparent if isinstance(traceparent, str) and _TRACEPARENT.fullmatch(traceparent) else None,
    )


def _text(attributes: Mapping[str, Any], name: str) -> str:
    value = attributes.get(name)
    if not isinstance(value, str):
        raise ValueError(f"{name}: attribute is missing or no text")
    return value


def _instant(attributes: Mapping[str, Any], name: str) -> datetime:
    try:
        return _INSTANT.validate_python(attributes.get(name))
    except ValidationError as error:
        raise ValueError(f"{name}: {error.errors()[0]['msg']}") from None


def _number(attributes: Mapping[str, Any], name: str) -> int:
    # binary mode has only text; structured mode has numbers, and a bool or a fraction is neither
    text = str(attributes.get(name))
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{name}: attribute is missing or no whole number")
    return int(text)
