"""What is shown of orders and their time, and what a worker's start finds to count again, over the real MongoDB."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry

from services.dispatch.catching_up import CatchingUp
from services.dispatch.census import LAG, Census
from services.dispatch.domain import routing
from services.dispatch.domain.incident import Incident, Line
from services.dispatch.domain.ladder import Fired, Level
from services.dispatch.domain.states import OrderState, State
from services.dispatch.metrics import DispatchMetrics
from services.dispatch.rules import LocalHours
from services.dispatch.store import COLLECTIONS, INCIDENTS
from services.dispatch.ticking import Tick
from shared.clock import system_clock
from shared.mongo.client import Document
from shared.mongo.lease import Lease
from shared.mongo.looks import Looks
from shared.mongo.outbox import outbox_row
from shared.reference.calendars import Calendar
from tests.support.dispatching import LIMIT, WEEK, ZONE, StubRules, calendar_file, dispatched, incident
from tests.support.lanes import running
from tests.support.stack import Stack
from tests.support.stores import MongoStore, in_mongo


@pytest.fixture
async def store(stack: Stack) -> AsyncIterator[MongoStore]:
    async with in_mongo(stack, COLLECTIONS) as opened:
        yield opened


def put(store: MongoStore, found: Incident) -> None:
    store.put("incidents", {**INCIDENTS.dump(found), "version": 1})


async def test_orders_are_counted_once_and_what_happened_since_the_last_look(store: MongoStore) -> None:
    registry, now = CollectorRegistry(), system_clock()
    census = Census(store.database, DispatchMetrics(registry))
    overdue = dispatched("water", "fire", id="a", t0=now - timedelta(days=30), at=now - timedelta(days=30))
    lost, _ = routing.route(incident(id="b"), "no rule matches", LIMIT, WEEK, now)
    put(store, overdue)
    put(store, lost)
    await census.look()
    water = {"department": "water", "class": "N"}
    assert registry.get_sample_value("qianshao_dispatch_open_orders", water) == 1
    assert registry.get_sample_value("qianshao_dispatch_overdue_orders", water) == 1
    assert registry.get_sample_value("qianshao_dispatch_unconfirmed_orders", water) == 1
    assert registry.get_sample_value("qianshao_dispatch_triage_incidents", {"why": "routing_error"}) == 1

    offered = now - timedelta(hours=3)
    census._until = now - timedelta(hours=1)
    moment = now - LAG - timedelta(seconds=1)
    order = replace(
        overdue.orders[0],
        offered_at=offered,
        accepted_at=moment,
        state=OrderState.ACCEPTED,
        fired=(Fired(Level.REMINDER, moment, moment), Fired(Level.COMMUNITY_LEAD, offered, offered)),
    )
    put(store, replace(overdue, orders=(order,), history=(Line(moment, "department:water", "accepted"),)))
    await census.look()
    await census.look()
    assert registry.get_sample_value("qianshao_dispatch_accept_seconds_count", water) == 1
    assert registry.get_sample_value("qianshao_dispatch_escalations_total", {"level": "reminder"}) == 1
    assert registry.get_sample_value("qianshao_dispatch_escalations_total", {"level": "community_lead"}) is None


async def test_what_departments_were_told_and_how_their_updates_were_answered_is_counted_once(
    store: MongoStore,
) -> None:
    registry, now = CollectorRegistry(), system_clock()
    census = Census(store.database, DispatchMetrics(registry))
    moment = now - LAG - timedelta(seconds=1)

    def told(id_: str, topic: str, published: datetime | None, **data: str) -> None:
        row = outbox_row(id_, topic, "inc", 1, 0, [], json.dumps(data).encode(), moment)
        store.put("outbox", {**row, "published": published})

    told("a", "dispatch.fire", moment, kind="offer")
    told("b", "dispatch.fire", moment, kind="reminder")
    told("c", "dispatch.fire", moment, kind="ack", update_id="u")
    told("d", "dispatch.fire", moment, kind="refused", reason_code="stale")
    told("e", "dispatch.fire", now - timedelta(hours=2), kind="offer")
    told("f", "dispatch.fire", None, kind="offer")
    told("g", "incident-changed", moment, kind="state")
    census._until = now - timedelta(hours=1)
    await census.look()
    await census.look()

    def kinds(name: str) -> dict[str, float]:
        (family,) = [one for one in registry.collect() if f"{one.name}_total" == name]
        found = [sample for sample in family.samples if sample.name == name]
        assert {sample.labels.pop("department") for sample in found} <= {"fire"}
        return {word: sample.value for sample in found for word in sample.labels.values()}

    assert kinds("qianshao_dispatch_department_told_total") == {"offer": 1, "reminder": 1, "ack": 1, "refused": 1}
    assert kinds("qianshao_dispatch_department_updates_total") == {"ack": 1, "stale": 1}


async def test_who_lost_the_lease_shows_nothing(store: MongoStore) -> None:
    registry = CollectorRegistry()
    lease, other = Lease(store.database, "census", "one"), Lease(store.database, "census", "two")
    census = Census(store.database, DispatchMetrics(registry))
    looks = Looks("census", lease, census.look, census.forget)
    put(store, dispatched("water"))
    await looks.turn(due=True)
    assert registry.get_sample_value("qianshao_dispatch_open_orders", {"department": "water", "class": "N"}) == 1
    await lease.release()
    assert await other.try_hold()
    await looks.turn(due=True)
    assert registry.get_sample_value("qianshao_dispatch_open_orders", {"department": "water", "class": "N"}) is None


async def test_a_start_with_a_new_calendar_counts_again_what_was_unconfirmed(store: MongoStore) -> None:
    rules, before = StubRules(), dispatched("water")
    put(store, before)
    old = {key: value for key, value in INCIDENTS.dump(dispatched("water", id="old")).items() if key != "wake_at"}
    store.put("incidents", {**old, "version": 1})
    put(store, replace(dispatched("water", id="over"), state=State.CLOSED))
    file = calendar_file("2026-11-25", {"start": "2026-11-25T09:00", "due": "2026-11-26T09:00"})
    hours = LocalHours(Calendar({2026: file}), ZONE)
    rules.hours = lambda subdistrict: hours  # type: ignore[method-assign]
    async with running(store.transactor) as lane:
        catching_up = CatchingUp(store.database, lane, lambda id_: Tick(INCIDENTS, rules, id_, "start"))
        await catching_up.step()
        await catching_up.step()
    found = {document["_id"]: document for document in await asyncio.to_thread(_all, store)}
    for name in ("inc", "old"):
        assert found[name]["orders"][0]["calendar_unconfirmed"] is False
        assert found[name]["orders"][0]["due_at"] > before.orders[0].due_at
        assert "wake_at" in found[name]
        told = [line["what"] for line in found[name]["history"] if "the calendar has come" in line["what"]]
        assert len(told) == 1
    assert found["over"]["version"] == 1


def _all(store: MongoStore) -> list[Document]:
    return list(store.behind[store.place.name].incidents.find())
