"""Released messages are read for ever: each decodes, keeps its meaning through us, and keeps to its schema."""

import json
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from shared.contracts import export
from shared.contracts.dead_letter import DeadLetter
from shared.contracts.envelope import decode, encode
from shared.contracts.event import EventData
from shared.contracts.golden import SAMPLES, Sample, samples, short
from shared.contracts.schemas import EVENTS, schema_of
from tests.contract.published import faults

BY_NAME = {short(event.TYPE): event for event in EVENTS}
EVENT_SAMPLES = [sample for sample in samples() if sample.event in BY_NAME]
DEAD_LETTERS = [sample for sample in samples() if sample.event == "dead-letter"]

each_sample = pytest.mark.parametrize("sample", EVENT_SAMPLES, ids=lambda sample: f"{sample.event}/{sample.name}")


def data_of(sample: Sample) -> dict[str, Any]:
    """The event's data; in structured mode it stands within the value."""
    data: dict[str, Any] = sample.content["data"] if "specversion" in sample.content else sample.content
    return data


@each_sample
def test_decodes_and_keeps_to_its_schema(sample: Sample) -> None:
    message = decode(sample.topic, *sample.wire)
    assert type(message.data) is BY_NAME[sample.event]
    assert faults(BY_NAME[sample.event], data_of(sample)) == []


@each_sample
def test_written_again_it_means_the_same(sample: Sample) -> None:
    message = decode(sample.topic, *sample.wire)
    assert decode(sample.topic, *encode(message)) == message


@each_sample
def test_chinese_is_not_escaped(sample: Sample) -> None:
    _, value = encode(decode(sample.topic, *sample.wire))
    assert b"\\u" not in value


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_every_kind_has_a_sample(event: type[EventData]) -> None:
    field = schema_of(event)["properties"].get(event.KIND)
    of_event = [data_of(sample) for sample in EVENT_SAMPLES if sample.event == short(event.TYPE)]
    assert of_event
    assert {data.get(event.KIND) for data in of_event} == set(field["enum"] if field else [None])


def test_what_a_department_must_send_is_little() -> None:
    sample = next(sample for sample in EVENT_SAMPLES if sample.topic.startswith("department-updates."))
    wanted = {"ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time", "content-type"}
    assert set(sample.headers) == wanted


@pytest.mark.parametrize("sample", DEAD_LETTERS, ids=lambda sample: sample.name)
def test_dead_letter_is_read_and_written_byte_for_byte(sample: Sample) -> None:
    headers, value = sample.wire
    letter = DeadLetter.read(headers, value)
    assert letter.write() == (headers, value)
    assert letter.id == f"{sample.headers['dlq-source']}/{sample.headers['dlq-consumer']}"
    assert not [name for name, _ in letter.headers if name.startswith("dlq-")]


def test_dead_letter_names_the_header_that_is_missing_or_wrong() -> None:
    headers, value = DEAD_LETTERS[0].wire
    for missing in ("dlq-source", "dlq-attempts"):
        with pytest.raises(ValueError, match=missing):
            DeadLetter.read([header for header in headers if header[0] != missing], value)
    for name, wrong in (("dlq-last", b"2026-09-25T01:01:02"), ("dlq-source", b"a/b"), ("dlq-attempts", b"many")):
        with pytest.raises(ValueError, match=name):
            DeadLetter.read([*headers, (name, wrong)], value)


def test_released_samples_are_as_they_were() -> None:
    assert export.broken_promises() == []
    on_disk = {path.relative_to(SAMPLES).as_posix() for path in SAMPLES.glob("*/*.json")}
    assert set(export.released()) == on_disk


def test_a_changed_and_a_removed_sample_are_named(tmp_path: Path) -> None:
    folder = copytree(SAMPLES, tmp_path / "samples")
    changed, removed = sorted(folder.glob("*/*.json"))[:2]
    stored = json.loads(changed.read_text(encoding="utf-8"))
    stored["value"]["subdistrict"] = "1"
    changed.write_text(json.dumps(stored), encoding="utf-8")
    removed.unlink()
    named = " ".join(export.broken_promises(folder))
    assert changed.name in named
    assert removed.name in named
