"""What is worth a look, and that looking never costs a report."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from services.intake.domain.abuse import Facts, Past, Picture, Sighting, bands, examine, flags_in, kmh
from services.intake.forms import ReportIn
from services.intake.noticing import Noticing
from services.intake.store import REPORTS
from services.intake.taking import take_report
from shared.scope import Scope
from shared.web.auth import Principal, Role
from tests.support.intaking import RECEIVED, MemoryPast, sender, taking, wish
from tests.support.lanes import published, running
from tests.support.memory import MemoryTransactor

HERE = Sighting("r1", 113.58, 37.857, 10.0, RECEIVED)
HASH = "0f1e2d3c4b5a6978"


def seen(**changes: Any) -> Facts:
    return Facts(**{"sighting": HERE, "received_at": RECEIVED, **changes})


def differs(bits: int) -> str:
    return f"{int(HASH, 16) ^ ((1 << bits) - 1):016x}"


@pytest.mark.parametrize(("bits", "found"), [(0, True), (6, True), (7, False)])
def test_pictures_that_look_alike(bits: int, found: bool) -> None:
    facts = seen(pictures=(Picture("mine", "a", HASH),))
    findings = examine(facts, Past(pictures=(Picture("his", "b", differs(bits), report="r0"),)))
    assert [(f.flag, f.value, f.other_report, f.other_photo) for f in findings] == (
        [("same_photo", bits, "r0", "his")] if found else []
    )
    if found:
        assert set(bands(HASH)) & set(bands(differs(bits))), "the query would not have found it"


def test_flat_pictures_are_alike_only_by_their_bytes() -> None:
    dark = "0" * 16
    facts = seen(pictures=(Picture("mine", "a", dark),))
    assert bands(dark) == ()
    assert examine(facts, Past(pictures=(Picture("his", "b", dark),))) == ()
    assert flags_in(examine(facts, Past(pictures=(Picture("his", "a", dark),)))) == ("same_photo",)


def test_speed_is_the_least_that_both_fixes_allow() -> None:
    there = Sighting("r0", 113.68, 37.857, 10.0, RECEIVED - timedelta(minutes=3))  # some 8.8 km away
    assert 170 < kmh(HERE, there) < 180
    (finding,) = examine(seen(), Past(nearby=(there,)))
    assert (finding.flag, finding.other_report) == ("implausible_speed", "r0")
    slow = Sighting("r0", 113.68, 37.857, 10.0, RECEIVED - timedelta(minutes=5))
    vague = Sighting("r0", 113.68, 37.857, 9_000.0, RECEIVED - timedelta(minutes=1))
    assert examine(seen(), Past(nearby=(slow, vague))) == ()


@pytest.mark.parametrize(
    ("ago", "found"),
    [
        (timedelta(hours=24), False),
        (timedelta(hours=25), True),
        (-timedelta(minutes=5), False),
        (-timedelta(minutes=6), True),
    ],
)
def test_a_capture_that_is_far_from_its_receipt(ago: timedelta, found: bool) -> None:
    late = Sighting("r1", 113.58, 37.857, 10.0, RECEIVED - ago)
    assert flags_in(examine(seen(sighting=late), Past())) == (("late_capture",) if found else ())


def test_a_picture_from_another_time() -> None:
    old = Picture("mine", "a", HASH, taken_at=RECEIVED - timedelta(hours=3))
    (finding,) = examine(seen(pictures=(old,)), Past())
    assert (finding.flag, finding.photo, finding.value) == ("late_capture", "mine", 3 * 3600)


def test_more_reports_than_a_rider_can_make() -> None:
    assert examine(seen(), Past(last_hour=29)) == ()
    assert flags_in(examine(seen(), Past(last_hour=30))) == ("too_many_reports",)
    assert examine(seen(by_himself=False), Past(last_hour=30)) == (), "staff enter many at once"


@dataclass
class _Slow:
    async def past(self, scope: Scope, rider: str, facts: Facts) -> Past:
        await asyncio.Event().wait()
        return Past()


RIDER = Principal("rider-1", Role.RIDER, "140302003")


async def test_a_flagged_report_is_kept_told_and_counted_once() -> None:
    store, flagged = MemoryTransactor(), list[str]()
    noticing = Noticing(MemoryPast(Past(last_hour=30)), flagged.append, lambda: None)
    async with running(store) as lane:
        desk = taking(lane, store, noticing=noticing)
        body = ReportIn.model_validate(wish(captured_at=RECEIVED.isoformat()))
        opened = await take_report(desk, body, sender(RIDER))
        again = await take_report(desk, body, sender(RIDER))
    assert again.replayed
    assert again.report == opened.report
    assert flagged == ["too_many_reports"]
    stored = REPORTS.load(store.documents[REPORTS.ref(opened.report.id)])
    assert stored.review is not None
    assert (stored.review.state, stored.review.sent_by) == ("open", "rider-1")
    ((_, message),) = published(store, "incident-reported")
    assert "too_many_reports" in message.data.flags  # type: ignore[attr-defined]


@pytest.mark.parametrize("past", [MemoryPast(error=RuntimeError("no answer")), _Slow()])
async def test_a_report_that_cannot_be_looked_at_is_taken_without_flags(past: Any) -> None:
    store, failed = MemoryTransactor(), list[int]()
    noticing = Noticing(past, lambda flag: None, lambda: failed.append(1), seconds=0.01)
    async with running(store) as lane:
        opened = await take_report(
            taking(lane, store, noticing=noticing), ReportIn.model_validate(wish()), sender(RIDER)
        )
    assert (opened.replayed, opened.report.review, failed) == (False, None, [1])
