"""CloudEvents 1.0 over Kafka by the official SDK: written in binary mode, read in binary and structured mode.

The SDK's defaults are not ours: it escapes Chinese, takes any bytes for data, and makes up an id and a time where
they are missing. Only this module knows it.
"""

from typing import Any, Literal

from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka, from_structured, to_binary
from cloudevents.core.exceptions import CloudEventValidationError
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from pydantic_core import from_json

Headers = list[tuple[str, bytes]]

ErrorClass = Literal["undecodable", "unknown_type", "unknown_version", "invalid_data"]

REQUIRED = ("specversion", "id", "type", "source", "time")
"""Attributes that every message has, whoever sends it."""

OPTIONAL = (
    "subject",
    "recordedtime",
    "partitionkey",
    "sequence",
    "cycle",
    "correlationid",
    "causationid",
    "actor",
    "traceparent",
)
"""Further attributes that we read; all others are ignored."""

_HEADERS = {"content-type", *(f"ce_{name}" for name in (*REQUIRED, *OPTIONAL))}


class Malformed(Exception):
    """Nothing can be done with this message. `error_class` is stable, the text is for people and repeats no data."""

    def __init__(self, error_class: ErrorClass, text: str) -> None:
        super().__init__(text.encode("utf-8", "replace").decode()[:300])
        self.error_class = error_class


def write(attributes: dict[str, Any], data: bytes) -> tuple[Headers, bytes]:
    """Headers and value. `attributes` may hold datetimes and numbers; those that are None are left out."""
    known = {name: value for name, value in attributes.items() if value is not None}
    event = CloudEvent({"specversion": "1.0", "datacontenttype": "application/json", **known}, data)
    message = to_binary(event, JSONFormat())
    return list(message.headers.items()), message.value


def read(headers: Headers, value: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Attributes and data, none of it checked beyond what CloudEvents says. Raises `Malformed` and nothing else."""
    # other headers are none of our business and may hold any bytes
    known = {name.lower(): content for name, content in headers if name.lower() in _HEADERS and content is not None}
    structured = known.get("content-type", b"").lower().startswith(b"application/cloudevents")
    parse = from_structured if structured else from_kafka
    try:
        event = parse(KafkaMessage(known, None, value), _StrictJson(), _strict_event)
    except Malformed:
        raise
    except CloudEventValidationError as error:
        raise Malformed("invalid_data", str(error)) from None
    except Exception as error:  # noqa: BLE001 - the SDK lets through whatever its parsers raise
        raise Malformed("undecodable", f"is no CloudEvent: {type(error).__name__}") from None
    data = event.get_data()
    if not isinstance(data, dict):
        raise Malformed("undecodable", "data: is no JSON object")
    return event.get_attributes(), data


class _StrictJson(JSONFormat):
    """Bytes that are no JSON are an error, not a string, and NaN is no number."""

    def read_data(self, body: bytes, datacontenttype: str | None) -> dict[str, Any]:
        parsed: dict[str, Any] = from_json(body, allow_inf_nan=False)
        return parsed


def _strict_event(attributes: dict[str, Any], data: Any) -> CloudEvent:
    """For the SDK: unknown attributes are ignored, and nothing is made up for absent ones."""
    known = {name: attributes[name] for name in (*REQUIRED, *OPTIONAL) if attributes.get(name) is not None}
    absent = [name for name in REQUIRED if name not in known]
    if absent:
        raise Malformed("invalid_data", f"{', '.join(absent)}: attribute is missing")
    return CloudEvent(known, data)
