"""The smallest business there is, for tests of the plumbing: counters that remember under which key they were raised."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.mongo.indexes import Collection
from shared.mongo.outbox import outbox_row
from shared.mongo.work import Document, Ref, Work

COUNTERS = "counters"
KEYS = "keys"
TOPIC = "counted"
COLLECTIONS = (Collection(COUNTERS), Collection(KEYS))


@dataclass(frozen=True, slots=True)
class Counted:
    """The event of one raise; its row's id is counter and version, so a lost or doubled raise shows in the outbox too."""

    topic_name: str = TOPIC

    def row(self, root: Document, index: int, sequence: int, now: datetime) -> Document:
        id_ = f"{root['_id']}|{root['version']}|{index}"
        return outbox_row(id_, self.topic_name, root["_id"], root["version"], index, [], b"{}", now)


def nothing() -> None:
    """What happens in the middle of a decision, unless a test says otherwise."""


@dataclass
class Add:
    """Raises a counter once for each `key` (always, without one). Answers the counter's value."""

    id: str
    key: str | None = None
    payload: Any = None
    between: Callable[[], None] = field(default=nothing)

    def reads(self) -> Iterable[Ref]:
        return [Ref(COUNTERS, self.id), *([Ref(KEYS, self.key)] if self.key else [])]

    def decide(self, work: Work) -> int:
        self.between()
        before = work.get(COUNTERS, self.id) or {"_id": self.id, "value": 0}
        value: int = before["value"]
        if self.key and work.get(KEYS, self.key):
            return value
        if self.key:
            work.put(KEYS, {"_id": self.key})
        payload = {"payload": self.payload} if self.payload is not None else {}
        work.put(COUNTERS, {**before, "value": value + 1, **payload}, Counted())
        return value + 1


@dataclass(frozen=True)
class Remove:
    """Deletes a counter. Answers whether there was one."""

    id: str

    def reads(self) -> Iterable[Ref]:
        return [Ref(COUNTERS, self.id)]

    def decide(self, work: Work) -> bool:
        found = work.get(COUNTERS, self.id) is not None
        work.delete(COUNTERS, self.id)
        return found
