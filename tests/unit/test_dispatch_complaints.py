"""The complaint box: everybody puts in, the desks read, and what somebody wrote leaves with him."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from services.dispatch import complaints_api
from services.dispatch.complaint_store import COMPLAINTS, silent
from services.dispatch.domain.complaint import Complaint
from services.dispatch.policy import POLICY
from services.dispatch.store import INCIDENTS, PLAN, RETENTION
from shared.ids import new_id
from shared.metrics import Metrics
from shared.pseudonym import Person
from shared.scope import Scope
from shared.web.app import create
from shared.web.auth import TokenVerifier, read_jwks
from tests.support.dispatching import RECEIVED, incident
from tests.support.lanes import running
from tests.support.memory import MemoryTransactor
from tests.support.serving import rows_of, served
from tests.support.tokens import AUDIENCE, ISSUER, Signer, bearer

SIGNER = Signer()
RIDER, STAFF = bearer(SIGNER.token("rider", "rider-9")), bearer(SIGNER.token("staff", "staff-1"))
HERE, NEXT = "140302003005", "140302003006"


@dataclass
class MemoryBox:
    """The box straight from the store."""

    store: MemoryTransactor

    async def complaints(self, scope: Scope, before: str | None, limit: int) -> list[Complaint]:
        stored = [document for ref, document in self.store.documents.items() if ref.collection == "complaints"]
        found = [COMPLAINTS.load(document) for document in stored]
        return [one for one in reversed(found) if scope.sees(one.subdistrict, one.community)][:limit]


class House:
    """A desk with one incident and an empty box."""

    def __init__(self, store: MemoryTransactor, client: httpx2.AsyncClient) -> None:
        self.store = store
        self.client = client

    async def complain(self, headers: dict[str, str] = RIDER, key: str = "k-1", **wish: Any) -> httpx2.Response:
        return await self.client.post("/v1/complaints", json=wish, headers={**headers, "Idempotency-Key": key})

    async def read(self, headers: dict[str, str] = STAFF) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.client.get("/v1/complaints", headers=headers)).json()
        return found


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    store = MemoryTransactor()
    store.documents[INCIDENTS.ref("inc")] = {**INCIDENTS.dump(incident()), "version": 1}
    far = incident(id="far", subdistrict="140302004")
    store.documents[INCIDENTS.ref("far")] = {**INCIDENTS.dump(far), "version": 1}
    verifier = TokenVerifier(read_jwks(SIGNER.write_jwks(tmp_path / "jwks.json")), ISSUER, AUDIENCE)
    async with running(store) as lane:
        routes = complaints_api.router(lane, COMPLAINTS, INCIDENTS, MemoryBox(store), new_id)
        rows = rows_of(POLICY, routes)
        app = create(
            "d", metrics=Metrics("d", "api", "v1"), checks={}, routers=[routes], policy=rows, verifier=verifier
        )
        async with served(app) as client:
            yield House(store, client)


async def test_a_complaint_lies_in_the_box_of_the_place(house: House) -> None:
    answer = await house.complain(text=" 三天没人来 ", incident="inc")
    assert (answer.status_code, answer.json()["text"], answer.json()["community"]) == (201, "三天没人来", HERE)
    assert await house.read() == [answer.json()]
    next_door = bearer(SIGNER.token("staff", "staff-2", communities=[NEXT]))
    assert await house.read(next_door) == []
    general = await house.complain(key="k-2", text="驿站关门太早")
    assert await house.read(next_door) == [general.json()]


async def test_sent_again_under_its_key_it_lies_there_once(house: House) -> None:
    first, second = await house.complain(text="没人管"), await house.complain(text="没人管")
    assert first.content == second.content
    assert len(await house.read()) == 1


@pytest.mark.parametrize("role", ["rider", "staff", "lead", "department", "operator", "administrator"])
async def test_every_role_may_complain_and_only_desks_read(house: House, role: str) -> None:
    headers = bearer(SIGNER.token(role, "x", department="water" if role == "department" else None))
    assert (await house.complain(headers, text="没人管")).status_code == 201
    seen = await house.client.get("/v1/complaints", headers=headers)
    assert seen.status_code == (200 if role in ("staff", "lead") else 403)


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({}, "text"),
        ({"text": "  "}, "text"),
        ({"text": "长" * 501}, "text"),
        ({"text": "x", "incident": "none"}, "incident"),
        ({"text": "x", "incident": "far"}, "incident"),
        ({"text": "x", "account": "rider-1"}, "account"),
    ],
)
async def test_what_cannot_be_used_is_named_and_not_kept(house: House, wish: dict[str, Any], field: str) -> None:
    answer = await house.complain(**wish)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    assert await house.read() == []


def test_his_words_leave_with_him_and_those_of_others_about_him_stay() -> None:
    rider = "01990d11-0000-7aaa-8bbb-c0ffee000001"
    person = Person(rider, "gone-1")
    own = COMPLAINTS.dump(Complaint("c", "140302003", rider, f"rider:{rider}", "我家住三楼", RECEIVED))
    left = silent(own, person)
    assert left is not None
    assert (left["text"], left["account"], left["actor"]) == ("", "gone-1", "rider:gone-1")
    other = COMPLAINTS.dump(Complaint("c", "140302003", "s", "staff:s", "没人管", RECEIVED))
    assert silent(other, person) == other
    assert PLAN.treatments["complaints"] is silent
    assert [rule.days for rule in RETENTION if rule.collection == "complaints"] == [730]
