"""Who sends too much waits; what cannot be counted goes through."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from limits.aio.storage import MemoryStorage

from services.intake import reports_api
from services.intake.allowances import Allowances, TooMany, limited, per_hour
from services.intake.policy import REPORTS as POLICY
from shared.metrics import Metrics
from shared.web.app import create
from shared.web.auth import TokenVerifier, read_jwks
from tests.support.intaking import taking, wish
from tests.support.lanes import running
from tests.support.memory import MemoryTransactor
from tests.support.serving import served
from tests.support.tokens import AUDIENCE, ISSUER, Signer, bearer

SIGNER = Signer()


def allowances(storage: Any = None, refused: Any = None, failed: Any = None) -> Allowances:
    most = per_hour(photos=1, reports=3, visits=1)
    quiet: list[str] = []
    return Allowances(storage or MemoryStorage(), most, refused or quiet.append, failed or quiet.append)


async def test_each_account_and_each_kind_has_its_own() -> None:
    refused: list[str] = []
    counted = allowances(refused=refused.append)
    await counted.admit("photos", "rider-1")
    with pytest.raises(TooMany):
        await counted.admit("photos", "rider-1")
    await counted.admit("photos", "rider-2")
    await counted.admit("visits", "rider-1")
    assert refused == ["photos"]


async def test_what_cannot_be_counted_goes_through() -> None:
    class Broken(MemoryStorage):
        async def incr(self, *_: Any, **__: Any) -> int:
            raise OSError("away")

    failed: list[str] = []
    counted = allowances(Broken(), failed=failed.append)
    for _ in range(3):
        await counted.admit("photos", "rider-1")
    assert failed == ["photos"] * 3


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    store = MemoryTransactor()
    verifier = TokenVerifier(read_jwks(SIGNER.write_jwks(tmp_path / "jwks.json")), ISSUER, AUDIENCE)
    async with running(store) as lane:
        routes = limited(allowances(), reports_api.router(taking(lane, store)))
        policy = {
            route: rule for route, rule in POLICY.items() if route in {"GET /v1/reports", "POST /v1/reports/batch"}
        }
        metrics = Metrics("intake", "api", "v1")
        app = create("intake", metrics=metrics, checks={}, routers=routes, policy=policy, verifier=verifier)
        async with served(app) as client:
            yield client


async def test_a_batch_counts_as_its_reports_and_is_told_when_to_come_back(client: httpx2.AsyncClient) -> None:
    rider = bearer(SIGNER.token())
    two = {"reports": [wish(client_key="phone-0001"), wish(client_key="phone-0002")]}
    first = await client.post("/v1/reports/batch", json=two, headers=rider)
    assert first.status_code == 200, first.text
    second = await client.post("/v1/reports/batch", json=two, headers=rider)
    assert (second.status_code, second.json()["code"]) == (429, "too-many-requests")
    assert 0 < int(second.headers["retry-after"]) <= 3600
    one = {"reports": [wish(client_key="phone-0003")]}
    third = await client.post("/v1/reports/batch", json=one, headers=rider)
    assert third.status_code == 200, "the batch that was refused has not used up the place of one"
    assert (await client.post("/v1/reports/batch", json=one, headers=rider)).status_code == 429
    for _ in range(5):
        assert (await client.get("/v1/reports", headers=rider)).status_code == 200
    assert (await client.post("/v1/reports/batch", json=[], headers=bearer(SIGNER.token(sub="r2")))).status_code == 422


async def test_a_batch_that_is_larger_than_the_allowance_goes_through_once_in_an_hour(
    client: httpx2.AsyncClient,
) -> None:
    five = {"reports": [wish(client_key=f"phone-000{number}") for number in range(5)]}
    first = await client.post("/v1/reports/batch", json=five, headers=bearer(SIGNER.token()))
    assert first.status_code == 200, first.text
    assert (await client.post("/v1/reports/batch", json=five, headers=bearer(SIGNER.token()))).status_code == 429
