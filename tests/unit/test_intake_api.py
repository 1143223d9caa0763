"""Intake over HTTP: who may report and see what, and what the rider is answered."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import APIRouter, FastAPI
from limits.aio.storage import MemoryStorage

from services.dispatch.receipts import ReceiptVerifier
from services.intake import for_rider_api, photos_api, public_api, reports_api, slip_api
from services.intake.api import router
from services.intake.domain.status import OrderView, Status
from services.intake.handlers import FollowIncident
from services.intake.photo_links import PhotoLinks
from services.intake.photo_pool import PhotoPool
from services.intake.photos import Limits
from services.intake.policy import PUBLIC
from services.intake.policy import REPORTS as REPORT_ROUTES
from services.intake.public_api import Window
from services.intake.receipts import ReceiptSigner
from services.intake.store import STATUSES
from services.intake.visitors import Visitors
from shared.contracts.incident_changed import IncidentChanged
from shared.ids import report_id
from shared.metrics import Metrics
from shared.mongo.lane import Lane
from shared.web.app import create
from shared.web.auth import TokenVerifier, read_jwks
from shared.web.policy import Policy
from tests.support.intaking import MemoryPeople, MemoryPhotos, StubRules, photo, place, taking, wish
from tests.support.lanes import published, running
from tests.support.memory import NOW, MemoryTransactor
from tests.support.serving import served
from tests.support.tokens import AUDIENCE, ISSUER, Signer, bearer

SIGNER = Signer()
RIDER = bearer(SIGNER.token())
STAFF = bearer(SIGNER.token("staff", "staff-1"))
WATER = bearer(SIGNER.token("department", "account-7", department="water"))


class House:
    """An intake api over a memory store, behind a socket."""

    def __init__(self, directory: Path, lane: Lane, store: MemoryTransactor) -> None:
        self.store = store
        self.lane = lane
        self.photos = MemoryPhotos(store=store)
        self.rules = StubRules()
        self.jwks = SIGNER.write_jwks(directory / "jwks.json")
        self.receipt_key = SIGNER.write_private_key(directory / "receipt.pem")
        self.links = PhotoLinks(b"0123456789abcdef0123456789abcdef")
        self.visitors = Visitors(MemoryStorage())
        self.now = NOW
        self.client: httpx2.AsyncClient

    def app(self) -> FastAPI:
        signer = ReceiptSigner(self.receipt_key, SIGNER.key_id)
        pool = PhotoPool(1, Limits())  # starts no process before the first photo
        desk = replace(taking(self.lane, self.store, self.photos, self.rules), clock=lambda: self.now)
        routes = [
            router(desk, pool),
            photos_api.router(desk, pool, signer, self.links),
            public_api.router(Window(desk.views, desk.rules, self.visitors)),
            reports_api.router(desk),
            for_rider_api.router(desk, MemoryPeople()),
            slip_api.router(desk, self.rules),
            *self.routers(),
        ]
        verifier = TokenVerifier(read_jwks(self.jwks), ISSUER, AUDIENCE)
        metrics = Metrics("intake", "api", "v1")
        of_reports = {name: rule for name, rule in REPORT_ROUTES.items() if name != "GET /v1/categories"}
        policy = {**of_reports, **PUBLIC, **self.policy()}
        return create("intake", metrics=metrics, checks={}, routers=routes, policy=policy, verifier=verifier)

    def routers(self) -> list[APIRouter]:
        """More of them, and their policy."""
        return []

    def policy(self) -> Policy:
        return {}

    async def report(self, headers: dict[str, str] = RIDER, **changes: Any) -> httpx2.Response:
        return await self.client.post("/v1/reports", json=wish(**changes), headers=headers)

    async def get(self, path: str, headers: dict[str, str] = RIDER) -> int:
        return (await self.client.get(path, headers=headers)).status_code


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    store = MemoryTransactor()
    async with running(store) as lane:
        house = House(tmp_path, lane, store)
        async with served(house.app()) as client:
            house.client = client
            yield house


async def test_a_report_is_answered_with_its_code_and_place(house: House) -> None:
    response = await house.report()
    body = response.json()
    assert response.status_code == 201
    assert body["report_id"] == report_id("rider-1", "phone-0001")
    assert (body["state"], body["micro_grid"], body["flags"]) == ("reported", "14030200300500505", [])
    assert datetime.fromisoformat(body["captured_at"]) == datetime.fromisoformat("2026-11-25T08:01:00+08:00")
    assert datetime.fromisoformat(body["received_at"]) == NOW
    assert "idempotency-replayed" not in response.headers


async def test_scenario_15_twenty_times_in_parallel_is_one_incident_and_one_answer(house: House) -> None:
    async with served(house.app()) as twin:
        requests = [one.post("/v1/reports", json=wish(), headers=RIDER) for one in [house.client, twin] * 10]
        answers = await asyncio.gather(*requests)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == 19
    assert len(published(house.store)) == 1
    other = await house.report(text="something else")
    assert (other.status_code, other.json()["code"]) == (422, "client-key-reused")


async def test_a_replayed_answer_is_the_same_to_the_last_digit(house: House) -> None:
    exact: dict[str, Any] = {"captured_at": "2026-11-25T08:01:00.123456+08:00"}
    first, second = await house.report(**exact), await house.report(**exact)
    assert first.content == second.content
    assert ".123Z" in first.text or ".123000Z" in first.text  # what MongoDB keeps


async def test_what_was_answered_is_answered_again_when_reference_data_has_changed(house: House) -> None:
    first = await house.report()
    house.rules.photo_required = True
    again = await house.report()
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert (await house.report(client_key="phone-0002")).status_code == 422
    assert (await house.report(text="something else")).status_code == 422
    assert len(published(house.store)) == 1


async def test_scenario_18_the_rider_comes_from_the_token(house: House) -> None:
    response = await house.report(rider_id="rider-2")
    assert (response.status_code, response.json()["code"]) == (403, "forbidden")
    assert response.json()["detail"].startswith("rider_id: ")
    assert not house.store.documents
    assert (await house.report(rider_id="rider-1")).status_code == 201
    ((_, message),) = published(house.store)
    assert message.envelope.actor == "rider:rider-1"


@pytest.mark.parametrize("headers", [STAFF, WATER, bearer(SIGNER.token("administrator", "a"))])
async def test_only_riders_report(house: House, headers: dict[str, str]) -> None:
    response = await house.report(headers)
    assert (response.status_code, response.json()["code"]) == (403, "forbidden")


async def test_without_a_token_nothing_is_told_about_the_body(house: House) -> None:
    response = await house.client.post("/v1/reports", json={})
    assert (response.status_code, response.json()["errors"]) == (401, [])


async def test_scenario_07_uncertain_is_accepted_and_said(house: House) -> None:
    body = (await house.report(place=place(accuracy_m=180, address="市场北门"))).json()
    assert (body["micro_grid"], body["flags"]) == (None, ["needs_location"])


async def test_what_reference_data_contradicts_is_named_over_http_too(house: House) -> None:
    response = await house.report(category={"scheme": "gb30428", "code": "P9999"}, photo_ids=["nowhere"])
    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == ["category"]
    response = await house.report(photo_ids=["nowhere"])
    assert [error["field"] for error in response.json()["errors"]] == ["photo_ids.0"]


async def test_a_report_is_read_by_its_rider_and_by_staff_of_its_sub_district(house: House) -> None:
    path = f"/v1/reports/{(await house.report()).json()['report_id']}"
    assert await house.get(path) == 200
    assert await house.get(path, STAFF) == 200
    elsewhere = bearer(SIGNER.token("staff", "staff-2", subdistrict="140302004"))
    for stranger in (bearer(SIGNER.token("rider", "rider-2")), elsewhere):
        assert await house.get(path, stranger) == 404
    assert await house.get(path, WATER) == 403
    assert await house.get("/v1/reports/nothing") == 404


async def test_the_rider_reads_what_dispatch_says(house: House) -> None:
    body = (await house.report()).json()
    change = IncidentChanged.model_validate(
        {
            "subdistrict": "140302003",
            "kind": "state",
            "incident": body["incident_id"],
            "code": body["code"],
            "actor_kind": "system",
            "to_state": "triaged",
        }
    )
    await house.lane.submit(FollowIncident(STATUSES, change, 1, NOW))
    answer = await house.client.get(f"/v1/reports/{body['report_id']}", headers=RIDER)
    step = {"at": answer.json()["timeline"][0]["at"], "what": "triaged", "department": None, "reason": None}
    assert answer.json() == {**body, "state": "triaged", "timeline": [step]}


async def test_a_photo_is_seen_by_whoever_has_to_do_with_it(house: House) -> None:
    house.photos.photos = {"p1": photo("p1")}
    incident = (await house.report(photo_ids=["p1"])).json()["incident_id"]
    path = "/v1/photos/p1"
    assert await house.get(path) == 200
    assert await house.get(path, STAFF) == 200
    assert await house.get(path, WATER) == 404
    status = Status(incident, orders=(OrderView("o.1", "water", "offered"),))
    house.store.documents[STATUSES.ref(incident)] = {**STATUSES.dump(status), "version": 1}
    assert await house.get(path, WATER) == 200
    fire = bearer(SIGNER.token("department", "account-8", department="fire"))
    water_elsewhere = bearer(SIGNER.token("department", "account-9", department="water", subdistrict="140302004"))
    for stranger in (bearer(SIGNER.token("rider", "rider-2")), fire, water_elsewhere):
        assert await house.get(path, stranger) == 404
    assert await house.get(f"{path}?size=huge") == 422
    assert await house.get("/v1/photos/nothing") == 404


async def test_a_department_sees_its_own_after_photo_and_no_other_department_does(house: House) -> None:
    house.photos.photos = {"after": photo("after", "department:water")}
    assert await house.get("/v1/photos/after", WATER) == 200
    fire = bearer(SIGNER.token("department", "account-8", department="fire"))
    assert await house.get("/v1/photos/after", fire) == 404


async def test_a_receipt_of_intake_is_believed_by_dispatch_and_no_other(house: House, tmp_path: Path) -> None:
    taken = photo("after", "department:water")
    token = ReceiptSigner(house.receipt_key, SIGNER.key_id).sign(taken)
    verifier = ReceiptVerifier(house.jwks)
    receipt = verifier.verify(token)
    assert receipt is not None
    assert (receipt.photo, receipt.uploader, receipt.received_at) == ("after", "department:water", taken.received_at)
    forged = ReceiptSigner(Signer().write_private_key(tmp_path / "forged.pem"), SIGNER.key_id).sign(taken)
    unknown = ReceiptSigner(house.receipt_key, "another").sign(taken)
    head, body, signature = token.split(".")
    for wrong in (forged, unknown, SIGNER.token(), "", "x.y.z", f"{head}.{body}.", f"{head}.{body[:-2]}AA.{signature}"):
        assert verifier.verify(wrong) is None


async def test_who_uploads_what(house: House) -> None:
    files = {"photo": b"no picture"}
    for headers, path, status in [
        (RIDER, "/v1/photos", 422),
        (STAFF, "/v1/photos", 422),
        (WATER, "/v1/photos", 403),
        (RIDER, "/v1/evidence", 403),
        (STAFF, "/v1/evidence", 403),
    ]:
        response = await house.client.post(path, files=files, headers=headers)
        assert response.status_code == status
    body = (await house.client.post("/v1/photos", files=files, headers=RIDER)).json()
    assert (body["code"], body["errors"][0]["field"]) == ("not_an_image", "photo")


async def batch(house: House, *reports: Any, headers: dict[str, str] = RIDER) -> httpx2.Response:
    return await house.client.post("/v1/reports/batch", json={"reports": reports}, headers=headers)


async def test_a_batch_after_offline_is_decided_one_by_one_and_answered_in_order(house: House) -> None:
    wishes = [
        wish(client_key="offline-1"),
        {**wish(client_key="offline-2"), "category": {"scheme": "gb30428", "code": "P9999"}},
        {**wish(client_key="offline-3"), "captured_at": "2026-11-25T08:01:00"},
        {"client_key": "x"},
        {**wish(client_key="offline-4"), "rider_id": "rider-2"},
        wish(client_key="offline-5", photo_ids=["nowhere"]),
        wish(client_key="offline-6"),
    ]
    response = await batch(house, *wishes)
    assert response.status_code == 200
    items = response.json()["reports"]
    assert [item["status"] for item in items] == [201, 422, 422, 422, 403, 422, 201]
    fields = [[error["field"] for error in item["problem"]["errors"]] for item in items if item["status"] == 422]
    assert fields[:2] == [["category"], ["captured_at"]]
    assert {"client_key", "category", "place", "captured_at"} <= set(fields[2])
    assert fields[3] == ["photo_ids.0"]
    assert [item["report"]["report_id"] for item in items if item["report"]] == [
        report_id("rider-1", key) for key in ("offline-1", "offline-6")
    ]
    assert len(published(house.store, "incident-reported")) == 2
    alone = await house.report(client_key="offline-1")
    assert alone.headers["idempotency-replayed"] == "true"
    assert alone.json() == items[0]["report"]


async def test_scenario_01_a_batch_from_before_keeps_both_times_and_repeating_it_changes_nothing(house: House) -> None:
    wishes = [wish(client_key=f"offline-{n}", captured_at="2026-11-25T08:01:00+08:00") for n in range(50)]
    first = (await batch(house, *wishes)).json()["reports"]
    again = (await batch(house, *wishes)).json()["reports"]
    assert {item["status"] for item in first} == {201}
    assert {item["status"] for item in again} == {200}
    assert [item["report"] for item in again] == [item["report"] for item in first]
    times = {(item["report"]["captured_at"], item["report"]["received_at"]) for item in first}
    ((captured, received),) = times
    assert datetime.fromisoformat(captured) == datetime.fromisoformat("2026-11-25T08:01:00+08:00")
    assert datetime.fromisoformat(received) == NOW
    assert len(published(house.store)) == 50


async def test_the_same_key_twice_in_a_batch_is_one_report_or_a_refusal(house: House) -> None:
    twice, other = wish(client_key="offline-1"), wish(client_key="offline-1", text="something else")
    statuses = [item["status"] for item in (await batch(house, twice, twice, other)).json()["reports"]]
    assert statuses == [201, 200, 422]
    assert len(published(house.store)) == 1


@pytest.mark.parametrize("reports", [[], [{}] * 51, {}, None, ["text"]])
async def test_a_batch_that_is_none_is_refused_whole(house: House, reports: Any) -> None:
    response = await house.client.post("/v1/reports/batch", json={"reports": reports}, headers=RIDER)
    assert (response.status_code, response.json()["code"]) == (422, "invalid")
    assert not house.store.documents


async def test_scenario_02_a_report_that_waits_says_so_and_has_its_code_at_once(house: House) -> None:
    response = await house.report(emergency=False, awaiting_photos=["a" * 64])
    body = response.json()
    assert response.status_code == 201
    assert (body["state"], body["flags"], len(body["awaiting_photo_ids"])) == ("awaiting_photo", ["awaiting_photo"], 1)
    assert body["code"]
    read = await house.client.get(f"/v1/reports/{body['report_id']}", headers=RIDER)
    assert read.json() == body
    assert not published(house.store)


async def test_my_reports_come_page_by_page_the_newest_first(house: House) -> None:
    for n in range(7):
        house.store.now = NOW + timedelta(minutes=n // 2)  # some at the very same time
        await house.report(client_key=f"phone-{n:04}")
    await house.report(bearer(SIGNER.token("rider", "rider-2")))
    seen: list[dict[str, Any]] = []
    query: dict[str, Any] = {"limit": 3}
    for size in (3, 3, 1):
        page = (await house.client.get("/v1/reports", params=query, headers=RIDER)).json()
        assert len(page["reports"]) == size
        seen += page["reports"]
        query["after"] = page["next"]
    assert query["after"] is None
    assert len({one["report_id"] for one in seen}) == 7
    assert [one["received_at"] for one in seen] == sorted((one["received_at"] for one in seen), reverse=True)
    assert {one["rider"] for one in seen} == {"rider-1"}
    whole = (await house.client.get("/v1/reports", headers=STAFF)).json()
    assert len(whole["reports"]) == 8


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"after": "nonsense"}, "after"),
        ({"after": "%%%"}, "after"),
        ({"after": "MjAyNi0xMS0yNVQwODowMDowMHxy"}, "after"),  # a time without offset
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"state": "lost"}, "state"),
    ],
)
async def test_a_list_names_what_it_cannot_use(house: House, query: dict[str, str], field: str) -> None:
    response = await house.client.get("/v1/reports", params=query, headers=RIDER)
    assert (response.status_code, [one["field"] for one in response.json()["errors"]]) == (422, [field])
