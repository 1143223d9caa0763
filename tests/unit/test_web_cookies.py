"""A token in a cookie: good for reading, and for a command only with the secret of its session in a header."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from fastapi import APIRouter

from shared.metrics import Metrics
from shared.web.app import create
from shared.web.auth import Caller, TokenVerifier, read_jwks
from tests.support.serving import open_to_all, served
from tests.support.tokens import AUDIENCE, ISSUER, Signer, bearer

SIGNER = Signer()
WITH, WITHOUT = SIGNER.token(csrf="s3cret", sid="session-1"), SIGNER.token(sub="bare")


@pytest.fixture(scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx2.AsyncClient]:
    routes = APIRouter()

    @routes.api_route("/who", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    async def who(caller: Caller) -> dict[str, str | None]:
        return {"id": caller.id, "session": caller.session}

    jwks: Path = SIGNER.write_jwks(tmp_path_factory.mktemp("jwks") / "jwks.json")
    verifier = TokenVerifier(read_jwks(jwks), ISSUER, AUDIENCE)
    metrics = Metrics("intake", "api", "r")
    app = create("t", metrics=metrics, checks={}, routers=[routes], policy=open_to_all(routes), verifier=verifier)
    async with served(app) as client:
        yield client


def cookie(token: str, csrf: str | None = None) -> dict[str, str]:
    header = {"Cookie": f"qianshao_access={token}"}
    return header if csrf is None else {**header, "X-CSRF-Token": csrf}


async def ask(client: httpx2.AsyncClient, method: str, headers: dict[str, str]) -> tuple[int, str]:
    answer = await client.request(method, "/who", headers=headers)
    body = answer.json()
    return answer.status_code, body.get("code") or body["id"]


async def test_reading_needs_the_cookie_alone(client: httpx2.AsyncClient) -> None:
    assert await ask(client, "GET", cookie(WITH)) == (200, "rider-1")
    assert (await client.get("/who", headers=cookie(WITH))).json()["session"] == "session-1"
    assert await ask(client, "GET", cookie(WITHOUT)) == (200, "bare")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_command_repeats_the_secret(client: httpx2.AsyncClient, method: str) -> None:
    assert await ask(client, method, cookie(WITH, "s3cret")) == (200, "rider-1")
    for wrong in (None, "", "s3cre", "s3cret2"):
        assert await ask(client, method, cookie(WITH, wrong)) == (403, "csrf")


async def test_a_token_without_a_secret_commands_nothing_from_a_cookie(client: httpx2.AsyncClient) -> None:
    for sent in (None, "", "None"):
        assert await ask(client, "POST", cookie(WITHOUT, sent)) == (403, "csrf")


async def test_a_bearer_token_needs_no_secret_and_goes_before_the_cookie(client: httpx2.AsyncClient) -> None:
    assert await ask(client, "POST", bearer(WITH)) == (200, "rider-1")
    assert await ask(client, "POST", {**cookie(WITH), **bearer(WITHOUT)}) == (200, "bare")
    for header in ("Basic cmlkZXI6cGFzcw==", "Bearer"):
        assert await ask(client, "GET", {**cookie(WITH), "Authorization": header}) == (401, "unauthorized")


async def test_a_cookie_that_is_no_token_is_refused(client: httpx2.AsyncClient) -> None:
    assert await ask(client, "GET", cookie("nonsense")) == (401, "unauthorized")
    assert await ask(client, "GET", {"Cookie": "qianshao_access="}) == (401, "unauthorized")
    forged = Signer().token("administrator")
    assert await ask(client, "GET", cookie(forged)) == (401, "unauthorized")
