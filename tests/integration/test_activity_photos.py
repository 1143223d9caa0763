"""Photos of activities in intake: kept as long as they are named, shown to the desk that decides, never a stranger's."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from services.intake import activity_photos
from services.intake.photo_store import MongoPhotos
from services.intake.retention_store import RETENTION
from services.intake.store import ACTIVITY_PHOTOS, COLLECTIONS
from shared.clock import system_clock
from shared.contracts.envelope import decode
from shared.contracts.golden import samples
from shared.mongo.lease import Lease
from shared.mongo.retention import Retention
from tests.support.doing import LEAD, NEIGHBOUR, STAFF, rider
from tests.support.intaking import photo
from tests.support.lanes import running
from tests.support.stack import Stack
from tests.support.stores import MongoStore, in_mongo

TOLD = [decode(sample.topic, *sample.wire) for sample in samples() if sample.topic == "activity-recorded"]
WITH_PHOTOS = [told for told in TOLD if told.data.model_dump()["photo_ids"]]
MINE = "0199d000-0000-7c3e-9000-0000000000a1"
ANNA = "01990d11-0000-7aaa-8bbb-c0ffee000001"


@pytest.fixture
async def store(stack: Stack) -> AsyncIterator[MongoStore]:
    async with in_mongo(stack, COLLECTIONS) as opened:
        yield opened


async def hear(store: MongoStore, name: str) -> None:
    message = next(told for told in WITH_PHOTOS if (told.data.model_dump()["community"] is None) == (name == "minimal"))
    async with running(store.transactor) as lane:
        for _ in range(2):
            await lane.submit(activity_photos.handlers(ACTIVITY_PHOTOS)["activity-recorded"](message))


@pytest.mark.parametrize("name", ["with-photo", "minimal"])
async def test_shown_to_the_desk_that_decides_if_it_is_his_own(store: MongoStore, name: str) -> None:
    photos = MongoPhotos(store.database)
    await photos.put(photo(MINE, f"rider:{ANNA}"), b"jpeg", b"thumb")
    assert await photos.read(STAFF, MINE, thumb=False) is None
    await hear(store, name)
    elsewhere = replace(NEIGHBOUR, subdistrict="140302004")
    seen = {scope.id: await photos.read(scope, MINE, thumb=False) for scope in (STAFF, LEAD, rider("bert"))}
    assert seen == {"s1": b"jpeg", "l1": b"jpeg", "bert": None}
    assert (await photos.read(NEIGHBOUR, MINE, thumb=False) is not None) == (name == "minimal")
    assert await photos.read(elsewhere, MINE, thumb=False) is None


async def test_of_an_activity_without_photos_nothing_is_kept(store: MongoStore) -> None:
    (without,) = [told for told in TOLD if told not in WITH_PHOTOS]
    async with running(store.transactor) as lane:
        await lane.submit(activity_photos.handlers(ACTIVITY_PHOTOS)["activity-recorded"](without))
    assert await store.database[ACTIVITY_PHOTOS.collection].count_documents({}) == 0


async def test_who_names_another_s_photo_shows_nothing_of_it(store: MongoStore) -> None:
    photos = MongoPhotos(store.database)
    await photos.put(photo(MINE, "rider:bert"), b"jpeg", b"thumb")
    await hear(store, "with-photo")
    assert await photos.read(STAFF, MINE, thumb=False) is None


async def test_not_swept_as_nobody_s(store: MongoStore) -> None:
    photos = MongoPhotos(store.database)
    for id_ in (MINE, "p-alone"):
        await photos.put(replace(photo(id_, f"rider:{ANNA}"), received_at=system_clock()), b"jpeg", b"thumb")
    await hear(store, "with-photo")
    lease = Lease(store.database, "retention", "one")
    later = timedelta(days=3)
    await Retention(store.client, store.database, lease, RETENTION, lambda: system_clock() + later).step()
    left = [one["_id"] for one in store.behind[store.place.name]["photos"].find()]
    assert left == [MINE]
