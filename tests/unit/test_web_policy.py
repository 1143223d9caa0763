"""Default deny: what is in no table is not served, and who calls is decided before anything else."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import APIRouter, FastAPI, UploadFile, WebSocket
from pydantic import BaseModel
from starlette.routing import Mount, WebSocketRoute
from starlette.types import Message

from ops import access
from shared.metrics import Metrics
from shared.web.app import create
from shared.web.auth import Caller, Role, TokenVerifier, read_jwks
from shared.web.policy import OF_EVERY_PROCESS, Policy, Reach, allow, guard, public
from tests.support.serving import served
from tests.support.tokens import AUDIENCE, ISSUER, Signer, bearer

SIGNER = Signer()
METRICS = Metrics("test", "api", "v1")
STAFF, RIDER = bearer(SIGNER.token("staff", "s1")), bearer(SIGNER.token())


class Wish(BaseModel):
    amount: int


def routes() -> APIRouter:
    router = APIRouter(prefix="/v1")

    @router.get("/things")
    async def get_things(caller: Caller) -> str:
        return caller.id

    @router.post("/things")
    async def post_thing(wish: Wish) -> int:
        return wish.amount

    @router.post("/photos")
    async def post_photo(photo: UploadFile) -> int:
        return len(await photo.read())

    @router.get("/open")
    async def get_open() -> str:
        return "open"

    return router


def policy() -> dict[str, Any]:
    desk = allow(Role.STAFF, Role.LEAD, reach=Reach.OWN, zh="物", en="things")
    both = {"GET /v1/things": desk, "POST /v1/things": desk, "POST /v1/photos": desk}
    return {**both, "GET /v1/open": public("公开", "open")}


def app(policy: Policy, *routers: APIRouter, verifier: TokenVerifier | None = None) -> FastAPI:
    return create("t", metrics=METRICS, checks={}, routers=routers, policy=policy, verifier=verifier)


@pytest.fixture(scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx2.AsyncClient]:
    jwks: Path = SIGNER.write_jwks(tmp_path_factory.mktemp("jwks") / "jwks.json")
    async with served(app(policy(), routes(), verifier=TokenVerifier(read_jwks(jwks), ISSUER, AUDIENCE))) as client:
        yield client


def test_a_route_without_a_row_is_not_served() -> None:
    rows = policy()
    del rows["POST /v1/things"]
    with pytest.raises(ValueError, match="POST /v1/things: no row"):
        app(rows, routes())


def test_a_row_without_a_route_is_named() -> None:
    with pytest.raises(ValueError, match="DELETE /v1/things: in the policy, and there is no such route"):
        app({**policy(), "DELETE /v1/things": public("删", "delete")}, routes())


def test_one_path_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="no row"):
        app(policy(), routes(), routes())


def test_what_could_not_be_guarded_is_refused() -> None:
    async def socket(_: WebSocket) -> None:
        return None

    for wrong in (WebSocketRoute("/ws", socket), Mount("/files", routes=[])):
        with pytest.raises(ValueError, match="only plain HTTP routes"):
            guard([wrong], {})
    router = APIRouter()
    router.websocket("/ws")(socket)
    with pytest.raises(ValueError, match="/ws: only plain HTTP routes"):
        app({}, router)


def test_a_row_that_lets_nobody_in_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="nobody may call"):
        allow(reach=Reach.OWN, zh="", en="x")


async def test_who_calls_is_decided_before_the_body_is_looked_at(client: httpx2.AsyncClient) -> None:
    for path in ("/v1/things", "/v1/photos"):
        for headers, status in (({}, 401), (RIDER, 403), (STAFF, 422)):
            assert (await client.post(path, content=b"{not json", headers=headers)).status_code == status
    refused = await client.post("/v1/things", content=b"{", headers=RIDER)
    assert refused.json()["detail"] == "this needs the role staff or lead, you are rider"
    assert refused.headers["content-type"] == "application/problem+json"
    assert (await client.post("/v1/things", json={"amount": 7}, headers=STAFF)).json() == 7


async def test_not_a_byte_of_the_body_is_read_for_a_stranger() -> None:
    guarded, sent = app(policy(), routes()), []

    async def receive() -> Message:
        raise AssertionError("the body was asked for")

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/v1/photos", "query_string": b"", "headers": []}
    await guarded(scope, receive, send)
    assert sent[0]["status"] == 401


async def test_what_is_open_needs_no_token(client: httpx2.AsyncClient) -> None:
    for path in ("/v1/open", "/livez", "/readyz", "/metrics", "/v1/openapi.json", "/v1/docs"):
        assert (await client.get(path)).status_code == 200
    assert (await client.get("/v1/open", headers={"Authorization": "Bearer nonsense"})).status_code == 200


async def test_other_methods_and_paths_are_as_before(client: httpx2.AsyncClient) -> None:
    assert (await client.options("/v1/things")).status_code == 405
    assert (await client.head("/v1/things")).status_code == 405
    assert (await client.delete("/v1/things")).status_code == 405
    assert (await client.get("/v1/nothing")).status_code == 404
    assert (await client.get("/docs/oauth2-redirect")).status_code == 404
    assert (await client.head("/v1/openapi.json")).status_code == 200
    assert (await client.get("/v1/things/", headers=STAFF, follow_redirects=True)).status_code in (200, 404)
    assert (await client.get("/v1/things/", follow_redirects=True)).status_code in (401, 404)


async def test_the_description_of_the_api_still_has_every_route(client: httpx2.AsyncClient) -> None:
    paths = (await client.get("/v1/openapi.json")).json()["paths"]
    assert set(paths) == {"/v1/things", "/v1/photos", "/v1/open"}


def test_every_service_says_in_both_languages_what_each_route_is_for() -> None:
    for policy_ in access.tables().values():
        for name, rule in policy_.items():
            assert all((rule.zh, rule.en, rule.reach)), name
    assert set(access.ROLES) == set(Role)
    assert set(access.REACHES) == set(Reach)
    assert OF_EVERY_PROCESS.keys() == access.tables()["所有进程 · every process"].keys()


def test_the_page_for_people_is_fresh() -> None:
    assert access.FILE.read_text(encoding="utf-8") == access.rendered()
