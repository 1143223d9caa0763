"""The published schemas, as a sender's own validator would use them."""

from collections.abc import Mapping
from typing import Any

import jsonschema  # type: ignore[import-untyped]

from shared.contracts.event import EventData
from shared.contracts.schemas import schema_of


def faults(event: type[EventData], data: Mapping[str, Any]) -> list[str]:
    """What the schema has against this data; none if it admits it."""
    return [error.message for error in jsonschema.Draft202012Validator(schema_of(event)).iter_errors(data)]


def assert_is_a_schema(schema: Mapping[str, Any]) -> None:
    """Raises unless it is JSON Schema 2020-12."""
    jsonschema.Draft202012Validator.check_schema(schema)
