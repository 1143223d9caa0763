"""Forget and export over HTTP: who may ask, what is answered, and what is in an export."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from services.dispatch import store as dispatch
from services.intake import forgetting_api
from services.intake import store as intake
from services.intake.people_store import MongoForgettings
from services.intake.policy import POLICY
from services.notify import store as notify
from services.points import store as points
from shared.clock import system_clock
from shared.metrics import Metrics
from shared.web import export
from shared.web.app import create
from shared.web.auth import TokenVerifier, read_jwks
from tests.integration.test_forgetting import ANNA, BERT, NAME, lived
from tests.support.quarter import PSEUDONYMS, Quarter, quarter
from tests.support.serving import served
from tests.support.stack import Stack
from tests.support.tokens import AUDIENCE, ISSUER, Signer, bearer

SIGNER = Signer()
ADMINISTRATOR = bearer(SIGNER.token("administrator", "admin-1"))
ELSEWHERE = bearer(SIGNER.token("administrator", "admin-2", subdistrict="140302004"))
RIDER = bearer(SIGNER.token("rider", ANNA))
OTHER = bearer(SIGNER.token("rider", BERT))
MODULES = {"intake": intake, "dispatch": dispatch, "points": points, "notify": notify}
FORGETTING = {name: rule for name, rule in POLICY.items() if "/forget" in name}
FORGET, STATE = f"/v1/accounts/{ANNA}/forget", f"/v1/accounts/{ANNA}/forgetting"


@dataclass
class Front:
    """The services' routes of this subject, one client each."""

    house: Quarter
    clients: dict[str, httpx2.AsyncClient]

    async def get(self, service: str, path: str, who: dict[str, str], status: int = 200) -> Any:
        answer = await self.clients[service].get(path, headers=who)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def forget(self, who: dict[str, str], body: Any, status: int) -> Any:
        answer = await self.clients["intake"].post(FORGET, json=body, headers=who)
        assert answer.status_code == status, answer.text
        return answer.json()


@pytest.fixture
async def front(stack: Stack, tmp_path: Path) -> AsyncIterator[Front]:
    verifier = TokenVerifier(read_jwks(SIGNER.write_jwks(tmp_path / "jwks.json")), ISSUER, AUDIENCE)
    async with quarter(stack) as house, AsyncExitStack() as open_:
        clients = {}
        for name, module in MODULES.items():
            service = house.services[name]
            database = service.store.database
            routers = [export.router(name, module.exporter(database), system_clock)]
            if name == "intake":
                states = MongoForgettings(database)
                routers.append(forgetting_api.router(service.lane, intake.ACCOUNTS, states, PSEUDONYMS))
            metrics = Metrics(name, "api", "r")
            policy = {**export.POLICY, **(FORGETTING if name == "intake" else {})}
            app = create(name, metrics=metrics, checks={}, routers=routers, policy=policy, verifier=verifier)
            clients[name] = await open_.enter_async_context(served(app))
        await lived(house)
        yield Front(house, clients)


async def test_only_an_administrator_of_his_sub_district_has_somebody_forgotten(front: Front) -> None:
    wish = {"reason": "own_wish"}
    await front.forget(RIDER, wish, 403)
    await front.forget(ELSEWHERE, wish, 404)
    await front.get("intake", STATE, RIDER, 403)
    await front.get("intake", STATE, ADMINISTRATOR, 404)
    problem = await front.forget(ADMINISTRATOR, {"reason": f"{NAME} moved"}, 422)
    assert problem["errors"][0]["field"] == "reason"
    assert "active" in (await front.forget(ADMINISTRATOR, {"reason": "left"}, 409))["detail"]
    assert front.house.services["intake"].store.get(intake.ACCOUNTS.ref(ANNA))["name"] == NAME  # type: ignore[index]

    asked = await front.forget(ADMINISTRATOR, wish, 202)
    assert asked["done"] == dict.fromkeys(("intake", "dispatch", "notify", "points"))
    assert not asked["complete"]
    assert await front.forget(ADMINISTRATOR, {"reason": "order"}, 202) == asked
    assert await front.get("intake", STATE, ADMINISTRATOR) == asked
    await front.get("intake", STATE, ELSEWHERE, 404)


async def test_it_is_shown_complete_when_every_service_has_done_it(front: Front) -> None:
    await front.house.forget(ANNA)
    state = await front.get("intake", STATE, ADMINISTRATOR)
    assert state["complete"]
    assert all(state["done"].values())
    assert state["kafka_until"] > state["asked_at"]


async def test_an_export_has_all_of_him_and_nobody_else(front: Front) -> None:
    found = {name: await front.get(name, "/v1/export", RIDER) for name in MODULES}
    sections = {name: document["sections"] for name, document in found.items()}
    assert sections["intake"]["account"][0]["name"] == NAME
    assert len(sections["intake"]["reports"]) == 2
    assert {photo["url"] for photo in sections["intake"]["photos"]} == {
        f"/intake/v1/photos/{id_}" for id_ in ("p1", "p2")
    }
    assert [book["balance"] for book in sections["points"]["passbook"]] == [5]
    assert [entry["number"] for entry in sections["points"]["entries"]] == list(
        range(1, len(sections["points"]["entries"]) + 1)
    )
    assert sections["notify"]["messages"]
    assert {one["to"][0]["audience"] for one in sections["notify"]["messages"]} == {f"rider:{ANNA}"}
    assert len(sections["dispatch"]["incidents"]) == 2
    assert BERT not in repr(found)
    assert "jpeg" not in repr(sections["intake"]["photos"])


async def test_an_export_of_somebody_else_is_the_administrators_of_his_sub_district(front: Front) -> None:
    for name in MODULES:
        own, theirs = [
            await front.get(name, path, who)
            for path, who in (("/v1/export", RIDER), (f"/v1/export/{ANNA}", ADMINISTRATOR))
        ]
        assert own["sections"] == theirs["sections"]
        await front.get(name, f"/v1/export/{ANNA}", OTHER, 403)
        await front.get(name, f"/v1/export/{ANNA}", ELSEWHERE, 404)


async def test_after_that_nothing_is_exported_and_his_token_finds_nothing(front: Front) -> None:
    await front.house.forget(ANNA)
    for name in MODULES:
        assert not any((await front.get(name, "/v1/export", RIDER))["sections"].values()), name
        await front.get(name, f"/v1/export/{ANNA}", ADMINISTRATOR, 404)
