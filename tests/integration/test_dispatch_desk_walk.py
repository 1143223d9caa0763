"""Every command of the desk over HTTP on the real MongoDB, from a state that other commands have led to.

Each is refused with the version before, and then makes one decision: one line of history by who made it, and its events.
"""

from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from services.dispatch import api as dispatch_api
from services.dispatch import department_api, desk_api
from services.dispatch.department_store import MongoOrderViews
from services.dispatch.domain.clocks import Limit, Priority, Unit
from services.dispatch.domain.incident import Route
from services.dispatch.handlers import ReceiveReport
from services.dispatch.hearing import HearReporter
from services.dispatch.policy import POLICY
from services.dispatch.store import COLLECTIONS, INCIDENTS, MongoViews
from shared.clock import system_clock
from shared.context import Context
from shared.contracts.envelope import Envelope, decode
from shared.contracts.report_updated import ReportUpdated
from shared.ids import new_id
from shared.metrics import Metrics
from shared.mongo.lane import Lane
from shared.web.app import create
from shared.web.auth import Role, TokenVerifier, read_jwks
from shared.web.policy import DESKS
from tests.support.dispatching import StubReceipts, StubRules, report
from tests.support.lanes import running
from tests.support.serving import rows_of, served
from tests.support.stack import Stack
from tests.support.stores import MongoStore, in_mongo
from tests.support.tokens import AUDIENCE, ISSUER, Signer, bearer

SIGNER = Signer()
STAFF = bearer(SIGNER.token("staff", "s1"))
LEAD = bearer(SIGNER.token("lead", "l1"))
WATER = bearer(SIGNER.token("department", "d1", department="water"))
UNKNOWN = "no rule matches"
QUIET = {"verify", "handover"}
"""Decisions of which nobody outside is told."""

Body = dict[str, Any]

COMMANDS = {
    name
    for name, rule in POLICY.items()
    if name.startswith("POST ") and rule.roles is not None and rule.roles <= {Role(role) for role in DESKS}
}
"""What only the desk may do."""


@dataclass
class Desk:
    """Dispatch's api on a database of its own, with everybody who speaks to it."""

    client: httpx2.AsyncClient
    store: MongoStore
    lane: Lane
    rules: StubRules
    walked: set[str] = field(default_factory=set)

    async def receive(self, id_: str, **changes: Any) -> None:
        """A report as it comes in now, and a word of the rider: there is a version before the one that is seen."""
        now = system_clock()
        told = report(id_, captured_at=now, received_at=now, **changes)
        await self.lane.submit(ReceiveReport(INCIDENTS, self.rules, told, Context("rider:rider-1", "walk")))
        await self.say("comment", id_, "rider-1", text="还在")

    async def say(self, kind: str, incident: str, rider: str, **more: Any) -> None:
        fields = {"subdistrict": "140302003", "kind": kind, "incident": incident, "rider": rider}
        event = ReportUpdated.model_validate(
            {**fields, "report": f"report-of-{rider}", "received_at": system_clock(), **more}
        )
        await self.lane.submit(HearReporter(INCIDENTS, self.rules, event, Context(f"rider:{rider}", "walk")))

    async def join(self, incident: str, rider: str) -> None:
        await self.say(
            "joined", incident, rider, captured_at=system_clock(), emergency=False, photo_ids=(f"p-{rider}",)
        )

    async def act(self, order: str, kind: str, **body: Any) -> None:
        """What the department says of its order."""
        path = f"/v1/orders/{order}"
        seen = (await self.client.get(path, headers=WATER)).raise_for_status().json()["seq"]
        key = {"Idempotency-Key": new_id()}
        answer = await self.client.post(f"{path}/{kind}", json={"seen_seq": seen, **body}, headers={**WATER, **key})
        assert answer.status_code == 200, answer.text

    async def look(self, incident: str) -> Body:
        body: Body = (await self.client.get(f"/v1/incidents/{incident}", headers=STAFF)).raise_for_status().json()
        return body

    async def post(self, path: str, who: dict[str, str], body: Body, key: str) -> httpx2.Response:
        return await self.client.post(path, json=body, headers={**who, "Idempotency-Key": key})

    async def decide(self, path: str, incident: str, what: str, who: dict[str, str] = STAFF, **body: Any) -> Body:
        """One decision about one incident; `what`: how its line in the history ends or begins. Returns what it is now."""
        before = await self.look(incident)
        url = f"/v1/incidents/{incident}/{path}"
        stale = await self.post(url, who, {**body, "expected_version": before["version"] - 1}, new_id())
        assert (stale.status_code, "expected_version" in stale.text) == (409, True), stale.text
        assert await self.look(incident) == before
        began, key, known = system_clock(), new_id(), self.events()
        answer = await self.post(url, who, {**body, "expected_version": before["version"]}, key)
        assert answer.status_code == 200, answer.text
        self.walked.add(f"POST /v1/incidents/{{incident_id}}/{path}")
        after: Body = answer.json()
        assert after == await self.look(incident)
        assert (await self.post(url, who, {**body, "expected_version": before["version"]}, key)).json() == after
        self.check(before, after, what, who, body, began)
        self.check_told(incident, who, known, told=path not in QUIET)
        return after

    def check(self, before: Body, after: Body, what: str, who: dict[str, str], body: Body, began: datetime) -> None:
        """Exactly one line is the decision, and says who, why and when; the others are what follows from it, at that moment."""
        old, lines = before["history"], after["history"]
        assert lines[: len(old)] == old
        assert after["version"] == before["version"] + 1
        new = lines[len(old) :]
        reason = body.get("reason", body.get("question"))
        (line,) = [one for one in new if what in one["what"]]
        assert line["actor"] == actor_of(who), line
        assert line["reason"] in (reason, f"staff: {reason}"), line  # the latter: whom staff chose themselves
        at = datetime.fromisoformat(line["at"])
        assert began - timedelta(milliseconds=1) <= at <= system_clock()
        assert {one["at"] for one in new} == {line["at"]}

    def check_told(self, incident: str, who: dict[str, str], known: dict[str, Envelope], *, told: bool) -> None:
        """What was told since is told in that person's name, and without a gap since the incident began."""
        events = self.events()
        fresh = [one for id_, one in events.items() if id_ not in known and one.partition_key == incident]
        assert bool(fresh) == told
        assert {one.actor for one in fresh} <= {actor_of(who)}
        sequences: dict[tuple[str, str], list[int]] = defaultdict(list)
        for id_, one in events.items():
            sequences[id_.partition("|")[0], one.partition_key].append(one.sequence)
        for line, found in sequences.items():
            assert found == list(range(1, len(found) + 1)), line

    def events(self) -> dict[str, Envelope]:
        """Everything in the outbox by its row's id, each key's in the order in which the relay sends it."""
        rows = sorted(self.store.rows(), key=lambda row: (row["key"], row["position"]))
        told = [(row, [(name, content) for name, content in row["headers"]]) for row in rows]
        return {row["_id"]: decode(row["topic"], headers, row["value"]).envelope for row, headers in told}


def actor_of(who: dict[str, str]) -> str:
    return {STAFF["Authorization"]: "staff:s1", LEAD["Authorization"]: "lead:l1"}[who["Authorization"]]


@pytest.fixture
async def desk(stack: Stack, tmp_path: Path) -> AsyncIterator[Desk]:
    verifier = TokenVerifier(read_jwks(SIGNER.write_jwks(tmp_path / "jwks.json")), ISSUER, AUDIENCE)
    limit = Limit(4, Unit.URGENT_HOURS)
    rules = StubRules(priority=Priority.U, limit=limit, repair=Limit(3, Unit.WORKING_DAYS), after_photo_required=False)
    async with in_mongo(stack, COLLECTIONS) as store, running(store.transactor) as lane:
        orders = MongoOrderViews(store.database)
        routers = (
            dispatch_api.router(lane, INCIDENTS, MongoViews(store.database), rules),
            desk_api.router(lane, INCIDENTS, rules, new_id),
            department_api.router(department_api.Desk(lane, INCIDENTS, orders, rules, StubReceipts())),
        )
        metrics, policy = Metrics("dispatch", "api", "r"), rows_of(POLICY, *routers)
        app = create("dispatch", metrics=metrics, checks={}, routers=routers, policy=policy, verifier=verifier)
        async with served(app) as client:
            yield Desk(client, store, lane, rules)


async def test_every_command_of_the_desk_succeeds_once_and_is_refused_when_stale(desk: Desk) -> None:
    for walk in (sent_and_mended, put_aside, rejected, one_of_two, mended_by_riders):
        await walk(desk)
    assert desk.walked == COMMANDS


async def sent_and_mended(desk: Desk) -> None:
    """From triage over a question, more time and an appeal to done, looked at, and broken again."""
    desk.rules.found = UNKNOWN
    await desk.receive("a")
    case = await desk.decide("triage", "a", "category corrected", severity="N", reason="没有危险")
    assert (case["priority"], case["orders"]) == ("N", [])
    desk.rules.by_condition["missing"] = Route(("water",), "whoever-acts", "v1")
    kind: Body = {"scheme": "gb30428", "code": "P0101", "condition": "missing"}
    case = await desk.decide("category", "a", "category corrected", **kind, reason="井盖丢失")
    assert [one["department"] for one in case["orders"]] == ["water"]
    spot = {"lng": 113.581, "lat": 37.857, "crs": "wgs84"}
    case = await desk.decide("place", "a", "place corrected", place=spot, reason="在路东")
    assert case["place"]["wgs84"]["lng"] == 113.581
    assert (await desk.decide("question", "a", "-> needs_info", question="哪一个？"))["state"] == "needs_info"
    assert (await desk.decide("answer", "a", "needs_info -> ", reason="东边的"))["state"] == "dispatched"
    elsewhere: Body = {"to": "12345", "number": "A-1", "deadline": "2099-01-01T00:00:00Z"}
    assert (await desk.decide("handover", "a", "handed over to 12345", **elsewhere))["foreign"]["number"] == "A-1"
    await desk.act("a.1", "accept")
    due = datetime.fromisoformat((await desk.look("a"))["orders"][0]["due_at"])
    longer = due + timedelta(hours=1)
    await desk.act("a.1", "extension", reason="等配件", extension_until=longer.isoformat())
    case = await desk.decide("extension", "a", "granted", order="a.1", granted=True, reason="配件在路上")
    assert datetime.fromisoformat(case["orders"][0]["due_at"]) > due
    await desk.act("a.1", "deadline-appeal", reason="暴雨")
    case = await desk.decide("excuse", "a", "deadline excused", LEAD, order="a.1", reason="暴雨属实")
    assert case["orders"][0]["deadline_appeal"]["granted"] is True
    case = await desk.decide("temporary-safe", "a", "-> temporary_safe", reason="已围挡")
    assert case["state"] == "temporary_safe"
    await desk.act("a.1", "done")
    case = await desk.decide("verify", "a", "order a.1 verified", order="a.1")
    assert (case["state"], case["orders"][0]["state"]) == ("resolved", "verified")
    case = await desk.decide("reopen", "a", "resolved -> dispatched", reason="又坏了")
    assert (case["cycle"], case["orders"][-1]["order"]) == (2, "a.2")
    case = await desk.decide("withdraw", "a", "order a.2 withdrawn", order="a.2", reason="派错了")
    assert (case["state"], case["orders"][-1]["state"]) == ("triaged", "withdrawn")


async def put_aside(desk: Desk) -> None:
    """Nobody can do it now; then it is not worth doing."""
    desk.rules.found = UNKNOWN
    await desk.receive("b")
    case = await desk.decide("assign", "b", "order b.1 offered to fire", departments=["fire"], reason="消防先看")
    assert [one["department"] for one in case["orders"]] == ["fire"]
    until = (system_clock() + timedelta(days=30)).isoformat()
    assert (await desk.decide("park", "b", "-> parked", LEAD, until=until, reason="等拆迁"))["state"] == "parked"
    assert (await desk.decide("unpark", "b", "parked -> ", LEAD, reason="已拆"))["state"] == "dispatched"
    case = await desk.decide("no-action", "b", "-> closed_no_action", reason="已无此物")
    assert (case["state"], case["orders"][0]["state"]) == ("closed_no_action", "withdrawn")


async def rejected(desk: Desk) -> None:
    desk.rules.found = UNKNOWN
    await desk.receive("c")
    assert (await desk.decide("reject", "c", "-> rejected", reason="看不出问题"))["state"] == "rejected"
    await desk.say("appealed", "c", "rider-1", text="看得出")
    case = await desk.decide("appeal", "c", "rejected -> triaged", granted=True, reason="骑手说得对")
    assert case["state"] == "triaged"


async def one_of_two(desk: Desk) -> None:
    """Two incidents are one, and a report that was joined wrongly belongs to another, or to none that is known."""
    desk.rules.found = Route(("water",), "whoever-acts", "v1")
    await desk.receive("main")
    desk.rules.found = UNKNOWN
    await desk.receive("twin", code="2B4D-6F8H")
    seen = await desk.look("main")
    case = await desk.decide("merge", "twin", "-> duplicate", main="main", reason="同一处")
    assert (case["state"], case["main"]) == ("duplicate", "main")
    other = await desk.look("main")
    assert other["version"] == seen["version"] + 1
    assert other["history"][len(seen["history"])]["actor"] == "staff:s1"
    for rider in ("rider-2", "rider-3"):
        await desk.join("main", rider)
    await desk.receive("away", code="3C5E-7G9J")
    moved: Body = {"report": "report-of-rider-2", "to": "away"}
    case = await desk.decide("move-report", "main", "report report-of-rider-2 moved to", **moved, reason="另一处")
    assert (await desk.look("away"))["reporters"] == ["rider-1", "rider-2"]
    alone: Body = {"report": "report-of-rider-3"}
    case = await desk.decide("move-report", "main", "report report-of-rider-3 moved to", **alone, reason="又一处")
    assert {"rider-2", "rider-3"}.isdisjoint(case["reporters"])


async def mended_by_riders(desk: Desk) -> None:
    """Two at once; with one of them stale, neither."""
    desk.rules.found = UNKNOWN
    for id_ in ("e", "f"):
        await desk.receive(id_, code=f"4D6F-8HK{id_.upper()}", photo_ids=("before", "since"))
    before = {id_: await desk.look(id_) for id_ in ("e", "f")}
    seen = [{"incident": id_, "expected_version": one["version"]} for id_, one in before.items()]
    stale = {
        "incidents": [seen[0], {**seen[1], "expected_version": seen[1]["expected_version"] - 1}],
        "reason": "已扶起",
    }
    refused = await desk.post("/v1/self-fixed", STAFF, stale, new_id())
    assert (refused.status_code, "incidents.1" in refused.text) == (409, True), refused.text
    assert {id_: await desk.look(id_) for id_ in before} == before
    began, known = system_clock(), desk.events()
    body = {"incidents": seen, "reason": "已扶起"}
    answer = await desk.post("/v1/self-fixed", STAFF, body, new_id())
    assert answer.status_code == 200, answer.text
    desk.walked.add("POST /v1/self-fixed")
    for after in answer.json()["incidents"]:
        desk.check(before[after["incident"]], after, "-> resolved", STAFF, body, began)
        desk.check_told(after["incident"], STAFF, known, told=True)
        assert after == await desk.look(after["incident"])
