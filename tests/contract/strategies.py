"""Messages for hypothesis, drawn from the published JSON Schema: whatever a sender may send, we must be able to read."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from typing import Any

from hypothesis import strategies as st

from shared.contracts.envelope import Envelope, Message
from shared.contracts.event import EventData
from shared.contracts.schemas import schema_of

Schema = dict[str, Any]

OFFSETS = st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TIMES = st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=OFFSETS)  # noqa: DTZ001 - bounds are local
WORDS = st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=60)


def conforming(event: type[EventData]) -> st.SearchStrategy[dict[str, Any]]:
    """JSON objects that the event's schema admits, every kind, with and without each optional field."""
    return st.one_of([_of_kind(event, kind) for kind in _kinds(event)])


def messages(event: type[EventData]) -> st.SearchStrategy[Message]:
    """Whole messages: any envelope around any data."""
    return st.builds(Message, _envelopes(event), conforming(event).map(event.model_validate))


def _kinds(event: type[EventData]) -> list[str | None]:
    field = schema_of(event)["properties"].get(event.KIND)
    return list(field["enum"]) if field else [None]


@cache
def _of_kind(event: type[EventData], kind: str | None) -> st.SearchStrategy[dict[str, Any]]:
    schema = schema_of(event)
    return _object(schema, schema, kind)


def _object(schema: Schema, root: Schema, kind: str | None = None) -> st.SearchStrategy[dict[str, Any]]:
    needed = {name for rule in schema.get("allOf", ()) if _is_for(rule, kind) for name in rule["then"]["required"]}
    fields = {name: _value(field, root, name in needed) for name, field in schema["properties"].items()}
    for name in ("kind", "how"):
        if kind is not None and name in fields:
            fields[name] = st.just(kind)
    required = needed.union(schema.get("required", ()))
    return st.fixed_dictionaries(
        {name: value for name, value in fields.items() if name in required},
        optional={name: value for name, value in fields.items() if name not in required},
    )


def _is_for(rule: Schema, kind: str | None) -> bool:
    (condition,) = rule["if"]["properties"].values()
    return bool(condition["const"] == kind)


def _value(field: Schema, root: Schema, needed: bool = False) -> st.SearchStrategy[Any]:
    if "$ref" in field:
        return _object(root["$defs"][field["$ref"].rpartition("/")[2]], root)
    if "anyOf" in field:
        choices = [choice for choice in field["anyOf"] if not (needed and choice.get("type") == "null")]
        return st.one_of([_value(choice, root) for choice in choices])
    if "enum" in field:
        return st.sampled_from(field["enum"])
    return _SCALARS[field["type"]](field, root, needed)


def _array(field: Schema, root: Schema, needed: bool) -> st.SearchStrategy[Any]:
    least = max(field.get("minItems", 0), int(needed))
    return st.lists(_value(field["items"], root), min_size=least, max_size=min(field["maxItems"], least + 2))


def _string(field: Schema, root: Schema, needed: bool) -> st.SearchStrategy[str]:
    if field.get("format") == "date-time":
        return TIMES.map(datetime.isoformat)
    if "pattern" in field:
        return _matching(field["pattern"]).filter(lambda text: len(text) <= field.get("maxLength", len(text)))
    return st.text(st.characters(exclude_categories=["Cs"]), max_size=min(field["maxLength"], 40))


@cache
def _matching(pattern: str) -> st.SearchStrategy[str]:
    return st.from_regex(pattern.removeprefix("^").removesuffix("$"), fullmatch=True)


_SCALARS: dict[str, Callable[[Schema, Schema, bool], st.SearchStrategy[Any]]] = {
    "array": _array,
    "string": _string,
    "integer": lambda field, root, needed: st.integers(field["minimum"], field["maximum"]),
    "number": lambda field, root, needed: (
        st.floats(field["minimum"], field["maximum"]) | st.just(int(field["maximum"]))
    ),
    "boolean": lambda field, root, needed: st.booleans(),
    "null": lambda field, root, needed: st.none(),
}


def _envelopes(event: type[EventData]) -> st.SearchStrategy[Envelope]:
    utc = TIMES.map(lambda time: time.astimezone(UTC))
    return st.builds(
        Envelope,
        id=WORDS,
        type=st.just(event.TYPE),
        source=WORDS,
        subject=WORDS,
        time=utc,
        recorded_time=utc,
        partition_key=WORDS,
        sequence=st.integers(1, 10**12),
        cycle=st.none() | st.integers(1, 1000),
        correlation_id=WORDS,
        causation_id=st.none() | WORDS,
        actor=WORDS.map(lambda word: f"rider:{word}"),
        traceparent=st.none() | st.from_regex("[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", fullmatch=True),
    )


def walk(schema: Schema) -> Iterable[tuple[str, Schema]]:
    """Every field of a schema and of its shapes, as `Shape.field`."""
    for shape, part in [("", schema), *schema.get("$defs", {}).items()]:
        for name, field in part["properties"].items():
            yield f"{shape}.{name}".removeprefix("."), field
