"""The plan of a simulated day: the same seed is the same day, its totals add up, and what is sent is what it says."""

import io
from collections import Counter
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ops.local.state import REPOSITORY
from ops.simulate.behaviours import BEHAVIOURS, PICTURES, Crew, Way
from ops.simulate.making import CannotPlan
from ops.simulate.phone import Phone, Played, Unplayable
from ops.simulate.pictures import Picture, taken
from ops.simulate.plan import plan
from ops.simulate.send import Plan, Send
from ops.simulate.totals import Line, all_equal, compare, expected
from ops.simulate.words import number_in, words
from ops.simulate.world import World
from ops.simulate_command import compressed
from services.intake.domain.report import CERTAIN_METRES
from shared.clock import system_clock
from shared.geo import crs
from shared.reference.load import load

WORLD = World(load(REPOSITORY / "deploy/reference/beidajie"), "140302003")
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
    assert total["reports"] == len(day.kept) == _sum(total, "category:")
    assert len(day.sends) == total["reports"] + _sum(total, "refused:")
    assert _sum(total, "orders:") == sum(len(s.departments) * (1 + (s.crew is Crew.RETURNS)) for s in day.kept)
    assert len({send.number for send in day.sends}) == len(day.sends)
    assert [send.at for send in day.sends] == sorted(send.at for send in day.sends)
    assert all(0 <= send.rider < day.riders and send.departments for send in day.sends)


@settings(max_examples=15, deadline=None)
@given(days)
def test_every_fix_leads_to_the_place_or_says_that_it_does_not(day: Plan) -> None:
    for send in day.sends:
        found = WORLD.locates(*crs.to_wgs84(send.fix.lng, send.fix.lat, send.fix.crs))
        certain = send.fix.accuracy_m <= CERTAIN_METRES and found is not None
        assert certain == (send.behaviour.flag != "needs_location"), send
        assert not certain or found == send.spot.micro_grid, send
        far = [p for p in send.pictures if p.gps and crs.distance_m(p.gps, (send.spot.lng, send.spot.lat)) > 200]
        assert bool(far) == (send.way is Way.WANDERING), send


@settings(max_examples=15, deadline=None)
@given(days)
def test_bursts_and_second_riders_are_what_they_are_called(day: Plan) -> None:
    by_number = {send.number: send for send in day.sends}
    for send in day.sends:
        assert (send.captured_before > timedelta(0)) <= (send.way is Way.OFFLINE)
        assert (send.first is None) == (send.way is not Way.SECOND)
        if send.first is not None:
            first = by_number[send.first]
            assert (first.spot, first.subject, first.departments) == (send.spot, send.subject, send.departments)
            assert first.rider != send.rider
            assert first.at < send.at


def test_every_way_has_its_share_of_the_usual_day() -> None:
    ways = Counter(send.way for send in DAY.sends)
    assert {row.way: ways[row.way] for row in BEHAVIOURS if row.way is not Way.SECOND} == {
        row.way: round(row.share * 480) for row in BEHAVIOURS if row.way is not Way.SECOND
    }
    assert 30 < ways[Way.SECOND] <= round(0.08 * 480)
    assert len(DAY.kept) == 480
    formats = Counter(picture.format for send in DAY.kept for picture in send.pictures)
    assert formats["heic"] > 40


def test_lunch_and_supper_are_peaks_and_a_storm_is_one_hour() -> None:
    hours = Counter(send.at // timedelta(hours=1) for send in DAY.sends)
    assert hours[11] + hours[12] > 4 * (hours[15] + hours[16])
    assert hours[18] > 3 * hours[15]
    storm = plan(1, WORLD, storm=True)
    assert len(storm.kept) == 480
    assert sum(send.at // timedelta(hours=1) == 15 for send in storm.kept) > 150


def test_departments_that_are_not_played_get_nothing() -> None:
    few = World(WORLD.reference, WORLD.subdistrict, frozenset({"municipal"}))
    assert {code for send in plan(1, few, 20, 40).sends for code in send.departments} == {"municipal"}
    with pytest.raises(CannotPlan, match="would mend"):
        plan(1, World(WORLD.reference, WORLD.subdistrict, frozenset()), 20, 40)
    with pytest.raises(CannotPlan, match="two riders"):
        plan(1, WORLD, 1, 40)


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
    """Answers one after the other, whatever is asked; remembers the client keys."""

    def __init__(self, *answers: httpx2.Response | Exception) -> None:
        self._answers = list(answers)
        self.keys: list[str] = []

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/v1/photos":
            return httpx2.Response(201, json={"photo_id": "p1"})
        self.keys.append((await request.aread()).decode().partition('"client_key":"')[2][:12])
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def _created(*, replayed: bool = False) -> httpx2.Response:
    body = {"report_id": "r1", "incident_id": "i1"}
    return httpx2.Response(201, json=body, headers={"Idempotency-Replayed": "true"} if replayed else {})


def _one(way: Way) -> Send:
    return next(send for send in DAY.sends if send.way is way and not any(p.format == "heic" for p in send.pictures))


async def _played(way: Way, *answers: httpx2.Response | Exception) -> tuple[Played, list[str]]:
    intake, played = _Intake(*answers), Played()
    transport = httpx2.MockTransport(intake)
    async with httpx2.AsyncClient(transport=transport, base_url="http://intake") as http:
        await Phone("abcdefgh", "token", http, _one(way), played).send()
    return played, intake.keys


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
