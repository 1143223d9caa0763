"""The working set of a transaction: what commands see of each other, versions, numbers of events, undoing."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import pytest

from shared.mongo.work import Change, Document, Ref, UndeclaredRead, Work
from tests.support.memory import NOW


@dataclass(frozen=True)
class Said:
    """An event that remembers how it was numbered."""

    topic_name: str
    text: str = ""

    def row(self, root: Document, index: int, sequence: int, now: datetime) -> Document:
        return {"of": root["_id"], "position": (root["version"], index), "sequence": sequence, "text": self.text}


A, B = Ref("things", "a"), Ref("things", "b")


def work(**loaded: Document | None) -> Work:
    return Work({Ref("things", id_): document for id_, document in {"a": None, "b": None, **loaded}.items()}, NOW)


def test_a_new_document_starts_at_version_one_and_must_not_have_existed() -> None:
    one = work()
    assert one.put("things", {"_id": "a", "x": 1}) == 1
    assert one.changes() == [Change(A, None, {"_id": "a", "x": 1, "version": 1})]


def test_a_known_document_grows_by_one_and_is_guarded_by_the_version_that_was_loaded() -> None:
    one = work(a={"_id": "a", "version": 4})
    assert one.put("things", {"_id": "a", "x": 1}) == 5
    one.begin()
    assert one.put("things", {"_id": "a", "x": 2}) == 6
    assert one.changes() == [Change(A, 4, {"_id": "a", "x": 2, "version": 6})]


def test_a_command_sees_its_own_puts_then_earlier_ones_then_what_was_loaded() -> None:
    one = work(a={"_id": "a", "version": 1, "x": 0}, b={"_id": "b", "version": 1})
    assert (one.get("things", "a") or {})["x"] == 0
    one.put("things", {"_id": "a", "x": 1})
    one.begin()
    assert (one.get("things", "a") or {})["x"] == 1
    one.put("things", {"_id": "a", "x": 2})
    assert (one.get("things", "a") or {})["x"] == 2
    one.undo()
    assert (one.get("things", "a") or {})["x"] == 1
    one.delete("things", "a")
    assert one.get("things", "a") is None
    assert one.get("things", "b") == {"_id": "b", "version": 1}


def test_undo_leaves_no_trace_of_this_command_and_all_of_the_ones_before() -> None:
    one = work()
    one.put("things", {"_id": "a"}, Said("t", "kept"))
    one.begin()
    one.put("things", {"_id": "a"}, Said("t", "undone"))
    one.put("things", {"_id": "b"}, Said("t", "undone"))
    one.undo()
    assert [change.ref for change in one.changes()] == [A]
    assert [row["text"] for row in one.outbox_rows()] == ["kept"]
    assert one.get("things", "b") is None


def test_the_last_command_needs_no_begin_after_it() -> None:
    one = work()
    one.put("things", {"_id": "a"}, Said("t"))
    assert len(one.outbox_rows()) == len(one.changes()) == 1
    assert len(one.outbox_rows()) == len(one.changes()) == 1  # and asking twice changes nothing


def test_events_count_per_topic_and_go_on_counting_from_the_stored_document() -> None:
    one = work(a={"_id": "a", "version": 7, "sequences": {"changed": 3, "dispatch/water": 1}})
    one.put("things", {"_id": "a"}, Said("changed"), Said("dispatch.water"), Said("changed"), Said("dispatch.fire"))
    one.begin()
    one.put("things", {"_id": "a"}, Said("changed"))
    rows = one.outbox_rows()
    assert [(row["position"], row["sequence"]) for row in rows] == [
        ((8, 0), 4),
        ((8, 1), 2),
        ((8, 2), 5),
        ((8, 3), 1),
        ((9, 0), 6),
    ]
    (change,) = one.changes()
    assert change.document is not None
    assert change.document["sequences"] == {"changed": 6, "dispatch/water": 2, "dispatch/fire": 1}


def test_a_put_without_events_keeps_the_numbers() -> None:
    one = work(a={"_id": "a", "version": 1, "sequences": {"t": 5}})
    one.put("things", {"_id": "a", "x": 1})
    (change,) = one.changes()
    assert change.document == {"_id": "a", "x": 1, "version": 2, "sequences": {"t": 5}}


def test_what_was_loaded_is_never_changed() -> None:
    loaded: Document = {"_id": "a", "version": 1, "sequences": {"t": 5}}
    one = work(a=loaded)
    one.put("things", {"_id": "a"}, Said("t"))
    assert loaded == {"_id": "a", "version": 1, "sequences": {"t": 5}}


def test_deleting_is_guarded_and_what_never_was_is_not_deleted() -> None:
    one = work(a={"_id": "a", "version": 3})
    one.delete("things", "a")
    one.put("things", {"_id": "b"})
    one.delete("things", "b")
    assert one.changes() == [Change(A, 3, None)]


def test_deleting_and_putting_again_replaces_what_was_loaded() -> None:
    one = work(a={"_id": "a", "version": 3, "sequences": {"t": 1}})
    one.delete("things", "a")
    one.begin()
    one.put("things", {"_id": "a", "x": 1})
    (change,) = one.changes()
    assert (change.expected, (change.document or {})["x"]) == (3, 1)


TOUCHES: dict[str, Callable[[Work], object]] = {
    "get": lambda one: one.get("things", "c"),
    "put": lambda one: one.put("things", {"_id": "c"}),
    "delete": lambda one: one.delete("things", "c"),
}


@pytest.mark.parametrize("touch", TOUCHES.values(), ids=TOUCHES)
def test_only_declared_documents_may_be_touched(touch: Callable[[Work], object]) -> None:
    one = work()
    with pytest.raises(UndeclaredRead, match="things/c was not declared"):
        touch(one)
    assert one.changes() == []
