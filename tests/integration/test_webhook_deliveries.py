"""From the outbox to a department's webhook, over real MongoDB: everything once, in order, whole."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path

import pytest

from services.dispatch import arrivals_api
from services.dispatch.arrival_store import MongoArrivals
from services.dispatch.domain.incident import Route
from services.dispatch.domain.readers import Reading
from services.dispatch.handlers import ReceiveReport
from services.dispatch.policy import POLICY
from services.dispatch.readers_store import MongoReadings
from services.dispatch.store import COLLECTIONS, INCIDENTS, PLAN
from services.dispatch.webhook_store import COLLECTIONS as WEBHOOK_COLLECTIONS
from services.dispatch.webhook_store import DELIVERIES, MongoDeliveries
from shared.clock import system_clock
from shared.context import Context
from shared.contracts.dispatch_order import DispatchOrder
from shared.contracts.envelope import decode
from shared.metrics import Metrics
from shared.mongo.lane import Lane
from shared.mongo.transactions import OUTBOX
from shared.pseudonym import Person
from shared.scope import Scope
from shared.web.app import create
from shared.web.auth import TokenVerifier, read_jwks
from tests.support.dispatching import StubRules, report
from tests.support.lanes import running
from tests.support.serving import rows_of, served
from tests.support.stack import Stack
from tests.support.stores import MongoStore, in_mongo
from tests.support.tokens import AUDIENCE, ISSUER, Signer, bearer


@pytest.fixture
async def store(stack: Stack) -> AsyncIterator[MongoStore]:
    async with in_mongo(stack, (*COLLECTIONS, *WEBHOOK_COLLECTIONS)) as made:
        yield made


async def offer(lane: Lane, incident: str, *departments: str) -> None:
    rules = StubRules(found=Route(departments, "r", "v1"))
    told = report(incident, code=f"7K3M-9QX{incident[-1].upper()}")
    await lane.submit(ReceiveReport(INCIDENTS, rules, told, Context("rider:rider-1", "story")))


async def test_what_the_department_was_told_on_its_topic_waits_once_and_whole(store: MongoStore) -> None:
    deliveries, now = MongoDeliveries(store.database), system_clock()
    async with running(store.transactor) as lane:
        await offer(lane, "inca", "water", "fire")
        await offer(lane, "incb", "water")
    assert [await deliveries.collect("water", now) for _ in range(3)] == [2, 0, 0]
    store.behind[store.place.name][OUTBOX].update_many({}, {"$set": {"hooked": None}})  # died before ticking off
    assert await deliveries.collect("water", now) == 2
    first, second = await deliveries.due("water", now)
    assert {first.line, second.line} == {"inca|inca.1", "incb|incb.1"}
    message = decode("dispatch.water", [("content-type", b"application/cloudevents+json")], first.body)
    row = next(row for row in store.rows() if row["_id"] == first.id)
    assert message == decode("dispatch.water", [(name, content) for name, content in row["headers"]], row["value"])
    assert isinstance(message.data, DispatchOrder)
    assert await deliveries.waiting("water") == (2, first.stored)
    assert await deliveries.waiting("fire") == (0, None)


async def test_scenario_19_one_of_two_delivered_is_seen_and_the_other_is_tried_until_it_gets_it(
    store: MongoStore,
) -> None:
    """Fire hears by Kafka, water by a webhook that is dead: staff see who has it, how often it was tried and why not."""
    deliveries, now = MongoDeliveries(store.database), system_clock()
    arrivals, scope = (
        MongoArrivals(store.database, frozenset({"water"})),
        Scope("s1", "staff:s1", "140302003", desk=True),
    )
    outbox = store.behind[store.place.name][OUTBOX]

    async def told() -> list[tuple[str, bool, int, str | None]]:
        found = await arrivals.of(scope, "inca")
        assert found is not None
        state = [(one, one.waiting[0] if one.waiting else None) for one in found]
        return [
            (one.department, not one.waiting, first.tries if first else 0, first.reason if first else None)
            for one, first in state
        ]

    async with running(store.transactor) as lane:
        await offer(lane, "inca", "water", "fire")
    assert await told() == [("water", False, 0, None), ("fire", False, 0, None)]  # Kafka is away
    outbox.update_many({}, {"$set": {"published": now}})
    assert await told() == [("water", False, 0, None), ("fire", True, 0, None)]
    await deliveries.collect("water", now)
    for tries in (1, 2):
        (waits,) = await deliveries.due("water", now)
        await deliveries.failed(waits, now, "answered 500")
        assert await told() == [("water", False, tries, "answered 500"), ("fire", True, 0, None)]
    (waits,) = await deliveries.due("water", now)
    await deliveries.arrived(waits, now)
    assert await told() == [("water", True, 0, None), ("fire", True, 0, None)]
    assert await arrivals.of(replace(scope, communities=("140302003001",)), "inca") is None
    assert await arrivals.of(replace(scope, subdistrict="650102007"), "inca") is None


async def test_of_what_is_in_a_topic_staff_see_whether_it_was_read(store: MongoStore, tmp_path: Path) -> None:
    """Fire has a topic and a reading system, water a webhook, drainage a topic that nobody has looked at yet."""
    readings, outbox = MongoReadings(store.database), store.behind[store.place.name][OUTBOX]
    routes, signer = arrivals_api.router(MongoArrivals(store.database, frozenset({"water"}))), Signer()
    verifier = TokenVerifier(read_jwks(signer.write_jwks(tmp_path / "jwks.json")), ISSUER, AUDIENCE)
    policy, metrics, staff = rows_of(POLICY, routes), Metrics("d", "api", "v1"), bearer(signer.token("staff", "s1"))
    app = create("d", metrics=metrics, checks={}, routers=[routes], policy=policy, verifier=verifier)
    async with running(store.transactor) as lane, served(app) as client:

        async def shown() -> dict[str, tuple[bool, bool | None]]:
            answer = (await client.get("/v1/incidents/inca/deliveries", headers=staff)).raise_for_status().json()
            return {one["department"]: (one["in_topic"], one["read"]) for one in answer["each"]}

        await offer(lane, "inca", "water", "fire", "drainage")
        offered, minute = store.rows()[0]["stored"].replace(tzinfo=UTC), timedelta(minutes=1)
        assert await shown() == {"water": (False, None), "fire": (False, None), "drainage": (False, None)}
        outbox.update_many({}, {"$set": {"published": offered}})
        assert await shown() == {"water": (True, None), "fire": (True, None), "drainage": (True, None)}
        for department in ("fire", "water"):
            await readings.keep(Reading(department, 1, offered, offered, offered + minute))
        assert await shown() == {"water": (True, None), "fire": (True, False), "drainage": (True, None)}
        await readings.keep(Reading("fire", 0, None, offered + minute, offered + minute))
        assert await shown() == {"water": (True, None), "fire": (True, True), "drainage": (True, None)}
        await readings.keep(Reading("fire", 0, None, offered - minute, offered - minute))
        assert (await shown())["fire"] == (True, None)  # the last look was before the offer


async def test_of_an_order_only_the_first_is_due_and_only_when_its_time_has_come(store: MongoStore) -> None:
    deliveries, now = MongoDeliveries(store.database), system_clock()
    async with running(store.transactor) as lane:
        await offer(lane, "inca", "water")
    await deliveries.collect("water", now)
    (first,) = await deliveries.due("water", now)
    waiting = store.behind[store.place.name][DELIVERIES]
    kept = waiting.find_one({"_id": first.id})
    assert kept is not None
    waiting.insert_many([{**kept, "_id": f"x{seq}", "seq": seq} for seq in (10, 9, 2)])
    await deliveries.failed(first, now + timedelta(seconds=1), "answered 500")
    assert await deliveries.due("water", now) == []
    (again,) = await deliveries.due("water", now + timedelta(seconds=1))
    assert (again.id, again.tries) == (first.id, 1)
    seen = []
    while found := await deliveries.due("water", now + timedelta(seconds=1)):
        seen += [one.id for one in found]
        await deliveries.arrived(found[0], now)
    assert seen == [first.id, "x2", "x9", "x10"]
    assert await deliveries.waiting("water") == (0, None)


async def test_what_was_delivered_goes_with_the_words_of_whoever_is_forgotten(store: MongoStore) -> None:
    deliveries, now = MongoDeliveries(store.database), system_clock()
    async with running(store.transactor) as lane:
        await offer(lane, "inca", "water")
        await offer(lane, "incb", "water")
    await deliveries.collect("water", now)
    gone, stays = await deliveries.due("water", now)
    await deliveries.arrived(gone, now)
    assert PLAN.beside is not None
    await PLAN.beside(store.database, Person("rider-1", "forgotten-1"))
    left = [one["_id"] for one in store.behind[store.place.name][DELIVERIES].find()]
    assert left == [stays.id]
