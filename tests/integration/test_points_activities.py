"""Activities, meetings and rounds over the real MongoDB: rivals from two processes, lists, tallies, what goes by age."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from services.points.activity_census import ActivityCensus
from services.points.activity_metrics import WaitingMetrics
from services.points.activity_store import MongoActivities
from services.points.domain import checkin
from services.points.domain.activity import Act, Activity
from services.points.domain.checkin import Refusal
from services.points.domain.listing import Mark
from services.points.gathering_store import MongoGatherings
from services.points.store import COLLECTIONS, PLAN, RETENTION
from services.points.visit_store import MongoVisits
from services.points.visiting import CountVisit, visit_of
from shared.clock import system_clock
from shared.context import Context
from shared.contracts.visit_recorded import VisitRecorded
from shared.errors import Conflict, Forbidden
from shared.mongo.client import Document
from shared.mongo.lease import Lease
from shared.mongo.person import Treat
from shared.mongo.retention import TOMBSTONES, Retention
from shared.pseudonym import Person
from tests.support.doing import HERE, LEAD, NEIGHBOUR, STAFF, Doing, gathering, rider, shown
from tests.support.lanes import running
from tests.support.pointing import BEIDAJIE, Ledger
from tests.support.rounds import opening
from tests.support.stack import Stack
from tests.support.stores import MongoStore, in_mongo


@pytest.fixture
async def store(stack: Stack) -> AsyncIterator[MongoStore]:
    async with in_mongo(stack, COLLECTIONS) as opened:
        yield opened


@pytest.fixture
async def both(store: MongoStore) -> AsyncIterator[tuple[Doing, Doing]]:
    """Two processes on one database."""
    async with AsyncExitStack() as open_:
        lanes = [await open_.enter_async_context(running(store.transactor)) for _ in range(2)]
        yield Doing(lanes[0]), Doing(lanes[1])
    (await Ledger.read(store.database)).check()


def held(store: MongoStore, collection: str) -> list[Document]:
    return list(store.behind[store.place.name][collection].find())


async def test_of_many_approvals_at_once_one_pays(store: MongoStore, both: tuple[Doing, Doing]) -> None:
    await both[0].record()
    tries = [both[number % 2].decide(Act.APPROVE, (STAFF, LEAD)[number % 2]) for number in range(10)]
    answers = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(answer, Activity) for answer in answers) == 1
    assert sum(isinstance(answer, Conflict) for answer in answers) == 9
    ledger = await Ledger.read(store.database)
    assert ledger.told("anna") == [("post", "help", 3, "approved")]
    rows = [row["topic"] for row in store.rows()]
    assert sorted(rows) == ["activity-decided", "activity-recorded", "points-awarded"]


async def test_of_many_scans_at_once_one_pays(store: MongoStore, both: tuple[Doing, Doing]) -> None:
    await both[0].member("anna")
    now = system_clock()
    opens: dict[str, Any] = {"opens_at": now - timedelta(hours=1), "starts_at": now - timedelta(hours=1)}
    made = await both[0].hold(**opens, ends_at=now + timedelta(hours=3))
    scans = [both[number % 2].scan(token=shown(now, made), at=now) for number in range(8)]
    ticks = [both[number % 2].tick("anna") for number in range(2)]
    answers = await asyncio.gather(*scans, *ticks)
    assert len(answers) == 10
    ledger = await Ledger.read(store.database)
    assert ledger.told("anna") == [("post", "training", 3, "attended")]
    assert [(one["_id"], one["paid"]) for one in held(store, "checkins")] == [("e1:anna", 3)]


@pytest.mark.parametrize("case", ["expired", "forged", "over"])
async def test_a_code_that_is_not_good_leaves_nothing(store: MongoStore, both: tuple[Doing, Doing], case: str) -> None:
    now = system_clock()
    opens: dict[str, Any] = {"opens_at": now - timedelta(hours=3), "starts_at": now - timedelta(hours=3)}
    made = await both[0].hold(**opens, ends_at=now + timedelta(hours=-1 if case == "over" else 1))
    token = {
        "expired": shown(now - timedelta(minutes=2), made),
        "forged": checkin.read(checkin.token(gathering(), checkin.step_of(now))[:-4] + "AAAA"),
        "over": shown(now, made),
    }[case]
    with pytest.raises(Refusal):
        await both[0].scan(token=token, at=now)
    assert held(store, "checkins") == held(store, "entries") == []


async def test_lists_page_by_page_each_within_its_scope(store: MongoStore, both: tuple[Doing, Doing]) -> None:
    for number in range(5):
        await both[0].record(f"a{number}", ("anna", "bert")[number % 2])
    await both[0].record("b1", "carl", community="140302003006", squad="squad-2")
    await both[0].record("c1", "dora", community=None, squad=None)
    await both[0].decide(Act.REJECT, id_="a0", reason="r")
    views = MongoActivities(store.database)

    async def all_of(read: str, *arguments: object) -> list[str]:
        found: list[str] = []
        after: Mark | None = None
        while page := await getattr(views, read)(*arguments, after, 2):
            found += [one.id for one, _ in page]
            after = Mark(page[-1][0].received_at, page[-1][0].id)
        return found

    assert await all_of("own", rider("anna")) == ["a4", "a2", "a0"]
    assert await all_of("of_desk", STAFF) == ["c1", "a4", "a3", "a2", "a1", "a0"]
    assert await all_of("waiting", STAFF) == ["a1", "a2", "a3", "a4", "c1"]
    assert await all_of("waiting", NEIGHBOUR) == ["b1", "c1"]
    assert await all_of("of_squad", rider("anna"), "squad-1") == ["a1", "a2", "a3", "a4"]
    assert await all_of("of_squad", rider("anna"), None) == []
    for scope, squad, seen in (
        (rider("bert"), None, False),
        (rider("bert"), "squad-1", True),
        (NEIGHBOUR, None, False),
    ):
        assert (await views.activity(scope, squad, "a0") is not None) == seen
    with pytest.raises(Forbidden):
        await views.waiting(rider("anna"), None, 2)


async def test_riders_see_what_they_are_welcome_to(store: MongoStore, both: tuple[Doing, Doing]) -> None:
    now = system_clock()
    when: dict[str, Any] = {"opens_at": now, "starts_at": now, "ends_at": now + timedelta(hours=1)}
    await both[0].hold(id_="open", **when)
    await both[0].hold(id_="mine", **when, invited=("anna",))
    await both[0].hold(id_="squad", **when, squads=("squad-1",))
    await both[0].hold(id_="others", **when, invited=("bert",), squads=("squad-2",))
    past: dict[str, Any] = {name: at - timedelta(days=9) for name, at in when.items()}
    await both[0].hold(id_="past", **past)
    views = MongoGatherings(store.database)

    async def coming(squad: str | None) -> set[str]:
        return {one.id for one, _, _ in await views.coming(rider("anna"), squad, now - timedelta(days=7), 9)}

    assert await coming("squad-1") == {"open", "mine", "squad"}
    assert await coming(None) == {"open", "mine"}
    assert {one.id for one, _ in await views.of_desk(NEIGHBOUR, 9)} == set()
    assert len(await views.of_desk(STAFF, 9)) == 5


def visited(id_: str, who: str, household: str, grid: str, answer: str, at: datetime) -> VisitRecorded:
    fields = {"subdistrict": BEIDAJIE, "visit": id_, "campaign": "camp", "rider": who, "micro_grid": grid}
    said = {"household": household, "answers": [{"item": "gas_valve_closed", "answer": answer}]}
    return VisitRecorded.model_validate({**fields, **said, "captured_at": at, "received_at": at})


async def test_a_tally_counts_households_and_answers_within_the_desk(
    store: MongoStore, both: tuple[Doing, Doing]
) -> None:
    await both[0].lane.submit(opening(grids=(HERE, "140302003006")))
    at = system_clock() - timedelta(hours=9)
    told = [
        visited("v1", "anna", "1-101", f"{HERE}00502", "yes", at),
        visited("v2", "anna", "1-101", f"{HERE}00502", "no", at + timedelta(hours=1)),
        visited("v3", "bert", "1-101", f"{HERE}00502", "no", at + timedelta(hours=2)),
        visited("v4", "bert", "1-102", f"{HERE}00503", "yes", at + timedelta(hours=3)),
        visited("v5", "bert", "1-102", "14030200300600101", "yes", at + timedelta(hours=4)),
    ]
    commands = [CountVisit(both[0].rounds, visit_of(data), Context(f"rider:{data.rider}", "c")) for data in told]
    for number, command in enumerate(commands * 2):
        await both[number % 2].lane.submit(command)
    views = MongoVisits(store.database)
    tally = await views.tally(STAFF, "camp")
    assert [(one.micro_grid, one.visits, one.households, one.points, one.unpaid) for one in tally] == [
        (f"{HERE}00502", 3, 1, 4, 1),
        (f"{HERE}00503", 1, 1, 2, 0),
    ]
    assert tally[0].answers == {"gas_valve_closed": {"yes": 1, "no": 2}}
    assert len(await views.tally(LEAD, "camp")) == 3


async def test_the_census_shows_what_waits(store: MongoStore, both: tuple[Doing, Doing]) -> None:
    for number in range(3):
        await both[0].record(f"a{number}")
    await both[0].decide(Act.REJECT, id_="a0", reason="r")
    registry, later = CollectorRegistry(), timedelta(hours=1)
    await ActivityCensus(store.database, WaitingMetrics(registry), lambda: system_clock() + later).look()
    assert registry.get_sample_value("qianshao_points_activities_waiting", {"kind": "help"}) == 2
    oldest = registry.get_sample_value("qianshao_points_activities_oldest_seconds", {"kind": "help"})
    assert oldest is not None
    assert 3600 <= oldest < 7200


async def test_words_go_when_they_are_old_and_waiting_ones_do_not(store: MongoStore, both: tuple[Doing, Doing]) -> None:
    for number in range(2):
        await both[0].record(f"a{number}", household="3-2-501", photo_ids=("p1",))
    await both[0].decide(Act.APPROVE, id_="a0")
    await both[0].member("anna")
    now = system_clock()
    await both[0].hold(opens_at=now, starts_at=now, ends_at=now + timedelta(hours=1))
    await both[0].tick("anna")
    lease = Lease(store.database, "retention", "one")
    old = Retention(store.client, store.database, lease, RETENTION, lambda: system_clock() + timedelta(days=1000))
    await old.step()
    await old.step()
    left = {one["_id"]: (one["text"], one["photo_ids"], one["household"]) for one in held(store, "activities")}
    assert left == {"a0": ("", [], None), "a1": ("帮王阿姨搬米", ["p1"], "3-2-501")}
    assert held(store, "checkins") == held(store, "gatherings") == []
    counted = {one["noun"]: one["count"] for one in held(store, TOMBSTONES)}
    assert counted == {"activity evidence": 1, "checkins": 1, "gatherings": 1}
    assert len(held(store, "entries")) == 2


async def test_of_somebody_forgotten_only_the_sums_are_left(store: MongoStore, both: tuple[Doing, Doing]) -> None:
    for number in range(2):
        await both[0].record(f"a{number}", household="3-2-501")
    await both[0].record("b0", "bert")
    await both[0].decide(Act.RECOMMEND, rider("anna"), id_="b0", squad="squad-1")
    await both[0].decide(Act.APPROVE, id_="a0")
    person = Person("anna", "gone-1")
    for id_ in ("a0", "a1", "b0"):
        await both[0].lane.submit(Treat("activities", id_, person, PLAN.treatments["activities"]))
    found = {one["_id"]: one for one in held(store, "activities")}
    assert [(found[id_]["rider"], found[id_]["state"], found[id_]["text"]) for id_ in ("a0", "a1")] == [
        ("gone-1", "approved", ""),
        ("gone-1", "withdrawn", ""),
    ]
    assert (found["b0"]["rider"], found["b0"]["state"], found["b0"]["text"]) == ("bert", "recommended", "帮王阿姨搬米")
    assert "rider:gone-1" in repr(found["b0"]["lines"])
    assert not person.is_in(list(found.values()))
