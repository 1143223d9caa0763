"""What intake counts of reports and photos, as a scrape of its api shows it."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute
from prometheus_client import CollectorRegistry

from services.intake import api as http
from services.intake import photos_api, reports_api
from services.intake.counting import ReportMetrics
from services.intake.photo_links import PhotoLinks
from services.intake.photo_pool import PhotoPool
from services.intake.photos import Limits, SanitisedPhoto, sanitise
from services.intake.policy import REPORTS as POLICY
from services.intake.receipts import ReceiptSigner
from shared.errors import Unavailable
from shared.metrics import Metrics
from shared.web.app import create
from shared.web.auth import TokenVerifier, read_jwks
from tests.support.intaking import taking, wish
from tests.support.lanes import running
from tests.support.memory import MemoryTransactor
from tests.support.photos import jpeg, street
from tests.support.serving import served
from tests.support.tokens import AUDIENCE, ISSUER, Signer, bearer

SIGNER = Signer()
RIDER = bearer(SIGNER.token())


class Pool(PhotoPool):
    """Here and now, or not at all."""

    full = False

    async def sanitise(self, raw: bytes) -> SanitisedPhoto:
        if self.full:
            raise Unavailable("too many photos are being decoded")
        return sanitise(raw, Limits())


class House:
    def __init__(self, client: httpx2.AsyncClient, registry: CollectorRegistry, pool: Pool) -> None:
        self.client = client
        self.registry = registry
        self.pool = pool

    def reports(self, outcome: str, tile: str = "road") -> float | None:
        return self.registry.get_sample_value("qianshao_intake_reports_total", {"outcome": outcome, "tile": tile})

    def photos(self, outcome: str) -> float | None:
        return self.registry.get_sample_value("qianshao_intake_photos_total", {"outcome": outcome})


def routes(router: APIRouter) -> list[APIRoute]:
    return [route for route in router.routes if isinstance(route, APIRoute)]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    store, registry, pool = MemoryTransactor(), CollectorRegistry(), Pool(1, Limits())
    verifier = TokenVerifier(read_jwks(SIGNER.write_jwks(tmp_path / "jwks.json")), ISSUER, AUDIENCE)
    async with running(store) as lane:
        desk = replace(taking(lane, store), counting=ReportMetrics(registry).counting)
        signer, links = ReceiptSigner(SIGNER.write_private_key(tmp_path / "key.pem"), "r"), PhotoLinks(b"x" * 32)
        routers = [http.router(desk, pool), photos_api.router(desk, pool, signer, links), reports_api.router(desk)]
        known = {f"{method} {route.path}" for one in routers for route in routes(one) for method in route.methods or ()}
        policy = {route: rule for route, rule in POLICY.items() if route in known}
        metrics = Metrics("intake", "api", "v1")
        app = create("intake", metrics=metrics, checks={}, routers=routers, policy=policy, verifier=verifier)
        async with served(app) as client:
            yield House(client, registry, pool)
    await pool.close()


async def test_each_report_is_counted_by_what_became_of_it(house: House) -> None:
    async def report(**changes: object) -> httpx2.Response:
        return await house.client.post("/v1/reports", json=wish(**changes), headers=RIDER)

    first = await report()
    assert first.status_code == 201, first.text
    assert (house.reports("opened"), house.reports("stored_before")) == (1, None)
    await report()
    assert (house.reports("opened"), house.reports("stored_before")) == (1, 1)
    await report(client_key="phone-0002", asked=True, join=first.json()["incident_id"])
    assert house.reports("joined") == 1
    refused = await report(client_key="phone-0003", photo_ids=["nobodys"])
    assert (refused.status_code, house.reports("refused")) == (422, 1)


async def test_a_category_that_nobody_knows_is_no_label(house: House) -> None:
    unknown = wish(category={"scheme": "gb30428", "code": "P9999"})
    assert (await house.client.post("/v1/reports", json=unknown, headers=RIDER)).status_code == 422
    assert house.reports("refused", tile="") == 1


async def test_a_batch_is_counted_report_by_report(house: House) -> None:
    batch = {"reports": [wish(), wish(), wish(client_key="phone-0002", photo_ids=["nobodys"])]}
    assert (await house.client.post("/v1/reports/batch", json=batch, headers=RIDER)).status_code == 200
    assert [house.reports(outcome) for outcome in ("opened", "stored_before", "refused")] == [1, 1, 1]


async def test_each_photo_is_counted_by_its_outcome_and_timed(house: House) -> None:
    async def send(raw: bytes, media: str = "image/jpeg") -> int:
        return (
            await house.client.post("/v1/photos", content=raw, headers={**RIDER, "Content-Type": media})
        ).status_code

    good = jpeg(street(60, 40))
    assert [await send(good), await send(good), await send(b""), await send(good, "image/png")] == [201, 201, 422, 422]
    house.pool.full = True
    assert await send(jpeg(street(61, 40))) == 503
    outcomes = ("stored", "stored_before", "empty", "mislabelled", "unavailable")
    assert [house.photos(outcome) for outcome in outcomes] == [1] * 5
    assert house.registry.get_sample_value("qianshao_intake_photo_seconds_count") == 5


async def test_a_photo_that_comes_with_its_report_is_counted_too(house: House) -> None:
    raw = jpeg(street(60, 40))
    files = [("photos", ("p.jpg", raw, "image/jpeg")), ("photos", ("q.png", raw, "image/png"))]
    answer = await house.client.post("/v1/reports", data={"report": json.dumps(wish())}, files=files, headers=RIDER)
    assert answer.status_code == 422
    assert (house.photos("stored"), house.photos("mislabelled")) == (1, 1)
