"""From a wish to a report: places, flags, one answer per client key, codes, and the event that leaves."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from services.intake.domain.report import flags_of
from services.intake.forms import ReportIn
from services.intake.opening import CODES, KeyReused, Opened
from services.intake.photo_pool import PhotoPool
from services.intake.photos import SanitisedPhoto
from services.intake.receiving import take_photo
from services.intake.store import INCIDENTS, REPORTS
from services.intake.taking import take_report
from shared.contracts.incident_reported import IncidentReported
from shared.errors import Invalid, Unavailable
from shared.geo import crs
from shared.ids import public_code, report_id
from shared.mongo.lane import Lane
from shared.mongo.work import Ref
from shared.scope import Scope
from shared.web.auth import Principal, Role
from tests.support.intaking import GRID, RECEIVED, MemoryPhotos, StubRules, photo, place, sender, taking, wish
from tests.support.lanes import published, running
from tests.support.memory import NOW, MemoryTransactor

RIDER = Principal("rider-1", Role.RIDER, "140302003")
P0 = (113.58, 37.857)


@dataclass
class Intake:
    """Intake over a memory store."""

    store: MemoryTransactor
    lane: Lane
    rules: StubRules = field(default_factory=StubRules)
    photos: MemoryPhotos = field(default_factory=MemoryPhotos)

    async def report(self, caller: Principal = RIDER, lane: Lane | None = None, **changes: Any) -> Opened:
        body = ReportIn.model_validate(wish(**changes))
        desk = taking(lane or self.lane, self.store, self.photos, self.rules)
        return await take_report(desk, body, sender(caller))

    def events(self) -> list[IncidentReported]:
        found = [message.data for _, message in published(self.store, "incident-reported")]
        return [data for data in found if isinstance(data, IncidentReported)]


@pytest.fixture
async def intake() -> AsyncIterator[Intake]:
    store = MemoryTransactor()
    async with running(store) as lane:
        yield Intake(store, lane)


async def test_a_report_opens_an_incident_and_says_so_once(intake: Intake) -> None:
    opened = await intake.report()
    report = opened.report
    assert not opened.replayed
    assert report.id == report_id("rider-1", "phone-0001")
    assert report.code == public_code(report.incident)
    incident = INCIDENTS.load(intake.store.documents[INCIDENTS.ref(report.incident)])
    assert (incident.reports, incident.code) == ((report.id,), report.code)
    ((_, message),) = published(intake.store)
    envelope = message.envelope
    assert envelope.id == f"incident-reported:{report.incident}"
    assert (envelope.sequence, envelope.cycle, envelope.actor) == (1, 1, "rider:rider-1")
    assert (envelope.correlation_id, envelope.source) == ("story-1", "/140302003/intake")
    (event,) = intake.events()
    assert (event.rider, event.report, event.emergency, event.condition) == ("rider-1", report.id, True, "missing")


async def test_scenario_01_both_times_are_kept_and_the_servers_is_that_of_the_commit(intake: Intake) -> None:
    report = (await intake.report()).report
    assert (report.captured_at, report.received_at) == (datetime(2026, 11, 25, 0, 1, tzinfo=UTC), NOW)
    (event,) = intake.events()
    assert (event.captured_at, event.received_at) == (report.captured_at, NOW)


async def test_scenario_13_gcj02_of_p0_is_p0_and_what_was_received_is_kept(intake: Intake) -> None:
    got = (await intake.report()).report.place
    assert (got.raw.lng, got.raw.lat, got.crs) == (113.586403, 37.857503, "gcj02")
    assert crs.distance_m((got.wgs84.lng, got.wgs84.lat), P0) < 1
    wrong_tag = (await intake.report(client_key="phone-0002", place=place(crs="wgs84"))).report.place
    assert crs.distance_m((wrong_tag.wgs84.lng, wrong_tag.wgs84.lat), P0) == pytest.approx(565, abs=2)


@pytest.mark.parametrize(("accuracy", "certain"), [(12.0, True), (100.0, True), (100.1, False), (180.0, False)])
async def test_scenario_07_an_uncertain_fix_gets_no_micro_grid(intake: Intake, accuracy: float, certain: bool) -> None:
    where = place(accuracy_m=accuracy, address="市场北门，电话13812345678")
    report = (await intake.report(place=where)).report
    assert report.place.grid == (GRID if certain else None)
    assert report.flags == (() if certain else ("needs_location",))
    (event,) = intake.events()
    assert (event.place.grid is not None) is certain
    assert event.place.address == "市场北门，电话*********78"
    assert event.place.flags == report.flags


async def test_a_place_outside_every_polygon_needs_a_location_too(intake: Intake) -> None:
    intake.rules.grid = None
    assert (await intake.report()).report.flags == ("needs_location",)


@pytest.mark.parametrize(("metres", "flagged"), [(199.0, False), (201.0, True), (250.0, True)])
async def test_scenario_05_a_photo_taken_elsewhere_is_flagged_and_both_places_kept(
    intake: Intake, metres: float, flagged: bool
) -> None:
    elsewhere = (P0[0], P0[1] + metres / 111_132.0)
    intake.photos.photos = {"p1": photo("p1", gps=P0), "p2": photo("p2", gps=elsewhere), "p3": photo("p3")}
    report = (await intake.report(photo_ids=["p1", "p2", "p3"])).report
    assert report.flags == (("location_conflict",) if flagged else ())
    assert crs.distance_m((report.place.wgs84.lng, report.place.wgs84.lat), P0) < 1


@pytest.mark.parametrize(
    ("grid", "distances", "flags"),
    [
        (GRID, [], ()),
        (GRID, [None], ()),
        (GRID, [200.0], ()),
        (GRID, [None, 200.1], ("location_conflict",)),
        (None, [5000.0], ("needs_location", "location_conflict")),
    ],
)
async def test_flags(intake: Intake, grid: Any, distances: list[float | None], flags: tuple[str, ...]) -> None:
    got = (await intake.report()).report.place
    assert flags_of(replace(got, grid=grid), distances) == flags


async def test_free_text_is_kept_whole_and_leaves_masked(intake: Intake) -> None:
    said: dict[str, Any] = {"text": "联系王先生13812345678", "interim_measures": "已放树枝，留了0353-2123456"}
    report = (await intake.report(**said)).report
    assert (report.text, report.interim_measures) == (said["text"], said["interim_measures"])
    (event,) = intake.events()
    assert (event.text, event.interim_measures) == ("联系王先生*********78", "已放树枝，留了**********56")
    assert not any("13812345678" in str(row["value"], "utf-8") for row in intake.store.rows)


async def test_scenario_15_one_key_twenty_times_over_two_lanes_is_one_report(intake: Intake) -> None:
    async with running(intake.store, max_batch=3) as other:
        lanes = [intake.lane, other] * 10
        answers = await asyncio.gather(*(intake.report(lane=lane) for lane in lanes))
    assert {(a.report.id, a.report.incident, a.report.code) for a in answers} == {
        (answers[0].report.id, answers[0].report.incident, answers[0].report.code)
    }
    assert [a.replayed for a in answers].count(False) == 1
    assert all(answer.report == answers[0].report for answer in answers)
    assert len(published(intake.store)) == 1
    assert sum(ref.collection == "incidents" for ref in intake.store.documents) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"text": "another text"},
        {"emergency": False},
        {"captured_at": "2026-11-25T08:02:00+08:00"},
        {"place": place(lat=37.8576)},
        {"category": {"scheme": "gb30428", "code": "P0101", "condition": "broken"}},
        {"photo_ids": ["p1"]},
    ],
)
async def test_the_same_key_with_another_content_is_refused(intake: Intake, change: dict[str, Any]) -> None:
    intake.photos.photos = {"p1": photo("p1")}
    await intake.report()
    with pytest.raises(KeyReused, match="client_key") as refused:
        await intake.report(**change)
    assert (refused.value.status, refused.value.problem_code) == (422, "client-key-reused")
    assert len(published(intake.store)) == 1


async def test_the_same_moment_written_in_another_zone_is_the_same_content(intake: Intake) -> None:
    first = await intake.report()
    again = await intake.report(captured_at="2026-11-25T00:01:00Z")
    assert again.replayed
    assert again.report == first.report


async def test_the_key_belongs_to_the_rider(intake: Intake) -> None:
    first = await intake.report()
    other = await intake.report(caller=replace(RIDER, id="rider-2"))
    assert not other.replayed
    assert other.report.id != first.report.id


async def test_a_taken_code_gives_the_next_candidate_and_three_taken_ones_another_try_later(intake: Intake) -> None:
    body = ReportIn.model_validate(wish())
    desk = replace(taking(intake.lane, intake.store, intake.photos, intake.rules), new_id=lambda: "inc")
    taken = [public_code("inc", attempt) for attempt in range(3)]
    assert len(set(taken)) == 3

    async def report() -> Opened:
        return await take_report(desk, body, sender(RIDER))

    for code in taken:
        intake.store.documents[Ref(CODES, code)] = {"_id": code, "incident": "another", "version": 1}
    with pytest.raises(Unavailable, match="code"):
        await report()
    assert not published(intake.store)
    del intake.store.documents[Ref(CODES, taken[1])]
    assert (await report()).report.code == taken[1]


async def test_what_the_rider_answers_is_kept_and_travels(intake: Intake) -> None:
    report = (await intake.report(answers={"extent": "street"})).report
    assert REPORTS.load(intake.store.documents[REPORTS.ref(report.id)]).answers == {"extent": "street"}
    (event,) = intake.events()
    assert [(answer.question, answer.choice) for answer in event.answers] == [("extent", "street")]


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"category": {"scheme": "gb30428", "code": "P9999"}}, ["category"]),
        ({"category": {"scheme": "local", "code": "P0101"}}, ["category"]),
        ({"category": {"scheme": "gb30428", "code": "P0101", "condition": "sad"}}, ["category.condition"]),
        ({"answers": {"extent": "moon"}}, ["answers.extent"]),
        ({"answers": {"colour": "red", "extent": "moon"}}, ["answers.colour", "answers.extent"]),
        ({"photo_ids": ["p1", "nowhere"]}, ["photo_ids.1"]),
        ({"photo_ids": ["theirs", "p1", "nowhere"]}, ["photo_ids.0", "photo_ids.2"]),
        ({"photo_ids": ["p1", "p1"]}, ["photo_ids"]),
    ],
)
async def test_what_reference_data_or_photos_contradict_is_named(
    intake: Intake, changes: dict[str, Any], fields: list[str]
) -> None:
    intake.photos.photos = {"p1": photo("p1"), "theirs": photo("theirs", "rider:rider-2")}
    with pytest.raises(Invalid) as refused:
        await intake.report(**changes)
    assert [error.field for error in refused.value.errors] == fields
    assert all(error.reason and error.field in refused.value.detail for error in refused.value.errors)
    assert not intake.store.documents


async def test_a_category_that_needs_a_photo_says_so(intake: Intake) -> None:
    intake.rules.photo_required = True
    with pytest.raises(Invalid, match="photo_ids"):
        await intake.report()


async def test_the_same_bytes_again_are_the_same_photo_received_when_it_first_was() -> None:
    class Pool:
        async def sanitise(self, raw: bytes) -> SanitisedPhoto:
            return SanitisedPhoto(raw, raw, 10, 8, f"r-{raw!r}", "s", None, False, None, "0" * 16)

    async def take(raw: bytes, uploader: str, at: datetime) -> Any:
        pool = cast(PhotoPool, Pool())
        scope = Scope("account-7", uploader, "140302003")
        return await take_photo(raw, scope, pool, photos, lambda: at)

    photos = MemoryPhotos()
    first, new = await take(b"a", "department:water", RECEIVED)
    again, new_again = await take(b"a", "department:water", RECEIVED + timedelta(days=30))
    assert (new, new_again) == (True, False)
    assert again == first
    assert again.received_at == RECEIVED  # a receipt must not make an old photo a new one
    other, new_other = await take(b"a", "department:fire", RECEIVED)
    assert new_other
    assert other.id != first.id


async def test_a_report_names_the_reference_data_that_chose_its_micro_grid(intake: Intake) -> None:
    intake.rules.version = "v7"
    opened = await intake.report()
    stored = intake.store.documents[REPORTS.ref(opened.report.id)]
    assert (stored["reference_version"], stored["place"]["grid"]["micro_grid"]) == ("v7", GRID.micro_grid)
