"""Within a version only optional fields are added: old messages show every field, full and bare, so a break turns red."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError, create_model

from shared.contracts.event import EventData
from shared.contracts.golden import Sample, short
from shared.contracts.schemas import EVENTS, schema_of
from tests.contract.strategies import Schema, walk
from tests.contract.test_golden import EVENT_SAMPLES, data_of

each_event = pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)


def breaks(event: type[BaseModel], old: list[Sample]) -> list[str]:
    """What these old messages can no longer say to this model."""
    found: list[str] = []
    for sample in old:
        try:
            known = event.model_validate(data_of(sample)).model_dump(mode="json")
        except ValidationError as error:
            found += [f"{sample.name}: {line['loc']} {line['msg']}" for line in error.errors()]
        else:
            found += [f"{sample.name}: {path} is not read any more" for path in _lost(data_of(sample), known)]
    return found


def _lost(sent: Any, known: Any, path: str = "") -> list[str]:
    if isinstance(sent, dict):
        gone = [f"{path}{name}" for name in sent if name not in known]
        return gone + [
            line for name in sent.keys() & known.keys() for line in _lost(sent[name], known[name], f"{name}.")
        ]
    if isinstance(sent, list):
        return [line for one, other in zip(sent, known, strict=True) for line in _lost(one, other, path)]
    return []


def _samples_of(event: type[EventData]) -> list[Sample]:
    return [sample for sample in EVENT_SAMPLES if sample.event == short(event.TYPE)]


@each_event
def test_old_messages_say_what_they_said(event: type[EventData]) -> None:
    assert breaks(event, _samples_of(event)) == []


@each_event
def test_samples_show_every_field(event: type[EventData]) -> None:
    schema = schema_of(event)
    shown: set[str] = set()
    for sample in _samples_of(event):
        shown |= _shown(data_of(sample), schema, schema)
    assert {path for path, _ in walk(schema)} - shown == set()


@each_event
def test_a_bare_sample_shows_what_is_optional(event: type[EventData]) -> None:
    schema = schema_of(event)
    bare = next(sample for sample in _samples_of(event) if sample.name == "minimal")
    needed = event.NEEDS.get(data_of(bare).get(event.KIND, ""), ())
    assert set(data_of(bare)) == {*schema["required"], *needed}


@each_event
def test_the_check_itself_sees_a_removed_and_a_newly_required_field(event: type[EventData]) -> None:
    old = _samples_of(event)
    stricter = create_model("Stricter", __base__=event, added=(int, ...))
    assert any("added" in line for line in breaks(stricter, old))
    optional = create_model("Wider", __base__=event, added=(int | None, None))
    assert breaks(optional, old) == []
    poorer = create_model("Poorer", subdistrict=(str, ...))
    assert any("is not read any more" in line for line in breaks(poorer, old))


def _shown(data: Any, field: Schema, root: Schema, shape: str = "") -> set[str]:
    """Paths `Shape.field` that this message fills."""
    if "$ref" in field:
        shape = field["$ref"].rpartition("/")[2]
        field = root["$defs"][shape]
    if "anyOf" in field:
        return set().union(*(_shown(data, choice, root, shape) for choice in field["anyOf"]))
    if isinstance(data, list):
        return set().union(*(_shown(item, field["items"], root, shape) for item in data))
    if not isinstance(data, dict) or "properties" not in field:
        return set()
    filled = {name for name, value in data.items() if name in field["properties"] and value not in (None, [])}
    paths = {f"{shape}.{name}".removeprefix(".") for name in filled}
    return paths.union(*(_shown(data[name], field["properties"][name], root) for name in filled))
