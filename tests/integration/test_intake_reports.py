"""Reports over the real MongoDB: lists within scope, photos that race with their report, and the timer of those that wait."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from services.intake import store as intake
from services.intake.domain.listing import Mark, ReportListing, cursor_of, read_cursor
from services.intake.domain.photo import photo_id
from services.intake.domain.report import GridPath, Incident, Report
from services.intake.domain.status import Status
from services.intake.domain.waiting import GIVEN_UP, PATIENCE, begin
from services.intake.forms import ReportIn
from services.intake.noticing import Noticing
from services.intake.photo_store import MongoPhotos
from services.intake.report_store import MongoSpots, MongoViews
from services.intake.review_store import MongoPast
from services.intake.store import HOLDINGS, INCIDENTS, PHOTOS, REPORTS, STATUSES
from services.intake.taking import Sender, Taking, photo_arrived, take_report
from services.intake.waiting import SettlePhotos
from shared.clock import system_clock
from shared.context import Context
from shared.ids import new_id, report_id
from shared.mongo.lease import Lease
from shared.mongo.timers import Timer, Timers
from shared.scope import Scope
from tests.support.intaking import GRID, RECEIVED, StubRules, photo, report, wish
from tests.support.lanes import running
from tests.support.stack import Stack
from tests.support.stores import MongoStore, in_mongo

RIDER = Scope("rider-1", "rider:rider-1", "140302003")
NEXT = GridPath("140302003", "140302003006", "140302003006001", "14030200300600101")
DESK = Scope("s", "staff:s", "140302003", desk=True)
HERE_DESK = Scope("s", "staff:s", "140302003", desk=True, communities=(GRID.community,))
ELSEWHERE = Scope("s", "staff:s", "140302004", desk=True)


@dataclass(frozen=True)
class Desks:
    """Two api processes over one database."""

    store: MongoStore
    one: Taking
    two: Taking


@pytest.fixture
async def desks(stack: Stack) -> AsyncIterator[Desks]:
    async with AsyncExitStack() as open_:
        store = await open_.enter_async_context(in_mongo(stack, intake.COLLECTIONS))
        lanes = [await open_.enter_async_context(running(store.transactor)) for _ in range(2)]
        photos, views, spots = MongoPhotos(store.database), MongoViews(store.database), MongoSpots(store.database)
        noticing = Noticing(MongoPast(store.database), lambda flag: None, lambda: None)
        made = [
            Taking(
                lane,
                REPORTS,
                INCIDENTS,
                PHOTOS,
                photos,
                views,
                StubRules(),
                system_clock,
                new_id,
                HOLDINGS,
                spots,
                noticing,
            )
            for lane in lanes
        ]
        yield Desks(store, made[0], made[1])


def put(store: MongoStore, one: Report, status: Status | None = None) -> None:
    store.put("reports", {**REPORTS.dump(one), "version": 1})
    if status is not None:
        store.put("statuses", {**STATUSES.dump(status), "version": 1})


def told(store: MongoStore, topic: str) -> dict[str, int]:
    """How many events of each incident."""
    counted: dict[str, int] = {}
    for row in store.rows():
        if row["topic"] == topic:
            counted[row["key"]] = counted.get(row["key"], 0) + 1
    return counted


async def listed(desks: Desks, scope: Scope, **narrowed: Any) -> list[str]:
    found = await desks.one.views.reports(scope, ReportListing(**{"limit": 50, **narrowed}))
    return [one.id for one, _ in found]


async def test_a_list_is_within_scope_and_narrowed_by_state_and_flag(desks: Desks) -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"rider": "rider-2"},
        {"flags": ("awaiting_photo",), "told": False, "awaiting": ("p",)},
        {"flags": ("awaiting_photo", "photo_missing"), "awaiting": ("p",)},
        {},
        {"subdistrict": "140302004"},
    ]
    for index, change in enumerate(changes):
        at = RECEIVED + timedelta(seconds=index)
        put(desks.store, report(id=f"r{index}", incident=f"i{index}", received_at=at, **change))
    put(desks.store, report(id="r6", incident="i6", place=_at(None), received_at=RECEIVED + timedelta(seconds=6)))
    put(desks.store, report(id="r7", incident="i7", place=_at(NEXT), received_at=RECEIVED + timedelta(seconds=7)))
    desks.store.put("statuses", {**STATUSES.dump(Status("i4", state="dispatched")), "version": 1})
    desks.store.put("statuses", {**STATUSES.dump(Status("i3")), "version": 1})
    assert await listed(desks, RIDER) == ["r7", "r6", "r5", "r4", "r3", "r2", "r0"]
    assert await listed(desks, DESK) == ["r7", "r6", "r4", "r3", "r2", "r1", "r0"]
    assert await listed(desks, HERE_DESK) == ["r6", "r4", "r3", "r2", "r1", "r0"]
    assert await listed(desks, ELSEWHERE) == ["r5"]
    assert await listed(desks, DESK, flag="awaiting_photo") == ["r3", "r2"]
    assert await listed(desks, DESK, flag="photo_missing") == ["r3"]
    assert await listed(desks, DESK, state="awaiting_photo") == ["r2"]
    assert await listed(desks, DESK, state="dispatched") == ["r4"]
    assert await listed(desks, HERE_DESK, state="reported") == ["r6", "r3", "r1", "r0"]
    ((_, status),) = await desks.one.views.reports(DESK, ReportListing(state="dispatched"))
    assert status.state == "dispatched"


async def test_pages_lose_and_repeat_nothing_though_all_came_in_the_same_moment(desks: Desks) -> None:
    for index in range(25):
        put(desks.store, report(id=f"r{index:02}", incident=f"i{index}", received_at=RECEIVED))
    seen: list[str] = []
    mark: Mark | None = None
    while True:
        page = await desks.one.views.reports(RIDER, ReportListing(limit=7, after=mark))
        if not page:
            break
        seen += [one.id for one, _ in page]
        mark = read_cursor(cursor_of(page[-1][0]))
    assert seen == [f"r{index:02}" for index in reversed(range(25))]


async def test_a_list_is_read_from_its_index(desks: Desks) -> None:
    """Not from every report there ever was, and not sorted in memory."""
    reports = desks.store.behind[desks.store.place.name]["reports"]
    for query in ({"rider": "rider-1"}, {"subdistrict": "140302003"}):
        cursor = reports.find({"$and": [query]}).sort([("received_at", -1), ("_id", -1)]).limit(20)
        plan = repr(cursor.explain()["queryPlanner"]["winningPlan"])
        assert "IXSCAN" in plan, plan
        assert "'SORT'" not in plan, plan


async def test_scenario_02_photos_that_race_with_their_reports_are_never_missed(desks: Desks) -> None:
    """Thirty reports, their two photos each through the other process at the same time: each goes out once, with both."""
    keys = [f"race-{index:04}" for index in range(30)]

    async def send(key: str) -> None:
        digests = [_digest(key, part) for part in (1, 2)]
        body = ReportIn.model_validate(wish(client_key=key, emergency=False, awaiting_photos=digests))
        await take_report(desks.one, body, Sender(RIDER, RIDER.id, Context(RIDER.actor, key)))

    async def upload(key: str, part: int) -> None:
        id_ = photo_id(RIDER.actor, _digest(key, part))
        await desks.two.photos.put(photo(id_), b"jpeg", b"thumb")
        await photo_arrived(desks.two, RIDER, id_, Context(RIDER.actor, key))

    jobs = [job for key in keys for job in (upload(key, 1), send(key), upload(key, 2))]
    await asyncio.gather(*jobs)
    stored = [REPORTS.load(_found(desks.store, REPORTS.ref(report_id(RIDER.id, key)))) for key in keys]
    assert {(one.told, one.awaiting, len(one.photo_ids), one.flags) for one in stored} == {(True, (), 2, ())}
    assert told(desks.store, "incident-reported") == {one.incident: 1 for one in stored}
    assert told(desks.store, "report-updated") == {}


async def test_scenario_02_the_timer_lets_a_report_out_once_though_two_workers_look(desks: Desks) -> None:
    now = system_clock()
    for index, (age, expected) in enumerate([(PATIENCE, True), (PATIENCE / 2, False), (GIVEN_UP, True)]):
        one = report(
            id=f"r{index}",
            incident=f"i{index}",
            awaiting=("p",),
            emergency=False,
            received_at=now - age - PATIENCE / 10,
        )
        put(desks.store, begin(one))
        desks.store.put("incidents", {**INCIDENTS.dump(_incident(one)), "version": 1})
        assert expected == (now - one.received_at >= PATIENCE)
    workers = [await _worker(desks, name) for name in ("a", "b")]
    for _ in range(3):
        await asyncio.gather(*(worker.step() for worker in workers))
    assert told(desks.store, "incident-reported") == {"i0": 1, "i2": 1}
    flags = {id_: REPORTS.load(_found(desks.store, REPORTS.ref(id_))).flags for id_ in ("r0", "r1", "r2")}
    assert flags == {
        "r0": ("awaiting_photo",),
        "r1": ("awaiting_photo",),
        "r2": ("awaiting_photo", "photo_missing"),
    }


async def _worker(desks: Desks, name: str) -> Timers:
    """Both believe that the timers are theirs, as after a lease that ran out unnoticed."""
    lease = Lease(desks.store.database, f"timers-{name}", name)
    assert await lease.try_hold()
    lane = desks.one.lane if name == "a" else desks.two.lane
    timer = Timer("reports", lambda id_: SettlePhotos(REPORTS, INCIDENTS, PHOTOS, id_))
    return Timers(desks.store.database, lane, lease, [timer])


def _found(store: MongoStore, ref: Any) -> dict[str, Any]:
    document = store.get(ref)
    assert document is not None
    return document


def _incident(one: Report) -> Incident:
    return Incident(one.incident, one.code, one.subdistrict, (one.id,), one.photo_ids, one.place)


def _at(grid: GridPath | None) -> Any:
    return replace(report().place, grid=grid)


def _digest(key: str, part: int) -> str:
    return f"{int(key[-4:]) * 10 + part:064x}"
