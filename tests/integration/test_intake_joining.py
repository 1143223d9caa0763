"""Join and nearby on a real MongoDB: twenty riders at once, two processes, and the index of places."""

import asyncio
from collections import Counter

from services.intake.domain.report import Report
from services.intake.forms import ReportIn
from services.intake.noticing import Noticing
from services.intake.photo_store import MongoPhotos
from services.intake.ports import Around
from services.intake.report_store import MongoSpots, MongoViews
from services.intake.review_store import MongoPast
from services.intake.store import COLLECTIONS, HOLDINGS, INCIDENTS, PHOTOS, REPORTS, SPOTS
from services.intake.taking import Taking, take_report
from shared.clock import system_clock
from shared.ids import new_id
from shared.mongo.lane import Lane
from shared.scope import Scope
from shared.web.auth import Principal, Role
from tests.support.intaking import StubRules, sender, wish
from tests.support.lanes import running
from tests.support.neighbours import HERE, north
from tests.support.stack import Stack
from tests.support.stores import MongoStore, in_mongo


async def report(store: MongoStore, lane: Lane, rider: str, metres: float = 0.0, join: str | None = None) -> Report:
    database = store.database
    desk = Taking(
        lane,
        REPORTS,
        INCIDENTS,
        PHOTOS,
        MongoPhotos(database),
        MongoViews(database),
        StubRules(radius_m=80.0),
        system_clock,
        new_id,
        HOLDINGS,
        MongoSpots(database),
        Noticing(MongoPast(database), lambda flag: None, lambda: None),
    )
    body = wish(client_key=f"key-of-{rider}", place=north(metres), asked=True, **({"join": join} if join else {}))
    return (await take_report(desk, ReportIn.model_validate(body), sender(Principal(rider, Role.RIDER, HERE)))).report


async def test_scenario_09_twenty_riders_who_join_at_once_over_two_processes_are_one_incident(stack: Stack) -> None:
    async with in_mongo(stack, COLLECTIONS) as store, running(store.transactor) as lane:
        async with running(store.transactor, max_batch=3) as other:
            first = await report(store, lane, "rider-first")
            lanes = [lane, other] * 10
            joined = await asyncio.gather(
                *(report(store, one, f"rider-{n}", 30.0, first.incident) for n, one in enumerate(lanes))
            )
        assert {one.incident for one in joined} == {first.incident}
        found = store.get(INCIDENTS.ref(first.incident))
        assert found is not None
        assert sorted(found["reports"]) == sorted([first.id, *(one.id for one in joined)])
        rows = store.rows()
        assert Counter(row["topic"] for row in rows) == {"incident-reported": 1, "report-updated": 20}
        ids = {row["_id"] for row in rows if row["topic"] == "report-updated"}
        assert ids == {f"report-updated|report-updated:{first.incident}:{number}" for number in range(1, 21)}
        assert store.behind[store.place.name]["spots"].count_documents({}) == 1


async def test_the_index_finds_what_is_near_by_place_category_state_and_sub_district(stack: Stack) -> None:
    async with in_mongo(stack, COLLECTIONS) as store, running(store.transactor) as lane:
        spots = MongoSpots(store.database)
        made = {metres: await report(store, lane, f"rider-{metres}", metres) for metres in (0.0, 30.0, 79.0, 120.0)}
        here = (north(0.0)["lng"], north(0.0)["lat"])
        riders, others = Scope("r", "rider:r", HERE), Scope("r", "rider:r", "140302004")

        async def near(scope: Scope = riders, code: str = "P0101", metres: float = 80.0) -> list[str]:
            found = await spots.near(scope, Around("gb30428", code, here, metres, system_clock()))
            return [one.spot.id for one in found]

        assert await near() == [made[0.0].incident, made[30.0].incident, made[79.0].incident]
        assert await near(metres=29.9) == [made[0.0].incident]
        assert await near(others) == await near(code="P0102") == []
        closed = store.get(SPOTS.ref(made[0.0].incident))
        assert closed is not None
        store.put("spots", {**closed, "state": "closed", "version": closed["version"] + 1})
        assert await near() == [made[30.0].incident, made[79.0].incident]
        assert await spots.spot(others, made[0.0].incident) is None
        assert (await spots.spot(riders, made[0.0].incident)) is not None
