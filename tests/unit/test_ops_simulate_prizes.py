"""What is handed out at the end of a played day: its totals are known before, and what the counter does is what they say."""

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.local.state import REPOSITORY
from ops.simulate.counter import hand_out
from ops.simulate.doors import Doors
from ops.simulate.people import People
from ops.simulate.phone import Unplayable
from ops.simulate.plan import plan
from ops.simulate.prizes import WISHES, Handout, handout
from ops.simulate.totals import expected
from ops.simulate.world import World
from shared.reference.load import load

WORLD = World(load(REPOSITORY / "deploy/reference/beidajie"), "140302003", datetime(2026, 11, 25, 4, 0, tzinfo=UTC))
OFFER = Handout("home-a", "towel", 5, tuple(range(8)))
PRICE = 5


def test_a_usual_day_hands_the_cheapest_prize_to_riders_it_has_paid() -> None:
    day = plan(1, WORLD)
    assert day.handout is not None
    paid = Counter(send.rider for send in day.kept if send.subject.pays and not send.joins)
    assert set(day.handout.riders) == set(paid)
    assert (day.handout.prize, day.handout.points, day.handout.home) == ("towel", PRICE, "home-140302003001")
    total = expected(day)
    assert (total["prizes_reserved"], total["prizes_picked_up"], total["prizes_cancelled"]) == (6, 5, 1)
    assert (total["points_held"], total["points_spent"], total["points_returned"]) == (30, 25, 5)


@given(st.lists(st.integers(0, 9), max_size=30))
def test_whatever_is_held_is_spent_or_returned(earners: list[int]) -> None:
    what = handout(WORLD, earners)
    if what is None:
        assert not earners
        return
    assert what.wishes == min(WISHES, len(set(earners)))
    total = what.totals()
    assert total["prizes_reserved"] == total["prizes_picked_up"] + total["prizes_cancelled"]
    assert total["points_held"] == total["points_spent"] + total["points_returned"]
    assert total["prizes_picked_up"] >= 1


def test_who_earns_less_than_the_price_is_not_asked_and_without_prizes_nothing_is_handed_out() -> None:
    dear = {code: prize.model_copy(update={"points": 12}) for code, prize in WORLD.reference.prizes.items()}
    what = handout(replace(WORLD, reference=replace(WORLD.reference, prizes=dear)), [1, 1, 2, 2, 2, 3])
    assert what is not None
    assert what.riders == (2,)
    assert what.cancelled == 0
    assert handout(replace(WORLD, reference=replace(WORLD.reference, prizes={})), [1]) is None
    assert handout(replace(WORLD, subdistrict="140302004"), [1]) is None


class _Points:
    """Answers as points does. Riders have 20 points; those in `full` may have no more; `forgets` is lost at cancelling."""

    def __init__(self, *full: str, hiccups: int = 0, forgets: int = 0) -> None:
        self.full, self.hiccups, self.forgets = full, hiccups, forgets
        self.balances: Counter[str] = Counter()
        self.lines: dict[str, list[str]] = {}
        self.riders: dict[str, str] = {}
        self.proofs: list[dict[str, Any]] = []
        self.supplied: list[dict[str, Any]] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if self.hiccups:
            self.hiccups -= 1
            return httpx2.Response(503)
        who = request.headers["Authorization"].removeprefix("Bearer ")
        wish = json.loads(request.content or b"null")
        return self._answer(who, request.method, request.url.path.removeprefix("/v1/").split("/"), wish)

    def _answer(self, who: str, method: str, path: list[str], wish: Any) -> httpx2.Response:
        match method, path:
            case "GET", ["passbook"]:
                return httpx2.Response(200, json={"balance": 20 + self.balances[who]})
            case "GET", ["homes", "home-a", "account"]:
                return httpx2.Response(200, json={"period": "2026-11"})
            case "POST", ["homes", "home-a", _]:
                assert who == "staff"
                self.supplied.append(wish)
                return httpx2.Response(201, json={})
            case "POST", ["redemptions"]:
                return self._reserve(who, wish)
            case "POST", ["redemptions", "pickup"]:
                self.proofs.append(wish)
                self.lines[(wish.get("token") or wish["code"]).partition("-")[2]].append("picked_up")
            case "POST", ["redemptions", id_, "cancel"]:
                self.lines[id_].append("cancelled")
                self.balances[who] += PRICE - self.forgets
            case "GET", ["redemptions", id_, "token"]:
                return httpx2.Response(200, json={"token": f"token-{id_}", "code": f"code-{id_}", "home": "home-a"})
            case "GET", ["redemptions", id_]:
                return httpx2.Response(200, json={"lines": [{"state": state} for state in self.lines[id_]]})
            case _:
                return httpx2.Response(404, text="no such route")
        return httpx2.Response(200, json={})

    def _reserve(self, who: str, wish: dict[str, Any]) -> httpx2.Response:
        if who in self.full:
            return httpx2.Response(409, json={"code": "prize-limit"})
        self.lines[wish["client_key"]] = ["reserved"]
        self.balances[who] -= PRICE
        return httpx2.Response(201, json={"redemption": wish["client_key"]})


async def _handed(points: _Points, monkeypatch: pytest.MonkeyPatch, what: Handout = OFFER) -> dict[str, int]:
    client, transport = httpx2.AsyncClient, httpx2.MockTransport(points)
    monkeypatch.setattr(httpx2, "AsyncClient", lambda **options: client(transport=transport, **options))
    monkeypatch.setattr("ops.simulate.counter._AGAIN_SECONDS", 0.0)
    names = tuple(f"rider-{number}" for number in range(8))
    doors = Doors("http://intake", "http://dispatch", "http://points", "administrator", "staff", {})
    return dict(await hand_out(doors, People(names, names, {}), "abcdefgh", what))


async def test_the_counter_does_what_the_totals_say(monkeypatch: pytest.MonkeyPatch) -> None:
    points = _Points(hiccups=2)
    assert await _handed(points, monkeypatch) == OFFER.totals()
    assert [wish.get("pieces") or wish["points"] for wish in points.supplied] == [6, 30]
    assert ["token" in proof for proof in points.proofs] == [True, False, True, False, True]
    assert {proof["home"] for proof in points.proofs if "code" in proof} == {"home-a"}


async def test_who_may_have_no_more_leaves_his_turn_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await _handed(_Points("rider-0", "rider-3"), monkeypatch) == OFFER.totals()


async def test_points_that_do_not_come_back_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    found = await _handed(_Points(forgets=5), monkeypatch)
    assert found != OFFER.totals()
    assert (found["points_returned"], found["points_spent"]) == (0, 30)


async def test_a_refusal_ends_the_play_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unplayable, match="POST /v1/homes/home-b/stock: 404"):
        await _handed(_Points(), monkeypatch, replace(OFFER, home="home-b"))
