"""Domain objects survive the way into MongoDB and back, to the millisecond and with their types."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

import pytest

from shared.mongo.indexes import Collection
from shared.mongo.records import Records
from shared.mongo.work import Ref, Work
from tests.support.counting import Counted
from tests.support.lanes import running
from tests.support.stack import Stack
from tests.support.stores import MongoStore, in_mongo


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


@dataclass(frozen=True)
class Part:
    name: str
    size: float
    at: datetime


@dataclass(frozen=True)
class Thing:
    id: str
    colour: Colour
    parts: tuple[Part, ...]
    made: datetime
    raw: bytes
    names: dict[str, str]
    note: str | None = None


THINGS = Records("things", Thing)
MOMENT = datetime(2026, 11, 25, 8, 0, 0, 123_000, tzinfo=UTC)
THING = Thing(
    "t-1", Colour.GREEN, (Part("井盖", 0.1, MOMENT), Part("", -1.5e300, MOMENT)), MOMENT, b"\x00\xff", {"zh": "铁"}
)


@dataclass(frozen=True)
class Store:
    thing: Thing

    def reads(self) -> Iterable[Ref]:
        return [THINGS.ref(self.thing.id)]

    def decide(self, work: Work) -> tuple[Thing | None, int, int]:
        return (
            THINGS.get(work, self.thing.id),
            THINGS.version(work, self.thing.id),
            THINGS.put(work, self.thing, Counted()),
        )


@pytest.fixture
async def store(stack: Stack) -> AsyncIterator[MongoStore]:
    async with in_mongo(stack, [Collection("things")]) as opened:
        yield opened


async def test_what_is_read_back_is_what_was_put(store: MongoStore) -> None:
    changed = replace(THING, colour=Colour.RED, note="second", parts=())
    async with running(store.transactor) as lane:
        assert await lane.submit(Store(THING)) == (None, 0, 1)
        assert await lane.submit(Store(changed)) == (THING, 1, 2)
        assert await lane.submit(Store(THING)) == (changed, 2, 3)


async def test_the_document_keeps_names_words_and_counts(store: MongoStore) -> None:
    async with running(store.transactor) as lane:
        await lane.submit(Store(THING))
        await lane.submit(Store(THING))
    document = store.get(THINGS.ref("t-1"))
    assert document is not None
    assert {"_id": "t-1", "colour": "green", "made": MOMENT, "version": 2, "sequences": {"counted": 2}}.items() <= (
        document.items()
    )
    assert "id" not in document
    assert document["parts"][0] == {"name": "井盖", "size": 0.1, "at": MOMENT}


async def test_a_field_of_a_later_version_is_no_reason_to_fail(store: MongoStore) -> None:
    store.put("things", {**THINGS.dump(THING), "version": 5, "from_the_future": 1})
    async with running(store.transactor) as lane:
        assert await lane.submit(Store(THING)) == (THING, 5, 6)
