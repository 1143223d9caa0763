"""Photos over HTTP: raw or as a form, one call with the report, refusals by name, links that need no token."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest

from services.intake.domain.photo import photo_id
from services.intake.photo_links import VALID
from services.intake.photo_pool import PhotoPool
from shared.contracts.incident_reported import IncidentReported
from shared.web.app import MAX_BODY_BYTES
from tests.support.intaking import photo, wish
from tests.support.lanes import published, running
from tests.support.memory import MemoryTransactor
from tests.support.photos import AT_P0, STILL, exif_of, heic, jpeg, noise, street
from tests.support.serving import served
from tests.support.tokens import bearer
from tests.unit.test_intake_api import RIDER, SIGNER, STAFF, WATER, House

OTHER = bearer(SIGNER.token("rider", "rider-2"))


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    """As in `test_intake_api`, with a pool whose processes end with the test."""
    made: list[PhotoPool] = []

    class Pool(PhotoPool):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            made.append(self)

    monkeypatch.setattr("tests.unit.test_intake_api.PhotoPool", Pool)
    store = MemoryTransactor()
    async with running(store) as lane:
        house = House(tmp_path, lane, store)
        async with served(house.app()) as client:
            client.timeout = httpx2.Timeout(60)
            house.client = client
            yield house
    for pool in made:
        await pool.close()


async def upload(house: House, raw: bytes, media: str = "image/jpeg", **headers: str) -> httpx2.Response:
    return await house.client.post("/v1/photos", content=raw, headers={**RIDER, "Content-Type": media, **headers})


def form(report: dict[str, Any], *photos: bytes, name: str = "p.jpg") -> dict[str, Any]:
    files = [("photos", (name, raw, "application/octet-stream")) for raw in photos]
    return {"data": {"report": json.dumps(report)}, "files": files} if files else {"files": [("report", _part(report))]}


def _part(report: dict[str, Any]) -> tuple[None, str]:
    return (None, json.dumps(report))


async def test_the_body_itself_is_the_same_photo_as_a_form(house: House) -> None:
    raw = jpeg(street())
    first = await upload(house, raw)
    again = await house.client.post("/v1/photos", files={"photo": ("p.jpg", raw, "image/jpeg")}, headers=RIDER)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert len(house.photos.photos) == 1


@pytest.mark.parametrize("kind", STILL)
async def test_every_kind_comes_in_as_body(house: House, kind: str) -> None:
    answer = await upload(house, STILL[kind](street(100, 50)), f"image/{kind.lower()}")
    assert (answer.status_code, answer.json().get("width")) == (201, 100), answer.text


@pytest.mark.parametrize(
    ("raw", "media", "code"),
    [
        (b"", "image/jpeg", "empty"),
        (b"%PDF-1.7", "image/jpeg", "not_an_image"),
        (jpeg(street(50, 50)), "image/png", "mislabelled"),
        (jpeg(street())[:3000], "application/octet-stream", "truncated"),
        (jpeg(street(50, 50)), "text/plain", "invalid"),
        (jpeg(street(50, 50)), "", "invalid"),
    ],
)
async def test_a_bad_body_is_refused_by_the_name_of_its_problem(
    house: House, raw: bytes, media: str, code: str
) -> None:
    answer = await upload(house, raw, media)
    body = answer.json()
    assert (answer.status_code, body["code"]) == (422, code)
    assert [error["field"] for error in body["errors"]] == ["photo"]
    assert answer.headers["content-type"] == "application/problem+json"
    assert not house.photos.photos


async def test_a_heic_that_was_renamed_is_refused_with_what_to_do_and_taken_without_the_name(house: House) -> None:
    raw = heic(street(100, 50))
    refused = await house.client.post("/v1/photos", files={"photo": ("IMG_1.jpg", raw, "image/jpeg")}, headers=RIDER)
    assert (refused.status_code, refused.json()["code"]) == (422, "mislabelled")
    reason = refused.json()["errors"][0]["reason"]
    assert "相册选原图" in reason
    assert "original from the album" in reason
    assert (await upload(house, raw, "application/octet-stream")).status_code == 201
    bare = await house.client.post("/v1/photos", files={"photo": ("photo", raw)}, headers=RIDER)
    assert (bare.status_code, bare.headers.get("idempotency-replayed")) == (201, "true")


async def test_a_bad_form_is_refused_by_the_name_of_its_problem(house: House) -> None:
    raw = jpeg(street(50, 50))
    for files, field in ({"picture": raw}, "photo"), ({"photo": ("p.png", raw, "image/jpeg")}, "photo"):
        answer = await house.client.post("/v1/photos", files=files, headers=RIDER)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    text = await house.client.post("/v1/photos", data={"photo": "words"}, files={"x": b""}, headers=RIDER)
    assert text.status_code in (400, 422)
    assert not house.photos.photos


async def test_scenario_03_second_of_two_photos_is_damaged_and_the_first_is_kept(house: House) -> None:
    good, damaged = jpeg(street()), jpeg(street(600, 500))[:4000]
    answer = await house.client.post("/v1/reports", **form(wish(), good, damaged), headers=RIDER)
    body = answer.json()
    assert (answer.status_code, body["code"]) == (422, "truncated")
    (error,) = body["errors"]
    assert error["field"] == "photos.1"
    assert "damaged" in error["reason"]
    (kept,) = house.photos.photos.values()
    assert kept.sha256_received == sha256(good).hexdigest()
    assert not [ref for ref in house.store.documents if ref.collection != "photos"]
    assert not published(house.store)
    # sent again without the damaged one, it is one report with the photo that was kept
    again = await house.client.post("/v1/reports", **form(wish(), good), headers=RIDER)
    assert (again.status_code, again.json()["photo_ids"]) == (201, [kept.id])


async def test_scenario_04_a_12_mb_photo_is_accepted_and_stored_small(house: House) -> None:
    loud = street(4000, 3000)
    loud.paste(noise(4000, 2100), (0, 0))
    raw = jpeg(loud, quality=97)
    assert 11_000_000 < len(raw) < 15_000_000
    answer = await upload(house, raw)
    assert answer.status_code == 201, answer.text
    assert (answer.json()["width"], answer.json()["height"]) == (2000, 1500)


async def test_scenario_04_a_body_over_the_limit_is_refused_without_being_read_to_its_end(house: House) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(200):
            sent += 1_000_000
            yield b"\xff" * 1_000_000

    headers = {**RIDER, "Content-Type": "image/jpeg"}
    try:
        answer = await house.client.post("/v1/photos", content=endless(), headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (413, "content-too-large")
    except httpx2.TransportError:
        pass  # cut off while sending on, which is what becomes of whoever does not listen
    assert sent < 100_000_000
    told = {**headers, "Content-Length": str(MAX_BODY_BYTES + 1)}
    answer = await house.client.post("/v1/photos", content=b"\xff" * (MAX_BODY_BYTES + 1), headers=told)
    assert (answer.status_code, answer.json()["code"]) == (413, "content-too-large")
    assert not house.photos.photos


async def test_scenario_05_declared_and_exif_place_250_m_apart_are_flagged_and_both_kept(house: House) -> None:
    near = {**AT_P0, 2: (37.0, 51.0, 33.3)}  # 250 m north of P0
    far = heic(street(200, 100), exif_of(gps=near))
    answer = await house.client.post("/v1/reports", **form(wish(), far, name="IMG.HEIC"), headers=RIDER)
    body = answer.json()
    assert (answer.status_code, body["flags"]) == (201, ["location_conflict"])
    (kept,) = house.photos.photos.values()
    assert kept.gps == pytest.approx((113.58, 37.85925), abs=1e-5)
    assert body["place"]["wgs84"]["lat"] == pytest.approx(37.857, abs=1e-5)
    ((_, message),) = published(house.store)
    assert isinstance(message.data, IncidentReported)
    assert "location_conflict" in message.data.flags
    same = heic(street(200, 110), exif_of(gps=AT_P0))
    again = form(wish(client_key="phone-0002"), same, name="IMG.HEIC")
    answer = await house.client.post("/v1/reports", **again, headers=RIDER)
    assert answer.json().get("flags") == ["possible_duplicate"], answer.text


async def test_one_call_brings_the_report_and_its_photos_and_repeating_it_changes_nothing(house: House) -> None:
    first, second = jpeg(street()), jpeg(street(300, 200))
    earlier = (await upload(house, jpeg(street(80, 60)))).json()["photo_id"]
    sent = form(wish(photo_ids=[earlier]), first, second)
    answers = [await house.client.post("/v1/reports", **sent, headers=RIDER) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].content == answers[1].content
    assert answers[1].headers["idempotency-replayed"] == "true"
    assert len(answers[0].json()["photo_ids"]) == 3
    assert answers[0].json()["photo_ids"][0] == earlier
    assert len(published(house.store)) == 1


async def test_the_report_may_come_as_a_part_with_a_type_of_its_own(house: House) -> None:
    files = {"report": ("blob", json.dumps(wish()), "application/json")}
    assert (await house.client.post("/v1/reports", files=files, headers=RIDER)).status_code == 201


@pytest.mark.parametrize(
    ("sent", "status", "field"),
    [
        (form(wish(place=None), jpeg(street(20, 20))), 422, "place"),
        ({"files": {"photos": b"x"}}, 422, "report"),
        ({"data": {"report": "{"}, "files": {"photos": b"x"}}, 422, "body"),
        ({"data": {"report": json.dumps(wish()), "photo": "x"}, "files": {"photos": b"x"}}, 422, "photo"),
        (form(wish(photo_ids=["a", "b", "c", "d"]), b"1", b"2"), 422, "photos"),
        (form(wish(rider_id="rider-2"), jpeg(street(20, 20))), 403, None),
    ],
    ids=["bad-field", "no-report", "no-json", "unknown-part", "too-many", "another-rider"],
)
async def test_a_form_that_cannot_be_used_stores_nothing(
    house: House, sent: dict[str, Any], status: int, field: str | None
) -> None:
    answer = await house.client.post("/v1/reports", **sent, headers=RIDER)
    assert answer.status_code == status
    assert [error["field"] for error in answer.json()["errors"]][:1] == ([field] if field else [])
    assert not house.store.documents
    assert not house.photos.photos


async def test_json_that_is_none_is_named(house: House) -> None:
    headers = {**RIDER, "Content-Type": "application/json"}
    answer = await house.client.post("/v1/reports", content=b"{no", headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "body")
    answer = await house.client.post("/v1/reports", json=wish(place={"lng": 1}), headers=RIDER)
    assert "place.crs" in [error["field"] for error in answer.json()["errors"]]


async def links_of(house: House, *ids: str, headers: dict[str, str] = RIDER) -> httpx2.Response:
    return await house.client.post("/v1/photos/links", json={"photo_ids": list(ids)}, headers=headers)


def _path(url: str) -> str:
    assert url.startswith("/intake/")
    return url.removeprefix("/intake")


async def test_a_link_shows_the_photo_without_a_token_for_ten_minutes(house: House) -> None:
    house.photos.photos = {"p1": photo("p1")}
    (link,) = (await links_of(house, "p1")).json()["links"]
    for name, content in ("url", b"jpeg"), ("thumb_url", b"thumb"):
        answer = await house.client.get(_path(link[name]))
        assert (answer.status_code, answer.content) == (200, content)
        assert answer.headers["cache-control"] == f"private, max-age={int(VALID.total_seconds())}"
        assert answer.headers["referrer-policy"] == "no-referrer"
    house.now += VALID - timedelta(seconds=1)
    assert (await house.client.get(_path(link["url"]))).status_code == 200
    house.now += timedelta(seconds=1)
    answer = await house.client.get(_path(link["url"]))
    assert (answer.status_code, answer.json()["code"]) == (403, "link-expired")


async def test_a_changed_link_shows_nothing(house: House) -> None:
    house.photos.photos = {"p1": photo("p1"), "p2": photo("p2", "rider:rider-2")}
    (link,) = (await links_of(house, "p1")).json()["links"]
    path = urlsplit(_path(link["thumb_url"]))
    query = dict(parse_qsl(path.query))
    later = str(int(query["expires"]) + 600)
    flipped = query["signature"][:-1] + ("0" if query["signature"][-1] != "0" else "1")
    for changed in ({"size": "full"}, {"expires": later}, {"signature": flipped}, {"signature": "é"}):
        answer = await house.client.get(path.path, params={**query, **changed})
        assert (answer.status_code, answer.json()["code"]) == (403, "link-invalid"), changed
    answer = await house.client.get(path.path.replace("p1", "p2"), params=query)
    assert (answer.status_code, answer.json()["code"]) == (403, "link-invalid")
    for missing in query:
        less = {name: value for name, value in query.items() if name != missing}
        assert (await house.client.get(path.path, params=less)).status_code in (403, 422)


async def test_a_link_to_a_photo_that_is_gone_says_so(house: House) -> None:
    house.photos.photos = {"p1": photo("p1")}
    (link,) = (await links_of(house, "p1")).json()["links"]
    house.photos.photos = {}
    assert (await house.client.get(_path(link["url"]))).status_code == 404


async def test_links_are_minted_for_whoever_may_see_the_photo_alone(house: House) -> None:
    house.photos.photos = {"p1": photo("p1"), "p2": photo("p2", "rider:rider-2")}
    both = (await links_of(house, "p2", "p1", "nothing", "p1")).json()["links"]
    assert [link["photo_id"] for link in both] == ["p1"]
    assert [link["photo_id"] for link in (await links_of(house, "p2", "p1", headers=STAFF)).json()["links"]] == [
        "p2",
        "p1",
    ]
    for headers in (OTHER, WATER):
        assert (await links_of(house, "p1", headers=headers)).status_code == 404
    assert (await links_of(house, headers=RIDER)).status_code == 422


async def test_what_a_phone_can_know_before_is_the_id_that_it_gets(house: House) -> None:
    raw = jpeg(street(60, 40))
    digest = sha256(raw).hexdigest()
    assert (await upload(house, raw)).json()["photo_id"] == photo_id("rider:rider-1", digest)
