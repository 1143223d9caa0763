"""Retention over real databases: what is too old goes with a tombstone, nothing that is open or recent does."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.dispatch import store as dispatch
from services.intake import retention_store
from services.intake.domain.abuse import Finding
from services.intake.domain.review import Review
from services.intake.domain.status import Status
from services.intake.domain.update import Update
from services.intake.photo_store import MongoPhotos
from services.intake.store import REPORTS, STATUSES
from services.notify import store as notify
from services.notify.domain.audiences import Reach
from services.notify.store import MongoInboxes
from shared.clock import system_clock
from shared.mongo import retention as module
from shared.mongo.lease import Lease
from shared.mongo.retention import TOMBSTONES, Retention, Rule, with_days
from tests.support.intaking import photo
from tests.support.quarter import PSEUDONYMS, Quarter, Service, quarter
from tests.support.stack import Stack

RULES = {"intake": retention_store.RETENTION, "dispatch": dispatch.RETENTION, "notify": notify.RETENTION}
OLD = timedelta(days=800)
BEFORE = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
RIDER = "01990d11-0000-7aaa-8bbb-c0ffee000001"


@pytest.fixture
async def house(stack: Stack) -> AsyncIterator[Quarter]:
    async with quarter(stack) as opened:
        yield opened


def job(service: Service, later: timedelta) -> Retention:
    store = service.store
    lease = Lease(store.database, "retention", "test")
    return Retention(store.client, store.database, lease, RULES[service.name], lambda: system_clock() + later)


async def two_reports(house: Quarter) -> tuple[str, str]:
    """One incident is over, one is open; each has a photo and words."""
    photos = MongoPhotos(house.services["intake"].store.database)
    for id_ in ("p-over", "p-open", "p-alone"):
        await photos.put(photo(id_, f"rider:{RIDER}"), b"jpeg", b"thumb")
    over = await house.report(RIDER, "井盖没了", ("p-over",))
    still = await house.report(RIDER, "又一个", ("p-open",))
    close(house, over)
    return over, still


def close(house: Quarter, incident: str) -> None:
    """As staff will: nobody has anything to do any more."""
    intake_store, dispatch_store = house.services["intake"].store, house.services["dispatch"].store
    found = intake_store.get(STATUSES.ref(incident)) or {**STATUSES.dump(Status(incident)), "version": 1}
    intake_store.put("statuses", {**found, "state": "closed"})
    known = dispatch_store.get(dispatch.INCIDENTS.ref(incident))
    assert known is not None
    dispatch_store.put("incidents", {**known, "state": "closed"})


def held(house: Quarter, service: str, collection: str) -> dict[Any, Any]:
    store = house.services[service].store
    return {document["_id"]: document for document in store.behind[store.place.name][collection].find()}


def graves(house: Quarter, service: str) -> dict[str, int]:
    counted: dict[str, int] = {}
    for document in held(house, service, TOMBSTONES).values():
        counted[document["noun"]] = counted.get(document["noun"], 0) + document["count"]
    return counted


async def test_what_is_old_goes_unless_an_open_incident_needs_it(house: Quarter) -> None:
    over, still = await two_reports(house)
    for service in ("intake", "dispatch"):
        await job(house.services[service], OLD).step()
    assert set(held(house, "intake", "photos")) == {"p-open"}
    texts = {report["incident"]: report["text"] for report in held(house, "intake", "reports").values()}
    assert texts == {over: "", still: "又一个"}
    orders = {id_: incident["text"] for id_, incident in held(house, "dispatch", "incidents").items()}
    assert orders == {over: "", still: "又一个"}
    places = {report["incident"]: report["place"] for report in held(house, "intake", "reports").values()}
    assert (places[over]["wgs84"]["lng"], places[over]["accuracy_m"]) == (113.58, 1000.0)
    assert places[still]["accuracy_m"] == 12.0
    assert graves(house, "intake") == {"photos": 2, "report_texts": 1, "positions": 1, "incident_positions": 1}
    assert graves(house, "dispatch") == {"report_texts": 1}


async def test_a_tombstone_names_nobody_and_a_second_run_adds_none(house: Quarter) -> None:
    await two_reports(house)
    for _ in range(2):
        for service in RULES:
            await job(house.services[service], OLD).step()
    found = [document for service, collection, document in house.documents() if collection == TOMBSTONES]
    assert len(found) == 7
    assert not any(RIDER in repr(document) for document in found)
    assert {tuple(document) for document in found} == {("_id", "noun", "rule", "at", "object", "count")}


async def test_what_was_said_later_and_why_a_review_ended_so_go_with_the_other_words(house: Quarter) -> None:
    over, still = await two_reports(house)
    store = house.services["intake"].store
    review = Review((Finding("too_many_reports", 31),), "s1", "bogus", "问过张三，没有这事", "s1", BEFORE)
    said = Update("comment", BEFORE, "还是没修", ("p-over",))
    for report in held(house, "intake", "reports").values():
        words = replace(REPORTS.load(report), text="", updates=(said,), review=review)
        store.put("reports", {**REPORTS.dump(words), "version": report["version"] + 1})
    await job(house.services["intake"], OLD).step()
    found = {one["incident"]: REPORTS.load(one) for one in held(house, "intake", "reports").values()}
    assert found[over].updates == (replace(said, text=None),)
    assert found[over].review == replace(review, reason=None)
    assert (found[still].updates, found[still].review) == ((said,), review)
    await job(house.services["intake"], OLD).step()
    assert graves(house, "intake")["report_texts"] == 1


async def test_nothing_recent_goes(house: Quarter) -> None:
    await two_reports(house)
    before = [one for one in house.documents() if one[1] != "leases"]
    for service in RULES:
        await job(house.services[service], timedelta(days=28)).step()
    assert [one for one in house.documents() if one[1] not in ("leases", TOMBSTONES)] == before


async def test_an_object_and_its_tombstone_share_a_fate(house: Quarter, monkeypatch: pytest.MonkeyPatch) -> None:
    await two_reports(house)

    def die(point: str) -> None:
        raise RuntimeError(point)

    with monkeypatch.context() as patch:
        patch.setattr(module, "crash_point", die)
        with pytest.raises(RuntimeError):
            await job(house.services["intake"], OLD).step()
    assert set(held(house, "intake", "photos")) == {"p-over", "p-open", "p-alone"}
    assert graves(house, "intake") == {}


async def test_an_inbox_whose_oldest_messages_are_gone_goes_on_with_the_next(house: Quarter) -> None:
    incident = await house.report(RIDER, "一")
    store = house.services["notify"].store
    inboxes = MongoInboxes(store.database)
    audience = f"rider:{RIDER}"
    reach = Reach(RIDER, audience, frozenset({audience}))
    numbers = [copy.sequence for copy, _ in await inboxes.page(reach, audience, 0, 50)]
    await job(house.services["notify"], OLD).step()
    assert await inboxes.page(reach, audience, 0, 50) == []
    assert graves(house, "notify")["messages"] >= len(numbers) > 0
    await house.fix(incident)
    later = [copy.sequence for copy, _ in await inboxes.page(reach, audience, 0, 1)]
    assert later == [numbers[-1] + 1]


async def test_photos_of_a_forgotten_rider_go_when_their_incident_is_over(house: Quarter) -> None:
    photos = MongoPhotos(house.services["intake"].store.database)
    gone = PSEUDONYMS.of(RIDER)
    for id_ in ("p-open", "p-alone"):
        await photos.put(photo(id_, f"rider:{gone}"), b"jpeg", b"thumb")
    incident = await house.report(RIDER, "", ("p-open",))
    await job(house.services["intake"], timedelta(0)).step()
    assert set(held(house, "intake", "photos")) == {"p-open"}
    close(house, incident)
    await job(house.services["intake"], timedelta(0)).step()
    assert held(house, "intake", "photos") == {}


async def test_photos_that_nothing_names_go_after_two_days_and_no_other_ones(house: Quarter) -> None:
    store = house.services["intake"].store
    photos = MongoPhotos(store.database)
    now = system_clock()
    named = ("p-report", "p-awaited", "p-after", "p-visit")
    for id_ in (*named, "p-orphan", "p-fresh"):
        age = timedelta(hours=47) if id_ == "p-fresh" else timedelta(hours=49)
        await photos.put(replace(photo(id_, f"rider:{RIDER}"), received_at=now - age), b"jpeg", b"thumb")
    await house.report(RIDER, "井盖没了", ("p-report",))
    await store.database["reports"].insert_one({"_id": "waits", "awaiting": ["p-awaited"], "photo_ids": []})
    await store.database["statuses"].insert_one({"_id": "inc", "after_photos": ["p-after"]})
    await store.database["visits"].insert_one({"_id": "v", "photo_ids": ["p-visit"]})
    swept = job(house.services["intake"], timedelta(0))
    await swept.step()
    assert set(held(house, "intake", "photos")) == {*named, "p-fresh"}
    assert graves(house, "intake") == {"orphans": 1}
    assert swept.stats.overdue_seconds["orphans"] == 0.0


def test_days_are_set_by_noun_and_never_below_the_least() -> None:
    rules = (Rule("photos", "photos", "at", 730), Rule("fixed", "x", "at", 1, fixed=True))
    assert with_days(rules, {"photos": 90})[0].days == 90
    for days, said in ({"photos": 29}, "at least 30"), ({"fixed": 40}, "fixed cannot"), ({"money": 40}, "money cannot"):
        with pytest.raises(ValueError, match=said):
            with_days(rules, days)
