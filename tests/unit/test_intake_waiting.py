"""Photos that were announced: what goes out when, once, in whatever order photos, timers and repetitions come."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from services.intake.domain.abuse import Facts, Finding, Past, Picture, Sighting, examine_late
from services.intake.domain.photo import photo_id
from services.intake.domain.report import Report
from services.intake.domain.review import Review, noticed
from services.intake.domain.waiting import GIVEN_UP, PATIENCE, begin, settle
from services.intake.forms import ReportIn
from services.intake.noticing import Noticing
from services.intake.opening import Opened
from services.intake.store import INCIDENTS, PHOTOS, REPORTS
from services.intake.taking import Taking, photo_arrived, take_report
from services.intake.waiting import SettlePhotos
from shared.context import Context
from shared.contracts.incident_reported import IncidentReported
from shared.contracts.report_updated import ReportUpdated
from shared.errors import Invalid
from shared.ids import report_id
from shared.web.auth import Principal, Role
from tests.support.intaking import RECEIVED, MemoryPast, MemoryPhotos, StubRules, photo, report, sender, taking, wish
from tests.support.lanes import published, running
from tests.support.memory import NOW, MemoryTransactor

RIDER = Principal("rider-1", Role.RIDER, "140302003")
SHA1, SHA2 = "1" * 64, "2" * 64
P1, P2 = (photo_id("rider:rider-1", digest) for digest in (SHA1, SHA2))
MINE = report_id("rider-1", "phone-0001")


@dataclass
class Phone:
    """A rider's phone, and the timer that looks after him."""

    store: MemoryTransactor
    desk: Taking
    photos: MemoryPhotos

    async def report(self, **changes: Any) -> Opened:
        said = {"emergency": False, "awaiting_photos": [SHA1, SHA2], **changes}
        return await take_report(self.desk, ReportIn.model_validate(wish(**said)), sender(RIDER))

    async def upload(self, id_: str, gps: tuple[float, float] | None = None) -> None:
        await self.photos.put(photo(id_, gps=gps), b"", b"")
        await photo_arrived(self.desk, RIDER.scope, id_, Context("rider:rider-1", "upload"))

    async def wake(self) -> None:
        """As the timers do, for whatever is due."""
        due = self.now().wake_at
        if due is not None and due <= self.store.now:
            await self.desk.lane.submit(SettlePhotos(REPORTS, INCIDENTS, PHOTOS, MINE))

    def now(self) -> Report:
        return REPORTS.load(self.store.documents[REPORTS.ref(MINE)])

    def told(self) -> list[IncidentReported]:
        found = [message.data for _, message in published(self.store, "incident-reported")]
        return [one for one in found if isinstance(one, IncidentReported)]

    def added(self) -> list[ReportUpdated]:
        found = [message.data for _, message in published(self.store, "report-updated")]
        return [one for one in found if isinstance(one, ReportUpdated)]


@pytest.fixture
async def phone() -> AsyncIterator[Phone]:
    store = MemoryTransactor()
    photos = MemoryPhotos(store=store)
    async with running(store) as lane:
        yield Phone(store, taking(lane, store, photos), photos)


async def test_scenario_02_an_emergency_goes_out_at_once_and_its_photo_follows(phone: Phone) -> None:
    await phone.upload(P1)
    opened = await phone.report(emergency=True)
    (event,) = phone.told()
    assert (event.photo_ids, event.flags, event.emergency) == ((P1,), ("awaiting_photo",), True)
    assert (opened.report.told, opened.report.awaiting) == (True, (P2,))
    await phone.upload(P2)
    (added,) = phone.added()
    assert (added.kind, added.photo_ids, added.flags, added.report) == ("photo_added", (P2,), (), MINE)
    ((_, message),) = published(phone.store, "report-updated")
    assert (message.envelope.sequence, message.envelope.partition_key) == (1, event.incident)
    assert len(phone.told()) == 1
    incident = INCIDENTS.load(phone.store.documents[INCIDENTS.ref(event.incident)])
    assert incident.photo_ids == (P1, P2)  # so the department sees it
    assert (phone.now().photo_ids, phone.now().wake_at) == ((P1, P2), None)


async def test_scenario_02_another_report_waits_visibly_and_goes_out_with_its_last_photo(phone: Phone) -> None:
    opened = await phone.report()
    assert opened.report.code
    assert (opened.report.told, opened.report.flags) == (False, ("awaiting_photo",))
    assert opened.report.wake_at == NOW + PATIENCE
    await phone.upload(P2)
    assert (phone.told(), phone.now().awaiting) == ([], (P1,))
    phone.store.now = NOW + timedelta(minutes=9)
    await phone.wake()
    assert phone.told() == []
    await phone.upload(P1)
    (event,) = phone.told()
    assert (event.photo_ids, event.flags, event.received_at) == ((P2, P1), (), NOW)
    assert (phone.added(), phone.now().wake_at) == ([], None)


async def test_scenario_02_after_ten_minutes_it_goes_out_marked_and_after_a_day_staff_see_what_is_missing(
    phone: Phone,
) -> None:
    await phone.upload(P1)
    await phone.report()
    phone.store.now = NOW + PATIENCE
    await phone.wake()
    (event,) = phone.told()
    assert (event.photo_ids, event.flags, event.received_at) == ((P1,), ("awaiting_photo",), NOW)
    ((_, message),) = published(phone.store)
    assert (message.envelope.correlation_id, message.envelope.actor) == ("story-1", "rider:rider-1")
    assert phone.now().wake_at == NOW + GIVEN_UP
    phone.store.now = NOW + GIVEN_UP
    await phone.wake()
    assert (phone.now().flags, phone.now().wake_at) == (("awaiting_photo", "photo_missing"), None)
    await phone.upload(P2)  # better late
    assert phone.now().flags == ()
    assert [one.photo_ids for one in phone.added()] == [(P2,)]
    assert len(phone.told()) == 1


async def test_nothing_due_is_nothing_done_however_often_it_is_asked(phone: Phone) -> None:
    await phone.upload(P1)
    await phone.report()
    for moment in (timedelta(), PATIENCE, PATIENCE, GIVEN_UP, GIVEN_UP):
        phone.store.now = NOW + moment
        await asyncio.gather(*(phone.upload(P1) for _ in range(3)))
        for _ in range(2):
            await phone.desk.lane.submit(SettlePhotos(REPORTS, INCIDENTS, PHOTOS, MINE))
    assert (len(phone.told()), phone.added()) == (1, [])
    assert phone.store.documents[REPORTS.ref(MINE)]["version"] == 3  # stored, gone out, marked as missing
    await phone.desk.lane.submit(SettlePhotos(REPORTS, INCIDENTS, PHOTOS, "nothing"))


async def test_a_photo_that_arrives_while_the_report_is_being_stored_is_not_waited_for(
    phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits yet when it looks for who waits, and the report has looked for it before: one of the two must look again."""
    submit = phone.desk.lane.submit

    async def interleaved(command: Any, **more: Any) -> Any:
        monkeypatch.undo()
        await phone.upload(P1)
        await phone.upload(P2)
        return await submit(command, **more)

    monkeypatch.setattr(phone.desk.lane, "submit", interleaved)
    opened = await phone.report()
    assert (opened.report.told, opened.report.photo_ids, opened.report.awaiting) == (True, (P1, P2), ())
    assert [event.photo_ids for event in phone.told()] == [(P1, P2)]


async def test_the_timer_sees_a_photo_of_which_nobody_was_told(phone: Phone) -> None:
    """The upload died between storing the photo and telling of it."""
    await phone.report()
    for id_ in (P1, P2):
        await phone.photos.put(photo(id_), b"", b"")
    phone.store.now = NOW + PATIENCE
    await phone.wake()
    (event,) = phone.told()
    assert (event.photo_ids, event.flags) == ((P1, P2), ())


async def test_announced_photos_that_are_there_count_as_named(phone: Phone) -> None:
    for id_ in (P1, P2):
        await phone.upload(id_)
    opened = await phone.report()
    assert (opened.report.told, opened.report.flags, opened.report.photo_ids) == (True, (), (P1, P2))


async def test_a_repeated_report_is_answered_as_it_now_is_and_goes_out_once(phone: Phone) -> None:
    first = await phone.report()
    await phone.upload(P1)
    again = await phone.report()
    assert (again.replayed, again.report.id, again.report.code) == (True, first.report.id, first.report.code)
    assert again.report.photo_ids == (P1,)


async def test_somebody_elses_photo_is_not_what_was_announced(phone: Phone) -> None:
    theirs = photo_id("rider:rider-2", SHA1)
    await phone.photos.put(photo(theirs, "rider:rider-2"), b"", b"")
    opened = await phone.report(awaiting_photos=[SHA1])
    assert opened.report.awaiting == (P1,)


async def test_a_late_photo_from_elsewhere_is_flagged(phone: Phone) -> None:
    await phone.report(awaiting_photos=[SHA1])
    await phone.upload(P1, gps=(113.58, 37.857 + 0.0045))  # 500 m
    assert [event.flags for event in phone.told()] == [("location_conflict",)]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"awaiting_photos": [SHA1, SHA1]}, "awaiting_photos"),
        ({"photo_ids": [P1], "awaiting_photos": [SHA1]}, "awaiting_photos"),
        ({"photo_ids": [P1], "awaiting_photos": [f"{n:064x}" for n in range(5)]}, "awaiting_photos"),
    ],
)
async def test_five_photos_in_all_and_each_once(phone: Phone, changes: dict[str, Any], field: str) -> None:
    await phone.upload(P1)
    with pytest.raises(Invalid, match=field):
        await phone.report(**changes)
    assert REPORTS.ref(MINE) not in phone.store.documents


async def test_a_photo_that_is_to_come_is_a_photo_for_categories_that_need_one(phone: Phone) -> None:
    phone.desk = replace(phone.desk, rules=StubRules(photo_required=True))
    assert not (await phone.report(awaiting_photos=[SHA1])).replayed
    with pytest.raises(Invalid, match="photo_ids"):
        await phone.report(awaiting_photos=[], client_key="phone-0002")


MOMENTS = [timedelta(minutes=1), PATIENCE, GIVEN_UP]


@pytest.mark.parametrize("emergency", [True, False])
@pytest.mark.parametrize("events", [*itertools.permutations([P1, P2, *MOMENTS], 5)])
def test_whatever_comes_first_it_goes_out_once_with_every_photo(
    waiting: Report, emergency: bool, events: tuple[str | timedelta, ...]
) -> None:
    """Photos in any order, at any time; the clock only goes forward."""
    one = begin(replace(waiting, emergency=emergency))
    added: list[str] = []
    outs, now = int(one.told), NOW
    for event in events:
        arrived: dict[str, float | None] = {event: None} if isinstance(event, str) else {}
        now = now if isinstance(event, str) else max(now, NOW + event)
        settled = settle(one, arrived, now)
        assert settle(settled.report, {}, now).report == settled.report
        outs += settled.goes_out
        added += settled.added
        one = settled.report
        assert one.told or (now < NOW + PATIENCE and one.awaiting)
        assert (one.wake_at is not None) == bool(one.awaiting and now < NOW + GIVEN_UP)
        assert one.wake_at is None or one.wake_at > now
    assert outs == 1
    assert (set(one.photo_ids), one.awaiting, one.flags) == ({P1, P2}, (), ())
    assert len(added) == len(set(added)) <= 2


@pytest.fixture(scope="module")
def waiting() -> Report:
    return report(photo_ids=(), awaiting=(P1, P2), received_at=NOW, emergency=False)


TWIN = Past(pictures=(Picture("his", f"r-{P1}", "0" * 16, report="his-report"),))
SAME = Finding("same_photo", 0, P1, "his-report", "his")


def watched(phone: Phone, past: MemoryPast, flagged: list[str], failed: list[int]) -> Phone:
    """The same phone, and somebody who compares."""
    noticing = Noticing(past, flagged.append, lambda: failed.append(1))
    return Phone(phone.store, replace(phone.desk, noticing=noticing), phone.photos)


async def test_a_late_photo_that_was_seen_before_opens_a_review_and_goes_out_with_its_report(phone: Phone) -> None:
    flagged, past = list[str](), MemoryPast()
    phone = watched(phone, past, flagged, [])
    await phone.report(awaiting_photos=[SHA1])
    assert (phone.now().review, flagged) == (None, [])
    past.before = TWIN
    await phone.upload(P1)
    review = phone.now().review
    assert review == Review((SAME,), "rider-1")
    assert (phone.now().flags, flagged) == (("same_photo",), ["same_photo"])
    (event,) = phone.told()
    assert event.flags == ("same_photo",)
    await phone.upload(P1)
    assert (phone.now().review, flagged) == (review, ["same_photo"]), "it is awaited no more"


async def test_of_an_emergency_the_flag_follows_with_the_photo(phone: Phone) -> None:
    phone = watched(phone, MemoryPast(), [], [])
    await phone.report(awaiting_photos=[SHA1], emergency=True)
    phone = watched(phone, MemoryPast(TWIN), [], [])
    await phone.upload(P1)
    (added,) = phone.added()
    assert added.flags == ("same_photo",)


async def test_a_photo_that_cannot_be_compared_is_added_all_the_same(phone: Phone) -> None:
    failed = list[int]()
    phone = watched(phone, MemoryPast(error=RuntimeError("no answer")), [], failed)
    await phone.report(awaiting_photos=[SHA1])
    await phone.upload(P1)
    assert (phone.now().photo_ids, phone.now().review, len(failed)) == ((P1,), None, 2)


async def test_what_was_noticed_is_kept_though_the_timer_was_quicker(phone: Phone) -> None:
    await phone.report(awaiting_photos=[SHA1])
    await phone.photos.put(photo(P1), b"", b"")
    await phone.desk.lane.submit(SettlePhotos(REPORTS, INCIDENTS, PHOTOS, MINE))
    assert (phone.now().awaiting, phone.now().review) == ((), None)
    for _ in range(2):
        await phone.desk.lane.submit(SettlePhotos(REPORTS, INCIDENTS, PHOTOS, MINE, found=(SAME,)))
    assert phone.now().review == Review((SAME,), "rider-1")
    assert len(phone.told()) == 1


@pytest.mark.parametrize(("before", "after"), [("open", "open"), ("ok", "open"), ("bogus", "bogus")])
def test_what_is_noticed_later_opens_what_was_found_in_order(before: Any, after: str) -> None:
    rate = Finding("too_many_reports", 31)
    decided = replace(Review((rate,), "rider-1"), state=before)
    assert noticed(decided, (rate,), "rider-1") == decided
    later = noticed(decided, (rate, SAME), "rider-1")
    assert (later.findings, later.state) == ((rate, SAME), after)


def test_of_a_late_photo_its_own_time_is_compared_unless_staff_sent_it() -> None:
    old = Picture(P1, "r", "0" * 16, taken_at=RECEIVED - timedelta(hours=3))
    facts = Facts(Sighting("r1", 113.58, 37.857, 12.0, RECEIVED), RECEIVED, (old,))
    far = Past(nearby=(Sighting("r0", 114.58, 37.857, 12.0, RECEIVED),), last_hour=99)
    assert [one.flag for one in examine_late(facts, far)] == ["late_capture"]
    assert examine_late(replace(facts, by_himself=False), far) == ()
