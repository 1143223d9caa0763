"""What is shown of reports that wait for something, over the real MongoDB."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry

from services.intake.census import Census, WaitingMetrics
from services.intake.domain.abuse import Finding
from services.intake.domain.report import Report
from services.intake.domain.review import Review
from services.intake.store import COLLECTIONS, REPORTS
from shared.mongo.lease import Lease
from shared.mongo.looks import Looks
from tests.support.intaking import report
from tests.support.stack import Stack
from tests.support.stores import MongoStore, in_mongo

REVIEW = Review((Finding("too_many_reports", 31),), sent_by="rider-1")


@pytest.fixture
async def store(stack: Stack) -> AsyncIterator[MongoStore]:
    async with in_mongo(stack, COLLECTIONS) as opened:
        yield opened


def put(store: MongoStore, *found: Report) -> None:
    for one in found:
        store.put("reports", {**REPORTS.dump(one), "version": 1})


def shown(registry: CollectorRegistry) -> list[float | None]:
    name = "qianshao_intake_waiting_reports"
    return [registry.get_sample_value(name, {"what": what}) for what in ("photo", "review")]


async def test_what_waits_is_counted_and_what_is_settled_no_more(store: MongoStore) -> None:
    registry = CollectorRegistry()
    census = Census(store.database, WaitingMetrics(registry))
    await census.look()
    assert shown(registry) == [0, 0]
    two = report(id="two", awaiting=("p1", "p2"))
    put(
        store, report(id="plain"), two, report(id="one", awaiting=("p3",), review=REVIEW), report(id="r", review=REVIEW)
    )
    await census.look()
    assert shown(registry) == [2, 2]
    put(store, replace(two, awaiting=()), report(id="r", review=replace(REVIEW, state="ok")))
    await census.look()
    assert shown(registry) == [1, 1]


async def test_who_lost_the_lease_shows_nothing(store: MongoStore) -> None:
    registry = CollectorRegistry()
    lease, other = Lease(store.database, "census", "one"), Lease(store.database, "census", "two")
    census = Census(store.database, WaitingMetrics(registry))
    looks = Looks("census", lease, census.look, census.forget)
    await looks.turn(due=True)
    assert shown(registry) == [0, 0]
    await lease.release()
    assert await other.try_hold()
    await looks.turn(due=True)
    assert shown(registry) == [None, None]
