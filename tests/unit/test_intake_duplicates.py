"""One thing is reported once: what is offered, what a rider may answer, and what becomes of it meanwhile."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from services.intake.domain.spot import FARTHEST, JOINABLE, GeoPoint, Spot, are_apart, reach, seen_from, set_apart
from shared.errors import Invalid
from tests.support.intaking import wish
from tests.support.lanes import published
from tests.support.memory import NOW
from tests.support.neighbours import P0, Street, north, street


@pytest.fixture
async def here() -> AsyncIterator[Street]:
    async with street() as opened:
        yield opened


async def test_scenario_09_two_manholes_thirty_metres_apart_are_two_incidents(here: Street) -> None:
    first = await here.report("rider-1")
    assert await here.near(30.0) == []
    second = await here.report("rider-2", 30.0)
    assert first.incident != second.incident
    assert second.flags == ()
    assert (here.opened(), here.updates()) == (2, [])


async def test_scenario_09_the_same_flood_thirty_metres_on_is_offered_and_joined(here: Street) -> None:
    here.rules.radius_m = 80.0
    first = await here.report("rider-1")
    (offered,) = await here.near(30.0)
    assert (offered.spot.id, round(offered.metres), offered.broken_again) == (first.incident, 30, False)
    second = await here.report("rider-2", 30.0, join=offered.spot.id, text="水深，电话13812345678")
    assert (second.incident, second.code, second.how) == (first.incident, first.code, "joined")
    assert here.incident(first.incident).reports == (first.id, second.id)
    (told,) = here.updates()
    assert (told.kind, told.incident, told.report, told.rider) == ("joined", first.incident, second.id, "rider-2")
    assert (told.emergency, told.text, told.captured_at) == (True, "水深，电话*********78", second.captured_at)
    assert here.opened() == 1
    assert len([ref for ref in here.store.documents if ref.collection == "codes"]) == 1


async def test_a_joined_report_sent_again_is_answered_as_before(here: Street) -> None:
    first = await here.report("rider-1")
    second = await here.report("rider-2", join=first.incident)
    await here.says(first.incident, to_state="closed")
    assert await here.report("rider-2", join=first.incident) == second
    assert len(here.updates()) == 1


@pytest.mark.parametrize(
    ("radius", "accuracy", "metres"),
    [(25.0, 3.0, 28.0), (25.0, 90.0, FARTHEST), (80.0, 12.0, 92.0), (80.0, 500.0, 100)],
)
def test_how_far_is_looked(radius: float, accuracy: float, metres: float) -> None:
    assert reach(radius, accuracy) == metres


async def test_the_nearest_five_come_first_and_none_beyond_the_reach(here: Street) -> None:
    for number, metres in enumerate((24.0, 8.0, 16.0, 2.0, 30.0, 12.0, 20.0)):
        await here.report(f"rider-{number}", metres)
    assert [round(one.metres) for one in await here.near()] == [2, 8, 12, 16, 20]


@pytest.mark.parametrize(
    ("state", "offered"),
    [
        ("triaged", True),
        ("needs_info", True),
        ("temporary_safe", True),
        ("parked", True),
        ("closed", False),
        ("rejected", False),
        ("duplicate", False),
        ("closed_no_action", False),
    ],
)
async def test_only_what_is_open_is_offered(here: Street, state: str, offered: bool) -> None:
    first = await here.report("rider-1")
    await here.says(first.incident, to_state=state)
    assert [one.spot.id for one in await here.near()] == ([first.incident] if offered else [])


@pytest.mark.parametrize(("hours", "offered"), [(0.0, True), (71.9, True), (72.1, False)])
async def test_what_was_fixed_lately_is_offered_as_broken_again(here: Street, hours: float, offered: bool) -> None:
    first = await here.report("rider-1")
    await here.resolves(first.incident, hours)
    assert [one.broken_again for one in await here.near()] == ([True] if offered else [])
    second = await here.report("rider-2", broken_again=first.incident)
    if offered:
        assert (second.incident, second.how) == (first.incident, "broken_again")
        assert [told.kind for told in here.updates()] == ["broken_again"]
    else:
        assert (second.how, second.flags) == ("opened", ("possible_duplicate",))
        assert second.incident != first.incident


async def test_broken_again_of_what_somebody_has_reopened_joins_it(here: Street) -> None:
    first = await here.report("rider-1")
    await here.resolves(first.incident)
    await here.says(first.incident, to_state="dispatched")
    second = await here.report("rider-2", broken_again=first.incident)
    assert (second.incident, second.how) == (first.incident, "joined")


@pytest.mark.parametrize("state", ["resolved", "closed", "rejected", "closed_no_action"])
async def test_me_too_of_what_has_just_ended_is_a_new_incident_in_doubt(here: Street, state: str) -> None:
    first = await here.report("rider-1")
    await here.says(first.incident, to_state=state)
    second = await here.report("rider-2", join=first.incident)
    assert second.incident != first.incident
    assert (second.how, second.flags) == ("opened", ("possible_duplicate",))
    assert here.opened() == 2


async def test_me_too_of_what_was_just_merged_goes_to_the_main_incident(here: Street) -> None:
    first, main, top = [await here.report(f"rider-{number}", number * 27.0) for number in range(3)]
    for merged, into in ((first, main), (main, top)):
        await here.says(merged.incident, to_state="duplicate")
        await here.says(merged.incident, "merged", other_incident=into.incident, reports=(merged.id,))
    late = await here.report("rider-9", join=first.incident)
    assert (late.incident, late.code) == (top.incident, top.code)
    assert late.id in here.incident(top.incident).reports


async def test_me_too_from_across_the_quarter_is_not_believed(here: Street) -> None:
    first = await here.report("rider-1")
    second = await here.report("rider-2", JOINABLE + 1, join=first.incident)
    assert second.incident != first.incident
    assert second.flags == ("possible_duplicate",)


@pytest.mark.parametrize(
    ("answer", "field"),
    [({"join": "nowhere"}, "join"), ({"broken_again": "x"}, "broken_again"), ({"not_same_as": ["x"]}, "not_same_as.0")],
)
async def test_what_is_no_incident_is_named_and_nothing_is_stored(
    here: Street, answer: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await here.report("rider-1", **answer)
    assert [error.field for error in refused.value.errors] == [field]
    assert not here.store.documents


@pytest.mark.parametrize(
    "answer",
    [
        {"asked": False, "join": "inc"},
        {"asked": False, "not_same_as": ["inc"]},
        {"join": "inc", "broken_again": "inc-2"},
        {"join": "inc", "not_same_as": ["inc"]},
    ],
)
async def test_programs_do_not_join_and_nobody_answers_twice(here: Street, answer: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        await here.report("rider-1", **answer)


async def test_who_could_not_ask_opens_an_incident_that_is_marked(here: Street) -> None:
    await here.report("rider-1")
    second = await here.report("rider-2", 10.0, asked=False)
    assert (second.how, second.flags) == ("opened", ("possible_duplicate",))
    _, (_, told) = published(here.store, "incident-reported")
    assert told.data.flags == ("possible_duplicate",)  # type: ignore[attr-defined]
    assert wish().get("asked") is None  # as every client before this version sends it


async def test_a_different_object_is_not_in_doubt_and_never_offered_with_the_other_again(here: Street) -> None:
    first = await here.report("rider-1")
    second = await here.report("rider-2", 10.0, not_same_as=[first.incident])
    assert (second.how, second.flags) == ("opened", ())
    assert are_apart(here.spot(first.incident), here.spot(second.incident))
    assert here.spot(first.incident).not_same == (second.incident,)
    third = await here.report("rider-3", 5.0, not_same_as=[first.incident])
    assert third.flags == ("possible_duplicate",)  # it may still be the second


async def test_what_was_said_to_differ_from_the_merged_one_differs_from_its_main_one(here: Street) -> None:
    first, main = await here.report("rider-1"), await here.report("rider-2", 27.0)
    other = await here.report("rider-3", not_same_as=[first.incident])
    await here.says(first.incident, "merged", other_incident=main.incident, reports=(first.id,))
    assert are_apart(here.spot(main.incident), here.spot(other.incident))
    assert not are_apart(here.spot(main.incident), here.spot(first.incident))


async def test_scenario_16_an_incident_that_staff_have_moved_is_found_where_it_is_now(here: Street) -> None:
    first = await here.report("rider-1")
    point = {"lng": P0[0], "lat": north(60.0)["lat"]}
    await here.says(first.incident, "place", place={"wgs84": point, "gcj02": point, "accuracy_m": 5.0})
    assert await here.near() == []
    assert [one.spot.id for one in await here.near(60.0)] == [first.incident]


async def test_a_corrected_category_is_followed(here: Street) -> None:
    first = await here.report("rider-1")
    await here.says(first.incident, "category", category={"scheme": "gb30428", "code": "P0102"})
    assert await here.near() == []
    assert here.spot(first.incident).category == {"scheme": "gb30428", "code": "P0102"}


async def test_a_report_that_joins_goes_out_at_once_though_its_photo_is_still_to_come(here: Street) -> None:
    first = await here.report("rider-1")
    joined = await here.report("rider-2", join=first.incident, emergency=False, awaiting_photos=["0" * 64])
    assert joined.told
    assert (joined.awaiting, joined.flags) != ((), ())
    assert [told.kind for told in here.updates()] == ["joined"]


def test_a_pair_is_apart_whoever_knows_of_it() -> None:
    one, other = (Spot(name, "s", "c", {}, GeoPoint(P0), NOW) for name in ("one", "other"))
    assert not are_apart(one, other)
    assert are_apart(set_apart(one, "other"), other)
    assert are_apart(other, set_apart(one, "other"))
    assert set_apart(one, "one") == one


def test_the_order_of_what_is_offered_is_always_the_same() -> None:
    spots = [Spot(name, "s", "c", {}, GeoPoint(P0), NOW - timedelta(days=1)) for name in ("b", "a", "c")]
    assert [one.spot.id for one in seen_from(spots, P0, 10.0, NOW)] == ["a", "b", "c"]
