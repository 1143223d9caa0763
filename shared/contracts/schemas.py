"""JSON Schema 2020-12 of each event's data, made from its model."""

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from shared.contracts.event import EventData
from shared.contracts.golden import short
from shared.contracts.topics import FIXED, department_updates_topic, dispatch_topic

EXAMPLE_DEPARTMENT = "municipal"

TOPICS = (*FIXED, dispatch_topic(EXAMPLE_DEPARTMENT), department_updates_topic(EXAMPLE_DEPARTMENT))
"""Every kind of topic once; those of the departments stand for all departments."""

EVENTS: tuple[type[EventData], ...] = tuple(event for topic in TOPICS for event in topic.events)


def schema_of(event: type[EventData]) -> dict[str, Any]:
    """What a sender has to keep to. A reader also accepts fields that are not listed."""
    schema = event.model_json_schema(schema_generator=_WithoutTitles)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:qianshao:event:{short(event.TYPE)}",
        **schema,
    }


class _WithoutTitles(GenerateJsonSchema):
    """Titles that only repeat the field's name are noise."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Null as a default says no more than that the field is optional."""
        made = super().default_schema(schema)
        if made.get("default", ...) is None:
            made.pop("default")
        return made
