"""What a schema admits can be read, and what was read can be written and read again without loss."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.contracts.department_update import DepartmentUpdate
from shared.contracts.envelope import Message, decode, encode
from shared.contracts.event import EventData
from shared.contracts.schemas import EVENTS, TOPICS
from tests.contract.published import faults
from tests.contract.strategies import conforming, messages

TOPIC_OF = {event: topic.name for topic in TOPICS for event in topic.events}
CALM = settings(
    max_examples=30,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

by_event = pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)


@by_event
@CALM
@given(data=st.data())
def test_written_and_read_again_is_the_same(event: type[EventData], data: st.DataObject) -> None:
    message: Message = data.draw(messages(event))
    again = decode(TOPIC_OF[event], *encode(message))
    assert again.data == message.data
    if not issubclass(event, DepartmentUpdate):
        assert again.envelope == message.envelope


@by_event
@CALM
@given(data=st.data())
def test_what_we_write_keeps_to_the_published_schema(event: type[EventData], data: st.DataObject) -> None:
    sent: dict[str, Any] = data.draw(conforming(event))
    assert faults(event, sent) == []
    assert faults(event, json.loads(event.model_validate(sent).model_dump_json(exclude_none=True))) == []
