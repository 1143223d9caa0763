"""A department without Kafka: what it sees, what it does, and every answer that is no."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from services.dispatch.department_api import Desk, router
from services.dispatch.domain.clocks import Limit, Unit
from services.dispatch.domain.incident import Incident, Order, Route
from services.dispatch.domain.states import OrderState
from services.dispatch.handlers import ReceiveReport
from services.dispatch.policy import POLICY
from services.dispatch.store import INCIDENTS
from shared.context import Context
from shared.contracts.dispatch_order import DispatchOrder
from shared.metrics import Metrics
from shared.scope import Scope
from shared.web.app import create
from shared.web.auth import TokenVerifier, read_jwks
from tests.support.dispatching import StubReceipts, StubRules, report
from tests.support.lanes import published, running
from tests.support.memory import MemoryTransactor
from tests.support.serving import rows_of, served
from tests.support.tokens import AUDIENCE, ISSUER, Signer, bearer

SIGNER = Signer()
WATER = bearer(SIGNER.token("department", "d1", department="water"))
FIRE = bearer(SIGNER.token("department", "d2", department="fire"))


@dataclass
class MemoryOrders:
    """The department's orders straight from the store."""

    store: MemoryTransactor

    async def orders(
        self, scope: Scope, after: str | None, states: tuple[OrderState, ...], limit: int
    ) -> list[tuple[Incident, Order]]:
        found = [
            INCIDENTS.load(one) for ref, one in sorted(self.store.documents.items()) if ref.collection == "incidents"
        ]
        mine = [(one, order) for one in found for order in one.orders if order.department == scope.department]
        return [line for line in mine if (not states or line[1].state in states) and line[1].id > (after or "")][:limit]

    async def order(self, scope: Scope, order_id: str) -> tuple[Incident, Order] | None:
        found = await self.orders(scope, None, (), 1_000)
        return next((line for line in found if line[1].id == order_id), None)


@dataclass
class Inbox:
    """Two incidents offered to water and drainage."""

    store: MemoryTransactor
    client: httpx2.AsyncClient

    async def act(
        self,
        verb: str,
        seen: int = 1,
        order: str = "inc.1",
        key: str = "",
        headers: dict[str, str] = WATER,
        **more: Any,
    ) -> httpx2.Response:
        wish = {"seen_seq": seen, **more}
        named = {**headers, "Idempotency-Key": key or f"u-{verb}-{seen}"}
        return await self.client.post(f"/v1/orders/{order}/{verb}", json=wish, headers=named)

    def told(self, kind: str) -> list[DispatchOrder]:
        data = [message.data for _, message in published(self.store, "dispatch.water")]
        return [one for one in data if isinstance(one, DispatchOrder) and one.kind == kind]


@pytest.fixture
async def inbox(tmp_path: Path) -> AsyncIterator[Inbox]:
    store, rules = (
        MemoryTransactor(),
        StubRules(found=Route(("water", "drainage"), "r", "v1"), limit=Limit(3, Unit.WORKING_DAYS)),
    )
    verifier = TokenVerifier(read_jwks(SIGNER.write_jwks(tmp_path / "jwks.json")), ISSUER, AUDIENCE)
    async with running(store) as lane:
        for id_, code in (("inc", "7K3M-9QXA"), ("ind", "7K3M-9QXB")):
            await lane.submit(
                ReceiveReport(INCIDENTS, rules, report(id_, code=code), Context("rider:rider-1", "story"))
            )
        routes = router(Desk(lane, INCIDENTS, MemoryOrders(store), rules, _Receipts()))
        app = create(
            "d",
            metrics=Metrics("d", "api", "v1"),
            checks={},
            routers=[routes],
            policy=rows_of(POLICY, routes),
            verifier=verifier,
        )
        async with served(app) as client:
            yield Inbox(store, client)


class _Receipts(StubReceipts):
    """Receipts in the form that the contract asks for: `<uploader>.<photo>.x`."""

    def verify(self, token: str) -> Any:
        uploader, photo, _ = token.split(".")
        return super().verify(f"{uploader}~{photo}")


RECEIPT = "water.after.x"


async def test_it_sees_its_own_orders_whole_and_no_others(inbox: Inbox) -> None:
    page = (await inbox.client.get("/v1/orders", headers=WATER)).json()
    assert [one["order"] for one in page["orders"]] == ["inc.1", "ind.1"]
    assert page["after"] is None
    first = page["orders"][0]
    assert (first["seq"], first["work_order"]["state"], first["work_order"]["text"]) == (1, "offered", "井盖破了")
    assert first["work_order"]["photos"] == [{"id": "p1", "url": "/intake/v1/photos/p1"}]
    one = (await inbox.client.get("/v1/orders/ind.1", headers=WATER)).json()
    assert one == page["orders"][1]
    assert (await inbox.client.get("/v1/orders", headers=FIRE)).json() == {"orders": [], "after": None}
    for order in ("inc.1", "inc.2", "none.1", "none"):
        answer = await inbox.client.get(f"/v1/orders/{order}", headers=FIRE)
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_order")


async def test_it_is_paged_and_narrowed(inbox: Inbox) -> None:
    async def ask(query: str) -> httpx2.Response:
        return await inbox.client.get(f"/v1/orders?{query}", headers=WATER)

    first = (await ask("limit=1")).json()
    assert ([one["order"] for one in first["orders"]], first["after"]) == (["inc.1"], "inc.1")
    second = (await ask(f"limit=1&after={first['after']}")).json()
    assert ([one["order"] for one in second["orders"]], second["after"]) == (["ind.1"], None)
    await inbox.act("accept")
    assert [one["order"] for one in (await ask("state=accepted&state=working")).json()["orders"]] == ["inc.1"]
    for query, field in (("state=sad", "state.0"), ("limit=0", "limit"), ("limit=201", "limit")):
        answer = await ask(query)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


async def test_it_takes_on_reports_and_finishes_by_the_same_rules(inbox: Inbox) -> None:
    steps: list[tuple[str, dict[str, Any], str]] = [
        ("accept", {}, "accepted"),
        ("progress", {"progress": "on the way"}, "working"),
        ("extension", {"reason": "parts", "extension_until": "2026-11-25T20:00:00+08:00"}, "working"),
        ("done", {"receipts": [RECEIPT]}, "done"),
    ]
    for number, (verb, fields, state) in enumerate(steps, start=1):
        answer = await inbox.act(verb, seen=number, **fields)
        assert (answer.status_code, answer.json()["state"], answer.json()["seq"]) == (200, state, number + 1), (
            answer.text
        )
    assert [ack.update_id for ack in inbox.told("ack")] == [f"u-{verb}-{n}" for n, (verb, *_) in enumerate(steps, 1)]
    stored = INCIDENTS.load(inbox.store.documents[INCIDENTS.ref("inc")])
    assert (stored.orders[0].evidence, stored.orders[0].state) == (("after",), "done")
    assert stored.history[-1].actor == "department:water"


async def test_given_back_it_is_over(inbox: Inbox) -> None:
    answer = await inbox.act("return", reason="not ours", suggested_department="drainage")
    assert (answer.status_code, answer.json()["state"]) == (200, "returned")
    answer = await inbox.act("done", seen=2, receipts=[RECEIPT])
    assert (answer.status_code, answer.json()["code"]) == (409, "not_allowed")


async def test_sent_again_under_its_key_it_is_answered_again_and_done_once(inbox: Inbox) -> None:
    first, second = await inbox.act("accept"), await inbox.act("accept")
    assert (second.status_code, second.content) == (200, first.content)
    assert second.headers["idempotency-replayed"] == "true"
    assert len(inbox.told("ack")) == 1
    other = await inbox.act("accept", seen=2, key="u-accept-1")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")


async def test_a_deadline_is_appealed_once_and_the_inbox_shows_the_answer(inbox: Inbox) -> None:
    answer = await inbox.act("deadline-appeal", reason="暴雨，路不通")
    assert (answer.status_code, answer.json()["state"]) == (200, "offered")
    shown = (await inbox.client.get("/v1/orders/inc.1", headers=WATER)).json()["deadline_appeal"]
    assert (shown["reason"], shown["granted"]) == ("暴雨，路不通", None)
    stored = INCIDENTS.load(inbox.store.documents[INCIDENTS.ref("inc")])
    assert "deadline_appealed" in stored.flags
    assert (stored.history[-1].actor, stored.history[-1].reason) == ("department:water", "暴雨，路不通")
    again = await inbox.act("deadline-appeal", key="another", reason="x")
    assert (again.status_code, again.json()["code"]) == (409, "not_allowed")


@pytest.mark.parametrize(
    ("verb", "fields", "status", "code", "field"),
    [
        ("done", {}, 422, "evidence_missing", "receipts"),
        ("done", {"receipts": ["fire.after.x"]}, 422, "evidence_missing", "receipts"),
        ("accept", {"seen": 7}, 409, "stale", "seen_seq"),
        ("accept", {"order": "inc.2"}, 404, "unknown_order", None),
        ("accept", {"order": "none.1"}, 404, "unknown_order", None),
        ("return", {}, 422, "invalid", "reason"),
        ("return", {"reason": ""}, 422, "invalid", "reason"),
        ("extension", {"reason": "parts"}, 422, "invalid", "extension_until"),
        ("extension", {"reason": "p", "extension_until": "2026-11-25T20:00:00"}, 422, "invalid", "extension_until"),
        ("deadline-appeal", {}, 422, "invalid", "reason"),
        ("deadline-appeal", {"reason": "x", "seen": 7}, 409, "stale", "seen_seq"),
        ("deadline-appeal", {"reason": "x", "order": "inc.2"}, 404, "unknown_order", None),
        ("deadline-appeal", {"reason": "x", "order": "none.1"}, 404, "unknown_order", None),
        ("accept", {"seen": 0}, 422, "invalid", "seen_seq"),
        ("accept", {"department": "fire"}, 422, "invalid", "department"),
        ("accept", {"key": "no blanks"}, 422, "invalid", "Idempotency-Key"),
        ("done", {"receipts": [RECEIPT] * 11}, 422, "invalid", "receipts"),
        ("done", {"receipts": ["none"]}, 422, "invalid", "receipts.0"),
    ],
)
async def test_a_refusal_names_its_reason_and_leaves_nothing(
    inbox: Inbox, verb: str, fields: dict[str, Any], status: int, code: str, field: str | None
) -> None:
    before, rows = dict(inbox.store.documents), len(inbox.store.rows)
    answer = await inbox.act(verb, **fields)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert [error["field"] for error in answer.json()["errors"]] == ([field] if field else [])
    assert (inbox.store.documents, len(inbox.store.rows)) == (before, rows)


async def test_scenario_32_a_slow_clock_is_noted_and_a_time_without_offset_refused(inbox: Inbox) -> None:
    answer = await inbox.act("done", receipts=[RECEIPT], at="2026-11-25T09:00:00")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "at")
    answer = await inbox.act("done", receipts=[RECEIPT], at="2026-11-25T07:50:00Z")  # the server says 08:00
    assert (answer.status_code, answer.json()["state"]) == (200, "done")
    stored = INCIDENTS.load(inbox.store.documents[INCIDENTS.ref("inc")])
    assert [line.what for line in stored.history if "clock_skew" in line.what] == [
        "order inc.1: clock_skew, the department says 2026-11-25T07:50:00+00:00"
    ]
    assert stored.orders[0].done_at == stored.orders[0].offered_at  # both by the server's clock


@pytest.mark.parametrize("role", ["rider", "staff", "lead", "operator", "administrator"])
async def test_it_is_for_departments_alone(inbox: Inbox, role: str) -> None:
    headers = bearer(SIGNER.token(role, "x", department="water"))
    assert (await inbox.client.get("/v1/orders", headers=headers)).status_code == 403
    assert (await inbox.act("accept", headers=headers)).status_code == 403


async def test_a_namesake_of_another_sub_district_has_no_such_order(inbox: Inbox) -> None:
    elsewhere = bearer(SIGNER.token("department", "d3", department="water", subdistrict="140302004"))
    answer = await inbox.act("accept", headers=elsewhere)
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_order")
