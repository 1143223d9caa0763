"""What everybody sees by a code: nothing of people, the place to 50 m, and one 404 for all that is not public."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import httpx2
import pytest
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.errors import StorageError

from services.intake.domain.public import ROUND_METRES, WORDS, rounded
from services.intake.domain.report import Point
from services.intake.domain.status import Fixed, Status, Step
from services.intake.ports import CategoryRule
from services.intake.store import INCIDENTS, STATUSES
from services.intake.visitors import TooManyQuestions, Visitors
from shared.contracts.vocabulary import IncidentState
from shared.errors import Unavailable
from shared.geo import crs
from shared.ids import public_code, read_code
from tests.support.intaking import place
from tests.support.lanes import running
from tests.support.memory import MemoryTransactor
from tests.support.serving import served
from tests.unit.test_intake_api import House

AT = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)
SECRETS = ("rider-1", "井盖被冲开", "13812345678", "市场北门", "张三", "water", "14030200300500505", "phone-0001")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    store = MemoryTransactor()
    async with running(store) as lane:
        house = House(tmp_path, lane, store)
        async with served(house.app()) as client:
            house.client = client
            yield house


async def told(house: House) -> str:
    """A report with all that nobody is to see, and what became of it. Returns the code."""
    answer = await house.report(
        text="井盖被冲开，找张三 13812345678", place=place(address="市场北门"), interim_measures="放了树枝"
    )
    body = answer.json()
    status = Status(
        body["incident_id"],
        state="resolved",
        steps=(
            Step(AT, "triaged"),
            Step(AT, "order_offered", "water"),
            Step(AT, "dispatched", "water", "张三家门口"),
            Step(AT, "resolved", None, "找张三"),
        ),
        fixed=(Fixed(1, AT, True),),
    )
    house.store.documents[STATUSES.ref(body["incident_id"])] = {**STATUSES.dump(status), "version": 1}
    return str(body["code"])


async def ask(house: House, code: str) -> httpx2.Response:
    return await house.client.get(f"/v1/public/incidents/{code}")


async def test_everybody_sees_what_became_of_it_and_nothing_of_people(house: House) -> None:
    code = await told(house)
    answer = await ask(house, code)
    body = answer.json()
    assert answer.status_code == 200
    assert (body["code"], body["state"], body["zh"], body["en"]) == (code, "resolved", "已解决", "fixed")
    assert (body["category_zh"], body["accuracy_m"]) == ("上水井盖", ROUND_METRES)
    assert [(step["state"], step["zh"]) for step in body["timeline"]] == [
        ("triaged", "已受理"),
        ("dispatched", "已派单"),
        ("resolved", "已解决"),
    ]
    assert datetime.fromisoformat(body["fixed_at"]) == AT
    assert not [secret for secret in SECRETS if secret in answer.text]
    at = (body["wgs84"]["lng"], body["wgs84"]["lat"])
    assert at == pytest.approx(tuple(degrees(rounded(Point(113.58, 37.857)))))
    assert 0 < crs.distance_m(at, (113.58, 37.857)) <= ROUND_METRES * 0.71


def degrees(point: Point) -> tuple[float, float]:
    return point.lng, point.lat


async def test_unknown_malformed_and_not_public_get_the_same_answer(house: House) -> None:
    code = await told(house)
    answers = [await ask(house, wrong) for wrong in ("0000-0000", "nonsense", "7K3M-9QXU", "x" * 500, "%00", "编号")]
    house.rules.public = False
    answers.append(await ask(house, code))
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert answers[0].json()["code"] == "not-found"


async def test_a_code_is_read_as_people_type_it(house: House) -> None:
    code = await told(house)
    for typed in (code.lower(), code.replace("-", ""), f" {code} ", code.replace("-", " "), code.replace("0", "o")):
        assert (await ask(house, typed)).json().get("code") == code


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("7K3M-9QXA", "7K3M-9QXA"),
        ("7k3m9qxa", "7K3M-9QXA"),
        ("7K3M — 9QXA", "7K3M-9QXA"),
        ("７Ｋ３Ｍ－９ＱＸＡ", "7K3M-9QXA"),
        ("oil0-0iLo", "0110-0110"),
        ("7K3M-9QX", None),
        ("7K3M-9QXAA", None),
        ("7K3M-9QXU", None),
        ("", None),
        ("-" * 41, None),
        ("7K3M-9QX\x00", None),
        ("7K3M-9QXА", None),
    ],
)
def test_codes_are_forgiving_of_hands_but_not_of_anything_else(typed: str, code: str | None) -> None:
    assert read_code(typed) == code


def test_every_code_is_read_as_itself() -> None:
    for number in range(500):
        code = public_code(str(number))
        assert read_code(code) == read_code(code.lower()) == code


def test_a_rounded_place_tells_nothing_closer_than_50_m() -> None:
    random = Random(50)
    for _ in range(2_000):
        point = Point(random.uniform(113.5, 113.7), random.uniform(37.8, 37.9))
        near = rounded(point)
        assert crs.distance_m((near.lng, near.lat), (point.lng, point.lat)) <= ROUND_METRES * 0.72
        assert rounded(near) == near
    spread = {rounded(Point(113.58 + i * 1e-5, 37.857)) for i in range(100)}  # 88 m in steps of 0.88 m
    assert 2 <= len(spread) <= 3


def test_every_state_has_its_words() -> None:
    assert set(WORDS) == set(IncidentState.__args__)  # type: ignore[attr-defined]
    assert all(zh and en for zh, en in WORDS.values())


async def test_who_asks_too_often_waits_and_nobody_else_does(house: House) -> None:
    house.visitors = Visitors(MemoryStorage(), RateLimitItemPerMinute(3), RateLimitItemPerMinute(100))
    async with served(house.app()) as client:
        statuses = [(await client.get("/v1/public/incidents/0000-0000")).status_code for _ in range(4)]
        assert statuses == [404, 404, 404, 429]
        last = await client.get("/v1/public/incidents/0000-0000")
        assert (last.json()["code"], last.headers["retry-after"]) == ("too-many-requests", "60")
    await house.visitors.admit("198.51.100.7")


async def test_all_together_are_limited_too_and_one_alone_cannot_use_that_up() -> None:
    visitors = Visitors(MemoryStorage(), RateLimitItemPerMinute(2), RateLimitItemPerMinute(4))
    for _ in range(2):
        await visitors.admit("198.51.100.1")
    for _ in range(20):
        with pytest.raises(TooManyQuestions):
            await visitors.admit("198.51.100.1")
    await visitors.admit("2001:db8::1")
    await visitors.admit("2001:db8::2")  # the same household
    with pytest.raises(TooManyQuestions):
        await visitors.admit("2001:db8::3")
    with pytest.raises(TooManyQuestions):
        await visitors.admit("198.51.100.9")


async def test_who_cannot_be_counted_is_asked_to_come_again() -> None:
    class Broken(MemoryStorage):
        async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
            raise StorageError(OSError("no answer"))

    with pytest.raises(Unavailable):
        await Visitors(Broken()).admit("198.51.100.1")


async def test_an_incident_that_was_moved_is_shown_where_it_is(house: House) -> None:
    code = await told(house)
    ref, document = next((r, d) for r, d in house.store.documents.items() if r.collection == "incidents")
    incident = INCIDENTS.load(document)
    assert incident.place is not None
    moved = replace(incident, place=replace(incident.place, wgs84=Point(113.6, 37.86)))
    house.store.documents[ref] = {**INCIDENTS.dump(moved), "version": 2}
    body = (await ask(house, code)).json()
    assert (body["wgs84"]["lng"], body["wgs84"]["lat"]) == degrees(rounded(Point(113.6, 37.86)))


async def test_the_category_is_the_desks_and_what_is_no_longer_public_vanishes(house: House) -> None:
    code = await told(house)
    ref, document = next((r, d) for r, d in house.store.documents.items() if r.collection == "statuses")
    house.rules.more = {
        ("gb30428", "P0102"): CategoryRule(False, frozenset(), public=True, zh="污水井盖", en="Sewer cover"),
        ("gb30428", "P0103"): CategoryRule(False, frozenset(), public=False, zh="独居老人", en="Somebody alone"),
    }
    status = STATUSES.load(document)

    async def corrected(to: str) -> httpx2.Response:
        now = replace(status, category={"scheme": "gb30428", "code": to})
        house.store.documents[ref] = {**STATUSES.dump(now), "version": 2}
        return await ask(house, code)

    assert (await corrected("P0102")).json()["category_zh"] == "污水井盖"
    hidden = await corrected("P0103")
    assert (hidden.status_code, hidden.content) == (404, (await ask(house, "0000-0000")).content)
    assert (await corrected("P9999")).status_code == 404, "a category that the reference data have lost is nobody's"
    house.rules.public = False
    assert (await corrected("P0102")).status_code == 200, "what it was reported as no longer counts"
