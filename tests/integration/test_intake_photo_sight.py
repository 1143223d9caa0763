"""Who sees which photo, asked of a real MongoDB: what staff uploaded for a rider is his to look at."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from services.intake.domain.report import Report, open_incident
from services.intake.photo_store import MongoPhotos
from services.intake.store import COLLECTIONS, INCIDENTS, REPORTS
from shared.scope import Scope
from tests.support.intaking import photo, report
from tests.support.stack import Stack
from tests.support.stores import MongoStore, in_mongo

RIDER = Scope("rider-1", "rider:rider-1", "140302003")
OTHER = Scope("rider-2", "rider:rider-2", "140302003")
BY_STAFF = report(photo_ids=("before",), after_photo_ids=("after",), entered_by="staff-1")


@pytest.fixture
async def store(stack: Stack) -> AsyncIterator[MongoStore]:
    async with in_mongo(stack, COLLECTIONS) as opened:
        yield opened


async def stored(store: MongoStore, uploader: str, *reports: Report) -> MongoPhotos:
    """The photos `before` and `after`, and the reports with their incident."""
    photos = MongoPhotos(store.database)
    for id_ in ("before", "after"):
        await photos.put(photo(id_, uploader), b"jpeg", b"thumb")
    for one in reports:
        store.put("reports", {**REPORTS.dump(one), "version": 1})
    incident = replace(open_incident(reports[0]), reports=tuple(one.id for one in reports))
    store.put("incidents", {**INCIDENTS.dump(incident), "version": 1})
    return photos


async def test_a_rider_sees_what_staff_uploaded_for_his_report(store: MongoStore) -> None:
    photos = await stored(store, "staff:staff-1", BY_STAFF)
    assert await photos.read(RIDER, "before", thumb=False) == b"jpeg"
    assert await photos.seen(RIDER, ["before", "after"]) == {"before", "after"}


async def test_nobody_else_does(store: MongoStore) -> None:
    joined = report(id="r2", rider="rider-2", incident=BY_STAFF.incident)
    photos = await stored(store, "staff:staff-1", BY_STAFF, joined)
    assert await photos.seen(OTHER, ["before", "after"]) == set(), "who joined sees what he took himself"
    assert await photos.seen(replace(RIDER, subdistrict="140302004"), ["before", "after"]) == set()
