"""The questions of the abuse flags, asked of a real MongoDB: what is found, what is not, and that indexes answer."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from services.intake.domain.abuse import Facts, Finding, Picture, Sighting, examine
from services.intake.domain.listing import Mark
from services.intake.domain.review import Review
from services.intake.photo_store import MongoPhotos
from services.intake.review_store import MongoPast, MongoReviews
from services.intake.store import COLLECTIONS, REPORTS
from shared.scope import Scope
from tests.support.intaking import RECEIVED, photo, report
from tests.support.stack import Stack
from tests.support.stores import MongoStore, in_mongo

RIDER = Scope("rider-1", "rider:rider-1", "140302003")
DESK = Scope("s1", "staff:s1", "140302003", desk=True)
HASH = "0f1e2d3c4b5a6978"
NEAR = f"{int(HASH, 16) ^ 0b111111:016x}"
FACTS = Facts(
    Sighting("new", 113.58, 37.857, 10.0, RECEIVED), RECEIVED, (Picture("mine", "r-mine", HASH, report="new"),)
)


@pytest.fixture
async def store(stack: Stack) -> AsyncIterator[MongoStore]:
    async with in_mongo(stack, COLLECTIONS) as opened:
        yield opened


async def test_pictures_of_others_within_thirty_days_and_reports_of_a_day(store: MongoStore) -> None:
    photos = MongoPhotos(store.database)
    old = RECEIVED - timedelta(days=31)
    for one in (
        replace(photo("near", "rider:rider-2"), dhash=NEAR),
        replace(photo("bytes", "rider:rider-2"), sha256_received="r-mine"),
        replace(photo("old", "rider:rider-2"), dhash=HASH, received_at=old),
        replace(photo("away", "rider:rider-2"), dhash=HASH, subdistrict="140302004"),
        replace(photo("unnamed", "rider:rider-2"), dhash=HASH),
    ):
        await photos.put(one, b"j", b"t")
    named = report(id="his", rider="rider-2", photo_ids=("near", "bytes", "old", "away"), received_at=RECEIVED)
    own = report(id="own", received_at=RECEIVED - timedelta(minutes=30))
    yesterday = report(id="before", received_at=RECEIVED - timedelta(hours=25))
    for stored in (named, own, yesterday):
        store.put("reports", {**REPORTS.dump(stored), "version": 1})
    past = await MongoPast(store.database).past(RIDER, "rider-1", FACTS)
    assert {(found.photo, found.report) for found in past.pictures} == {("near", "his"), ("bytes", "his")}
    assert [found.report for found in past.nearby] == ["own"]
    assert past.last_hour == 1
    assert next(found.flag for found in examine(FACTS, past)) == "same_photo"


async def test_a_desk_sees_what_is_open_at_its_places_the_oldest_first(store: MongoStore) -> None:
    review = Review((Finding("too_many_reports", 31),), sent_by="rider-1")
    for number in range(3):
        found = report(id=f"r{number}", review=review, received_at=RECEIVED - timedelta(minutes=number))
        store.put("reports", {**REPORTS.dump(found), "version": 4})
    done = report(id="done", review=replace(review, state="ok"))
    store.put("reports", {**REPORTS.dump(done), "version": 1})
    store.put("reports", {**REPORTS.dump(report(id="plain")), "version": 1})
    reviews = MongoReviews(store.database)
    first = await reviews.reviews(DESK, None, 2)
    assert [(found.id, version) for found, _, version in first] == [("r2", 4), ("r1", 4)]
    last = first[-1][0]
    assert [found.id for found, *_ in await reviews.reviews(DESK, Mark(last.received_at, last.id), 2)] == ["r0"]
    assert await reviews.reviews(replace(DESK, communities=("elsewhere",)), None, 2) == []
    assert await reviews.reviews(replace(DESK, subdistrict="140302004"), None, 2) == []


async def test_indexes_answer(store: MongoStore) -> None:
    asked = {
        "of_photo": ("reports", {"photo_ids": {"$in": ["p"]}}, {}),
        "of_looks": ("photos", {"bands": {"$in": ["00f"]}, "received_at": {"$gt": RECEIVED}}, {"received_at": -1}),
    }
    for name, (collection, query, sort) in asked.items():
        cursor = store.database[collection].find(query).hint(name)
        plan = await (cursor.sort(list(sort.items())) if sort else cursor).explain()
        assert f"'indexName': '{name}'" in str(plan["queryPlanner"]["winningPlan"]), name
