"""What is made from the models is fresh, and is what it claims to be."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.contracts import asyncapi, export
from shared.contracts.event import EventData
from shared.contracts.schemas import EVENTS, TOPICS, schema_of
from tests.contract.published import assert_is_a_schema

DOCUMENT = asyncapi.document()


def test_generated_files_are_fresh() -> None:
    assert export.stale(export.generated()) == []


def test_a_stale_a_missing_and_a_left_over_file_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "ROOT", tmp_path)
    monkeypatch.setattr(export, "SCHEMAS", tmp_path)
    (tmp_path / "old.json").write_text("{}", encoding="utf-8")
    (tmp_path / "left-over.json").write_text("{}", encoding="utf-8")
    named = export.stale({tmp_path / "old.json": "{ }", tmp_path / "missing.json": "{}"})
    assert [line.partition(":")[0] for line in named] == ["old.json", "missing.json", "left-over.json"]


def test_check_says_so_by_its_exit_status(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert export.main(["--check"]) == 0
    monkeypatch.setattr(export, "events_page", lambda: "something else")
    assert export.main(["--check"]) == 1
    assert "docs/events.md" in capsys.readouterr().err


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_schemas_are_json_schema_2020_12(event: type[EventData]) -> None:
    assert_is_a_schema(schema_of(event))


def test_the_yaml_says_what_the_document_says() -> None:
    text = (export.ROOT / "docs" / "asyncapi.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(text) == DOCUMENT


@pytest.mark.parametrize("odd", [{}, [], {"a": {}}, [[1, [2]], {"b": [{}]}], {"yes": "no: # '\"", "é": None}, "x", 1.5])
def test_the_yaml_writer_loses_nothing(odd: object) -> None:
    assert yaml.safe_load(asyncapi.to_yaml(odd)) == odd


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from _references(value)


def test_asyncapi_is_whole() -> None:
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= set(DOCUMENT["info"])
    for reference in _references(DOCUMENT):
        if reference.startswith("#/"):
            node = DOCUMENT
            for step in reference.removeprefix("#/").split("/"):
                node = node[step]
        else:
            assert (export.ROOT / "docs" / reference).resolve().is_file(), reference


def test_asyncapi_channels_declare_their_parameters_and_messages() -> None:
    for channel in DOCUMENT["channels"].values():
        in_address = {part.partition("}")[0] for part in channel["address"].split("{")[1:]}
        assert set(channel.get("parameters", {})) == in_address
        assert channel["messages"]
    assert {channel["address"] for channel in DOCUMENT["channels"].values()} == {
        *(asyncapi.address(topic) for topic in TOPICS),
        "{topic}.dlq",
    }


def test_asyncapi_operations_are_producers_and_consumers() -> None:
    operations = DOCUMENT["operations"]
    assert len(operations) == sum(len(topic.producers) + len(topic.consumers) for topic in TOPICS)
    assert all(operation["action"] in ("send", "receive") for operation in operations.values())
    assert operations["department-receive-dispatch"]["channel"] == {"$ref": "#/channels/dispatch"}
    assert operations["intake-send-incident-reported"]["action"] == "send"
