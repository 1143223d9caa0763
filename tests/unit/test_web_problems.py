"""Every error leaves as problem+json with field and reason, a correlation id, and without a word about our insides."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import httpx2
import pytest
import structlog
from fastapi import APIRouter, Query, UploadFile
from prometheus_client import generate_latest
from pydantic import BaseModel

from services.intake.forms import ReportIn
from shared.errors import Conflict, FieldError, Forbidden, Invalid, NotFound, Unavailable
from shared.metrics import Metrics
from shared.web.app import MAX_BODY_BYTES, create
from shared.web.auth import Caller, TokenVerifier, read_jwks
from tests.support.intaking import place, wish
from tests.support.serving import open_to_all, served
from tests.support.tokens import AUDIENCE, ISSUER, Signer, bearer

ERRORS: dict[str, Exception] = {
    "invalid": Invalid("a.b: wrong; c: too", FieldError("a.b", "wrong"), FieldError("c", "too")),
    "forbidden": Forbidden("not you"),
    "not-found": NotFound("nothing there"),
    "conflict": Conflict("expected_version: moved on"),
    "unavailable": Unavailable("busy", 7),
    "internal": RuntimeError("secret of the house"),
}


class Nested(BaseModel):
    items: list[int]


def routes() -> APIRouter:
    router = APIRouter(prefix="/v1")

    @router.post("/reports")
    async def report(wish: ReportIn) -> dict[str, str]:
        return {"captured_at": wish.captured_at.isoformat()}

    @router.post("/nested")
    async def nested(body: Nested) -> None:
        return None

    @router.post("/photos")
    async def photo(photo: UploadFile) -> int:
        return len(await photo.read())

    @router.get("/errors/{name}")
    async def error(name: str) -> None:
        raise ERRORS[name]

    @router.get("/query")
    async def query(limit: Annotated[int, Query(ge=1, le=200)]) -> int:
        return limit

    @router.get("/me")
    async def me(caller: Caller) -> str:
        return caller.actor

    return router


SIGNER = Signer()
METRICS = Metrics("test", "api", "v1")


@pytest.fixture(scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx2.AsyncClient]:
    jwks = SIGNER.write_jwks(Path(tmp_path_factory.mktemp("jwks")) / "jwks.json")
    verifier = TokenVerifier(read_jwks(jwks), ISSUER, AUDIENCE)
    router = routes()
    app = create("test", metrics=METRICS, checks={}, routers=[router], policy=open_to_all(router), verifier=verifier)
    async with served(app) as client:
        yield client


def problem(response: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    body: dict[str, Any] = response.json()
    assert response.status_code == status, body
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["x-correlation-id"]
    assert (body["status"], body["code"], body["type"]) == (status, code, f"https://qianshao.cn/problems/{code}")
    assert body["title"]
    assert body["detail"]
    return body


@pytest.mark.parametrize(
    ("name", "status"), [("invalid", 422), ("forbidden", 403), ("not-found", 404), ("conflict", 409)]
)
async def test_a_refusal_keeps_its_status_code_and_fields(client: httpx2.AsyncClient, name: str, status: int) -> None:
    body = problem(await client.get(f"/v1/errors/{name}"), status, name)
    error = ERRORS[name]
    assert body["detail"] == str(error)
    expected = [{"field": "a.b", "reason": "wrong"}, {"field": "c", "reason": "too"}] if name == "invalid" else []
    assert body["errors"] == expected


async def test_what_was_not_decided_says_when_to_repeat_it(client: httpx2.AsyncClient) -> None:
    response = await client.get("/v1/errors/unavailable")
    body = problem(response, 503, "unavailable")
    assert response.headers["retry-after"] == "7"
    assert "same key" in body["detail"]


async def test_an_unexpected_error_tells_nothing_but_where_to_look(client: httpx2.AsyncClient) -> None:
    with structlog.testing.capture_logs() as logged:
        response = await client.get("/v1/errors/internal", headers={"X-Correlation-Id": "find-me-1234"})
    problem(response, 500, "internal")
    (line,) = [one for one in logged if one["event"] == "unexpected error"]
    assert (line["correlation_id"], line["path"]) == ("find-me-1234", "/v1/errors/internal")
    assert line["exc_info"] is ERRORS["internal"]
    assert "secret" not in response.text
    assert response.headers["x-correlation-id"] == "find-me-1234"


async def test_no_such_path_and_no_such_method(client: httpx2.AsyncClient) -> None:
    problem(await client.get("/v1/nowhere"), 404, "not-found")
    response = await client.delete("/v1/reports")
    problem(response, 405, "method-not-allowed")
    assert response.headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"client_key": ...}, "client_key"),
        ({"client_key": "short"}, "client_key"),
        ({"client_key": "x" * 65}, "client_key"),
        ({"client_key": "a b c d e f"}, "client_key"),
        ({"client_key": "phone-0001\n"}, "client_key"),
        ({"category": ...}, "category"),
        ({"category": "P0101"}, "category"),
        ({"category": {"scheme": "gb30428"}}, "category.code"),
        ({"category": {"scheme": "gb30428", "code": 7}}, "category.code"),
        ({"place": ...}, "place"),
        ({"place": place(crs=...)}, "place.crs"),
        ({"place": place(crs="WGS84")}, "place.crs"),
        ({"place": place(crs="wgs84\n")}, "place.crs"),
        ({"place": place(lng=180.1)}, "place.lng"),
        ({"place": place(lat=-90.1)}, "place.lat"),
        ({"place": place(lat=None)}, "place.lat"),
        ({"place": place(lat="north")}, "place.lat"),
        ({"place": place(accuracy_m=...)}, "place.accuracy_m"),
        ({"place": place(accuracy_m=-1)}, "place.accuracy_m"),
        ({"place": place(address="x" * 201)}, "place.address"),
        ({"place": place(altitude=700)}, "place.altitude"),
        ({"text": "x" * 501}, "text"),
        ({"text": None}, "text"),
        ({"interim_measures": "x" * 201}, "interim_measures"),
        ({"photo_ids": ["p"] * 6}, "photo_ids"),
        ({"photo_ids": [1]}, "photo_ids.0"),
        ({"photo_ids": "p1"}, "photo_ids"),
        ({"captured_at": ...}, "captured_at"),
        ({"captured_at": "2026-11-25T08:01:00"}, "captured_at"),
        ({"captured_at": "2026-11-25"}, "captured_at"),
        ({"captured_at": "yesterday"}, "captured_at"),
        ({"captured_at": 1700000000}, "captured_at"),
        ({"captured_at": "0001-01-01T00:00:00+14:00"}, "captured_at"),
        ({"captured_at": "9999-12-31T23:59:59-14:00"}, "captured_at"),
        ({"emergency": "perhaps"}, "emergency"),
        ({"severity": "E"}, "severity"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
async def test_each_kind_of_bad_field_is_named_with_a_reason(
    client: httpx2.AsyncClient, changes: dict[str, Any], field: str
) -> None:
    body = problem(await client.post("/v1/reports", json=wish(**changes)), 422, "invalid")
    assert [error["field"] for error in body["errors"]] == [field]
    assert all(error["reason"] for error in body["errors"])
    assert body["detail"].startswith(f"{field}: ")


async def test_all_faults_are_told_at_once(client: httpx2.AsyncClient) -> None:
    wrong = wish(client_key="short", place=place(lat=91, crs="utm"), text=None)
    body = problem(await client.post("/v1/reports", json=wrong), 422, "invalid")
    assert [error["field"] for error in body["errors"]] == ["client_key", "place.lat", "place.crs", "text"]


@pytest.mark.parametrize(
    ("content", "media_type", "field"),
    [
        (b"", "application/json", "body"),
        (b"{", "application/json", "body"),
        (b'{"a": 1}}', "application/json", "body"),
        (b"[]", "application/json", "body"),
        (b'"text"', "application/json", "body"),
        (b"null", "application/json", "body"),
        (b"{}", "text/plain", "body"),
        (b"a=1", "application/x-www-form-urlencoded", "body"),
        (b'{"items": NaN}', "application/json", "items"),
        (b'{"items": [1, "x"]}', "application/json", "items.1"),
        (b'{"items": ["\\ud800"]}', "application/json", "items.0"),
    ],
)
async def test_a_body_that_is_no_object_is_named_body(
    client: httpx2.AsyncClient, content: bytes, media_type: str, field: str
) -> None:
    response = await client.post("/v1/nested", content=content, headers={"Content-Type": media_type})
    body = problem(response, 422, "invalid")
    assert [error["field"] for error in body["errors"]] == [field]


@pytest.mark.parametrize("content", [b'{"items": "\xff"}', b"[" * 100_000])
async def test_a_body_that_cannot_be_parsed_at_all_is_a_bad_request(client: httpx2.AsyncClient, content: bytes) -> None:
    response = await client.post("/v1/nested", content=content, headers={"Content-Type": "application/json"})
    problem(response, 400, "bad-request")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
async def test_numbers_that_are_none_are_refused(client: httpx2.AsyncClient, number: str) -> None:
    content = httpx2.Request("POST", "http://x", json=wish()).read().replace(b"12.0", number.encode())
    assert number.encode() in content
    response = await client.post("/v1/reports", content=content, headers={"Content-Type": "application/json"})
    assert [error["field"] for error in problem(response, 422, "invalid")["errors"]] == ["place.accuracy_m"]


@pytest.mark.parametrize("limit", ["0", "201", "many", ""])
async def test_a_bad_query_is_named(client: httpx2.AsyncClient, limit: str) -> None:
    body = problem(await client.get("/v1/query", params={"limit": limit}), 422, "invalid")
    assert [error["field"] for error in body["errors"]] == ["limit"]


async def test_an_upload_without_its_part_is_named(client: httpx2.AsyncClient) -> None:
    for files in ({"picture": b"x"}, None):
        body = problem(await client.post("/v1/photos", files=files), 422, "invalid")
        assert [error["field"] for error in body["errors"]] == ["photo"]


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic cmlkZXI6eA==", "token", "Bearer x.y.z"])
async def test_without_a_valid_token_nobody_comes_in(client: httpx2.AsyncClient, header: str | None) -> None:
    response = await client.get("/v1/me", headers={} if header is None else {"Authorization": header})
    problem(response, 401, "unauthorized")
    assert response.headers["www-authenticate"] == "Bearer"


async def test_a_valid_token_comes_in_however_bearer_is_written(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/v1/me", headers=bearer(SIGNER.token()))).json() == "rider:rider-1"
    assert (await client.get("/v1/me", headers={"Authorization": f"bearer  {SIGNER.token()}"})).status_code == 200


async def test_problems_are_counted_by_code_and_requests_by_template(client: httpx2.AsyncClient) -> None:
    await client.get("/v1/errors/conflict")
    await client.get("/v1/no/such/path/17")
    text = generate_latest(METRICS.registry).decode()
    assert 'qianshao_problems_total{code="conflict"}' in text
    assert 'route="/v1/errors/{name}",status="409"' in text
    assert 'route="none",status="404"' in text
    assert "17" not in [line.split('route="')[-1][:20] for line in text.splitlines()]
    assert "/v1/no/such" not in text


def test_the_limit_fits_a_phones_photo() -> None:
    assert MAX_BODY_BYTES == 15 * 1024 * 1024
