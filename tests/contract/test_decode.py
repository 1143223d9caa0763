"""Reading is strict where it matters, lenient where it may be, and never fails in any other way than `Malformed`."""

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from shared.contracts.department_update import DepartmentUpdate
from shared.contracts.envelope import Headers, Malformed, Message, decode
from shared.contracts.golden import Sample
from shared.contracts.incident_reported import IncidentReported
from shared.contracts.schemas import TOPICS
from tests.contract.test_golden import EVENT_SAMPLES

GOOD = next(sample for sample in EVENT_SAMPLES if sample.name == "manhole")
STRUCTURED = next(sample for sample in EVENT_SAMPLES if sample.name == "structured")
UPDATE = next(sample for sample in EVENT_SAMPLES if sample.topic == "department-updates.municipal")
FULL_UPDATE = next(sample for sample in EVENT_SAMPLES if sample.name == "full-envelope")


def changed(sample: Sample, headers: dict[str, str | None] | None = None, **fields: Any) -> tuple[Headers, bytes]:
    """The sample's bytes with some headers (None: without it) and fields, `a__b` for `a.b`, set."""
    names = {**sample.headers, **(headers or {})}
    content = deepcopy(sample.content)
    for path, value in fields.items():
        *parents, last = path.split("__")
        target = content
        for parent in parents:
            target = target[parent]
        target[last] = value
    wire = [(name, text.encode()) for name, text in names.items() if text is not None]
    return wire, json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass")


def refusal(topic: str, headers: Headers, value: bytes) -> tuple[str, str]:
    with pytest.raises(Malformed) as caught:
        decode(topic, headers, value)
    return caught.value.error_class, str(caught.value)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"emergency": "true"}, "emergency"),
        ({"emergency": 1}, "emergency"),
        ({"rider": 7}, "rider"),
        ({"rider": ""}, "rider"),
        ({"subdistrict": None}, "subdistrict"),
        ({"code": "7K3M-9QXI"}, "code"),
        ({"captured_at": "2026-09-25T09:00:00"}, "captured_at"),
        ({"captured_at": "2026-09-25"}, "captured_at"),
        ({"captured_at": "1700000000"}, "captured_at"),
        ({"captured_at": 1700000000}, "captured_at"),
        ({"captured_at": "0001-01-01T00:00:00+14:00"}, "captured_at"),
        ({"place__wgs84__lng": "113.58"}, "place.wgs84.lng"),
        ({"place__wgs84__lng": 181}, "place.wgs84.lng"),
        ({"place__wgs84": {"lng": 113.58}}, "place.wgs84.lat"),
        ({"photo_ids": "p1"}, "photo_ids"),
        ({"photo_ids": ["p"] * 21}, "photo_ids"),
        ({"text": "字" * 2001}, "text"),
        ({"flags": ["Not A Word"]}, "flags.0"),
    ],
)
def test_wrong_data_is_named(fields: dict[str, Any], named: str) -> None:
    error_class, text = refusal(GOOD.topic, *changed(GOOD, **fields))
    assert error_class == "invalid_data"
    assert text.startswith(f"{named}: ")


@pytest.mark.parametrize("seen", ["3", 3.5, True, float("inf"), 0, -1, 2**63])
def test_no_number_but_a_whole_one(seen: object) -> None:
    error_class, text = refusal(UPDATE.topic, *changed(UPDATE, seen_seq=seen))
    assert error_class == ("undecodable" if seen == float("inf") else "invalid_data")
    assert error_class == "undecodable" or text.startswith("seen_seq: ")


@pytest.mark.parametrize(
    ("headers", "error_class"),
    [
        ({"ce_id": None}, "invalid_data"),
        ({"ce_id": ""}, "invalid_data"),
        ({"ce_time": None}, "invalid_data"),
        ({"ce_time": "2026-09-25T09:00:00"}, "invalid_data"),
        ({"ce_time": "yesterday"}, "undecodable"),
        ({"ce_specversion": "2.0"}, "invalid_data"),
        ({"ce_subject": None}, "invalid_data"),
        ({"ce_sequence": "1.5"}, "invalid_data"),
        ({"ce_sequence": "-1"}, "invalid_data"),
        ({"ce_sequence": "１"}, "invalid_data"),
        ({"ce_cycle": "0"}, "invalid_data"),
        ({"ce_actor": "somebody"}, "invalid_data"),
        ({"ce_source": "a\nb"}, "invalid_data"),
        ({"ce_correlationid": "x" * 257}, "invalid_data"),
        ({"ce_recordedtime": "2026-09-25T09:00:00"}, "invalid_data"),
        ({"ce_type": "cn.qianshao.incident.reported.v2"}, "unknown_version"),
        ({"ce_type": "cn.qianshao.incident.reported.v"}, "unknown_type"),
        ({"ce_type": "cn.qianshao.incident.resolved.v1"}, "unknown_type"),
        ({"ce_type": "v2"}, "unknown_type"),
    ],
)
def test_wrong_attributes_have_their_class(headers: dict[str, str | None], error_class: str) -> None:
    assert refusal(GOOD.topic, *changed(GOOD, headers))[0] == error_class


@pytest.mark.parametrize("value", [b"", b"null", b"[]", b"{", b"\xff\xfe", b'"text"', b"[" * 100_000, b'{"text": NaN}'])
def test_what_is_no_json_object_is_undecodable(value: bytes) -> None:
    assert refusal(GOOD.topic, GOOD.wire[0], value)[0] == "undecodable"
    assert refusal(STRUCTURED.topic, STRUCTURED.wire[0], value)[0] in ("undecodable", "invalid_data")


@pytest.mark.parametrize("topic", ["", "nobody-knows", "dispatch.", "dispatch.UPPER", "incident-reported.dlq.dlq"])
def test_an_unknown_topic_carries_nothing(topic: str) -> None:
    assert refusal(topic, *GOOD.wire)[0] == "unknown_type"


def test_what_is_not_known_is_ignored() -> None:
    headers, value = changed(GOOD, {"ce_traceparent": "broken"}, later_field={"a": 1}, place__later="x")
    headers += [
        ("ce_later", b"\xff"),
        ("ce_not-a-name", b"x"),
        ("x-binary", b"\xff\x00"),
        ("ce_subject", GOOD.wire[0][5][1]),
    ]
    message = decode(GOOD.topic, headers, value)
    assert message.data == decode(GOOD.topic, *GOOD.wire).data
    assert message.envelope.traceparent is None


def test_a_header_without_value_is_as_good_as_absent() -> None:
    headers: list[Any] = [*GOOD.wire[0], ("ce_later", None)]
    decode(GOOD.topic, headers, GOOD.wire[1])
    headers[2] = ("ce_id", None)
    assert refusal(GOOD.topic, headers, GOOD.wire[1])[0] == "invalid_data"


def test_structured_mode_says_the_same_as_binary_mode() -> None:
    binary = next(sample for sample in EVENT_SAMPLES if sample.name == "needs-location")
    assert decode(STRUCTURED.topic, *STRUCTURED.wire) == decode(binary.topic, *binary.wire)


@pytest.mark.parametrize(
    "wrong", [{"sequence": True}, {"sequence": 1.0}, {"subject": 5}, {"source": "\ud800"}, {"id": None}]
)
def test_structured_mode_is_as_strict(wrong: dict[str, Any]) -> None:
    headers, value = changed(STRUCTURED)
    content = {**json.loads(value), **wrong, "later_attribute": {}}
    assert refusal(STRUCTURED.topic, headers, json.dumps(content).encode())[0] == "invalid_data"


def test_structured_mode_ignores_attributes_that_are_not_known() -> None:
    content = {**STRUCTURED.content, "later_attribute": {"a": 1}, "later": None}
    message = decode(STRUCTURED.topic, STRUCTURED.wire[0], json.dumps(content).encode())
    assert message == decode(STRUCTURED.topic, *STRUCTURED.wire)


def test_a_lone_surrogate_in_data_is_refused() -> None:
    content = deepcopy(STRUCTURED.content)
    content["data"]["text"] = "\ud800"
    error_class, text = refusal(STRUCTURED.topic, STRUCTURED.wire[0], json.dumps(content).encode())
    assert error_class == "invalid_data"
    text.encode()


def test_the_text_of_a_refusal_repeats_no_data() -> None:
    _, text = refusal(GOOD.topic, *changed(GOOD, text="13900001111" * 300, rider="张三"))
    assert "13900001111" not in text
    assert "张三" not in text
    assert len(text) <= 300


def test_the_text_of_a_refusal_is_short_and_can_be_sent_on() -> None:
    text = str(Malformed("undecodable", "\ud800" * 400))
    assert len(text.encode()) == 300


def test_a_department_is_who_its_topic_says() -> None:
    forged: dict[str, str | None] = {
        "ce_source": "/department/water",
        "ce_actor": "staff:1",
        "ce_id": "another",
        "ce_subject": "x",
        "ce_partitionkey": "y",
        "ce_cycle": "9",
    }
    message: Message = decode("department-updates.fire", *changed(FULL_UPDATE, forged))
    assert isinstance(message.data, DepartmentUpdate)
    envelope = message.envelope
    assert (envelope.source, envelope.actor) == ("/department/fire", "department:fire")
    assert (envelope.id, envelope.subject) == (message.data.update_id, message.data.order)
    assert (envelope.partition_key, envelope.cycle) == (message.data.order, None)


def test_what_is_not_said_in_null_or_not_at_all_is_the_same() -> None:
    headers, value = changed(GOOD, condition=None, interim_measures=None)
    content = {name: field for name, field in json.loads(value).items() if field is not None}
    message = decode(GOOD.topic, headers, json.dumps(content).encode())
    assert message == decode(GOOD.topic, headers, value)
    assert isinstance(message.data, IncidentReported)
    assert message.data.condition is None


ANY_HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["ce_id", "ce_type", "ce_time", "ce_sequence", "content-type", "CE_SOURCE", "x"]), st.binary()
    ),
    max_size=6,
)
FUZZ = settings(max_examples=150, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])


@FUZZ
@given(topic=st.sampled_from([*(topic.name for topic in TOPICS), "?"]), headers=ANY_HEADERS, value=st.binary())
@example(topic="incident-reported", headers=[("content-type", b"application/cloudevents+json")], value=b"[1]")
@example(topic="incident-reported", headers=[("content-type", b"application/cloudevents-batch+json")], value=b"[{}]")
@example(topic="incident-reported", headers=[], value=b'{"specversion":"0.3","time":[]}')
def test_any_bytes_are_a_message_or_malformed(topic: str, headers: Headers, value: bytes) -> None:
    with pytest.raises(Malformed):
        decode(topic, headers, value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@FUZZ
@given(data=st.data(), sample=st.sampled_from([GOOD, STRUCTURED, UPDATE]))
def test_a_good_message_with_anything_in_one_place_is_a_message_or_malformed(
    data: st.DataObject, sample: Sample
) -> None:
    content = deepcopy(sample.content)
    target = content
    path = data.draw(st.sampled_from(sorted(target)))
    while isinstance(target[path], dict) and data.draw(st.booleans()):
        target = target[path]
        path = data.draw(st.sampled_from(sorted(target)))
    target[path] = data.draw(JSON)
    header = data.draw(st.sampled_from(sorted(sample.headers)))
    headers = [(name, data.draw(st.binary()) if name == header else content) for name, content in sample.wire[0]]
    for wire in (sample.wire[0], headers):
        try:
            assert isinstance(decode(sample.topic, wire, json.dumps(content).encode()), Message)
        except Malformed as error:
            str(error).encode()
