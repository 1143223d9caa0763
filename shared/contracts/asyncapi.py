"""The contract as an AsyncAPI 3.0 document: channels, messages, and who sends and receives what."""

import json
from typing import Any

from shared.contracts.cloudevent import OPTIONAL, REQUIRED
from shared.contracts.dead_letter import HEADERS
from shared.contracts.event import EventData
from shared.contracts.golden import short
from shared.contracts.schemas import EXAMPLE_DEPARTMENT, TOPICS
from shared.contracts.topics import DEPARTMENT, Topic

SCHEMA_FORMAT = "application/schema+json;version=draft-2020-12"
_DEPARTMENT = {"department": {"description": "code of a department", "examples": [EXAMPLE_DEPARTMENT]}}
_TOPIC = {"topic": {"description": "a topic that a service reads", "examples": [TOPICS[0].name]}}


def document() -> dict[str, Any]:
    """The whole document. Payloads are references to the JSON Schema files beside the models."""
    messages = {short(event.TYPE): _message(event) for topic in TOPICS for event in topic.events}
    channels = {channel_id(topic): _channel(topic) for topic in TOPICS}
    operations = dict(operation for topic in TOPICS for operation in _operations(topic))
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Qianshao events",
            "version": "1.0.0",
            "description": "CloudEvents 1.0 over Kafka, binary mode; structured mode is accepted. Made from the models.",
        },
        "defaultContentType": "application/json",
        "channels": {**channels, "dead-letters": _dead_letters()},
        "operations": operations,
        "components": {"messages": {**messages, "dead-letter": _dead_letter()}},
    }


def channel_id(topic: Topic) -> str:
    """The topic's name; the two of a department without the department."""
    return topic.name.removesuffix(f".{EXAMPLE_DEPARTMENT}")


def address(topic: Topic) -> str:
    """The topic's name with a parameter where the department's code stands."""
    return topic.name.replace(f".{EXAMPLE_DEPARTMENT}", ".{department}")


def to_yaml(node: Any, indent: int = 0) -> str:
    """Block style YAML of plain data. JSON scalars and empty collections are YAML too, so nothing needs quoting rules."""
    pad = "  " * indent
    if isinstance(node, dict) and node:
        return "".join(f"{pad}{json.dumps(key)}:{_nested(value, indent)}" for key, value in node.items())
    if isinstance(node, list) and node:
        return "".join(f"{pad}-{_nested(value, indent)}" for value in node)
    return f"{pad}{json.dumps(node, ensure_ascii=False)}\n"


def _nested(value: Any, indent: int) -> str:
    if isinstance(value, dict | list) and value:
        return "\n" + to_yaml(value, indent + 1)
    return f" {json.dumps(value, ensure_ascii=False)}\n"


def _message(event: type[EventData]) -> dict[str, Any]:
    name = short(event.TYPE)
    return {
        "name": event.TYPE,
        "summary": (event.__doc__ or "").strip().splitlines()[0],
        "contentType": "application/json",
        "headers": _headers(event.TYPE),
        "payload": {
            "schemaFormat": SCHEMA_FORMAT,
            "schema": {"$ref": f"../shared/contracts/schemas/{name}.json"},
        },
    }


def _headers(type_: str) -> dict[str, Any]:
    names = {f"ce_{name}": {"type": "string"} for name in (*REQUIRED, *OPTIONAL)}
    names["ce_type"] = {"type": "string", "const": type_}
    return {"type": "object", "properties": names, "required": [f"ce_{name}" for name in REQUIRED]}


def _channel(topic: Topic) -> dict[str, Any]:
    ids = [short(event.TYPE) for event in topic.events]
    parameters = {"parameters": _DEPARTMENT} if "{" in address(topic) else {}
    return {
        "address": address(topic),
        "messages": {id_: {"$ref": f"#/components/messages/{id_}"} for id_ in ids},
        **parameters,
        "bindings": {
            "kafka": {"partitions": topic.partitions, "topicConfiguration": _kept(topic), "bindingVersion": "0.5.0"}
        },
    }


def _kept(topic: Topic) -> dict[str, Any]:
    return {"cleanup.policy": ["delete"], "retention.ms": topic.retention_days * 24 * 3600 * 1000}


def _operations(topic: Topic) -> list[tuple[str, dict[str, Any]]]:
    users = [(name, "send") for name in topic.producers] + [(name, "receive") for name in topic.consumers]
    return [
        (f"{_who(name)}-{action}-{channel_id(topic)}", _operation(topic, _who(name), action)) for name, action in users
    ]


def _who(principal: str) -> str:
    return "department" if principal.startswith(DEPARTMENT) else principal


def _operation(topic: Topic, who: str, action: str) -> dict[str, Any]:
    return {"action": action, "channel": {"$ref": f"#/channels/{channel_id(topic)}"}, "tags": [{"name": who}]}


def _dead_letters() -> dict[str, Any]:
    return {
        "address": "{topic}.dlq",
        "messages": {"dead-letter": {"$ref": "#/components/messages/dead-letter"}},
        "parameters": _TOPIC,
        "bindings": {"kafka": {"partitions": 1, "bindingVersion": "0.5.0"}},
    }


def _dead_letter() -> dict[str, Any]:
    properties = {name: {"type": "string", "description": meaning} for name, meaning in HEADERS.items()}
    return {
        "summary": "A message that could not be carried out: original bytes and headers, and these headers beside them.",
        "headers": {"type": "object", "properties": properties, "required": list(HEADERS)},
    }
