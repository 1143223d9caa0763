"""Staff who enter a report for a rider deal with it and do not approve it; self_fixed goes by photos of before and after."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.dispatch import decisions as d
from services.dispatch.decisions import Decision
from services.dispatch.desk import Merge, SelfFixed
from services.dispatch.desk_api import DECISIONS
from services.dispatch.domain.states import OrderState, State
from shared.errors import Conflict, Forbidden
from tests.support.lanes import running
from tests.support.memory import MemoryTransactor
from tests.unit.test_dispatch_desk import Office

HIMSELF: dict[str, Any] = {"flags": ("self_fixed",), "photo_ids": ("before",), "after_photo_ids": ("since",)}


@pytest.fixture
async def desk() -> AsyncIterator[Office]:
    store = MemoryTransactor()
    async with running(store) as lane:
        yield Office(store, lane)


async def test_who_entered_it_deals_with_it(desk: Office) -> None:
    await desk.receive(entered_by="s1")
    assert (await desk.decide(d.Ask, question="哪一个？")).state is State.NEEDS_INFO
    await desk.decide(d.Answer, reason="东边的")
    assert (await desk.decide(d.NoAction, reason="雨停了")).state is State.CLOSED_NO_ACTION


async def test_who_entered_it_does_not_verify_it(desk: Office) -> None:
    await desk.receive(entered_by="s1")
    await desk.done()
    with pytest.raises(Forbidden, match="entered it for the rider"):
        await desk.decide(d.Verify, order="inc.1")
    assert (await desk.decide(d.Verify, who="s2", order="inc.1")).orders[0].state is OrderState.VERIFIED


async def test_who_entered_it_does_not_decide_the_appeal(desk: Office) -> None:
    await desk.receive(entered_by="s1")
    await desk.decide(d.Reject, reason="看不出来")
    await desk.say("appealed", rider="rider-1", report="report-of-inc", text="看得出来")
    with pytest.raises(Forbidden):
        await desk.decide(d.DecideAppeal, granted=True, reason="对")
    assert (await desk.decide(d.DecideAppeal, who="s2", granted=True, reason="对")).state is State.TRIAGED


async def test_who_entered_it_does_not_confirm_that_the_rider_fixed_it(desk: Office) -> None:
    await desk.receive(**HIMSELF, entered_by="s1")
    with pytest.raises(Forbidden):
        await desk.lane.submit(SelfFixed(desk.desk(), (("inc", 1),), "照片清楚"))
    await desk.lane.submit(SelfFixed(desk.desk("s2"), (("inc", 1),), "照片清楚"))
    assert desk.incident().state is State.RESOLVED


async def test_a_later_report_that_was_entered_counts_too_and_moves_with_a_merge(desk: Office) -> None:
    await desk.receive("a")
    desk.rules.found = "no rule"
    await desk.receive("b")
    await desk.join("rider-2", "b", entered_by="s1")
    await desk.lane.submit(Merge(desk.desk(), "b", "a", desk.version("b"), "同一处"))
    await desk.done("a.1")
    with pytest.raises(Forbidden):
        await desk.decide(d.Verify, "a", order="a.1")


@pytest.mark.parametrize("form", [form for _, form, _ in DECISIONS], ids=lambda form: form.__name__)
def test_what_says_that_a_report_is_right_is_marked(form: type[Decision]) -> None:
    assert (form in (d.Verify, d.DecideAppeal)) == form.APPROVES


@pytest.mark.parametrize(
    ("photos", "enough"),
    [
        ({"photo_ids": ("before",), "after_photo_ids": ("since",)}, True),
        ({"photo_ids": ("before", "since")}, True),
        ({"photo_ids": ("before",)}, False),
        ({"photo_ids": (), "after_photo_ids": ("since", "again")}, False),
        ({"photo_ids": ()}, False),
    ],
)
async def test_self_fixed_needs_before_and_after(desk: Office, photos: dict[str, Any], enough: bool) -> None:
    await desk.receive(flags=("self_fixed",), **photos)
    confirm = SelfFixed(desk.desk(), (("inc", 1),), "照片清楚")
    if enough:
        await desk.lane.submit(confirm)
        (told,) = desk.resolutions()
        assert told.evidence_photo_ids == (*photos["photo_ids"], *photos.get("after_photo_ids", ()))
    else:
        with pytest.raises(Conflict, match=r"incidents\.0: self_fixed needs"):
            await desk.lane.submit(confirm)
        assert not desk.resolutions()


async def test_departments_see_how_it_looks_since(desk: Office) -> None:
    """Where staff do not believe that it is put right."""
    await desk.receive(**HIMSELF)
    assert desk.incident().shown_photos == ("before", "since")
