"""The desk's queue over the real MongoDB: each filter, the scope in front of them, pages while the queue changes."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.dispatch.case_store import MongoCases, MongoQueue
from services.dispatch.complaint_store import COMPLAINTS, MongoBox
from services.dispatch.domain.clocks import Priority
from services.dispatch.domain.complaint import Complaint
from services.dispatch.domain.incident import Incident
from services.dispatch.domain.states import State
from services.dispatch.queue import Mark, Wanted, mark_of, read_mark
from services.dispatch.store import COLLECTIONS, INCIDENTS
from shared.scope import Scope
from tests.support.dispatching import PLACE, RECEIVED, dispatched, incident
from tests.support.stack import Stack
from tests.support.stores import MongoStore, in_mongo

HERE = "140302003005"
DESK = Scope("s", "staff:s", "140302003", desk=True)
NEXT_DOOR = replace(DESK, communities=("140302003006",))


@pytest.fixture
async def store(stack: Stack) -> AsyncIterator[MongoStore]:
    async with in_mongo(stack, COLLECTIONS) as opened:
        yield opened


def put(store: MongoStore, *incidents: Incident) -> None:
    for one in incidents:
        store.put("incidents", {**INCIDENTS.dump(one), "version": 1})


async def ids(store: MongoStore, wanted: Wanted, scope: Scope = DESK, after: Mark | None = None) -> list[str]:
    return [one.id for one, _ in await MongoQueue(store.database).queue(scope, wanted, after, 100)]


def quarter() -> list[Incident]:
    nowhere: dict[str, Any] = {**PLACE, "grid": None}
    working = replace(dispatched("water"), id="working")
    paused = replace(dispatched("water"), id="parked", state=State.PARKED)
    return [
        incident(id="triage", state=State.TRIAGED, code="AAAA-0001"),
        working,
        paused,
        incident(id="urgent", priority=Priority.U, flags=("disputed", "same_photo")),
        incident(id="lost", place=nowhere),
        incident(id="away", subdistrict="140302004", code="AAAA-0001", flags=("disputed",)),
    ]


async def test_each_filter_finds_its_own_and_nothing_of_another_sub_district(store: MongoStore) -> None:
    put(store, *quarter())
    due = dispatched("water").orders[0].due_at
    for wanted, found in (
        (Wanted(), ["lost", "parked", "triage", "urgent", "working"]),
        (Wanted(state=State.TRIAGED), ["triage"]),
        (Wanted(priority=Priority.U), ["urgent"]),
        (Wanted(department="water"), ["parked", "working"]),
        (Wanted(department="fire"), []),
        (Wanted(community=HERE), ["parked", "triage", "urgent", "working"]),
        (Wanted(overdue_at=due), []),
        (Wanted(overdue_at=due + timedelta(seconds=1)), ["working"]),
        (Wanted(disputed=True), ["urgent"]),
        (Wanted(disputed=False), ["lost", "parked", "triage", "working"]),
        (Wanted(needs_location=True), ["lost"]),
        (Wanted(needs_location=False), ["parked", "triage", "urgent", "working"]),
        (Wanted(flag="same_photo"), ["urgent"]),
        (Wanted(code="AAAA-0001"), ["triage"]),
        (Wanted(department="water", state=State.PARKED), ["parked"]),
    ):
        assert await ids(store, wanted) == found, wanted


async def test_asking_for_a_community_opens_no_other_than_ones_own(store: MongoStore) -> None:
    put(store, *quarter())
    assert await ids(store, Wanted(), NEXT_DOOR) == ["lost"]
    assert await ids(store, Wanted(community=HERE), NEXT_DOOR) == []


async def test_pages_neither_repeat_nor_skip_while_the_queue_changes(store: MongoStore) -> None:
    put(store, *(incident(id=f"i{n}", t0=RECEIVED + timedelta(minutes=n // 2)) for n in range(8)))
    queue = MongoQueue(store.database)
    first = await queue.queue(DESK, Wanted(), None, 3)
    assert [one.id for one, _ in first] == ["i0", "i1", "i2"]
    put(
        store,
        incident(id="early", t0=RECEIVED - timedelta(days=1)),
        incident(id="late", t0=RECEIVED + timedelta(days=1)),
    )
    store.behind[store.place.name]["incidents"].delete_many({"_id": {"$in": ["i0", "i2"]}})
    mark = read_mark(str(mark_of(first[-1][0])))
    assert await ids(store, Wanted(), after=mark) == ["i3", "i4", "i5", "i6", "i7", "late"]


async def test_the_box_is_read_from_its_newest_within_the_scope(store: MongoStore) -> None:
    for id_, community in (("1", HERE), ("2", None), ("3", HERE)):
        said = Complaint(id_, "140302003", "rider-1", "rider:rider-1", "没人管", RECEIVED, "inc", community)
        store.put("complaints", {**COMPLAINTS.dump(said), "version": 1})

    async def read(scope: Scope, before: str | None = None) -> list[str]:
        return [one.id for one in await MongoBox(store.database).complaints(scope, before, 2)]

    assert (await read(DESK), await read(DESK, "2"), await read(NEXT_DOOR)) == (["3", "2"], ["1"], ["2"])
    assert await read(replace(DESK, subdistrict="140302004")) == []


async def test_cases_are_found_by_deadline_within_the_scope(store: MongoStore) -> None:
    put(store, *quarter())
    due, second = dispatched("water").orders[0].due_at, timedelta(seconds=1)

    async def found(scope: Scope, start: datetime, end: datetime) -> list[str]:
        return [one.id for one in await MongoCases(store.database).due(scope, start, end)]

    assert await found(DESK, due, due + second) == ["parked", "working"]
    assert await found(DESK, due - second, due) == []
    assert await found(NEXT_DOOR, due, due + second) == []
    assert await found(replace(DESK, subdistrict="140302004"), due, due + second) == []
