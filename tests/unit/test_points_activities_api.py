"""Activities, meetings and check-ins over HTTP: bad input is named, nothing of it is stored, and what is counted."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from prometheus_client import CollectorRegistry

from services.points import activities_api, checkins_api, deciding_api, gatherings_api
from services.points.activities_api import ActivityDesk
from services.points.activity_metrics import ActivityMetrics
from services.points.checkins_api import CheckinDesk
from services.points.deciding_api import DecidingDesk
from services.points.domain import checkin
from services.points.domain.checkin import Checkin
from services.points.domain.gathering import Gathering
from services.points.domain.member import Member
from services.points.gathering_store import GATHERINGS
from services.points.gatherings_api import GatheringDesk
from services.points.policy import POLICY
from shared.metrics import Metrics
from shared.mongo.work import Ref
from shared.scope import Scope
from shared.web.app import create
from shared.web.auth import TokenVerifier, read_jwks
from tests.support.doing import HERE, SECRET, InMemory, activity_wish, gathering, gathering_wish
from tests.support.lanes import running
from tests.support.memory import NOW, MemoryTransactor
from tests.support.pointing import Ledger
from tests.support.serving import rows_of, served
from tests.support.tokens import AUDIENCE, ISSUER, Signer, bearer

SIGNER = Signer()
STAFF = bearer(SIGNER.token("staff", "s1", communities=[HERE]))
ANNA = bearer(SIGNER.token("rider", "anna", squad="squad-1"))


def keyed(who: dict[str, str], key: str | None = None) -> dict[str, str]:
    """As this caller, under a key; a fresh one unless given."""
    return {**who, "Idempotency-Key": key or str(uuid.uuid4())}


@dataclass
class House(InMemory):
    """With a door, and what it counts."""

    client: httpx2.AsyncClient
    registry: CollectorRegistry

    def counted(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(f"qianshao_points_{name}_total", labels) or 0.0


class _Views:
    """What the store would read."""

    def __init__(self, store: MemoryTransactor) -> None:
        self._store = store

    async def gathering(self, scope: Scope, id_: str) -> tuple[Gathering, int] | None:
        document = self._store.documents.get(Ref("gatherings", id_))
        return None if document is None else (GATHERINGS.load(document), document["version"])

    async def of_desk(self, scope: Scope, limit: int) -> list[Any]:
        return []

    async def coming(self, scope: Scope, squad: str | None, since: Any, limit: int) -> list[Any]:
        return []

    async def checkins(self, scope: Scope, gathering: str) -> list[Checkin]:
        return []

    async def of_squads(self, scope: Scope, squads: list[str]) -> list[Member]:
        return []

    async def activity(self, scope: Scope, squad: str | None, id_: str) -> None:
        return None

    async def own(self, scope: Scope, after: Any, limit: int) -> list[Any]:
        return []

    async def waiting(self, scope: Scope, after: Any, limit: int) -> list[Any]:
        return []

    async def of_squad(self, scope: Scope, squad: str | None, after: Any, limit: int) -> list[Any]:
        return []


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    store, registry = MemoryTransactor(), CollectorRegistry()
    views, counts = _Views(store), ActivityMetrics(registry)
    verifier = TokenVerifier(read_jwks(SIGNER.write_jwks(tmp_path / "jwks.json")), ISSUER, AUDIENCE)

    def clock() -> Any:
        return store.now

    async with running(store) as lane:
        made = InMemory(lane, store)
        routers = [
            activities_api.router(ActivityDesk(lane, made.desk, _Lists(store), made.rules, clock)),
            deciding_api.router(DecidingDesk(lane, made.desk, counts.count_decided)),
            gatherings_api.router(GatheringDesk(lane, GATHERINGS, views, made.rules, clock, lambda: SECRET)),
            checkins_api.router(CheckinDesk(lane, made.hall, views, views, clock, counts.count_checkin)),
        ]
        metrics, rows = Metrics("points", "api", "v1"), rows_of(POLICY, *routers)
        app = create("points", metrics=metrics, checks={}, routers=routers, policy=rows, verifier=verifier)
        async with served(app) as client:
            yield House(lane, store, client, registry)
    Ledger.of(store).check()


class _Lists(_Views):
    """The same name for another list."""

    async def of_desk(self, scope: Scope, after: Any, limit: int) -> list[Any]:  # type: ignore[override]
        return []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": "hazard"}, "kind"),
        ({"kind": "meeting"}, "kind"),
        ({"captured_at": "2026-11-25T15:00:00"}, "captured_at"),
        ({"captured_at": ...}, "captured_at"),
        ({"grid": "140302003099"}, "grid"),
        ({"household": "王阿姨家"}, "household"),
        ({"household": "13812345678"}, "household"),
        ({"text": "字" * 501}, "text"),
        ({"text": "\x00"}, "text"),
        ({"photo_ids": ["p"] * 6}, "photo_ids"),
        ({"client_key": "short"}, "client_key"),
        ({"rider": "bert"}, "rider"),
    ],
)
async def test_a_bad_activity_is_named_and_nothing_stored(house: House, changes: dict[str, Any], field: str) -> None:
    answer = await house.client.post("/v1/activities", json=activity_wish(**changes), headers=ANNA)
    assert answer.status_code == 422
    assert field in [error["field"] for error in answer.json()["errors"]]
    assert not house.store.documents


async def test_telephone_numbers_are_cut_before_anything_is_stored(house: House) -> None:
    wish = activity_wish(text="送药到李大爷家，电话13812345678")
    answer = await house.client.post("/v1/activities", json=wish, headers=ANNA)
    assert answer.status_code == 201
    assert answer.json()["text"].endswith("*********78")
    again = await house.client.post("/v1/activities", json=wish, headers=ANNA)
    assert again.headers["idempotency-replayed"] == "true"
    assert "13812345678" not in repr(house.store.documents)


async def test_several_are_approved_each_on_its_own(house: House) -> None:
    await house.record("a1")
    await house.record("a2", who="s1")
    wanted = [{"activity": id_, "expected_version": version} for id_, version in (("a1", 1), ("a2", 1), ("a9", 1))]
    answer = await house.client.post("/v1/activities/approve", json={"activities": wanted}, headers=keyed(STAFF))
    lines = answer.json()["activities"]
    assert (answer.status_code, [line["status"] for line in lines]) == (200, [200, 403, 404])
    assert (lines[0]["activity"]["state"], lines[0]["activity"]["paid"]) == ("approved", 3)
    assert lines[1]["problem"]["code"] == "own-activity"
    assert house.counted("activities_decided", kind="help", outcome="approved") == 1
    twice = {"activities": [wanted[0], wanted[0]]}
    assert (await house.client.post("/v1/activities/approve", json=twice, headers=keyed(STAFF))).status_code == 422


async def test_a_decision_whose_answer_was_lost_is_answered_again_and_carried_out_once(house: House) -> None:
    await house.record("a1")
    path, seen = "/v1/activities/a1/approve", {"expected_version": 1}
    bare = await house.client.post(path, json=seen, headers=STAFF)
    assert (bare.status_code, bare.json()["code"]) == (400, "idempotency-key-missing")
    first = await house.client.post(path, json=seen, headers=keyed(STAFF, "once"))
    again = await house.client.post(path, json=seen, headers=keyed(STAFF, "once"))
    assert (first.status_code, first.json()["version"]) == (200, 2)
    assert (again.status_code, again.headers["idempotency-replayed"], again.json()) == (200, "true", first.json())
    assert (await house.client.post(path, json=seen, headers=keyed(STAFF, "other"))).status_code == 409
    reject = {**seen, "reason": "r"}
    for other, body in ((path, {"expected_version": 2}), ("/v1/activities/a1/reject", reject)):
        reused = await house.client.post(other, json=body, headers=keyed(STAFF, "once"))
        assert (reused.status_code, reused.json()["code"]) == (422, "idempotency-key-reused")
    assert house.counted("activities_decided", kind="help", outcome="approved") == 1
    assert len(house.ledger.lines("anna")) == 1


async def test_several_approvals_sent_again_are_answered_as_before(house: House) -> None:
    await house.record("a1")
    wanted = {"activities": [{"activity": id_, "expected_version": 1} for id_ in ("a1", "a2")]}
    first = await house.client.post("/v1/activities/approve", json=wanted, headers=keyed(STAFF, "both"))
    assert [line["status"] for line in first.json()["activities"]] == [200, 404]
    await house.record("a2")
    again = await house.client.post("/v1/activities/approve", json=wanted, headers=keyed(STAFF, "both"))
    lines = again.json()["activities"]
    assert [line["status"] for line in lines] == [200, 200], "what was refused left nothing and is tried again"
    assert lines[0] == first.json()["activities"][0]
    assert house.counted("activities_decided", kind="help", outcome="approved") == 2


async def test_a_rejection_needs_a_reason(house: House) -> None:
    await house.record("a1")
    for reason in ({}, {"reason": ""}, {"reason": "  "}, {"reason": "r" * 501}):
        answer = await house.client.post(
            "/v1/activities/a1/reject", json={"expected_version": 1, **reason}, headers=keyed(STAFF)
        )
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "reason")
    said = {"expected_version": 1, "reason": "电话13812345678无人接听"}
    rejected = await house.client.post("/v1/activities/a1/reject", json=said, headers=keyed(STAFF))
    assert rejected.json()["lines"][-1]["reason"] == "电话*********78无人接听"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": "party"}, "kind"),
        ({"title": ""}, "title"),
        ({"title": "a\nb"}, "title"),
        ({"community": "140302003099"}, "community"),
        ({"starts_at": "2026-11-26T09:00:00"}, "starts_at"),
        ({"ends_at": "2026-11-26T08:00:00+08:00"}, "ends_at"),
        ({"opens_at": "2026-11-26T10:00:00+08:00"}, "opens_at"),
        ({"invited": ["\x00"]}, "invited.0"),
        ({"more": 1}, "more"),
    ],
)
async def test_a_bad_agenda_is_named_and_nothing_stored(house: House, changes: dict[str, Any], field: str) -> None:
    answer = await house.client.post("/v1/events", json=gathering_wish(**changes), headers=STAFF)
    assert answer.status_code == 422
    assert field in [error["field"] for error in answer.json()["errors"]]
    assert not house.store.documents


async def test_the_code_on_the_screen_lets_in_and_its_secret_is_never_shown(house: House) -> None:
    await house.hold()
    answer = await house.client.get("/v1/events/e1/checkin-code", headers=STAFF)
    code = answer.json()
    assert code["svg"].startswith("<svg")
    assert SECRET not in answer.text
    assert answer.headers["cache-control"] == "no-store"
    scanned = await house.client.post("/v1/checkins", json={"token": code["token"]}, headers=ANNA)
    assert (scanned.status_code, scanned.json()["paid"]) == (201, 3)
    again = await house.client.post("/v1/checkins", json={"token": code["token"]}, headers=ANNA)
    assert again.headers["idempotency-replayed"] == "true"
    assert (house.counted("checkins", outcome="code"), house.counted("checkins", outcome="again")) == (1, 1)
    for path in ("/v1/events/e1", "/v1/events/e1/roster"):
        assert SECRET not in (await house.client.get(path, headers=STAFF)).text


@pytest.mark.parametrize(
    ("token", "status", "code"),
    [
        ("nonsense", 422, "checkin-forged"),
        (checkin.token(gathering(), checkin.step_of(NOW) - 9), 422, "checkin-expired"),
        (checkin.token(gathering(), checkin.step_of(NOW) + 9), 422, "checkin-expired"),
        (checkin.token(gathering(), checkin.step_of(NOW)).replace("e1", "e9"), 404, "not-found"),
    ],
)
async def test_other_codes_do_not(house: House, token: str, status: int, code: str) -> None:
    await house.hold()
    answer = await house.client.post("/v1/checkins", json={"token": token}, headers=ANNA)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert house.counted("checkins", outcome=code) == 1
    assert not [ref for ref in house.store.documents if ref.collection in ("checkins", "entries")]


async def test_a_meeting_that_is_over_is_told_by_name(house: House) -> None:
    await house.hold()
    house.store.now = NOW + timedelta(hours=3)
    token = checkin.token(gathering(), checkin.step_of(house.store.now))
    answer = await house.client.post("/v1/checkins", json={"token": token}, headers=ANNA)
    assert (answer.status_code, answer.json()["code"]) == (422, "event-over")
