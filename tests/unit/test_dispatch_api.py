"""The desk over HTTP: who sees the queue, and how a command of the desk is sent twice, late or wrongly."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from services.dispatch import queue_api
from services.dispatch.api import router
from services.dispatch.domain.incident import Incident
from services.dispatch.handlers import ReceiveReport
from services.dispatch.policy import POLICY
from services.dispatch.queue import Mark, Wanted
from services.dispatch.store import INCIDENTS
from shared.clock import system_clock
from shared.context import Context
from shared.metrics import Metrics
from shared.mongo.lane import Lane
from shared.scope import Scope
from shared.web.app import create
from shared.web.auth import TokenVerifier, read_jwks
from tests.support.dispatching import StubRules, report
from tests.support.lanes import published, running
from tests.support.memory import MemoryTransactor
from tests.support.serving import rows_of, served
from tests.support.tokens import AUDIENCE, ISSUER, Signer, bearer

SIGNER = Signer()
STAFF = bearer(SIGNER.token("staff", "staff-1"))


@dataclass
class MemoryViews:
    """The desk's queue straight from the store."""

    store: MemoryTransactor

    async def incident(self, scope: Scope, id_: str) -> tuple[Incident, int] | None:
        document = self.store.documents.get(INCIDENTS.ref(id_))
        if document is None:
            return None
        incident = INCIDENTS.load(document)
        return (incident, document["version"]) if scope.sees(incident.subdistrict, incident.community) else None

    async def queue(self, scope: Scope, wanted: Wanted, after: Mark | None, limit: int) -> list[tuple[Incident, int]]:
        ids = [ref.id for ref in self.store.documents if ref.collection == "incidents"]
        found = [await self.incident(scope, id_) for id_ in ids]
        return [one for one in found if one and wanted.state in (None, one[0].state)][:limit]


class House:
    """A desk with one incident in triage."""

    def __init__(self, lane: Lane, store: MemoryTransactor, client: httpx2.AsyncClient) -> None:
        self.lane = lane
        self.store = store
        self.client = client

    async def assign(
        self, *departments: str, key: str = "key-1", headers: dict[str, str] = STAFF, **changes: Any
    ) -> httpx2.Response:
        wish = {"expected_version": 1, "departments": list(departments), "reason": "they own it", **changes}
        return await self.client.post(
            "/v1/incidents/inc/assign", json=wish, headers={**headers, "Idempotency-Key": key}
        )


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    store, rules = MemoryTransactor(), StubRules(found="no rule matches")
    verifier = TokenVerifier(read_jwks(SIGNER.write_jwks(tmp_path / "jwks.json")), ISSUER, AUDIENCE)
    async with running(store) as lane:
        await lane.submit(ReceiveReport(INCIDENTS, rules, report(), Context("rider:rider-1", "story-1")))
        views = MemoryViews(store)
        routers = [router(lane, INCIDENTS, views, rules), queue_api.router(views, system_clock)]
        app = create(
            "d",
            metrics=Metrics("d", "api", "v1"),
            checks={},
            routers=routers,
            policy=rows_of(POLICY, *routers),
            verifier=verifier,
        )
        async with served(app) as client:
            yield House(lane, store, client)


async def test_assigning_answers_with_the_incident_and_its_new_version(house: House) -> None:
    response = await house.assign("water", "fire")
    body = response.json()
    assert response.status_code == 200
    assert (body["state"], body["version"], body["route_rule"]) == ("dispatched", 2, "staff: they own it")
    assert [(o["order"], o["department"]) for o in body["orders"]] == [("inc.1", "water"), ("inc.2", "fire")]
    assert body["history"][-1]["actor"] == "staff:staff-1"
    ((_, offer),) = published(house.store, "dispatch.water")
    assert offer.envelope.actor == "staff:staff-1"


async def test_sent_again_under_its_key_it_is_answered_again_and_done_once(house: House) -> None:
    first = await house.assign("water")
    second = await house.assign("water")
    assert (second.status_code, second.content) == (200, first.content)
    assert second.headers["idempotency-replayed"] == "true"
    assert len(published(house.store, "dispatch.water")) == 1
    other = await house.assign("fire")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")


async def test_rule_05_a_stale_version_is_a_conflict(house: House) -> None:
    await house.assign("water")
    response = await house.assign("fire", key="key-2")
    assert (response.status_code, response.json()["code"]) == (409, "conflict")
    assert "expected_version" in response.json()["detail"]
    response = await house.assign("water", key="key-3", expected_version=2)
    assert (response.status_code, response.json()["detail"]) == (
        409,
        "departments: water has an open order of it already",
    )


@pytest.mark.parametrize(
    ("departments", "changes", "field"),
    [
        ((), {}, "departments"),
        (("moon",), {}, "departments"),
        (("water", "water"), {}, "departments"),
        (("water",) * 11, {}, "departments"),
        (("water",), {"reason": ""}, "reason"),
        (("water",), {"reason": "x" * 201}, "reason"),
        (("water",), {"reason": None}, "reason"),
        (("water",), {"expected_version": 0}, "expected_version"),
        (("water",), {"actor": "somebody"}, "actor"),
    ],
)
async def test_each_fault_of_an_assignment_is_named(
    house: House, departments: tuple[str, ...], changes: dict[str, Any], field: str
) -> None:
    response = await house.assign(*departments, **changes)
    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == [field]
    assert len(published(house.store, "incident-changed")) == 1


@pytest.mark.parametrize("role", ["rider", "department", "operator", "administrator"])
async def test_only_the_desk_sees_and_assigns(house: House, role: str) -> None:
    headers = bearer(SIGNER.token(role, "x", department="water" if role == "department" else None))
    assert (await house.assign("water", headers=headers)).status_code == 403
    assert (await house.client.get("/v1/incidents", headers=headers)).status_code == 403
    assert (await house.client.get("/v1/incidents/inc", headers=headers)).status_code == 403
    assert (await house.client.get("/v1/incidents/inc")).status_code == 401


async def test_another_sub_district_does_not_exist_for_the_desk(house: House) -> None:
    elsewhere = bearer(SIGNER.token("staff", "staff-2", subdistrict="140302004"))
    assert (await house.client.get("/v1/incidents", headers=elsewhere)).json() == []
    for response in (
        await house.client.get("/v1/incidents/inc", headers=elsewhere),
        await house.assign("water", headers=elsewhere),
        await house.client.get("/v1/incidents/none", headers=STAFF),
    ):
        assert (response.status_code, response.json()["code"]) == (404, "not-found")


async def test_the_queue_can_be_narrowed_to_a_state_that_exists(house: House) -> None:
    async def ask(query: str) -> httpx2.Response:
        return await house.client.get(f"/v1/incidents?{query}", headers=STAFF)

    assert [one["incident"] for one in (await ask("state=triaged")).json()] == ["inc"]
    assert (await ask("state=resolved")).json() == []
    for query, field in (("state=sad", "state"), ("limit=0", "limit"), ("limit=201", "limit"), ("class=X", "class")):
        response = await ask(query)
        assert (response.status_code, response.json()["errors"][0]["field"]) == (422, field)


@pytest.mark.parametrize("cursor", ["", "inc", "12", "1.", ".inc", "x.inc", "9" * 40 + ".inc"])
async def test_a_cursor_that_was_not_given_out_is_named(house: House, cursor: str) -> None:
    response = await house.client.get("/v1/incidents", params={"after": cursor}, headers=STAFF)
    assert (response.status_code, response.json()["errors"][0]["field"]) == (422, "after")


async def test_the_whole_trail_is_there(house: House) -> None:
    body = (await house.client.get("/v1/incidents/inc", headers=STAFF)).json()
    trail = [(line["actor"], line["what"], line["reason"]) for line in body["history"]]
    assert trail == [
        ("rider:rider-1", "reported", None),
        ("system:dispatch", "reported -> triaged", "no rule matches"),
    ]
