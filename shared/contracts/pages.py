"""`docs/events.md`: the contract for people, made from the models, the topics and the samples."""

import json
from collections.abc import Iterator
from typing import Any, cast

from shared.contracts.asyncapi import address, channel_id
from shared.contracts.dead_letter import HEADERS
from shared.contracts.event import EventData, Position
from shared.contracts.golden import Sample, samples, short
from shared.contracts.schemas import TOPICS, schema_of
from shared.contracts.topics import Topic

Schema = dict[str, Any]

HEAD = """# Events

Made by `python -m shared.contracts.export`; do not edit. How to add one: [adding-an-event.md](adding-an-event.md).
For machines: [asyncapi.yaml](asyncapi.yaml), JSON Schema in `shared/contracts/schemas/`, examples in `shared/contracts/samples/`.

Every message is a CloudEvent 1.0 in Kafka's binary mode: attributes in headers `ce_…`, JSON in UTF-8 as value. Structured mode
(`application/cloudevents+json`) is accepted. Unknown fields and attributes are ignored. Within a version only optional fields
are added. Times are RFC 3339 with offset. A field that is null may be left out, and we leave it out.

| header | meaning |
|---|---|
| `ce_specversion` | `1.0` |
| `ce_id` | the event's id, see below; the same fact has the same id however often it is sent |
| `ce_type` | `cn.qianshao.<noun>.<verb>.v<major>` |
| `ce_source` | `/<subdistrict>/<service>`, or `/department/<code>` |
| `ce_subject` | id of what it is about |
| `ce_time` | when it happened |
| `ce_recordedtime` | when it was stored, server time |
| `ce_partitionkey` | the Kafka key |
| `ce_sequence` | 1, 2, 3 … per producing service, topic and key |
| `ce_cycle` | the incident's, from 1, where there is an incident |
| `ce_correlationid`, `ce_causationid` | the story it belongs to; the event or request just before |
| `ce_actor` | `kind:id` of who caused it |
| `ce_traceparent` | W3C trace context |

A department need send only `ce_specversion`, `ce_id`, `ce_type`, `ce_source` and `ce_time`; who speaks is told by the topic alone.
"""


def events_page() -> str:
    """The whole page as Markdown."""
    examples = {sample.event: sample for sample in reversed(list(samples()))}
    events = (_event(topic, event, examples[short(event.TYPE)]) for topic in TOPICS for event in topic.events)
    parts = [HEAD, "## Topics\n", _topics(), *events]
    return "\n".join([*parts, _dead_letters(), _shapes()])


def id_pattern(event: type[EventData], key: str) -> str:
    """The id as people read it, such as `incident-changed:<incident>:<version>:<index>`."""
    fields = {name: f"<{name}>" for name in event.model_fields}
    at = Position(*cast(tuple[int, int, int], ("<version>", "<index>", "<sequence>")))
    return event.model_construct(None, **fields).event_id(f"<{key}>", at)


def _topics() -> str:
    rows = ["| topic | key | from → to | partitions | days kept | id |", "|---|---|---|---|---|---|"]
    for topic in TOPICS:
        route = f"{_names(topic.producers)} → {_names(topic.consumers)}"
        ids = ", ".join(f"`{id_pattern(event, topic.key)}`" for event in topic.events)
        cells = [f"`{address(topic)}`", topic.key, route, str(topic.partitions), str(topic.retention_days), ids]
        rows.append(f"| {' | '.join(cells)} |")
    rows.append("| `<topic>.dlq` | as source | each service that reads it → operators | 1 | as source | see below |")
    return "\n".join(rows) + "\n"


def _names(principals: tuple[str, ...]) -> str:
    return ", ".join("that department" if name.startswith("dept.") else name for name in principals)


def _event(topic: Topic, event: type[EventData], example: Sample) -> str:
    schema = schema_of(event)
    headers = "\n".join(f"{name}: {text}" for name, text in example.headers.items())
    value = json.dumps(example.content, ensure_ascii=False, indent=2)
    lines = [f"## {channel_id(topic)}\n", f"`{event.TYPE}` on `{address(topic)}`. {_said(schema)}\n"]
    lines += [f"- `{event.KIND}` {kind} needs {_code(names)}" for kind, names in event.NEEDS.items()]
    return "\n".join([*lines, "", *_fields(schema), "", "```", headers, "", value, "```", ""])


def _fields(schema: Schema) -> Iterator[str]:
    yield "| field | type | | meaning |"
    yield "|---|---|---|---|"
    for name, field in schema["properties"].items():
        needed = "required" if name in schema.get("required", ()) else ""
        yield f"| `{name}` | {_type(field)} | {needed} | {_said(field)} |"


def _type(field: Schema) -> str:
    """A field's type in a word, linked to its shape or with its choices written out."""
    if "$ref" in field:
        shape = field["$ref"].rpartition("/")[2]
        return f"[{shape}](#{shape.lower()})"
    if "anyOf" in field:
        return " or ".join(_type(choice) for choice in field["anyOf"] if choice.get("type") != "null")
    if "enum" in field:
        return _code(field["enum"])
    if field["type"] == "array":
        return f"list of {_type(field['items'])}"
    return str(field.get("format", field["type"]))


def _shapes() -> str:
    shapes: dict[str, Schema] = {}
    for topic in TOPICS:
        for event in topic.events:
            shapes |= schema_of(event).get("$defs", {})
    parts = (f"### {name}\n\n{_said(shapes[name])}\n\n" + "\n".join(_fields(shapes[name])) for name in sorted(shapes))
    return "## Shapes\n\n" + "\n\n".join(parts) + "\n"


def _dead_letters() -> str:
    rows = "\n".join(f"| `{name}` | {meaning} |" for name, meaning in HEADERS.items())
    text = "What a service could not carry out: the original bytes and headers, and beside them:"
    return f"## Dead letters\n\n{text}\n\n| header | meaning |\n|---|---|\n{rows}\n"


def _said(schema: Schema) -> str:
    return " ".join(str(schema.get("description", "")).split()).replace("|", "\\|")


def _code(words: list[str] | tuple[str, ...]) -> str:
    return ", ".join(f"`{word}`" for word in words)
