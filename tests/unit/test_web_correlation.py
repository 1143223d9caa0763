"""One id from the request through logs and events to the answer."""

from collections.abc import AsyncIterator

import httpx2
import pytest
import structlog
from fastapi import APIRouter, Request
from prometheus_client import generate_latest

from shared.metrics import Metrics
from shared.web.app import create
from shared.web.correlation import context_of
from tests.support.serving import open_to_all, served

METRICS = Metrics("test", "api", "v1")
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def routes() -> APIRouter:
    router = APIRouter()

    @router.get("/things/{id_}")
    async def thing(id_: str, request: Request) -> dict[str, str | None]:
        context = context_of(request, "rider:r1")
        logged = structlog.contextvars.get_contextvars().get("correlation_id")
        return {"id": context.correlation_id, "actor": context.actor, "trace": context.traceparent, "logged": logged}

    return router


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    router = routes()
    app = create("test", metrics=METRICS, checks={}, routers=[router], policy=open_to_all(router))
    async with served(app) as client:
        yield client


async def test_an_id_is_made_and_is_the_same_in_context_logs_and_answer(client: httpx2.AsyncClient) -> None:
    first, second = [await client.get("/things/1") for _ in range(2)]
    body = first.json()
    assert body == {"id": first.headers["x-correlation-id"], "actor": "rider:r1", "trace": None, "logged": body["id"]}
    assert len(body["id"]) == 36
    assert second.headers["x-correlation-id"] != body["id"]


@pytest.mark.parametrize("offered", ["abcdefgh", "story-0001.A_b", "x" * 64])
async def test_a_well_formed_id_is_taken_over(client: httpx2.AsyncClient, offered: str) -> None:
    response = await client.get("/things/1", headers={"X-Correlation-Id": offered, "traceparent": TRACE})
    assert response.headers["x-correlation-id"] == offered
    assert (response.json()["id"], response.json()["trace"]) == (offered, TRACE)


@pytest.mark.parametrize(
    "offered", ["short", "x" * 65, "a b c d e f", "<script>alert(1)</script>", "", "内容内容内容内容"]
)
async def test_any_other_id_is_replaced(client: httpx2.AsyncClient, offered: str) -> None:
    response = await client.get("/things/1", headers={b"X-Correlation-Id": offered.encode()})
    assert response.status_code == 200
    assert len(response.headers["x-correlation-id"]) == 36
    assert response.json()["id"] == response.headers["x-correlation-id"]


async def test_requests_are_measured_by_route_template_never_by_id(client: httpx2.AsyncClient) -> None:
    for number in range(3):
        await client.get(f"/things/{number + 1000}")
    text = generate_latest(METRICS.registry).decode()
    assert 'qianshao_http_request_seconds_count{method="GET",route="/things/{id_}",status="200"}' in text
    assert "/things/100" not in text
    assert "qianshao_http_in_flight 0.0" in text
