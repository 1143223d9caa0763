"""The plan of a simulated day: the same seed is the same day, its totals add up, and what is sent is what it says."""

import asyncio
import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ops.local.state import REPOSITORY
from ops.simulate.behaviours import BEHAVIOURS, PICTURES, Crew, Way
from ops.simulate.doors import Doors
from ops.simulate.joined import Joined
from ops.simulate.making import CannotPlan
from ops.simulate.people import People
from ops.simulate.phone import Phone, Played, Unplayable
from ops.simulate.pictures import Picture, taken
from ops.simulate.plan import plan
from ops.simulate.player import bursts
from ops.simulate.send import Plan, Send
from ops.simulate.totals import Line, all_equal, compare, expected
from ops.simulate.ways import send
from ops.simulate.words import number_in, words
from ops.simulate.world import World
from ops.simulate_command import compressed
from services.intake.domain.report import CERTAIN_METRES
from shared.clock import system_clock
from shared.geo import crs
from shared.reference.load import load

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
WORLD = World(load(REPOSITORY / "deploy/reference/beidajie"), "140302003", NOON)
DAY = plan(1, WORLD)

days = st.builds(
    lambda seed, riders, reports, storm: plan(seed, WORLD, riders, reports, storm=storm),
    st.integers(0, 10**9),
    st.integers(2, 60),
    st.integers(1, 120),
    st.booleans(),
)


def test_the_same_seed_is_the_same_day_and_another_is_another() -> None:
    assert plan(1, WORLD) == DAY
    assert plan(2, WORLD) != DAY


@settings(max_examples=15, deadline=None)
@given(days)
def test_totals_add_up_on_any_day(day: Plan) -> None:
    total = expected(day)
    assert total["reports"] == len(day.kept)
    assert total["incidents"] == total["resolved"] == _sum(total, "category:")
    assert total["joined"] == len(day.joined) == total["reports"] - total["incidents"]
    assert len(day.sends) == total["reports"] + _sum(total, "refused:")
    assert _sum(total, "orders:") == sum(
        len(s.departments) * (1 + (s.crew is Crew.RETURNS)) for s in day.kept if not s.joins
    )
    assert len({one.number for one in day.sends}) == len(day.sends)
    assert [one.at for one in day.sends] == sorted(one.at for one in day.sends)
    assert all(0 <= one.rider < day.riders and one.departments for one in day.sends)


@settings(max_examples=15, deadline=None)
@given(days)
def test_every_fix_leads_to_the_place_or_says_that_it_does_not(day: Plan) -> None:
    for one in day.sends:
        found = WORLD.locates(*crs.to_wgs84(one.fix.lng, one.fix.lat, one.fix.crs))
        certain = one.fix.accuracy_m <= CERTAIN_METRES and found is not None
        assert certain == (one.behaviour.flag != "needs_location"), one
        assert not certain or found == one.spot.micro_grid, one
        far = [p for p in one.pictures if p.gps and crs.distance_m(p.gps, (one.spot.lng, one.spot.lat)) > 200]
        assert bool(far) == (one.way is Way.WANDERING), one


@settings(max_examples=15, deadline=None)
@given(days)
def test_bursts_and_second_riders_are_what_they_are_called(day: Plan) -> None:
    by_number = {one.number: one for one in day.sends}
    for one in day.sends:
        assert (one.captured_before > timedelta(0)) <= (one.way is Way.OFFLINE)
        assert (one.first is None) == (one.way is not Way.SECOND)
        if one.first is not None:
            first = by_number[one.first]
            assert (first.spot, first.subject, first.departments) == (one.spot, one.subject, one.departments)
            assert first.rider != one.rider
            assert first.at < one.at
    assert len({one.first for one in day.sends if one.first}) == sum(one.first is not None for one in day.sends)
    assert all(day.joined[number].subject.category.public for number in day.joined)


def test_every_way_has_its_share_of_the_usual_day() -> None:
    ways = Counter(one.way for one in DAY.sends)
    assert {row.way: ways[row.way] for row in BEHAVIOURS if row.way is not Way.SECOND} == {
        row.way: round(row.share * 480) for row in BEHAVIOURS if row.way is not Way.SECOND
    }
    assert 30 < ways[Way.SECOND] <= round(0.08 * 480)
    assert len(DAY.kept) == 480
    formats = Counter(picture.format for one in DAY.kept for picture in one.pictures)
    assert formats["heic"] > 40


def test_lunch_and_supper_are_peaks_and_a_storm_is_one_hour() -> None:
    hours = Counter(one.at // timedelta(hours=1) for one in DAY.sends)
    assert hours[11] + hours[12] > 4 * (hours[15] + hours[16])
    assert hours[18] > 3 * hours[15]
    storm = plan(1, WORLD, storm=True)
    assert len(storm.kept) == 480
    assert sum(one.at // timedelta(hours=1) == 15 for one in storm.kept) > 150


def test_departments_that_are_not_played_get_nothing() -> None:
    few = replace(WORLD, only=frozenset({"municipal"}))
    assert {code for one in plan(1, few, 20, 40).sends for code in one.departments} == {"municipal"}
    with pytest.raises(CannotPlan, match="would mend"):
        plan(1, replace(WORLD, only=frozenset()), 20, 40)
    with pytest.raises(CannotPlan, match="two riders"):
        plan(1, WORLD, 1, 40)


def test_all_that_can_be_found_is_found_at_noon_and_what_changes_hands_meanwhile_is_not() -> None:
    spot = WORLD.spots()[0]
    subjects = WORLD.subjects()
    gas = next(one for one in subjects if one.category.code == "P0504")
    assert [one for one in subjects if not WORLD.departments(one, spot)] == []
    assert WORLD.departments(gas, spot) == ("gas", "fire")
    before, after = (replace(WORLD, began=NOON.replace(hour=hour, minute=50)) for hour in (21, 22))
    assert before.departments(gas, spot) == ()
    assert after.departments(gas, spot) == ("gas", "fire", f"community-{spot.micro_grid[:12]}")
    slow = replace(WORLD, lasts=timedelta(days=1))
    assert slow.departments(gas, spot) == ()
    assert all(slow.departments(one, spot) for one in subjects if one != gas)
    abroad = replace(WORLD, began=after.began.astimezone(UTC))
    assert abroad.departments(gas, spot) == after.departments(gas, spot)


def test_one_report_too_few_or_one_flag_too_many_is_not_equal() -> None:
    total = expected(DAY)
    assert all_equal(compare(total, dict(total)))
    assert not all_equal(compare(total, {**total, "reports": 479}))
    lines = compare(total, {**total, "refused:internal": 1})
    assert [line for line in lines if not line.equal] == [Line("refused:internal", 0, 1)]


@pytest.mark.parametrize("format_", ["jpeg", "text", "damaged"])
def test_a_picture_is_the_same_again_and_unlike_the_next(format_: Any) -> None:
    first = taken(Picture(1, format_), "run")
    assert taken(Picture(1, format_), "run") == first
    assert taken(Picture(2, format_), "run") != first
    assert taken(Picture(1, format_), "other") != first


def test_a_picture_tells_where_it_was_taken() -> None:
    with Image.open(io.BytesIO(taken(Picture(1, gps=(113.58, 37.857)), "run"))) as image:
        assert image.getexif().get_ifd(0x8825)[2] == pytest.approx((37.0, 51.0, 25.2))


def test_words_tell_their_send_and_no_other_runs() -> None:
    assert number_in(words("abcdefgh", 17), "abcdefgh") == 17
    assert number_in(words("abcdefgh", 17), "hgfedcba") is None
    assert number_in("井盖没了", "abcdefgh") is None


async def test_compressed_time_waits_only_for_what_is_left() -> None:
    began = system_clock()
    until = compressed(timedelta(hours=6), 36_000.0, system_clock)
    await until(timedelta(hours=6))
    await until(timedelta(hours=7))
    assert system_clock() - began >= timedelta(seconds=0.09)


class _Intake:
    """Answers reports one after the other, whatever they are; remembers the client keys and the order of the calls."""

    def __init__(self, *answers: httpx2.Response | Exception, near: Sequence[str] = ()) -> None:
        self._answers = list(answers)
        self._near = near
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.paths: list[str] = []

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.paths.append(request.url.path)
        if request.url.path == "/v1/photos":
            return httpx2.Response(201, json={"photo_id": "p1"})
        if request.url.path == "/v1/incidents/nearby":
            return httpx2.Response(200, json={"incidents": [{"incident_id": one} for one in self._near]})
        raw = (await request.aread()).decode()
        self.bodies.append(json.loads(raw))
        self.keys.append(raw.partition('"client_key":"')[2][:12])
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def _created(*, replayed: bool = False) -> httpx2.Response:
    body = {"report_id": "r1", "incident_id": "i1"}
    return httpx2.Response(201, json=body, headers={"Idempotency-Replayed": "true"} if replayed else {})


def _one(way: Way) -> Send:
    return next(one for one in DAY.sends if one.way is way and not any(p.format == "heic" for p in one.pictures))


async def _played(way: Way, *answers: httpx2.Response | Exception) -> tuple[Played, list[str]]:
    intake = _Intake(*answers)
    return await _sent([_one(way)], intake), intake.keys


async def _sent(what: list[Send], intake: _Intake) -> Played:
    played = Played()
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(intake), base_url="http://intake") as http:
        await send([Phone("abcdefgh", "token", http, one, played) for one in what])
    return played


async def test_a_phone_repeats_under_one_key_until_it_is_answered() -> None:
    busy = httpx2.Response(429, headers={"Retry-After": "0"})
    played, keys = await _played(
        Way.PLAIN, busy, httpx2.Response(503, headers={"Retry-After": "0"}), _created(replayed=True)
    )
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert played.incidents == {_one(Way.PLAIN).number: "i1"}
    assert played.counts["replays"] == 0, "after an attempt that failed by itself a replay is not what was meant"


@pytest.mark.parametrize("way", [Way.TWICE, Way.LOST])
async def test_what_is_sent_twice_on_purpose_is_seen_as_a_replay(way: Way) -> None:
    played, keys = await _played(way, _created(), _created(replayed=True))
    assert (played.counts["replays"], len(keys), len(set(keys))) == (1, 2, 1)


async def test_a_report_that_announces_its_photos_goes_before_them() -> None:
    intake = _Intake(_created())
    await _sent([_one(Way.AWAITING)], intake)
    assert intake.paths[:2] == ["/v1/reports", "/v1/photos"]


@pytest.mark.parametrize("public", [True, False])
async def test_a_second_rider_waits_for_the_first_is_shown_what_is_near_and_joins_if_he_is_shown_it(
    public: bool,
) -> None:
    second = next(one for one in DAY.sends if one.way is Way.SECOND and one.joins is public)
    assert second.first is not None
    intake, played = _Intake(_created(), near=["older", "i0"] if public else []), Played()
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(intake), base_url="http://intake") as http:
        sending = asyncio.create_task(send([Phone("abcdefgh", "token", http, second, played)]))
        await asyncio.sleep(0)
        assert intake.paths == []
        played.note(second.first, "r0", "i0")
        await sending
    assert (intake.paths[0], intake.paths[-1]) == ("/v1/incidents/nearby", "/v1/reports")
    assert intake.bodies[0]["asked"] is True
    assert intake.bodies[0].get("join") == ("i0" if public else None)


async def test_a_second_rider_who_is_shown_nothing_ends_the_play() -> None:
    second = next(one for one in DAY.sends if one.joins)
    played = Played()
    played.note(second.first or 0, "r0", "i0")
    intake = _Intake(_created(), near=[])
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(intake), base_url="http://intake") as http:
        with pytest.raises(Unplayable, match="nothing is shown"):
            await send([Phone("abcdefgh", "token", http, second, played)])


async def test_a_department_begins_once_the_desk_names_both_riders(monkeypatch: pytest.MonkeyPatch) -> None:
    second = next(one for one in DAY.sends if one.joins)
    riders = tuple(f"rider-{number}" for number in range(DAY.riders))
    names = [[], ["rider-x"], ["rider-x", riders[second.rider]]]

    async def dispatch(request: httpx2.Request) -> httpx2.Response:
        assert request.url.path == "/v1/incidents/i0"
        return httpx2.Response(200, json={"reporters": names.pop(0)})

    client, transport = httpx2.AsyncClient, httpx2.MockTransport(dispatch)
    monkeypatch.setattr(httpx2, "AsyncClient", lambda **options: client(transport=transport, **options))
    monkeypatch.setattr("ops.simulate.joined._AGAIN_SECONDS", 0.0)
    played = Played()
    played.note(second.number, "r1", "i0")
    doors = Doors("http://intake", "http://dispatch", "http://points", "a", "s", {})
    joined = Joined(doors, People(riders, (), {}), played, DAY.joined)
    await joined.heard(10**6)
    assert len(names) == 3
    await joined.heard(second.first or 0)
    assert names == []


async def test_a_burst_is_one_batch_and_goes_again_while_a_part_of_it_is_told_to() -> None:
    together = next(found for found in bursts(DAY.sends) if len(found) == 3)
    together = [replace(one, pictures=()) for one in together]
    stored = [
        {"status": 201, "report": {"report_id": f"r{n}", "incident_id": f"i{n}"}, "problem": None} for n in (1, 2)
    ]
    away = {"status": 503, "report": None, "problem": {"code": "unavailable"}}
    wrong = {"status": 422, "report": None, "problem": {"code": "invalid"}}
    answers = [httpx2.Response(200, json={"reports": [*stored, last]}) for last in (away, wrong)]
    intake = _Intake(*answers)
    played = await _sent(together, intake)
    assert intake.paths == ["/v1/reports/batch"] * 2
    assert list(played.incidents.values()) == ["i1", "i2"]
    assert played.counts["refused:invalid"] == 1


async def test_a_refusal_is_counted_by_its_code_and_leaves_nothing() -> None:
    played, _ = await _played(Way.NO_CRS, httpx2.Response(422, json={"code": "invalid"}))
    assert played.counts == {"refused:invalid": 1}
    assert not played.reports


async def test_a_house_that_never_answers_ends_the_play(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.simulate.phone._WAIT_SECONDS", 0.0)
    with pytest.raises(Unplayable, match="no answer"):
        await _played(Way.PLAIN, *[httpx2.ConnectError("away")] * 20)


def test_what_is_no_picture_is_followed_by_no_report() -> None:
    assert {row.way for row in BEHAVIOURS if row.refused in ("not_an_image", "truncated")} == PICTURES


def _sum(totals: Any, prefix: str) -> int:
    return sum(count for name, count in totals.items() if name.startswith(prefix))
