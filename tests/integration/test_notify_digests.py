"""Morning digests over real MongoDB: whose orders are due, which grids were quiet, once a day whoever repeats."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest

from ops.reference.beidajie import DIRECTORY
from services.notify.digest_store import COLLECTIONS as DIGEST_COLLECTIONS
from services.notify.digest_store import MongoFacts
from services.notify.digesting import Digesting
from services.notify.domain.digest import Due, by_audience, due_message, morning
from services.notify.store import BOOKS, COLLECTIONS
from shared.mongo.lane import Lane
from shared.mongo.lease import Lease
from shared.reference.load import load
from tests.support.lanes import running
from tests.support.notifying import HERE, START, SUBDISTRICT, Got, changed, hear, inboxes, reported, state
from tests.support.sending import Clock, Held
from tests.support.stack import Stack
from tests.support.stores import MongoStore, in_mongo

ZONE = ZoneInfo("Asia/Shanghai")
EIGHT = datetime(2026, 11, 26, 8, 0, tzinfo=ZONE)
"""The morning after the events of `notifying`."""


@pytest.fixture
async def store(stack: Stack) -> AsyncIterator[MongoStore]:
    async with in_mongo(stack, (*COLLECTIONS, *DIGEST_COLLECTIONS)) as made:
        yield made


@pytest.fixture(scope="module")
def reference() -> Any:
    return load(DIRECTORY)


def digests(store: MongoStore) -> list[Got]:
    found = store.behind[store.place.name]["messages"].find({"event": {"$regex": "^digest:"}})
    return inboxes(found)


def order(state_: str, due: datetime, number: int = 1, **more: Any) -> dict[str, Any]:
    order = {"id": f"inc.{number}", "department": "water", "state": state_, "accept_by": due, "due_at": due}
    return {"order": {**order, **more}}


async def morning_of(store: MongoStore, lane: Lane, reference: Any, at: datetime = EIGHT) -> list[Got]:
    lease, clock = cast(Lease, Held()), Clock(at.astimezone(UTC))
    digesting = Digesting(lane, BOOKS, MongoFacts(store.database), lease, clock, reference, 30)
    await digesting.step()
    return digests(store)


async def test_departments_and_communities_hear_what_is_due_today_once(store: MongoStore, reference: Any) -> None:
    today, tomorrow = EIGHT + timedelta(hours=10), EIGHT + timedelta(days=1, hours=10)
    async with running(store.transactor) as lane:
        await hear(lane, [reported(), changed("order_accepted", 1, 1, **order("accepted", today))])
        await hear(lane, [reported("late"), changed("order_accepted", 1, 1, "late", **order("accepted", tomorrow))])
        await hear(lane, [reported("done"), changed("order_done", 1, 1, "done", **order("done", today))])
        await hear(lane, [reported("over"), changed("order_offered", 1, 1, "over", **order("offered", today))])
        await hear(lane, [state("rejected", 2, 2, incident="over")])
        assert await morning_of(store, lane, reference, EIGHT - timedelta(minutes=1)) == []
        first = await morning_of(store, lane, reference)
        assert await morning_of(store, lane, reference) == first
        store.behind[store.place.name]["mornings"].delete_many({})  # died before it was done
        assert await morning_of(store, lane, reference) == first
    due = {got.audience: got for got in first if got.template == "digest_due"}
    assert set(due) == {f"department:{SUBDISTRICT}:water", f"community:{HERE}"}
    assert all("7K3M-9QXA (18:00)" in got.zh and got.zh.startswith("今天到期 1 件") for got in due.values())


async def test_what_stands_still_is_not_due_and_is_due_later_once_it_goes_on(store: MongoStore, reference: Any) -> None:
    today, facts = EIGHT + timedelta(hours=10), MongoFacts(store.database)
    evening = EIGHT + timedelta(hours=16)
    async with running(store.transactor) as lane:
        for incident, pause in (("asked", "needs_info"), ("aside", "parked")):
            await hear(
                lane, [reported(incident), changed("order_accepted", 1, 1, incident, **order("accepted", today))]
            )
            await hear(lane, [state(pause, 2, 2, incident=incident)])
        assert await facts.due(SUBDISTRICT, evening) == []
        await hear(lane, [state("in_progress", 3, 3, incident="asked")])
        (due,) = await facts.due(SUBDISTRICT, evening)
        assert due.due == today + timedelta(minutes=1), "later by the pause"
        moved = order("working", EIGHT + timedelta(days=3))
        await hear(lane, [changed("reminder", 4, 4, "asked", **moved)])
        assert await facts.due(SUBDISTRICT, evening) == [], "what is said of the order holds"


async def test_staff_hear_of_grids_that_were_quiet_and_not_of_the_one_that_was_not(
    store: MongoStore, reference: Any
) -> None:
    async with running(store.transactor) as lane:
        await hear(lane, [reported()])
        got = {one.audience: one for one in await morning_of(store, lane, reference) if one.template == "digest_quiet"}
        heard = await MongoFacts(store.database).heard_of(SUBDISTRICT, START - timedelta(days=1))
        assert heard == {f"{HERE}00505"}
        assert await MongoFacts(store.database).heard_of(SUBDISTRICT, START + timedelta(days=1)) == set()
    assert len(got) == 9, "every community"
    grids = sum(1 for place in reference.places.values() if place.kind == "residential" and place.code[:12] == HERE)
    quiet = grids - (f"{HERE}00505" in reference.places)
    assert got[f"community:{HERE}"].zh.startswith(f"{quiet} 个微网格")


def test_a_morning_is_by_the_sub_districts_clock_and_an_overdue_order_has_its_day() -> None:
    assert morning(EIGHT.astimezone(UTC), ZONE) == date(2026, 11, 26)
    assert morning(EIGHT - timedelta(seconds=1), ZONE) is None
    late = Due("7K3M-9QXA", "community-1", "1", EIGHT - timedelta(days=1))
    told = by_audience("s", [late])
    assert list(told) == ["community:1"], "a community that was asked itself is told once"
    message = due_message("s", "community:1", date(2026, 11, 26), [late] * 2, ZONE)
    assert "7K3M-9QXA (11-25 08:00)" in message.zh.text
    many = [Due(f"c{n}", "w", None, EIGHT) for n in range(12)]
    assert message.zh.title == "今天到期 1 件"
    assert "等 12 项" in due_message("s", "x", date(2026, 11, 26), many, ZONE).zh.text
